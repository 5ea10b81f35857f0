//! Which realm a request is for: the one that owns its host name, else the default one; a path names it outright.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{Uri, header};
use axum::response::Response;
use symbolon_core::realm_view::RealmView;

use crate::oauth::answer;
use crate::state::ServerState;

/// The realm of a request. One that is switched off, or does not exist, is answered with 404.
pub(crate) struct OfRealm(pub(crate) Arc<RealmView>);

impl FromRequestParts<ServerState> for OfRealm {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, Response> {
        let named: HashMap<String, String> = match RawPathParams::from_request_parts(parts, state).await {
            Ok(params) => params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            Err(_) => return Err(answer::unknown_realm()),
        };
        let directory = state.authority.directory();
        let by_host = host(parts).and_then(|host| directory.realm_of_host(&host));
        let realm = match (named.get("realm"), by_host) {
            (None, Some(owner)) => Some(owner),
            (None, None) => directory.default_realm(),
            (Some(name), Some(owner)) => (owner.id().as_str() == name).then_some(owner),
            (Some(name), None) => directory.realm(name),
        };
        realm.filter(|realm| realm.realm().status.is_active()).map(Self).ok_or_else(answer::unknown_realm)
    }
}

/// The host name that the client asked for, without port, in lower case.
fn host(parts: &Parts) -> Option<String> {
    let authority = match parts.uri.host() {
        Some(host) => host.to_owned(),
        None => {
            let text = parts.headers.get(header::HOST)?.to_str().ok()?;
            format!("http://{text}/").parse::<Uri>().ok()?.host()?.to_owned()
        }
    };
    Some(authority.trim_end_matches('.').to_ascii_lowercase())
}
