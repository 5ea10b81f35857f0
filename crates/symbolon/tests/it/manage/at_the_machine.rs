//! Commands on the machine itself manage without a token. Nothing that comes over a network becomes such a command.

use symbolon_core::audit::ActorKind;
use symbolon_server::axum::body::Body;
use symbolon_server::axum::http::{self, Method, StatusCode, header};
use symbolon_server::manage::AtTheMachine;
use tower::ServiceExt as _;

use super::office::is_problem;
use crate::support::{Bed, Request};

#[tokio::test]
async fn an_operator_at_the_machine_needs_no_token_and_stands_in_the_audit_by_name_and_run() {
    let bed = Bed::start().await;
    let request = http::Request::builder()
        .method(Method::POST)
        .uri("/api/v1/realms/default/organizations")
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json")
        .extension(AtTheMachine::operator("ada", "run_1"))
        .body(Body::from(r#"{"id": "made-here", "name": "Made here"}"#))
        .unwrap();
    let answer = bed.app().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let rows = bed.audit("default", 0, None).await;
    let row = rows.iter().find(|row| row.subject_id == "made-here").unwrap();
    assert_eq!(
        (row.actor.kind, row.actor.id.as_str(), row.actor.request_id.as_str()),
        (ActorKind::Operator, "ada", "run_1")
    );
}

#[tokio::test]
async fn no_header_host_or_address_makes_an_operator_at_the_machine() {
    let bed = Bed::start().await;
    let ask = || Request::get("/api/v1/realms");
    let names = [
        "x-operator",
        "x-at-the-machine",
        "x-symbolon-operator",
        "x-symbolon-local",
        "x-forwarded-user",
        "remote-user",
        "x-local",
    ];
    for name in names {
        for value in ["ada", "true", "1", "operator", "AtTheMachine"] {
            is_problem(&bed.send(ask().header(name, value)).await, 401, "unauthenticated");
        }
    }
    for value in ["Basic YWRhOg==", "Operator ada", "Bearer operator", "Local", "Bearer AtTheMachine"] {
        is_problem(&bed.send(ask().header("authorization", value)).await, 401, "unauthenticated");
    }
    for request in [
        ask().from("127.0.0.1"),
        ask().from("::1"),
        ask().host("localhost"),
        ask().header("x-forwarded-for", "127.0.0.1"),
    ] {
        is_problem(&bed.send(request).await, 401, "unauthenticated");
    }
}
