//! Revocations as rows: how each movement changes what is stored (rule 6).

use sqlx::query;
use symbolon_core::audit::{Movement, RevocationWrite};
use symbolon_core::clock::Timestamp;
use symbolon_core::protocol::revocation::{Cutoff, Kind};
use symbolon_core::realm::RealmId;
use symbolon_core::store::{StoreError, StoreResult, StoredRevocation};

use crate::backend::Tx;
use crate::sessions;
use crate::support::{failed, rows};

/// What stands in the column for an open revocation: it reaches beyond every moment, and compares so.
const OPEN: i64 = i64::MAX;

/// The moment of a movement as it is stored; the greatest number itself is no moment.
fn moment(at: Timestamp) -> i64 {
    at.millis().min(OPEN - 1)
}

/// Moves one revocation, and stamps it with the change if it moved. What revokes a user's tokens ends its sessions;
/// what ends a revocation does not.
pub(crate) async fn apply(
    tx: &mut Tx,
    realm: &RealmId,
    write: &RevocationWrite,
    sequence: i64,
) -> StoreResult<()> {
    if write.kind == Kind::User && !matches!(write.movement, Movement::Close(_)) {
        sessions::end_all(tx, realm, &write.id).await?;
    }
    match write.movement {
        Movement::Open => extend(tx, realm, write, OPEN, sequence).await,
        Movement::Gone => {
            extend(tx, realm, write, OPEN, sequence).await?;
            remember_until(tx, realm, write).await
        }
        Movement::Before(at) => extend(tx, realm, write, moment(at), sequence).await,
        Movement::Close(at) => close(tx, realm, write, moment(at), sequence).await,
    }
}

/// The same of many. What is new closes what may have been open under its id before; that is done at once.
pub(crate) async fn apply_all(
    tx: &mut Tx,
    realm: &RealmId,
    writes: &[(i64, &RevocationWrite)],
) -> StoreResult<()> {
    let mut closed = Vec::new();
    for (sequence, write) in writes {
        match write.movement {
            Movement::Close(at) => {
                let forget_after = write.forget_after.map(Timestamp::millis);
                closed.push((write.kind.name(), &write.id, moment(at), forget_after, *sequence));
            }
            Movement::Open | Movement::Gone | Movement::Before(_) => {
                apply(tx, realm, write, *sequence).await?;
            }
        }
    }
    if closed.is_empty() {
        return Ok(());
    }
    query!(
        "UPDATE revocations SET cutoff = CAST(value ->> 2 AS BIGINT), forget_after = CAST(value ->> 3 AS BIGINT),
             changed = CAST(value ->> 4 AS BIGINT)
         FROM json_each(json(CAST($1 AS TEXT)))
         WHERE revocations.realm = $2 AND revocations.kind = value ->> 0 AND revocations.id = value ->> 1
             AND revocations.cutoff = $3",
        rows(&closed)?,
        realm.as_str(),
        OPEN,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// The further cutoff wins, and so does the longer memory; none given means to keep it, which is the longest.
async fn extend(
    tx: &mut Tx,
    realm: &RealmId,
    write: &RevocationWrite,
    cutoff: i64,
    sequence: i64,
) -> StoreResult<()> {
    query!(
        "INSERT INTO revocations (realm, kind, id, cutoff, forget_after, client, changed)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (realm, kind, id) DO UPDATE SET
             cutoff = CASE
                 WHEN excluded.cutoff > revocations.cutoff THEN excluded.cutoff
                 ELSE revocations.cutoff END,
             forget_after = CASE
                 WHEN revocations.forget_after IS NULL OR excluded.forget_after IS NULL THEN NULL
                 WHEN excluded.forget_after > revocations.forget_after THEN excluded.forget_after
                 ELSE revocations.forget_after END,
             client = COALESCE(excluded.client, revocations.client),
             changed = excluded.changed",
        realm.as_str(),
        write.kind.name(),
        write.id,
        cutoff,
        write.forget_after.map(Timestamp::millis),
        write.client,
        sequence,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// What is gone needs no longer memory than its tokens, even if it was to be kept while it was switched off.
async fn remember_until(tx: &mut Tx, realm: &RealmId, write: &RevocationWrite) -> StoreResult<()> {
    query!(
        "UPDATE revocations SET forget_after = $4 WHERE realm = $1 AND kind = $2 AND id = $3",
        realm.as_str(),
        write.kind.name(),
        write.id,
        write.forget_after.map(Timestamp::millis),
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

async fn close(
    tx: &mut Tx,
    realm: &RealmId,
    write: &RevocationWrite,
    cutoff: i64,
    sequence: i64,
) -> StoreResult<()> {
    query!(
        "UPDATE revocations SET cutoff = $4, forget_after = $5, changed = $6
         WHERE realm = $1 AND kind = $2 AND id = $3 AND cutoff = $7",
        realm.as_str(),
        write.kind.name(),
        write.id,
        cutoff,
        write.forget_after.map(Timestamp::millis),
        sequence,
        OPEN,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// Replaces the revocations of a client's single tokens by one of the client, if more than `most` are live.
pub(crate) async fn collapse(
    tx: &mut Tx,
    realm: &RealmId,
    most: u32,
    whole: &RevocationWrite,
    now: Timestamp,
    sequence: i64,
) -> StoreResult<()> {
    let live = sqlx::query_scalar!(
        r#"SELECT COUNT(*) AS "live!: i64" FROM revocations
           WHERE realm = $1 AND client = $2 AND kind = $3 AND (forget_after IS NULL OR forget_after >= $4)"#,
        realm.as_str(),
        whole.id,
        Kind::Token.name(),
        now.millis(),
    )
    .fetch_one(&mut **tx)
    .await
    .map_err(failed)?;
    if live <= i64::from(most) {
        return Ok(());
    }
    query!(
        "DELETE FROM revocations WHERE realm = $1 AND client = $2 AND kind = $3",
        realm.as_str(),
        whole.id,
        Kind::Token.name(),
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    apply(tx, realm, whole, sequence).await
}

/// A stored revocation as the port has it.
pub(crate) fn read(kind: &str, id: String, cutoff: i64) -> StoreResult<StoredRevocation> {
    let kind = Kind::from_name(kind)
        .ok_or_else(|| StoreError::Damaged("an unknown kind of revocation".to_owned()))?;
    let cutoff = if cutoff == OPEN { Cutoff::Open } else { Cutoff::Before(cutoff) };
    Ok(StoredRevocation { kind, id, cutoff })
}
