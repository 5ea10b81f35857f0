//! Discovery (RFC 8414), at every address where clients look for it.

use serde_json::json;

use crate::support::{Answer, Bed, Request};

async fn document(bed: &Bed, path: &str) -> Answer {
    let answer = bed.send(Request::get(path)).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer
}

#[tokio::test]
async fn the_default_realm_is_described_at_the_root() {
    let bed = Bed::start().await;
    let answer = document(&bed, "/.well-known/oauth-authorization-server").await;
    let body = &answer.body;
    // `auth0` compatibility: a slash at the end, byte for byte as in tokens.
    assert_eq!(body["issuer"], "https://auth.example/");
    assert_eq!(body["token_endpoint"], "https://auth.example/oauth/token");
    assert_eq!(body["jwks_uri"], "https://auth.example/.well-known/jwks.json");
    assert_eq!(body["introspection_endpoint"], "https://auth.example/oauth/introspect");
    assert_eq!(body["revocation_endpoint"], "https://auth.example/oauth/revoke");
    assert_eq!(body["grant_types_supported"], json!(["client_credentials"]));
    assert_eq!(body["response_types_supported"], json!([]));
    for methods in ["token", "introspection", "revocation"] {
        let name = format!("{methods}_endpoint_auth_methods_supported");
        assert_eq!(body[name], json!(["client_secret_basic", "client_secret_post"]));
    }
    let scopes = body["scopes_supported"].as_array().unwrap();
    assert!(scopes.contains(&json!("read:sources")) && scopes.contains(&json!("config:read")));
    assert_eq!(answer.header("content-type"), "application/json");
    assert!(answer.header("cache-control").contains("max-age="));
    assert_eq!(document(&bed, "/.well-known/openid-configuration").await.text, answer.text);
}

#[tokio::test]
async fn another_realm_is_described_under_its_name_with_its_own_addresses() {
    let bed = Bed::start().await;
    let paths = [
        "/.well-known/oauth-authorization-server/realms/ecoinvent",
        "/realms/ecoinvent/.well-known/openid-configuration",
        "/realms/ecoinvent/.well-known/oauth-authorization-server",
    ];
    for path in paths {
        let body = document(&bed, path).await.body;
        let base = "https://auth.example/realms/ecoinvent";
        assert_eq!(body["issuer"], base);
        assert_eq!(body["token_endpoint"], format!("{base}/protocol/openid-connect/token"));
        assert_eq!(body["jwks_uri"], format!("{base}/protocol/openid-connect/certs"));
        assert_eq!(body["scopes_supported"], json!(["read:versions"]));
    }
}

#[tokio::test]
async fn every_address_in_the_document_answers() {
    let bed = Bed::start().await;
    for realm in ["default", "ecoinvent", "plain"] {
        let path = format!("/realms/{realm}/.well-known/openid-configuration");
        let body = document(&bed, &path).await.body;
        let local = |name: &str| body[name].as_str().unwrap().replace("https://auth.example", "");
        assert_eq!(bed.send(Request::get(&local("jwks_uri"))).await.status, 200);
        for endpoint in ["token_endpoint", "introspection_endpoint", "revocation_endpoint"] {
            let answer = bed.send(Request::post(&local(endpoint)).form(&[])).await;
            answer.refused(400, "invalid_request");
        }
    }
}

#[tokio::test]
async fn the_issuer_is_configuration_and_no_headers_business() {
    let bed = Bed::start().await;
    let plain = document(&bed, "/.well-known/openid-configuration").await.text;
    let spoofed = Request::get("/.well-known/openid-configuration")
        .host("evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-proto", "gopher")
        .header("forwarded", "host=evil.example;proto=http")
        .header("x-original-url", "/realms/plain/.well-known/openid-configuration");
    assert_eq!(bed.send(spoofed).await.text, plain);
}

#[tokio::test]
async fn an_issuer_that_was_set_is_taken_byte_for_byte() {
    let bed = Bed::start().await;
    bed.change_realm("plain", |realm| {
        realm.settings.issuer = Some("https://login.plain.example/tenant/".to_owned());
    })
    .await;
    let body = document(&bed, "/realms/plain/.well-known/openid-configuration").await.body;
    assert_eq!(body["issuer"], "https://login.plain.example/tenant/");
    assert_eq!(body["token_endpoint"], "https://login.plain.example/tenant/oauth/token");
    let answer =
        bed.token("/realms/plain/oauth/token", "plain-client", crate::support::secrets::PLAIN, &[]).await;
    assert_eq!(answer.claims()["iss"], body["issuer"]);
}

#[tokio::test]
async fn algorithms_are_those_of_the_realms_keys_and_never_hmac() {
    let bed = Bed::start().await;
    let listed = async |realm: &str| {
        let path = format!("/realms/{realm}/.well-known/openid-configuration");
        document(&bed, &path).await.body["id_token_signing_alg_values_supported"].clone()
    };
    assert_eq!(listed("default").await, json!(["RS256"]));
    assert_eq!(listed("plain").await, json!(["ES256"]));
}
