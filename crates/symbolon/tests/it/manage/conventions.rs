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
async fn what_databases_cannot_keep_and_readers_take_in_two_ways_is_refused() {
    let office = Office::open().await;
    let at = |path: &str| format!("/api/v1/realms/default{path}");
    for (body, why) in [
        (r#"{"name": "a\u0000b"}"#, "NUL"),
        (r#"{"name": "a", "metadata": {"\u0000": "b"}}"#, "NUL"),
        (r#"{"name": "a", "metadata": {"b": "1", "b": "2"}}"#, "there twice"),
        (r#"{"name": "a", "name": "b"}"#, "there twice"),
    ] {
        let request = Request::post(&at("/organizations")).raw("application/json", body.as_bytes());
        let answer = office.send(Role::Owner, request).await;
        is_problem(&answer, 400, "invalid-body");
        assert!(answer.body["detail"].as_str().unwrap().contains(why), "{answer:?}");
    }
    let doubled = Request::new(Method::PATCH, &at(METI))
        .raw("application/merge-patch+json", br#"{"status": "disabled", "status": "active"}"#);
    is_problem(&office.send(Role::Owner, doubled).await, 400, "invalid-body");
    let deep = "[".repeat(100_000);
    let deep = Request::post(&at("/organizations")).raw("application/json", deep.as_bytes());
    is_problem(&office.send(Role::Owner, deep).await, 400, "invalid-body");
    let path = "/organizations/custodian/clients/a%00b";
    is_problem(&office.owner(Method::GET, path, None).await, 400, "invalid-parameter");
    let path = "/organizations/custodian/clients/%ff";
    is_problem(&office.owner(Method::GET, path, None).await, 400, "invalid-parameter");
}

#[tokio::test]
async fn names_are_short_enough_for_lists_and_hold_no_control_characters() {
    let office = Office::open().await;
    for bad in ["x".repeat(256), "bell\u{7}".to_owned(), "line\nline".to_owned()] {
        for (path, body) in [
            ("/organizations", json!({"name": bad})),
            ("/policies", json!({"name": bad, "statements": []})),
            ("/organizations/custodian/clients", json!({"settings": {"name": bad}})),
            ("/resource-servers", json!({"identifier": "urn:example:x", "settings": {"name": bad}})),
        ] {
            is_problem(&office.owner(Method::POST, path, Some(body)).await, 422, "invalid-change");
        }
    }
    let longest = json!({"name": "é".repeat(255)});
    assert_eq!(office.owner(Method::POST, "/organizations", Some(longest)).await.status, 201);
}

#[tokio::test]
async fn a_whole_number_may_be_written_with_a_fraction_of_nothing() {
    let office = Office::open().await;
    let body = r#"{"settings": {"lifetime": 600.0, "claims": {"share": 0.5}}}"#;
    let path = "/api/v1/realms/default/organizations/custodian/clients";
    let request = Request::post(path).raw("application/json", body.as_bytes());
    let made = office.send(Role::Owner, request).await;
    assert_eq!((made.status, &made.body["settings"]["lifetime"]), (201, &json!(600)), "{made:?}");
    assert_eq!(made.body["settings"]["claims"]["share"], 0.5);
    let changed = office.owner(Method::PATCH, METI, Some(json!({"settings": {"lifetime": 60.0}}))).await;
    assert_eq!((changed.status, &changed.body["settings"]["lifetime"]), (200, &json!(60)), "{changed:?}");
    let half = office.owner(Method::PATCH, METI, Some(json!({"settings": {"lifetime": 60.5}}))).await;
    is_problem(&half, 400, "invalid-body");
}

#[tokio::test]
async fn threat_7_taking_back_a_status_does_not_switch_anything_on() {
    let office = Office::open().await;
    assert_eq!(office.owner(Method::PATCH, METI, Some(json!({"status": "disabled"}))).await.status, 200);
    let answer = office.owner(Method::PATCH, METI, Some(json!({"status": null}))).await;
    is_problem(&answer, 422, "invalid-change");
    assert_eq!(office.owner(Method::GET, METI, None).await.body["status"], "disabled");
}

#[tokio::test]
async fn a_password_can_be_changed_and_is_not_changed_by_other_patches() {
    let office = Office::open().await;
    let body = json!({"email": "jane@custodian.example", "role": "viewer"});
    let made = office.owner(Method::POST, "/organizations/custodian/members", Some(body)).await;
    assert_eq!(made.body["has_password"], false, "{made:?}");
    let path = format!("/organizations/custodian/members/{}", made.body["id"].as_str().unwrap());
    let set = json!({"password": "a long enough password"});
    assert_eq!(office.owner(Method::PATCH, &path, Some(set)).await.body["has_password"], true);
    let changed = office.owner(Method::PATCH, &path, Some(json!({"role": "developer"}))).await;
    assert_eq!(
        (&changed.body["role"], &changed.body["has_password"]),
        (&json!("developer"), &json!(true)),
        "{changed:?}"
    );
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
