//! Rule 13: nothing of another realm or organization is reached by id, body, path or query.

use serde_json::json;
use symbolon_core::id::ClientId;
use symbolon_core::realm::Status;

use crate::support::{API, Bed, HOLDER, INTROSPECTOR, Request, Way, realm_id, secrets};

/// The realm `plain` with the same ids as `default` has, all of them other people's.
const TWINS: &str = r#"
realms:
- id: plain
  settings: { hosts: [plain.example] }
  resource_servers:
  - identifier: https://api.meti.io
    settings: { scopes: ["read:sources"], introspectors: [metafold] }
  organizations:
  - id: custodian
    clients:
    - id: meti
      settings: { grants: [{ audience: "https://api.meti.io", scopes: ["read:sources"] }] }
      access_keys: [{ id: meti-key, secret: twin-meti-1234567890 }]
    - id: metafold
      settings: { grants: [{ audience: "https://api.meti.io", scopes: ["read:sources"] }] }
      access_keys: [{ id: metafold-key, secret: twin-metafold-1234567890 }]
"#;
const TWIN: (&str, &str) = ("meti", "twin-meti-1234567890");
const TWIN_INTROSPECTOR: (&str, &str) = ("metafold", "twin-metafold-1234567890");

async fn twins() -> Bed {
    let bed = Bed::start().await;
    bed.apply(TWINS).await;
    bed.change_server("default", API, |server| {
        server.settings.introspectors = vec![ClientId::new(INTROSPECTOR.0).unwrap()];
    })
    .await;
    bed
}

#[tokio::test]
async fn a_secret_is_good_in_its_own_realm_alone() {
    let bed = twins().await;
    for way in Way::ALL {
        for (path, who, status) in [
            ("/oauth/token", HOLDER, 200),
            ("/oauth/token", TWIN, 401),
            ("/realms/plain/oauth/token", TWIN, 200),
            ("/realms/plain/oauth/token", HOLDER, 401),
            ("/realms/plain/protocol/openid-connect/token", HOLDER, 401),
            ("/realms/plain/oauth/introspect", HOLDER, 401),
            ("/realms/plain/oauth/revoke", HOLDER, 401),
            ("/oauth/introspect", TWIN, 401),
            ("/oauth/revoke", TWIN, 401),
        ] {
            // A network for each way, so that back-off stays out of it.
            let from = format!("2001:db8:{:x}::1", way as u8);
            let answer = bed.send(way.token(path, who, &[("token", "x")]).from(&from)).await;
            assert_eq!(answer.status, status, "{path} {who:?}");
        }
    }
}

#[tokio::test]
async fn a_token_is_seen_and_revoked_in_its_own_realm_alone() {
    let bed = twins().await;
    let token = bed.access_token("/oauth/token", HOLDER.0, HOLDER.1).await;
    let twin = bed.access_token("/realms/plain/oauth/token", TWIN.0, TWIN.1).await;
    // Same client id, same audience, same introspector's id: another realm all the same.
    for who in [TWIN, TWIN_INTROSPECTOR] {
        let request = Way::Form.request("/realms/plain/oauth/introspect", who, &[("token", &token)]);
        assert_eq!(bed.send(request).await.text, r#"{"active":false}"#);
        let request = Way::Form.request("/realms/plain/oauth/revoke", who, &[("token", &token)]);
        assert_eq!(bed.send(request).await.status, 200);
    }
    for who in [HOLDER, INTROSPECTOR] {
        let request = Way::Form.request("/oauth/introspect", who, &[("token", &twin)]);
        assert_eq!(bed.send(request).await.text, r#"{"active":false}"#);
    }
    assert!(bed.lives(&token).await);
    assert!(bed.is_active("/realms/plain/oauth/introspect", TWIN.0, TWIN.1, &twin).await);
}

#[tokio::test]
async fn what_is_switched_off_in_one_realm_goes_on_in_the_other() {
    let bed = twins().await;
    let token = bed.access_token("/oauth/token", HOLDER.0, HOLDER.1).await;
    bed.change_client("plain", "meti", |client| client.status = Status::Disabled).await;
    bed.change_organization("plain", "custodian", |one| one.status = Status::Disabled).await;
    assert!(bed.lives(&token).await);
    bed.delete_client("plain", "meti").await;
    assert!(bed.lives(&token).await);
    bed.change_realm("plain", |realm| realm.status = Status::Disabled).await;
    assert!(bed.lives(&token).await);
    assert_eq!(bed.send(Way::Form.token("/oauth/token", HOLDER, &[])).await.status, 200);
}

#[tokio::test]
async fn back_off_in_one_realm_is_none_in_the_other() {
    let bed = twins().await;
    let wrong = ("meti", "wrong-secret-1234567890");
    for _ in 0..11 {
        bed.send(Way::Form.token("/oauth/token", wrong, &[])).await;
    }
    bed.send(Way::Form.token("/oauth/token", wrong, &[])).await.refused(429, "temporarily_unavailable");
    let elsewhere = Way::Form.token("/realms/plain/oauth/token", wrong, &[]);
    bed.send(elsewhere).await.refused(401, "invalid_client");
}

#[tokio::test]
async fn ids_of_others_in_body_or_query_change_nothing() {
    let bed = twins().await;
    let others = [
        ("realm", "plain"),
        ("org_id", "m3ter-org"),
        ("organization", "m3ter-org"),
        ("organization_id", "m3ter-org"),
        ("sub", "m3ter-user"),
        ("azp", "m3ter-user"),
        ("key_id", "m3ter-key"),
        ("access_key_id", "m3ter-key"),
        ("iss", "https://auth.example/realms/plain"),
    ];
    let query: Vec<String> = others.iter().map(|(name, value)| format!("{name}={value}")).collect();
    for path in ["/oauth/token", "/realms/default/protocol/openid-connect/token"] {
        for way in Way::ALL {
            let answer = bed.send(way.token(&format!("{path}?{}", query.join("&")), HOLDER, &others)).await;
            let claims = answer.claims();
            assert_eq!(claims["iss"], "https://auth.example/");
            assert_eq!(claims["org_id"], "custodian");
            assert_eq!((&claims["sub"], &claims["azp"]), (&json!("meti"), &json!("meti")));
            assert_eq!(claims["key_id"], "meti-key");
        }
    }
}

#[tokio::test]
async fn another_clients_id_beside_ones_own_secret_is_refused() {
    let bed = twins().await;
    // Of the same organization, of another one, of nobody.
    for other in ["meti-readonly", "m3ter-user", "m3ter-key", "nobody"] {
        bed.send(Way::Form.token("/oauth/token", (other, secrets::METI), &[]))
            .await
            .refused(401, "invalid_client");
        let request = Request::post("/oauth/token").basic(HOLDER.0, HOLDER.1);
        let form = [("grant_type", "client_credentials"), ("client_id", other)];
        bed.send(request.form(&form)).await.refused(400, "invalid_request");
    }
}

#[tokio::test]
async fn another_realms_audience_policy_and_licence_are_unknown() {
    let bed = twins().await;
    let answer =
        bed.send(Way::Form.token("/oauth/token", HOLDER, &[("audience", "https://api.plain.example")])).await;
    assert_eq!(answer.refused(400, "invalid_target"), "Unknown audience: https://api.plain.example");
    // Grants and policies of another realm cannot even be named.
    let known = bed.find_client("default", "meti").await.client;
    let mut granted = known.clone();
    granted.settings.grants[0].audience = "https://api.plain.example".to_owned();
    let mut ruled = known.clone();
    ruled.settings.policies = vec![symbolon_core::id::PolicyId::new("plain-policy").unwrap()];
    bed.operator("default", async |editor| {
        symbolon_core::edit::client::update(editor, &known, &granted).await.unwrap_err();
        symbolon_core::edit::client::update(editor, &known, &ruled).await.unwrap_err();
    })
    .await;
}

#[tokio::test]
async fn a_client_cannot_be_changed_as_another_organizations() {
    let bed = twins().await;
    let known = bed.find_client("default", "meti").await;
    let mut moved = known.client.clone();
    moved.organization = symbolon_core::id::OrganizationId::new("m3ter-org").unwrap();
    let mut key = known.keys[0].clone();
    key.organization = moved.organization.clone();
    bed.operator("default", async |editor| {
        symbolon_core::edit::client::update(editor, &known.client, &moved).await.unwrap_err();
        symbolon_core::edit::client::delete(editor, &moved, &[]).await.unwrap_err();
        symbolon_core::edit::access_key::update(editor, &known.keys[0], &key).await.unwrap_err();
        symbolon_core::edit::access_key::delete(editor, &key).await.unwrap_err();
    })
    .await;
    let after = bed.find_client("default", "meti").await;
    assert_eq!(after, known);
    assert!(
        bed.store()
            .find_client(&realm_id("default"), &moved.organization, &moved.id)
            .await
            .unwrap()
            .is_none()
    );
}
