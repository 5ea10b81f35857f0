//! S3 · Metafold (Auth0 tenant, account page, SDKs).

use std::time::Duration;

use serde_json::{Value, json};
use symbolon_core::client::ClientSettings;
use symbolon_core::id::{OrganizationId, RealmId};
use symbolon_core::policy::Grant;
use symbolon_core::store::PageRequest;
use symbolon_guard::protocol::scope::ScopeSet;

use crate::support::systems::{metafold, metafold_as};
use crate::support::{Api, Bed, Request, secrets};

const REFUSED: &str = "Invalid client or Invalid client credentials";

fn settings() -> ClientSettings {
    let grant = Grant {
        audience: "https://api.metafold3d.com".to_owned(),
        scopes: ScopeSet::parse("read:projects").unwrap(),
    };
    ClientSettings { name: "printer".to_owned(), grants: vec![grant].into(), ..ClientSettings::default() }
}

async fn listed(bed: &Bed) -> Vec<String> {
    let realm = RealmId::new("default").unwrap();
    let organization = OrganizationId::new("metafold-customer").unwrap();
    let page =
        bed.authority.store().list_clients(&realm, &organization, &PageRequest::first()).await.unwrap();
    page.items.iter().map(|client| client.id.to_string()).collect()
}

#[tokio::test]
async fn s3_1_a_client_is_made_with_id_and_secret_and_deleted_again() {
    let bed = Bed::start().await;
    let (client, _, secret) = bed.create_client("default", "metafold-customer", settings()).await;
    assert!(listed(&bed).await.contains(&client.id.to_string()));
    let answer = bed.send(metafold_as(client.id.as_str(), &secret)).await;
    assert_eq!(answer.claims()["client_id"], client.id.as_str());
    bed.delete_client("default", client.id.as_str()).await;
    assert!(!listed(&bed).await.contains(&client.id.to_string()));
}

#[tokio::test]
async fn s3_1_two_clients_never_share_an_id_or_a_secret() {
    let bed = Bed::start().await;
    let (first, first_key, first_secret) =
        bed.create_client("default", "metafold-customer", settings()).await;
    let (second, second_key, second_secret) =
        bed.create_client("default", "metafold-customer", settings()).await;
    assert_ne!(first.id, second.id);
    assert_ne!(first_key, second_key);
    assert_ne!(first_secret, second_secret);
    bed.send(metafold_as(first.id.as_str(), &second_secret)).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn s3_2_deleting_a_client_kills_its_tokens() {
    let bed = Bed::start().await;
    let api = Api::metafold(&bed);
    let (client, _, secret) = bed.create_client("default", "metafold-customer", settings()).await;
    let leaked = bed.send(metafold_as(client.id.as_str(), &secret)).await;
    let untouched = bed.send(metafold()).await;
    assert_eq!(api.get("/projects", leaked.token()).await.status, 200);

    bed.delete_client("default", client.id.as_str()).await;
    let answer = api.get("/projects", leaked.token()).await;
    assert_eq!((answer.status, &answer.body["error"]), (401, &json!("invalid_token")));
    assert_eq!(api.get("/projects", untouched.token()).await.status, 200);
    bed.advance(Duration::from_secs(86_399)).await;
    assert_eq!(api.get("/projects", leaked.token()).await.status, 401);
}

#[tokio::test]
async fn s3_2_introspection_calls_the_tokens_of_a_deleted_client_dead() {
    let bed = Bed::start().await;
    let server = json!({
        "identifier": "https://api.metafold3d.com",
        "settings": {
            "name": "Metafold", "scopes": ["read:projects"], "lifetime": 86400, "introspectors": ["meti"],
        },
    });
    bed.describe("default", json!({ "resource_servers": [server] })).await;
    let leaked = bed.send(metafold()).await;
    let is_active = async || bed.is_active("/oauth/introspect", "meti", secrets::METI, leaked.token()).await;
    assert!(is_active().await);
    bed.delete_client("default", "metafold").await;
    assert!(!is_active().await);
}

#[tokio::test]
async fn s3_2_deleting_a_client_prevents_any_further_exchange() {
    let bed = Bed::start().await;
    assert_eq!(bed.send(metafold()).await.status, 200);
    bed.delete_client("default", "metafold").await;
    for request in [metafold(), metafold_as("metafold-key", secrets::METAFOLD)] {
        assert_eq!(bed.send(request).await.refused(401, "invalid_client"), REFUSED);
    }
}

#[tokio::test]
async fn s3_2_another_node_refuses_a_deleted_client_as_well() {
    let bed = Bed::start().await;
    let (authority, app, _tasks) = bed.another_node().await;
    assert_eq!(metafold().send_to(app.clone()).await.status, 200);
    bed.delete_client("default", "metafold").await;
    authority.directory().catch_up().await.unwrap();
    metafold().send_to(app).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn s3_2_a_client_made_anew_under_the_deleted_ones_id_does_not_revive_its_tokens() {
    let bed = Bed::start().await;
    let api = Api::metafold(&bed);
    let leaked = bed.send(metafold()).await;
    bed.delete_client("default", "metafold").await;
    bed.advance(Duration::from_secs(1)).await;
    let client = json!({
        "id": "metafold",
        "settings": { "grants": [{ "audience": "https://api.metafold3d.com", "scopes": ["read:projects"] }] },
        "access_keys": [{ "id": "metafold-key-2", "secret": "another-secret-1234567890" }],
    });
    bed.describe("default", json!({ "organizations": [{ "id": "metafold-customer", "clients": [client] }] }))
        .await;
    bed.advance(Duration::from_secs(1)).await;
    assert_eq!(api.get("/projects", leaked.token()).await.status, 401);
    bed.send(metafold()).await.refused(401, "invalid_client");
    let new = bed.send(metafold_as("metafold", "another-secret-1234567890")).await;
    assert_eq!(api.get("/projects", new.token()).await.status, 200);
}

#[tokio::test]
async fn s3_3_a_form_and_json_both_get_a_token_for_24_hours() {
    let bed = Bed::start().await;
    let body = json!({
        "grant_type": "client_credentials", "audience": "https://api.metafold3d.com",
        "client_id": "metafold", "client_secret": secrets::METAFOLD,
    });
    for request in [metafold(), Request::post("/oauth/token").json(&body)] {
        let answer = bed.send(request).await;
        let claims = bed.verified(&answer).await;
        assert_eq!(answer.body["expires_in"], 86_400);
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 86_400);
        assert_eq!(claims["aud"], "https://api.metafold3d.com");
    }
}

#[tokio::test]
async fn s3_3_a_token_lives_24_hours() {
    let bed = Bed::start().await;
    let api = Api::metafold(&bed);
    let answer = bed.send(metafold()).await;
    bed.advance(Duration::from_secs(86_399)).await;
    assert_eq!(api.get("/projects", answer.token()).await.status, 200);
    bed.advance(Duration::from_secs(1)).await;
    assert_eq!(api.get("/projects", answer.token()).await.status, 401);
}

#[tokio::test]
async fn s3_4_the_auth0_node_sdks_request_gets_a_token_that_answers_usage_counts() {
    let bed = Bed::start().await;
    let sdk = metafold()
        .header("auth0-client", "eyJuYW1lIjoiYXV0aDAuanMifQ")
        .header("user-agent", "node")
        .header("accept", "*/*");
    let answer = bed.send(sdk).await;
    let usage = Api::metafold(&bed).get("/user/usage", answer.token()).await;
    assert_eq!(usage.status, 200, "{usage:?}");
    for name in ["projects", "assets"] {
        assert!(usage.body[name].is_u64(), "{usage:?}");
    }
}

#[tokio::test]
async fn s3_5_the_python_sdks_request_gets_tokens_lists_projects_and_renews() {
    let bed = Bed::start().await;
    let api = Api::metafold(&bed);
    let body = json!({
        "client_id": "metafold", "client_secret": secrets::METAFOLD, "organization": Value::Null,
        "audience": "https://api.metafold3d.com/", "grant_type": "client_credentials",
    });
    let sdk = || Request::post("/oauth/token").json(&body).header("accept", "*/*");
    let first = bed.send(sdk()).await;
    let projects = api.get("/projects", first.token()).await;
    assert!(projects.body.as_array().is_some_and(|projects| !projects.is_empty()), "{projects:?}");
    bed.advance(Duration::from_hours(24)).await;
    assert_eq!(api.get("/projects", first.token()).await.status, 401);
    let second = bed.send(sdk()).await;
    assert_eq!(api.get("/projects", second.token()).await.status, 200);
}
