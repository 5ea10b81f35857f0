//! What a client may do: scopes at each API, and policies.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use symbolon_core::client::{Client, ClientSettings};
use symbolon_core::edit;
use symbolon_core::permission::Permission;

use crate::console::customer::room::{Room, check, name_of};
use crate::console::customer::scopes::{self, Choices};
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::page::{Page, gone_to, sentence};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

#[derive(Template)]
#[template(path = "customer/grants.html")]
struct GrantsContent {
    t: Texts,
    title: String,
    name: String,
    action: String,
    back: String,
    version: i64,
    choices: Choices,
    is_operator: bool,
    mistakes: Mistakes,
}

/// The form with what is ticked in `settings`.
fn page(room: &Room<'_>, client: &Client, (choices, mistakes): (Choices, Mistakes)) -> Response {
    let title = room.t.of("grants-title").into_owned();
    let status = if mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let content = GrantsContent {
        t: room.t,
        title: title.clone(),
        name: name_of(client),
        action: room.to_client(&client.id, &["scopes"]),
        back: room.to_client(&client.id, &[]),
        version: client.version,
        choices,
        is_operator: room.is_operator(),
        mistakes,
    };
    let frame = room.client_frame(title, client, false);
    Page::new(frame, content).with_status(status).into_response()
}

/// The form.
pub(super) async fn ask(
    visitor: Visitor,
    Path((realm, organization, client)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let room = Room::enter(&visitor, Permission::WriteClients, (&realm, &organization)).await?;
    let client = room.client(&client).await?.client;
    let choices = scopes::choices(&room, &client.settings);
    Ok(page(&room, &client, (choices, Mistakes::default())))
}

/// Saves what was ticked.
pub(super) async fn save(
    visitor: Visitor,
    Path((realm, organization, client)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let room = Room::enter_proven(&visitor, Permission::WriteClients, (&realm, &organization)).await?;
    let before = room.client(&client).await?.client;
    let (grants, policies) = scopes::chosen(&room, &form, &before.settings);
    let settings = ClientSettings { grants, policies, ..before.settings.clone() };
    let mut choices = scopes::choices(&room, &before.settings);
    choices.tick(&form);
    if form.number("version").ok().flatten() != Some(before.version) {
        let mistakes = Mistakes::of_form(room.t.of("client-changed-meanwhile"));
        return Ok(page(&room, &before, (choices, mistakes)));
    }
    match store(&room, &before, settings).await {
        Ok(()) => Ok(gone_to(&room.to_client(&before.id, &[]), "client-scopes-saved")),
        Err(Failure::Invalid(text) | Failure::Refused(text)) => {
            Ok(page(&room, &before, (choices, Mistakes::of_form(sentence(&text)))))
        }
        Err(failure) => Err(failure),
    }
}

async fn store(room: &Room<'_>, before: &Client, settings: ClientSettings) -> Result<(), Failure> {
    if settings == before.settings {
        return Ok(());
    }
    check(&room.access, Some(&before.settings), &settings)?;
    edit::client::update(room.editor(), before, &Client { settings, ..before.clone() }).await?;
    Ok(())
}
