//! What operators and customers do all day, from the first request to the token that it leads to.

use serde_json::json;
use symbolon_server::axum::http::Method;

use super::office::{Office, Role, is_problem};
use crate::support::Request;

const CLIENTS: &str = "/organizations/custodian/clients";

async fn token(office: &Office, id: &str, secret: &str) -> crate::support::Answer {
    let form = [("grant_type", "client_credentials"), ("audience", "https://api.meti.io")];
    office.bed.send(Request::post("/oauth/token").basic(id, secret).form(&form)).await
}

#[tokio::test]
async fn a_client_that_was_made_here_gets_a_token_and_loses_it_when_deleted() {
    let office = Office::open().await;
    let grants = json!([{"audience": "https://api.meti.io", "scopes": ["read:sources"]}]);
    let body = json!({"settings": {"name": "Importer", "grants": grants}});
    let made = office.owner(Method::POST, CLIENTS, Some(body)).await;
    assert_eq!(made.status, 201, "{made:?}");
    let id = made.body["id"].as_str().unwrap();
    assert_eq!(made.header("location"), format!("/api/v1/realms/default{CLIENTS}/{id}"));
    let (key, secret) = (&made.body["access_key"]["id"], &made.body["access_key"]["secret"]);
    let issued = token(&office, key.as_str().unwrap(), secret.as_str().unwrap()).await;
    assert_eq!((issued.status, &issued.body["scope"]), (200, &json!("read:sources")), "{issued:?}");

    let shown = office.owner(Method::GET, &format!("{CLIENTS}/{id}"), None).await;
    assert_eq!(shown.body["settings"]["grants"], grants);
    assert!(!shown.text.contains(secret.as_str().unwrap()));

    let gone = office.owner(Method::DELETE, &format!("{CLIENTS}/{id}"), None).await;
    assert_eq!((gone.status, gone.text.as_str()), (204, ""));
    token(&office, id, secret.as_str().unwrap()).await.refused(401, "invalid_client");
    is_problem(&office.owner(Method::GET, &format!("{CLIENTS}/{id}"), None).await, 404, "not-found");
    let realm = office.bed.authority.directory().realm("default").unwrap();
    let token = issued.body["access_token"].as_str().unwrap();
    assert!(symbolon_core::introspect::read_own(&realm, token).is_some(), "only the revocation kills it");
    assert!(
        realm
            .revocations()
            .ids(symbolon_core::protocol::revocation::Kind::Client)
            .any(|revoked| revoked == id)
    );
}

#[tokio::test]
async fn keys_are_rotated_one_beside_the_other_and_a_third_is_refused() {
    let office = Office::open().await;
    let keys = format!("{CLIENTS}/meti/access-keys");
    let new = office.owner(Method::POST, &format!("{CLIENTS}/meti/rotate"), None).await;
    assert_eq!(new.status, 201, "{new:?}");
    let (id, secret) = (new.body["id"].as_str().unwrap(), new.body["secret"].as_str().unwrap());
    assert_eq!(token(&office, "meti", secret).await.status, 200);
    assert_eq!(token(&office, "meti", crate::support::secrets::METI).await.status, 200);
    is_problem(&office.owner(Method::POST, &keys, Some(json!({}))).await, 409, "refused");

    is_problem(&office.owner(Method::DELETE, &format!("{keys}/meti-key"), None).await, 409, "refused");
    let off = office.owner(Method::POST, &format!("{keys}/meti-key/deactivate"), None).await;
    assert_eq!((off.status, &off.body["status"]), (200, &json!("INACTIVE")), "{off:?}");
    token(&office, "meti", crate::support::secrets::METI).await.refused(401, "invalid_client");
    let on = office.owner(Method::POST, &format!("{keys}/meti-key/activate"), None).await;
    assert_eq!(on.body["status"], "ACTIVE");
    office.bed.advance(std::time::Duration::from_secs(1)).await;
    assert_eq!(token(&office, "meti", crate::support::secrets::METI).await.status, 200);
    office.owner(Method::POST, &format!("{keys}/meti-key/deactivate"), None).await;
    assert_eq!(office.owner(Method::DELETE, &format!("{keys}/meti-key"), None).await.status, 204);
    let left = office.owner(Method::GET, &keys, None).await;
    assert_eq!((left.body["items"].as_array().unwrap().len(), &left.body["items"][0]["id"]), (1, &json!(id)));
}

#[tokio::test]
async fn a_key_says_when_it_was_last_used_and_whether_it_can_go() {
    let office = Office::open().await;
    let new = office.owner(Method::POST, &format!("{CLIENTS}/meti/rotate"), None).await;
    office.bed.advance(std::time::Duration::from_hours(8 * 24)).await;
    assert_eq!(
        token(&office, new.body["id"].as_str().unwrap(), new.body["secret"].as_str().unwrap()).await.status,
        200
    );
    office.bed.count_journal().await;
    let keys = office.owner(Method::GET, &format!("{CLIENTS}/meti/access-keys"), None).await;
    let key = |id: &str| {
        keys.body["items"].as_array().unwrap().iter().find(|key| key["id"] == id).cloned().unwrap()
    };
    let used = key(new.body["id"].as_str().unwrap());
    assert_eq!((&used["last_used_from"], &used["safe_to_retire"]), (&json!("192.0.2.1"), &json!(false)));
    assert_eq!(used["last_used_at"], "2026-11-30T12:00:00.000Z");
    assert_eq!(key("meti-key")["safe_to_retire"], true);
}

#[tokio::test]
async fn an_api_a_policy_a_customer_and_a_licence_are_made_and_lead_to_a_token() {
    let office = Office::open().await;
    let server = json!({"identifier": "https://api.new.example",
        "settings": {"scopes": ["read:things"], "requires_licence": true}});
    assert_eq!(office.owner(Method::POST, "/resource-servers", Some(server)).await.status, 201);
    let policy = json!({"id": "readers", "name": "Readers",
        "statements": [{"effect": "allow", "actions": ["read:*"], "resources": ["https://api.new.example"]}]});
    assert_eq!(office.owner(Method::POST, "/policies", Some(policy)).await.status, 201);
    let made = office.owner(Method::POST, "/organizations", Some(json!({"name": "New"}))).await;
    assert_eq!(made.status, 201, "{made:?}");
    let at = format!("/organizations/{}", made.body["id"].as_str().unwrap());
    let client = office.owner(Method::POST, &format!("{at}/clients"), Some(json!({}))).await;
    let id = client.body["id"].as_str().unwrap();
    let given = office.owner(Method::PUT, &format!("{at}/clients/{id}/policies/readers"), None).await;
    assert_eq!(given.body["settings"]["policies"], json!(["readers"]), "{given:?}");
    let secret = client.body["access_key"]["secret"].as_str().unwrap();
    let ask = || {
        let form = [("grant_type", "client_credentials"), ("audience", "https://api.new.example")];
        office.bed.send(Request::post("/oauth/token").basic(id, secret).form(&form))
    };
    ask().await.refused(400, "unauthorized_client");
    let licence = json!({"audience": "https://api.new.example", "kind": "full"});
    let licence = office.owner(Method::POST, &format!("{at}/licences"), Some(licence)).await;
    assert_eq!(licence.status, 201, "{licence:?}");
    assert_eq!(ask().await.body["scope"], "read:things");
    let taken = office.owner(Method::DELETE, &format!("{at}/clients/{id}/policies/readers"), None).await;
    assert_eq!(taken.body["settings"]["policies"], json!([]));
    ask().await.refused(400, "invalid_target");
}

#[tokio::test]
async fn a_member_that_was_made_here_signs_in_and_its_password_is_never_shown() {
    let office = Office::open().await;
    let body =
        json!({"email": "new@custodian.example", "role": "viewer", "password": "a long enough password"});
    let members = "/organizations/custodian/members";
    let made = office.ask(Role::CustomerAdmin, Method::POST, members, Some(body)).await;
    assert_eq!((made.status, &made.body["has_password"]), (201, &json!(true)), "{made:?}");
    assert!(!made.text.contains("long enough") && !made.text.contains("argon2"), "{made:?}");
    let sign_in = json!({"email": "new@custodian.example", "password": "a long enough password"});
    let answer = office.bed.send(Request::post("/token").json(&sign_in)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let path = format!("{members}/{}", made.body["id"].as_str().unwrap());
    let off =
        office.ask(Role::CustomerAdmin, Method::PATCH, &path, Some(json!({"status": "disabled"}))).await;
    assert_eq!((off.status, &off.body["role"]), (200, &json!("viewer")), "{off:?}");
    office.bed.send(Request::post("/token").json(&sign_in)).await.refused(401, "invalid_grant");
}

#[tokio::test]
async fn a_members_new_password_is_seen_in_the_audit_without_being_shown() {
    let office = Office::open().await;
    let path = "/organizations/custodian/members/usr_dev";
    let password = json!({"password": "quite another password"});
    let changed = office.ask(Role::CustomerAdmin, Method::PATCH, path, Some(password)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    let list = "/organizations/custodian/audit/changes?subject_kind=user&subject=usr_dev&limit=1";
    let rows = office.ask(Role::CustomerAdmin, Method::GET, list, None).await;
    let row = &rows.body["items"][0];
    assert_eq!(
        (&row["action"], &row["before"]["password"], &row["after"]["password"]),
        (&json!("update"), &json!("set"), &json!("changed")),
        "{rows:?}"
    );
    assert!(!rows.text.contains("argon2") && !rows.text.contains("another password"), "{rows:?}");
}

#[tokio::test]
async fn tokens_are_revoked_by_client_and_one_by_one() {
    let office = Office::open().await;
    let introspect = async |token: &str| {
        let request = Request::post("/oauth/introspect").basic("meti", crate::support::secrets::METI);
        office.bed.send(request.form(&[("token", token)])).await.body["active"].clone()
    };
    let first = token(&office, "meti", crate::support::secrets::METI).await;
    let text = first.body["access_token"].as_str().unwrap();
    let jti = first.claims()["jti"].clone();
    assert_eq!(introspect(text).await, true);
    let one = office.owner(Method::POST, "/revocations", Some(json!({"kind": "token", "id": jti}))).await;
    assert_eq!(one.status, 204, "{one:?}");
    assert_eq!(introspect(text).await, false);

    let second = token(&office, "meti", crate::support::secrets::METI).await;
    let text = second.body["access_token"].as_str().unwrap();
    let all = json!({"kind": "client", "id": "meti"});
    let path = "/organizations/custodian/revocations";
    assert_eq!(office.ask(Role::CustomerAdmin, Method::POST, path, Some(all)).await.status, 204);
    assert_eq!(introspect(text).await, false);
    let listed = office.owner(Method::GET, "/revocations", None).await;
    let is_listed = |kind: &str, id: &serde_json::Value| {
        listed.body["items"].as_array().unwrap().iter().any(|item| item["kind"] == kind && item["id"] == *id)
    };
    assert!(is_listed("token", &jti) && is_listed("client", &json!("meti")), "{listed:?}");
}

#[tokio::test]
async fn a_refused_request_is_explained() {
    let office = Office::open().await;
    let refused = token(&office, "meti", "wrong-secret-1234567890").await;
    let id = refused.header("x-request-id");
    office.bed.refusal(&refused).await;
    let why = office.ask(Role::Auditor, Method::GET, &format!("/requests/{id}"), None).await;
    assert_eq!(why.body["refusals"][0]["reason"], "wrong_secret", "{why:?}");
    let issued = token(&office, "meti", crate::support::secrets::METI).await;
    let path = format!("/requests/{}", issued.header("x-request-id"));
    let why = office.ask(Role::Auditor, Method::GET, &path, None).await;
    assert_eq!(why.body["tokens"][0]["jti"], issued.claims()["jti"], "{why:?}");
}

#[tokio::test]
async fn signing_keys_are_rotated_before_their_time_and_replaced_in_an_emergency() {
    let office = Office::open().await;
    let rotated =
        office.owner(Method::POST, "/signing-keys/rotate", Some(json!({"algorithm": "RS256"}))).await;
    let states = |answer: &crate::support::Answer| {
        let items = answer.body["items"].as_array().unwrap().iter();
        let mut states: Vec<_> = items.map(|key| key["state"].as_str().unwrap().to_owned()).collect();
        states.sort();
        states
    };
    assert_eq!(states(&rotated), ["active", "pending"], "{rotated:?}");
    assert!(!rotated.text.contains("private"));
    office.bed.advance(std::time::Duration::from_mins(11)).await;
    let realm = symbolon_core::id::RealmId::new("default").unwrap();
    symbolon_core::rotation::keep_keys(&office.bed.authority, &realm).await.unwrap();
    let keys = office.owner(Method::GET, "/signing-keys", None).await;
    assert_eq!(states(&keys), ["active", "retired"], "{keys:?}");

    let issued = token(&office, "meti", crate::support::secrets::METI).await;
    let kid = issued.token_header()["kid"].as_str().unwrap().to_owned();
    assert_eq!(office.owner(Method::POST, &format!("/signing-keys/{kid}/replace"), None).await.status, 204);
    let request = Request::post("/oauth/introspect").basic("meti", crate::support::secrets::METI);
    let form = [("token", issued.body["access_token"].as_str().unwrap())];
    assert_eq!(office.bed.send(request.form(&form)).await.body, json!({"active": false}));
    assert_ne!(token(&office, "meti", crate::support::secrets::METI).await.token_header()["kid"], kid);
}

#[tokio::test]
async fn a_realm_is_made_and_issues_tokens_of_its_own() {
    let office = Office::open().await;
    let body = json!({"id": "fresh", "settings": {"hosts": ["fresh.example"]}});
    let made = office.send(Role::Owner, Request::post("/api/v1/realms").json(&body)).await;
    assert_eq!((made.status, made.body["issuer"].as_str()), (201, Some("https://auth.example/realms/fresh")));
    let metadata =
        office.bed.send(Request::get("/.well-known/openid-configuration").host("fresh.example")).await;
    assert_eq!(metadata.body["issuer"], made.body["issuer"]);
    let seen = office.send(Role::Owner, Request::get("/api/v1/realms/fresh")).await;
    assert_eq!(seen.status, 200);
}

#[tokio::test]
async fn everything_is_exported_line_by_line_without_secrets_and_says_that_it_is_whole() {
    let office = Office::open().await;
    let lines = |text: &str| {
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<serde_json::Value>>()
    };
    let realm = office.ask(Role::Auditor, Method::GET, "/export", None).await;
    assert_eq!((realm.status, realm.header("content-type")), (200, "application/x-ndjson"));
    let all = lines(&realm.text);
    assert_eq!(all.last().unwrap(), &json!({"type": "end", "lines": all.len() - 1}));
    let has = |kind: &str, id: &str| all.iter().any(|line| line["type"] == kind && line["id"] == id);
    assert!(has("realm", "default") && has("organization", "custodian") && has("client", "metafold"));
    assert!(has("access_key", "m3ter-key") && has("member", "usr_dev"));
    for hidden in [crate::support::secrets::METI, "argon2", "pepper", "private"] {
        assert!(!realm.text.contains(hidden), "{hidden}");
    }
    let own = office.ask(Role::CustomerViewer, Method::GET, "/organizations/custodian/export", None).await;
    assert!(own.text.contains("\"meti\"") && !own.text.contains("metafold"), "{own:?}");
}

#[tokio::test]
async fn operators_try_the_claims_of_a_client_before_they_save_them_and_customers_do_not() {
    let office = Office::open().await;
    let path = format!("{CLIENTS}/meti/token-preview");
    let body = json!({"claims": {"v1_client_id": "usr_other"}});
    let shown = office.owner(Method::POST, &path, Some(body.clone())).await;
    assert_eq!(
        (shown.status, &shown.body["claims"]["https://api.meti.io/v1_client_id"]),
        (200, &json!("usr_other"))
    );
    let stored = office.owner(Method::GET, &format!("{CLIENTS}/meti"), None).await;
    assert_eq!(stored.body["settings"]["claims"]["v1_client_id"], "usr_v1_custodian");
    let refused = office.ask(Role::CustomerAdmin, Method::POST, &path, Some(body)).await;
    is_problem(&refused, 403, "not-offered");
    let own = office.ask(Role::CustomerAdmin, Method::POST, &path, Some(json!({}))).await;
    assert_eq!(own.body["claims"]["https://api.meti.io/v1_client_id"], "usr_v1_custodian", "{own:?}");
}
