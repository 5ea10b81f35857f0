//! Key checks: what tells whether the keys that a process was given are those of before.

use async_trait::async_trait;
use sqlx::{query, query_scalar};
use symbolon_core::key_check::KeyKind;
use symbolon_core::store::{KeyCheckStore, StoreResult};

use crate::backend::Backend;
use crate::support::failed;

#[async_trait]
impl KeyCheckStore for Backend {
    async fn find_key_check(&self, kind: KeyKind, name: &str) -> StoreResult<Option<String>> {
        query_scalar!("SELECT digest FROM key_checks WHERE kind = $1 AND name = $2", kind.name(), name)
            .fetch_optional(self.reader())
            .await
            .map_err(failed)
    }

    async fn insert_key_check(&self, kind: KeyKind, name: &str, digest: &str) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        query!(
            "INSERT INTO key_checks (kind, name, digest) VALUES ($1, $2, $3) ON CONFLICT (kind, name) DO NOTHING",
            kind.name(),
            name,
            digest,
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }
}
