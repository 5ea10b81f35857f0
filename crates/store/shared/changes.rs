//! The change sequence, the audit rows and the revocations that ride in every change's own transaction.

use async_trait::async_trait;
use sqlx::{query, query_scalar};
use symbolon_core::audit::{Actor, Change, Repeated, RevocationWrite, SubjectKind};
use symbolon_core::clock::Timestamp;
use symbolon_core::protocol::revocation::Kind;
use symbolon_core::realm::RealmId;
use symbolon_core::store::{ChangeEntry, ChangeStore, StoreError, StoreResult, StoredRevocation};

use crate::audit;
use crate::backend::{self, Backend, Tx};
use crate::support::failed;
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
    audit::write(tx, realm, change, sequence).await?;
    repeats::note(tx, realm, change).await?;
    for write in &change.revocations {
        revocations::apply(tx, realm, write, sequence).await?;
    }
    backend::announce(tx).await?;
    Ok(sequence)
}

/// Reads the name of a kind.
pub(crate) fn subject_kind(name: &str) -> StoreResult<SubjectKind> {
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
}
