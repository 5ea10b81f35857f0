//! What a client may be given, as boxes to be ticked: scopes of each API, and policies.
//!
//! Operators give what there is; customers what the realm offers them (`symbolon_core::self_service`), and what their
//! client has already stays where it is. What is entered is checked again where it is saved.

use std::collections::BTreeSet;

use symbolon_core::client::ClientSettings;
use symbolon_core::id::PolicyId;
use symbolon_core::permission::{self, Permission};
use symbolon_core::policy::{Grant, Grants, effective_scopes};
use symbolon_core::protocol::scope::{Scope, ScopeSet};
use symbolon_core::realm_view::RealmView;
use symbolon_core::resource_server::ResourceServer;

use crate::console::address;
use crate::console::customer::room::Room;
use crate::console::form::Form;

/// A box: what it stands for, and whether it is ticked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) text: String,
    pub(super) is_chosen: bool,
}

/// The boxes of one API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Api {
    pub(super) audience: String,
    pub(super) name: String,
    pub(super) scopes: Vec<Choice>,
}

/// Everything that can be ticked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Choices {
    pub(super) apis: Vec<Api>,
    pub(super) policies: Vec<Choice>,
    /// Where an API is made, for who may: for when there is nothing to be ticked.
    pub(super) new_api: Option<String>,
}

impl Choices {
    pub(super) const fn is_empty(&self) -> bool {
        self.apis.is_empty() && self.policies.is_empty()
    }

    /// Ticks what a form has ticked, and nothing else.
    pub(super) fn tick(&mut self, form: &Form) {
        let grants: BTreeSet<&str> = form.all("grant").collect();
        let policies: BTreeSet<&str> = form.all("policy").collect();
        for choice in self.apis.iter_mut().flat_map(|api| &mut api.scopes) {
            choice.is_chosen = grants.contains(choice.value.as_str());
        }
        for choice in &mut self.policies {
            choice.is_chosen = policies.contains(choice.value.as_str());
        }
    }
}

/// A box's value: neither audiences nor scopes hold spaces.
fn value(audience: &str, scope: &str) -> String {
    format!("{audience} {scope}")
}

/// The APIs of a realm in the order of their names; for operators, management too.
fn servers(room: &Room<'_>) -> Vec<ResourceServer> {
    let mut all: Vec<ResourceServer> =
        room.view().resource_servers().map(|server| ResourceServer::clone(server)).collect();
    all.sort_by(|a, b| a.identifier.cmp(&b.identifier));
    all.push(permission::resource_server());
    all
}

fn granted<'a>(server: &'a ResourceServer, grants: &'a [Grant]) -> impl Iterator<Item = &'a Grant> {
    grants.iter().filter(|grant| server.answers_to(&grant.audience))
}

fn has(server: &ResourceServer, grants: &[Grant], scope: &Scope) -> bool {
    granted(server, grants).any(|grant| grant.scopes.contains(scope.as_str()))
}

/// What can be ticked of a client, with what `settings` has ticked.
pub(super) fn choices(room: &Room<'_>, settings: &ClientSettings) -> Choices {
    let offered = &room.view().realm().settings.self_service;
    let is_operator = room.is_operator();
    let api = |server: ResourceServer| {
        let shown = |scope: &&Scope| {
            is_operator || has(&server, &offered.grants, scope) || has(&server, &settings.grants, scope)
        };
        let choice = |scope: &Scope| Choice {
            value: value(&server.identifier, scope.as_str()),
            text: scope.to_string(),
            is_chosen: has(&server, &settings.grants, scope),
        };
        let scopes = server.settings.scopes.iter().filter(shown).map(choice).collect();
        Api { name: server.settings.name.clone(), audience: server.identifier.clone(), scopes }
    };
    let apis = servers(room).into_iter().map(api).filter(|api| !api.scopes.is_empty()).collect();
    let mut policies: Vec<Choice> = room
        .view()
        .policies()
        .filter(|policy| {
            is_operator || offered.policies.contains(&policy.id) || settings.policies.contains(&policy.id)
        })
        .map(|policy| Choice {
            value: policy.id.to_string(),
            text: if policy.name.is_empty() { policy.id.to_string() } else { policy.name.clone() },
            is_chosen: settings.policies.contains(&policy.id),
        })
        .collect();
    policies.sort_by(|a, b| a.text.cmp(&b.text).then_with(|| a.value.cmp(&b.value)));
    let may_make = is_operator && room.visitor.may(Permission::WriteResourceServers);
    let new_api = may_make.then(|| address::realm(room.realm(), &["resource-servers", "new"]));
    Choices { apis, policies, new_api }
}

/// What was ticked, in place of what `before` has: what is ticked already keeps its place and form, and what no box
/// stood for stays.
pub(super) fn chosen(room: &Room<'_>, form: &Form, before: &ClientSettings) -> (Grants, Vec<PolicyId>) {
    let shown = choices(room, before);
    let ticked: BTreeSet<&str> = form.all("grant").collect();
    let mut grants: Vec<Grant> = before.grants.to_vec();
    for api in &shown.apis {
        let wanted = |choice: &&Choice| ticked.contains(choice.value.as_str());
        let wanted: ScopeSet =
            api.scopes.iter().filter(wanted).filter_map(|choice| Scope::parse(&choice.text).ok()).collect();
        let server = servers(room).into_iter().find(|server| server.identifier == api.audience);
        let place = server
            .as_ref()
            .and_then(|server| grants.iter().position(|grant| server.answers_to(&grant.audience)));
        match place {
            Some(place) if wanted.is_empty() && !grants[place].scopes.is_empty() => {
                grants.remove(place);
            }
            Some(place) => grants[place].scopes = wanted,
            None if !wanted.is_empty() => {
                grants.push(Grant { audience: api.audience.clone(), scopes: wanted });
            }
            None => {}
        }
    }
    let boxes: BTreeSet<&str> = shown.policies.iter().map(|choice| choice.value.as_str()).collect();
    let ticked: BTreeSet<&str> = form.all("policy").collect();
    let mut policies = before.policies.clone();
    policies.retain(|id| !boxes.contains(id.as_str()) || ticked.contains(id.as_str()));
    for id in ticked.intersection(&boxes).filter_map(|id| PolicyId::new(id).ok()) {
        if !policies.contains(&id) {
            policies.push(id);
        }
    }
    (grants.into(), policies)
}

/// The APIs that a client may ask for.
pub(super) fn audiences(view: &RealmView, settings: &ClientSettings) -> Vec<String> {
    effective(view, settings).into_iter().map(|(_, audience, _)| audience).collect()
}

/// The API that a client may ask for, where there is but one: nobody has to choose it.
pub(super) fn only_audience(view: &RealmView, settings: &ClientSettings) -> String {
    let mut all = audiences(view, settings);
    if all.len() == 1 { all.swap_remove(0) } else { String::new() }
}

/// What a client gets where: the API's name, its audience, and the scopes.
pub(super) fn effective(view: &RealmView, settings: &ClientSettings) -> Vec<(String, String, String)> {
    let policies = settings.policies.iter().filter_map(|id| view.policy(id)).map(|policy| &**policy);
    let management = permission::resource_server();
    let mut all: Vec<(String, String, String)> = view
        .resource_servers()
        .map(|server| &**server)
        .chain([&management])
        .filter_map(|server| {
            let effective = effective_scopes(server, &settings.grants, policies.clone());
            let name = server.settings.name.clone();
            effective.named.then(|| (name, server.identifier.clone(), effective.scopes.to_string()))
        })
        .collect();
    all.sort();
    all
}
