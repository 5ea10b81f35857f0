//! A client: what it is, its access keys, what it may do, and where to go from here.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use symbolon_core::access_key::MOST_PER_CLIENT;
use symbolon_core::edit;
use symbolon_core::permission::Permission;
use symbolon_core::policy::Policy;

use crate::console::customer::room::{Room, name_of};
use crate::console::customer::scopes;
use crate::console::customer::shown::{Badge, Copyable, KeyRow};
use crate::console::failure::Failure;
use crate::console::page::Page;
use crate::console::texts::Texts;
use crate::console::time::{Moment, lasting};
use crate::console::visitor::Visitor;

#[derive(Template)]
#[template(path = "customer/client.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is one thing that the page shows or leaves out")]
struct ClientContent {
    t: Texts,
    name: String,
    state: Badge,
    ids: Vec<Copyable>,
    facts: Vec<(String, String)>,
    created: Moment,
    keys: Vec<KeyRow>,
    once: String,
    has_all_keys: bool,
    is_active: bool,
    may_write: bool,
    may_delete: bool,
    may_read_usage: bool,
    /// Whether the visitor sets quotas and claims.
    may_set_quota: bool,
    /// The claims of its own: the name of each, its value, and whether that is written as JSON.
    claims: Vec<(String, String, bool)>,
    /// API, audience and scopes.
    effective: Vec<(String, String, String)>,
    policies: Vec<String>,
    /// The client's address, which its other pages lie below.
    to: String,
}

/// The page.
pub(super) async fn show(
    visitor: Visitor,
    Path((realm, organization, client)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let room = Room::enter(&visitor, Permission::ReadClients, (&realm, &organization)).await?;
    let t = room.t;
    let client = room.client(&client).await?.client;
    let keys = edit::access_key::overview(room.editor(), &client).await?;
    let now = room.now();
    let settings = &client.settings;
    let policy = |policy: &Policy| {
        if policy.name.is_empty() { policy.id.to_string() } else { policy.name.clone() }
    };
    let policies = settings.policies.iter().filter_map(|id| room.view().policy(id));
    let content = ClientContent {
        t,
        name: name_of(&client),
        state: Badge::of_status(t, client.status),
        ids: vec![
            Copyable::new("client-id", t.of("client-id"), &client.id),
            Copyable::new("client-organization", t.of("made-organization"), &client.organization),
        ],
        facts: facts(t, &client.settings),
        created: Moment(client.created_at),
        has_all_keys: keys.len() >= MOST_PER_CLIENT,
        keys: keys
            .iter()
            .map(|key| {
                let to = room.to_client(&client.id, &["access-keys", key.key.id.as_str()]);
                KeyRow::of(t, key, now, to)
            })
            .collect(),
        once: room.once(),
        is_active: client.status.is_active(),
        may_write: visitor.may(Permission::WriteClients),
        may_delete: visitor.may(Permission::DeleteClients),
        may_read_usage: visitor.may(Permission::ReadUsage),
        may_set_quota: room.is_operator() && visitor.may(Permission::WriteClients),
        effective: scopes::effective(room.view(), settings),
        policies: policies.map(|found| policy(found)).collect(),
        claims: settings.claims.iter().map(claim).collect(),
        to: room.to_client(&client.id, &[]),
    };
    let frame = room.client_frame(content.name.clone(), &client, true);
    Ok(Page::new(frame, content).into_response())
}

/// A claim as people read it: a text as it is, everything else as JSON.
fn claim((name, value): (&String, &serde_json::Value)) -> (String, String, bool) {
    match value {
        serde_json::Value::String(text) => (name.clone(), text.clone(), false),
        other => (name.clone(), other.to_string(), true),
    }
}

/// What is set on it, beside its name.
fn facts(t: Texts, settings: &symbolon_core::client::ClientSettings) -> Vec<(String, String)> {
    let mut facts = Vec::new();
    let mut fact = |name: &str, value: String| facts.push((t.of(name).into_owned(), value));
    if let Some(audience) = &settings.default_audience {
        fact("client-default-audience", audience.to_string());
    }
    let networks: Vec<String> = settings.allowed_networks.iter().map(ToString::to_string).collect();
    if networks.is_empty() {
        fact("client-networks", t.of("client-any-network").into_owned());
    } else {
        fact("client-networks", networks.join(", "));
    }
    if let Some(kind) = settings.licence_kind {
        fact("client-licence-kind", kind.name().to_owned());
    }
    if let Some(seconds) = settings.lifetime.and_then(|seconds| u64::try_from(seconds).ok()) {
        fact("client-lifetime", lasting(t, std::time::Duration::from_secs(seconds)));
    }
    facts
}
