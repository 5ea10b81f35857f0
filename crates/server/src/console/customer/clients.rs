//! Settings › Access › Clients: the list of an organization's, and for operators that of a realm's.

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use symbolon_core::client::Client;
use symbolon_core::permission::Permission;
use symbolon_core::store::Page as Part;

use crate::console::address;
use crate::console::customer::room::{Room, name_of};
use crate::console::customer::shown::Badge;
use crate::console::failure::Failure;
use crate::console::list::{LIST, ListQuery};
use crate::console::listing::Listing;
use crate::console::page::{Frame, Link, Page, Place};
use crate::console::texts::Texts;
use crate::console::time::Moment;
use crate::console::visitor::Visitor;

struct Row {
    name: String,
    to: String,
    id: String,
    state: Badge,
    /// The kind of licence that it stands for.
    licence: String,
    created: Moment,
    /// In a realm's list, whose it is.
    organization: Option<Link>,
}

#[derive(Template)]
#[template(path = "customer/clients.html")]
struct ClientsContent {
    t: Texts,
    listing: Listing,
    rows: Vec<Row>,
}

/// The list without its rows; of an organization, or of a realm.
fn listing(t: Texts, list: ListQuery, is_of_realm: bool) -> Listing {
    let listing = Listing::new(t, list, "clients", "filter-name").by_status().sorted("clients-name", "name");
    let listing = if is_of_realm { listing.column("clients-organization") } else { listing };
    listing
        .column("clients-id")
        .sorted("filter-status", "status")
        .column("clients-licence")
        .sorted("column-created", "-created")
}

fn row(t: Texts, realm: &str, client: &Client, is_of_realm: bool) -> Row {
    let organization = &client.organization;
    let to_organization = address::organization(realm, organization, &[]);
    Row {
        name: name_of(client),
        to: address::organization(realm, organization, &["clients", client.id.as_str()]),
        id: client.id.to_string(),
        state: Badge::of_status(t, client.status),
        licence: client.settings.licence_kind.map(|kind| kind.name().to_owned()).unwrap_or_default(),
        created: Moment(client.created_at),
        organization: is_of_realm.then(|| Link::new(organization.to_string(), to_organization)),
    }
}

fn rows(t: Texts, realm: &str, part: &Part<Client>, is_of_realm: bool) -> Vec<Row> {
    part.items.iter().map(|client| row(t, realm, client, is_of_realm)).collect()
}

/// The clients of an organization.
pub(super) async fn of_organization(
    visitor: Visitor,
    Path((realm, organization)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let room = Room::enter(&visitor, Permission::ReadClients, (&realm, &organization)).await?;
    let t = room.t;
    let list = ListQuery::of(&visitor.asked, &LIST);
    let found = room
        .store()
        .search_clients(room.realm(), Some(room.access.id()), &list.filter(), &list.page())
        .await?;
    let new = visitor.may(Permission::WriteClients).then(|| ("client-new", room.to(&["clients", "new"])));
    let listing = listing(t, list, false).empty("clients-none", new).goes_on(found.next.as_deref());
    let frame = room.settings_frame(&listing.title, vec![Link::new(&listing.title, "")]);
    let rows = rows(t, &realm, &found, false);
    Ok(Page::new(frame, ClientsContent { t, listing, rows }).into_response())
}

/// The clients of a realm, whichever organization they belong to.
pub(super) async fn of_realm(visitor: Visitor, Path(realm): Path<String>) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::ReadClients, &realm)?;
    let place = Place::in_realm(&realm);
    let t = place.texts(&visitor);
    let list = ListQuery::of(&visitor.asked, &LIST);
    let found = access.store().search_clients(access.id(), None, &list.filter(), &list.page()).await?;
    let listing = listing(t, list, true).empty("clients-none-in-realm", None).goes_on(found.next.as_deref());
    let frame = Frame::inside(&visitor, &place, &listing.title);
    let rows = rows(t, &realm, &found, true);
    Ok(Page::new(frame, ClientsContent { t, listing, rows }).into_response())
}
