//! A person's own way in and out: signing in, one-time links, passwords, second factors, sessions.

mod sign_in;

use axum::Router;
use axum::routing::{get, post};

use crate::state::ServerState;

/// The pages.
pub(super) fn routes() -> Router<ServerState> {
    Router::new()
        .route("/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/realms/{realm}/sign-in", get(sign_in::show).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
}
