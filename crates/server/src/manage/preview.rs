//! The token that a client would get now, shown to whoever manages it. None is issued.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use symbolon_core::grant::client_credentials::TokenRequest;
use symbolon_core::id::{AccessKeyId, ClientId};
use symbolon_core::permission::Permission;
use symbolon_core::preview::{self, Asked, Draft, PreviewError};
use symbolon_core::refusal::Reason;
use symbolon_core::resource_server::ResourceServerSettings;
use utoipa::ToSchema;

use crate::manage::body::{Body, Segments};
use crate::manage::caller::Manager;
use crate::manage::error::{Kind, Problem};
use crate::manage::paths::OfClient;

/// What the client would ask for.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TokenPreviewRequest)]
pub(crate) struct Request {
    /// The audience; its default one where absent.
    audience: Option<String>,
    /// The scopes, separated by spaces; all that it has where absent.
    scope: Option<String>,
    /// The access key; the first one that can be used where absent.
    access_key: Option<String>,
    /// A resource server as it is not saved yet; for operators.
    draft: Option<DraftForm>,
    /// The client's own claims as they are not saved yet, in place of those that it has; for operators.
    #[schema(value_type = Option<Object>)]
    claims: Option<BTreeMap<String, Value>>,
}

/// A resource server as it is not saved yet.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ResourceServerDraft)]
pub(crate) struct DraftForm {
    identifier: String,
    #[serde(default)]
    settings: ResourceServerSettings,
}

/// What it would get.
#[derive(Serialize, ToSchema)]
#[schema(as = TokenPreview)]
pub(crate) struct View {
    /// The token's header; absent if it would be refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    header: Option<Map<String, Value>>,
    /// The token's claims. `jti` is one that no token has.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    claims: Option<Map<String, Value>>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_in: Option<i64>,
    /// What would be granted.
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    /// Why it would be refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<RefusalView>,
}

/// Why a request would be refused.
#[derive(Serialize, ToSchema)]
#[schema(as = TokenPreviewRefusal)]
pub(crate) struct RefusalView {
    /// What the client would be told.
    error: String,
    /// The exact reason, by its stable name.
    reason: String,
    /// The exact reason, in a sentence.
    detail: String,
}

/// Show the token that a client would get now, or why it would get none
#[utoipa::path(post, path = "/realms/{realm}/organizations/{organization}/clients/{client}/token-preview",
    tag = "clients", operation_id = "previewToken", security(("oauth2" = ["read:clients"])), params(OfClient), request_body = Request,
    responses((status = 200, description = "What it would get", body = View)))]
pub(crate) async fn token(
    manager: Manager,
    Segments(at): Segments<OfClient>,
    body: Body,
) -> Result<axum::Json<View>, Problem> {
    let access = manager.organization(Permission::ReadClients, at.place()).await?;
    let request: Request = body.read()?;
    if request.draft.is_some() && !access.realm.is_operator() {
        return Err(Problem::new(Kind::NotOffered, "Only operators try resource servers that are not saved"));
    }
    if request.claims.is_some() && !access.realm.is_operator() {
        return Err(Problem::new(
            Kind::NotOffered,
            "Only operators set the claims of clients, and try others",
        ));
    }
    let missing = || Problem::not_found("client");
    let key = request.access_key.as_deref().map(AccessKeyId::new).transpose();
    let asked = Asked {
        organization: access.id().clone(),
        client: ClientId::new(&at.client).map_err(|_| missing())?,
        access_key: key.map_err(|_| Problem::not_found("access key"))?,
        request: TokenRequest { audience: request.audience, scope: request.scope, resources: Vec::new() },
        from: None,
        draft: request.draft.map(|draft| Draft { identifier: draft.identifier, settings: draft.settings }),
        claims: request.claims,
    };
    match preview::token(access.realm.authority(), access.realm.id(), &asked).await {
        Ok(preview) => Ok(axum::Json(View {
            header: Some(preview.header),
            claims: Some(preview.claims),
            expires_in: Some(preview.expires_in),
            scope: Some(preview.scopes.to_string()),
            refusal: None,
        })),
        Err(PreviewError::Refused(reason @ (Reason::DirectoryTooOld(_) | Reason::StoreUnavailable(_)))) => {
            Err(Problem::unavailable(reason.to_string()))
        }
        Err(PreviewError::Refused(reason)) => {
            let (error, name) = (reason.code().name().to_owned(), reason.name().to_owned());
            let refusal = Some(RefusalView { error, reason: name, detail: reason.to_string() });
            Ok(axum::Json(View { header: None, claims: None, expires_in: None, scope: None, refusal }))
        }
        Err(PreviewError::NoRealm(_) | PreviewError::NoClient(..)) => Err(missing()),
        Err(PreviewError::NoKey(_)) => Err(Problem::not_found("access key")),
        Err(PreviewError::Draft(text)) => Err(Problem::new(Kind::InvalidChange, text)),
    }
}
