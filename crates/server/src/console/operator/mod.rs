//! What operators see and do in a realm.

mod client_claims;
mod counted;
mod fields;
mod licences;
mod operators;
mod organizations;
mod overview;
mod pages;
mod policies;
mod preview;
mod quotas;
mod realms;
mod resource_server_form;
mod resource_servers;
mod revocations;
mod revoke;
mod revoke_token;
mod settings;
mod settings_form;
mod signing_keys;

use axum::Router;
use axum::routing::get;
use symbolon_core::realm::Status;

use crate::state::ServerState;

/// The pages, below `/realms/{realm}`.
pub(super) fn routes() -> Router<ServerState> {
    of_realms().merge(of_customers()).merge(of_apis())
}

fn of_realms() -> Router<ServerState> {
    Router::new()
        .route("/realms", get(realms::list))
        .route("/new-realm", get(realms::new).post(realms::create))
        .route("/realms/{realm}", get(overview::show))
        .route("/realms/{realm}/settings", get(settings::edit).post(settings::update))
        .route("/realms/{realm}/settings/disable", get(realms::ask_status).post(realms::set_status))
        .route("/realms/{realm}/settings/enable", get(realms::ask_status).post(realms::set_status))
        .route("/realms/{realm}/signing-keys", get(signing_keys::list))
        .route(
            "/realms/{realm}/signing-keys/rotate",
            get(signing_keys::ask_rotate).post(signing_keys::rotate),
        )
        .route(
            "/realms/{realm}/signing-keys/{kid}/replace",
            get(signing_keys::ask_replace).post(signing_keys::replace),
        )
        .route("/realms/{realm}/operators", get(operators::list))
        .route("/realms/{realm}/operators/new", get(operators::new).post(operators::create))
        .route("/realms/{realm}/operators/{operator}", get(operators::edit).post(operators::update))
        .route(
            "/realms/{realm}/operators/{operator}/disable",
            get(operators::ask_status).post(operators::set_status),
        )
        .route(
            "/realms/{realm}/operators/{operator}/enable",
            get(operators::ask_status).post(operators::set_status),
        )
        .route(
            "/realms/{realm}/operators/{operator}/link",
            get(operators::ask_link).post(operators::make_link),
        )
        .route(
            "/realms/{realm}/operators/{operator}/remove-factors",
            get(operators::ask_factors).post(operators::remove_factors),
        )
        .route("/realms/{realm}/revocations", get(revocations::list))
        .route("/realms/{realm}/revocations/token", get(revoke_token::ask).post(revoke_token::find))
        .route(
            "/realms/{realm}/revocations/token/{jti}",
            get(revoke_token::confirm).post(revoke_token::create),
        )
        .route("/realms/{realm}/revocations/new", get(revoke::search))
        .route("/realms/{realm}/revocations/confirm", get(revoke::ask).post(revoke::create))
}

fn of_customers() -> Router<ServerState> {
    const ONE: &str = "/realms/{realm}/organizations/{organization}";
    let page = |path: &str| format!("{ONE}/{path}");
    Router::new()
        .route("/realms/{realm}/organizations", get(organizations::list))
        .route("/realms/{realm}/organizations/new", get(organizations::new).post(organizations::create))
        .route(&page("edit"), get(organizations::edit).post(organizations::update))
        .route(&page("disable"), get(organizations::ask_status).post(organizations::set_status))
        .route(&page("enable"), get(organizations::ask_status).post(organizations::set_status))
        .route(&page("licences/new"), get(licences::new).post(licences::create))
        .route(&page("licences/{licence}"), get(licences::edit).post(licences::update))
        .route(&page("licences/{licence}/end"), get(licences::ask_end).post(licences::end))
        .route(&page("clients/{client}/claims"), get(client_claims::edit).post(client_claims::update))
        .route(&page("clients/{client}/quota"), get(quotas::edit).post(quotas::update))
}

fn of_apis() -> Router<ServerState> {
    Router::new()
        .route("/realms/{realm}/resource-servers", get(resource_servers::list))
        .route(
            "/realms/{realm}/resource-servers/new",
            get(resource_servers::new).post(resource_servers::create),
        )
        .route(
            "/realms/{realm}/resource-servers/{identifier}",
            get(resource_servers::edit).post(resource_servers::update),
        )
        .route(
            "/realms/{realm}/resource-servers/{identifier}/disable",
            get(resource_servers::ask_status).post(resource_servers::set_status),
        )
        .route(
            "/realms/{realm}/resource-servers/{identifier}/enable",
            get(resource_servers::ask_status).post(resource_servers::set_status),
        )
        .route("/realms/{realm}/policies", get(policies::list))
        .route("/realms/{realm}/policies/new", get(policies::new).post(policies::create))
        .route("/realms/{realm}/policies/{policy}", get(policies::edit).post(policies::update))
        .route("/realms/{realm}/policies/{policy}/delete", get(policies::ask_delete).post(policies::delete))
}

/// What a page is for that switches something off or on: its address ends with it.
fn status_of(path: &str) -> Status {
    let path = path.split('?').next().unwrap_or_default();
    if path.ends_with("/enable") { Status::Active } else { Status::Disabled }
}
