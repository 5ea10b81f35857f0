//! Every URL of the server, in one place.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::response::Response;
use axum::routing::future::RouteFuture;
use axum::routing::{any, get};
use tower_service::Service;

use crate::metrics::RequestCounts;
pub use crate::middleware::request_id::App;
use crate::state::ServerState;
use crate::traces::RequestTraces;
use crate::{console, health, manage, oauth};

/// The routes of the OAuth edge, the management API and the health checks.
pub fn router(state: ServerState) -> Router {
    use oauth::{introspect, jwks, metadata, password_token, revoke, token};
    let management = Later::new(|_| manage::routes(), state.clone());
    let console = Later::new(console::routes, state.clone());
    Router::new()
        .route("/oauth/token", any(token::standard))
        .route("/realms/{realm}/oauth/token", any(token::standard))
        .route("/realms/{realm}/protocol/openid-connect/token", any(token::keycloak))
        .route("/token", any(password_token::issue_token))
        .route("/oauth/introspect", any(introspect::answer))
        .route("/realms/{realm}/oauth/introspect", any(introspect::answer))
        .route("/realms/{realm}/protocol/openid-connect/token/introspect", any(introspect::answer))
        .route("/oauth/revoke", any(revoke::revoke))
        .route("/realms/{realm}/oauth/revoke", any(revoke::revoke))
        .route("/realms/{realm}/protocol/openid-connect/revoke", any(revoke::revoke))
        .route("/.well-known/oauth-authorization-server", get(metadata::document))
        .route("/.well-known/oauth-authorization-server/realms/{realm}", get(metadata::document))
        .route("/.well-known/openid-configuration", get(metadata::document))
        .route("/realms/{realm}/.well-known/openid-configuration", get(metadata::document))
        .route("/realms/{realm}/.well-known/oauth-authorization-server", get(metadata::document))
        .route("/.well-known/jwks.json", get(jwks::document))
        .route("/realms/{realm}/.well-known/jwks.json", get(jwks::document))
        .route("/realms/{realm}/protocol/openid-connect/certs", get(jwks::document))
        .route("/livez", get(health::live))
        .route("/readyz", get(health::ready))
        .layer(DefaultBodyLimit::max(symbolon_core::protocol::parameters::LARGEST_BODY))
        .nest_service("/api/v1", management)
        .nest_service("/console", console)
        .with_state(state)
}

/// Routes that are made when one of them is asked for. A server that only issues tokens has no use for the others, and
/// making them brings pages of the program into memory, some 64 KiB for every few handlers.
#[derive(Clone)]
struct Later {
    routes: fn(ServerState) -> Router<ServerState>,
    state: ServerState,
    made: Arc<OnceLock<Router>>,
}

impl Later {
    fn new(routes: fn(ServerState) -> Router<ServerState>, state: ServerState) -> Self {
        Self { routes, state, made: Arc::default() }
    }
}

impl Service<Request> for Later {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let made = self.made.get_or_init(|| (self.routes)(self.state.clone()).with_state(self.state.clone()));
        made.clone().call(request)
    }
}

/// Puts what every request gets around a router: its id, its line in the log. Applied once, outermost.
pub fn with_request_id(router: Router, state: ServerState) -> App {
    App::new(router.fallback(oauth::answer::not_found), state)
}

/// The same, with every request counted here and told to whoever traces.
pub fn watched(
    router: Router,
    state: ServerState,
    counts: Arc<RequestCounts>,
    traces: Option<Arc<dyn RequestTraces>>,
) -> App {
    App::watched(router.fallback(oauth::answer::not_found), state, counts, traces)
}
