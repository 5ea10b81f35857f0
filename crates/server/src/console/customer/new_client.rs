//! A new client, with its first access key unless none is wanted.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use symbolon_core::client::{Client, ClientSettings};
use symbolon_core::edit::{self, EditError};
use symbolon_core::id::ClientId;
use symbolon_core::permission::Permission;
use symbolon_core::realm::Status;
use symbolon_core::self_service;

use crate::console::customer::made::Made;
use crate::console::customer::room::{Room, check};
use crate::console::customer::scopes::{self, Choices};
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::page::{Link, Page, gone_to, sentence};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

#[derive(Template)]
#[template(path = "customer/new_client.html")]
struct NewContent {
    t: Texts,
    title: String,
    action: String,
    back: String,
    once: String,
    name: String,
    with_key: bool,
    choices: Choices,
    is_operator: bool,
    mistakes: Mistakes,
}

/// What a client has that nobody has chosen anything for: for customers, what the realm offers.
fn suggested(room: &Room<'_>) -> ClientSettings {
    let mut settings = ClientSettings::default();
    if !room.is_operator() {
        self_service::fill_in(room.view(), &mut settings);
    }
    settings
}

fn page(room: &Room<'_>, (settings, with_key): (&ClientSettings, bool), mistakes: Mistakes) -> Response {
    let t = room.t;
    let title = t.of("client-new").into_owned();
    let status = if mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let content = NewContent {
        t,
        title: title.clone(),
        action: room.to(&["clients", "new"]),
        back: room.to(&["clients"]),
        once: room.once(),
        name: settings.name.clone(),
        with_key,
        choices: scopes::choices(room, settings),
        is_operator: room.is_operator(),
        mistakes,
    };
    let frame = room.settings_frame(title, vec![Link::new(t.of("clients"), room.to(&["clients"]))]);
    Page::new(frame, content).with_status(status).into_response()
}

/// The form.
pub(super) async fn ask(
    visitor: Visitor,
    Path((realm, organization)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let room = Room::enter_proven(&visitor, Permission::WriteClients, (&realm, &organization)).await?;
    Ok(page(&room, (&suggested(&room), true), Mistakes::default()))
}

/// Makes the client, and shows the secret of its first key if it has one.
pub(super) async fn make(
    visitor: Visitor,
    Path((realm, organization)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let visitor = visitor.making(&form);
    let room = Room::enter_proven(&visitor, Permission::WriteClients, (&realm, &organization)).await?;
    if let Some(made) = room.access.realm.made_before().await? {
        // The secret was in the first answer and is nowhere any more.
        let id = ClientId::new(&made).map_err(|_| Failure::NotFound)?;
        return Ok(gone_to(&room.to_client(&id, &[]), "client-created"));
    }
    let (grants, policies) = scopes::chosen(&room, &form, &suggested(&room));
    let settings =
        ClientSettings { name: form.text("name").to_owned(), grants, policies, ..ClientSettings::default() };
    let with_key = form.has("with-key");
    if settings.name.is_empty() {
        let mut mistakes = Mistakes::default();
        mistakes.add("name", room.t.of("client-name-missing"));
        return Ok(page(&room, (&settings, with_key), mistakes));
    }
    match insert(&room, &settings).await {
        Ok(client) => finished(&room, &client, with_key).await,
        Err(Failure::Invalid(text) | Failure::Refused(text)) => {
            Ok(page(&room, (&settings, with_key), Mistakes::of_form(sentence(&text))))
        }
        Err(failure) => Err(failure),
    }
}

async fn insert(room: &Room<'_>, settings: &ClientSettings) -> Result<Client, Failure> {
    check(&room.access, None, settings)?;
    let now = room.now();
    let id = ClientId::generate(now, room.access.realm.authority().random()).map_err(EditError::from)?;
    let client = Client {
        id,
        organization: room.access.id().clone(),
        status: Status::Active,
        held: false,
        settings: settings.clone(),
        version: 1,
        created_at: now,
    };
    Ok(edit::client::insert(room.editor(), &client).await?)
}

async fn finished(room: &Room<'_>, client: &Client, with_key: bool) -> Result<Response, Failure> {
    let to = room.to_client(&client.id, &[]);
    if !with_key {
        return Ok(gone_to(&to, "client-created"));
    }
    let new = edit::access_key::create(room.editor(), client, None).await?;
    let title = room.t.of("client-created").into_owned();
    let frame = room.client_frame(&title, client, false);
    Ok(Page::new(frame, Made::of(room, title, &new, to)).into_response())
}
