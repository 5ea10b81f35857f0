//! S5 · m3ter (service users, access keys, Basic authentication).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use symbolon_core::access_key::KeyStatus;
use symbolon_core::client::ClientSettings;
use symbolon_core::edit;
use symbolon_core::edit::access_key::KeyOverview;
use symbolon_core::id::{OrganizationId, PolicyId, RealmId};
use symbolon_core::policy::ADMINISTRATOR;
use symbolon_core::store::PageRequest;

use crate::support::systems::{m3ter, m3ter_as};
use crate::support::{Api, Bed, Request, secrets};

const PRODUCTS: &str = "/organizations/m3ter-org/products";

fn administrator(name: &str) -> ClientSettings {
    ClientSettings {
        name: name.to_owned(),
        policies: vec![PolicyId::new(ADMINISTRATOR).unwrap()],
        ..ClientSettings::default()
    }
}

/// Generates another access key for a service user: its id and its secret.
async fn generate(bed: &Bed, user: &str) -> (String, String) {
    let client = bed.find_client("default", user).await.client;
    let made = bed
        .operator("default", async |editor| edit::access_key::create(editor, &client, None).await.unwrap())
        .await;
    (made.key.id.to_string(), made.secret.expose().to_owned())
}

async fn refusal_to_generate(bed: &Bed, user: &str) -> String {
    let client = bed.find_client("default", user).await.client;
    bed.operator("default", async |editor| edit::access_key::create(editor, &client, None).await)
        .await
        .unwrap_err()
        .to_string()
}

async fn set(bed: &Bed, key: &str, status: KeyStatus) {
    bed.change_key("default", key, |key| key.status = status).await;
}

async fn remove(bed: &Bed, key: &str) -> Result<(), String> {
    let key = bed.find_key("default", key).await;
    let outcome = bed.operator("default", async |editor| edit::access_key::delete(editor, &key).await).await;
    outcome.map_err(|error| error.to_string())
}

async fn panel(bed: &Bed, user: &str) -> Vec<KeyOverview> {
    let client = bed.find_client("default", user).await.client;
    bed.operator("default", async |editor| edit::access_key::overview(editor, &client).await.unwrap()).await
}

#[tokio::test]
async fn s5_1_service_users_are_listed_and_each_shows_its_access_keys() {
    let bed = Bed::start().await;
    let realm = RealmId::new("default").unwrap();
    let organization = OrganizationId::new("m3ter-org").unwrap();
    let page =
        bed.authority.store().list_clients(&realm, &organization, &PageRequest::first()).await.unwrap();
    let ids: Vec<&str> = page.items.iter().map(|user| user.id.as_str()).collect();
    assert_eq!(ids, ["m3ter-bare", "m3ter-user"]);
    let keys = panel(&bed, "m3ter-user").await;
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].key.id.as_str(), "m3ter-key");
}

#[tokio::test]
async fn s5_1_an_access_key_is_generated_along_with_a_service_user() {
    let bed = Bed::start().await;
    let (user, key, secret) = bed.create_client("default", "m3ter-org", administrator("billing")).await;
    assert_eq!(panel(&bed, user.id.as_str()).await.len(), 1);
    let claims = bed.send(m3ter_as(&key, &secret)).await.claims();
    assert_eq!((&claims["sub"], &claims["key_id"]), (&json!(user.id.as_str()), &json!(key)));
}

#[tokio::test]
async fn s5_2_a_generated_key_has_organization_key_id_and_secret_and_is_active() {
    let bed = Bed::start().await;
    let client = bed.find_client("default", "m3ter-user").await.client;
    let made = bed
        .operator("default", async |editor| edit::access_key::create(editor, &client, None).await.unwrap())
        .await;
    assert_eq!(made.key.organization.as_str(), "m3ter-org");
    assert!(made.key.id.as_str().starts_with("key_"));
    assert!(made.secret.expose().starts_with("sym_"));
    let listed = panel(&bed, "m3ter-user").await;
    let listed = listed.iter().find(|listed| listed.key.id == made.key.id).unwrap();
    assert_eq!(serde_json::to_value(listed.key.status).unwrap(), "ACTIVE");
    assert_eq!(bed.send(m3ter_as(made.key.id.as_str(), made.secret.expose())).await.status, 200);
}

#[tokio::test]
async fn s5_2_the_secret_is_shown_once() {
    let bed = Bed::start().await;
    let (key, secret) = generate(&bed, "m3ter-user").await;
    let seen = format!("{:?}", panel(&bed, "m3ter-user").await);
    assert!(seen.contains(&key) && !seen.contains(&secret));
    let kept = serde_json::to_string(&bed.find_key("default", &key).await).unwrap();
    assert!(!kept.contains(&secret));
}

#[tokio::test]
async fn s5_3_a_third_key_is_refused_whatever_the_status_of_the_others() {
    let bed = Bed::start().await;
    let (second, _) = generate(&bed, "m3ter-user").await;
    for status in [KeyStatus::Active, KeyStatus::Inactive] {
        set(&bed, &second, status).await;
        let text = refusal_to_generate(&bed, "m3ter-user").await;
        assert!(text.contains("two"), "{text}");
        set(&bed, "m3ter-key", KeyStatus::Inactive).await;
        refusal_to_generate(&bed, "m3ter-user").await;
        set(&bed, "m3ter-key", KeyStatus::Active).await;
    }
    assert_eq!(panel(&bed, "m3ter-user").await.len(), 2);
}

#[tokio::test]
async fn s5_3_a_key_must_be_inactive_to_be_removed() {
    let bed = Bed::start().await;
    let text = remove(&bed, "m3ter-key").await.unwrap_err();
    assert!(text.to_lowercase().contains("inactive"), "{text}");
    assert_eq!(bed.send(m3ter()).await.status, 200);
    set(&bed, "m3ter-key", KeyStatus::Inactive).await;
    remove(&bed, "m3ter-key").await.unwrap();
    assert!(panel(&bed, "m3ter-user").await.is_empty());
    bed.send(m3ter()).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn s5_3_an_inactive_key_gets_no_token_and_those_it_got_are_dead() {
    let bed = Bed::start().await;
    let api = Api::m3ter(&bed);
    let held = bed.send(m3ter()).await;
    assert_eq!(api.get(PRODUCTS, held.token()).await.status, 200);
    set(&bed, "m3ter-key", KeyStatus::Inactive).await;
    let answer = bed.send(m3ter()).await;
    assert_eq!(answer.refused(401, "invalid_client"), "Invalid client or Invalid client credentials");
    bed.send(m3ter_as("m3ter-user", secrets::M3TER)).await.refused(401, "invalid_client");
    assert_eq!(api.get(PRODUCTS, held.token()).await.status, 401);
}

#[tokio::test]
async fn s5_3_a_service_user_rotates_inactive_remove_generate() {
    let bed = Bed::start().await;
    set(&bed, "m3ter-key", KeyStatus::Inactive).await;
    remove(&bed, "m3ter-key").await.unwrap();
    let (key, secret) = generate(&bed, "m3ter-user").await;
    let answer = bed.send(m3ter_as(&key, &secret)).await;
    assert_eq!(Api::m3ter(&bed).get(PRODUCTS, answer.token()).await.status, 200);
    bed.send(m3ter()).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn s5_3_a_new_key_works_beside_the_old_one() {
    let bed = Bed::start().await;
    let (key, secret) = generate(&bed, "m3ter-user").await;
    assert_eq!(bed.send(m3ter()).await.status, 200);
    assert_eq!(bed.send(m3ter_as(&key, &secret)).await.status, 200);
    // Each secret goes with its own key id, and both with the service user's.
    bed.send(m3ter_as(&key, secrets::M3TER)).await.refused(401, "invalid_client");
    for secret in [secret.as_str(), secrets::M3TER] {
        assert_eq!(bed.send(m3ter_as("m3ter-user", secret)).await.status, 200);
    }
}

#[tokio::test]
async fn s5_4_basic_and_a_json_body_with_the_grant_type_get_a_token() {
    let bed = Bed::start().await;
    let answer = bed.send(m3ter()).await;
    let claims = bed.verified(&answer).await;
    assert_eq!(claims["aud"], "https://api.m3ter.com");
    assert_eq!(claims["sub"], "m3ter-user");
    assert_eq!(claims["key_id"], "m3ter-key");
    assert_eq!(claims["org_id"], "m3ter-org");
}

#[tokio::test]
async fn s5_5_the_answer_is_a_bearer_token_for_five_hours() {
    let bed = Bed::start().await;
    let answer = bed.send(m3ter()).await;
    assert_eq!(answer.body["token_type"], "Bearer");
    assert_eq!(answer.body["expires_in"], 18_000);
    assert!(answer.body["access_token"].is_string());
}

#[tokio::test]
async fn s5_6_a_service_user_calls_the_api_only_once_a_policy_is_assigned() {
    let bed = Bed::start().await;
    let api = Api::m3ter(&bed);
    let ask = || m3ter_as("m3ter-bare-key", secrets::M3TER_BARE);
    let without = bed.send(ask()).await;
    assert_eq!(without.body["scope"], "");
    let answer = api.get(PRODUCTS, without.token()).await;
    assert_eq!((answer.status, &answer.body["error"]), (403, &json!("insufficient_scope")));

    bed.change_client("default", "m3ter-bare", |client| {
        client.settings.policies = vec![PolicyId::new(ADMINISTRATOR).unwrap()];
    })
    .await;
    let with = bed.send(ask()).await;
    assert_eq!(with.body["scope"], "config:read config:write");
    assert_eq!(api.get(PRODUCTS, with.token()).await.status, 200);
}

#[tokio::test]
async fn s5_6_a_policy_that_is_taken_away_is_missing_from_the_next_token() {
    let bed = Bed::start().await;
    bed.change_client("default", "m3ter-user", |client| client.settings.policies.clear()).await;
    let answer = bed.send(m3ter()).await;
    assert_eq!(Api::m3ter(&bed).get(PRODUCTS, answer.token()).await.status, 403);
}

#[tokio::test]
async fn s5_6_a_policy_gives_what_it_names_and_no_more() {
    let bed = Bed::start().await;
    let statement =
        json!({ "effect": "allow", "actions": ["config:read"], "resources": ["https://api.m3ter.com"] });
    bed.describe("default", json!({ "policies": [{ "id": "Reader", "statements": [statement] }] })).await;
    bed.change_client("default", "m3ter-bare", |client| {
        client.settings.policies = vec![PolicyId::new("Reader").unwrap()];
    })
    .await;
    let answer = bed.send(m3ter_as("m3ter-bare-key", secrets::M3TER_BARE)).await;
    assert_eq!(answer.body["scope"], "config:read");
    assert_eq!(Api::m3ter(&bed).get(PRODUCTS, answer.token()).await.status, 200);
}

#[tokio::test]
async fn s5_7_postmans_request_works() {
    let bed = Bed::start().await;
    let body = "{\r\n    \"grant_type\": \"client_credentials\"\r\n}";
    let postman = Request::post("/oauth/token")
        .host("api.m3ter.com")
        .basic("m3ter-key", secrets::M3TER)
        .header("user-agent", "PostmanRuntime/7.44.0")
        .header("accept", "*/*")
        .header("cache-control", "no-cache")
        .header("postman-token", "2f0a0ae5-93d4-4b8e-9b5d-6d6f6e7b1a11")
        .header("accept-encoding", "gzip, deflate, br")
        .raw("application/json", body.as_bytes());
    assert_eq!(bed.send(postman).await.body["expires_in"], 18_000);
}

#[tokio::test]
async fn s5_7_curl_with_u_and_with_a_header_made_by_hand_work() {
    let bed = Bed::start().await;
    let body = r#"{"grant_type": "client_credentials"}"#;
    let pair = format!("m3ter-key:{}", secrets::M3TER);
    for scheme in ["Basic", "basic"] {
        let curl = Request::post("/oauth/token")
            .header("user-agent", "curl/8.14.1")
            .header("accept", "*/*")
            .header("authorization", &format!("{scheme} {}", BASE64.encode(&pair)))
            .raw("application/json", body.as_bytes());
        assert_eq!(bed.send(curl).await.body["token_type"], "Bearer");
    }
}

#[tokio::test]
async fn s5_7_the_published_example_pasted_with_no_break_spaces_works() {
    let bed = Bed::start().await;
    let body = "{\n\u{a0} \u{a0} \"grant_type\": \"client_credentials\"\n}";
    let curl = Request::post("/oauth/token")
        .basic("m3ter-key", secrets::M3TER)
        .raw("application/json", body.as_bytes());
    let answer = bed.send(curl).await;
    assert_eq!(answer.body["expires_in"], Value::from(18_000), "{answer:?}");
}
