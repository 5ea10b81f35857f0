//! Resource servers, known by their identifiers; one slash at the end makes no other identifier.

use async_trait::async_trait;
use sqlx::{query, query_scalar};
use symbolon_core::audit::Change;
use symbolon_core::realm::RealmId;
use symbolon_core::resource_server::{ResourceServer, comparable};
use symbolon_core::store::{ResourceServerStore, StoreResult};

use crate::backend::Backend;
use crate::changes::record;
use crate::support::{decode_all, encode, failed, stale_or_missing, taken};

#[async_trait]
impl ResourceServerStore for Backend {
    async fn list_resource_servers(&self, realm: &RealmId) -> StoreResult<Vec<ResourceServer>> {
        let documents = query_scalar!(
            "SELECT document FROM resource_servers WHERE realm = $1 ORDER BY identifier",
            realm.as_str(),
        )
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        decode_all("resource server", &documents)
    }

    async fn insert_resource_server(
        &self,
        realm: &RealmId,
        server: &ResourceServer,
        change: &Change,
    ) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        query!(
            "INSERT INTO resource_servers (realm, identifier, comparable, version, document)
             VALUES ($1, $2, $3, $4, $5)",
            realm.as_str(),
            server.identifier,
            comparable(&server.identifier),
            server.version,
            encode(server)?,
        )
        .execute(&mut *tx)
        .await
        .map_err(taken("the identifier"))?;
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }

    async fn update_resource_server(
        &self,
        realm: &RealmId,
        server: &ResourceServer,
        change: &Change,
    ) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        let done = query!(
            "UPDATE resource_servers SET version = $3, document = $4
             WHERE realm = $1 AND identifier = $2 AND version + 1 = $3",
            realm.as_str(),
            server.identifier,
            server.version,
            encode(server)?,
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if done.rows_affected() == 0 {
            let stored = query_scalar!(
                "SELECT version FROM resource_servers WHERE realm = $1 AND identifier = $2",
                realm.as_str(),
                server.identifier,
            )
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed)?;
            return Err(stale_or_missing(stored));
        }
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }
}
