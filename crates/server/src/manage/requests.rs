//! What happened to a request, by the id that its answer carried: the token that it got, or why it was refused.

use serde::Serialize;
use symbolon_core::permission::Permission;
use symbolon_core::record::{RefusalRecord, Remark, TokenRecord};
use utoipa::ToSchema;

use crate::manage::body::Segments;
use crate::manage::caller::Manager;
use crate::manage::error::Problem;
use crate::manage::paths::OfRequest;
use crate::manage::time::Time;

/// A token that was issued.
#[derive(Serialize, ToSchema)]
#[schema(as = IssuedToken)]
pub(crate) struct TokenView {
    at: Time,
    request_id: String,
    jti: String,
    client: Option<String>,
    access_key: Option<String>,
    user: Option<String>,
    organization: Option<String>,
    audience: String,
    scope: String,
    kid: String,
    expires_at: Time,
    /// The network address that asked.
    from: String,
    /// `beyond_quota`: the client's quota, which is only watched, was spent. `reused`: the token was there before.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    remark: Option<Remark>,
}

/// A request that was refused.
#[derive(Serialize, ToSchema)]
#[schema(as = Refusal)]
pub(crate) struct RefusalView {
    at: Time,
    request_id: String,
    endpoint: String,
    /// What the client was told.
    error: String,
    /// The exact reason, by its stable name.
    reason: String,
    /// The exact reason, in a sentence.
    detail: String,
    /// Who the request said that it was: the id of a client or an access key, whole; of an id that nobody has only how it
    /// begins, and `…`, for it may be a secret in the wrong field; or an email.
    named: Option<String>,
    /// The network address that asked.
    from: String,
    /// Refusals before this one that were not recorded, for lack of room.
    dropped_before: u64,
}

/// What is recorded of a request.
#[derive(Serialize, ToSchema)]
#[schema(as = RequestRecord)]
pub(crate) struct View {
    tokens: Vec<TokenView>,
    refusals: Vec<RefusalView>,
}

/// A token's record in the form of the API.
pub(crate) fn token_view(record: TokenRecord) -> TokenView {
    let grant = record.grant.read();
    TokenView {
        at: record.at.into(),
        request_id: record.request_id,
        jti: record.jti,
        client: grant.client.map(|id| id.to_string()),
        access_key: grant.access_key.map(|id| id.to_string()),
        user: grant.user.map(|id| id.to_string()),
        organization: grant.organization.map(|id| id.to_string()),
        audience: grant.audience,
        scope: grant.scope,
        kid: grant.kid,
        expires_at: record.expires_at.into(),
        from: record.from.to_string(),
        remark: record.remark,
    }
}

/// A refusal's record in the form of the API.
pub(crate) fn refusal_view(record: RefusalRecord) -> RefusalView {
    RefusalView {
        at: record.at.into(),
        request_id: record.request_id,
        endpoint: record.endpoint,
        error: record.error,
        reason: record.reason,
        detail: record.detail,
        named: record.unverified_client,
        from: record.from,
        dropped_before: record.dropped_before,
    }
}

/// What happened to a request, and why it was refused
#[utoipa::path(get, path = "/realms/{realm}/requests/{request_id}", tag = "audit", operation_id = "explainRequest",
    params(OfRequest), responses((status = 200, description = "What is recorded of it", body = View)))]
pub(crate) async fn explain(
    manager: Manager,
    Segments(at): Segments<OfRequest>,
) -> Result<axum::Json<View>, Problem> {
    let access = manager.realm(Permission::ReadAudit, &at.realm)?;
    let in_realm = |record: &TokenRecord| record.grant.right.realm == *access.id();
    let tokens = access.store().find_tokens_by_request(&at.request_id).await?;
    let tokens: Vec<_> = tokens.into_iter().filter(in_realm).map(token_view).collect();
    let refusals = access.store().find_refusals_by_request(&at.request_id).await?;
    let refusals: Vec<_> =
        refusals.into_iter().filter(|record| record.realm == *access.id()).map(refusal_view).collect();
    if tokens.is_empty() && refusals.is_empty() {
        return Err(Problem::not_found("recorded request"));
    }
    Ok(axum::Json(View { tokens, refusals }))
}
