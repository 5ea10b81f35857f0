//! What a customer's people see and do, within their organization. Operators see the same pages of each of theirs.
//!
//! `room` is what all of them have in common: the organization, the right to one thing in it, and the way to it.

mod access_keys;
mod attention;
mod client;
mod client_form;
mod clients;
mod confirm;
mod credentials;
mod examples;
mod gone;
mod grants;
mod licences;
mod made;
mod member;
mod members;
mod new_client;
mod overview;
mod postman;
mod quick_start;
mod room;
mod rotation;
mod scopes;
mod shown;
mod token_view;
mod try_it;

use axum::Router;
use axum::routing::get;

use crate::state::ServerState;

/// The pages, below `/realms/{realm}/organizations/{organization}`, and the clients of a whole realm.
pub(super) fn routes() -> Router<ServerState> {
    let at = |path: &str| format!("/realms/{{realm}}/organizations/{{organization}}{path}");
    let of_client = |path: &str| at(&format!("/clients/{{client}}{path}"));
    let of_key = |path: &str| of_client(&format!("/access-keys/{{key}}{path}"));
    let of_member = |path: &str| at(&format!("/members/{{member}}{path}"));
    Router::new()
        .route("/realms/{realm}/clients", get(clients::of_realm))
        .route(&at(""), get(overview::show))
        .route(&at("/clients"), get(clients::of_organization))
        .route(&at("/clients/new"), get(new_client::ask).post(new_client::make))
        .route(&of_client(""), get(client::show))
        .route(&of_client("/settings"), get(client_form::ask).post(client_form::save))
        .route(&of_client("/scopes"), get(grants::ask).post(grants::save))
        .route(&of_client("/disable"), get(gone::ask_disable).post(gone::disable))
        .route(&of_client("/enable"), get(gone::ask_enable).post(gone::enable))
        .route(&of_client("/delete"), get(gone::ask_delete).post(gone::delete))
        .route(&of_client("/rotation"), get(rotation::show))
        .route(&of_client("/quick-start"), get(quick_start::show))
        .route(&of_client("/postman.json"), get(postman::download))
        .route(&of_client("/try"), get(try_it::ask).post(try_it::get_token))
        .route(&of_client("/access-keys/new"), get(access_keys::ask).post(access_keys::make))
        .route(&of_key("/activate"), get(access_keys::ask_activate).post(access_keys::activate))
        .route(&of_key("/deactivate"), get(access_keys::ask_deactivate).post(access_keys::deactivate))
        .route(&of_key("/remove"), get(access_keys::ask_remove).post(access_keys::remove))
        .route(&at("/credentials"), get(credentials::show))
        .route(&at("/credentials/{kind}/new"), get(credentials::ask).post(credentials::make))
        .route(&at("/licences"), get(licences::show))
        .route(&at("/members"), get(members::show))
        .route(&at("/members/new"), get(members::ask).post(members::invite))
        .route(&of_member(""), get(member::show).post(member::save))
        .route(&of_member("/disable"), get(member::ask_disable).post(member::disable))
        .route(&of_member("/enable"), get(member::ask_enable).post(member::enable))
        .route(&of_member("/link"), get(member::ask_link).post(member::link))
}
