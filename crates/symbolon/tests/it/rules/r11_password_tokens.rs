//! Rules 10 and 11: passwords, and the v1 tokens that are made for them.

use serde_json::{Value, json};
use symbolon_core::id::ClientId;
use symbolon_core::user::MemberRole;

use crate::support::{Answer, Bed, NOW, Request, Way, in_default, realm_id, secrets};

const API: &str = "https://api.meti.io";

async fn sign_in(bed: &Bed, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    bed.send(Request::post("/token").json(&body)).await
}

#[tokio::test]
async fn a_viewer_reads_a_developer_writes_and_an_admin_does_everything() {
    let bed = Bed::start().await;
    for (email, id, role, scope) in [
        ("viewer@custodian.example", "usr_viewer", "viewer", "read:sources"),
        ("dev@custodian.example", "usr_dev", "developer", "read:sources write:sources"),
        ("admin@custodian.example", "usr_admin", "admin", "delete:sources read:sources write:sources"),
    ] {
        let answer = sign_in(&bed, email, secrets::PASSWORD).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let claims = answer.claims();
        assert_eq!(claims["sub"], id);
        assert_eq!((&claims["client_id"], &claims["azp"]), (&json!("v1"), &json!("v1")));
        assert_eq!((&claims["aud"], &claims["org_id"]), (&json!(API), &json!("custodian")));
        assert_eq!(claims["scope"], scope);
        assert_eq!(claims["https://api.meti.io/role"], role);
        assert_eq!(claims["https://api.meti.io/account_id"], "custodian");
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
        assert_eq!(claims.get("key_id"), None);
        // What speaks of a client is left out.
        assert_eq!(claims.get("https://api.meti.io/client_name"), None);
    }
}

#[tokio::test]
async fn an_email_is_compared_without_regard_to_case_and_a_password_with() {
    let bed = Bed::start().await;
    for email in ["dev@custodian.example", "DEV@CUSTODIAN.EXAMPLE", " Dev@Custodian.example "] {
        assert_eq!(sign_in(&bed, email, secrets::PASSWORD).await.status, 200, "{email}");
    }
    let shouted = secrets::PASSWORD.to_uppercase();
    sign_in(&bed, "dev@custodian.example", &shouted).await.refused(401, "invalid_grant");
}

#[tokio::test]
async fn a_right_password_passes_any_back_off() {
    let bed = Bed::start().await;
    let long = "x".repeat(2000);
    for _ in 0..10 {
        sign_in(&bed, "dev@custodian.example", &long).await.refused(401, "invalid_grant");
    }
    sign_in(&bed, "DEV@custodian.example", &long).await.refused(429, "temporarily_unavailable");
    sign_in(&bed, "viewer@custodian.example", &long).await.refused(401, "invalid_grant");
    assert_eq!(sign_in(&bed, "dev@custodian.example", secrets::PASSWORD).await.status, 200);
}

#[tokio::test]
async fn people_without_an_organization_get_no_v1_token() {
    let bed = Bed::start().await;
    let operators = "  - id: custodian\n    name: Custodian Inc\n  operators:\n  - { email: op@example.org, role: \
                     owner, password: correct horse battery staple }\n";
    bed.apply(&in_default(operators)).await;
    let answer = sign_in(&bed, "op@example.org", secrets::PASSWORD).await;
    answer.refused(401, "invalid_grant");
    assert_eq!(bed.refusal(&answer).await.reason, "no_membership");
}

#[tokio::test]
async fn an_imported_hash_is_taken_over_as_it_is() {
    let bed = Bed::start().await;
    let email = "dev@custodian.example";
    let known = bed.store().find_user_by_email(&realm_id("default"), email).await.unwrap().unwrap();
    let hash: Value = serde_json::to_value(known.password.unwrap()).unwrap();
    assert!(hash.as_str().unwrap().starts_with("$argon2id$"));
    bed.apply(&in_default(&format!(
        "  - id: custodian\n    name: Custodian Inc\n    users:\n    - {{ email: new@custodian.example, role: viewer, \
         password_hash: {hash} }}\n"
    )))
    .await;
    assert_eq!(sign_in(&bed, "new@custodian.example", secrets::PASSWORD).await.status, 200);
}

#[tokio::test]
async fn the_realm_chooses_audience_and_lifetime() {
    let bed = Bed::start().await;
    bed.change_realm("default", |realm| {
        let settings = realm.settings.password_tokens.as_mut().unwrap();
        settings.audience = "https://api.metafold3d.com".to_owned();
        settings.lifetime = 60;
    })
    .await;
    let answer = sign_in(&bed, "dev@custodian.example", secrets::PASSWORD).await;
    assert_eq!(
        (&answer.body["expires_in"], &answer.claims()["aud"]),
        (&json!(60), &json!("https://api.metafold3d.com"))
    );
    assert_eq!(answer.claims()["scope"], "read:projects");
}

#[tokio::test]
async fn what_the_request_asks_for_changes_nothing() {
    let bed = Bed::start().await;
    let body = json!({
        "email": "viewer@custodian.example", "password": secrets::PASSWORD, "scope": "delete:sources",
        "audience": "https://api.m3ter.com", "role": "admin", "sub": "usr_admin", "org_id": "m3ter-org",
    });
    let answer = bed.send(Request::post("/token").json(&body)).await;
    assert_eq!(answer.claims()["scope"], "read:sources");
    assert_eq!(answer.claims()["aud"], API);
    assert_eq!(answer.claims()["sub"], "usr_viewer");
}

#[tokio::test]
async fn a_members_role_is_what_it_is_now() {
    let bed = Bed::start().await;
    bed.change_user("default", "viewer@custodian.example", |user| {
        user.membership.as_mut().unwrap().role = MemberRole::Admin;
    })
    .await;
    bed.advance(std::time::Duration::from_millis(1)).await;
    let answer = sign_in(&bed, "viewer@custodian.example", secrets::PASSWORD).await;
    assert_eq!(answer.claims()["https://api.meti.io/role"], "admin");
}

#[tokio::test]
async fn a_v1_token_is_recorded_under_its_user() {
    let bed = Bed::start().await;
    let answer = sign_in(&bed, "dev@custodian.example", secrets::PASSWORD).await;
    let record = bed.recorded(&answer).await;
    let grant = record.grant.read();
    assert_eq!(grant.user.as_ref().unwrap().as_str(), "usr_dev");
    assert_eq!((&grant.client, &grant.access_key), (&None, &None));
    assert_eq!(record.jti, answer.claims()["jti"].as_str().unwrap());
    assert_eq!(record.at, NOW);
}

#[tokio::test]
async fn nobody_can_revoke_or_introspect_it_as_the_client_v1() {
    let bed = Bed::start().await;
    let answer = sign_in(&bed, "dev@custodian.example", secrets::PASSWORD).await;
    let token = answer.body["token"].as_str().unwrap();
    // A key may have that id, as it may have any; but it is not the client.
    bed.apply(&in_default(
        "  - id: sly\n    clients:\n    - id: sly\n      access_keys: [{ id: v1, secret: sly-secret-1234567890 }]\n",
    ))
    .await;
    let sly = ("v1", "sly-secret-1234567890");
    let seen = bed.send(Way::Form.request("/oauth/introspect", sly, &[("token", token)])).await;
    assert_eq!(seen.text, r#"{"active":false}"#);
    assert_eq!(bed.send(Way::Form.request("/oauth/revoke", sly, &[("token", token)])).await.status, 200);
    bed.change_server("default", API, |server| {
        server.settings.introspectors = vec![ClientId::new("metafold").unwrap()];
    })
    .await;
    assert!(bed.lives(token).await);
}
