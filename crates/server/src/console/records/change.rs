//! One change: what it was before and after.

use askama::Template;
use axum::extract::Path;
use symbolon_core::audit::AuditRecord;
use symbolon_core::clock::Timestamp;
use symbolon_core::permission::Permission;
use symbolon_core::trail::{self, ChangeFilter, Entry, Order, Period, Query, TrailRequest};

use crate::console::address;
use crate::console::failure::Failure;
use crate::console::page::{Frame, Link, Page};
use crate::console::records::difference::{Difference, differences};
use crate::console::records::names::{self, People};
use crate::console::records::{At, Reach};
use crate::console::texts::Texts;
use crate::console::time::Moment;
use crate::console::visitor::Visitor;

/// More changes do not happen in a thousandth of a second; if they do, the last ones are not found here.
const MOST: u32 = 200;

#[derive(Template)]
#[template(path = "records/change.html")]
pub(super) struct ChangeContent {
    t: Texts,
    title: String,
    at: Moment,
    actor: String,
    actor_kind: String,
    from: String,
    subject: String,
    subject_kind: String,
    subject_page: String,
    organization: String,
    request_id: String,
    /// Everything that came with the same request.
    request_changes: String,
    /// Its place in its realm's chain; 0 where it was written before there was one.
    number: i64,
    hash: String,
    differences: Vec<Difference>,
    more: usize,
    was_made: bool,
    was_deleted: bool,
}

/// Shows a change.
pub(super) async fn show(visitor: Visitor, Path(at): Path<At>) -> Result<Page<ChangeContent>, Failure> {
    let reach = at.access(&visitor, Permission::ReadAudit).await?;
    let record = find(&reach, at.change.as_deref().unwrap_or_default()).await?;
    let people = People::of(&reach, std::iter::once(&record)).await?;
    let place = at.place();
    let t = place.texts(&visitor);
    let content = content(t, &at, &people, record);
    let crumbs = vec![Link::new(t.of("nav-audit"), at.to(&["audit"]))];
    let frame = Frame::inside(&visitor, &place, content.title.as_str()).below(at.crumbs(t, &reach, crumbs));
    Ok(Page::new(frame, content))
}

/// Finds a change by its moment and its place: what the address says.
async fn find(reach: &Reach<'_>, name: &str) -> Result<AuditRecord, Failure> {
    let (moment, sequence) = name.split_once('-').ok_or(Failure::NotFound)?;
    let moment: i64 = moment.parse().map_err(|_| Failure::NotFound)?;
    let sequence: i64 = sequence.parse().map_err(|_| Failure::NotFound)?;
    let period = Period {
        from: Some(Timestamp::from_millis(moment)),
        to: Some(Timestamp::from_millis(moment.saturating_add(1))),
    };
    let query = Query::Changes(ChangeFilter { period, ..ChangeFilter::default() });
    let page = TrailRequest { after: None, limit: MOST, order: Order::NewestFirst };
    let access = reach.realm();
    let found = trail::list(access.store(), access.id(), reach.organization(), &query, &page).await?;
    let change = found.items.into_iter().find_map(|entry| match entry {
        Entry::Change(record) if record.sequence == sequence => Some(record),
        _ => None,
    });
    change.ok_or(Failure::NotFound)
}

fn content(t: Texts, at: &At, people: &People, record: AuditRecord) -> ChangeContent {
    let (differences, more) = differences(record.before.as_ref(), record.after.as_ref());
    let (action, kind) = (names::action(&record.action), names::subject_kind(t, record.subject_kind));
    let request_changes = if record.actor.request_id.is_empty() {
        String::new()
    } else {
        let id = address::encoded(&record.actor.request_id);
        format!("{}?request_id={id}", at.to(&["audit"]))
    };
    ChangeContent {
        t,
        title: t.with("change-title", &[("action", &action), ("kind", &kind)]).into_owned(),
        at: Moment(record.at),
        actor: people.name(&record.actor),
        actor_kind: names::actor_kind(t, &record.actor),
        from: record.actor.from.map(|address| address.to_string()).unwrap_or_default(),
        subject_page: names::subject_page(&at.realm, &record),
        subject: record.subject_id,
        subject_kind: kind,
        organization: record.organization.map(|id| id.to_string()).unwrap_or_default(),
        request_id: record.actor.request_id,
        request_changes,
        number: record.number,
        hash: record.hash,
        was_made: record.before.is_none() && record.after.is_some(),
        was_deleted: record.after.is_none() && record.before.is_some(),
        differences,
        more,
    }
}
