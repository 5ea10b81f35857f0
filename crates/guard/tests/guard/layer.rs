//! The layer's rules, and that it is a well-behaved tower service.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use axum::Router;
use axum::routing::{get as route, post};
use http::{Method, Request, Response};
use symbolon_guard::protocol::jwk::JwkSet;
use symbolon_guard::protocol::scope::{Scope, ScopeSet};
use symbolon_guard::{Caller, FetchFuture, Guard, GuardLayer, Issuer, KeySource, Refusal};
use tower::{Layer as _, Service as _, ServiceExt as _, service_fn};

use crate::support::{AUDIENCE, ISSUER, World, bearer, claims_with, get, send, set};

async fn status(world: &World, layer: &GuardLayer, method: Method, scope: &str) -> u16 {
    let token = world.sign(&claims_with("scope", scope.into()));
    let request = Request::builder().method(method).uri("/sources").header("authorization", bearer(&token));
    send(layer, request).await.status().as_u16()
}

#[tokio::test]
async fn scopes_are_required_by_method() {
    let world = World::new();
    let layer = world.guard.layer().require_for(Method::GET, "read:sources").unwrap();
    let layer = layer.require_for(Method::POST, "write:sources").unwrap();
    let layer = layer.require_for(Method::OPTIONS, "").unwrap();
    for (method, scope, expected) in [
        (Method::GET, "read:sources", 200),
        (Method::HEAD, "read:sources", 200),
        (Method::GET, "write:sources", 403),
        (Method::HEAD, "write:sources", 403),
        (Method::POST, "write:sources", 200),
        (Method::POST, "read:sources", 403),
        (Method::POST, "", 403),
        (Method::OPTIONS, "", 200),
        (Method::DELETE, "read:sources write:sources", 405),
    ] {
        assert_eq!(status(&world, &layer, method.clone(), scope).await, expected, "{method} {scope:?}");
    }
}

#[tokio::test]
async fn requirements_add_up() {
    let world = World::new();
    let layer = world.guard.layer().require("a").unwrap().require(Scope::parse("b").unwrap()).unwrap();
    let layer = layer.require_for(Method::GET, ScopeSet::parse("c").unwrap()).unwrap();
    let layer = layer.require_for(Method::GET, "d").unwrap();
    assert_eq!(status(&world, &layer, Method::GET, "a b c d").await, 200);
    for lacking in ["b c d", "a c d", "a b d", "a b c", "", "a:b:c:d"] {
        assert_eq!(status(&world, &layer, Method::GET, lacking).await, 403, "{lacking}");
    }
}

#[tokio::test]
async fn a_scope_is_never_part_of_another() {
    let world = World::new();
    let layer = world.guard.layer().require("read:sources").unwrap();
    for near in ["read", "read:*", "read:sources2", "READ:SOURCES", "xread:sources", "*"] {
        assert_eq!(status(&world, &layer, Method::GET, near).await, 403, "{near}");
    }
}

#[test]
fn what_is_not_a_scope_is_refused_when_the_layer_is_made() {
    let world = World::new();
    assert!(world.guard.layer().require("a\"b").is_err());
    assert!(world.guard.layer().require_for(Method::GET, "é").is_err());
}

#[tokio::test]
async fn the_request_passes_unchanged_but_for_the_caller() {
    let world = World::new();
    let token = bearer(&world.token());
    let api = service_fn(async |request: Request<String>| {
        assert_eq!(request.uri(), "/sources?a=b");
        assert_eq!(request.method(), Method::PUT);
        assert_eq!(request.headers().len(), 2);
        assert_eq!(request.headers()["x-other"], "1");
        assert!(request.extensions().get::<Caller>().is_some());
        Ok::<_, Infallible>(Response::new(request.headers()["authorization"].to_str().unwrap().to_owned()))
    });
    let request = Request::put("/sources?a=b").header("authorization", &token).header("x-other", "1");
    let response =
        world.guard.layer().layer(api).oneshot(request.body(String::new()).unwrap()).await.unwrap();
    assert_eq!(*response.body(), token);
}

/// Panics when it is called without having been polled ready: clones start unready.
struct NeedsReady(bool);

impl Clone for NeedsReady {
    fn clone(&self) -> Self {
        Self(false)
    }
}

impl tower::Service<Request<String>> for NeedsReady {
    type Response = Response<String>;
    type Error = Infallible;
    type Future = Ready<Result<Response<String>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.0 = true;
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<String>) -> Self::Future {
        assert!(std::mem::take(&mut self.0), "called before it was ready");
        ready(Ok(Response::new("called".to_owned())))
    }
}

#[tokio::test]
async fn the_service_that_was_polled_ready_is_the_one_that_is_called() {
    let world = World::new();
    let issuer = Issuer::new(ISSUER, SlowSource(set([&world.key])));
    let guard =
        Guard::builder().issuer(issuer).audience(AUDIENCE).clock(world.clock.reader()).build().unwrap();
    let mut service = guard.layer().layer(NeedsReady(false));
    for _ in 0..3 {
        let token = bearer(&world.token());
        let request = get("/").header("authorization", token).body(String::new()).unwrap();
        let response = service.ready().await.unwrap().call(request).await.unwrap();
        assert_eq!(response.body(), "called");
    }
}

/// Keys that must be fetched, so that the first request takes the slow way.
struct SlowSource(JwkSet);

impl KeySource for SlowSource {
    fn fetch(&self) -> FetchFuture<'_> {
        Box::pin(async {
            tokio::task::yield_now().await;
            Ok(self.0.clone())
        })
    }
}

#[tokio::test]
async fn an_axum_router_is_guarded_route_by_route() {
    let world = World::new();
    let read = world.guard.layer().require("read:sources").unwrap();
    let delete = world.guard.layer().require("delete:sources").unwrap();
    let app: Router = Router::new()
        .route("/sources", route(async || "sources").layer(read))
        .route("/purge", post(async || "purged").layer(delete))
        .route("/livez", route(async || "alive"));
    let ask = async |request: http::request::Builder| {
        app.clone().oneshot(request.body(axum::body::Body::empty()).unwrap()).await.unwrap().status().as_u16()
    };
    let token = bearer(&world.token());
    assert_eq!(ask(get("/sources").header("authorization", &token)).await, 200);
    assert_eq!(ask(get("/sources")).await, 401);
    assert_eq!(ask(Request::post("/purge").header("authorization", &token)).await, 403);
    assert_eq!(ask(get("/livez")).await, 200);
}

#[tokio::test]
async fn requests_can_be_authenticated_without_the_layer() {
    let world = World::new();
    let request = get("/?x=1").header("authorization", bearer(&world.token())).body(()).unwrap();
    let caller = world.guard.authenticate(request.headers(), request.uri().query()).await.unwrap();
    assert_eq!(caller.subject(), "cli_1");
    let refusal = world.guard.authenticate(&http::HeaderMap::new(), None).await.unwrap_err();
    assert_eq!(refusal, Refusal::NoCredentials);
    let answer: Response<String> = world.guard.answer(&refusal);
    assert_eq!(answer.status(), 401);
}
