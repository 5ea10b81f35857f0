//! The part of the port that reads back what happened: the audit with its chain, tokens, and refusals.

use async_trait::async_trait;

use super::{Page, StoreResult};
use crate::audit::AuditRecord;
use crate::audit::chain::{Chain, Link};
use crate::clock::Timestamp;
use crate::id::RealmId;
use crate::record::{RefusalRecord, TokenRecord};
use crate::trail::{ChangeFilter, RefusalFilter, TokenFilter, TrailRequest};

/// What happened. Nothing here changes a record, and none is removed but the oldest by age.
///
/// A list's page does a bounded amount of work: it may hold fewer items than were asked for, or none, and still have
/// a `next`. A cursor that is none of that list's is `Refused`.
#[async_trait]
pub trait AuditStore {
    /// Audit records of a realm, by time.
    async fn list_audit(
        &self,
        realm: &RealmId,
        filter: &ChangeFilter,
        page: &TrailRequest,
    ) -> StoreResult<Page<AuditRecord>>;
    /// Where the chain of a realm begins and ends; `None` before its first record.
    async fn find_audit_chain(&self, realm: &RealmId) -> StoreResult<Option<Chain>>;
    /// Audit records of a realm as they are stored, in the order of the change sequence after a place in it, at most
    /// so many.
    async fn list_audit_links(&self, realm: &RealmId, after: i64, limit: u32) -> StoreResult<Vec<Link>>;
    /// Removes the oldest records of a realm, as long as they are older than a moment, and remembers the last of them
    /// as the chain's anchor. A record that stands behind a younger one stays until that goes.
    async fn forget_audit(&self, realm: &RealmId, before: Timestamp) -> StoreResult<u64>;
    /// Tokens of a realm, batch by batch in the order in which they were written, and by time within a batch.
    async fn list_tokens(
        &self,
        realm: &RealmId,
        filter: &TokenFilter,
        page: &TrailRequest,
    ) -> StoreResult<Page<TokenRecord>>;
    /// Refusals of a realm, by time.
    async fn list_refusals(
        &self,
        realm: &RealmId,
        filter: &RefusalFilter,
        page: &TrailRequest,
    ) -> StoreResult<Page<RefusalRecord>>;
}
