//! Quick start: how a program gets a token with this client, in the language that it is written in.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use symbolon_core::permission::Permission;
use symbolon_core::store::ClientWithKeys;

use crate::console::customer::examples::Example;
use crate::console::customer::room::Room;
use crate::console::customer::shown::Copyable;
use crate::console::failure::Failure;
use crate::console::page::Page;
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

/// An example behind its tab.
struct Tab {
    /// The tab's id within the page.
    id: &'static str,
    name: &'static str,
    code: String,
}

#[derive(Template)]
#[template(path = "customer/quick_start.html")]
struct QuickStartContent {
    t: Texts,
    title: String,
    fields: Vec<Copyable>,
    tabs: Vec<Tab>,
    postman: String,
    try_to: String,
    /// Whether the client has a key at all.
    has_key: bool,
    to: String,
}

/// The page.
pub(super) async fn show(
    visitor: Visitor,
    Path((realm, organization, client)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let room = Room::enter(&visitor, Permission::ReadClients, (&realm, &organization)).await?;
    let t = room.t;
    let ClientWithKeys { client, keys } = room.client(&client).await?;
    let example = Example::of(room.view(), &client, &keys);
    let mut fields = vec![
        Copyable::new("start-endpoint", t.of("start-endpoint"), &example.endpoint),
        Copyable::new("start-id", t.of("start-id"), &example.id),
    ];
    if let Some(audience) = &example.audience {
        fields.push(Copyable::new("start-audience", t.of("start-audience"), audience));
    }
    let tab = |id, name, code| Tab { id, name, code };
    let title = t.of("start-title").into_owned();
    let content = QuickStartContent {
        t,
        title: title.clone(),
        fields,
        tabs: vec![
            tab("tab-curl", "curl", example.curl()),
            tab("tab-python", "Python", example.python()),
            tab("tab-node", "Node", example.node()),
            tab("tab-rust", "Rust", example.rust()),
        ],
        postman: room.to_client(&client.id, &["postman.json"]),
        try_to: room.to_client(&client.id, &["try"]),
        has_key: !keys.is_empty(),
        to: room.to_client(&client.id, &[]),
    };
    Ok(Page::new(room.client_frame(title, &client, false), content).into_response())
}
