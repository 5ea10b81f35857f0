//! Opening the store: the folder and its files, the connections and their settings, and the migrations.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _, SqliteConnection, SqlitePool};
use tokio::sync::Mutex;

use crate::backend::{BEGIN, File, Journal, SqliteStore};
use crate::listed;

/// The file of the state, which is made first.
const STATE_FILE: &str = "state.db";

static STATE: Migrator = sqlx::migrate!("../migrations/state");
static JOURNAL: Migrator = sqlx::migrate!("../migrations/journal");
static USAGE: Migrator = sqlx::migrate!("../migrations/usage");

/// So many pages of 4 KiB go into a write-ahead log before they are copied into the database. Whoever commits then does
/// the copying, and with SQLite's own thousand one token in a hundred would wait for it: batches write the same few
/// pages again and again, so that a longer log is copied much less often and hardly takes longer.
const CHECKPOINT: &str = "8000";

/// What a connection that only reads holds of its file, in KiB after a minus, as SQLite wants it said.
const READER_CACHE: &str = "-512";

/// Between two attempts at a file that is busy.
const PAUSE: Duration = Duration::from_millis(5);

/// How the store treats its files.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a statement waits for another process's lock.
    pub busy_timeout: Duration,
    /// How long a call waits for a connection, or for its turn in the journal.
    pub acquire_timeout: Duration,
    /// At most so many connections that read the state.
    pub readers: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self { busy_timeout: Duration::from_secs(5), acquire_timeout: Duration::from_secs(5), readers: 2 }
    }
}

/// Why a store was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder or a file in it cannot be made.
    #[error("cannot make {}: {source}", path.display())]
    File {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A later version of Symbolon has migrated the file.
    #[error(
        "{} was written by a newer version of Symbolon (its schema has migration {migration}): \
         use that version, or restore a backup from before the upgrade",
        path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The first migration that this version does not know.
        migration: i64,
    },
    /// A migration that this version knows was another one when it was applied.
    #[error("the schema of {} is not Symbolon's: its migration {migration} is another one", path.display())]
    Foreign {
        /// The database file.
        path: PathBuf,
        /// The migration.
        migration: i64,
    },
    /// SQLite cannot open or migrate the file.
    #[error("cannot open {}: {reason}", path.display())]
    Database {
        /// The database file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl SqliteStore {
    /// Opens the store in a folder, makes both if they are not there, and migrates the files to this version's
    /// schema. Only the process's own user can read what it makes.
    pub async fn open(folder: &Path, options: &Options) -> Result<Self, OpenError> {
        make_folder(folder)?;
        let state = Database::open(folder.join(STATE_FILE), &STATE, options, "-2000").await?;
        // What is appended is hardly read again.
        let journal = Database::open(folder.join("journal.db"), &JOURNAL, options, "-512").await?;
        // Each counting comes back to the rows of all who asked lately.
        let usage = Database::open(folder.join("usage.db"), &USAGE, options, "-16000").await?;
        let store = Self {
            state: File { readers: state.readers(options.readers, options), writer: state.writer },
            journal: Journal {
                background: journal.background(options),
                readers: journal.readers(2, options),
                appender: journal.writer,
                turn: Arc::new(Mutex::new(())),
                patience: options.acquire_timeout,
            },
            // What is counted can be counted again.
            usage: File { readers: usage.readers(1, options), writer: usage.background(options) },
        };
        listed::fill(&store).await.map_err(|error| OpenError::Database {
            path: folder.join(STATE_FILE),
            reason: error.to_string(),
        })?;
        Ok(store)
    }
}

/// Whether a store was made in a folder.
pub fn is_in(folder: &Path) -> bool {
    folder.join(STATE_FILE).exists()
}

fn make_folder(folder: &Path) -> Result<(), OpenError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|source| OpenError::File { path: folder.to_owned(), source })
}

/// Makes the file if it is not there; SQLite gives the files beside a database the database's own mode. One that
/// is there is not even opened: closing it again would end the locks that this process has on it.
fn make_file(file: &Path) -> Result<(), OpenError> {
    let mut options = OpenOptions::new();
    options.create_new(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(file) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists => {
            Err(OpenError::File { path: file.to_owned(), source })
        }
        _ => Ok(()),
    }
}

/// A file that has this version's schema, and its durable connection.
struct Database {
    connect: SqliteConnectOptions,
    writer: SqlitePool,
}

impl Database {
    /// Opens a file; each connection holds so much of it in memory, in KiB after a minus, as SQLite wants it said.
    async fn open(
        path: PathBuf,
        migrations: &Migrator,
        options: &Options,
        cache: &'static str,
    ) -> Result<Self, OpenError> {
        make_file(&path)?;
        let connect = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(false)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(options.busy_timeout)
            .pragma("wal_autocheckpoint", CHECKPOINT)
            .pragma("cache_size", cache)
            .disable_statement_logging();
        let connect_wal = connect.clone().journal_mode(SqliteJournalMode::Wal);
        let writer = writer_pool(options).connect_lazy_with(connect_wal.clone());
        if let Err(mut error) = migrate_in_time(&writer, migrations, options).await {
            if matches!(error, MigrateError::Execute(sqlx::Error::PoolTimedOut)) {
                error = why_not(&connect_wal).await.map_or(error, MigrateError::Execute);
            }
            return Err(migration_failed(path, error));
        }
        Ok(Self { connect, writer })
    }

    /// Connections that read, made when they are needed. What they read goes into caches of Symbolon's own, or is one
    /// page of a list: they hold less of the file than whoever changes it.
    fn readers(&self, most: u32, options: &Options) -> SqlitePool {
        let connect = self.connect.clone().pragma("query_only", "ON").pragma("cache_size", READER_CACHE);
        pool(most.max(1), options).connect_lazy_with(connect)
    }

    /// A second connection that writes, and leaves the sync to the first.
    fn background(&self, options: &Options) -> SqlitePool {
        writer_pool(options).connect_lazy_with(self.connect.clone().synchronous(SqliteSynchronous::Normal))
    }
}

/// Migrates within one transaction, which holds the write lock: a second process that opens the same file waits,
/// and finds it done.
async fn migrate(pool: &SqlitePool, migrations: &Migrator) -> Result<(), MigrateError> {
    let mut tx = pool.begin_with(BEGIN).await?;
    migrations.run_direct(None, &mut *tx, false).await?;
    tx.commit().await?;
    Ok(())
}

/// While another process turns a new file to write-ahead logging, SQLite does not wait but says that it is busy.
async fn migrate_in_time(
    pool: &SqlitePool,
    migrations: &Migrator,
    options: &Options,
) -> Result<(), MigrateError> {
    let deadline = tokio::time::Instant::now() + options.busy_timeout;
    loop {
        match migrate(pool, migrations).await {
            Err(MigrateError::Execute(error))
                if is_busy(&error) && tokio::time::Instant::now() < deadline =>
            {
                tokio::time::sleep(PAUSE).await;
            }
            done => return done,
        }
    }
}

/// SQLite's code; the lower byte of an extended one is the code itself.
fn code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
    code.map(|code| code & 0xff)
}

fn is_busy(error: &sqlx::Error) -> bool {
    const SQLITE_BUSY: u32 = 5;
    code(error) == Some(SQLITE_BUSY)
}

/// What is wrong, and what to look at where SQLite does not say.
fn reason(error: &sqlx::Error) -> String {
    let said =
        error.as_database_error().map_or_else(|| error.to_string(), |error| error.message().to_owned());
    let advice = match code(error) {
        Some(5) => "another process holds its lock",
        Some(8) => "this user has to be able to write the file, its folder, and the file system",
        Some(10) => "the disk is full or fails",
        _ => return said,
    };
    format!("{said}: {advice}")
}

fn migration_failed(path: PathBuf, error: MigrateError) -> OpenError {
    match error {
        MigrateError::VersionMissing(migration) => OpenError::Newer { path, migration },
        MigrateError::VersionMismatch(migration) => OpenError::Foreign { path, migration },
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            OpenError::Database { path, reason: reason(&error) }
        }
        other => OpenError::Database { path, reason: other.to_string() },
    }
}

/// One connection that writes.
fn writer_pool(options: &Options) -> SqlitePoolOptions {
    pool(1, options).after_connect(|connection, _| Box::pin(can_write(connection)))
}

/// Where a file cannot be opened for writing, were it for a moment, SQLite opens it for reading, says nothing, and
/// refuses each change from then on. Such a connection is not kept, and another is tried. (The number that is set is
/// nobody's, and the transaction is undone.)
async fn can_write(connection: &mut SqliteConnection) -> sqlx::Result<()> {
    let mut tx = connection.begin().await?;
    let tried = sqlx::query("PRAGMA application_id = 0").execute(&mut *tx).await;
    tx.rollback().await?;
    match tried {
        Err(error) if !is_busy(&error) => Err(error),
        _ => Ok(()),
    }
}

/// What stands in the way of a connection that the pool tried for in vain.
async fn why_not(connect: &SqliteConnectOptions) -> Option<sqlx::Error> {
    match connect.connect().await {
        Ok(mut connection) => can_write(&mut connection).await.err(),
        Err(error) => Some(error),
    }
}

/// Whether a connection can begin a transaction. Where a disk is full or fails, SQLite ends the transaction by itself;
/// the driver then tries to roll it back in vain, and would believe for ever that it is still open. Such a connection
/// is replaced.
async fn is_sound(connection: &mut SqliteConnection) -> sqlx::Result<bool> {
    if connection.is_in_transaction() {
        // The roll-back of a transaction that was dropped may still be on its way; a ping comes after it.
        connection.ping().await?;
    }
    Ok(!connection.is_in_transaction())
}

/// Connections are kept for as long as the store is open and they are sound.
fn pool(most: u32, options: &Options) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .before_acquire(|connection, _| Box::pin(is_sound(connection)))
        .max_connections(most)
        .acquire_timeout(options.acquire_timeout)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}
