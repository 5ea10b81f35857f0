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
use crate::support::{failed, rows};
use crate::{repeats, revocations};

/// Entries that are removed in one transaction: changes wait for it to end, so it stays short.
const FORGOTTEN_AT_ONCE: i64 = 1000;

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

/// The same of many changes of a realm, as if one after the other.
pub(crate) async fn record_all(tx: &mut Tx, realm: &RealmId, changes: &[&Change]) -> StoreResult<()> {
    let count = i64::try_from(changes.len()).unwrap_or(i64::MAX);
    let last = query_scalar!(
        r#"UPDATE change_counter SET sequence = sequence + $1 RETURNING sequence AS "sequence!: i64""#,
        count,
    )
    .fetch_one(&mut **tx)
    .await
    .map_err(failed)?;
    let numbered: Vec<(i64, &Change)> = (last - count + 1..).zip(changes.iter().copied()).collect();
    let row = |(sequence, change): &(i64, &Change)| {
        let subject = &change.subject;
        (*sequence, subject.kind.name(), subject.cached_under.clone(), change.at.millis())
    };
    query!(
        "INSERT INTO changes (sequence, realm, kind, cached_under, at)
         SELECT CAST(value ->> 0 AS BIGINT), CAST($1 AS TEXT), value ->> 1, value ->> 2, CAST(value ->> 3 AS BIGINT)
         FROM json_each(json(CAST($2 AS TEXT)))",
        realm.as_str(),
        rows(&numbered.iter().map(row).collect::<Vec<_>>())?,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    audit::write_all(tx, realm, &numbered).await?;
    let mut writes = Vec::new();
    for (sequence, change) in numbered {
        repeats::note(tx, realm, change).await?;
        writes.extend(change.revocations.iter().map(|write| (sequence, write)));
    }
    revocations::apply_all(tx, realm, &writes).await?;
    backend::announce(tx).await
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

    async fn forget_changes(&self, before: Timestamp) -> StoreResult<u64> {
        let mut forgotten = 0;
        loop {
            let some = self.forget_some_changes(before).await?;
            forgotten += some;
            if some == 0 {
                return Ok(forgotten);
            }
        }
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

impl Backend {
    /// Removes a part of the sequence from its begin on, so that what is left has no gap.
    async fn forget_some_changes(&self, before: Timestamp) -> StoreResult<u64> {
        let mut first =
            query!("SELECT sequence, at FROM changes ORDER BY sequence LIMIT $1", FORGOTTEN_AT_ONCE + 1,)
                .fetch_all(self.reader())
                .await
                .map_err(failed)?;
        // If this is all, it is the last one.
        first.pop();
        let Some(last) = first.iter().take_while(|row| row.at < before.millis()).last() else { return Ok(0) };
        let mut tx = self.begin().await?;
        let done = query!("DELETE FROM changes WHERE sequence <= $1", last.sequence)
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(done.rows_affected())
    }
}
