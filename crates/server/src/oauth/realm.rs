//! Which realm a request is for: the one that owns its host name, else the default one; a path names it outright.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::response::Response;
use symbolon_core::realm_view::RealmView;

use crate::middleware::host::host;
use crate::oauth::answer;
use crate::state::ServerState;

/// The realm of a request. One that is switched off, or does not exist, is answered with 404.
pub(crate) struct OfRealm(pub(crate) Arc<RealmView>);

impl FromRequestParts<ServerState> for OfRealm {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, Response> {
        let Ok(params) = RawPathParams::from_request_parts(parts, state).await else {
            return Err(answer::unknown_realm());
        };
        let named = params.iter().find(|(name, _)| *name == "realm").map(|(_, value)| value);
        let directory = state.authority.directory();
        let by_host = host(parts).and_then(|host| directory.realm_of_host(&host));
        let realm = match (named, by_host) {
            (None, Some(owner)) => Some(owner),
            (None, None) => directory.default_realm(),
            (Some(name), Some(owner)) => (owner.id().as_str() == name).then_some(owner),
            (Some(name), None) => directory.realm(name),
        };
        realm.filter(|realm| realm.realm().status.is_active()).map(Self).ok_or_else(answer::unknown_realm)
    }
}
