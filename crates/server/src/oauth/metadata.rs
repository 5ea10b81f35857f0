//! Discovery (RFC 8414), the same document at OpenID Connect's address and at Keycloak's.
//!
//! Every URL in it derives from the realm's issuer, which is configuration; no header has a say.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use symbolon_core::protocol::grant_type::GrantType;
use symbolon_core::protocol::metadata::AuthorizationServerMetadata;
use symbolon_core::realm_view::RealmView;

use crate::endpoints::Endpoints;
use crate::oauth::jwks::cacheable;
use crate::oauth::realm::OfRealm;
use crate::state::ServerState;

/// The document.
pub(crate) async fn document(
    OfRealm(realm): OfRealm,
    State(state): State<ServerState>,
    headers: HeaderMap,
) -> Response {
    cacheable(&metadata(&realm), state.authority.settings().rotation.max_age.as_secs(), None, &headers)
}

fn metadata(realm: &RealmView) -> AuthorizationServerMetadata {
    let issuer = realm.issuer();
    let Endpoints { token, keys, introspection, revocation } = Endpoints::of(realm);
    let methods = || vec!["client_secret_basic".to_owned(), "client_secret_post".to_owned()];
    let scopes: BTreeSet<String> = realm
        .resource_servers()
        .flat_map(|server| server.settings.scopes.iter().map(ToString::to_string).collect::<Vec<_>>())
        .collect();
    AuthorizationServerMetadata {
        issuer: issuer.to_owned(),
        token_endpoint: token,
        jwks_uri: keys,
        introspection_endpoint: introspection,
        revocation_endpoint: revocation,
        grant_types_supported: vec![GrantType::ClientCredentials.name().to_owned()],
        response_types_supported: Vec::new(),
        token_endpoint_auth_methods_supported: methods(),
        introspection_endpoint_auth_methods_supported: methods(),
        revocation_endpoint_auth_methods_supported: methods(),
        scopes_supported: scopes.into_iter().collect(),
        subject_types_supported: vec!["public".to_owned()],
        id_token_signing_alg_values_supported: realm.algorithms().iter().map(ToString::to_string).collect(),
    }
}
