//! What the shared SQL asks of this database: connections to read, transactions to write, and turns in the journal.

use std::sync::Arc;

use sqlx::error::DatabaseError;
use symbolon_core::store::{Closing, StoreResult};

pub(crate) use crate::connection::Tx;
use crate::connection::{Bounded, Connections};
use crate::listen::Listener;
use crate::sqlstate;
use crate::support::failed;

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
