//! Access keys: generating one, whose secret is shown once; making it inactive and active; removing it.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use symbolon_core::access_key::{AccessKey, KeyStatus};
use symbolon_core::client::Client;
use symbolon_core::clock::Timestamp;
use symbolon_core::edit;
use symbolon_core::permission::Permission;
use symbolon_core::store::{ClientWithKeys, StoreError};

use crate::console::customer::confirm::Confirm;
use crate::console::customer::made::Made;
use crate::console::customer::room::{Room, key_of};
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::page::{Page, gone_to, sentence};
use crate::console::texts::Texts;
use crate::console::time::ago;
use crate::console::visitor::Visitor;

type OfClient = Path<(String, String, String)>;
type OfKey = Path<(String, String, String, String)>;

#[derive(Template)]
#[template(path = "customer/key_new.html")]
struct NewContent {
    t: Texts,
    title: String,
    action: String,
    back: String,
    once: String,
    expires: String,
    mistakes: Mistakes,
}

fn new_page(room: &Room<'_>, client: &Client, (expires, mistakes): (&str, Mistakes)) -> Response {
    let title = room.t.of("key-generate").into_owned();
    let status = if mistakes.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let content = NewContent {
        t: room.t,
        title: title.clone(),
        action: room.to_client(&client.id, &["access-keys", "new"]),
        back: room.to_client(&client.id, &[]),
        once: room.once(),
        expires: expires.to_owned(),
        mistakes,
    };
    Page::new(room.client_frame(title, client, false), content).with_status(status).into_response()
}

/// The form for a key that ends by itself. (The client's own page has a button for one that does not.)
pub(super) async fn ask(visitor: Visitor, Path(at): OfClient) -> Result<Response, Failure> {
    let room = Room::enter_proven(&visitor, Permission::WriteClients, (&at.0, &at.1)).await?;
    let client = room.client(&at.2).await?.client;
    Ok(new_page(&room, &client, ("", Mistakes::default())))
}

/// Generates a key, and shows its secret.
pub(super) async fn make(visitor: Visitor, Path(at): OfClient, form: Form) -> Result<Response, Failure> {
    let visitor = visitor.making(&form);
    let room = Room::enter_proven(&visitor, Permission::WriteClients, (&at.0, &at.1)).await?;
    let client = room.client(&at.2).await?.client;
    let to = room.to_client(&client.id, &[]);
    if room.access.realm.made_before().await?.is_some() {
        return Ok(gone_to(&to, "key-generated-before"));
    }
    let entered = form.text("expires");
    let expires_at = match end(&room, entered) {
        Ok(end) => end,
        Err(mistakes) => return Ok(new_page(&room, &client, (entered, mistakes))),
    };
    // Whoever has a key can do what the client can.
    room.access.realm.check_client(None, &client.settings)?;
    match edit::access_key::create(room.editor(), &client, expires_at).await {
        Ok(new) => {
            let title = room.t.of("key-generated").into_owned();
            let frame = room.client_frame(&title, &client, false);
            Ok(Page::new(frame, Made::of(&room, title, &new, to)).into_response())
        }
        Err(edit::EditError::Store(StoreError::Refused(text))) => {
            let mistakes = Mistakes::of_form(sentence(text) + " " + &room.t.of("key-third"));
            Ok(new_page(&room, &client, (entered, mistakes)))
        }
        Err(error) => Err(error.into()),
    }
}

/// When the key ends: at the begin of the day that was entered.
fn end(room: &Room<'_>, entered: &str) -> Result<Option<Timestamp>, Mistakes> {
    if entered.is_empty() {
        return Ok(None);
    }
    let mut mistakes = Mistakes::default();
    match Timestamp::parse(entered) {
        Some(end) if end > room.now() => return Ok(Some(end)),
        Some(_) => mistakes.add("expires", room.t.of("key-expires-past")),
        None => mistakes.add("expires", room.t.of("key-expires-wrong")),
    }
    Err(mistakes)
}

/// What is done to a key.
#[derive(Clone, Copy)]
struct Deed {
    page: &'static str,
    title: &'static str,
    text: &'static str,
    button: &'static str,
    done: &'static str,
    is_danger: bool,
    permission: Permission,
}

const ACTIVATE: Deed = Deed {
    page: "activate",
    title: "key-activate-title",
    text: "key-activate-text",
    button: "key-activate",
    done: "key-activated",
    is_danger: false,
    permission: Permission::WriteClients,
};

const DEACTIVATE: Deed = Deed {
    page: "deactivate",
    title: "key-deactivate-title",
    text: "key-deactivate-text",
    button: "key-deactivate",
    done: "key-deactivated",
    is_danger: true,
    permission: Permission::WriteClients,
};

const REMOVE: Deed = Deed {
    page: "remove",
    title: "key-remove-title",
    text: "key-remove-text",
    button: "key-remove",
    done: "key-removed",
    is_danger: true,
    permission: Permission::DeleteClients,
};

async fn ask_for(
    visitor: &Visitor,
    at: &(String, String, String, String),
    deed: Deed,
) -> Result<Response, Failure> {
    let room = Room::enter_proven(visitor, deed.permission, (&at.0, &at.1)).await?;
    let client = room.client(&at.2).await?.client;
    let keys = edit::access_key::overview(room.editor(), &client).await?;
    let found = keys.iter().find(|overview| overview.key.id.as_str() == at.3).ok_or(Failure::NotFound)?;
    let t = room.t;
    let id = found.key.id.to_string();
    let last_use = match &found.last_use {
        Some(used) => {
            let ago = ago(t, used.at, room.now());
            t.with("key-last-used", &[("ago", &ago), ("from", &used.from)]).into_owned()
        }
        None => t.of("key-never-used").into_owned(),
    };
    let mut things = vec![last_use];
    if found.safe_to_retire {
        things.push(t.of("key-safe").into_owned());
    }
    let question = Confirm {
        t,
        title: t.one(deed.title, &id).into_owned(),
        sentences: vec![t.of(deed.text).into_owned()],
        things,
        is_danger: deed.is_danger,
        button: t.of(deed.button).into_owned(),
        action: room.to_client(&client.id, &["access-keys", &id, deed.page]),
        version: found.key.version,
        once: room.once(),
        back: room.to_client(&client.id, &[]),
    };
    let frame = room.client_frame(question.title.clone(), &client, false);
    Ok(Page::new(frame, question).into_response())
}

/// Asks before a key is made ACTIVE.
pub(super) async fn ask_activate(visitor: Visitor, Path(at): OfKey) -> Result<Response, Failure> {
    ask_for(&visitor, &at, ACTIVATE).await
}

/// Asks before a key is made INACTIVE.
pub(super) async fn ask_deactivate(visitor: Visitor, Path(at): OfKey) -> Result<Response, Failure> {
    ask_for(&visitor, &at, DEACTIVATE).await
}

/// Asks before a key is removed.
pub(super) async fn ask_remove(visitor: Visitor, Path(at): OfKey) -> Result<Response, Failure> {
    ask_for(&visitor, &at, REMOVE).await
}

async fn find(
    room: &Room<'_>,
    at: &(String, String, String, String),
) -> Result<(Client, AccessKey), Failure> {
    let ClientWithKeys { client, keys } = room.client(&at.2).await?;
    let key = key_of(&keys, &at.3)?.clone();
    Ok((client, key))
}

fn check_version(key: &AccessKey, form: &Form) -> Result<(), Failure> {
    let looked_at = form.number("version").ok().flatten();
    if looked_at == Some(key.version) { Ok(()) } else { Err(Failure::Stale) }
}

async fn set(
    visitor: &Visitor,
    at: &(String, String, String, String),
    (form, status, deed): (&Form, KeyStatus, Deed),
) -> Result<Response, Failure> {
    let room = Room::enter_proven(visitor, deed.permission, (&at.0, &at.1)).await?;
    let (client, key) = find(&room, at).await?;
    if key.status != status {
        check_version(&key, form)?;
        if status == KeyStatus::Active {
            room.access.realm.check_client(None, &client.settings)?;
        }
        edit::access_key::set_status(room.editor(), &key, status).await?;
    }
    Ok(gone_to(&room.to_client(&client.id, &[]), deed.done))
}

/// Makes a key ACTIVE.
pub(super) async fn activate(visitor: Visitor, Path(at): OfKey, form: Form) -> Result<Response, Failure> {
    set(&visitor, &at, (&form, KeyStatus::Active, ACTIVATE)).await
}

/// Makes a key INACTIVE.
pub(super) async fn deactivate(visitor: Visitor, Path(at): OfKey, form: Form) -> Result<Response, Failure> {
    set(&visitor, &at, (&form, KeyStatus::Inactive, DEACTIVATE)).await
}

/// Removes a key, which has to be INACTIVE.
pub(super) async fn remove(visitor: Visitor, Path(at): OfKey, form: Form) -> Result<Response, Failure> {
    let room = Room::enter_proven(&visitor, REMOVE.permission, (&at.0, &at.1)).await?;
    let (client, key) = find(&room, &at).await?;
    check_version(&key, &form)?;
    edit::access_key::delete(room.editor(), &key).await?;
    Ok(gone_to(&room.to_client(&client.id, &[]), REMOVE.done))
}
