//! Signing keys: rotation in whole steps, of which only one node's succeeds.

use async_trait::async_trait;
use sqlx::{query, query_scalar};
use symbolon_core::audit::Change;
use symbolon_core::realm::RealmId;
use symbolon_core::signing_key::StoredSigningKey;
use symbolon_core::store::{SigningKeyStore, StoreError, StoreResult};

use crate::backend::{Backend, Tx};
use crate::changes::record;
use crate::realms::lock;
use crate::support::{decode_all, encode, failed, stale_or_missing, taken, word};

async fn why_not(tx: &mut Tx, realm: &RealmId, kid: &str) -> StoreResult<StoreError> {
    let stored =
        query_scalar!("SELECT version FROM signing_keys WHERE realm = $1 AND kid = $2", realm.as_str(), kid,)
            .fetch_optional(&mut **tx)
            .await
            .map_err(failed)?;
    Ok(stale_or_missing(stored))
}

async fn update(tx: &mut Tx, realm: &RealmId, key: &StoredSigningKey) -> StoreResult<()> {
    let done = query!(
        "UPDATE signing_keys SET algorithm = $3, state = $4, version = $5, document = $6
         WHERE realm = $1 AND kid = $2 AND version + 1 = $5",
        realm.as_str(),
        key.kid,
        key.algorithm.name(),
        word(&key.state)?,
        key.version,
        encode(key)?,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    if done.rows_affected() == 0 {
        return Err(why_not(tx, realm, &key.kid).await?);
    }
    Ok(())
}

/// Adds a key, unless the realm has one of the algorithm in that state: then another node took this step.
async fn insert(tx: &mut Tx, realm: &RealmId, key: &StoredSigningKey) -> StoreResult<()> {
    let state = word(&key.state)?;
    let present = query_scalar!(
        r#"SELECT COUNT(*) AS "present!: i64" FROM signing_keys
           WHERE realm = $1 AND algorithm = $2 AND state = $3"#,
        realm.as_str(),
        key.algorithm.name(),
        state,
    )
    .fetch_one(&mut **tx)
    .await
    .map_err(failed)?;
    if present > 0 {
        return Err(StoreError::Stale);
    }
    query!(
        "INSERT INTO signing_keys (realm, kid, algorithm, state, version, document)
         VALUES ($1, $2, $3, $4, $5, $6)",
        realm.as_str(),
        key.kid,
        key.algorithm.name(),
        state,
        key.version,
        encode(key)?,
    )
    .execute(&mut **tx)
    .await
    .map_err(taken("the kid"))?;
    Ok(())
}

#[async_trait]
impl SigningKeyStore for Backend {
    async fn list_signing_keys(&self, realm: &RealmId) -> StoreResult<Vec<StoredSigningKey>> {
        let documents =
            query_scalar!("SELECT document FROM signing_keys WHERE realm = $1 ORDER BY kid", realm.as_str())
                .fetch_all(self.reader())
                .await
                .map_err(failed)?;
        decode_all("signing key", &documents)
    }

    async fn rotate_signing_keys(
        &self,
        realm: &RealmId,
        added: Option<&StoredSigningKey>,
        updated: &[StoredSigningKey],
        change: &Change,
    ) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        lock(&mut tx, realm).await?;
        for key in updated {
            update(&mut tx, realm, key).await?;
        }
        if let Some(key) = added {
            insert(&mut tx, realm, key).await?;
        }
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }

    async fn delete_signing_key(
        &self,
        realm: &RealmId,
        kid: &str,
        version: i64,
        change: &Change,
    ) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        let done = query!(
            "DELETE FROM signing_keys WHERE realm = $1 AND kid = $2 AND version = $3",
            realm.as_str(),
            kid,
            version,
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if done.rows_affected() == 0 {
            return Err(why_not(&mut tx, realm, kid).await?);
        }
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }
}
