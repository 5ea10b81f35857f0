//! Introspection (rule 14): a client may ask about its own tokens, and about those of an API that lists it.

use std::sync::Arc;

use serde_json::Value;
use symbolon_protocol::claims::Claims;
use symbolon_protocol::introspection::Introspection;
use symbolon_protocol::jws::UnverifiedJws;
use symbolon_protocol::revocation::Subjects;

use crate::authenticate::AuthenticatedClient;
use crate::clock::Timestamp;
use crate::realm_view::RealmView;

/// A token of this realm whose signature holds; alive or not.
pub struct OwnToken {
    /// Its claims.
    pub claims: Claims,
    /// The key that signed it.
    pub kid: String,
}

/// Reads a token that this realm signed; `None` for anything else.
pub fn read_own(realm: &RealmView, token: &str) -> Option<OwnToken> {
    let unverified = UnverifiedJws::parse(token).ok()?;
    let kid = unverified.unverified_kid.clone();
    // Anything else that the realm may sign one day is not an access token.
    let typ = unverified.unverified_typ.clone();
    let is_access_token =
        typ.as_deref().is_some_and(|typ| typ.eq_ignore_ascii_case(realm.realm().token_type()));
    let payload = unverified.verify(realm.verifying_key(&kid)?).ok()?;
    let claims = Claims::parse(&payload).ok()?;
    (is_access_token && claims.known.iss == realm.issuer()).then_some(OwnToken { claims, kid })
}

/// Answers about a token.
pub fn introspect(caller: &AuthenticatedClient, token: &str, now: Timestamp) -> Introspection {
    let realm: &Arc<RealmView> = caller.realm();
    let Some(own) = read_own(realm, token) else { return Introspection::Inactive };
    let is_its_own = own.claims.known.client_id.as_deref() == Some(caller.id().as_str());
    let is_introspector = || {
        let servers = own.claims.known.aud.iter().filter_map(|audience| realm.resource_server(audience));
        servers.into_iter().any(|server| server.settings.introspectors.contains(caller.id()))
    };
    if !(is_its_own || is_introspector()) || !is_alive(realm, &own, now) {
        return Introspection::Inactive;
    }
    let mut claims = own.claims.all;
    if let Some(Value::String(user)) = claims.get("sub").cloned() {
        claims.entry("username").or_insert(Value::String(user));
    }
    Introspection::Active(claims)
}

/// Whether a token of the realm's own may still be used.
pub(crate) fn is_alive(realm: &RealmView, own: &OwnToken, now: Timestamp) -> bool {
    let claims = &own.claims.known;
    let begun = claims.nbf.is_none_or(|nbf| nbf <= now.seconds());
    realm.realm().status.is_active()
        && begun
        && claims.exp > now.seconds()
        && claims
            .aud
            .iter()
            .any(|audience| realm.resource_server(audience).is_some_and(|server| server.status.is_active()))
        && !realm.revocations().kills(&Subjects::of(claims, &own.kid))
}
