//! The console: what people see, under `/console`. Pages are made here, of plain HTML that works without scripts; htmx
//! makes it quick where there are some.
//!
//! One file a noun. A handler asks its `visitor::Visitor` for access with the permission that it needs, as handlers of
//! the management API do, and calls the same functions of `symbolon_core::edit`. What it shows is a template of
//! `templates/` and texts of `texts/`; `page` puts both into what stands around every page.

mod account;
mod address;
mod assets;
mod cookie;
mod customer;
mod entered;
mod failure;
mod form;
mod home;
mod layer;
mod list;
mod listing;
mod nav;
mod operator;
mod page;
mod records;
mod texts;
mod time;
mod visitor;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::get;

use crate::console::failure::Failure;
use crate::state::ServerState;

/// The longest form that is read, in bytes.
const LARGEST_FORM: usize = 256 * 1024;

/// The routes, to be nested at `/console`.
pub(crate) fn routes(state: ServerState) -> Router<ServerState> {
    Router::new()
        .route("/", get(home::show))
        .merge(account::routes())
        .merge(customer::routes())
        .merge(operator::routes())
        .merge(records::routes())
        .merge(assets::routes())
        .fallback(async || Failure::NotFound)
        .method_not_allowed_fallback(async || Failure::Method)
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
        .layer(from_fn_with_state(state, layer::around))
}
