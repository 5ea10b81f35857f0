//! Where a realm's endpoints are, for whoever tells of them: discovery, and the console's examples.

use symbolon_core::realm::Compatibility;
use symbolon_core::realm_view::RealmView;

/// The addresses of a realm's endpoints.
pub(crate) struct Endpoints {
    /// Where clients ask for tokens.
    pub(crate) token: String,
    /// The JWKS.
    pub(crate) keys: String,
    /// Introspection (RFC 7662).
    pub(crate) introspection: String,
    /// Revocation (RFC 7009).
    pub(crate) revocation: String,
}

impl Endpoints {
    /// Those of a realm, in the places where its kind of clients looks for them.
    pub(crate) fn of(realm: &RealmView) -> Self {
        let issuer = realm.issuer();
        let at = |path: &str| format!("{}{path}", issuer.trim_end_matches('/'));
        let keycloak = realm.realm().settings.compatibility == Compatibility::Keycloak;
        let [token, keys, introspection, revocation] = if keycloak {
            // Keycloak's paths lie beneath the realm's own, which an issuer may leave out: the default realm's does.
            let own = format!("/realms/{}", realm.id());
            let realm = if issuer.trim_end_matches('/').ends_with(&own) { "" } else { &own };
            ["token", "certs", "token/introspect", "revoke"]
                .map(|end| at(&format!("{realm}/protocol/openid-connect/{end}")))
        } else {
            ["/oauth/token", "/.well-known/jwks.json", "/oauth/introspect", "/oauth/revoke"].map(at)
        };
        Self { token, keys, introspection, revocation }
    }
}
