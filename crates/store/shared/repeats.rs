//! Requests that may be sent again: what each made stands in the transaction that made it.

use sqlx::{query, query_scalar};
use symbolon_core::audit::{Actor, Change, Repeated, SubjectKind};
use symbolon_core::clock::Timestamp;
use symbolon_core::realm::RealmId;
use symbolon_core::store::{StoreError, StoreResult};

use crate::backend::{Backend, Tx};
use crate::support::{failed, word};

/// Notes what a request makes; what else it makes is found with that. Another request of the same name loses, and with
/// it all that it would have made.
pub(crate) async fn note(tx: &mut Tx, realm: &RealmId, change: &Change) -> StoreResult<()> {
    let Some(repeat) = &change.actor.repeat else { return Ok(()) };
    let kind = word(&change.actor.kind)?;
    let noted = query!(
        "INSERT INTO repeats (realm, actor_kind, actor_id, key, digest, request_id, subject_kind, subject_id, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        realm.as_str(),
        kind,
        change.actor.id,
        repeat.key,
        repeat.digest,
        change.actor.request_id,
        change.subject.kind.name(),
        change.subject.id,
        change.at.millis(),
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    if noted.rows_affected() > 0 {
        return Ok(());
    }
    let first = query_scalar!(
        "SELECT request_id FROM repeats WHERE realm = $1 AND actor_kind = $2 AND actor_id = $3 AND key = $4",
        realm.as_str(),
        kind,
        change.actor.id,
        repeat.key,
    )
    .fetch_one(&mut **tx)
    .await
    .map_err(failed)?;
    if first == change.actor.request_id {
        return Ok(());
    }
    Err(StoreError::Refused("a request with this Idempotency-Key was carried out just now; send it again"))
}

/// What the actor's request of that name made.
pub(crate) async fn find(store: &Backend, realm: &RealmId, actor: &Actor) -> StoreResult<Option<Repeated>> {
    let Some(repeat) = &actor.repeat else { return Ok(None) };
    let row = query!(
        "SELECT digest, subject_kind, subject_id FROM repeats
         WHERE realm = $1 AND actor_kind = $2 AND actor_id = $3 AND key = $4",
        realm.as_str(),
        word(&actor.kind)?,
        actor.id,
        repeat.key,
    )
    .fetch_optional(store.reader())
    .await
    .map_err(failed)?;
    let Some(row) = row else { return Ok(None) };
    let kind = SubjectKind::from_name(&row.subject_kind);
    let subject_kind = kind.ok_or_else(|| StoreError::Damaged("an unknown kind of subject".to_owned()))?;
    Ok(Some(Repeated { digest: row.digest, subject_kind, subject_id: row.subject_id }))
}

/// Forgets those before a moment.
pub(crate) async fn forget(store: &Backend, before: Timestamp) -> StoreResult<u64> {
    let mut tx = store.begin().await?;
    let gone = query!("DELETE FROM repeats WHERE at < $1", before.millis())
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
    tx.commit().await.map_err(failed)?;
    Ok(gone.rows_affected())
}
