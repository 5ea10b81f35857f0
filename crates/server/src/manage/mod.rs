//! The management API: everything that operators and their programs do, over HTTP under `/api/v1`.
//!
//! One file a noun. A handler asks its `caller::Manager` for access with the permission that it needs; there is no
//! other way to what is kept. It then calls the same functions of `symbolon_core::edit` as the console and the command
//! line. The description of the API (`openapi`) is made from the handlers themselves.

mod access_keys;
mod answer;
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
mod search;
mod signing_keys;
mod sound_json;
mod time;
mod trail_query;
mod usage;
mod usage_query;
mod users;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn;
use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::ServerState;

/// The longest body that is read, in bytes.
const LARGEST_BODY: usize = 256 * 1024;

/// The routes and their description.
fn described() -> OpenApiRouter<ServerState> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(realms::list, realms::create))
        .routes(routes!(realms::show, realms::update))
        .routes(routes!(resource_servers::list, resource_servers::create))
        .routes(routes!(resource_servers::show, resource_servers::update))
        .routes(routes!(policies::list, policies::create))
        .routes(routes!(policies::show, policies::update, policies::delete))
        .routes(routes!(organizations::list, organizations::create))
        .routes(routes!(organizations::show, organizations::update))
        .routes(routes!(licences::list, licences::create))
        .routes(routes!(licences::show, licences::update, licences::delete))
        .routes(routes!(users::list_members, users::create_member))
        .routes(routes!(users::show_member, users::update_member))
        .routes(routes!(users::list_operators, users::create_operator))
        .routes(routes!(users::show_operator, users::update_operator))
        .routes(routes!(clients::list, clients::create))
        .routes(routes!(clients::show, clients::update, clients::delete))
        .routes(routes!(clients::assign_policy, clients::unassign_policy))
        .routes(routes!(access_keys::list, access_keys::create))
        .routes(routes!(access_keys::show, access_keys::update, access_keys::delete))
        .routes(routes!(access_keys::activate))
        .routes(routes!(access_keys::deactivate))
        .routes(routes!(access_keys::rotate))
        .routes(routes!(signing_keys::list))
        .routes(routes!(signing_keys::rotate))
        .routes(routes!(signing_keys::replace))
        .routes(routes!(revocations::list, revocations::create))
        .routes(routes!(revocations::create_in_organization))
        .routes(routes!(requests::explain))
        .routes(routes!(audit::changes))
        .routes(routes!(audit::tokens))
        .routes(routes!(audit::refusals))
        .routes(routes!(audit::organization_changes))
        .routes(routes!(audit::organization_tokens))
        .routes(routes!(audit::organization_refusals))
        .routes(routes!(preview::token))
        .routes(routes!(usage::realm))
        .routes(routes!(usage::organization))
        .routes(routes!(usage::busiest))
        .routes(routes!(leaks::report))
        .routes(routes!(clients::list_in_realm))
        .routes(routes!(export::realm))
        .routes(routes!(export::organization))
}

/// The routes, to be nested at `/api/v1`.
pub(crate) fn routes() -> Router<ServerState> {
    let (routes, _) = described().split_for_parts();
    routes
        .route("/openapi.json", get(openapi::document))
        .merge(docs::routes())
        .fallback(error::nothing_here)
        .method_not_allowed_fallback(error::method_not_allowed)
        .layer(from_fn(layer::around))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
}

pub use caller::AtTheMachine;
pub use openapi::description;
