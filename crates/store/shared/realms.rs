//! Realms and the host names that each owns.

use std::collections::BTreeSet;

use async_trait::async_trait;
use sqlx::{query, query_scalar};
use symbolon_core::audit::Change;
use symbolon_core::realm::{Realm, RealmId};
use symbolon_core::store::{RealmStore, StoreError, StoreResult};

use crate::backend::{Backend, Tx};
use crate::changes::record;
use crate::support::{decode_all, encode, failed, stale_or_missing, taken};

/// Host names are compared without regard to case.
async fn write_hosts(tx: &mut Tx, realm: &Realm) -> StoreResult<()> {
    query!("DELETE FROM realm_hosts WHERE realm = $1", realm.id.as_str())
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    let hosts: BTreeSet<String> = realm.settings.hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
    for host in hosts {
        query!("INSERT INTO realm_hosts (host, realm) VALUES ($1, $2)", host, realm.id.as_str())
            .execute(&mut **tx)
            .await
            .map_err(taken("the host name"))?;
    }
    Ok(())
}

/// Makes changes to a realm's few things of one kind come one after another.
pub(crate) async fn lock(tx: &mut Tx, realm: &RealmId) -> StoreResult<()> {
    let done = query!("UPDATE realms SET version = version WHERE id = $1", realm.as_str())
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    if done.rows_affected() == 0 { Err(StoreError::NotFound) } else { Ok(()) }
}

#[async_trait]
impl RealmStore for Backend {
    async fn list_realms(&self) -> StoreResult<Vec<Realm>> {
        let documents = query_scalar!("SELECT document FROM realms ORDER BY id")
            .fetch_all(self.reader())
            .await
            .map_err(failed)?;
        decode_all("realm", &documents)
    }

    async fn insert_realm(&self, realm: &Realm, change: &Change) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        query!(
            "INSERT INTO realms (id, version, document) VALUES ($1, $2, $3)",
            realm.id.as_str(),
            realm.version,
            encode(realm)?,
        )
        .execute(&mut *tx)
        .await
        .map_err(taken("the id"))?;
        write_hosts(&mut tx, realm).await?;
        record(&mut tx, &realm.id, change).await?;
        tx.commit().await.map_err(failed)
    }

    async fn update_realm(&self, realm: &Realm, change: &Change) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        let done = query!(
            "UPDATE realms SET version = $2, document = $3 WHERE id = $1 AND version + 1 = $2",
            realm.id.as_str(),
            realm.version,
            encode(realm)?,
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if done.rows_affected() == 0 {
            let stored = query_scalar!("SELECT version FROM realms WHERE id = $1", realm.id.as_str())
                .fetch_optional(&mut *tx)
                .await
                .map_err(failed)?;
            return Err(stale_or_missing(stored));
        }
        write_hosts(&mut tx, realm).await?;
        record(&mut tx, &realm.id, change).await?;
        tx.commit().await.map_err(failed)
    }
}
