//! The management API: everything that operators and their programs do, over HTTP under `/api/v1`.
//!
//! One file a noun. A handler asks its `caller::Manager` for access with the permission that it needs; there is no
//! other way to what is kept. It then calls the same functions of `symbolon_core::edit` as the console and the command
//! line. The description of the API (`openapi`) is made from the handlers themselves.

mod access_keys;
mod answer;
mod apply;
mod audit;
mod body;
mod caller;
mod clients;
mod docs;
mod error;
mod export;
mod layer;
mod leaks;
mod licences;
mod links;
mod openapi;
mod organizations;
mod page;
mod paths;
mod policies;
mod preview;
mod realms;
mod requests;
mod resource_servers;
mod revocations;
mod routes;
mod search;
mod signing_keys;
mod sound_json;
mod time;
mod trail_query;
mod usage;
mod usage_query;
mod users;
mod whole_query;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::get;

use crate::state::ServerState;

/// The longest body that is read, in bytes.
const LARGEST_BODY: usize = 256 * 1024;

/// The routes, to be nested at `/api/v1`.
pub(crate) fn routes() -> Router<ServerState> {
    routes::table()
        .into_iter()
        .fold(Router::new(), |router, (path, methods)| router.route(path, methods))
        .route("/openapi.json", get(openapi::document))
        .merge(docs::routes())
        .fallback(error::nothing_here)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(from_fn(layer::around))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

pub use caller::AtTheMachine;
pub use openapi::description;
