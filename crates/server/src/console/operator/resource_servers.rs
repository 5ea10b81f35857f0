//! Resource servers: the APIs that tokens are for, with the token that a client would get beside the form.

use askama::Template;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use symbolon_core::edit;
use symbolon_core::permission::{Permission, RealmAccess};
use symbolon_core::preview::Draft;
use symbolon_core::realm::Status;
use symbolon_core::resource_server::ResourceServer;

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::form::{Form, Mistakes};
use crate::console::list::{LIST, ListQuery};
use crate::console::listing::Listing;
use crate::console::operator::fields::{Fields, ShownChoices};
use crate::console::operator::pages::{
    Hidden, Question, check_version, made_before, mistakes, once, path, version,
};
use crate::console::operator::resource_server_form::{filled, groups, read};
use crate::console::operator::{preview, status_of};
use crate::console::page::{Frame, Link, Page, Place, gone_to};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

struct Row {
    name: String,
    identifier: String,
    to: String,
    active: bool,
    scopes: usize,
    licence: bool,
    lifetime: String,
}

#[derive(Template)]
#[template(path = "operator/resource_servers.html")]
struct ListContent {
    t: Texts,
    listing: Listing,
    rows: Vec<Row>,
}

/// The resource servers of a realm; there are few.
pub(super) async fn list(visitor: Visitor, Path(realm): Path<String>) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::ReadResourceServers, &realm)?;
    let list = ListQuery::of(&visitor.asked, &LIST).usually("identifier");
    let place = Place::in_realm(&realm);
    let t = place.texts(&visitor);
    let (status, sought) = (list.filter().status, list.sought());
    let mut all = access.store().list_resource_servers(access.id()).await?;
    all.retain(|server| {
        let named = [&server.identifier, &server.settings.name];
        status.is_none_or(|status| server.status == status)
            && named.iter().any(|name| name.to_lowercase().contains(&sought))
    });
    list.arrange(&mut all, |server, key| match key {
        "name" => (0, server.settings.name.to_lowercase()),
        "status" => (i64::from(server.status == Status::Disabled), server.identifier.clone()),
        "scopes" => {
            (i64::try_from(server.settings.scopes.len()).unwrap_or(i64::MAX), server.identifier.clone())
        }
        "lifetime" => (server.settings.lifetime.unwrap_or(0), server.identifier.clone()),
        "licence" => (i64::from(!server.settings.requires_licence), server.identifier.clone()),
        _ => (0, server.identifier.clone()),
    });
    let row = |server: ResourceServer| Row {
        to: address::realm(&realm, &["resource-servers", &server.identifier]),
        active: server.status.is_active(),
        scopes: server.settings.scopes.len(),
        licence: server.settings.requires_licence,
        lifetime: match server.settings.lifetime {
            Some(seconds) => t.one("time-seconds", seconds).into_owned(),
            None => t.of("server-lifetime-realm").into_owned(),
        },
        name: server.settings.name,
        identifier: server.identifier,
    };
    let new = visitor.may(Permission::WriteResourceServers);
    let new = new.then(|| ("server-new", address::realm(&realm, &["resource-servers", "new"])));
    let listing = Listing::new(t, list, "servers-title", "filter-contains")
        .caption("servers-caption")
        .by_status()
        .empty("servers-empty", new)
        .sorted("server-identifier", "identifier")
        .sorted("server-name", "name")
        .sorted("filter-status", "status")
        .sorted("server-scopes-count", "-scopes")
        .of_numbers()
        .sorted("server-lifetime", "lifetime")
        .sorted("nav-licences", "licence");
    let rows = all.into_iter().map(row).collect();
    let frame = Frame::inside(&visitor, &place, &listing.title);
    Ok(Page::new(frame, ListContent { t, listing, rows }).into_response())
}

#[derive(Template)]
#[template(path = "operator/resource_server.html")]
struct FormContent {
    t: Texts,
    title: String,
    subtitle: String,
    mistake: String,
    action: String,
    hidden: Hidden,
    fields: Fields,
    submit: String,
    cancel: String,
    links: Vec<Link>,
    may: bool,
    client: String,
    clients: ShownChoices,
    preview: preview::Shown,
}

/// One page for a new one and for one that is there.
struct Editing<'a> {
    visitor: &'a Visitor,
    access: &'a RealmAccess<'a>,
    realm: &'a str,
    server: Option<&'a ResourceServer>,
}

impl Editing<'_> {
    fn texts(&self) -> Texts {
        Place::in_realm(self.realm).texts(self.visitor)
    }

    /// The page, with the token of the client that is chosen in it.
    async fn page(
        &self,
        form: &Form,
        mut mistakes: Mistakes,
        status: StatusCode,
    ) -> Result<Response, Failure> {
        let (visitor, t, realm) = (self.visitor, self.texts(), self.realm);
        let place = Place::in_realm(realm);
        let list = address::realm(realm, &["resource-servers"]);
        let (choices, first) = preview::clients(self.access, self.server).await?;
        let client = if form.has("client") { form.text("client").to_owned() } else { first };
        let identifier = self.server.map_or_else(|| form.text("identifier"), |server| &server.identifier);
        let preview = match read(form, t) {
            Ok(settings) => {
                let draft = Draft { identifier: identifier.to_owned(), settings };
                preview::of(visitor, t, (realm, &client), draft).await?
            }
            Err(found) => {
                // Whoever only looks is told what is wrong as well.
                mistakes = if mistakes.is_empty() { found } else { mistakes };
                let refusal = t.of("preview-mistakes").into_owned();
                preview::Shown { refusal, ..preview::Shown::default() }
            }
        };
        let (title, subtitle, hidden, links) = match self.server {
            None => (t.of("server-new"), "", vec![once(visitor, form)], Vec::new()),
            Some(server) => {
                let to = |page: &str| address::realm(realm, &["resource-servers", identifier, page]);
                let link = match server.status {
                    Status::Active => Link::new(t.of("server-disable"), to("disable")),
                    Status::Disabled => Link::new(t.of("server-enable"), to("enable")),
                };
                (t.of("server-one"), identifier, vec![version(server.version)], vec![link])
            }
        };
        let shown_title = if subtitle.is_empty() { &*title } else { subtitle };
        let frame = Frame::inside(visitor, &place, shown_title)
            .below(vec![Link::new(t.of("servers-title"), list.clone())]);
        let may = visitor.may(Permission::WriteResourceServers);
        let content = FormContent {
            t,
            title: title.to_string(),
            subtitle: subtitle.to_owned(),
            mistake: mistakes.of("").unwrap_or_default().to_owned(),
            action: path(visitor).to_owned(),
            hidden,
            fields: Fields::filled(t, &groups(t, self.server.is_none()), form, &mistakes),
            submit: t.of(if self.server.is_none() { "server-create" } else { "save" }).into_owned(),
            cancel: list,
            links: if may { links } else { Vec::new() },
            may,
            clients: ShownChoices::of(&choices, &client),
            client,
            preview,
        };
        Ok(Page::new(frame, content).with_status(status).into_response())
    }

    async fn again(&self, form: &Form, mistakes: Mistakes) -> Result<Response, Failure> {
        self.page(form, mistakes, StatusCode::UNPROCESSABLE_ENTITY).await
    }
}

/// The form for a new one.
pub(super) async fn new(visitor: Visitor, Path(realm): Path<String>) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteResourceServers, &realm)?;
    let editing = Editing { visitor: &visitor, access: &access, realm: &realm, server: None };
    editing.page(&Form::default(), Mistakes::default(), StatusCode::OK).await
}

/// Makes one, or shows what it would do.
pub(super) async fn create(
    visitor: Visitor,
    Path(realm): Path<String>,
    form: Form,
) -> Result<Response, Failure> {
    let visitor = visitor.making(&form);
    let access = visitor.realm(Permission::WriteResourceServers, &realm)?;
    let editing = Editing { visitor: &visitor, access: &access, realm: &realm, server: None };
    if form.has("preview") {
        return editing.page(&form, Mistakes::default(), StatusCode::OK).await;
    }
    let made =
        |identifier: &str| gone_to(&address::realm(&realm, &["resource-servers", identifier]), "server-made");
    if let Some(before) = made_before(&access).await? {
        return Ok(made(&before));
    }
    let settings = match read(&form, editing.texts()) {
        Ok(settings) => settings,
        Err(mistakes) => return editing.again(&form, mistakes).await,
    };
    let server = ResourceServer {
        identifier: form.text("identifier").to_owned(),
        status: Status::Active,
        settings,
        version: 1,
        created_at: visitor.authority.now(),
    };
    match edit::resource_server::insert(access.editor(), &server).await {
        Ok(()) => Ok(made(&server.identifier)),
        Err(error) => editing.again(&form, mistakes(error)?).await,
    }
}

async fn find(access: &RealmAccess<'_>, identifier: &str) -> Result<ResourceServer, Failure> {
    let mut all = access.store().list_resource_servers(access.id()).await?.into_iter();
    all.find(|server| server.identifier == identifier).ok_or(Failure::NotFound)
}

/// The form of one that is there.
pub(super) async fn edit(
    visitor: Visitor,
    Path((realm, identifier)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::ReadResourceServers, &realm)?;
    let server = find(&access, &identifier).await?;
    let editing = Editing { visitor: &visitor, access: &access, realm: &realm, server: Some(&server) };
    editing.page(&filled(&server.settings), Mistakes::default(), StatusCode::OK).await
}

/// Changes one, or shows what the change would do.
pub(super) async fn update(
    visitor: Visitor,
    Path((realm, identifier)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let only_shown = form.has("preview");
    let needed = if only_shown { Permission::ReadResourceServers } else { Permission::WriteResourceServers };
    let access = visitor.realm(needed, &realm)?;
    let before = find(&access, &identifier).await?;
    let editing = Editing { visitor: &visitor, access: &access, realm: &realm, server: Some(&before) };
    if only_shown {
        return editing.page(&form, Mistakes::default(), StatusCode::OK).await;
    }
    check_version(&form, before.version)?;
    let settings = match read(&form, editing.texts()) {
        Ok(settings) => settings,
        Err(mistakes) => return editing.again(&form, mistakes).await,
    };
    let after = ResourceServer { settings, ..before.clone() };
    match edit::resource_server::update(access.editor(), &before, &after).await {
        Ok(()) => Ok(gone_to(path(&visitor), "server-saved")),
        Err(error) => editing.again(&form, mistakes(error)?).await,
    }
}

/// Asks before one is switched off or on.
pub(super) async fn ask_status(
    visitor: Visitor,
    Path((realm, identifier)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteResourceServers, &realm)?;
    let server = find(&access, &identifier).await?;
    let texts = (
        ("server-disable-title", &["server-disable-tokens"][..], "server-disable"),
        ("server-enable-title", &["server-enable-tokens"][..], "server-enable"),
    );
    let cancel = address::realm(&realm, &["resource-servers", &identifier]);
    let values = [("value", identifier.as_str())];
    let place = Place::in_realm(&realm);
    let question = Question::of_status(&visitor, place, texts, &values, (server.version, cancel));
    Ok(question.asked(&visitor))
}

/// Switches one off or on.
pub(super) async fn set_status(
    visitor: Visitor,
    Path((realm, identifier)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let access = visitor.realm(Permission::WriteResourceServers, &realm)?;
    let before = find(&access, &identifier).await?;
    check_version(&form, before.version)?;
    let status = status_of(&visitor.asked.path);
    let after = ResourceServer { status, ..before.clone() };
    edit::resource_server::update(access.editor(), &before, &after).await?;
    Ok(gone_to(&address::realm(&realm, &["resource-servers", &identifier]), "server-saved"))
}
