//! Every path of the management API, with the handlers of its methods.
//!
//! The handlers say their path once more for the description (`openapi`), which is not made when the server starts:
//! that took a fifth of the pages that an idle process held. A test keeps both lists the same.

use axum::routing::{MethodRouter, get, patch, post, put};

use super::{
    access_keys, apply, audit, clients, export, leaks, licences, links, organizations, policies, preview,
    realms, requests, resource_servers, revocations, signing_keys, usage, users,
};
use crate::state::ServerState;

/// The paths below `/api/v1`.
pub(super) fn table() -> Vec<(&'static str, MethodRouter<ServerState>)> {
    [of_realms(), of_organizations(), of_clients(), of_records()].into_iter().flatten().collect()
}

fn of_realms() -> Vec<(&'static str, MethodRouter<ServerState>)> {
    vec![
        ("/realms", get(realms::list).post(realms::create)),
        ("/realms/{realm}", get(realms::show).patch(realms::update)),
        ("/realms/{realm}/export", get(export::realm)),
        ("/realms/{realm}/resource-servers", get(resource_servers::list).post(resource_servers::create)),
        (
            "/realms/{realm}/resource-servers/{identifier}",
            get(resource_servers::show).patch(resource_servers::update),
        ),
        ("/realms/{realm}/policies", get(policies::list).post(policies::create)),
        (
            "/realms/{realm}/policies/{policy}",
            get(policies::show).patch(policies::update).delete(policies::delete),
        ),
        ("/realms/{realm}/operators", get(users::list_operators).post(users::create_operator)),
        ("/realms/{realm}/operators/{operator}", get(users::show_operator).patch(users::update_operator)),
        ("/realms/{realm}/operators/{operator}/invite", post(links::invite_operator)),
        ("/realms/{realm}/operators/{operator}/reset", post(links::reset_operator)),
        ("/realms/{realm}/signing-keys", get(signing_keys::list)),
        ("/realms/{realm}/signing-keys/rotate", post(signing_keys::rotate)),
        ("/realms/{realm}/signing-keys/{kid}/replace", post(signing_keys::replace)),
        ("/realms/{realm}/revocations", get(revocations::list).post(revocations::create)),
        ("/realms/{realm}/clients", get(clients::list_in_realm)),
        ("/leaks", post(leaks::report)),
        ("/apply", post(apply::apply)),
        ("/export", get(export::installation)),
    ]
}

fn of_organizations() -> Vec<(&'static str, MethodRouter<ServerState>)> {
    vec![
        ("/realms/{realm}/organizations", get(organizations::list).post(organizations::create)),
        (
            "/realms/{realm}/organizations/{organization}",
            get(organizations::show).patch(organizations::update),
        ),
        ("/realms/{realm}/organizations/{organization}/export", get(export::organization)),
        ("/realms/{realm}/organizations/{organization}/licences", get(licences::list).post(licences::create)),
        (
            "/realms/{realm}/organizations/{organization}/licences/{licence}",
            get(licences::show).patch(licences::update).delete(licences::delete),
        ),
        (
            "/realms/{realm}/organizations/{organization}/members",
            get(users::list_members).post(users::create_member),
        ),
        (
            "/realms/{realm}/organizations/{organization}/members/{member}",
            get(users::show_member).patch(users::update_member),
        ),
        ("/realms/{realm}/organizations/{organization}/members/{member}/invite", post(links::invite_member)),
        ("/realms/{realm}/organizations/{organization}/members/{member}/reset", post(links::reset_member)),
        (
            "/realms/{realm}/organizations/{organization}/revocations",
            post(revocations::create_in_organization),
        ),
    ]
}

fn of_clients() -> Vec<(&'static str, MethodRouter<ServerState>)> {
    vec![
        ("/realms/{realm}/organizations/{organization}/clients", get(clients::list).post(clients::create)),
        (
            "/realms/{realm}/organizations/{organization}/clients/{client}",
            get(clients::show).patch(clients::update).delete(clients::delete),
        ),
        (
            "/realms/{realm}/organizations/{organization}/clients/{client}/policies/{policy}",
            put(clients::assign_policy).delete(clients::unassign_policy),
        ),
        ("/realms/{realm}/organizations/{organization}/clients/{client}/token-preview", post(preview::token)),
        (
            "/realms/{realm}/organizations/{organization}/clients/{client}/access-keys",
            get(access_keys::list).post(access_keys::create),
        ),
        ("/realms/{realm}/organizations/{organization}/clients/{client}/rotate", post(access_keys::rotate)),
        (
            "/realms/{realm}/organizations/{organization}/clients/{client}/access-keys/{key}",
            patch(access_keys::update).get(access_keys::show).delete(access_keys::delete),
        ),
        (
            "/realms/{realm}/organizations/{organization}/clients/{client}/access-keys/{key}/activate",
            post(access_keys::activate),
        ),
        (
            "/realms/{realm}/organizations/{organization}/clients/{client}/access-keys/{key}/deactivate",
            post(access_keys::deactivate),
        ),
    ]
}

fn of_records() -> Vec<(&'static str, MethodRouter<ServerState>)> {
    vec![
        ("/realms/{realm}/requests/{request_id}", get(requests::explain)),
        ("/realms/{realm}/audit/changes", get(audit::changes)),
        ("/realms/{realm}/audit/tokens", get(audit::tokens)),
        ("/realms/{realm}/audit/refusals", get(audit::refusals)),
        ("/realms/{realm}/organizations/{organization}/audit/changes", get(audit::organization_changes)),
        ("/realms/{realm}/organizations/{organization}/audit/tokens", get(audit::organization_tokens)),
        ("/realms/{realm}/organizations/{organization}/audit/refusals", get(audit::organization_refusals)),
        ("/realms/{realm}/usage", get(usage::realm)),
        ("/realms/{realm}/usage/busiest", get(usage::busiest)),
        ("/realms/{realm}/organizations/{organization}/usage", get(usage::organization)),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn what_is_served_is_what_is_described() {
        let api: Value = serde_json::from_str(&crate::manage::description()).unwrap();
        let described: BTreeSet<&str> =
            api["paths"].as_object().unwrap().keys().map(String::as_str).collect();
        let served: Vec<&str> = table().into_iter().map(|(path, _)| path).collect();
        assert_eq!(served.len(), described.len(), "a path stands twice, or on one side alone");
        assert_eq!(served.into_iter().collect::<BTreeSet<_>>(), described);
    }
}
