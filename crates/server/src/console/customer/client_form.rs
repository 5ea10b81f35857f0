//! Changing what is set on a client: its name, its networks, its default audience; for operators, also the life of its
//! tokens and the kind of licence that it stands for.

use std::sync::Arc;

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use symbolon_core::client::{Client, ClientSettings};
use symbolon_core::edit;
use symbolon_core::licence::LicenceKind;
use symbolon_core::network;
use symbolon_core::permission::Permission;

use crate::console::customer::room::{Room, check};
use crate::console::customer::scopes;
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::page::{Page, gone_to, sentence};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

/// The fields as they stand in the form.
struct Fields {
    name: String,
    networks: String,
    audience: String,
    lifetime: String,
    licence_kind: String,
    version: i64,
}

impl Fields {
    fn of(client: &Client) -> Self {
        let settings = &client.settings;
        let networks: Vec<String> = settings.allowed_networks.iter().map(ToString::to_string).collect();
        Self {
            name: settings.name.clone(),
            networks: networks.join("\n"),
            audience: settings.default_audience.as_deref().unwrap_or_default().to_owned(),
            lifetime: settings.lifetime.map(|seconds| seconds.to_string()).unwrap_or_default(),
            licence_kind: settings.licence_kind.map(|kind| kind.name().to_owned()).unwrap_or_default(),
            version: client.version,
        }
    }

    fn entered(form: &Form) -> Self {
        Self {
            name: form.text("name").to_owned(),
            networks: form.raw("networks").to_owned(),
            audience: form.text("audience").to_owned(),
            lifetime: form.text("lifetime").to_owned(),
            licence_kind: form.text("licence-kind").to_owned(),
            version: form.number("version").ok().flatten().unwrap_or_default(),
        }
    }
}

#[derive(Template)]
#[template(path = "customer/client_form.html")]
struct FormContent {
    t: Texts,
    title: String,
    action: String,
    back: String,
    fields: Fields,
    audiences: Vec<String>,
    kinds: Vec<&'static str>,
    is_operator: bool,
    mistakes: Mistakes,
}

const KINDS: [LicenceKind; 3] = [LicenceKind::Trial, LicenceKind::Beta, LicenceKind::Full];

fn page(room: &Room<'_>, client: &Client, (fields, mistakes): (Fields, Mistakes)) -> Response {
    let title = room.t.of("client-settings").into_owned();
    let mut audiences = scopes::audiences(room.view(), &client.settings);
    if !fields.audience.is_empty() && !audiences.contains(&fields.audience) {
        audiences.push(fields.audience.clone());
    }
    let status = if mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let content = FormContent {
        t: room.t,
        title: title.clone(),
        action: room.to_client(&client.id, &["settings"]),
        back: room.to_client(&client.id, &[]),
        fields,
        audiences,
        kinds: KINDS.map(LicenceKind::name).to_vec(),
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
    let mut fields = Fields::of(&client);
    if fields.audience.is_empty() {
        fields.audience = scopes::only_audience(room.view(), &client.settings);
    }
    Ok(page(&room, &client, (fields, Mistakes::default())))
}

/// Saves what was entered.
pub(super) async fn save(
    visitor: Visitor,
    Path((realm, organization, client)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let room = Room::enter_proven(&visitor, Permission::WriteClients, (&realm, &organization)).await?;
    let before = room.client(&client).await?.client;
    let fields = Fields::entered(&form);
    let settings = match settings(&room, &before, &fields) {
        Ok(settings) => settings,
        Err(mistakes) => return Ok(page(&room, &before, (fields, mistakes))),
    };
    if fields.version != before.version {
        return Ok(page(&room, &before, (fields, Mistakes::of_form(room.t.of("client-changed-meanwhile")))));
    }
    match store(&room, &before, settings).await {
        Ok(()) => Ok(gone_to(&room.to_client(&before.id, &[]), "client-saved")),
        Err(Failure::Invalid(text) | Failure::Refused(text)) => {
            Ok(page(&room, &before, (fields, Mistakes::of_form(sentence(&text)))))
        }
        Err(failure) => Err(failure),
    }
}

async fn store(room: &Room<'_>, before: &Client, settings: ClientSettings) -> Result<(), Failure> {
    check(&room.access, Some(&before.settings), &settings)?;
    edit::client::update(room.editor(), before, &Client { settings, ..before.clone() }).await?;
    Ok(())
}

/// The settings that the fields mean; what only operators set stays for everybody else.
fn settings(room: &Room<'_>, before: &Client, fields: &Fields) -> Result<ClientSettings, Mistakes> {
    let t = room.t;
    let mut mistakes = Mistakes::default();
    let mut settings = before.settings.clone();
    settings.name.clone_from(&fields.name);
    if fields.name.is_empty() {
        mistakes.add("name", t.of("client-name-missing"));
    }
    settings.allowed_networks.clear();
    for word in fields.networks.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty())
    {
        match network::parse(word) {
            Ok(network) => settings.allowed_networks.push(network),
            Err(_) => mistakes.add("networks", t.one("client-network-wrong", word)),
        }
    }
    settings.default_audience =
        Some(fields.audience.as_str().into()).filter(|audience: &Arc<str>| !audience.is_empty());
    if room.is_operator() {
        settings.lifetime = match fields.lifetime.as_str() {
            "" => None,
            text => {
                let seconds = text.parse().ok();
                if seconds.is_none() {
                    mistakes.add("lifetime", t.of("client-lifetime-wrong"));
                }
                seconds
            }
        };
        settings.licence_kind = KINDS.into_iter().find(|kind| kind.name() == fields.licence_kind);
    }
    if mistakes.is_empty() { Ok(settings) } else { Err(mistakes) }
}
