//! W14 to W25: what real clients need in an answer and in a token.

use std::time::Duration;

use serde_json::{Value, json};
use symbolon_core::clock::Timestamp;
use symbolon_server::axum::http::Method;

use crate::support::systems::{self, KEYCLOAK};
use crate::support::{Answer, Bed, NOW, Request, secrets};

/// Every system's token request, v1 included.
fn requests() -> Vec<(&'static str, Request)> {
    systems::all().into_iter().chain([("meti v1", systems::meti_v1())]).collect()
}

fn integer(value: &Value) -> i64 {
    assert!(value.is_i64() || value.is_u64(), "{value} is no integer");
    value.as_i64().unwrap()
}

#[tokio::test]
async fn w14_a_token_is_answered_with_200_in_json_that_no_cache_keeps() {
    let bed = Bed::start().await;
    for (name, request) in requests() {
        let answer = bed.send(request).await;
        assert_eq!(answer.status, 200, "{name}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/json", "{name}");
        assert_eq!(answer.header("cache-control"), "no-store", "{name}");
    }
}

#[tokio::test]
async fn w15_expires_in_is_an_integer_and_equals_exp_minus_iat() {
    let bed = Bed::start().await;
    for millis in [0, 1, 500, 999] {
        bed.clock.set(Timestamp::from_millis(NOW.millis() + millis));
        for (name, request) in requests() {
            let answer = bed.send(request).await;
            let claims = answer.claims();
            let lifetime = integer(&claims["exp"]) - integer(&claims["iat"]);
            assert_eq!(integer(&answer.body["expires_in"]), lifetime, "{name} at .{millis:03}");
        }
    }
}

#[tokio::test]
async fn w15_it_does_so_where_a_licence_cuts_the_life_short() {
    let bed = Bed::start().await;
    let licence_ends = Timestamp::parse("2027-01-01").unwrap();
    bed.clock.set(Timestamp::from_millis(licence_ends.millis() - 90_500));
    bed.advance(Duration::ZERO).await;
    let answer = bed.send(systems::ecoinvent()).await;
    let claims = answer.claims();
    assert_eq!(integer(&answer.body["expires_in"]), integer(&claims["exp"]) - integer(&claims["iat"]));
    assert!(integer(&claims["exp"]) <= licence_ends.seconds());
}

#[tokio::test]
async fn w16_token_type_is_exactly_bearer() {
    let bed = Bed::start().await;
    for (name, request) in systems::all() {
        assert_eq!(bed.send(request).await.body["token_type"], "Bearer", "{name}");
    }
}

#[tokio::test]
async fn w17_scope_is_exactly_what_was_granted() {
    let bed = Bed::start().await;
    let granted = [
        (systems::meti("write:sources read:sources openid"), "read:sources write:sources"),
        (
            systems::meti_as("meti-readonly", secrets::METI_READONLY, "read:sources delete:sources"),
            "read:sources",
        ),
        (systems::metafold(), "read:projects"),
        (systems::ecoinvent(), "read:versions"),
        (systems::m3ter(), "config:read config:write"),
        (systems::m3ter_as("m3ter-bare-key", secrets::M3TER_BARE), ""),
    ];
    for (request, scope) in granted {
        let answer = bed.send(request).await;
        assert_eq!(answer.body["scope"].as_str().unwrap(), scope);
        assert_eq!(answer.claims()["scope"], answer.body["scope"]);
    }
}

/// Requests of every kind that are refused, at every endpoint.
fn bad_requests() -> Vec<Request> {
    let mut bad = vec![
        Request::get("/"),
        Request::get("/nothing/here"),
        Request::get("/realms/nowhere/.well-known/openid-configuration"),
        Request::get("/realms/%ff/.well-known/jwks.json"),
        Request::get("/realms/ecoinvent/oauth/token").host("plain.example"),
        Request::post("/.well-known/jwks.json"),
        Request::post("/realms/plain/token"),
        Request::get("/token"),
        Request::post("/token").json(&json!({ "email": "dev@custodian.example" })),
        systems::meti_v1_as("dev@custodian.example", "wrong"),
    ];
    let paths = [
        "/oauth/token",
        "/realms/default/oauth/token",
        KEYCLOAK,
        "/oauth/introspect",
        "/realms/ecoinvent/protocol/openid-connect/token/introspect",
        "/oauth/revoke",
        "/realms/ecoinvent/protocol/openid-connect/revoke",
        "/realms/nowhere/oauth/token",
    ];
    let grant = ("grant_type", "client_credentials");
    let token = ("token", "x");
    for path in paths {
        let post = || Request::post(path);
        bad.extend([
            Request::get(path),
            Request::new(Method::PUT, path),
            Request::new(Method::DELETE, path),
            Request::new(Method::OPTIONS, path),
            post(),
            post().raw("text/html", b"<p>"),
            post().raw("multipart/form-data; boundary=x", b"--x--"),
            post().raw("application/json", b"{"),
            post().raw("application/json", b"[]"),
            post().raw("application/json", br#"{"grant_type":"a","grant_type":"b"}"#),
            post().raw("application/json", &b" ".repeat(20_000)),
            post().raw("application/x-www-form-urlencoded", b"grant_type=%ff"),
            post().form(&[grant, token]),
            post().form(&[grant, token, ("client_id", "meti")]),
            post().form(&[grant, token, ("client_id", "meti"), ("client_secret", "wrong")]),
            post().form(&[token, ("grant_type", "magic"), ("client_id", "meti"), ("client_secret", "wrong")]),
            post().basic("meti", "wrong").form(&[grant, token]),
            post().header("authorization", "Basic ???").form(&[grant, token]),
            post().bearer("x").form(&[grant, token]),
        ]);
    }
    bad
}

#[tokio::test]
async fn w18_a_refusal_never_carries_200_and_is_never_html() {
    let bed = Bed::start().await;
    for request in bad_requests() {
        for accept in ["*/*", "text/html,application/xhtml+xml"] {
            let answer = bed.send(request.clone().header("accept", accept)).await;
            assert!((400..500).contains(&answer.status), "{answer:?}");
            assert!(!answer.header("content-type").contains("html"), "{answer:?}");
            assert!(!answer.text.contains('<'), "{answer:?}");
            let is_error =
                answer.body["error"].is_string() && answer.header("content-type") == "application/json";
            assert!(answer.text.is_empty() || is_error, "{answer:?}");
        }
    }
}

#[tokio::test]
async fn w18_every_refusal_of_the_token_endpoints_is_json_with_an_error() {
    let bed = Bed::start().await;
    let refused = [
        Request::get("/oauth/token"),
        Request::get("/token"),
        Request::post("/oauth/token"),
        Request::post(KEYCLOAK).raw("text/plain", b"grant_type=client_credentials"),
        Request::post("/token").raw("application/json", b"{"),
        Request::post("/realms/nowhere/oauth/token"),
        systems::meti("launch:rockets"),
    ];
    for request in refused {
        let answer = bed.send(request).await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
        assert!(answer.body["error"].is_string(), "{answer:?}");
        assert!(answer.body["error_description"].is_string(), "{answer:?}");
    }
}

#[tokio::test]
async fn w19_wrong_credentials_are_answered_401_with_error_and_description() {
    let bed = Bed::start().await;
    let wrong = [
        systems::meti_as("meti", "wrong", "read:sources"),
        systems::meti_as("nobody", secrets::METI, "read:sources"),
        systems::metafold_as("metafold", "wrong"),
        systems::ecoinvent_as("eco-trial", "wrong"),
        systems::ecoinvent_as("nobody", "wrong"),
        systems::m3ter_as("m3ter-key", "wrong"),
        systems::m3ter_as("nobody", "wrong"),
        systems::m3ter_as("meti-key", secrets::M3TER),
    ];
    for request in wrong {
        let text = bed.send(request).await.refused(401, "invalid_client").to_owned();
        assert_eq!(text, "Invalid client or Invalid client credentials");
    }
    let v1 = bed.send(systems::meti_v1_as("dev@custodian.example", "wrong")).await;
    assert!(!v1.refused(401, "invalid_grant").is_empty());
}

#[tokio::test]
async fn w20_a_failed_basic_authentication_is_challenged_with_basic() {
    let bed = Bed::start().await;
    let body = [("grant_type", "client_credentials"), ("token", "x")];
    let paths = [
        "/oauth/token",
        "/realms/default/oauth/token",
        KEYCLOAK,
        "/oauth/introspect",
        "/oauth/revoke",
        "/realms/ecoinvent/protocol/openid-connect/token/introspect",
    ];
    for path in paths {
        for id in ["m3ter-key", "eco-trial", "nobody"] {
            let answer = bed.send(Request::post(path).basic(id, "wrong").form(&body)).await;
            answer.refused(401, "invalid_client");
            assert!(answer.header("www-authenticate").starts_with("Basic realm=\""), "{path}: {answer:?}");
        }
    }
}

#[tokio::test]
async fn w20_a_failure_in_the_body_is_not_challenged() {
    let bed = Bed::start().await;
    let wrong = [
        systems::meti_as("meti", "wrong", "read:sources"),
        systems::metafold_as("metafold", "wrong"),
        systems::ecoinvent_as("eco-trial", "wrong"),
    ];
    for request in wrong {
        let answer = bed.send(request).await;
        answer.refused(401, "invalid_client");
        assert_eq!(answer.headers.get("www-authenticate"), None, "{answer:?}");
    }
}

/// Fails until it is told to wait.
async fn until_429(bed: &Bed, request: &Request) -> Answer {
    let mut answer = bed.send(request.clone()).await;
    for _ in 0..50 {
        if answer.status != 401 {
            break;
        }
        answer = bed.send(request.clone()).await;
    }
    assert_eq!(answer.status, 429, "{answer:?}");
    answer
}

#[tokio::test]
async fn w21_a_429_carries_retry_after_and_an_integer_x_ratelimit_reset() {
    let bed = Bed::start().await;
    bed.clock.set(Timestamp::from_millis(NOW.millis() + 300));
    let failing = [
        systems::meti_as("meti", "wrong", "read:sources"),
        systems::ecoinvent_as("eco-trial", "wrong"),
        systems::m3ter_as("m3ter-key", "wrong"),
        systems::meti_v1_as("dev@custodian.example", "wrong"),
    ];
    for request in failing {
        let answer = until_429(&bed, &request).await;
        assert!(answer.body["error"].is_string(), "{answer:?}");
        let wait: i64 = answer.header("retry-after").parse().unwrap();
        let reset: i64 = answer.header("x-ratelimit-reset").parse().unwrap();
        assert!(wait >= 1, "{answer:?}");
        assert!(reset > NOW.seconds() && reset <= NOW.seconds() + wait + 1, "{answer:?}");
    }
}

#[tokio::test]
async fn w21_only_failures_are_ever_told_to_wait() {
    let bed = Bed::start().await;
    until_429(&bed, &systems::m3ter_as("m3ter-key", "wrong")).await;
    assert_eq!(bed.send(systems::m3ter()).await.status, 200);
    bed.send(systems::m3ter_as("m3ter-bare-key", "wrong")).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn w22_two_tokens_asked_for_within_one_second_differ_by_their_jti() {
    let bed = Bed::start().await;
    for (name, request) in requests() {
        let (first, second) = (bed.send(request.clone()).await, bed.send(request).await);
        assert_ne!(first.token(), second.token(), "{name}");
        assert_ne!(first.claims()["jti"], second.claims()["jti"], "{name}");
        assert_eq!(first.claims()["iat"], second.claims()["iat"], "{name}");
    }
}

#[tokio::test]
async fn w23_iss_equals_the_issuer_in_the_discovery_document_byte_for_byte() {
    let bed = Bed::start().await;
    let plain = [
        ("grant_type", "client_credentials"),
        ("client_id", "plain-client"),
        ("client_secret", secrets::PLAIN),
    ];
    let plain = ("plain", Request::post("/oauth/token").host("plain.example").form(&plain));
    for (name, request) in requests().into_iter().chain([plain]) {
        let claims = bed.send(request).await.claims();
        let issuer = claims["iss"].as_str().unwrap();
        assert_eq!(bed.discover(issuer).await["issuer"], issuer, "{name}");
    }
}

#[tokio::test]
async fn w24_aud_and_exp_are_present_and_right() {
    let bed = Bed::start().await;
    let expected = [
        (systems::meti("read:sources"), "https://api.meti.io", 3600),
        (systems::meti_v1(), "https://api.meti.io", 3600),
        (systems::metafold(), "https://api.metafold3d.com", 86_400),
        (systems::ecoinvent(), "https://api.ecoinvent.org", 3600),
        (systems::m3ter(), "https://api.m3ter.com", 18_000),
    ];
    for (request, audience, lifetime) in expected {
        let answer = bed.send(request).await;
        let claims = bed.verified(&answer).await;
        assert_eq!(claims["aud"], audience);
        assert_eq!(integer(&claims["exp"]), NOW.seconds() + lifetime, "{audience}");
    }
}

#[tokio::test]
async fn w25_iat_is_never_rounded_up() {
    let bed = Bed::start().await;
    bed.clock.set(Timestamp::from_millis(NOW.millis() + 999));
    for (name, request) in requests() {
        let claims = bed.send(request).await.claims();
        assert_eq!(integer(&claims["iat"]), NOW.seconds(), "{name}");
        assert!(integer(&claims["nbf"]) <= NOW.seconds(), "{name}");
    }
}
