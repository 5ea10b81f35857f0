//! What the shared SQL asks of this database: connections to read, transactions to write, and turns in the journal.

use std::sync::Arc;
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::pool::PoolConnection;
use sqlx::{Sqlite, SqlitePool, Transaction, query};
use symbolon_core::store::{Closing, StoreResult};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::support::failed;
use crate::usage_sums::Kind;

/// The store of this crate, by the name that the shared SQL has for it.
pub(crate) type Backend = SqliteStore;

/// A transaction that writes.
pub(crate) type Tx = Transaction<'static, Sqlite>;

/// Takes the file's one write lock at once: a transaction that first read and then wanted it could be refused.
pub(crate) const BEGIN: &str = "BEGIN IMMEDIATE";

/// A store in a folder of its own. Clones share its connections.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    pub(crate) state: File,
    pub(crate) journal: Journal,
    pub(crate) usage: File,
}

/// One database file: a connection that writes, and some that read.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) writer: SqlitePool,
    pub(crate) readers: SqlitePool,
}

/// The journal's file. It has two connections that write, because only what is on a token's way waits for the
/// disk; they take turns here, in order, since waiting for each other's lock in SQLite means to sleep and ask again.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    /// Durable at the end of each statement.
    pub(crate) appender: SqlitePool,
    /// Durable with the next statement of the other.
    pub(crate) background: SqlitePool,
    pub(crate) readers: SqlitePool,
    pub(crate) turn: Arc<Mutex<()>>,
    /// How long a call waits for its turn.
    pub(crate) patience: Duration,
}

impl Journal {
    async fn turn(&self) -> StoreResult<OwnedMutexGuard<()>> {
        tokio::time::timeout(self.patience, Arc::clone(&self.turn).lock_owned())
            .await
            .map_err(|_| failed(sqlx::Error::PoolTimedOut))
    }
}

/// The journal's durable connection, for one statement.
pub(crate) struct Appender {
    pub(crate) connection: PoolConnection<Sqlite>,
    _turn: OwnedMutexGuard<()>,
}

/// A transaction of the journal that nobody waits for.
pub(crate) struct Background {
    pub(crate) tx: Tx,
    _turn: OwnedMutexGuard<()>,
}

#[async_trait::async_trait]
impl Closing for SqliteStore {
    async fn close(&self) {
        self.state.readers.close().await;
        self.state.writer.close().await;
        self.journal.readers.close().await;
        self.journal.background.close().await;
        self.journal.appender.close().await;
        self.usage.readers.close().await;
        self.usage.writer.close().await;
    }
}

impl SqliteStore {
    pub(crate) const fn reader(&self) -> &SqlitePool {
        &self.state.readers
    }

    pub(crate) async fn begin(&self) -> StoreResult<Tx> {
        self.state.writer.begin_with(BEGIN).await.map_err(failed)
    }

    pub(crate) const fn journal_reader(&self) -> &SqlitePool {
        &self.journal.readers
    }

    pub(crate) async fn journal_appender(&self) -> StoreResult<Appender> {
        let turn = self.journal.turn().await?;
        let connection = self.journal.appender.acquire().await.map_err(failed)?;
        Ok(Appender { connection, _turn: turn })
    }

    pub(crate) async fn journal_background(&self) -> StoreResult<Background> {
        let turn = self.journal.turn().await?;
        let tx = self.journal.background.begin_with(BEGIN).await.map_err(failed)?;
        Ok(Background { tx, _turn: turn })
    }

    pub(crate) const fn usage_reader(&self) -> &SqlitePool {
        &self.usage.readers
    }

    pub(crate) async fn begin_usage(&self) -> StoreResult<Tx> {
        self.usage.writer.begin_with(BEGIN).await.map_err(failed)
    }

    /// Statements of it read the same moment.
    pub(crate) async fn begin_reading_usage(&self) -> StoreResult<Tx> {
        self.usage.readers.begin().await.map_err(failed)
    }
}

/// Adds rows of a kind, a JSON array of arrays (organization, client, access key, tokens, last moment and address), to
/// what is stored. Many in one statement: they are what a token costs in the background, and each database has its own
/// way of reading them out of JSON.
pub(crate) async fn add_usage(tx: &mut Tx, kind: &Kind, rows: &str) -> StoreResult<()> {
    query!(
        "INSERT INTO usage_open
             (realm, organization, client, access_key, audience, result, reason, hour, tokens, last_at, last_from)
         SELECT $1, value ->> 0, value ->> 1, value ->> 2, $2, $3, $4, $5, value ->> 3, value ->> 4, value ->> 5
         FROM jsonb_each($6) WHERE TRUE
         ON CONFLICT (realm, organization, client, access_key, audience, result, reason, hour) DO UPDATE SET
             tokens = usage_open.tokens + excluded.tokens,
             last_from = CASE WHEN excluded.last_at >= usage_open.last_at
                 THEN excluded.last_from ELSE usage_open.last_from END,
             last_at = MAX(excluded.last_at, usage_open.last_at)",
        &*kind.realm,
        &*kind.audience,
        &*kind.result,
        &*kind.reason,
        kind.hour,
        rows,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(())
}

/// SQLite tells other processes nothing: they look at the change sequence.
#[expect(clippy::unused_async, reason = "another backend has to say something here")]
pub(crate) async fn announce(_: &mut Tx) -> StoreResult<()> {
    Ok(())
}

/// Nothing is ever heard of other processes.
pub(crate) async fn wait_for_change(_: &SqliteStore) -> StoreResult<()> {
    std::future::pending().await
}

/// SQLite's messages name tables and columns, never values.
pub(crate) fn describe(error: &dyn DatabaseError) -> String {
    error.message().to_owned()
}
