//! Switching a client off and on, and deleting it. Each asks first, and says what it means.

use std::time::Duration;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use symbolon_core::client::Client;
use symbolon_core::edit;
use symbolon_core::permission::Permission;
use symbolon_core::realm::Status;
use symbolon_core::store::{ClientWithKeys, PageRequest};
use symbolon_core::usage::{GroupBy, Step, UsageFilter, UsageOf, UsageQuery, UsageResult, UsageResults};

use crate::console::customer::confirm::Confirm;
use crate::console::customer::room::{Room, name_of};
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::page::{Page, gone_to};
use crate::console::time::lasting;
use crate::console::visitor::Visitor;

type OfClient = Path<(String, String, String)>;

/// So many hours show how much a client is used.
const LOOK_BACK: Duration = Duration::from_hours(30 * 24);

async fn issued(room: &Room<'_>, client: &Client, back: Duration, step: Step) -> Result<i64, Failure> {
    let now = room.now();
    let of = UsageOf::Client(client.organization.clone(), client.id.clone());
    let results = UsageResults::Only(UsageResult::Issued);
    // The step that now lies in counts too, even where now begins it.
    let to = now.plus(Duration::from_millis(1));
    let filter = UsageFilter { of, audience: None, results, from: now.minus(back), to };
    let question = UsageQuery { filter, group_by: GroupBy::default(), step };
    let found = room.store().list_usage(room.realm(), &question, &PageRequest::first()).await?;
    Ok(found.items.iter().flat_map(|series| &series.counts).map(|(_, count)| count).sum())
}

/// The longest life of a token of the client, as things are set now.
fn longest_life(room: &Room<'_>, client: &Client) -> Duration {
    let settings = &room.view().realm().settings;
    let of_apis = room.view().resource_servers().filter_map(|server| server.settings.lifetime).max();
    let longest = of_apis.unwrap_or_default().max(settings.default_lifetime);
    let seconds = client.settings.lifetime.unwrap_or(longest).min(settings.maximum_lifetime);
    Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
}

/// What programs lose: how many tokens may be alive, and how much the client is used.
async fn losses(room: &Room<'_>, client: &Client) -> Result<Vec<String>, Failure> {
    let t = room.t;
    let life = longest_life(room, client);
    let alive = issued(room, client, life, Step::Hour).await?;
    let month = issued(room, client, LOOK_BACK, Step::Total).await?;
    let alive = alive.to_string();
    let life = lasting(t, life);
    Ok(vec![
        t.with("client-tokens-alive", &[("count", &alive), ("life", &life)]).into_owned(),
        t.one("client-used-lately", month).into_owned(),
    ])
}

fn asked(room: &Room<'_>, client: &Client, question: Confirm) -> Response {
    let frame = room.client_frame(question.title.clone(), client, false);
    Page::new(frame, question).into_response()
}

fn question(room: &Room<'_>, client: &Client, page: &str, texts: [&str; 3]) -> Confirm {
    let name = name_of(client);
    let [title, sentence, button] = texts;
    Confirm {
        t: room.t,
        title: room.t.one(title, &name).into_owned(),
        sentences: vec![room.t.of(sentence).into_owned()],
        things: Vec::new(),
        is_danger: true,
        button: room.t.of(button).into_owned(),
        action: room.to_client(&client.id, &[page]),
        version: client.version,
        once: room.once(),
        back: room.to_client(&client.id, &[]),
    }
}

/// Fails if the client is another than was looked at.
fn check_version(client: &Client, form: &Form) -> Result<(), Failure> {
    let looked_at = form.number("version").ok().flatten();
    if looked_at == Some(client.version) { Ok(()) } else { Err(Failure::Stale) }
}

/// Asks before switching off.
pub(super) async fn ask_disable(visitor: Visitor, Path(at): OfClient) -> Result<Response, Failure> {
    let room = Room::enter(&visitor, Permission::WriteClients, (&at.0, &at.1)).await?;
    let client = room.client(&at.2).await?.client;
    let texts = ["client-disable-title", "client-disable-text", "client-disable"];
    let mut question = question(&room, &client, "disable", texts);
    question.things = losses(&room, &client).await?;
    Ok(asked(&room, &client, question))
}

/// Asks before switching on.
pub(super) async fn ask_enable(visitor: Visitor, Path(at): OfClient) -> Result<Response, Failure> {
    let room = Room::enter_proven(&visitor, Permission::WriteClients, (&at.0, &at.1)).await?;
    let client = room.client(&at.2).await?.client;
    let texts = ["client-enable-title", "client-enable-text", "client-enable"];
    let question = Confirm { is_danger: false, ..question(&room, &client, "enable", texts) };
    Ok(asked(&room, &client, question))
}

/// Switches off.
pub(super) async fn disable(visitor: Visitor, Path(at): OfClient, form: Form) -> Result<Response, Failure> {
    switch(&visitor, &at, (&form, Status::Disabled, "client-disabled")).await
}

/// Switches on.
pub(super) async fn enable(visitor: Visitor, Path(at): OfClient, form: Form) -> Result<Response, Failure> {
    switch(&visitor, &at, (&form, Status::Active, "client-enabled")).await
}

async fn switch(
    visitor: &Visitor,
    at: &(String, String, String),
    (form, status, done): (&Form, Status, &'static str),
) -> Result<Response, Failure> {
    let room = Room::enter(visitor, Permission::WriteClients, (&at.0, &at.1)).await?;
    // Switching off is a brake, and brakes are quick.
    if status.is_active() {
        visitor.check_proof()?;
    }
    let client = room.client(&at.2).await?.client;
    if client.status != status {
        check_version(&client, form)?;
        edit::client::set_status(room.editor(), &client, status).await?;
    }
    Ok(gone_to(&room.to_client(&client.id, &[]), done))
}

/// Asks before deleting, and says what dies with the client.
pub(super) async fn ask_delete(visitor: Visitor, Path(at): OfClient) -> Result<Response, Failure> {
    let room = Room::enter_proven(&visitor, Permission::DeleteClients, (&at.0, &at.1)).await?;
    let ClientWithKeys { client, keys } = room.client(&at.2).await?;
    let t = room.t;
    let texts = ["client-delete-title", "client-delete-text", "client-delete"];
    let mut question = question(&room, &client, "delete", texts);
    question.sentences.push(t.of("client-delete-kept").into_owned());
    question.things =
        keys.iter().map(|key| t.one("client-delete-key", key.id.as_str()).into_owned()).collect();
    question.things.extend(losses(&room, &client).await?);
    Ok(asked(&room, &client, question))
}

/// Deletes.
pub(super) async fn delete(visitor: Visitor, Path(at): OfClient, form: Form) -> Result<Response, Failure> {
    let room = Room::enter_proven(&visitor, Permission::DeleteClients, (&at.0, &at.1)).await?;
    let found = room.client(&at.2).await?;
    check_version(&found.client, &form)?;
    edit::client::delete(room.editor(), &found.client, &found.keys).await?;
    Ok(gone_to(&room.to(&["clients"]), "client-deleted"))
}
