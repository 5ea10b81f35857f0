//! What operators see and do in a realm.

use axum::Router;

use crate::state::ServerState;

/// The pages, below `/realms/{realm}`.
pub(super) fn routes() -> Router<ServerState> {
    Router::new()
}
