//! Lists of audit records: by time, for whatever people look for.
//!
//! The most telling part of a filter chooses the index in which a page is read from its place on; what else the
//! filter asks is compared with the rows that are read. So a page costs the same wherever it lies, and a filter
//! whose parts hardly ever meet ends a page early rather than read on without end.

use sqlx::query_as;
use symbolon_core::audit::AuditRecord;
use symbolon_core::realm::RealmId;
use symbolon_core::store::{Page, StoreResult};
use symbolon_core::trail::{ChangeFilter, Order, TrailRequest};

use crate::audit::AuditRow;
use crate::backend::Backend;
use crate::support::{can_be_stored, failed, word};
use crate::trail::{Bounds, length};

/// Rows that are read at once where some of them may not be wanted.
const STEP: usize = 250;
/// Rows that are looked at for one page.
const MOST: usize = 2_000;

/// A page.
pub(crate) async fn list(
    store: &Backend,
    realm: &RealmId,
    filter: &ChangeFilter,
    page: &TrailRequest,
) -> StoreResult<Page<AuditRecord>> {
    let limit = length(page);
    let lead = Lead::of(filter)?;
    let mut bounds = Bounds::of(&filter.period, page)?;
    let mut items = Vec::with_capacity(limit);
    let mut looked = 0;
    if !can_be_stored(lead.text()) {
        return Ok(Page { items, next: None });
    }
    loop {
        let step = if lead.is_all_of(filter) { limit + 1 } else { STEP.max(limit + 1) };
        let rows = read(store, realm, &lead, page.order, (bounds, step)).await?;
        let is_last = rows.len() < step;
        for row in rows {
            let record = row.read()?;
            let place = (record.at.millis(), record.sequence);
            if filter.admits(&record) {
                if items.len() == limit {
                    return Ok(Page { items, next: Some(bounds.cursor(page.order)) });
                }
                items.push(record);
            }
            bounds.pass(place, page.order);
            looked += 1;
        }
        if is_last {
            return Ok(Page { items, next: None });
        }
        if looked >= MOST {
            return Ok(Page { items, next: Some(bounds.cursor(page.order)) });
        }
    }
}

/// The part of a filter that an index is read by.
enum Lead<'a> {
    Subject(&'static str, &'a str),
    Request(&'a str),
    Actor(String, &'a str),
    Organization(&'a str),
    Action(&'a str),
    Nothing,
}

impl<'a> Lead<'a> {
    /// The part that leaves the fewest rows over, as a rule.
    fn of(filter: &'a ChangeFilter) -> StoreResult<Self> {
        Ok(if let Some((kind, Some(id))) = &filter.subject {
            Self::Subject(kind.name(), id)
        } else if let Some(id) = &filter.request_id {
            Self::Request(id)
        } else if let Some((kind, Some(id))) = &filter.actor {
            Self::Actor(word(kind)?, id)
        } else if let Some(id) = &filter.organization {
            Self::Organization(id.as_str())
        } else if let Some(action) = &filter.action {
            Self::Action(action)
        } else {
            Self::Nothing
        })
    }

    /// Whether nothing else is asked but a time.
    fn is_all_of(&self, filter: &ChangeFilter) -> bool {
        let asked = [
            filter.subject.is_some(),
            filter.request_id.is_some(),
            filter.actor.is_some(),
            filter.organization.is_some(),
            filter.action.is_some(),
        ];
        let led = usize::from(!matches!(self, Self::Nothing));
        asked.into_iter().filter(|asked| *asked).count() == led
    }

    /// The text from outside in it.
    fn text(&self) -> &str {
        match self {
            Self::Subject(_, id) | Self::Actor(_, id) => id,
            Self::Request(text) | Self::Organization(text) | Self::Action(text) => text,
            Self::Nothing => "",
        }
    }
}

/// Rows between two bounds, in an order, at most so many.
#[expect(
    clippy::too_many_lines,
    reason = "a query is checked as it stands, so each index and order has its own"
)]
async fn read(
    store: &Backend,
    realm: &RealmId,
    lead: &Lead<'_>,
    order: Order,
    (bounds, most): (Bounds, usize),
) -> StoreResult<Vec<AuditRow>> {
    let most = i64::try_from(most).unwrap_or(i64::MAX);
    let ((from, behind), (to, below)) = (bounds.low, bounds.high);
    let (realm, reader) = (realm.as_str(), store.reader());
    let rows = match (lead, order) {
        (Lead::Subject(kind, id), Order::NewestFirst) => {
            query_as!(
                AuditRow,
                "SELECT * FROM audit
                 WHERE realm = $1 AND subject_kind = $7 AND subject_id = $8 AND
                     (at, sequence) > ($2, $3) AND (at, sequence) < ($4, $5)
                 ORDER BY at DESC, sequence DESC LIMIT $6",
                realm,
                from,
                behind,
                to,
                below,
                most,
                kind,
                id,
            )
            .fetch_all(reader)
            .await
        }
        (Lead::Subject(kind, id), Order::OldestFirst) => {
            query_as!(
                AuditRow,
                "SELECT * FROM audit
                 WHERE realm = $1 AND subject_kind = $7 AND subject_id = $8 AND
                     (at, sequence) > ($2, $3) AND (at, sequence) < ($4, $5)
                 ORDER BY at, sequence LIMIT $6",
                realm,
                from,
                behind,
                to,
                below,
                most,
                kind,
                id,
            )
            .fetch_all(reader)
            .await
        }
        (Lead::Request(id), Order::NewestFirst) => {
            query_as!(
                AuditRow,
                "SELECT * FROM audit
                 WHERE realm = $1 AND request_id = $7 AND
                     (at, sequence) > ($2, $3) AND (at, sequence) < ($4, $5)
                 ORDER BY at DESC, sequence DESC LIMIT $6",
                realm,
                from,
                behind,
                to,
                below,
                most,
                id,
            )
            .fetch_all(reader)
            .await
        }
        (Lead::Request(id), Order::OldestFirst) => {
            query_as!(
                AuditRow,
                "SELECT * FROM audit
                 WHERE realm = $1 AND request_id = $7 AND
                     (at, sequence) > ($2, $3) AND (at, sequence) < ($4, $5)
                 ORDER BY at, sequence LIMIT $6",
                realm,
                from,
                behind,
                to,
                below,
                most,
                id,
            )
            .fetch_all(reader)
            .await
        }
        (Lead::Actor(kind, id), Order::NewestFirst) => {
            query_as!(
                AuditRow,
                "SELECT * FROM audit
                 WHERE realm = $1 AND actor_kind = $7 AND actor_id = $8 AND
                     (at, sequence) > ($2, $3) AND (at, sequence) < ($4, $5)
                 ORDER BY at DESC, sequence DESC LIMIT $6",
                realm,
                from,
                behind,
                to,
                below,
                most,
                kind,
                id,
            )
            .fetch_all(reader)
            .await
        }
        (Lead::Actor(kind, id), Order::OldestFirst) => {
            query_as!(
                AuditRow,
                "SELECT * FROM audit
                 WHERE realm = $1 AND actor_kind = $7 AND actor_id = $8 AND
                     (at, sequence) > ($2, $3) AND (at, sequence) < ($4, $5)
                 ORDER BY at, sequence LIMIT $6",
                realm,
                from,
                behind,
                to,
                below,
                most,
                kind,
                id,
            )
            .fetch_all(reader)
            .await
        }
        (Lead::Organization(id), Order::NewestFirst) => {
            query_as!(
                AuditRow,
                "SELECT * FROM audit
                 WHERE realm = $1 AND organization = $7 AND
                     (at, sequence) > ($2, $3) AND (at, sequence) < ($4, $5)
                 ORDER BY at DESC, sequence DESC LIMIT $6",
                realm,
                from,
                behind,
                to,
                below,
                most,
                id,
            )
            .fetch_all(reader)
            .await
        }
        (Lead::Organization(id), Order::OldestFirst) => {
            query_as!(
                AuditRow,
                "SELECT * FROM audit
                 WHERE realm = $1 AND organization = $7 AND
                     (at, sequence) > ($2, $3) AND (at, sequence) < ($4, $5)
                 ORDER BY at, sequence LIMIT $6",
                realm,
                from,
                behind,
                to,
                below,
                most,
                id,
            )
            .fetch_all(reader)
            .await
        }
        (Lead::Action(action), Order::NewestFirst) => {
            query_as!(
                AuditRow,
                "SELECT * FROM audit
                 WHERE realm = $1 AND action = $7 AND
                     (at, sequence) > ($2, $3) AND (at, sequence) < ($4, $5)
                 ORDER BY at DESC, sequence DESC LIMIT $6",
                realm,
                from,
                behind,
                to,
                below,
                most,
                action,
            )
            .fetch_all(reader)
            .await
        }
        (Lead::Action(action), Order::OldestFirst) => {
            query_as!(
                AuditRow,
                "SELECT * FROM audit
                 WHERE realm = $1 AND action = $7 AND
                     (at, sequence) > ($2, $3) AND (at, sequence) < ($4, $5)
                 ORDER BY at, sequence LIMIT $6",
                realm,
                from,
                behind,
                to,
                below,
                most,
                action,
            )
            .fetch_all(reader)
            .await
        }
        (Lead::Nothing, Order::NewestFirst) => {
            query_as!(
                AuditRow,
                "SELECT * FROM audit
                 WHERE realm = $1 AND
                     (at, sequence) > ($2, $3) AND (at, sequence) < ($4, $5)
                 ORDER BY at DESC, sequence DESC LIMIT $6",
                realm,
                from,
                behind,
                to,
                below,
                most,
            )
            .fetch_all(reader)
            .await
        }
        (Lead::Nothing, Order::OldestFirst) => {
            query_as!(
                AuditRow,
                "SELECT * FROM audit
                 WHERE realm = $1 AND
                     (at, sequence) > ($2, $3) AND (at, sequence) < ($4, $5)
                 ORDER BY at, sequence LIMIT $6",
                realm,
                from,
                behind,
                to,
                below,
                most,
            )
            .fetch_all(reader)
            .await
        }
    };
    rows.map_err(failed)
}
