//! What users of HTTP APIs expect: versions, pages, merge patches, and errors that say what to do.

use serde_json::json;
use symbolon_server::axum::http::Method;

use super::office::{Office, Role, is_problem};
use crate::support::Request;

const METI: &str = "/organizations/custodian/clients/meti";

#[tokio::test]
async fn a_change_of_an_old_version_is_refused_and_loses_nothing() {
    let office = Office::open().await;
    let shown = office.owner(Method::GET, METI, None).await;
    let tag = shown.header("etag").to_owned();
    assert_eq!(tag, format!("\"{}\"", shown.body["version"]));
    let change = |tag: &str, name: &str| {
        let request = Request::new(Method::PATCH, &format!("/api/v1/realms/default{METI}"));
        let body = json!({"settings": {"name": name}});
        office.send(Role::Owner, request.header("if-match", tag).json(&body))
    };
    let changed = change(&tag, "first").await;
    assert_eq!((changed.status, &changed.body["settings"]["name"]), (200, &json!("first")));
    is_problem(&change(&tag, "second").await, 412, "precondition-failed");
    assert_eq!(change(changed.header("etag"), "third").await.status, 200);
    let delete =
        Request::new(Method::DELETE, &format!("/api/v1/realms/default{METI}")).header("if-match", &tag);
    is_problem(&office.send(Role::Owner, delete).await, 412, "precondition-failed");
    assert_eq!(office.owner(Method::GET, METI, None).await.body["settings"]["name"], "third");
}

#[tokio::test]
async fn what_has_not_changed_is_not_sent_again() {
    let office = Office::open().await;
    let shown = office.owner(Method::GET, METI, None).await;
    let again =
        Request::get(&format!("/api/v1/realms/default{METI}")).header("if-none-match", shown.header("etag"));
    let again = office.send(Role::Owner, again).await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
}

#[tokio::test]
async fn threat_7_a_partial_change_of_a_disabled_client_keeps_it_disabled() {
    let office = Office::open().await;
    assert_eq!(office.owner(Method::PATCH, METI, Some(json!({"status": "disabled"}))).await.status, 200);
    let changed = office.owner(Method::PATCH, METI, Some(json!({"settings": {"name": "still off"}}))).await;
    assert_eq!((changed.status, &changed.body["status"]), (200, &json!("disabled")), "{changed:?}");
    assert_eq!(changed.body["settings"]["claims"]["role"], "custodian", "what is not named stays");
    let removed =
        office.owner(Method::PATCH, METI, Some(json!({"settings": {"claims": {"role": null}}}))).await;
    assert!(removed.body["settings"]["claims"].get("role").is_none(), "{removed:?}");
}

#[tokio::test]
async fn lists_come_in_pages_that_miss_nothing_and_repeat_nothing() {
    let office = Office::open().await;
    for _ in 0..7 {
        let body = json!({"generate_access_key": false});
        assert_eq!(
            office.owner(Method::POST, "/organizations/m3ter-org/clients", Some(body)).await.status,
            201
        );
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/organizations/m3ter-org/clients?limit=2{cursor}");
        let page = office.owner(Method::GET, &path, None).await;
        let items = page.body["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        seen.extend(items.iter().map(|item| item["id"].as_str().unwrap().to_owned()));
        match page.body["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let mut sorted = seen.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!((seen.len(), &seen), (9, &sorted));
}

#[tokio::test]
async fn mistakes_are_told_with_what_to_do() {
    let office = Office::open().await;
    let clients = "/organizations/custodian/clients";
    is_problem(
        &office.owner(Method::GET, &format!("{clients}?limit=0"), None).await,
        400,
        "invalid-parameter",
    );
    is_problem(
        &office.owner(Method::GET, &format!("{clients}?limit=many"), None).await,
        400,
        "invalid-parameter",
    );
    let unknown = office.owner(Method::POST, clients, Some(json!({"settings": {"nmae": "x"}}))).await;
    is_problem(&unknown, 400, "invalid-body");
    assert!(unknown.body["detail"].as_str().unwrap().contains("nmae"), "{unknown:?}");
    let grants = json!({"settings": {"grants": [{"audience": "https://nowhere.example", "scopes": []}]}});
    let rule = office.owner(Method::POST, clients, Some(grants)).await;
    is_problem(&rule, 422, "invalid-change");
    assert!(rule.body["detail"].as_str().unwrap().contains("https://nowhere.example"));
    let taken = json!({"id": "meti"});
    is_problem(&office.owner(Method::POST, clients, Some(taken)).await, 409, "taken");

    let at = |path: &str| format!("/api/v1/realms/default{path}");
    let form = Request::post(&at(clients)).form(&[("name", "x")]);
    is_problem(&office.send(Role::Owner, form).await, 415, "unsupported-media-type");
    let large = Request::post(&at(clients)).raw("application/json", &vec![b' '; 300 * 1024]);
    is_problem(&office.send(Role::Owner, large).await, 413, "too-large");
    let broken = Request::post(&at(clients)).raw("application/json", b"{\"settings\":");
    is_problem(&office.send(Role::Owner, broken).await, 400, "invalid-body");
    is_problem(&office.bed.send(Request::get("/api/v1/nowhere")).await, 404, "not-found");
    let method = office.send(Role::Owner, Request::new(Method::DELETE, "/api/v1/realms")).await;
    is_problem(&method, 405, "method-not-allowed");
    assert!(method.header("allow").contains("GET"), "{method:?}");
}

#[tokio::test]
async fn a_failing_store_is_503_and_says_when_to_try_again() {
    let office = Office::open().await;
    let token = office.token(Role::Owner).await.unwrap();
    office.bed.authority.store().close().await;
    let path = "/api/v1/realms/default/organizations/custodian/clients";
    let answer = office.bed.send(Request::get(path).bearer(&token)).await;
    is_problem(&answer, 503, "unavailable");
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn a_request_that_is_sent_again_makes_one_thing_and_shows_no_secret_twice() {
    let office = Office::open().await;
    let clients = "/api/v1/realms/default/organizations/custodian/clients";
    let send = |key: &str, body: serde_json::Value| {
        let request = Request::post(clients).header("idempotency-key", key).json(&body);
        office.send(Role::Owner, request)
    };
    let body = json!({"settings": {"name": "once"}});
    let first = send("a", body.clone()).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, ""));
    let again = send("a", body.clone()).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, "true"), "{again:?}");
    assert_eq!(again.header("location"), first.header("location"));
    for member in ["id", "settings", "version", "created_at"] {
        assert_eq!(again.body[member], first.body[member]);
    }
    assert_eq!(again.body["access_key"]["id"], first.body["access_key"]["id"]);
    assert!(again.body["access_key"]["secret"].is_null(), "{again:?}");

    is_problem(&send("a", json!({"settings": {"name": "other"}})).await, 422, "idempotency-key-reused");
    let other = send("b", body.clone()).await;
    assert_ne!(other.body["id"], first.body["id"]);
    let request = Request::post(clients).header("idempotency-key", "a").json(&json!({}));
    let somebody = office.send(Role::CustomerAdmin, request).await;
    assert_eq!((somebody.status, somebody.header("idempotent-replayed")), (201, ""), "{somebody:?}");
    is_problem(&send("", body.clone()).await, 400, "invalid-parameter");

    let rotate = format!("{clients}/meti/rotate");
    let rotate = || office.send(Role::Owner, Request::post(&rotate).header("idempotency-key", "r"));
    let (first, again) = (rotate().await, rotate().await);
    assert_eq!((first.status, again.status), (201, 201), "{again:?}");
    assert_eq!(again.body["id"], first.body["id"]);
    assert!(first.body["secret"].is_string() && again.body["secret"].is_null());
}
