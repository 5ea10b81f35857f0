//! `Caller` as an argument of axum handlers (feature `axum`).

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::get as route;
use symbolon_guard::Caller;
use tower::ServiceExt as _;

use crate::support::{World, bearer, get};

async fn ask(app: Router, token: &str) -> (u16, String) {
    let request = get("/").header("authorization", bearer(token)).body(Body::empty()).unwrap();
    let response = app.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 1024).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_handler_gets_its_caller_behind_a_guard_and_fails_closed_without() {
    let world = World::new();
    let open: Router = Router::new().route("/", route(async |caller: Caller| caller.subject().to_owned()));
    let guarded = open.clone().layer(world.guard.layer());
    assert_eq!(ask(guarded, &world.token()).await, (200, "cli_1".to_owned()));
    assert_eq!(ask(open, &world.token()).await, (500, "{\"error\":\"server_error\"}".to_owned()));
}
