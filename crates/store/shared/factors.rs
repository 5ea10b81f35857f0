//! What users have beside their passwords: one document a user.

use async_trait::async_trait;
use sqlx::{query, query_scalar};
use symbolon_core::audit::Change;
use symbolon_core::id::{RealmId, UserId};
use symbolon_core::sign_in::factors::Factors;
use symbolon_core::store::{FactorStore, StoreError, StoreResult};

use crate::backend::{Backend, Tx};
use crate::changes::record;
use crate::support::{can_be_stored, decode, encode, failed, stale_or_missing};

async fn insert(tx: &mut Tx, realm: &RealmId, factors: &Factors) -> StoreResult<()> {
    let done = query!(
        "INSERT INTO factors (realm, user_id, handle, version, document) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT DO NOTHING",
        realm.as_str(),
        factors.user.as_str(),
        factors.handle,
        factors.version,
        encode(factors)?,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    if done.rows_affected() > 0 { Ok(()) } else { Err(StoreError::Stale) }
}

async fn update(tx: &mut Tx, realm: &RealmId, factors: &Factors) -> StoreResult<()> {
    let done = query!(
        "UPDATE factors SET version = $4, document = $5
         WHERE realm = $1 AND user_id = $2 AND handle = $3 AND version + 1 = $4",
        realm.as_str(),
        factors.user.as_str(),
        factors.handle,
        factors.version,
        encode(factors)?,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    if done.rows_affected() > 0 {
        return Ok(());
    }
    let stored = query_scalar!(
        "SELECT version FROM factors WHERE realm = $1 AND user_id = $2",
        realm.as_str(),
        factors.user.as_str(),
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(failed)?;
    Err(stale_or_missing(stored))
}

#[async_trait]
impl FactorStore for Backend {
    async fn find_factors(&self, realm: &RealmId, user: &UserId) -> StoreResult<Option<Factors>> {
        let document = query_scalar!(
            "SELECT document FROM factors WHERE realm = $1 AND user_id = $2",
            realm.as_str(),
            user.as_str(),
        )
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        document.map(|document| decode("user's factors", &document)).transpose()
    }

    async fn find_factors_by_handle(&self, realm: &RealmId, handle: &str) -> StoreResult<Option<Factors>> {
        if !can_be_stored(handle) {
            return Ok(None);
        }
        let document = query_scalar!(
            "SELECT document FROM factors WHERE realm = $1 AND handle = $2",
            realm.as_str(),
            handle,
        )
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        document.map(|document| decode("user's factors", &document)).transpose()
    }

    async fn put_factors(
        &self,
        realm: &RealmId,
        factors: &Factors,
        change: Option<&Change>,
    ) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        if factors.version == 1 {
            insert(&mut tx, realm, factors).await?;
        } else {
            update(&mut tx, realm, factors).await?;
        }
        if let Some(change) = change {
            record(&mut tx, realm, change).await?;
        }
        tx.commit().await.map_err(failed)
    }
}
