//! What a token answer is made of, in each dialect, and the headers that every answer has.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};
use symbolon_core::realm::Status;
use symbolon_server::axum::http::Method;

use crate::support::{Answer, Bed, NOW, Request, Way, secrets};

const KEYCLOAK: &str = "/realms/default/protocol/openid-connect/token";
const METI: (&str, &str) = ("meti", secrets::METI);

fn members(answer: &Answer) -> BTreeSet<&str> {
    answer.body.as_object().unwrap().keys().map(String::as_str).collect()
}

fn sign_in(email: &str) -> Request {
    Request::post("/token").json(&json!({ "email": email, "password": secrets::PASSWORD }))
}

#[tokio::test]
async fn the_standard_answer_has_exactly_four_members() {
    let bed = Bed::start().await;
    for way in Way::ALL {
        let answer = bed.send(way.token("/oauth/token", METI, &[])).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(members(&answer), BTreeSet::from(["access_token", "expires_in", "scope", "token_type"]));
        assert_eq!(answer.body["token_type"], "Bearer");
        assert_eq!(answer.body["scope"], answer.claims()["scope"]);
    }
}

#[tokio::test]
async fn expires_in_is_the_integer_between_exp_and_iat() {
    let bed = Bed::start().await;
    bed.clock.advance(Duration::from_millis(999));
    for path in ["/oauth/token", KEYCLOAK] {
        let answer = bed.send(Way::Form.token(path, METI, &[])).await;
        let claims = answer.claims();
        let expires_in = answer.body["expires_in"].as_i64().unwrap();
        assert_eq!(expires_in, claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap());
        // Never rounded up: no verifier may find it in the future.
        assert_eq!(claims["iat"], NOW.seconds());
        assert_eq!(claims["nbf"], NOW.seconds());
        assert_eq!(claims["iat_ms"], NOW.millis() + 999);
    }
}

#[tokio::test]
async fn the_token_says_who_for_what_and_by_which_key() {
    let bed = Bed::start().await;
    let answer = bed.send(Way::Form.token("/oauth/token", METI, &[("scope", "read:sources")])).await;
    let claims = answer.claims();
    let expected = [
        ("iss", "https://auth.example/"),
        ("sub", "meti"),
        ("client_id", "meti"),
        ("azp", "meti"),
        ("aud", "https://api.meti.io"),
        ("scope", "read:sources"),
        ("org_id", "custodian"),
        ("key_id", "meti-key"),
    ];
    for (name, value) in expected {
        assert_eq!(claims[name], value, "{name}");
    }
    assert!(claims["jti"].as_str().unwrap().starts_with("tok_"));
    assert_eq!(answer.token_header()["typ"], "JWT");
    assert_eq!(answer.token_header()["alg"], "RS256");
}

#[tokio::test]
async fn two_tokens_of_one_moment_differ() {
    let bed = Bed::start().await;
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        let answer = bed.send(Way::Form.token("/oauth/token", METI, &[])).await;
        assert!(seen.insert(answer.claims()["jti"].as_str().unwrap().to_owned()));
    }
}

#[tokio::test]
async fn the_keycloak_answer_adds_its_three_members() {
    let bed = Bed::start().await;
    let first = bed.send(Way::Form.token(KEYCLOAK, METI, &[])).await;
    let second = bed.send(Way::Form.token(KEYCLOAK, METI, &[])).await;
    let expected = [
        "access_token",
        "expires_in",
        "not-before-policy",
        "refresh_expires_in",
        "scope",
        "session_state",
        "token_type",
    ];
    assert_eq!(members(&first), BTreeSet::from(expected));
    assert_eq!(first.body["refresh_expires_in"], 0);
    assert_eq!(first.body["not-before-policy"], 0);
    let session = first.body["session_state"].as_str().unwrap();
    let parts: Vec<usize> = session.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12], "{session}");
    assert!(session.chars().all(|c| c == '-' || matches!(c, '0'..='9' | 'a'..='f')), "{session}");
    assert_ne!(first.body["session_state"], second.body["session_state"]);
}

#[tokio::test]
async fn the_not_before_policy_is_the_latest_revocation_in_whole_seconds() {
    let bed = Bed::start().await;
    let policy = async || {
        bed.advance(Duration::from_millis(1)).await;
        bed.send(Way::Form.token(KEYCLOAK, METI, &[])).await.body["not-before-policy"].clone()
    };
    bed.advance(Duration::from_millis(10_500)).await;
    bed.change_client("default", "meti", |client| client.status = Status::Disabled).await;
    bed.change_client("default", "meti", |client| client.status = Status::Active).await;
    assert_eq!(policy().await, NOW.seconds() + 10);
    bed.advance(Duration::from_secs(10)).await;
    bed.change_realm("default", |realm| realm.status = Status::Disabled).await;
    bed.change_realm("default", |realm| realm.status = Status::Active).await;
    assert_eq!(policy().await, NOW.seconds() + 20);
    bed.advance(Duration::from_secs(10)).await;
    bed.change_organization("default", "custodian", |one| one.status = Status::Disabled).await;
    bed.change_organization("default", "custodian", |one| one.status = Status::Active).await;
    assert_eq!(policy().await, NOW.seconds() + 30);
    // Of another client it says nothing.
    let other = ("metafold", secrets::METAFOLD);
    let answer = bed.send(Way::Form.token(KEYCLOAK, other, &[])).await;
    assert_eq!(answer.body["not-before-policy"], NOW.seconds() + 20);
}

#[tokio::test]
async fn the_v1_answer_has_token_and_expires_in_alone() {
    let bed = Bed::start().await;
    let answer = bed.send(sign_in("dev@custodian.example")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(members(&answer), BTreeSet::from(["expires_in", "token"]));
    assert_eq!(answer.body["expires_in"], 3600);
    assert_eq!(answer.header("deprecation"), format!("@{}", NOW.seconds()));
    let form = [("email", "dev@custodian.example"), ("password", secrets::PASSWORD)];
    assert_eq!(bed.send(Request::post("/token").form(&form)).await.status, 200);
}

#[tokio::test]
async fn a_realm_of_default_settings_speaks_rfc_9068() {
    let bed = Bed::start().await;
    let who = ("plain-client", secrets::PLAIN);
    let answer = bed.send(Way::Form.token("/realms/plain/oauth/token", who, &[])).await;
    assert_eq!(answer.token_header()["typ"], "at+jwt");
    assert_eq!(answer.token_header()["alg"], "ES256");
    assert_eq!(answer.claims()["iss"], "https://auth.example/realms/plain");
    assert!(answer.claims().get("typ").is_none());
}

#[tokio::test]
async fn a_keycloak_realm_puts_bearer_into_the_claims() {
    let bed = Bed::start().await;
    let who = ("eco-trial", secrets::ECOINVENT);
    for path in ["/realms/ecoinvent/protocol/openid-connect/token", "/realms/ecoinvent/oauth/token"] {
        let answer = bed.send(Way::Form.token(path, who, &[])).await;
        assert_eq!(answer.claims()["typ"], "Bearer");
        assert_eq!(answer.claims()["iss"], "https://auth.example/realms/ecoinvent");
        assert_eq!(answer.token_header()["typ"], "JWT");
    }
}

#[tokio::test]
async fn a_resource_servers_own_algorithm_comes_first() {
    let bed = Bed::start().await;
    bed.change_server("default", "https://api.meti.io", |server| {
        server.settings.signing_algorithm = Some(symbolon_core::protocol::algorithm::Algorithm::Ed25519);
    })
    .await;
    let answer = bed.send(Way::Form.token("/oauth/token", METI, &[])).await;
    assert!(matches!(answer.token_header()["alg"].as_str().unwrap(), "EdDSA" | "Ed25519"));
    let token = answer.body["access_token"].as_str().unwrap();
    assert!(bed.is_active("/oauth/introspect", METI.0, METI.1, token).await);
    let other = bed.send(Way::Form.token("/oauth/token", ("metafold", secrets::METAFOLD), &[])).await;
    assert_eq!(other.token_header()["alg"], "RS256");
}

#[tokio::test]
async fn every_answer_of_every_oauth_endpoint_is_uncached_and_has_a_request_id() {
    let bed = Bed::start().await;
    let token = bed.access_token("/oauth/token", METI.0, METI.1).await;
    let mut answers = Vec::new();
    for end in ["oauth/token", "oauth/introspect", "oauth/revoke"] {
        for start in ["/", "/realms/default/", "/realms/nowhere/"] {
            let path = format!("{start}{end}");
            answers.push(bed.send(Request::new(Method::GET, &path)).await);
            answers.push(bed.send(Way::Json.token(&path, METI, &[("token", &token)])).await);
            answers
                .push(bed.send(Way::BasicForm.token(&path, ("meti", "wrong"), &[("token", &token)])).await);
            answers.push(bed.send(Request::post(&path).raw("text/plain", b"x")).await);
        }
    }
    answers.push(bed.send(sign_in("dev@custodian.example")).await);
    answers.push(bed.send(sign_in("nobody@custodian.example")).await);
    answers.push(bed.send(sign_in("x").host("plain.example")).await);
    answers.push(bed.send(Request::get("/nothing/here")).await);
    let mut ids = BTreeSet::new();
    for answer in answers {
        assert_eq!(answer.header("cache-control"), "no-store", "{answer:?}");
        assert_eq!(answer.header("pragma"), "no-cache", "{answer:?}");
        assert!(answer.header("x-request-id").starts_with("req_"), "{answer:?}");
        assert!(ids.insert(answer.header("x-request-id").to_owned()));
        if !answer.text.is_empty() {
            assert_eq!(answer.header("content-type"), "application/json", "{answer:?}");
            assert_ne!(answer.body, Value::Null);
        }
        assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control")));
    }
}

#[tokio::test]
async fn a_request_id_that_came_along_is_not_taken_over() {
    let bed = Bed::start().await;
    let request = Way::Form.token("/oauth/token", METI, &[]).header("x-request-id", "req_mine");
    let answer = bed.send(request).await;
    assert_ne!(answer.header("x-request-id"), "req_mine");
    assert_eq!(answer.headers.get_all("x-request-id").iter().count(), 1);
}

#[tokio::test]
async fn other_paths_answer_json_and_other_methods_what_is_allowed() {
    let bed = Bed::start().await;
    for path in ["/", "/oauth", "/oauth/token/", "/api/v2", "/realms/default", "/realms//oauth/token"] {
        let answer = bed.send(Request::get(path)).await;
        assert_eq!(answer.status, 404, "{path}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
    for path in ["/.well-known/jwks.json", "/.well-known/openid-configuration", "/livez"] {
        let answer = bed.send(Request::post(path)).await;
        assert_eq!(answer.status, 405, "{path}");
        assert!(answer.header("allow").contains("GET"));
        assert!(answer.header("x-request-id").starts_with("req_"));
    }
}
