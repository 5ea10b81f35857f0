//! The token that a client would get, beside the settings of a resource server: as they are, and as they would be.

use serde_json::{Map, Value};
use symbolon_core::grant::client_credentials::TokenRequest;
use symbolon_core::permission::{Permission, RealmAccess};
use symbolon_core::policy::effective_scopes;
use symbolon_core::preview::{self, Asked, Draft, PreviewError};
use symbolon_core::refusal::Reason;
use symbolon_core::resource_server::ResourceServer;

use crate::console::failure::Failure;
use crate::console::operator::counted;
use crate::console::operator::fields::Choice;
use crate::console::operator::licences::named;
use crate::console::page::sentence;
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

/// What the client would get.
#[derive(Default)]
pub(super) struct Shown {
    pub(super) header: String,
    pub(super) claims: String,
    /// Scopes and life, in words.
    pub(super) granted: String,
    /// Why there is none.
    pub(super) refusal: String,
}

impl Shown {
    pub(super) fn refused(text: impl Into<String>) -> Self {
        Self { refusal: text.into(), ..Self::default() }
    }
}

fn pretty(object: Map<String, Value>) -> String {
    serde_json::to_string_pretty(&Value::Object(object)).unwrap_or_default()
}

/// The token of a client with these settings of a resource server.
pub(super) async fn of(
    visitor: &Visitor,
    t: Texts,
    (realm, client): (&str, &str),
    draft: Draft,
) -> Result<Shown, Failure> {
    if client.is_empty() {
        return Ok(Shown::refused(t.of("preview-no-client")));
    }
    let access = visitor.realm(Permission::ReadClients, realm)?;
    let found = access.store().find_credential(access.id(), client).await?;
    let Some(found) = found.filter(|found| found.client.id.as_str() == client) else {
        return Ok(Shown::refused(t.one("preview-unknown-client", client)));
    };
    let asked = Asked {
        organization: found.client.organization,
        client: found.client.id,
        access_key: None,
        request: TokenRequest::default(),
        from: None,
        draft: Some(draft),
        claims: None,
    };
    shown(visitor, t, &access, &asked).await
}

/// What would be got, or why nothing.
pub(super) async fn shown(
    visitor: &Visitor,
    t: Texts,
    access: &RealmAccess<'_>,
    asked: &Asked,
) -> Result<Shown, Failure> {
    match preview::token(&visitor.authority, access.id(), asked).await {
        Ok(preview) => {
            let (scopes, seconds) = (preview.scopes.to_string(), preview.expires_in.to_string());
            let scopes = if scopes.is_empty() { t.of("preview-no-scopes").into_owned() } else { scopes };
            let values = [("scopes", scopes.as_str()), ("seconds", seconds.as_str())];
            Ok(Shown {
                header: pretty(preview.header),
                claims: pretty(preview.claims),
                granted: t.with("preview-granted", &values).into_owned(),
                refusal: String::new(),
            })
        }
        Err(PreviewError::Refused(reason @ (Reason::DirectoryTooOld(_) | Reason::StoreUnavailable(_)))) => {
            Err(Failure::Unavailable(reason.to_string()))
        }
        Err(PreviewError::Refused(reason)) => {
            Ok(Shown::refused(t.one("preview-refused", sentence(&reason.to_string()))))
        }
        Err(PreviewError::NoRealm(_)) => Err(Failure::NotFound),
        Err(error) => Ok(Shown::refused(sentence(&error.to_string()))),
    }
}

/// Some clients to choose from, and the first that may ask for this API.
pub(super) async fn clients(
    access: &RealmAccess<'_>,
    server: Option<&ResourceServer>,
) -> Result<(Vec<Choice>, String), Failure> {
    let clients = counted::clients(access, None).await?.items;
    let may = server.and_then(|server| {
        clients.iter().find(|client| {
            let policies = client.settings.policies.iter().filter_map(|id| access.view().policy(id));
            let policies = policies.map(|policy| &**policy);
            effective_scopes(server, &client.settings.grants, policies).named
        })
    });
    let first = may.map(|client| client.id.to_string()).unwrap_or_default();
    let choice = |id: &str, name: &str| Choice::new(id, named(name, id));
    let choices = clients.iter().map(|client| choice(client.id.as_str(), &client.settings.name));
    Ok((choices.collect(), first))
}
