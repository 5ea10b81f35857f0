//! Revoking everything of somebody: looked for first, then a page that says what dies, then the deed.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use symbolon_core::id::OrganizationId;
use symbolon_core::permission::{Permission, RealmAccess};
use symbolon_core::protocol::revocation::Kind;
use symbolon_core::revoke::revoke_before_now;
use symbolon_core::store::{ListFilter, PageRequest};
use symbolon_core::user::UserId;

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::form::Form;
use crate::console::list::ListQuery;
use crate::console::operator::counted;
use crate::console::operator::organizations::shown_name;
use crate::console::operator::pages::Question;
use crate::console::operator::revocations::kind_text;
use crate::console::page::{Frame, Link, Page, Place, gone_to};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

/// Whose tokens can be revoked here.
const KINDS: [Kind; 5] = [Kind::Organization, Kind::Client, Kind::AccessKey, Kind::User, Kind::Realm];
/// So many are shown that a search finds.
const FOUND: u32 = 20;

/// Somebody whose tokens are to be revoked.
struct Subject {
    kind: Kind,
    id: String,
    name: String,
    organization: Option<OrganizationId>,
}

fn kind(name: &str) -> Option<Kind> {
    KINDS.into_iter().find(|kind| kind.name() == name)
}

/// The one of that id, if it is there.
async fn find(access: &RealmAccess<'_>, kind: Kind, id: &str) -> Result<Subject, Failure> {
    let (store, realm) = (access.store(), access.id());
    let (name, organization) = match kind {
        Kind::Realm if id == realm.as_str() => (id.to_owned(), None),
        Kind::Organization => {
            let id = OrganizationId::new(id).map_err(|_| Failure::NotFound)?;
            let found = store.find_organization(realm, &id).await?.ok_or(Failure::NotFound)?;
            (shown_name(&found), Some(found.id))
        }
        Kind::Client | Kind::AccessKey => {
            let found = store.find_credential(realm, id).await?.ok_or(Failure::NotFound)?;
            if (found.client.id.as_str() == id) != (kind == Kind::Client) {
                return Err(Failure::NotFound);
            }
            let client = found.client;
            let name =
                if client.settings.name.is_empty() { client.id.to_string() } else { client.settings.name };
            (name, Some(client.organization))
        }
        Kind::User => {
            let id = UserId::new(id).map_err(|_| Failure::NotFound)?;
            let user = store.find_user(realm, None, &id).await?.ok_or(Failure::NotFound)?;
            (user.email, user.membership.map(|membership| membership.organization))
        }
        _ => return Err(Failure::NotFound),
    };
    Ok(Subject { kind, id: id.to_owned(), name, organization })
}

/// Those whose id or name begins so.
async fn sought(access: &RealmAccess<'_>, kind: Kind, text: &str) -> Result<Vec<Subject>, Failure> {
    let (store, realm) = (access.store(), access.id());
    let filter = ListFilter { prefix: Some(text.to_owned()), ..ListFilter::default() };
    let page = PageRequest { after: None, limit: FOUND };
    let subject =
        |id: &str, name: String, organization| Subject { kind, id: id.to_owned(), name, organization };
    Ok(match kind {
        Kind::Organization => {
            let found = store.search_organizations(realm, &filter, &page).await?.items;
            found.iter().map(|one| subject(one.id.as_str(), shown_name(one), Some(one.id.clone()))).collect()
        }
        Kind::Client => {
            let found = store.search_clients(realm, None, &filter, &page).await?.items;
            let one = |one: &symbolon_core::client::Client| {
                subject(one.id.as_str(), one.settings.name.clone(), Some(one.organization.clone()))
            };
            found.iter().map(one).collect()
        }
        Kind::User => {
            let found = store.search_users(realm, None, &filter, &page).await?.items;
            let organization = |user: &symbolon_core::user::User| {
                user.membership.as_ref().map(|membership| membership.organization.clone())
            };
            found.iter().map(|one| subject(one.id.as_str(), one.email.clone(), organization(one))).collect()
        }
        // Keys have no names, and of realms there is this one.
        _ => match find(access, kind, text).await {
            Ok(found) => vec![found],
            Err(Failure::NotFound) => Vec::new(),
            Err(failure) => return Err(failure),
        },
    })
}

struct Row {
    name: String,
    id: String,
    organization: String,
    to: String,
}

struct Offered {
    name: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "operator/revoke.html")]
struct SearchContent<'a> {
    t: Texts,
    kinds: Vec<Offered>,
    list: &'a ListQuery,
    path: &'a str,
    searched: bool,
    rows: Vec<Row>,
    /// Revoking everything of the realm, which needs no search.
    realm: String,
}

/// The search.
pub(super) async fn search(visitor: Visitor, Path(realm): Path<String>) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteRevocations, &realm)?;
    let list = ListQuery::of(&visitor.asked, &["kind", "q"]);
    let place = Place::in_realm(&realm);
    let t = place.texts(&visitor);
    let confirm = |subject: &Subject| {
        let path = address::realm(&realm, &["revocations", "confirm"]);
        format!("{path}?kind={}&id={}", subject.kind.name(), address::encoded(&subject.id))
    };
    let wanted = kind(list.value("kind")).zip(list.filter().prefix);
    let found = match &wanted {
        Some((kind, text)) => sought(&access, *kind, text).await?,
        None => Vec::new(),
    };
    let row = |subject: &Subject| Row {
        name: if subject.name.is_empty() { subject.id.clone() } else { subject.name.clone() },
        id: subject.id.clone(),
        organization: subject.organization.as_ref().map(ToString::to_string).unwrap_or_default(),
        to: confirm(subject),
    };
    let whole = find(&access, Kind::Realm, &realm).await?;
    let offered = KINDS.into_iter().filter(|kind| *kind != Kind::Realm);
    let path = address::realm(&realm, &["revocations", "new"]);
    let content = SearchContent {
        t,
        kinds: offered.map(|kind| Offered { name: kind.name(), text: kind_text(t, kind) }).collect(),
        list: &list,
        path: &path,
        searched: wanted.is_some(),
        rows: found.iter().map(row).collect(),
        realm: confirm(&whole),
    };
    let crumbs = vec![Link::new(t.of("nav-revocations"), address::realm(&realm, &["revocations"]))];
    let frame = Frame::inside(&visitor, &place, t.of("revoke-everything")).below(crumbs);
    Ok(Page::new(frame, content).into_response())
}

async fn question<'a>(
    visitor: &Visitor,
    access: &RealmAccess<'_>,
    realm: &'a str,
    subject: &Subject,
) -> Result<Question<'a>, Failure> {
    let place = Place::in_realm(realm);
    let t = place.texts(visitor);
    let (who, what) = (kind_text(t, subject.kind), subject.name.as_str());
    let values = [("kind", who.as_str()), ("name", what), ("id", subject.id.as_str())];
    let mut lines = vec![t.with("revoke-whose", &values).into_owned()];
    if matches!(subject.kind, Kind::Realm | Kind::Organization) {
        let clients = counted::clients(access, subject.organization.as_ref()).await?;
        lines.push(t.one("revoke-clients", counted::words(&clients)).into_owned());
    }
    if subject.kind == Kind::User {
        lines.push(t.of("revoke-sessions").into_owned());
    }
    lines.push(t.of("revoke-tokens").into_owned());
    lines.push(t.of("revoke-after").into_owned());
    Ok(Question {
        place,
        title: t.with("revoke-title", &values).into_owned(),
        lines,
        hidden: vec![("kind", subject.kind.name().to_owned()), ("id", subject.id.clone())],
        submit: "revoke-now",
        cancel: address::realm(realm, &["revocations"]),
        danger: true,
    })
}

/// Says what dies.
pub(super) async fn ask(visitor: Visitor, Path(realm): Path<String>) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteRevocations, &realm)?;
    let list = ListQuery::of(&visitor.asked, &["kind", "id"]);
    let kind = kind(list.value("kind")).ok_or(Failure::NotFound)?;
    let subject = find(&access, kind, list.value("id")).await?;
    Ok(question(&visitor, &access, &realm, &subject).await?.asked(&visitor))
}

/// Revokes all tokens that somebody has now.
pub(super) async fn create(
    visitor: Visitor,
    Path(realm): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteRevocations, &realm)?;
    let kind = kind(form.text("kind")).ok_or(Failure::NotFound)?;
    let subject = find(&access, kind, form.text("id")).await?;
    // A realm's own revocation names nothing within it.
    let id = if kind == Kind::Realm { "" } else { subject.id.as_str() };
    let editor = access.editor();
    let organization = subject.organization.as_ref();
    revoke_before_now(editor.authority, editor.actor, editor.realm, (kind, id), organization).await?;
    Ok(gone_to(&address::realm(&realm, &["revocations"]), "revoked"))
}
