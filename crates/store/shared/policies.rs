//! Policies; the built-in one is nobody's to store.

use async_trait::async_trait;
use sqlx::{query, query_scalar};
use symbolon_core::audit::Change;
use symbolon_core::policy::{Policy, PolicyId};
use symbolon_core::realm::RealmId;
use symbolon_core::store::{PolicyStore, StoreError, StoreResult};

use crate::backend::{Backend, Tx};
use crate::changes::record;
use crate::support::{decode_all, encode, failed, stale_or_missing, taken};

async fn why_not(tx: &mut Tx, realm: &RealmId, id: &PolicyId) -> StoreResult<StoreError> {
    let stored = query_scalar!(
        "SELECT version FROM policies WHERE realm = $1 AND id = $2",
        realm.as_str(),
        id.as_str(),
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(stale_or_missing(stored))
}

#[async_trait]
impl PolicyStore for Backend {
    async fn list_policies(&self, realm: &RealmId) -> StoreResult<Vec<Policy>> {
        let documents =
            query_scalar!("SELECT document FROM policies WHERE realm = $1 ORDER BY id", realm.as_str())
                .fetch_all(self.reader())
                .await
                .map_err(failed)?;
        decode_all("policy", &documents)
    }

    async fn insert_policy(&self, realm: &RealmId, policy: &Policy, change: &Change) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        query!(
            "INSERT INTO policies (realm, id, version, document) VALUES ($1, $2, $3, $4)",
            realm.as_str(),
            policy.id.as_str(),
            policy.version,
            encode(policy)?,
        )
        .execute(&mut *tx)
        .await
        .map_err(taken("the id"))?;
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }

    async fn update_policy(&self, realm: &RealmId, policy: &Policy, change: &Change) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        let done = query!(
            "UPDATE policies SET version = $3, document = $4
             WHERE realm = $1 AND id = $2 AND version + 1 = $3",
            realm.as_str(),
            policy.id.as_str(),
            policy.version,
            encode(policy)?,
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if done.rows_affected() == 0 {
            return Err(why_not(&mut tx, realm, &policy.id).await?);
        }
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }

    async fn delete_policy(
        &self,
        realm: &RealmId,
        id: &PolicyId,
        version: i64,
        change: &Change,
    ) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        let done = query!(
            "DELETE FROM policies WHERE realm = $1 AND id = $2 AND version = $3",
            realm.as_str(),
            id.as_str(),
            version,
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if done.rows_affected() == 0 {
            return Err(why_not(&mut tx, realm, id).await?);
        }
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }
}
