//! What customers cannot reach: other organizations by path, body, query and cursor (threat 22), and what only
//! operators set.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use symbolon_core::edit;
use symbolon_core::policy::Grant;
use symbolon_core::protocol::scope::ScopeSet;
use symbolon_server::axum::http::Method;

use super::office::{Office, Role, is_problem};
use crate::support::Request;

const OWN: &str = "/organizations/custodian";
const OTHER: &str = "/organizations/metafold-customer";

#[tokio::test]
async fn threat_22_another_organizations_things_are_not_there_by_path() {
    let office = Office::open().await;
    let customer =
        async |method: Method, path: &str, body| office.ask(Role::CustomerAdmin, method, path, body).await;
    for path in
        ["", "/clients", "/clients/metafold", "/clients/metafold/access-keys", "/members", "/licences"]
    {
        is_problem(&customer(Method::GET, &format!("{OTHER}{path}"), None).await, 404, "not-found");
        // The other organization's thing below one's own organization is not there either.
        if path.contains("metafold") {
            is_problem(&customer(Method::GET, &format!("{OWN}{path}"), None).await, 404, "not-found");
        }
    }
    for (method, path) in [
        (Method::DELETE, "/clients/metafold"),
        (Method::PATCH, "/clients/metafold"),
        (Method::POST, "/clients/metafold/rotate"),
        (Method::POST, "/clients/metafold/access-keys"),
        (Method::POST, "/clients/metafold/access-keys/metafold-key/deactivate"),
        (Method::DELETE, "/clients/metafold/access-keys/metafold-key"),
        // A key of another client below one's own client.
        (Method::POST, "/clients/meti/access-keys/metafold-key/deactivate"),
    ] {
        for place in [OWN, OTHER] {
            let answer = customer(method.clone(), &format!("{place}{path}"), Some(json!({}))).await;
            is_problem(&answer, 404, "not-found");
        }
    }
    let form = [("grant_type", "client_credentials")];
    let request = Request::post("/oauth/token").basic("metafold", crate::support::secrets::METAFOLD);
    assert_eq!(office.bed.send(request.form(&form)).await.status, 200, "nothing happened to it");
}

#[tokio::test]
async fn threat_22_another_organization_in_the_body_is_refused() {
    let office = Office::open().await;
    let path = format!("{OWN}/clients");
    let body = json!({"organization": "metafold-customer", "settings": {}});
    let answer = office.ask(Role::CustomerAdmin, Method::POST, &path, Some(body)).await;
    is_problem(&answer, 400, "invalid-body");
    let body = json!({"organization": "metafold-customer"});
    let answer = office.ask(Role::CustomerAdmin, Method::PATCH, &format!("{path}/meti"), Some(body)).await;
    is_problem(&answer, 400, "invalid-body");
    for (kind, id) in [
        ("client", "metafold"),
        ("access_key", "metafold-key"),
        ("organization", "metafold-customer"),
        ("realm", "default"),
        ("user", "usr_nobody"),
    ] {
        let body = json!({"kind": kind, "id": id});
        let answer =
            office.ask(Role::CustomerAdmin, Method::POST, &format!("{OWN}/revocations"), Some(body)).await;
        is_problem(&answer, 404, "not-found");
    }
    let form = [("grant_type", "client_credentials"), ("audience", "https://api.metafold3d.com")];
    let request = Request::post("/oauth/token").basic("metafold", crate::support::secrets::METAFOLD);
    let jti = office.bed.send(request.form(&form)).await.claims()["jti"].clone();
    let body = json!({"kind": "token", "id": jti});
    let answer =
        office.ask(Role::CustomerAdmin, Method::POST, &format!("{OWN}/revocations"), Some(body)).await;
    is_problem(&answer, 404, "not-found");
}

#[tokio::test]
async fn threat_22_another_organization_in_query_or_cursor_shows_nothing_of_it() {
    let office = Office::open().await;
    let path = format!("{OWN}/clients?organization=metafold-customer");
    is_problem(&office.ask(Role::CustomerAdmin, Method::GET, &path, None).await, 400, "invalid-parameter");
    for place in ["metafold", "a", "metafold-customer"] {
        let path = format!("{OWN}/clients?cursor={}", URL_SAFE_NO_PAD.encode(place));
        let answer = office.ask(Role::CustomerAdmin, Method::GET, &path, None).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        for item in answer.body["items"].as_array().unwrap() {
            assert_eq!(item["organization"], "custodian");
        }
    }
}

#[tokio::test]
async fn threat_3_a_forged_cursor_is_refused() {
    let office = Office::open().await;
    let encoded = URL_SAFE_NO_PAD.encode("x' OR '1'='1 --");
    for cursor in ["%27%20OR%201%3D1", "AAAA", "*", &encoded, "%00", "..%2F.."] {
        let path = format!("{OWN}/clients?cursor={cursor}");
        is_problem(&office.owner(Method::GET, &path, None).await, 400, "invalid-cursor");
    }
}

#[tokio::test]
async fn an_operator_of_one_realm_does_not_reach_another_and_only_the_default_realms_operators_reach_all() {
    let office = Office::open().await;
    assert_eq!(office.send(Role::Owner, Request::get("/api/v1/realms/ecoinvent")).await.status, 200);
    let path = "/api/v1/realms/ecoinvent";
    let answer = office.send(Role::CustomerAdmin, Request::get(path)).await;
    is_problem(&answer, 404, "not-found");
    let answer = office.send(Role::Owner, Request::get("/api/v1/realms/nowhere")).await;
    is_problem(&answer, 404, "not-found");
}

#[tokio::test]
async fn customers_give_their_clients_what_the_realm_offers_and_nothing_more() {
    let office = Office::open().await;
    let path = format!("{OWN}/clients");
    let asked = |scopes: &[&str]| json!({"settings": {"grants": [{"audience": "https://api.meti.io", "scopes": scopes}]}});
    let make = async |body| office.ask(Role::CustomerDeveloper, Method::POST, &path, Some(body)).await;
    is_problem(&make(asked(&["read:sources"])).await, 403, "not-offered");
    office
        .bed
        .operator("default", async |editor| {
            let before = editor.authority.directory().realm("default").unwrap().realm().clone();
            let mut after = before.clone();
            let grant = Grant {
                audience: "https://api.meti.io".to_owned(),
                scopes: ScopeSet::parse("read:sources").unwrap(),
            };
            after.settings.self_service.grants = vec![grant];
            edit::realm::update(editor, &before, &after).await.unwrap();
        })
        .await;
    let offered = make(asked(&["read:sources"])).await;
    assert_eq!(offered.status, 201, "{offered:?}");
    is_problem(&make(asked(&["read:sources", "delete:sources"])).await, 403, "not-offered");
    is_problem(&make(json!({"settings": {"policies": ["Administrator"]}})).await, 403, "not-offered");
    is_problem(&make(json!({"settings": {"lifetime": 86400}})).await, 403, "not-offered");
    is_problem(&make(json!({"settings": {"claims": {"role": "root"}}})).await, 403, "not-offered");
    is_problem(&make(json!({"id": "chosen"})).await, 403, "not-offered");
    let usual = make(json!({})).await;
    assert_eq!(usual.body["settings"]["grants"][0]["scopes"], json!(["read:sources"]), "{usual:?}");

    // What an operator gave stays, and may be given back, but not widened.
    let meti = format!("{path}/meti");
    let change = async |body| office.ask(Role::CustomerDeveloper, Method::PATCH, &meti, Some(body)).await;
    assert_eq!(change(json!({"settings": {"name": "Renamed"}})).await.status, 200);
    is_problem(&change(json!({"settings": {"claims": {"role": "root"}}})).await, 403, "not-offered");
    let managing = json!([{"audience": "urn:symbolon:management", "scopes": ["write:clients"]}]);
    is_problem(&change(json!({"settings": {"grants": managing}})).await, 403, "not-offered");
    assert_eq!(change(json!({"settings": {"grants": []}})).await.status, 200);
    is_problem(&change(asked(&["delete:sources"])).await, 403, "not-offered");
}

#[tokio::test]
async fn nobody_gives_more_than_it_has_nor_gets_a_key_of_who_has_more() {
    let office = Office::open().await;
    let managing = |scope: &str| json!({"settings": {"grants": [{"audience": "urn:symbolon:management", "scopes": [scope]}]}});
    let staff = "/organizations/staff/clients";
    let admin = async |method: Method, path: &str, body| office.ask(Role::Admin, method, path, body).await;
    let more = Some(managing("write:operators"));
    is_problem(&admin(Method::POST, staff, more.clone()).await, 403, "insufficient-scope");
    let own = format!("{staff}/staff-admin");
    is_problem(&admin(Method::PATCH, &own, more).await, 403, "insufficient-scope");
    assert_eq!(admin(Method::POST, staff, Some(managing("write:clients"))).await.status, 201);
    for path in ["rotate", "access-keys"] {
        let answer = admin(Method::POST, &format!("{staff}/owner/{path}"), Some(json!({}))).await;
        is_problem(&answer, 403, "insufficient-scope");
    }
    let statement = json!({"effect": "allow", "actions": ["*"], "resources": ["urn:symbolon:management"]});
    let policy = json!({"id": "all", "name": "All", "statements": [statement]});
    is_problem(&admin(Method::POST, "/policies", Some(policy.clone())).await, 403, "insufficient-scope");
    assert_eq!(office.owner(Method::POST, "/policies", Some(policy)).await.status, 201);
    let assign = format!("{own}/policies/all");
    is_problem(&admin(Method::PUT, &assign, None).await, 403, "insufficient-scope");
    let deny = json!({"effect": "deny", "actions": ["write:operators"], "resources": ["*"]});
    let less = json!({"id": "less", "name": "Less", "statements": [deny]});
    assert_eq!(admin(Method::POST, "/policies", Some(less)).await.status, 201);
    is_problem(&admin(Method::DELETE, "/policies/less", None).await, 403, "insufficient-scope");
    assert_eq!(office.owner(Method::DELETE, "/policies/less", None).await.status, 204);
    // What has more already can be renamed and switched off by whoever may change clients.
    let owner = format!("{staff}/owner");
    assert_eq!(admin(Method::PATCH, &owner, Some(json!({"settings": {"name": "Boss"}}))).await.status, 200);

    let developer =
        async |path: &str| office.ask(Role::CustomerDeveloper, Method::POST, path, Some(json!({}))).await;
    is_problem(&developer(&format!("{OWN}/clients/cus-admin/rotate")).await, 403, "insufficient-scope");
    assert_eq!(developer(&format!("{OWN}/clients/meti/rotate")).await.status, 201);
}
