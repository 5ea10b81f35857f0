//! S2 · METI v1 (email and password).

use std::time::Duration;

use serde_json::json;

use crate::support::systems::{meti_v1, meti_v1_as};
use crate::support::{Api, Bed, Request, secrets};

#[tokio::test]
async fn s2_1_email_and_password_in_json_get_a_token_on_the_apis_own_host() {
    let bed = Bed::start().await;
    let answer = bed.send(meti_v1()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let claims = bed.verified(&answer).await;
    assert_eq!(claims["sub"], "usr_dev");
    assert_eq!(claims["aud"], "https://api.meti.io");
    assert_eq!(claims["org_id"], "custodian");
}

#[tokio::test]
async fn s2_1_it_works_on_a_host_that_the_realm_owns() {
    let bed = Bed::start().await;
    let settings = json!({
        "hosts": ["api.v1.example"],
        "issuer": "https://api.v1.example",
        "password_tokens": { "audience": "https://api.v1.example" },
    });
    let server =
        json!({ "identifier": "https://api.v1.example", "settings": { "scopes": ["read:sources"] } });
    let user = json!({
        "email": "ann@v1.example", "role": "viewer", "password": "a long enough password",
    });
    let more = json!({
        "settings": settings, "resource_servers": [server],
        "organizations": [{ "id": "v1-org", "users": [user] }],
    });
    bed.describe("v1", more).await;
    let ask = json!({ "email": "ann@v1.example", "password": "a long enough password" });
    let answer = bed.send(Request::post("/token").host("api.v1.example").json(&ask)).await;
    assert_eq!(answer.claims()["iss"], "https://api.v1.example");
    assert_eq!(bed.send(Request::post("/token").host("elsewhere.example").json(&ask)).await.status, 401);
}

#[tokio::test]
async fn s2_2_the_answer_has_token_and_expires_in_and_nothing_else() {
    let bed = Bed::start().await;
    let answer = bed.send(meti_v1()).await;
    let names: Vec<&String> = answer.body.as_object().unwrap().keys().collect();
    assert_eq!(names, ["expires_in", "token"]);
    assert_eq!(answer.body["expires_in"], 3600);
    assert_eq!(answer.body["token"].as_str().unwrap().split('.').count(), 3);
    assert_eq!(answer.header("content-type"), "application/json");
}

#[tokio::test]
async fn s2_3_the_token_gets_sources_and_posts_json_to_the_same_api() {
    let bed = Bed::start().await;
    let api = Api::meti(&bed);
    let answer = bed.send(meti_v1()).await;
    let sources = api.get("/sources", answer.token()).await;
    assert_eq!((sources.status, sources.body.as_array().unwrap().len()), (200, 2));
    let create = Request::post("/sources").bearer(answer.token()).json(&json!({ "name": "Rye" }));
    let created = api.send(create).await;
    assert_eq!((created.status, &created.body["name"]), (201, &json!("Rye")));
}

#[tokio::test]
async fn s2_4_the_api_answers_401_to_a_missing_invalid_or_expired_token() {
    let bed = Bed::start().await;
    let api = Api::meti(&bed);
    let answer = bed.send(meti_v1()).await;
    let (token, _) = answer.token().split_at(answer.token().len() - 8);
    assert_eq!(api.send(Request::get("/sources")).await.status, 401);
    assert_eq!(api.get("/sources", "nonsense").await.status, 401);
    assert_eq!(api.get("/sources", token).await.status, 401);
    bed.advance(Duration::from_millis(3_599_999)).await;
    assert_eq!(api.get("/sources", answer.token()).await.status, 200);
    bed.advance(Duration::from_millis(1)).await;
    assert_eq!(api.get("/sources", answer.token()).await.status, 401);
}

#[tokio::test]
async fn s2_4_there_is_no_refresh_token_and_the_client_authenticates_again() {
    let bed = Bed::start().await;
    let api = Api::meti(&bed);
    let first = bed.send(meti_v1()).await;
    assert!(!first.text.contains("refresh"), "{first:?}");
    bed.advance(Duration::from_secs(3601)).await;
    let second = bed.send(meti_v1()).await;
    assert_eq!(api.get("/sources", first.token()).await.status, 401);
    assert_eq!(api.get("/sources", second.token()).await.status, 200);
}

#[tokio::test]
async fn s2_4_a_wrong_password_and_an_unknown_email_are_one_and_the_same_401() {
    let bed = Bed::start().await;
    let wrong = bed.send(meti_v1_as("dev@custodian.example", "not the password")).await;
    let unknown = bed.send(meti_v1_as("nobody@custodian.example", secrets::PASSWORD)).await;
    assert!(!wrong.refused(401, "invalid_grant").is_empty());
    assert_eq!(wrong.text, unknown.text);
    assert_eq!(unknown.status, 401);
}
