//! What the API says about itself (RFC 9728).

use serde_json::{Value, json};
use symbolon_guard::protocol::scope::ScopeSet;
use symbolon_guard::{Guard, Issuer, Revocations, SharedKeys};

use crate::support::{AUDIENCE, ISSUER, World};

#[test]
fn the_metadata_names_the_resource_its_issuers_and_its_scopes() {
    let scopes = ScopeSet::parse("write:sources read:sources").unwrap();
    let world = World::with(Revocations::new(), |builder| builder.scopes_supported(scopes));
    let document: Value = serde_json::from_str(&world.guard.metadata_json()).unwrap();
    let expected = json!({
        "resource": AUDIENCE,
        "authorization_servers": [ISSUER],
        "scopes_supported": ["read:sources", "write:sources"],
        "bearer_methods_supported": ["header"],
    });
    assert_eq!(document, expected);
}

#[test]
fn the_metadata_lie_where_the_challenge_or_the_audience_says() {
    let builder = |audience: &str| {
        Guard::builder().issuer(Issuer::new(ISSUER, SharedKeys::default())).audience(audience)
    };
    let path = |audience: &str| builder(audience).build().unwrap().metadata_path();
    assert_eq!(path("https://api.example"), "/.well-known/oauth-protected-resource");
    assert_eq!(path("https://api.example/v1"), "/.well-known/oauth-protected-resource/v1");
    assert_eq!(path("urn:example:api"), "/.well-known/oauth-protected-resource");
    let elsewhere =
        builder("urn:example:api").resource_metadata("http://127.0.0.1:8080/meta/x").build().unwrap();
    assert_eq!(elsewhere.metadata_path(), "/meta/x");
}
