//! Usage as the management API answers it: refusals by their exact reason.

use std::time::Duration;

use serde_json::{Value, json};
use symbolon_core::permission::AUDIENCE;
use symbolon_server::axum::http::Method;

use super::office::{Office, Role, SECRET, is_problem};
use crate::support::Request;

const SPAN: &str = "from=2026-11-22T00:00:00Z&to=2026-11-23T00:00:00Z";

/// Reasons with the number of requests of each, in the order of their names.
fn reasons(answer: &Value) -> Vec<(&str, i64)> {
    let series = answer["items"].as_array().unwrap().iter();
    series
        .map(|one| {
            (one["group"]["reason"].as_str().unwrap_or("-"), one["counts"][0]["requests"].as_i64().unwrap())
        })
        .collect()
}

/// Requests that are refused for several reasons, and their counting.
async fn refused(office: &Office) {
    let ask = async |id: &str, secret: &str, scope: &str| {
        let form =
            [("grant_type", "client_credentials"), ("audience", "https://api.meti.io"), ("scope", scope)];
        office.bed.send(Request::post("/oauth/token").basic(id, secret).form(&form)).await
    };
    for _ in 0..2 {
        ask("meti", "not-the-secret-of-anybody", "").await.refused(401, "invalid_client");
    }
    ask("nobody-here", "not-the-secret-of-anybody", "").await.refused(401, "invalid_client");
    ask("meti", crate::support::secrets::METI, "nonsense").await.refused(400, "invalid_scope");
    // Refusals are kept behind the scenes.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    let mut counted = 0;
    while counted < 4 {
        assert!(tokio::time::Instant::now() < deadline, "{counted} were counted");
        counted += office.bed.store().count_refusals(office.bed.authority.now()).await.unwrap();
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn refusals_are_told_apart_by_exact_reasons() {
    let office = Office::open().await;
    refused(&office).await;
    let ask = async |role, path: &str| office.ask(role, Method::GET, path, None).await;
    let realm = format!("/usage?{SPAN}&group_by=reason&result=refused");
    for role in [Role::Owner, Role::Auditor] {
        let answer = ask(role, &realm).await;
        let expected = [("scopes", 1), ("unknown_client", 1), ("wrong_secret", 2)];
        assert_eq!(reasons(&answer.body), expected, "{answer:?}");
    }
    // By the hour, and beside the code that was told.
    let answer =
        ask(Role::Owner, &format!("/usage?{SPAN}&group_by=result,reason&step=hour&result=invalid_client"))
            .await;
    let expected = json!({"result": "invalid_client", "reason": "wrong_secret"});
    assert_eq!(answer.body["items"][1]["group"], expected, "{answer:?}");
    let hour = json!([{"at": "2026-11-22T12:00:00.000Z", "requests": 2}]);
    assert_eq!(answer.body["items"][1]["counts"], hour, "{answer:?}");
    // A customer's are those of requests that named one of its clients.
    let own = format!("/organizations/custodian/usage?{SPAN}&group_by=reason&result=refused");
    let answer = ask(Role::CustomerViewer, &own).await;
    assert_eq!(reasons(&answer.body), [("scopes", 1), ("wrong_secret", 2)], "{answer:?}");
    is_problem(&ask(Role::OtherCustomer, &own).await, 404, "not-found");
    let unknown = ask(Role::Owner, &format!("/usage?{SPAN}&group_by=reasons")).await;
    is_problem(&unknown, 400, "invalid-parameter");
}

#[tokio::test]
async fn exact_reasons_are_for_whoever_may_read_the_audit() {
    let office = Office::open().await;
    let client = |id: &str, scopes: &[&str]| {
        json!({"id": id, "settings": {"grants": [{"audience": AUDIENCE, "scopes": scopes}]},
            "access_keys": [{"id": format!("{id}-key"), "secret": SECRET}]})
    };
    let clients = json!([client("counts", &["read:usage"]), client("reads", &["read:usage", "read:audit"])]);
    let organizations = ["staff", "custodian"].map(|id| {
        let clients = clients.as_array().unwrap().iter().map(|client| {
            let text = client.to_string().replace("counts", &format!("{id}-counts"));
            serde_json::from_str::<Value>(&text.replace("reads", &format!("{id}-reads"))).unwrap()
        });
        json!({"id": id, "clients": clients.collect::<Vec<_>>()})
    });
    let settings = office.bed.authority.directory().realm("default").unwrap().realm().settings.clone();
    let realms = json!([{"id": "default", "settings": settings, "organizations": organizations}]);
    office.bed.apply(&json!({"realms": realms}).to_string()).await;
    for (organization, path) in [("staff", "/usage"), ("custodian", "/organizations/custodian/usage")] {
        for (name, may) in [("counts", false), ("reads", true)] {
            let form = [("grant_type", "client_credentials"), ("audience", AUDIENCE)];
            let id = format!("{organization}-{name}");
            let token = office.bed.send(Request::post("/oauth/token").basic(&id, SECRET).form(&form)).await;
            let token = token.body["access_token"].as_str().unwrap().to_owned();
            let ask = async |by: &str| {
                let path = format!("/api/v1/realms/default{path}?{SPAN}&group_by={by}");
                office.bed.send(Request::new(Method::GET, &path).bearer(&token)).await
            };
            assert_eq!(ask("result").await.status, 200);
            let answer = ask("reason").await;
            if may {
                assert_eq!(answer.status, 200, "{id}: {answer:?}");
            } else {
                is_problem(&answer, 403, "insufficient-scope");
                assert!(answer.header("www-authenticate").contains("scope=\"read:audit\""), "{answer:?}");
            }
        }
    }
}
