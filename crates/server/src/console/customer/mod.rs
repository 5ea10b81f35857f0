//! What a customer's people see and do, within their organization.

use axum::Router;

use crate::state::ServerState;

/// The pages, below `/realms/{realm}/organizations/{organization}`.
pub(super) fn routes() -> Router<ServerState> {
    Router::new()
}
