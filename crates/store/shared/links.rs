//! Links that set a password and can be used once.

use async_trait::async_trait;
use sqlx::{query, query_scalar};
use symbolon_core::audit::Change;
use symbolon_core::clock::Timestamp;
use symbolon_core::edit::link::Link;
use symbolon_core::id::{LinkId, UserId};
use symbolon_core::store::{LinkStore, StoreError, StoreResult};
use symbolon_core::user::User;

use crate::backend::Backend;
use crate::changes::record;
use crate::support::{can_be_stored, decode, encode, failed};
use crate::users;

/// Whose a link is, as it is stored: an id is never empty.
fn whose(link: &Link) -> &str {
    link.user.as_ref().map_or("", UserId::as_str)
}

#[async_trait]
impl LinkStore for Backend {
    async fn put_link(&self, link: &Link, change: &Change) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        // Of two at the same time the later one stays.
        query!(
            "INSERT INTO links (id, realm, user_id, expires_at, document) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (realm, user_id) DO UPDATE SET
                 id = excluded.id, expires_at = excluded.expires_at, document = excluded.document",
            link.id.as_str(),
            link.realm.as_str(),
            whose(link),
            link.expires_at.millis(),
            encode(link)?,
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        record(&mut tx, &link.realm, change).await?;
        tx.commit().await.map_err(failed)
    }

    async fn find_link(&self, id: &LinkId) -> StoreResult<Option<Link>> {
        if !can_be_stored(id.as_str()) {
            return Ok(None);
        }
        let document = query_scalar!("SELECT document FROM links WHERE id = $1", id.as_str())
            .fetch_optional(self.reader())
            .await
            .map_err(failed)?;
        document.map(|document| decode("link", &document)).transpose()
    }

    async fn accept_link(&self, link: &Link, user: &User, change: &Change) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        let deleted = query!(
            "DELETE FROM links WHERE id = $1 AND realm = $2 AND user_id = $3",
            link.id.as_str(),
            link.realm.as_str(),
            whose(link),
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if deleted.rows_affected() == 0 {
            return Err(StoreError::NotFound);
        }
        if user.version == 1 {
            users::insert(&mut tx, &link.realm, user).await?;
        } else {
            users::update(&mut tx, &link.realm, user).await?;
        }
        record(&mut tx, &link.realm, change).await?;
        tx.commit().await.map_err(failed)
    }

    async fn forget_links(&self, before: Timestamp) -> StoreResult<u64> {
        let mut tx = self.begin().await?;
        let done = query!("DELETE FROM links WHERE expires_at < $1", before.millis())
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(done.rows_affected())
    }
}
