//! An organization at a glance: its clients, today's tokens and refusals, its licences, and what needs attention.
//!
//! The number of calls to the store is bounded whatever the organization's size; what does not fit is said to be left
//! out.

use std::collections::BTreeSet;
use std::time::Duration;

use askama::Template;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use symbolon_core::clock::Timestamp;
use symbolon_core::edit;
use symbolon_core::permission::Permission;
use symbolon_core::store::{ClientWithKeys, PageRequest};
use symbolon_core::usage::{
    GroupBy, Step, UsageFilter, UsageOf, UsageQuery, UsageResult, UsageResults, UsageSeries,
};

use crate::console::customer::attention::{Finding, findings};
use crate::console::customer::licences;
use crate::console::customer::room::{Room, name_of};
use crate::console::customer::shown::{Badge, Copyable};
use crate::console::failure::Failure;
use crate::console::page::{Link, Page};
use crate::console::texts::Texts;
use crate::console::time::lasting;
use crate::console::visitor::Visitor;

/// So many clients are looked at.
const MOST_CLIENTS: u32 = 200;
/// So many clients in the middle of a rotation are looked at.
const MOST_ROTATIONS: usize = 8;
/// So many things to look at are shown.
const MOST_NOTICES: usize = 12;
/// A key without a token in this time counts as unused.
const LOOK_BACK: Duration = Duration::from_hours(90 * 24);

/// Something to look at.
struct Notice {
    state: Badge,
    text: String,
    to: String,
}

#[derive(Template)]
#[template(path = "customer/overview.html")]
struct OverviewContent {
    t: Texts,
    name: String,
    state: Option<Badge>,
    id: Copyable,
    clients: String,
    tokens: String,
    refused: String,
    /// Refusals of today by code.
    errors: Vec<(String, i64)>,
    licences: Vec<licences::Row>,
    notices: Vec<Notice>,
    /// Whether there is more to look at than is shown.
    has_more: bool,
    /// Where a first client is made, if there is none and the visitor may.
    first: Option<String>,
    to_clients: String,
    to_licences: String,
    /// Where a licence is made, for who may.
    new_licence: Option<String>,
    is_operator: bool,
    to_usage: String,
    /// The organization's other pages: an operator's menu does not have them.
    pages: Vec<Link>,
}

/// The page.
pub(super) async fn show(
    visitor: Visitor,
    Path((realm, organization)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let room = Room::enter(&visitor, Permission::ReadOrganizations, (&realm, &organization)).await?;
    let t = room.t;
    let page = PageRequest { after: None, limit: MOST_CLIENTS };
    let clients = room.store().list_clients_with_keys(room.realm(), room.access.id(), &page).await?;
    let all_licences = room.store().list_licences(room.realm(), room.access.id()).await?;
    let today = today(&room).await?;
    let used = used_keys(&room).await?;
    let mut found: Vec<Notice> = findings(&clients.items, &all_licences, used.as_ref(), room.now())
        .into_iter()
        .map(|finding| notice(&room, &finding))
        .collect();
    found.extend(rotations(&room, &clients.items).await?);
    let has_more = clients.next.is_some() || found.len() > MOST_NOTICES;
    found.truncate(MOST_NOTICES);
    let more = if clients.next.is_some() { "+" } else { "" };
    let organization = &room.access.organization;
    let name =
        if organization.name.is_empty() { organization.id.to_string() } else { organization.name.clone() };
    let is_empty = clients.items.is_empty() && visitor.may(Permission::WriteClients);
    let content = OverviewContent {
        t,
        name,
        state: (!organization.status.is_active()).then(|| Badge::of_status(t, organization.status)),
        id: Copyable::new("organization-id", t.of("made-organization"), &organization.id),
        clients: format!("{}{more}", clients.items.len()),
        tokens: today.issued.to_string(),
        refused: today.errors.iter().map(|(_, count)| count).sum::<i64>().to_string(),
        errors: today.errors,
        licences: licences::rows(t, room.view(), &all_licences, room.now()),
        notices: found,
        has_more,
        first: is_empty.then(|| room.to(&["clients", "new"])),
        to_clients: room.to(&["clients"]),
        to_licences: room.to(&["licences"]),
        new_licence: visitor.may(Permission::WriteLicences).then(|| room.to(&["licences", "new"])),
        is_operator: room.is_operator(),
        to_usage: room.to(&["usage"]),
        pages: pages(&room),
    };
    let frame = room.frame(t.of("nav-overview"));
    Ok(Page::new(frame, content).into_response())
}

/// For operators, who have a realm's menu.
fn pages(room: &Room<'_>) -> Vec<Link> {
    if !room.is_operator() {
        return Vec::new();
    }
    let pages = [
        ("clients", "clients"),
        ("nav-credentials", "credentials"),
        ("nav-licences", "licences"),
        ("nav-members", "members"),
        ("nav-usage", "usage"),
        ("nav-audit", "audit"),
    ];
    let mut links: Vec<Link> =
        pages.into_iter().map(|(text, page)| Link::new(room.t.of(text), room.to(&[page]))).collect();
    if room.visitor.may(Permission::WriteOrganizations) {
        links.push(Link::new(room.t.of("overview-edit"), room.to(&["edit"])));
    }
    links
}

struct Today {
    issued: i64,
    errors: Vec<(String, i64)>,
}

fn total(series: &UsageSeries) -> i64 {
    series.counts.iter().map(|(_, count)| count).sum()
}

/// What has been counted since midnight UTC.
async fn today(room: &Room<'_>) -> Result<Today, Failure> {
    let now = room.now();
    let day = Duration::from_hours(24).as_secs().cast_signed();
    let from = Timestamp::from_seconds(now.seconds().div_euclid(day) * day);
    let of = UsageOf::Organization(room.access.id().clone());
    let to = now.plus(Duration::from_millis(1));
    let filter = UsageFilter { of, audience: None, results: UsageResults::All, from, to };
    let group_by = GroupBy { result: true, ..GroupBy::default() };
    let question = UsageQuery { filter, group_by, step: Step::Total };
    let found = room.store().list_usage(room.realm(), &question, &PageRequest::first()).await?;
    let mut today = Today { issued: 0, errors: Vec::new() };
    for series in &found.items {
        match &series.group.result {
            Some(UsageResult::Refused(code)) => today.errors.push((code.clone(), total(series))),
            Some(UsageResult::Issued) | None => today.issued += total(series),
        }
    }
    today.errors.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    Ok(today)
}

/// The keys that got a token lately; `None` where there are too many clients to say.
async fn used_keys(room: &Room<'_>) -> Result<Option<BTreeSet<String>>, Failure> {
    let now = room.now();
    let of = UsageOf::Organization(room.access.id().clone());
    let results = UsageResults::Only(UsageResult::Issued);
    let to = now.plus(Duration::from_millis(1));
    let filter = UsageFilter { of, audience: None, results, from: now.minus(LOOK_BACK), to };
    let group_by = GroupBy { access_key: true, ..GroupBy::default() }.whole();
    let question = UsageQuery { filter, group_by, step: Step::Total };
    let page = PageRequest { after: None, limit: MOST_CLIENTS };
    let found = room.store().list_usage(room.realm(), &question, &page).await?;
    if found.next.is_some() {
        return Ok(None);
    }
    let keys = found.items.into_iter().filter_map(|series| series.group.access_key);
    Ok(Some(keys.map(|key| key.to_string()).collect()))
}

/// Keys that can go, of clients that have two.
async fn rotations(room: &Room<'_>, clients: &[ClientWithKeys]) -> Result<Vec<Notice>, Failure> {
    let mut found = Vec::new();
    for known in clients.iter().filter(|known| known.keys.len() > 1).take(MOST_ROTATIONS) {
        let keys = edit::access_key::overview(room.editor(), &known.client).await?;
        if keys.iter().any(|key| key.safe_to_retire) {
            found.push(Notice {
                state: Badge::new("good", room.t.of("attention-rotation")),
                text: room.t.with("attention-safe", &[("name", &name_of(&known.client))]).into_owned(),
                to: room.to_client(&known.client.id, &["rotation"]),
            });
        }
    }
    Ok(found)
}

/// How far away a moment is, in words.
fn distance(t: Texts, moment: Timestamp, now: Timestamp) -> String {
    lasting(t, if moment > now { moment.since(now) } else { now.since(moment) })
}

fn notice(room: &Room<'_>, finding: &Finding<'_>) -> Notice {
    let t = room.t;
    let (class, label, text) = match finding {
        Finding::Unused(..) => ("warn", "attention-unused-label", "attention-unused"),
        Finding::Expiring(..) => ("warn", "attention-ending-label", "attention-expiring"),
        Finding::Expired(..) => ("bad", "attention-ended-label", "attention-expired"),
        Finding::LicenceEnding(..) => ("warn", "attention-ending-label", "attention-licence-ending"),
        Finding::LicenceEnded(..) => ("bad", "attention-ended-label", "attention-licence-ended"),
    };
    let (name, thing, end, to) = match finding {
        Finding::Unused(known, key) => {
            let to = room.to_client(&known.client.id, &[]);
            (name_of(&known.client), key.id.to_string(), None, to)
        }
        Finding::Expiring(known, key, end) | Finding::Expired(known, key, end) => {
            let to = room.to_client(&known.client.id, &["rotation"]);
            (name_of(&known.client), key.id.to_string(), Some(*end), to)
        }
        Finding::LicenceEnding(licence, end) | Finding::LicenceEnded(licence, end) => {
            let kind = licence.kind.name().to_owned();
            (kind, licence.audience.clone(), Some(*end), room.to(&["licences"]))
        }
    };
    let time = end.map(|end| distance(t, end, room.now())).unwrap_or_default();
    let values = [("name", name.as_str()), ("thing", thing.as_str()), ("time", time.as_str())];
    Notice { state: Badge::new(class, t.of(label)), text: t.with(text, &values).into_owned(), to }
}
