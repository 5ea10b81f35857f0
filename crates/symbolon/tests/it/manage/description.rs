//! The description of the API: what is committed is what is served, and what it says of scopes holds. That the rest of
//! it holds is shown by a tool of others, in the tests of the binary.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use symbolon_core::permission::AUDIENCE;
use symbolon_server::axum::http::Method;

use super::office::{Office, SECRET, is_problem};
use super::roles::{address, operations};
use crate::support::{Bed, Request};

fn resolved<'a>(api: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => api.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}

#[tokio::test]
async fn the_committed_description_is_the_one_that_is_served() {
    let bed = Bed::start().await;
    let served = bed.send(Request::get("/api/v1/openapi.json")).await;
    assert_eq!(served.status, 200);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let made = symbolon_server::manage::description();
    if std::env::var_os("SYMBOLON_WRITE_OPENAPI").is_some() {
        std::fs::write(file, format!("{made}\n")).unwrap();
    }
    let committed = std::fs::read_to_string(file).unwrap_or_default();
    let stale = "docs/openapi.json is not what the handlers say: run this test with SYMBOLON_WRITE_OPENAPI=1";
    assert!(committed.trim_end() == made.trim_end(), "{stale}");
    assert!(
        committed.trim_end() == served.text.trim_end(),
        "built before docs/openapi.json was written: build again"
    );
}

/// The paths are compared in `server::manage::routes`; here it is the methods of each.
#[tokio::test]
async fn every_path_serves_the_methods_that_are_described_and_no_other() {
    let bed = Bed::start().await;
    let api: Value = serde_json::from_str(&symbolon_server::manage::description()).unwrap();
    for (path, methods) in api["paths"].as_object().unwrap() {
        let described: BTreeSet<String> = methods
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, operation)| operation["operationId"].is_string())
            .map(|(method, _)| method.to_uppercase())
            .collect();
        let answer = bed.send(Request::new(Method::TRACE, &address(path))).await;
        is_problem(&answer, 405, "method-not-allowed");
        let allowed = answer.header("allow").split(',').map(|method| method.trim().to_owned());
        // Whatever answers GET answers HEAD.
        assert_eq!(allowed.filter(|method| method != "HEAD").collect::<BTreeSet<_>>(), described, "{path}");
    }
}

#[tokio::test]
async fn every_operation_names_its_problems_and_needs_a_token() {
    let api: Value = serde_json::from_str(&symbolon_server::manage::description()).unwrap();
    assert!(api["openapi"].as_str().unwrap().starts_with("3.1"));
    assert_eq!(api["security"][0]["oauth2"], serde_json::json!([]));
    for (path, methods) in api["paths"].as_object().unwrap() {
        for (method, operation) in
            methods.as_object().unwrap().iter().filter(|(_, o)| o["operationId"].is_string())
        {
            for status in ["400", "401", "403", "404", "429", "503"] {
                let response = resolved(&api, &operation["responses"][status]);
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/Problem", "{method} {path} {status}");
            }
            for (status, response) in operation["responses"].as_object().unwrap() {
                let headers = &resolved(&api, response)["headers"];
                assert!(headers["x-request-id"].is_object(), "{method} {path} {status}");
            }
            assert!(
                operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()),
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn every_reference_leads_to_something() {
    let api: Value = serde_json::from_str(&symbolon_server::manage::description()).unwrap();
    let (mut waiting, mut found) = (vec![&api], 0);
    while let Some(value) = waiting.pop() {
        if let Some(reference) = value["$ref"].as_str() {
            assert!(api.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
            found += 1;
        }
        match value {
            Value::Object(members) => waiting.extend(members.values()),
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    assert!(found > 500, "{found}");
}

/// Two callers with one scope each: what one of them has, the other lacks.
#[tokio::test]
async fn every_operation_needs_the_scope_that_its_description_names() {
    let office = Office::open().await;
    let scopes = ["read:usage", "write:leaks"];
    let client = |scope: &&str| {
        json!({"id": scope.replace(':', "-"), "settings": {"grants": [{"audience": AUDIENCE, "scopes": [scope]}]},
            "access_keys": [{"id": format!("{}-key", scope.replace(':', "-")), "secret": SECRET}]})
    };
    let clients: Vec<Value> = scopes.iter().map(client).collect();
    let settings = office.bed.authority.directory().realm("default").unwrap().realm().settings.clone();
    let staff = json!({"id": "staff", "clients": clients});
    let realm = json!({"id": "default", "settings": settings, "organizations": [staff]});
    office.bed.apply(&json!({"realms": [realm]}).to_string()).await;
    let mut tokens = Vec::new();
    for scope in scopes {
        let pairs = [("grant_type", "client_credentials"), ("audience", AUDIENCE)];
        let request = Request::post("/oauth/token").basic(&scope.replace(':', "-"), SECRET).form(&pairs);
        tokens
            .push((scope, office.bed.send(request).await.body["access_token"].as_str().unwrap().to_owned()));
    }
    let api: Value = serde_json::from_str(&symbolon_server::manage::description()).unwrap();
    for operation in operations() {
        let what = format!("{} {}", operation.method, operation.path);
        let method = operation.method.as_str().to_lowercase();
        let described = &api["paths"][&operation.path][&method];
        let needed = described["security"][0]["oauth2"][0].as_str();
        let needed = needed.unwrap_or_else(|| panic!("{what} names no scope"));
        let (_, token) = tokens.iter().find(|(scope, _)| *scope != needed).unwrap();
        let request =
            Request::new(operation.method, &address(&operation.path)).json(&json!({})).bearer(token);
        let answer = office.bed.send(request).await;
        is_problem(&answer, 403, "insufficient-scope");
        let challenge = answer.header("www-authenticate");
        assert!(challenge.contains(&format!("scope=\"{needed}\"")), "{what}: {challenge}");
    }
}
