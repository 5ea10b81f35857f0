//! Which realm a request is for: the one that owns its host name, else the default one; a path names it outright.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::header;
use axum::http::request::Parts;
use axum::response::Response;
use symbolon_core::realm_view::RealmView;

use crate::middleware::host::{chosen, host};
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
        let host = host(&parts.uri, parts.headers.get(header::HOST));
        let realm = chosen(state.authority.directory(), named, host.as_deref());
        realm.filter(|realm| realm.realm().status.is_active()).map(Self).ok_or_else(answer::unknown_realm)
    }
}
