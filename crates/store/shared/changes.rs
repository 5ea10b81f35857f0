//! The change sequence, the audit rows and the revocations that ride in every change's own transaction.

use async_trait::async_trait;
use sqlx::{query, query_scalar};
use symbolon_core::audit::{Actor, AuditRecord, Change, Repeated, RevocationWrite, SubjectKind};
use symbolon_core::clock::Timestamp;
use symbolon_core::organization::OrganizationId;
use symbolon_core::protocol::revocation::Kind;
use symbolon_core::realm::RealmId;
use symbolon_core::store::{ChangeEntry, ChangeStore, StoreError, StoreResult, StoredRevocation};

use crate::backend::{self, Backend, Tx};
use crate::support::{decode, encode, failed, from_word, word};
use crate::{repeats, revocations};

/// Writes what a change means beside itself, and answers its number. It comes last in a transaction: counting up
/// locks the counter until the end, so that everything behind it is one change at a time.
pub(crate) async fn record(tx: &mut Tx, realm: &RealmId, change: &Change) -> StoreResult<i64> {
    let sequence = query_scalar!(
        r#"UPDATE change_counter SET sequence = sequence + 1 RETURNING sequence AS "sequence!: i64""#
    )
    .fetch_one(&mut **tx)
    .await
    .map_err(failed)?;
    query!(
        "INSERT INTO changes (sequence, realm, kind, cached_under, at) VALUES ($1, $2, $3, $4, $5)",
        sequence,
        realm.as_str(),
        change.subject.kind.name(),
        change.subject.cached_under,
        change.at.millis(),
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    write_audit(tx, realm, change, sequence).await?;
    repeats::note(tx, realm, change).await?;
    for write in &change.revocations {
        revocations::apply(tx, realm, write, sequence).await?;
    }
    backend::announce(tx).await?;
    Ok(sequence)
}

async fn write_audit(tx: &mut Tx, realm: &RealmId, change: &Change, sequence: i64) -> StoreResult<()> {
    let before = change.before.as_ref().map(encode).transpose()?;
    let after = change.after.as_ref().map(encode).transpose()?;
    query!(
        "INSERT INTO audit (sequence, realm, at, actor_kind, actor_id, request_id, action, subject_kind,
             subject_id, organization, before_document, after_document)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        sequence,
        realm.as_str(),
        change.at.millis(),
        word(&change.actor.kind)?,
        change.actor.id,
        change.actor.request_id,
        change.action,
        change.subject.kind.name(),
        change.subject.id,
        change.subject.organization.as_ref().map(OrganizationId::as_str),
        before,
        after,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

struct AuditRow {
    sequence: i64,
    at: i64,
    actor_kind: String,
    actor_id: String,
    request_id: String,
    action: String,
    subject_kind: String,
    subject_id: String,
    organization: Option<String>,
    before_document: Option<String>,
    after_document: Option<String>,
}

impl AuditRow {
    fn read(self) -> StoreResult<AuditRecord> {
        let document =
            |text: Option<String>| text.map(|text| decode("document of an audit row", &text)).transpose();
        let organization = self.organization.map(|id| OrganizationId::new(&id)).transpose();
        Ok(AuditRecord {
            sequence: self.sequence,
            at: Timestamp::from_millis(self.at),
            actor: Actor {
                kind: from_word("kind of actor", self.actor_kind)?,
                id: self.actor_id,
                request_id: self.request_id,
                repeat: None,
            },
            action: self.action,
            subject_kind: subject_kind(&self.subject_kind)?,
            subject_id: self.subject_id,
            organization: organization
                .map_err(|_| StoreError::Damaged("an organization's id in an audit row".to_owned()))?,
            before: document(self.before_document)?,
            after: document(self.after_document)?,
        })
    }
}

fn subject_kind(name: &str) -> StoreResult<SubjectKind> {
    SubjectKind::from_name(name).ok_or_else(|| StoreError::Damaged("an unknown kind of subject".to_owned()))
}

/// The revocations of single tokens are counted by the client that they were issued to.
fn counted_for(client: &str, change: &Change) -> Change {
    let mut change = change.clone();
    for write in change.revocations.iter_mut().filter(|write| write.kind == Kind::Token) {
        write.client = Some(client.to_owned());
    }
    change
}

#[async_trait]
impl ChangeStore for Backend {
    async fn find_repeat(&self, realm: &RealmId, actor: &Actor) -> StoreResult<Option<Repeated>> {
        repeats::find(self, realm, actor).await
    }

    async fn forget_repeats(&self, before: Timestamp) -> StoreResult<u64> {
        repeats::forget(self, before).await
    }

    async fn insert_revocations(&self, realm: &RealmId, change: &Change) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }

    async fn revoke_tokens(
        &self,
        realm: &RealmId,
        most: u32,
        whole: &RevocationWrite,
        change: &Change,
    ) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        let sequence = record(&mut tx, realm, &counted_for(&whole.id, change)).await?;
        revocations::collapse(&mut tx, realm, most, whole, change.at, sequence).await?;
        tx.commit().await.map_err(failed)
    }

    async fn list_revocations(
        &self,
        realm: &RealmId,
        changed_after: i64,
    ) -> StoreResult<Vec<StoredRevocation>> {
        query!(
            "SELECT kind, id, cutoff FROM revocations WHERE realm = $1 AND changed > $2
             ORDER BY changed, kind, id",
            realm.as_str(),
            changed_after,
        )
        .fetch_all(self.reader())
        .await
        .map_err(failed)?
        .into_iter()
        .map(|row| revocations::read(&row.kind, row.id, row.cutoff))
        .collect()
    }

    async fn forget_revocations(&self, realm: &RealmId, now: Timestamp) -> StoreResult<u64> {
        let mut tx = self.begin().await?;
        let done = query!(
            "DELETE FROM revocations WHERE realm = $1 AND forget_after < $2",
            realm.as_str(),
            now.millis(),
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(done.rows_affected())
    }

    async fn wait_for_change(&self) -> StoreResult<()> {
        backend::wait_for_change(self).await
    }

    async fn last_change(&self) -> StoreResult<i64> {
        query_scalar!("SELECT sequence FROM change_counter").fetch_one(self.reader()).await.map_err(failed)
    }

    async fn list_changes(&self, after: i64, limit: u32) -> StoreResult<Vec<ChangeEntry>> {
        query!(
            "SELECT sequence, realm, kind, cached_under FROM changes WHERE sequence > $1
             ORDER BY sequence LIMIT $2",
            after,
            i64::from(limit),
        )
        .fetch_all(self.reader())
        .await
        .map_err(failed)?
        .into_iter()
        .map(|row| {
            Ok(ChangeEntry {
                sequence: row.sequence,
                realm: RealmId::new(&row.realm)
                    .map_err(|_| StoreError::Damaged("a realm's id in the changes".to_owned()))?,
                kind: subject_kind(&row.kind)?,
                cached_under: row.cached_under,
            })
        })
        .collect()
    }

    async fn list_audit(
        &self,
        realm: &RealmId,
        organization: Option<&OrganizationId>,
        after: i64,
        limit: u32,
    ) -> StoreResult<Vec<AuditRecord>> {
        let limit = i64::from(limit);
        let rows = match organization {
            None => {
                sqlx::query_as!(
                    AuditRow,
                    "SELECT sequence, at, actor_kind, actor_id, request_id, action, subject_kind, subject_id,
                         organization, before_document, after_document
                     FROM audit WHERE realm = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
                    realm.as_str(),
                    after,
                    limit,
                )
                .fetch_all(self.reader())
                .await
            }
            Some(organization) => {
                sqlx::query_as!(
                    AuditRow,
                    "SELECT sequence, at, actor_kind, actor_id, request_id, action, subject_kind, subject_id,
                         organization, before_document, after_document
                     FROM audit WHERE realm = $1 AND organization = $2 AND sequence > $3
                     ORDER BY sequence LIMIT $4",
                    realm.as_str(),
                    organization.as_str(),
                    after,
                    limit,
                )
                .fetch_all(self.reader())
                .await
            }
        };
        rows.map_err(failed)?.into_iter().map(AuditRow::read).collect()
    }
}
