//! API credentials: one pair of client id and secret for each kind of licence that the organization has, as customers of
//! some providers know it. Id and state are shown always, a secret only when it is made.
//!
//! A pair is a client that stands for a licence kind (`licence_kind` of its settings), made when its first secret is
//! asked for (docs/decisions/0030).

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use symbolon_core::access_key::{AccessKey, KeyStatus};
use symbolon_core::client::{Client, ClientSettings};
use symbolon_core::clock::Timestamp;
use symbolon_core::edit::{self, EditError};
use symbolon_core::id::ClientId;
use symbolon_core::licence::{Licence, LicenceKind};
use symbolon_core::permission::Permission;
use symbolon_core::realm::Status;
use symbolon_core::self_service;
use symbolon_core::store::{ClientWithKeys, PageRequest, StoreError};

use crate::console::customer::confirm::Confirm;
use crate::console::customer::licences;
use crate::console::customer::made::Made;
use crate::console::customer::room::Room;
use crate::console::customer::shown::Badge;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::page::{Frame, Link, Page, gone_to};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

const KINDS: [LicenceKind; 3] = [LicenceKind::Trial, LicenceKind::Beta, LicenceKind::Full];

/// So many clients are looked through for pairs, a thousand at a time.
const MOST_PARTS: usize = 5;

/// A secret of a pair, by what is known of it.
struct SecretRow {
    id: String,
    state: Badge,
}

/// A pair as it is shown.
struct Pair {
    kind: &'static str,
    state: Badge,
    /// The client id; none before the first secret.
    id: Option<String>,
    /// The client's own page.
    to: String,
    secrets: Vec<SecretRow>,
    licences: Vec<licences::Row>,
    /// Where a new secret is made, for who may.
    new: Option<String>,
}

#[derive(Template)]
#[template(path = "customer/credentials.html")]
struct CredentialsContent {
    t: Texts,
    title: String,
    pairs: Vec<Pair>,
    is_operator: bool,
    /// Where a licence is made, for who may.
    new_licence: Option<String>,
}

/// The clients that stand for a licence kind, the oldest first.
async fn pairs(room: &Room<'_>) -> Result<Vec<ClientWithKeys>, Failure> {
    let mut found = Vec::new();
    let mut page = PageRequest::first();
    for _ in 0..MOST_PARTS {
        let part = room.store().list_clients_with_keys(room.realm(), room.access.id(), &page).await?;
        found.extend(part.items.into_iter().filter(|known| known.client.settings.licence_kind.is_some()));
        let Some(next) = part.next else {
            found.sort_by(|a, b| {
                (a.client.created_at, &a.client.id).cmp(&(b.client.created_at, &b.client.id))
            });
            return Ok(found);
        };
        page.after = Some(next);
    }
    Err(Failure::Refused(room.t.of("credentials-too-many").into_owned()))
}

fn is_usable(key: &AccessKey, now: Timestamp) -> bool {
    key.status == KeyStatus::Active && key.expires_at.is_none_or(|end| end > now)
}

/// What a pair is worth now.
fn state(t: Texts, known: Option<&ClientWithKeys>, licences: &[&Licence], now: Timestamp) -> Badge {
    let Some(ClientWithKeys { client, keys }) = known else {
        return Badge::new("warn", t.of("credentials-no-secret"));
    };
    if !client.status.is_active() {
        return Badge::of_status(t, Status::Disabled);
    }
    if !licences.iter().any(|licence| licence.opens(&licence.audience, now)) {
        return Badge::new("bad", t.of("credentials-no-licence"));
    }
    if keys.iter().any(|key| is_usable(key, now)) {
        Badge::of_status(t, Status::Active)
    } else {
        Badge::new("warn", t.of("credentials-no-secret"))
    }
}

fn frame(room: &Room<'_>, title: &str, is_itself: bool) -> Frame {
    let own = room.t.of("nav-credentials");
    let to = if is_itself { String::new() } else { room.to(&["credentials"]) };
    room.settings_frame(title, vec![Link::new(own, to)])
}

/// The page.
pub(super) async fn show(
    visitor: Visitor,
    Path((realm, organization)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let room = Room::enter(&visitor, Permission::ReadClients, (&realm, &organization)).await?;
    let t = room.t;
    let now = room.now();
    let all = room.store().list_licences(room.realm(), room.access.id()).await?;
    let known = pairs(&room).await?;
    let may_write = visitor.may(Permission::WriteClients);
    let mut shown = Vec::new();
    for kind in KINDS {
        let of_kind: Vec<&Licence> = all.iter().filter(|licence| licence.kind == kind).collect();
        let mut clients: Vec<Option<&ClientWithKeys>> =
            known.iter().filter(|known| known.client.settings.licence_kind == Some(kind)).map(Some).collect();
        if clients.is_empty() && !of_kind.is_empty() {
            clients.push(None);
        }
        for (index, client) in clients.into_iter().enumerate() {
            let owned: Vec<Licence> = of_kind.iter().copied().cloned().collect();
            let secret = |key: &AccessKey| SecretRow {
                id: key.id.to_string(),
                state: Badge::of_key(t, key.status, key.expires_at.is_some_and(|end| end <= now)),
            };
            shown.push(Pair {
                kind: kind.name(),
                state: state(t, client, &of_kind, now),
                id: client.map(|known| known.client.id.to_string()),
                to: client.map(|known| room.to_client(&known.client.id, &[])).unwrap_or_default(),
                secrets: client.map(|known| known.keys.iter().map(secret).collect()).unwrap_or_default(),
                licences: licences::rows(t, room.view(), &owned, now),
                // A second client of the same kind was made elsewhere, and is managed there.
                new: (may_write && index == 0).then(|| room.to(&["credentials", kind.name(), "new"])),
            });
        }
    }
    let title = t.of("nav-credentials").into_owned();
    let content = CredentialsContent {
        t,
        title: title.clone(),
        pairs: shown,
        is_operator: room.is_operator(),
        new_licence: visitor.may(Permission::WriteLicences).then(|| room.to(&["licences", "new"])),
    };
    Ok(Page::new(frame(&room, &title, true), content).into_response())
}

fn kind_of(name: &str) -> Result<LicenceKind, Failure> {
    KINDS.into_iter().find(|kind| kind.name() == name).ok_or(Failure::NotFound)
}

async fn of_kind(room: &Room<'_>, kind: LicenceKind) -> Result<Option<ClientWithKeys>, Failure> {
    Ok(pairs(room).await?.into_iter().find(|known| known.client.settings.licence_kind == Some(kind)))
}

/// Asks before a new secret is made.
pub(super) async fn ask(
    visitor: Visitor,
    Path((realm, organization, kind)): Path<(String, String, String)>,
) -> Result<Response, Failure> {
    let kind = kind_of(&kind)?;
    let room = Room::enter_proven(&visitor, Permission::WriteClients, (&realm, &organization)).await?;
    let t = room.t;
    let known = of_kind(&room, kind).await?;
    let text = if known.is_some_and(|known| !known.keys.is_empty()) {
        "credentials-second"
    } else {
        "credentials-first"
    };
    let question = Confirm {
        t,
        title: t.one("credentials-new-title", kind.name()).into_owned(),
        sentences: vec![t.of(text).into_owned()],
        things: Vec::new(),
        is_danger: false,
        button: t.of("credentials-new").into_owned(),
        action: room.to(&["credentials", kind.name(), "new"]),
        version: 0,
        once: room.once(),
        back: room.to(&["credentials"]),
    };
    Ok(Page::new(frame(&room, &question.title, false), question).into_response())
}

/// Makes a secret, and the pair with it if there is none yet.
pub(super) async fn make(
    visitor: Visitor,
    Path((realm, organization, kind)): Path<(String, String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let kind = kind_of(&kind)?;
    let visitor = visitor.making(&form);
    let room = Room::enter_proven(&visitor, Permission::WriteClients, (&realm, &organization)).await?;
    let to = room.to(&["credentials"]);
    if room.access.realm.made_before().await?.is_some() {
        return Ok(gone_to(&to, "key-generated-before"));
    }
    let client = match of_kind(&room, kind).await? {
        Some(known) => known.client,
        None => new_pair(&room, kind).await?,
    };
    // Whoever has a key can do what the client can.
    room.access.realm.check_client(None, &client.settings)?;
    match edit::access_key::create(room.editor(), &client, None).await {
        Ok(new) => {
            let title = room.t.of("key-generated").into_owned();
            let frame = frame(&room, &title, false);
            Ok(Page::new(frame, Made::of(&room, title, &new, to)).into_response())
        }
        Err(EditError::Store(StoreError::Refused(_))) => {
            Err(Failure::Refused(room.t.of("credentials-third").into_owned()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes the client that stands for a licence kind.
async fn new_pair(room: &Room<'_>, kind: LicenceKind) -> Result<Client, Failure> {
    let licences = room.store().list_licences(room.realm(), room.access.id()).await?;
    let settings = self_service::for_licence(room.view(), &licences, kind)?;
    let name = room.t.one("credentials-name", kind.name()).into_owned();
    let now = room.now();
    let client = Client {
        id: ClientId::generate(now, room.access.realm.authority().random()).map_err(EditError::from)?,
        organization: room.access.id().clone(),
        status: Status::Active,
        held: false,
        settings: ClientSettings { name, ..settings },
        version: 1,
        created_at: now,
    };
    room.access.realm.check_client(None, &client.settings)?;
    Ok(edit::client::insert(room.editor(), &client).await?)
}
