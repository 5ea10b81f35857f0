//! S4 · ecoinvent (Keycloak style).

use std::time::Duration;

use serde_json::json;
use symbolon_core::access_key::KeyStatus;
use symbolon_core::edit;
use symbolon_core::id::{OrganizationId, RealmId};
use symbolon_core::licence::Licence;
use symbolon_core::realm::Status;
use symbolon_server::axum::http::Method;

use crate::support::systems::{self, KEYCLOAK, ecoinvent, ecoinvent_as};
use crate::support::{Api, Bed, NOW, Request, secrets};

const DAY: Duration = Duration::from_hours(24);

/// Describes a customer with one client, and licences as they are given.
async fn customer(bed: &Bed, licences: serde_json::Value) {
    let client = json!({
        "id": "new-client",
        "settings": { "grants": [{ "audience": "https://api.ecoinvent.org", "scopes": ["read:versions"] }] },
        "access_keys": [{ "id": "new-key", "secret": "new-secret-1234567890" }],
    });
    let organization = json!({ "id": "new-customer", "clients": [client], "licences": licences });
    bed.describe("ecoinvent", json!({ "organizations": [organization] })).await;
}

fn ask() -> Request {
    ecoinvent_as("new-client", "new-secret-1234567890")
}

async fn trial(bed: &Bed) -> Licence {
    let realm = RealmId::new("ecoinvent").unwrap();
    let customer = OrganizationId::new("eco-customer").unwrap();
    bed.authority.store().list_licences(&realm, &customer).await.unwrap().remove(0)
}

#[tokio::test]
async fn s4_1_each_kind_of_active_licence_opens_the_api() {
    for kind in ["trial", "beta", "full"] {
        let bed = Bed::start().await;
        customer(&bed, json!([{ "audience": "https://api.ecoinvent.org", "kind": kind }])).await;
        assert_eq!(bed.send(ask()).await.status, 200, "{kind}");
    }
}

#[tokio::test]
async fn s4_1_without_an_active_licence_there_is_no_token() {
    let bed = Bed::start().await;
    let audience = "https://api.ecoinvent.org";
    let ended = ecoinvent_as("eco-ended-client", secrets::ECOINVENT_ENDED);
    assert!(bed.send(ended).await.refused(400, "unauthorized_client").contains("ended at 2026-01-01"));
    customer(&bed, json!([])).await;
    assert!(bed.send(ask()).await.refused(400, "unauthorized_client").contains("no licence"));
    let later = json!({ "audience": audience, "kind": "full", "starts_at": "2027-01-01" });
    customer(&bed, json!([later])).await;
    assert!(bed.send(ask()).await.refused(400, "unauthorized_client").contains("starts at 2027-01-01"));
    let disabled = json!({ "audience": audience, "kind": "beta", "status": "disabled" });
    customer(&bed, json!([disabled])).await;
    bed.send(ask()).await.refused(400, "unauthorized_client");
}

#[tokio::test]
async fn s4_1_a_licence_that_ends_ends_access() {
    let bed = Bed::start().await;
    let api = Api::ecoinvent(&bed);
    let now = NOW.plus(Duration::from_mins((39 * 24 + 12) * 60 - 1));
    bed.clock.set(now);
    bed.advance(Duration::ZERO).await;
    let last = bed.send(ecoinvent()).await;
    assert_eq!(last.body["expires_in"], 60);
    bed.advance(Duration::from_secs(59)).await;
    assert_eq!(api.get("/v0/versions", last.token()).await.status, 200);
    bed.advance(Duration::from_secs(1)).await;
    assert_eq!(api.get("/v0/versions", last.token()).await.status, 401);
    bed.send(ecoinvent()).await.refused(400, "unauthorized_client");
}

#[tokio::test]
async fn s4_1_a_licence_that_is_taken_away_ends_access_at_once() {
    let bed = Bed::start().await;
    let api = Api::ecoinvent(&bed);
    let held = bed.send(ecoinvent()).await;
    assert_eq!(api.get("/v0/versions", held.token()).await.status, 200);
    let before = trial(&bed).await;
    let after = Licence { status: Status::Disabled, ..before.clone() };
    bed.operator("ecoinvent", async |editor| edit::licence::update(editor, &before, &after).await.unwrap())
        .await;
    assert_eq!(api.get("/v0/versions", held.token()).await.status, 401);
    bed.send(ecoinvent()).await.refused(400, "unauthorized_client");
}

#[tokio::test]
async fn s4_2_a_form_without_audience_and_scope_gets_a_token_for_the_api() {
    let bed = Bed::start().await;
    let answer = bed.send(ecoinvent()).await;
    let claims = bed.verified(&answer).await;
    assert_eq!(claims["aud"], "https://api.ecoinvent.org");
    assert_eq!(claims["scope"], "read:versions");
    assert_eq!(claims["azp"], "eco-trial");
}

#[tokio::test]
async fn s4_3_the_answer_has_keycloaks_members() {
    let bed = Bed::start().await;
    let answer = bed.send(ecoinvent()).await;
    assert_eq!(answer.body["expires_in"], 3600);
    assert_eq!(answer.body["token_type"], "Bearer");
    assert_eq!(answer.body["not-before-policy"], 0);
    let session = answer.body["session_state"].as_str().unwrap();
    let parts: Vec<usize> = session.split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12], "{session}");
    assert!(session.chars().all(|c| c == '-' || matches!(c, '0'..='9' | 'a'..='f')), "{session}");
    assert_ne!(bed.send(ecoinvent()).await.body["session_state"], session);
}

#[tokio::test]
async fn s4_3_the_not_before_policy_is_an_integer_that_says_from_when_tokens_count() {
    let bed = Bed::start().await;
    let client = bed.find_client("ecoinvent", "eco-trial").await.client;
    bed.advance(Duration::from_millis(2500)).await;
    bed.operator("ecoinvent", async |editor| {
        let off = edit::client::set_status(editor, &client, Status::Disabled).await.unwrap();
        edit::client::set_status(editor, &off, Status::Active).await.unwrap();
    })
    .await;
    bed.advance(Duration::from_secs(1)).await;
    let answer = bed.send(ecoinvent()).await;
    assert_eq!(answer.body["not-before-policy"], NOW.seconds() + 2);
    assert!(answer.claims()["iat"].as_i64().unwrap() >= NOW.seconds() + 2);
}

#[tokio::test]
async fn s4_4_the_token_gets_the_versions() {
    let bed = Bed::start().await;
    let token = bed.send(ecoinvent()).await.token().to_owned();
    let versions = Api::ecoinvent(&bed).get("/v0/versions", &token).await;
    assert_eq!((versions.status, versions.body), (200, json!(["3.10", "3.11"])));
}

#[tokio::test]
async fn s4_5_wrong_credentials_are_answered_with_keycloaks_words() {
    let bed = Bed::start().await;
    let expected = json!({
        "error": "invalid_client",
        "error_description": "Invalid client or Invalid client credentials",
    });
    let grant = [("grant_type", "client_credentials")];
    let wrong = [
        ecoinvent_as("eco-trial", "not-the-secret"),
        ecoinvent_as("nobody", secrets::ECOINVENT),
        ecoinvent_as("meti", secrets::METI),
        Request::post(KEYCLOAK).basic("eco-trial", "not-the-secret").form(&grant),
        Request::post(KEYCLOAK).form(&grant),
    ];
    for request in wrong {
        let answer = bed.send(request).await;
        answer.refused(401, "invalid_client");
        assert_eq!(answer.body, expected);
    }
}

#[tokio::test]
async fn s4_6_each_kind_of_licence_has_a_pair_of_credentials_of_its_own() {
    let bed = Bed::start().await;
    let client = |kind: &str| {
        let grant = json!({ "audience": "https://api.ecoinvent.org", "scopes": ["read:versions"] });
        json!({
            "id": format!("both-{kind}"),
            "settings": { "licence_kind": kind, "grants": [grant] },
            "access_keys": [{ "id": format!("both-{kind}-key"), "secret": format!("{kind}-secret-1234567890") }],
        })
    };
    let licence = json!({ "audience": "https://api.ecoinvent.org", "kind": "trial" });
    let organization =
        json!({ "id": "both", "licences": [licence], "clients": [client("trial"), client("beta")] });
    bed.describe("ecoinvent", json!({ "organizations": [organization] })).await;
    assert_eq!(bed.send(ecoinvent_as("both-trial", "trial-secret-1234567890")).await.status, 200);
    let beta = bed.send(ecoinvent_as("both-beta", "beta-secret-1234567890")).await;
    assert!(beta.refused(400, "unauthorized_client").contains("no active beta licence"));
    bed.send(ecoinvent_as("both-beta", "trial-secret-1234567890")).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn s4_6_a_pair_is_rotated_without_a_gap() {
    let bed = Bed::start().await;
    let api = Api::ecoinvent(&bed);
    let client = bed.find_client("ecoinvent", "eco-trial").await.client;
    let made = bed
        .operator("ecoinvent", async |editor| edit::access_key::create(editor, &client, None).await.unwrap());
    let secret = made.await.secret.expose().to_owned();
    let old = bed.send(ecoinvent()).await;
    let new = bed.send(ecoinvent_as("eco-trial", &secret)).await;
    let key = bed.find_key("ecoinvent", "eco-trial-key").await;
    bed.operator("ecoinvent", async |editor| {
        edit::access_key::set_status(editor, &key, KeyStatus::Inactive).await.unwrap();
    })
    .await;
    bed.send(ecoinvent()).await.refused(401, "invalid_client");
    assert_eq!(api.get("/v0/versions", old.token()).await.status, 401);
    assert_eq!(api.get("/v0/versions", new.token()).await.status, 200);
    assert_eq!(bed.send(ecoinvent_as("eco-trial", &secret)).await.status, 200);
}

#[tokio::test]
async fn s4_6_the_page_tells_when_the_old_secret_can_go() {
    let bed = Bed::start().await;
    let client = bed.find_client("ecoinvent", "eco-trial").await.client;
    assert_eq!(bed.send(ecoinvent()).await.status, 200);
    let made = bed
        .operator("ecoinvent", async |editor| edit::access_key::create(editor, &client, None).await.unwrap());
    let secret = made.await.secret.expose().to_owned();
    let old_can_go = async || {
        bed.count_journal().await;
        let panel = bed
            .operator("ecoinvent", async |editor| edit::access_key::overview(editor, &client).await.unwrap());
        let panel = panel.await;
        panel.iter().find(|seen| seen.key.id.as_str() == "eco-trial-key").unwrap().safe_to_retire
    };
    assert!(!old_can_go().await);
    bed.advance(DAY * 7).await;
    assert!(!old_can_go().await, "the new one has not taken over");
    assert_eq!(bed.send(ecoinvent_as("eco-trial", &secret)).await.status, 200);
    assert!(old_can_go().await);
    assert_eq!(bed.send(ecoinvent()).await.status, 200);
    assert!(!old_can_go().await, "somebody still uses it");
}

#[tokio::test]
async fn s4_6_after_its_creation_a_secret_is_nowhere_to_be_read() {
    let bed = Bed::start().await;
    let client = bed.find_client("ecoinvent", "eco-trial").await.client;
    let made = bed
        .operator("ecoinvent", async |editor| edit::access_key::create(editor, &client, None).await.unwrap());
    let made = made.await;
    let secret = made.secret.expose().to_owned();
    assert!(!format!("{made:?}").contains(&secret));
    let seen =
        bed.operator("ecoinvent", async |editor| edit::access_key::overview(editor, &client).await.unwrap());
    let seen = seen.await;
    assert_eq!(seen.len(), 2);
    assert!(!format!("{seen:?}").contains(&secret));
    for entry in std::fs::read_dir(&bed.folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}

#[tokio::test]
async fn s4_7_token_endpoints_send_no_cors_headers() {
    let bed = Bed::start().await;
    let origin = "https://app.example";
    let mut answers = Vec::new();
    for (_, request) in systems::all() {
        answers.push(bed.send(request.header("origin", origin)).await);
    }
    answers.push(bed.send(systems::meti_v1().header("origin", origin)).await);
    answers.push(bed.send(ecoinvent_as("eco-trial", "wrong").header("origin", origin)).await);
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 5);
    for path in ["/oauth/token", "/realms/ecoinvent/oauth/token", KEYCLOAK, "/token"] {
        let preflight = Request::new(Method::OPTIONS, path)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type");
        let answer = bed.send(preflight).await;
        assert!(answer.status >= 400, "{path}: {answer:?}");
        answers.push(answer);
    }
    for answer in answers {
        let cors = answer.headers.keys().find(|name| name.as_str().starts_with("access-control-"));
        assert_eq!(cors, None, "{answer:?}");
    }
}
