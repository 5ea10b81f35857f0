//! Sessions of people.

use async_trait::async_trait;
use serde_json::json;
use sqlx::{query, query_scalar};
use symbolon_core::audit::Change;
use symbolon_core::clock::Timestamp;
use symbolon_core::id::{Id, RealmId, SessionId, UserId};
use symbolon_core::secret::SecretHash;
use symbolon_core::session::Session;
use symbolon_core::store::{Ended, MakingRoom, SessionStore, StoreError, StoreResult};

use crate::backend::{Backend, Tx};
use crate::changes::record;
use crate::support::{can_be_stored, failed, from_word, stale_or_missing, taken, word};

/// The most that are listed of one user.
const MOST_LISTED: i64 = 100;

/// A session as it stands in its row.
struct Row {
    id: String,
    realm: String,
    user_id: String,
    pepper: String,
    hmac: String,
    method: String,
    created_at: i64,
    last_seen_at: i64,
    proven_at: i64,
    address: String,
    user_agent: String,
}

impl Row {
    fn read(self) -> StoreResult<Session> {
        let damaged = || StoreError::Damaged("a session".to_owned());
        Ok(Session {
            id: id(&self.id)?,
            realm: id(&self.realm)?,
            user: id(&self.user_id)?,
            secret: SecretHash {
                pepper: self.pepper.into(),
                hmac: self.hmac.parse().map_err(|_| damaged())?,
            },
            method: from_word("way of signing in", self.method)?,
            created_at: Timestamp::from_millis(self.created_at),
            last_seen_at: Timestamp::from_millis(self.last_seen_at),
            proven_at: Timestamp::from_millis(self.proven_at),
            address: self.address.parse().map_err(|_| damaged())?,
            user_agent: self.user_agent,
        })
    }
}

fn id<T>(text: &str) -> StoreResult<Id<T>> {
    Id::new(text).map_err(|_| StoreError::Damaged("an id in a session".to_owned()))
}

/// Ends all sessions of a user: part of every revocation of it.
pub(crate) async fn end_all(tx: &mut Tx, realm: &RealmId, user: &str) -> StoreResult<u64> {
    let done = query!("DELETE FROM sessions WHERE realm = $1 AND user_id = $2", realm.as_str(), user)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    Ok(done.rows_affected())
}

/// Sees that a user is still at a version, and holds it there: whoever changes it waits until this is done, and then
/// finds what this wrote.
async fn hold(tx: &mut Tx, session: &Session, user_version: i64) -> StoreResult<()> {
    let held = query!(
        "UPDATE users SET version = version WHERE realm = $1 AND id = $2 AND version = $3",
        session.realm.as_str(),
        session.user.as_str(),
        user_version,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    if held.rows_affected() > 0 {
        return Ok(());
    }
    let stored = query_scalar!(
        "SELECT version FROM users WHERE realm = $1 AND id = $2",
        session.realm.as_str(),
        session.user.as_str(),
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(failed)?;
    Err(stale_or_missing(stored))
}

/// Ends the sessions that a user has too many of, so that there is room for one, and records which they were.
async fn make_room(tx: &mut Tx, session: &Session, room: MakingRoom<'_>) -> StoreResult<()> {
    let mut ended = query_scalar!(
        "DELETE FROM sessions WHERE realm = $1 AND user_id = $2 AND id NOT IN (
             SELECT id FROM sessions WHERE realm = $1 AND user_id = $2
             ORDER BY last_seen_at DESC, created_at DESC, id DESC LIMIT $3)
         RETURNING id",
        session.realm.as_str(),
        session.user.as_str(),
        i64::from(room.most.saturating_sub(1)),
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(failed)?;
    if ended.is_empty() {
        return Ok(());
    }
    ended.sort_unstable();
    let change = Change { before: Some(json!({ "sessions": ended })), ..room.ended.clone() };
    record(tx, &session.realm, &change).await?;
    Ok(())
}

async fn insert(tx: &mut Tx, session: &Session) -> StoreResult<()> {
    query!(
        "INSERT INTO sessions (id, realm, user_id, pepper, hmac, method, created_at, last_seen_at, proven_at,
             address, user_agent)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        session.id.as_str(),
        session.realm.as_str(),
        session.user.as_str(),
        &*session.secret.pepper,
        session.secret.hmac.to_string(),
        word(&session.method)?,
        session.created_at.millis(),
        session.last_seen_at.millis(),
        session.proven_at.millis(),
        session.address.to_string(),
        session.user_agent,
    )
    .execute(&mut **tx)
    .await
    .map_err(taken("the session's id"))?;
    Ok(())
}

#[async_trait]
impl SessionStore for Backend {
    async fn insert_session(
        &self,
        session: &Session,
        user_version: i64,
        room: MakingRoom<'_>,
        change: &Change,
    ) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        hold(&mut tx, session, user_version).await?;
        make_room(&mut tx, session, room).await?;
        insert(&mut tx, session).await?;
        record(&mut tx, &session.realm, change).await?;
        tx.commit().await.map_err(failed)
    }

    async fn find_session(&self, id: &SessionId) -> StoreResult<Option<Session>> {
        if !can_be_stored(id.as_str()) {
            return Ok(None);
        }
        let row = sqlx::query_as!(
            Row,
            "SELECT id, realm, user_id, pepper, hmac, method, created_at, last_seen_at, proven_at, address,
                 user_agent
             FROM sessions WHERE id = $1",
            id.as_str(),
        )
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        row.map(Row::read).transpose()
    }

    async fn list_sessions(&self, realm: &RealmId, user: &UserId) -> StoreResult<Vec<Session>> {
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, realm, user_id, pepper, hmac, method, created_at, last_seen_at, proven_at, address,
                 user_agent
             FROM sessions WHERE realm = $1 AND user_id = $2 ORDER BY created_at DESC, id DESC LIMIT $3",
            realm.as_str(),
            user.as_str(),
            MOST_LISTED,
        )
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        rows.into_iter().map(Row::read).collect()
    }

    async fn touch_session(&self, realm: &RealmId, id: &SessionId, at: Timestamp) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        query!(
            "UPDATE sessions SET last_seen_at = $3 WHERE realm = $1 AND id = $2 AND last_seen_at < $3",
            realm.as_str(),
            id.as_str(),
            at.millis(),
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)
    }

    async fn renew_session(&self, session: &Session, before: &SecretHash) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        let done = query!(
            "UPDATE sessions SET pepper = $4, hmac = $5, proven_at = $6, last_seen_at = $7
             WHERE realm = $1 AND id = $2 AND hmac = $3",
            session.realm.as_str(),
            session.id.as_str(),
            before.hmac.to_string(),
            &*session.secret.pepper,
            session.secret.hmac.to_string(),
            session.proven_at.millis(),
            session.last_seen_at.millis(),
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if done.rows_affected() == 0 {
            let stored = query_scalar!(
                "SELECT created_at FROM sessions WHERE realm = $1 AND id = $2",
                session.realm.as_str(),
                session.id.as_str(),
            )
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed)?;
            return Err(stale_or_missing(stored));
        }
        tx.commit().await.map_err(failed)
    }

    async fn delete_sessions(
        &self,
        realm: &RealmId,
        user: &UserId,
        ended: Ended<'_>,
        change: &Change,
    ) -> StoreResult<u64> {
        let mut tx = self.begin().await?;
        let count = match ended {
            Ended::All => end_all(&mut tx, realm, user.as_str()).await?,
            Ended::One(id) => query!(
                "DELETE FROM sessions WHERE realm = $1 AND user_id = $2 AND id = $3",
                realm.as_str(),
                user.as_str(),
                id.as_str(),
            )
            .execute(&mut *tx)
            .await
            .map_err(failed)?
            .rows_affected(),
            Ended::Others(id) => query!(
                "DELETE FROM sessions WHERE realm = $1 AND user_id = $2 AND id <> $3",
                realm.as_str(),
                user.as_str(),
                id.as_str(),
            )
            .execute(&mut *tx)
            .await
            .map_err(failed)?
            .rows_affected(),
        };
        if count > 0 {
            record(&mut tx, realm, change).await?;
        }
        tx.commit().await.map_err(failed)?;
        Ok(count)
    }

    async fn forget_sessions(&self, seen: Timestamp, begun: Timestamp) -> StoreResult<u64> {
        let mut tx = self.begin().await?;
        let done = query!(
            "DELETE FROM sessions WHERE last_seen_at <= $1 OR created_at <= $2",
            seen.millis(),
            begun.millis(),
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(done.rows_affected())
    }
}
