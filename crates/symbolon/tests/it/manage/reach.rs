//! How far rights reach: no realm takes another's address, no right outlives its being taken, and nobody locks
//! themselves out.

use serde_json::{Value, json};
use symbolon_core::permission::{AUDIENCE, Permissions};
use symbolon_core::user::OperatorRole;
use symbolon_server::axum::http::Method;

use super::office::{Office, Role, SECRET, is_problem};
use crate::support::{Answer, Request};

/// A realm with operators of its own, beside the default one.
async fn tenant(office: &Office) -> String {
    let scopes = Permissions::of_operator(OperatorRole::Owner).scopes();
    let root = json!({"id": "root", "settings": {"grants": [{"audience": AUDIENCE, "scopes": scopes}]},
        "access_keys": [{"id": "root-key", "secret": SECRET}]});
    let realm = json!({"id": "tenant", "settings": {"operators": "tops"},
        "organizations": [{"id": "tops", "clients": [root]}]});
    office.bed.apply(&json!({"realms": [realm]}).to_string()).await;
    let pairs = [("grant_type", "client_credentials"), ("audience", AUDIENCE)];
    let request = Request::post("/realms/tenant/oauth/token").basic("root", SECRET).form(&pairs);
    office.bed.send(request).await.body["access_token"].as_str().unwrap().to_owned()
}

async fn with(office: &Office, token: &str, method: Method, path: &str, body: &Value) -> Answer {
    office.bed.send(Request::new(method, path).json(body).bearer(token)).await
}

#[tokio::test]
async fn a_realms_own_operator_changes_its_settings_but_neither_its_hosts_nor_its_issuer() {
    let office = Office::open().await;
    let token = tenant(&office).await;
    let base = office.bed.authority.directory().base().to_owned();
    let path = "/api/v1/realms/tenant";
    let change = async |settings: Value| {
        with(&office, &token, Method::PATCH, path, &json!({"settings": settings})).await
    };
    assert_eq!(change(json!({"default_lifetime": 60})).await.status, 200);
    for settings in [
        json!({"hosts": ["tenant.example"]}),
        json!({"issuer": base}),
        json!({"issuer": "https://t.example"}),
    ] {
        is_problem(&change(settings.clone()).await, 403, "not-offered");
        let mut settings = settings;
        settings["operators"] = json!("tops");
        let described = json!({"realms": [{"id": "tenant", "settings": settings}]});
        let answer = with(&office, &token, Method::POST, "/api/v1/apply", &described).await;
        let is_taken = described["realms"][0]["settings"]["issuer"] == base;
        let (status, kind) = if is_taken { (422, "invalid-change") } else { (403, "not-offered") };
        is_problem(&answer, status, kind);
    }
}

#[tokio::test]
async fn no_realm_is_given_the_installations_address_or_another_realms_issuer() {
    let office = Office::open().await;
    tenant(&office).await;
    let base = office.bed.authority.directory().base().to_owned();
    let host = base.split("://").nth(1).unwrap().split([':', '/']).next().unwrap().to_owned();
    let owner = office.token(Role::Owner).await.unwrap();
    for settings in [
        json!({"hosts": [host]}),
        json!({"hosts": [host.to_uppercase()]}),
        json!({"issuer": base}),
        json!({"issuer": format!("{base}/")}),
        json!({"issuer": format!("{base}/realms/ecoinvent")}),
    ] {
        for (method, path, body) in [
            (Method::PATCH, "/api/v1/realms/tenant", json!({"settings": settings})),
            (Method::POST, "/api/v1/realms", json!({"id": "fresh", "settings": settings})),
            (Method::POST, "/api/v1/apply", json!({"realms": [{"id": "fresh", "settings": settings}]})),
        ] {
            let answer = with(&office, &owner, method, path, &body).await;
            assert!(
                answer.status == 422 || answer.body["type"] == "urn:symbolon:problem:taken",
                "{body}: {answer:?}"
            );
        }
    }
    let free = json!({"settings": {"hosts": ["tenant.example"], "issuer": "https://tenant.example"}});
    let answer = with(&office, &owner, Method::PATCH, "/api/v1/realms/tenant", &free).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

#[tokio::test]
async fn a_token_manages_only_what_its_client_still_may() {
    let office = Office::open().await;
    let (owner, admin) = (office.token(Role::Owner).await.unwrap(), office.token(Role::Admin).await.unwrap());
    let path = "/api/v1/realms/default/organizations/staff/clients/staff-admin";
    let everything = office.owner(Method::GET, "/organizations/staff/clients/staff-admin", None).await;
    let grants = everything.body["settings"]["grants"].clone();
    let answer = with(&office, &owner, Method::PATCH, path, &json!({"settings": {"grants": []}})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // It was issued before and lives on, with nothing left to do in management.
    let back = json!({"settings": {"grants": grants}});
    is_problem(&with(&office, &admin, Method::PATCH, path, &back).await, 403, "insufficient-scope");
    let realms = office.bed.send(Request::get("/api/v1/realms").bearer(&admin)).await;
    is_problem(&realms, 403, "insufficient-scope");
    assert_eq!(with(&office, &owner, Method::PATCH, path, &back).await.status, 200);
    assert_eq!(office.bed.send(Request::get("/api/v1/realms").bearer(&admin)).await.status, 200);
}

#[tokio::test]
async fn management_is_neither_given_to_nobody_nor_taken_from_oneself() {
    let office = Office::open().await;
    let owner = office.token(Role::Owner).await.unwrap();
    let path = "/api/v1/realms/default";
    for operators in [json!("nobody-here"), Value::Null, json!("custodian")] {
        let body = json!({"settings": {"operators": operators}});
        let answer = with(&office, &owner, Method::PATCH, path, &body).await;
        is_problem(&answer, 422, "invalid-change");
        let described = json!({"realms": [{"id": "default", "settings": {"operators": operators}}]});
        is_problem(
            &with(&office, &owner, Method::POST, "/api/v1/apply", &described).await,
            422,
            "invalid-change",
        );
    }
    assert_eq!(office.bed.send(Request::get(path).bearer(&owner)).await.status, 200);
    // An organization that comes with the same description is there in time.
    let described = json!({"realms": [{"id": "late", "settings": {"operators": "crew"}, "organizations": [{"id": "crew"}]}]});
    assert_eq!(with(&office, &owner, Method::POST, "/api/v1/apply", &described).await.status, 200);
}
