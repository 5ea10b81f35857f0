//! Organizations: the customers of a realm.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use symbolon_core::edit;
use symbolon_core::edit::EditError;
use symbolon_core::id::Id;
use symbolon_core::organization::{Organization, OrganizationId};
use symbolon_core::permission::Permission;
use symbolon_core::realm::Status;

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::list::{LIST, ListQuery};
use crate::console::listing::Listing;
use crate::console::operator::fields::{Column, Field, Group, rows};
use crate::console::operator::pages::{
    FormPage, Question, check_version, made_before, mistakes, once, version,
};
use crate::console::operator::{counted, status_of};
use crate::console::page::{Frame, Link, Page, Place, gone_to};
use crate::console::texts::Texts;
use crate::console::time::Moment;
use crate::console::visitor::Visitor;

struct Row {
    name: String,
    id: String,
    active: bool,
    created: Moment,
    to: String,
    clients: String,
    licences: String,
    members: String,
    edit: String,
}

#[derive(Template)]
#[template(path = "operator/organizations.html")]
struct ListContent {
    t: Texts,
    listing: Listing,
    rows: Vec<Row>,
}

/// The organizations of a realm.
pub(super) async fn list(visitor: Visitor, Path(realm): Path<String>) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::ReadOrganizations, &realm)?;
    let list = ListQuery::of(&visitor.asked, &LIST);
    let found = access.store().search_organizations(access.id(), &list.filter(), &list.page()).await?;
    let row = |organization: Organization| {
        let to = |segments: &[&str]| address::organization(&realm, &organization.id, segments);
        Row {
            name: shown_name(&organization),
            id: organization.id.to_string(),
            active: organization.status.is_active(),
            created: Moment(organization.created_at),
            to: to(&[]),
            clients: to(&["clients"]),
            licences: to(&["licences"]),
            members: to(&["members"]),
            edit: to(&["edit"]),
        }
    };
    let place = Place::in_realm(&realm);
    let t = place.texts(&visitor);
    let new = visitor.may(Permission::WriteOrganizations);
    let new = new.then(|| ("organization-new", address::realm(&realm, &["organizations", "new"])));
    let listing = Listing::new(t, list, "organizations-title", "filter-name")
        .caption("organizations-caption")
        .by_status()
        .empty("organizations-empty", new)
        .sorted("organization-name", "name")
        .sorted("filter-status", "status")
        .sorted("column-created", "-created")
        .column("column-pages")
        .goes_on(found.next.as_deref());
    let rows = found.items.into_iter().map(row).collect();
    let frame = Frame::inside(&visitor, &place, &listing.title);
    Ok(Page::new(frame, ListContent { t, listing, rows }).into_response())
}

/// What people call it: its name, or its id where it has none.
pub(super) fn shown_name(organization: &Organization) -> String {
    if organization.name.is_empty() { organization.id.to_string() } else { organization.name.clone() }
}

fn columns() -> [Column; 2] {
    [
        Column::new("metadata_name", "organization-metadata-name"),
        Column::new("metadata_value", "organization-metadata-value"),
    ]
}

fn fields() -> Vec<Field> {
    vec![
        Field::line("name", "organization-name").hint("organization-name-hint"),
        Field::rows("metadata", "organization-metadata", columns().into()).hint("organization-metadata-hint"),
    ]
}

fn read_metadata(form: &Form, t: Texts) -> Result<BTreeMap<String, String>, Mistakes> {
    let mut metadata = BTreeMap::new();
    let mut mistakes = Mistakes::default();
    for [name, value] in rows(form, &columns()) {
        if name.is_empty() {
            mistakes.add("metadata", t.of("organization-metadata-nameless"));
        } else if metadata.insert(name, value).is_some() {
            mistakes.add("metadata", t.of("organization-metadata-twice"));
        }
    }
    if mistakes.is_empty() { Ok(metadata) } else { Err(mistakes) }
}

fn new_page<'a>(visitor: &Visitor, realm: &'a str, form: &Form) -> FormPage<'a> {
    let place = Place::in_realm(realm);
    let t = place.texts(visitor);
    let list = address::realm(realm, &["organizations"]);
    let mut all = fields();
    all.push(Field::line("id", "organization-id").hint("organization-id-hint"));
    FormPage {
        place,
        crumbs: vec![Link::new(t.of("organizations-title"), list.clone())],
        title: t.of("organization-new").into_owned(),
        intro: String::new(),
        hidden: vec![once(visitor, form)],
        groups: vec![Group::new("", all)],
        submit: "organization-create",
        cancel: list,
        links: Vec::new(),
    }
}

/// The form for a new one.
pub(super) async fn new(visitor: Visitor, Path(realm): Path<String>) -> Result<Response, Failure> {
    visitor.realm(Permission::WriteOrganizations, &realm)?;
    Ok(new_page(&visitor, &realm, &Form::default()).shown(&visitor, &Form::default()))
}

/// Makes one.
pub(super) async fn create(
    visitor: Visitor,
    Path(realm): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let visitor = visitor.making(&form);
    let access = visitor.realm(Permission::WriteOrganizations, &realm)?;
    let made = |id: &str| gone_to(&address::organization(&realm, id, &[]), "organization-made");
    if let Some(before) = made_before(&access).await? {
        return Ok(made(&before));
    }
    let t = Place::in_realm(&realm).texts(&visitor);
    let again = |mistakes| new_page(&visitor, &realm, &form).again(&visitor, &form, &mistakes);
    let metadata = match read_metadata(&form, t) {
        Ok(metadata) => metadata,
        Err(mistakes) => return Ok(again(mistakes)),
    };
    let now = access.authority().now();
    let id = match form.filled("id").map(OrganizationId::new) {
        None => Id::generate(now, access.authority().random()).map_err(EditError::from)?,
        Some(Ok(id)) => id,
        Some(Err(error)) => {
            let mut mistakes = Mistakes::default();
            mistakes.add("id", crate::console::page::sentence(&error.to_string()));
            return Ok(again(mistakes));
        }
    };
    let name = form.text("name").to_owned();
    let organization =
        Organization { id, name, status: Status::Active, metadata, version: 1, created_at: now };
    match edit::organization::insert(access.editor(), &organization).await {
        Ok(()) => Ok(made(organization.id.as_str())),
        Err(error) => Ok(again(mistakes(error)?)),
    }
}

fn edit_page<'a>(visitor: &Visitor, at: (&'a str, &'a str), organization: &Organization) -> FormPage<'a> {
    let place = Place::in_organization(at);
    let t = place.texts(visitor);
    let to = |segments: &[&str]| address::organization(at.0, at.1, segments);
    let switch = match organization.status {
        Status::Active => Link::new(t.of("organization-disable"), to(&["disable"])),
        Status::Disabled => Link::new(t.of("organization-enable"), to(&["enable"])),
    };
    FormPage {
        place,
        crumbs: vec![
            Link::new(t.of("organizations-title"), address::realm(at.0, &["organizations"])),
            Link::new(shown_name(organization), to(&[])),
        ],
        title: t.one("organization-edit", shown_name(organization)).into_owned(),
        intro: String::new(),
        hidden: vec![version(organization.version)],
        groups: vec![Group::new("", fields())],
        submit: "save",
        cancel: to(&[]),
        links: vec![switch, Link::new(t.of("licence-new"), to(&["licences", "new"]))],
    }
}

/// The form of one that is there.
pub(super) async fn edit(
    visitor: Visitor,
    Path((realm, organization)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let at = (realm.as_str(), organization.as_str());
    let access = visitor.organization(Permission::WriteOrganizations, at).await?;
    let current = &access.organization;
    let mut fields = vec![("name".to_owned(), current.name.clone())];
    for (name, value) in &current.metadata {
        fields.push(("metadata_name".to_owned(), name.clone()));
        fields.push(("metadata_value".to_owned(), value.clone()));
    }
    Ok(edit_page(&visitor, at, current).shown(&visitor, &Form::of(fields)))
}

/// Changes one.
pub(super) async fn update(
    visitor: Visitor,
    Path((realm, organization)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let at = (realm.as_str(), organization.as_str());
    let access = visitor.organization(Permission::WriteOrganizations, at).await?;
    let before = &access.organization;
    check_version(&form, before.version)?;
    let again = |mistakes| edit_page(&visitor, at, before).again(&visitor, &form, &mistakes);
    let metadata = match read_metadata(&form, Place::in_organization(at).texts(&visitor)) {
        Ok(metadata) => metadata,
        Err(mistakes) => return Ok(again(mistakes)),
    };
    let after = Organization { name: form.text("name").to_owned(), metadata, ..before.clone() };
    match edit::organization::update(access.realm.editor(), before, &after).await {
        Ok(()) => Ok(gone_to(&address::organization(at.0, at.1, &[]), "organization-saved")),
        Err(error) => Ok(again(mistakes(error)?)),
    }
}

/// Asks before one is switched off or on.
pub(super) async fn ask_status(
    visitor: Visitor,
    Path((realm, organization)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let at = (realm.as_str(), organization.as_str());
    let access = visitor.organization(Permission::WriteOrganizations, at).await?;
    let name = shown_name(&access.organization);
    let clients = counted::words(&counted::clients(&access.realm, Some(access.id())).await?);
    let off =
        &["organization-disable-tokens", "organization-disable-clients", "organization-disable-after"][..];
    let texts = (
        ("organization-disable-title", off, "organization-disable"),
        ("organization-enable-title", &["organization-enable-tokens"][..], "organization-enable"),
    );
    let values = [("name", name.as_str()), ("clients", clients.as_str())];
    let cancel = address::organization(at.0, at.1, &["edit"]);
    let place = Place::in_organization(at);
    let question =
        Question::of_status(&visitor, place, texts, &values, (access.organization.version, cancel));
    Ok(question.asked(&visitor))
}

/// Switches one off or on.
pub(super) async fn set_status(
    visitor: Visitor,
    Path((realm, organization)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let at = (realm.as_str(), organization.as_str());
    let access = visitor.organization(Permission::WriteOrganizations, at).await?;
    let before = &access.organization;
    check_version(&form, before.version)?;
    let status = status_of(&visitor.asked.path);
    let after = Organization { status, ..before.clone() };
    edit::organization::update(access.realm.editor(), before, &after).await?;
    let done = match status {
        Status::Active => "organization-enabled",
        Status::Disabled => "organization-disabled",
    };
    Ok(gone_to(&address::organization(at.0, at.1, &[]), done))
}
