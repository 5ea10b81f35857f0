//! Usage of a realm, an organization or a client: pictures of a period, and a table by what is asked for.

use askama::Template;
use axum::extract::Path;
use symbolon_core::id::{ClientId, OrganizationId};
use symbolon_core::permission::Permission;
use symbolon_core::usage::UsageOf;

use crate::console::failure::Failure;
use crate::console::list::ListQuery;
use crate::console::page::{Frame, Link, Page};
use crate::console::records::chart::{Chart, grouped};
use crate::console::records::figures::{self, About, Period};
use crate::console::records::reasons::Reasons;
use crate::console::records::usage_table::{By, Table};
use crate::console::records::{At, Reach};
use crate::console::texts::Texts;
use crate::console::visitor::Visitor;

/// One of several to go to.
struct Choice {
    text: String,
    to: String,
    here: bool,
}

#[derive(Template)]
#[template(path = "records/usage.html")]
pub(super) struct UsageContent {
    t: Texts,
    title: String,
    about: String,
    periods: Vec<Choice>,
    issued: String,
    refused: String,
    over_time: Chart,
    per_client: Chart,
    reasons: Option<Reasons>,
    per_error: Chart,
    heat: Chart,
    groups: Vec<Choice>,
    table: Table,
    list: ListQuery,
    next: Option<String>,
}

/// Shows it.
pub(super) async fn show(visitor: Visitor, Path(at): Path<At>) -> Result<Page<UsageContent>, Failure> {
    let reach = at.access(&visitor, Permission::ReadUsage).await?;
    let place = at.place();
    let t = place.texts(&visitor);
    let list = ListQuery::of(&visitor.asked, &["period", "by"]);
    let (of, name) = subject(&at, &reach, &visitor).await?;
    let period = Period::of(list.value("period"));
    let by = By::of(list.value("by"), &of);
    let about = About { t, of, period };
    let access = reach.realm();
    let over_time = figures::over_time(access, &about).await?;
    // Whoever may not read the list of refusals is not told their reasons here.
    let reasons =
        if visitor.may(Permission::ReadAudit) { Some(Reasons::of(access, &at, &about).await?) } else { None };
    let (table, cursor) = Table::of(access, &about, by, &list.page()).await?;
    let groups = By::all(&about.of).map(|(one, name, text)| Choice {
        text: t.of(text).into_owned(),
        to: list.with("by", name),
        here: one == by,
    });
    let periods = Period::NAMES.map(|(one, name, text)| Choice {
        text: t.of(text).into_owned(),
        to: list.with("period", name),
        here: one == period,
    });
    let content = UsageContent {
        t,
        title: t.of("usage-title").into_owned(),
        about: name.clone(),
        periods: periods.into(),
        issued: grouped(over_time.issued),
        refused: grouped(over_time.refused),
        over_time: over_time.chart,
        per_client: figures::per_client(access, &about).await?,
        reasons,
        per_error: figures::per_error(access, &about).await?,
        heat: figures::heat(access, &about).await?,
        groups: groups.collect(),
        table,
        next: list.next(cursor.as_deref()),
        list,
    };
    let mut crumbs = Vec::new();
    if let Some(client) = &at.client {
        crumbs.push(Link::new(t.of("clients"), at.to(&["clients"])));
        crumbs.push(Link::new(name, at.to(&["clients", client])));
    }
    Ok(Page::new(
        Frame::inside(&visitor, &place, t.of("usage-title")).below(at.crumbs(t, &reach, crumbs)),
        content,
    ))
}

/// Whose usage is shown, and its name.
async fn subject(at: &At, reach: &Reach<'_>, visitor: &Visitor) -> Result<(UsageOf, String), Failure> {
    let Reach::Organization(access) = reach else { return Ok((UsageOf::Realm, at.realm.clone())) };
    let organization: &OrganizationId = access.id();
    let Some(client) = &at.client else {
        return Ok((
            UsageOf::Organization(organization.clone()),
            reach.name().unwrap_or_default().to_owned(),
        ));
    };
    // The client's name is read as clients are.
    let clients = visitor.organization(Permission::ReadClients, (&at.realm, organization.as_str())).await?;
    let id = ClientId::new(client).map_err(|_| Failure::NotFound)?;
    let found = clients.realm.store().find_client(clients.realm.id(), organization, &id).await?;
    let name = found.ok_or(Failure::NotFound)?.client.settings.name;
    let name = if name.is_empty() { id.to_string() } else { name };
    Ok((UsageOf::Client(organization.clone(), id), name))
}
