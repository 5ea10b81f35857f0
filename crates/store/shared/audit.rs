//! The audit: its records, each chained to the one before it in its realm, and the lists that people look through.
//!
//! A record is never changed, and only the oldest are ever removed.

use std::net::IpAddr;

use async_trait::async_trait;
use sqlx::{query, query_as, query_scalar};
use symbolon_core::audit::chain::{Chain, Link, Place, StoredRecord};
use symbolon_core::audit::{Actor, AuditRecord, Change};
use symbolon_core::clock::Timestamp;
use symbolon_core::organization::OrganizationId;
use symbolon_core::realm::RealmId;
use symbolon_core::record::{RefusalRecord, TokenRecord};
use symbolon_core::store::{AuditStore, Page, StoreError, StoreResult};
use symbolon_core::trail::{ChangeFilter, RefusalFilter, TokenFilter, TrailRequest};

use crate::audit_lists;
use crate::backend::{Backend, Tx};
use crate::changes::subject_kind;
use crate::support::{decode, encode, failed, from_word, rows, word};
use crate::trail;

/// Records that are removed in one transaction: changes wait for it to end, so it stays short.
const FORGOTTEN_AT_ONCE: i64 = 200;

/// Writes a change's record behind the last one of its realm. Whoever holds the change counter is alone here.
pub(crate) async fn write(tx: &mut Tx, realm: &RealmId, change: &Change, sequence: i64) -> StoreResult<()> {
    let (last, previous) = head(tx, realm).await?;
    let (record, hash) = linked(realm, change, (last + 1, sequence), &previous)?;
    query!(
        "INSERT INTO audit (sequence, realm, at, actor_kind, actor_id, request_id, action, subject_kind,
             subject_id, organization, before_document, after_document, actor_from, number, hash, actor_realm)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)",
        record.sequence,
        record.realm,
        record.at.millis(),
        record.actor_kind,
        record.actor_id,
        record.request_id,
        record.action,
        record.subject_kind,
        record.subject_id,
        record.organization,
        record.before,
        record.after,
        record.actor_from,
        record.number,
        hash,
        record.actor_realm,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    set_head(tx, realm, &record, &hash).await
}

/// The same of many changes, with their numbers, in their order.
pub(crate) async fn write_all(tx: &mut Tx, realm: &RealmId, changes: &[(i64, &Change)]) -> StoreResult<()> {
    let (mut number, mut previous) = head(tx, realm).await?;
    let mut all = Vec::with_capacity(changes.len());
    let mut last = None;
    for (sequence, change) in changes {
        number += 1;
        let (record, hash) = linked(realm, change, (number, *sequence), &previous)?;
        previous.clone_from(&hash);
        all.push((
            record.sequence,
            record.at.millis(),
            record.actor_kind.clone(),
            record.actor_id.clone(),
            record.request_id.clone(),
            record.action.clone(),
            record.subject_kind.clone(),
            record.subject_id.clone(),
            record.organization.clone(),
            record.before.clone(),
            record.after.clone(),
            record.actor_from.clone(),
            record.number,
            hash.clone(),
            record.actor_realm.clone(),
        ));
        last = Some((record, hash));
    }
    let Some((record, hash)) = last else { return Ok(()) };
    query!(
        "INSERT INTO audit (sequence, realm, at, actor_kind, actor_id, request_id, action, subject_kind,
             subject_id, organization, before_document, after_document, actor_from, number, hash, actor_realm)
         SELECT CAST(value ->> 0 AS BIGINT), CAST($1 AS TEXT), CAST(value ->> 1 AS BIGINT), value ->> 2, value ->> 3,
             value ->> 4, value ->> 5, value ->> 6, value ->> 7, value ->> 8, value ->> 9, value ->> 10,
             value ->> 11, CAST(value ->> 12 AS BIGINT), value ->> 13, value ->> 14
         FROM json_each(json(CAST($2 AS TEXT)))",
        realm.as_str(),
        rows(&all)?,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    set_head(tx, realm, &record, &hash).await
}

/// The number and hash of a realm's last record.
async fn head(tx: &mut Tx, realm: &RealmId) -> StoreResult<(i64, String)> {
    let head = query!("SELECT head_number, head_hash FROM audit_chains WHERE realm = $1", realm.as_str())
        .fetch_optional(&mut **tx)
        .await
        .map_err(failed)?;
    Ok(head.map(|head| (head.head_number, head.head_hash)).unwrap_or_default())
}

/// The record of a change, and its hash over it and the one before it.
fn linked(
    realm: &RealmId,
    change: &Change,
    (number, sequence): (i64, i64),
    previous: &str,
) -> StoreResult<(StoredRecord, String)> {
    let actor = &change.actor;
    let record = StoredRecord {
        number,
        sequence,
        realm: realm.to_string(),
        at: change.at,
        actor_kind: word(&actor.kind)?,
        actor_id: actor.id.clone(),
        actor_realm: actor.foreign_to(realm).map(RealmId::to_string),
        actor_from: actor.from.map(|address| address.to_string()),
        request_id: actor.request_id.clone(),
        action: change.action.to_owned(),
        subject_kind: change.subject.kind.name().to_owned(),
        subject_id: change.subject.id.clone(),
        organization: change.subject.organization.as_ref().map(OrganizationId::to_string),
        before: change.before.as_ref().map(encode).transpose()?,
        after: change.after.as_ref().map(encode).transpose()?,
    };
    let hash = record.hash(previous);
    let hash = hash.map_err(|_| StoreError::Refused("the audit record cannot be written as JSON"))?;
    Ok((record, hash))
}

async fn set_head(tx: &mut Tx, realm: &RealmId, record: &StoredRecord, hash: &str) -> StoreResult<()> {
    query!(
        "INSERT INTO audit_chains
             (realm, anchor_number, anchor_sequence, anchor_hash, head_number, head_sequence, head_hash)
         VALUES ($1, 0, 0, '', $2, $3, $4)
         ON CONFLICT (realm) DO UPDATE SET head_number = excluded.head_number,
             head_sequence = excluded.head_sequence, head_hash = excluded.head_hash",
        realm.as_str(),
        record.number,
        record.sequence,
        hash,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// A row of the table, in the order of its columns.
pub(crate) struct AuditRow {
    pub(crate) sequence: i64,
    pub(crate) realm: String,
    pub(crate) at: i64,
    pub(crate) actor_kind: String,
    pub(crate) actor_id: String,
    pub(crate) request_id: String,
    pub(crate) action: String,
    pub(crate) subject_kind: String,
    pub(crate) subject_id: String,
    pub(crate) organization: Option<String>,
    pub(crate) before_document: Option<String>,
    pub(crate) after_document: Option<String>,
    pub(crate) actor_from: Option<String>,
    pub(crate) number: i64,
    pub(crate) hash: String,
    pub(crate) actor_realm: Option<String>,
}

impl AuditRow {
    /// The record.
    pub(crate) fn read(self) -> StoreResult<AuditRecord> {
        let damaged = |what: &str| StoreError::Damaged(format!("{what} in an audit row"));
        let document =
            |text: Option<String>| text.map(|text| decode("document of an audit row", &text)).transpose();
        let organization = self.organization.map(|id| OrganizationId::new(&id)).transpose();
        let realm = self.actor_realm.map(|id| RealmId::new(&id)).transpose();
        let from = self.actor_from.map(|text| text.parse::<IpAddr>()).transpose();
        Ok(AuditRecord {
            sequence: self.sequence,
            number: self.number,
            at: Timestamp::from_millis(self.at),
            actor: Actor {
                kind: from_word("kind of actor", self.actor_kind)?,
                id: self.actor_id,
                realm: realm.map_err(|_| damaged("an actor's realm"))?,
                request_id: self.request_id,
                from: from.map_err(|_| damaged("an address"))?,
                repeat: None,
                is_customer: false,
            },
            action: self.action,
            subject_kind: subject_kind(&self.subject_kind)?,
            subject_id: self.subject_id,
            organization: organization.map_err(|_| damaged("an organization's id"))?,
            before: document(self.before_document)?,
            after: document(self.after_document)?,
            hash: self.hash,
        })
    }

    /// The record as it is stored.
    fn link(self) -> Link {
        let record = StoredRecord {
            number: self.number,
            sequence: self.sequence,
            realm: self.realm,
            at: Timestamp::from_millis(self.at),
            actor_kind: self.actor_kind,
            actor_id: self.actor_id,
            actor_realm: self.actor_realm,
            actor_from: self.actor_from,
            request_id: self.request_id,
            action: self.action,
            subject_kind: self.subject_kind,
            subject_id: self.subject_id,
            organization: self.organization,
            before: self.before_document,
            after: self.after_document,
        };
        Link { record, hash: self.hash }
    }
}

#[async_trait]
impl AuditStore for Backend {
    async fn list_audit(
        &self,
        realm: &RealmId,
        filter: &ChangeFilter,
        page: &TrailRequest,
    ) -> StoreResult<Page<AuditRecord>> {
        audit_lists::list(self, realm, filter, page).await
    }

    async fn find_audit_chain(&self, realm: &RealmId) -> StoreResult<Option<Chain>> {
        let row = query!(
            "SELECT anchor_number, anchor_sequence, anchor_hash, head_number, head_sequence, head_hash
             FROM audit_chains WHERE realm = $1",
            realm.as_str(),
        )
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        let place = |number, sequence, hash| Place { number, sequence, hash };
        Ok(row.map(|row| Chain {
            anchor: place(row.anchor_number, row.anchor_sequence, row.anchor_hash),
            head: place(row.head_number, row.head_sequence, row.head_hash),
        }))
    }

    async fn list_audit_links(&self, realm: &RealmId, after: i64, limit: u32) -> StoreResult<Vec<Link>> {
        let rows = query_as!(
            AuditRow,
            "SELECT * FROM audit WHERE realm = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
            realm.as_str(),
            after,
            i64::from(limit),
        )
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        Ok(rows.into_iter().map(AuditRow::link).collect())
    }

    async fn forget_audit(&self, realm: &RealmId, before: Timestamp) -> StoreResult<u64> {
        let mut forgotten = 0;
        // Most of the time there is nothing to do, and nobody needs to wait for that.
        while self.oldest_audit(realm).await?.is_some_and(|at| at < before) {
            let some = self.forget_some_audit(realm, before).await?;
            forgotten += some;
            if some == 0 {
                break;
            }
        }
        Ok(forgotten)
    }

    async fn list_tokens(
        &self,
        realm: &RealmId,
        filter: &TokenFilter,
        page: &TrailRequest,
    ) -> StoreResult<Page<TokenRecord>> {
        trail::tokens(self, realm, filter, page).await
    }

    async fn list_refusals(
        &self,
        realm: &RealmId,
        filter: &RefusalFilter,
        page: &TrailRequest,
    ) -> StoreResult<Page<RefusalRecord>> {
        trail::refusals(self, realm, filter, page).await
    }
}

impl Backend {
    /// The moment of the first record that is kept.
    async fn oldest_audit(&self, realm: &RealmId) -> StoreResult<Option<Timestamp>> {
        let at =
            query_scalar!("SELECT at FROM audit WHERE realm = $1 ORDER BY sequence LIMIT 1", realm.as_str())
                .fetch_optional(self.reader())
                .await
                .map_err(failed)?;
        Ok(at.map(Timestamp::from_millis))
    }

    async fn forget_some_audit(&self, realm: &RealmId, before: Timestamp) -> StoreResult<u64> {
        let mut tx = self.begin().await?;
        // Locks the chain: two nodes that forget at the same time do it one after the other.
        let anchor = query_scalar!(
            "UPDATE audit_chains SET anchor_number = anchor_number WHERE realm = $1 RETURNING anchor_number",
            realm.as_str(),
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?;
        let oldest = query!(
            "SELECT sequence, at, number, hash FROM audit WHERE realm = $1 ORDER BY sequence LIMIT $2",
            realm.as_str(),
            FORGOTTEN_AT_ONCE,
        )
        .fetch_all(&mut *tx)
        .await
        .map_err(failed)?;
        let Some(last) = oldest.into_iter().take_while(|row| row.at < before.millis()).last() else {
            return Ok(0);
        };
        let done =
            query!("DELETE FROM audit WHERE realm = $1 AND sequence <= $2", realm.as_str(), last.sequence,)
                .execute(&mut *tx)
                .await
                .map_err(failed)?;
        // What was written before there was a chain is no part of it.
        if anchor.is_some_and(|anchor| last.number > anchor) {
            query!(
                "UPDATE audit_chains SET anchor_number = $2, anchor_sequence = $3, anchor_hash = $4
                 WHERE realm = $1",
                realm.as_str(),
                last.number,
                last.sequence,
                last.hash,
            )
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        }
        tx.commit().await.map_err(failed)?;
        Ok(done.rows_affected())
    }
}
