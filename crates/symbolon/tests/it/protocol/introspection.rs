//! Introspection (RFC 7662, rule 14): a client's own tokens, those of an API that lists it, and nothing else.

use std::time::Duration;

use serde_json::json;
use symbolon_core::id::ClientId;
use symbolon_core::realm::Status;

use crate::support::{Answer, Bed, Request, Way, secrets};

const METI: (&str, &str) = ("meti", secrets::METI);
const READER: (&str, &str) = ("meti-readonly", secrets::METI_READONLY);
const STRANGER: (&str, &str) = ("metafold", secrets::METAFOLD);
const API: &str = "https://api.meti.io";
const PATHS: [&str; 3] = [
    "/oauth/introspect",
    "/realms/default/oauth/introspect",
    "/realms/default/protocol/openid-connect/token/introspect",
];

async fn about(bed: &Bed, path: &str, who: (&str, &str), token: &str) -> Answer {
    bed.send(Way::Form.request(path, who, &[("token", token)])).await
}

/// Nothing but the verdict: not why, not whose.
#[track_caller]
fn is_inactive(answer: &Answer) {
    assert_eq!((answer.status, answer.text.as_str()), (200, r#"{"active":false}"#), "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
}

async fn token(bed: &Bed, who: (&str, &str)) -> String {
    bed.access_token("/oauth/token", who.0, who.1).await
}

/// Lists a client among the introspectors of an API.
async fn let_introspect(bed: &Bed, api: &str, client: &str) {
    bed.change_server("default", api, |server| {
        server.settings.introspectors = vec![ClientId::new(client).unwrap()];
    })
    .await;
}

#[tokio::test]
async fn a_client_sees_its_own_token_with_all_its_claims() {
    let bed = Bed::start().await;
    let answer = bed.send(Way::Form.token("/oauth/token", METI, &[])).await;
    let token = answer.body["access_token"].as_str().unwrap();
    for path in PATHS {
        for way in Way::ALL {
            let seen = bed.send(way.request(path, METI, &[("token", token)])).await;
            assert_eq!(seen.status, 200, "{seen:?}");
            assert_eq!(seen.body["active"], true);
            assert_eq!(seen.body["token_type"], "Bearer");
            for (name, value) in answer.claims().as_object().unwrap() {
                assert_eq!(&seen.body[name], value, "{name}");
            }
        }
    }
}

#[tokio::test]
async fn a_hint_and_unknown_parameters_make_no_difference() {
    let bed = Bed::start().await;
    let token = token(&bed, METI).await;
    for hint in ["access_token", "refresh_token", "nonsense"] {
        let more = [("token", token.as_str()), ("token_type_hint", hint), ("foo", "bar")];
        let answer = bed.send(Way::Form.request(PATHS[0], METI, &more)).await;
        assert_eq!(answer.body["active"], true);
    }
}

#[tokio::test]
async fn only_a_listed_client_sees_the_tokens_of_an_api() {
    let bed = Bed::start().await;
    let theirs = token(&bed, METI).await;
    for path in PATHS {
        for other in [READER, STRANGER] {
            is_inactive(&about(&bed, path, other, &theirs).await);
        }
    }
    let_introspect(&bed, API, STRANGER.0).await;
    for path in PATHS {
        assert_eq!(about(&bed, path, STRANGER, &theirs).await.body["active"], true);
        is_inactive(&about(&bed, path, READER, &theirs).await);
    }
    // Of another API it sees nothing, and being listed elsewhere helps nobody.
    let m3ter = token(&bed, ("m3ter-user", secrets::M3TER)).await;
    is_inactive(&about(&bed, PATHS[0], STRANGER, &m3ter).await);
}

#[tokio::test]
async fn v1_tokens_are_seen_by_introspectors_alone() {
    let bed = Bed::start().await;
    let body = json!({ "email": "dev@custodian.example", "password": secrets::PASSWORD });
    let answer = bed.send(Request::post("/token").json(&body)).await;
    let token = answer.body["token"].as_str().unwrap();
    is_inactive(&about(&bed, PATHS[0], METI, token).await);
    let_introspect(&bed, API, STRANGER.0).await;
    let seen = about(&bed, PATHS[0], STRANGER, token).await;
    assert_eq!((&seen.body["active"], &seen.body["sub"]), (&json!(true), &json!("usr_dev")));
}

#[tokio::test]
async fn another_realms_token_is_nothing() {
    let bed = Bed::start().await;
    let plain = ("plain-client", secrets::PLAIN);
    let theirs = bed.access_token("/realms/plain/oauth/token", plain.0, plain.1).await;
    is_inactive(&about(&bed, PATHS[0], METI, &theirs).await);
    assert!(bed.is_active("/realms/plain/oauth/introspect", plain.0, plain.1, &theirs).await);
}

#[tokio::test]
async fn an_expired_token_is_inactive_from_its_very_second() {
    let bed = Bed::start().await;
    let token = token(&bed, METI).await;
    bed.advance(Duration::from_secs(3599)).await;
    assert_eq!(about(&bed, PATHS[0], METI, &token).await.body["active"], true);
    bed.advance(Duration::from_secs(1)).await;
    is_inactive(&about(&bed, PATHS[0], METI, &token).await);
}

#[tokio::test]
async fn a_revoked_token_is_inactive_to_everybody() {
    let bed = Bed::start().await;
    let_introspect(&bed, API, STRANGER.0).await;
    let token = token(&bed, METI).await;
    assert_eq!(about(&bed, PATHS[0], STRANGER, &token).await.body["active"], true);
    bed.send(Way::Form.request("/oauth/revoke", METI, &[("token", &token)])).await;
    is_inactive(&about(&bed, PATHS[0], METI, &token).await);
    is_inactive(&about(&bed, PATHS[0], STRANGER, &token).await);
}

#[tokio::test]
async fn a_token_of_a_disabled_api_is_inactive() {
    let bed = Bed::start().await;
    let token = token(&bed, METI).await;
    bed.change_server("default", API, |server| server.status = Status::Disabled).await;
    is_inactive(&about(&bed, PATHS[0], METI, &token).await);
    bed.change_server("default", API, |server| server.status = Status::Active).await;
    assert_eq!(about(&bed, PATHS[0], METI, &token).await.body["active"], true);
}

#[tokio::test]
async fn garbage_is_inactive() {
    let bed = Bed::start().await;
    let real = token(&bed, METI).await;
    let long = "x".repeat(9000);
    let dotted = format!("{real}.{real}");
    let doubled = format!("{real} ");
    for garbage in ["x", "..", "a.b.c", "null", "é", " ", &long, &dotted, &doubled, "{\"active\":true}"] {
        is_inactive(&about(&bed, PATHS[0], METI, garbage).await);
    }
}

#[tokio::test]
async fn the_caller_must_be_a_client_and_name_a_token() {
    let bed = Bed::start().await;
    let token = token(&bed, METI).await;
    for path in PATHS {
        let anybody = bed.send(Request::post(path).form(&[("token", &token)])).await;
        anybody.refused(401, "invalid_client");
        let wrong = ("meti", "wrong-secret-1234567890");
        let answer = bed.send(Way::BasicForm.request(path, wrong, &[("token", &token)])).await;
        answer.refused(401, "invalid_client");
        assert!(answer.header("www-authenticate").starts_with("Basic realm="));
        for more in [&[][..], &[("token", "")][..]] {
            let answer = bed.send(Way::Form.request(path, METI, more)).await;
            answer.refused(400, "invalid_request");
        }
        let bearer = Request::post(path).bearer(&token).form(&[("token", &token)]);
        bed.send(bearer).await.refused(401, "invalid_client");
    }
}

#[tokio::test]
async fn an_access_keys_id_sees_what_its_client_sees() {
    let bed = Bed::start().await;
    let token = token(&bed, METI).await;
    assert!(bed.is_active(PATHS[0], "meti-key", secrets::METI, &token).await);
}
