//! S1 · METI v2 (Auth0 style).

use serde_json::json;

use crate::support::{Bed, Request, secrets};

fn body(scope: &str) -> serde_json::Value {
    json!({
        "client_id": "meti", "client_secret": secrets::METI, "audience": "https://api.meti.io",
        "grant_type": "client_credentials", "scope": scope,
    })
}

#[tokio::test]
async fn s1_2_and_s1_3_a_json_request_gets_a_bearer_token_with_its_scope() {
    let bed = Bed::start().await;
    let answer = bed.send(Request::post("/oauth/token").json(&body("read:sources write:sources"))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.body["token_type"], "Bearer");
    assert_eq!(answer.body["expires_in"], 3600);
    assert_eq!(answer.body["scope"], "read:sources write:sources");
    assert_eq!(answer.body.as_object().unwrap().len(), 4);
}

#[tokio::test]
async fn s1_4_the_token_ties_a_request_to_account_role_and_v1_identity() {
    let bed = Bed::start().await;
    let claims = bed.send(Request::post("/oauth/token").json(&body("read:sources"))).await.claims();
    assert_eq!(claims["https://api.meti.io/account_id"], "custodian");
    assert_eq!(claims["https://api.meti.io/role"], "custodian");
    assert_eq!(claims["https://api.meti.io/client_name"], "Custodian's importer");
    assert_eq!(claims["https://api.meti.io/v1_client_id"], "usr_v1_custodian");
}
