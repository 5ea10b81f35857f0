//! What has happened: audit, usage, and why a request was refused, as tables and as pictures.

use axum::Router;

use crate::state::ServerState;

/// The pages, of a realm and of an organization.
pub(super) fn routes() -> Router<ServerState> {
    Router::new()
}
