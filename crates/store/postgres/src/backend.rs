//! What the shared SQL asks of this database: connections to read, transactions to write, and turns in the journal.

use std::sync::Arc;

use sqlx::error::DatabaseError;
use sqlx::query;
use symbolon_core::store::{Closing, StoreResult};

pub(crate) use crate::connection::Tx;
use crate::connection::{Bounded, Connections};
use crate::listen::Listener;
use crate::sqlstate;
use crate::support::failed;
use crate::usage_sums::Kind;

/// The store of this crate, by the name that the shared SQL has for it.
pub(crate) type Backend = PostgresStore;

/// A store in a database that other processes may use too. Clones share its connections.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    /// For everything but what is written to the journal.
    pub(crate) state: Connections,
    /// On a token's way, so that nothing else can be in front of it.
    pub(crate) appender: Connections,
    /// For what nobody waits for.
    pub(crate) background: Connections,
    pub(crate) listener: Arc<Listener>,
}

/// The journal's durable connection, for one statement.
pub(crate) struct Appender {
    pub(crate) connection: Box<Bounded>,
}

/// A transaction of the journal that nobody waits for.
pub(crate) struct Background {
    pub(crate) tx: Tx,
}

#[async_trait::async_trait]
impl Closing for PostgresStore {
    async fn close(&self) {
        self.listener.stop().await;
        for connections in [&self.state, &self.background, &self.appender] {
            connections.close().await;
        }
    }
}

impl PostgresStore {
    pub(crate) const fn reader(&self) -> &Connections {
        &self.state
    }

    pub(crate) async fn begin(&self) -> StoreResult<Tx> {
        self.state.begin().await.map_err(failed)
    }

    pub(crate) const fn journal_reader(&self) -> &Connections {
        &self.state
    }

    pub(crate) async fn journal_appender(&self) -> StoreResult<Appender> {
        let connection = Box::new(self.appender.acquire().await.map_err(failed)?);
        Ok(Appender { connection })
    }

    /// Nodes take turns, as SQLite's write lock makes them: two of them that work on the same rows would only
    /// wait for each other in the middle.
    pub(crate) async fn journal_background(&self) -> StoreResult<Background> {
        let mut tx = self.background.begin().await.map_err(failed)?;
        tx.say("SET LOCAL synchronous_commit = off").await.map_err(failed)?;
        tx.say(TAKE_TURN).await.map_err(failed)?;
        Ok(Background { tx })
    }

    pub(crate) const fn usage_reader(&self) -> &Connections {
        &self.state
    }

    /// What is counted can be counted again.
    pub(crate) async fn begin_usage(&self) -> StoreResult<Tx> {
        let mut tx = self.background.begin().await.map_err(failed)?;
        tx.say("SET LOCAL synchronous_commit = off").await.map_err(failed)?;
        Ok(tx)
    }

    /// Statements of it read the same moment.
    pub(crate) async fn begin_reading_usage(&self) -> StoreResult<Tx> {
        let mut tx = self.state.begin().await.map_err(failed)?;
        tx.say("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY").await.map_err(failed)?;
        Ok(tx)
    }
}

/// Adds rows of a kind, a JSON array of arrays (organization, client, access key, tokens, last moment and address), to
/// what is stored. Many in one statement: they are what a token costs in the background, and each database has its own
/// way of reading them out of JSON.
pub(crate) async fn add_usage(tx: &mut Tx, kind: &Kind, rows: &str) -> StoreResult<()> {
    query!(
        "INSERT INTO usage_open
             (realm, organization, client, access_key, audience, result, reason, hour, tokens, last_at, last_from)
         SELECT $1, value ->> 0, value ->> 1, value ->> 2, $2, $3, $4, CAST($5 AS BIGINT),
             CAST(value ->> 3 AS BIGINT), CAST(value ->> 4 AS BIGINT), value ->> 5
         FROM json_array_elements(CAST(CAST($6 AS TEXT) AS JSON))
         ON CONFLICT (realm, organization, client, access_key, audience, result, reason, hour) DO UPDATE SET
             tokens = usage_open.tokens + excluded.tokens,
             last_from = CASE WHEN excluded.last_at >= usage_open.last_at
                 THEN excluded.last_from ELSE usage_open.last_from END,
             last_at = GREATEST(excluded.last_at, usage_open.last_at)",
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

/// Any number that is always the same one, and not the one of migrations; locks of this kind belong to one database.
const TAKE_TURN: &str = "SELECT pg_advisory_xact_lock(29958897753022828)";

/// What the channel of changes is called.
pub(crate) const CHANNEL: &str = "symbolon_changes";

/// Tells the other nodes, once the transaction is visible to them.
pub(crate) async fn announce(tx: &mut Tx) -> StoreResult<()> {
    tx.say("NOTIFY symbolon_changes").await.map_err(failed)
}

/// Returns when another node may have changed something.
pub(crate) async fn wait_for_change(store: &PostgresStore) -> StoreResult<()> {
    store.listener.wait().await;
    Ok(())
}

/// PostgreSQL's messages can quote what is stored, so they are told by their class.
pub(crate) fn describe(error: &dyn DatabaseError) -> String {
    sqlstate::describe(error.code().as_deref())
}
