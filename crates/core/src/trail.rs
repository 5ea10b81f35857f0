//! The trail: what happened in a realm, read back by people and programs. Changes come from the audit, tokens from
//! the journal, refusals from their record; each is listed by time and in pages.
//!
//! A page does a bounded amount of work. Where a filter leaves little over, it may hold fewer items than were asked
//! for, or none, and still say where to continue.

use serde::Serialize;

use crate::audit::{ActorKind, AuditRecord, SubjectKind};
use crate::clock::Timestamp;
use crate::id::{ClientId, OrganizationId, RealmId};
use crate::record::{RefusalRecord, TokenRecord};
use crate::store::{Page, Store, StoreError, StoreResult};

/// A stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Up to, and without, this moment.
    pub to: Option<Timestamp>,
}

impl Period {
    /// Whether a moment lies in it.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.to.is_none_or(|to| at < to)
    }
}

/// Which end of a list comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The latest.
    #[default]
    NewestFirst,
    /// The earliest.
    OldestFirst,
}

/// Which part of a trail is asked for.
#[derive(Clone, Debug, Default)]
pub struct TrailRequest {
    /// Continue where a page of the same list ended.
    pub after: Option<String>,
    /// At most so many items; 1 to 1,000.
    pub limit: u32,
    /// In which order.
    pub order: Order,
}

/// Which changes. What is absent does not matter.
#[derive(Clone, Debug, Default)]
pub struct ChangeFilter {
    /// Those that concern a customer.
    pub organization: Option<OrganizationId>,
    /// Those of a kind of actor, or of one actor.
    pub actor: Option<(ActorKind, Option<String>)>,
    /// Those of a kind of thing, or of one thing.
    pub subject: Option<(SubjectKind, Option<String>)>,
    /// Those in which this was done: `create`, `update`, `delete`, …
    pub action: Option<String>,
    /// Those that came with a request, or with a run of a command.
    pub request_id: Option<String>,
    /// Those of a time.
    pub period: Period,
}

impl ChangeFilter {
    /// Whether a record is wanted.
    pub fn admits(&self, record: &AuditRecord) -> bool {
        fn fits<K: PartialEq>(wanted: Option<&(K, Option<String>)>, kind: &K, id: &str) -> bool {
            wanted.is_none_or(|(of, one)| of == kind && one.as_ref().is_none_or(|one| one == id))
        }
        self.period.contains(record.at)
            && fits(self.actor.as_ref(), &record.actor.kind, &record.actor.id)
            && fits(self.subject.as_ref(), &record.subject_kind, &record.subject_id)
            && self.organization.as_ref().is_none_or(|wanted| record.organization.as_ref() == Some(wanted))
            && self.action.as_ref().is_none_or(|action| *action == record.action)
            && self.request_id.as_ref().is_none_or(|id| *id == record.actor.request_id)
    }
}

/// Which tokens. What is absent does not matter.
#[derive(Clone, Debug, Default)]
pub struct TokenFilter {
    /// Those of a customer.
    pub organization: Option<OrganizationId>,
    /// Those of a client.
    pub client: Option<ClientId>,
    /// Those of a time.
    pub period: Period,
}

/// Which refusals. What is absent does not matter.
#[derive(Clone, Debug, Default)]
pub struct RefusalFilter {
    /// Those for a reason, by its stable name.
    pub reason: Option<String>,
    /// Those whose request named one of these, whether it exists or not; all if there is none here.
    pub named: Vec<String>,
    /// Those of a time.
    pub period: Period,
}

impl RefusalFilter {
    /// Whether a record is wanted.
    pub fn admits(&self, record: &RefusalRecord) -> bool {
        let named = record.unverified_client.as_ref();
        self.period.contains(record.at)
            && self.reason.as_ref().is_none_or(|reason| *reason == record.reason)
            && (self.named.is_empty() || named.is_some_and(|named| self.named.contains(named)))
    }
}

/// What is asked for.
#[derive(Clone, Debug)]
pub enum Query {
    /// Changes.
    Changes(ChangeFilter),
    /// Tokens.
    Tokens(TokenFilter),
    /// Refusals.
    Refusals {
        /// Those for a reason, by its stable name.
        reason: Option<String>,
        /// Those whose request named this client or one of its access keys.
        client: Option<ClientId>,
        /// Those of a time.
        period: Period,
    },
}

/// An entry of the trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Entry {
    /// A change.
    Change(AuditRecord),
    /// A token.
    Token(TokenRecord),
    /// A refusal.
    Refusal(RefusalRecord),
}

/// A page of a realm's trail, as far as the one who asks may see it: with `reach`, what concerns that customer alone.
///
/// A refusal belongs to nobody, because what a request named was not proven. A customer finds those that named one of
/// its clients, and has to say which.
pub async fn list(
    store: &dyn Store,
    realm: &RealmId,
    reach: Option<&OrganizationId>,
    query: &Query,
    page: &TrailRequest,
) -> StoreResult<Page<Entry>> {
    match query {
        Query::Changes(filter) => {
            if is_beyond(reach, filter.organization.as_ref()) {
                return Ok(nothing());
            }
            let organization = reach.cloned().or_else(|| filter.organization.clone());
            let filter = ChangeFilter { organization, ..filter.clone() };
            Ok(entries(store.list_audit(realm, &filter, page).await?, Entry::Change))
        }
        Query::Tokens(filter) => {
            if is_beyond(reach, filter.organization.as_ref()) {
                return Ok(nothing());
            }
            let organization = reach.cloned().or_else(|| filter.organization.clone());
            let filter = TokenFilter { organization, ..filter.clone() };
            Ok(entries(store.list_tokens(realm, &filter, page).await?, Entry::Token))
        }
        Query::Refusals { reason, client, period } => {
            let Some(named) = names(store, realm, reach, client.as_ref()).await? else {
                return Ok(nothing());
            };
            let filter = RefusalFilter { reason: reason.clone(), named, period: *period };
            Ok(entries(store.list_refusals(realm, &filter, page).await?, Entry::Refusal))
        }
    }
}

/// Whether another customer is asked for than the one that can be reached.
fn is_beyond(reach: Option<&OrganizationId>, asked: Option<&OrganizationId>) -> bool {
    reach.is_some_and(|reach| asked.is_some_and(|asked| asked != reach))
}

/// What a request may have named to mean a client: its id and those of its keys. `None` if it cannot be reached.
async fn names(
    store: &dyn Store,
    realm: &RealmId,
    reach: Option<&OrganizationId>,
    client: Option<&ClientId>,
) -> StoreResult<Option<Vec<String>>> {
    let Some(client) = client else {
        return match reach {
            None => Ok(Some(Vec::new())),
            Some(_) => {
                Err(StoreError::Refused("name one of your clients: refusals are known by the client named"))
            }
        };
    };
    let found =
        store.find_credential(realm, client.as_str()).await?.filter(|found| found.client.id == *client);
    let own =
        found.as_ref().is_some_and(|found| reach.is_none_or(|reach| found.client.organization == *reach));
    if reach.is_some() && !own {
        return Ok(None);
    }
    let keys = found.into_iter().flat_map(|found| found.keys).map(|key| key.id.to_string());
    Ok(Some(std::iter::once(client.to_string()).chain(keys).collect()))
}

fn entries<T>(page: Page<T>, entry: impl Fn(T) -> Entry) -> Page<Entry> {
    Page { items: page.items.into_iter().map(entry).collect(), next: page.next }
}

const fn nothing() -> Page<Entry> {
    Page { items: Vec::new(), next: None }
}
