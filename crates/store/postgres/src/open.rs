//! Opening the store: the connections and their settings, and the migrations.

use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};

use crate::backend::PostgresStore;
use crate::collation::{compare_by_byte, tables};
use crate::connection::{Connections, Patience};
use crate::listed;
use crate::listen::Listener;
use crate::sqlstate;
use crate::url::DatabaseUrl;

/// All sets of migrations begin at 1, and lie in one database here: each has a table of its own.
fn migrations() -> [Migrator; 3] {
    let mut state = sqlx::migrate!("../migrations/state");
    state.dangerous_set_table_name("symbolon_state_migrations");
    let mut journal = sqlx::migrate!("../migrations/journal");
    journal.dangerous_set_table_name("symbolon_journal_migrations");
    let mut usage = sqlx::migrate!("../migrations/usage");
    usage.dangerous_set_table_name("symbolon_usage_migrations");
    [state, journal, usage].map(|mut migrations| {
        // The one lock below is for all, and is bounded.
        migrations.set_locking(false);
        migrations
    })
}

/// How the store treats its database.
#[derive(Clone, Debug)]
pub struct Options {
    /// At most so many connections, all kinds together; at least five are used.
    pub connections: u32,
    /// How long a call waits for a connection, be it one in use or a new one.
    pub acquire_timeout: Duration,
    /// How long the server works on a statement.
    pub statement_timeout: Duration,
    /// How long a statement waits for another session's lock.
    pub lock_timeout: Duration,
    /// How long a process waits at its start for another one that migrates.
    pub migration_lock_timeout: Duration,
    /// How long one statement of a migration may take.
    pub migration_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections: 10,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(2),
            migration_lock_timeout: Duration::from_mins(1),
            migration_timeout: Duration::from_mins(10),
        }
    }
}

/// One for the journal, one for what is behind it, one that listens.
const SPECIAL: u32 = 3;
/// How long the network may take beyond the server's own limit of a statement.
const NETWORK: Duration = Duration::from_secs(1);
/// Why a store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The server cannot be reached, or does not let anybody in.
    #[error("cannot connect to the {database}: {reason}")]
    Connect {
        /// The database, without a password.
        database: DatabaseUrl,
        /// What is wrong.
        reason: String,
    },
    /// The database keeps text in another encoding.
    #[error("the {database} is encoded as {encoding}: create it with ENCODING 'UTF8'")]
    Encoding {
        /// The database.
        database: DatabaseUrl,
        /// Its encoding.
        encoding: String,
    },
    /// A later version of Symbolon has migrated the database.
    #[error(
        "the {database} was written by a newer version of Symbolon (its schema has migration {migration}): \
         use that version, or restore a backup from before the upgrade"
    )]
    Newer {
        /// The database.
        database: DatabaseUrl,
        /// The first migration that this version does not know.
        migration: i64,
    },
    /// A migration that this version knows was another one when it was applied.
    #[error("the schema of the {database} is not Symbolon's: its migration {migration} is another one")]
    Foreign {
        /// The database.
        database: DatabaseUrl,
        /// The migration.
        migration: i64,
    },
    /// Somebody else's tables have the names that Symbolon's would have.
    #[error("the {database} holds tables that are not Symbolon's: give Symbolon a database of its own")]
    Occupied {
        /// The database.
        database: DatabaseUrl,
    },
    /// The schema cannot be brought to this version.
    #[error("cannot migrate the {database}: {reason}")]
    Migration {
        /// The database.
        database: DatabaseUrl,
        /// What is wrong.
        reason: String,
    },
}

impl PostgresStore {
    /// Opens the store in a database that exists, and migrates it to this version's schema.
    pub async fn open(database: &DatabaseUrl, options: &Options) -> Result<Self, OpenError> {
        let connect = settings(database.options(), options);
        let connecting = PgConnection::connect_with(&connect);
        let mut connection = match tokio::time::timeout(options.acquire_timeout, connecting).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(error)) => {
                return Err(OpenError::Connect { database: database.clone(), reason: reason(&error) });
            }
            Err(_) => {
                let reason = "it did not answer in time".to_owned();
                return Err(OpenError::Connect { database: database.clone(), reason });
            }
        };
        check_encoding(&mut connection, database).await?;
        migrate(&mut connection, options).await.map_err(|error| migration_failed(database.clone(), error))?;
        // Everything is done; a farewell that does not arrive harms nobody.
        let _ = tokio::time::timeout(NETWORK, connection.close()).await;
        let patience = Patience {
            acquire: options.acquire_timeout,
            statement: options.statement_timeout.max(options.lock_timeout) + NETWORK,
        };
        let connections = |most| Connections::new(connect.clone(), most, patience);
        let store = Self {
            state: connections(options.connections.saturating_sub(SPECIAL).max(2)),
            appender: connections(1),
            background: connections(1),
            listener: Arc::new(Listener::start(connect.clone(), options.acquire_timeout)),
        };
        listed::fill(&store).await.map_err(|error| OpenError::Migration {
            database: database.clone(),
            reason: error.to_string(),
        })?;
        Ok(store)
    }
}

/// What every connection says when it begins, so that no default of the server, the database or the role decides:
/// most of all that a commit is on the disk when it is answered.
fn settings(connect: PgConnectOptions, options: &Options) -> PgConnectOptions {
    let millis = |limit: Duration| limit.as_millis().to_string();
    let named = connect.get_application_name().is_some();
    let connect = if named { connect } else { connect.application_name("symbolon") };
    connect.options([
        ("synchronous_commit", "on".to_owned()),
        ("default_transaction_isolation", "read committed".to_owned()),
        ("statement_timeout", millis(options.statement_timeout)),
        ("lock_timeout", millis(options.lock_timeout)),
        ("idle_in_transaction_session_timeout", millis(options.statement_timeout * 2)),
        // With these the server gives up what a node held that vanished.
        ("tcp_keepalives_idle", "15".to_owned()),
        ("tcp_keepalives_interval", "5".to_owned()),
        ("tcp_keepalives_count", "3".to_owned()),
        ("tcp_user_timeout", "30000".to_owned()),
        // The driver would log them as they are.
        ("client_min_messages", "error".to_owned()),
        ("jit", "off".to_owned()),
    ])
}

async fn check_encoding(connection: &mut PgConnection, database: &DatabaseUrl) -> Result<(), OpenError> {
    let encoding: String = sqlx::query_scalar("SHOW server_encoding")
        .fetch_one(connection)
        .await
        .map_err(|error| OpenError::Connect { database: database.clone(), reason: reason(&error) })?;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(OpenError::Encoding { database: database.clone(), encoding })
}

/// Migrates within one transaction and under a lock: a second process that starts at the same time waits, and
/// finds it done.
async fn migrate(connection: &mut PgConnection, options: &Options) -> Result<(), MigrateError> {
    let mut tx = connection.begin().await?;
    sqlx::query("SELECT set_config('lock_timeout', $1, TRUE), set_config('statement_timeout', $2, TRUE)")
        .bind(options.migration_lock_timeout.as_millis().to_string())
        .bind(options.migration_timeout.as_millis().to_string())
        .execute(&mut *tx)
        .await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(MIGRATION_LOCK).execute(&mut *tx).await?;
    for migrations in migrations() {
        migrations.run_direct(None, &mut *tx, false).await?;
        compare_by_byte(&mut tx, &tables(&migrations)).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// Any number that is always the same one; locks of this kind belong to one database.
const MIGRATION_LOCK: i64 = 0x73_79_6d_62_6f_6c_6f_6e;

fn migration_failed(database: DatabaseUrl, error: MigrateError) -> OpenError {
    match error {
        MigrateError::VersionMissing(migration) => OpenError::Newer { database, migration },
        MigrateError::VersionMismatch(migration) => OpenError::Foreign { database, migration },
        MigrateError::ExecuteMigration(error, _) if is_there_already(&error) => {
            OpenError::Occupied { database }
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            OpenError::Migration { database, reason: reason(&error) }
        }
        _ => OpenError::Migration { database, reason: "its table of migrations cannot be read".to_owned() },
    }
}

/// A table of that name (42P07), or an index or type.
fn is_there_already(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == "42P07" || code == "42710")
}

fn reason(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(error) => sqlstate::describe(error.code().as_deref()),
        // About certificates, and names no secret.
        sqlx::Error::Io(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            format!("TLS failed: {error}")
        }
        sqlx::Error::Io(error) => error.kind().to_string(),
        sqlx::Error::Tls(error) => format!("TLS failed: {error}"),
        _ => "the driver failed".to_owned(),
    }
}
