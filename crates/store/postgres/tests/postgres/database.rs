//! A database for one test, gone with it.
//!
//! It is made and removed without blocking the test's thread: removing one waits for connections that are just being
//! made, and those may be made by tasks of that thread.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use symbolon_store_postgres::{DatabaseUrl, Options, PostgresStore};

const PATIENCE: Duration = Duration::from_secs(20);

/// A database of the server that the tests were given.
pub(crate) struct Database {
    name: String,
}

/// Runs a test in an empty database, and removes it whether the test failed or not; `how` is what stands behind
/// CREATE DATABASE.
pub(crate) async fn with_database<T>(how: &str, test: impl AsyncFnOnce(&Database) -> T) -> T {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let database = Database { name: format!("symbolon_test_{}_{number}", std::process::id()) };
    on_server(&format!("CREATE DATABASE {} {how}", database.name)).await;
    let outcome = AssertUnwindSafe(test(&database)).catch_unwind().await;
    on_server(&format!("DROP DATABASE {} WITH (FORCE)", database.name)).await;
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}

impl Database {
    /// Its own name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its address.
    pub(crate) fn url(&self) -> DatabaseUrl {
        self.address().parse().unwrap()
    }

    /// Its address as text.
    pub(crate) fn address(&self) -> String {
        let server = server();
        let (address, parameters) = server.split_once('?').unwrap_or((&server, ""));
        let (host, _) = address.rsplit_once('/').expect("a URL with a database");
        format!("{host}/{}?{parameters}", self.name)
    }

    /// Its address for another role.
    pub(crate) fn address_of(&self, role: &str, password: &str) -> String {
        let address = self.address();
        let (_, rest) = address.split_once('@').expect("a URL with a role");
        format!("postgres://{role}:{password}@{rest}")
    }

    /// Host and port of the server.
    pub(crate) fn host(&self) -> String {
        let address = self.address();
        let (_, rest) = address.split_once('@').expect("a URL with a role");
        rest.split('/').next().unwrap_or_default().to_owned()
    }

    /// A store in it.
    pub(crate) async fn open(&self) -> PostgresStore {
        self.open_with(&Options::default()).await
    }

    /// The same with other options.
    pub(crate) async fn open_with(&self, options: &Options) -> PostgresStore {
        PostgresStore::open(&self.url(), options).await.unwrap()
    }

    /// Somebody else's connection to it.
    pub(crate) async fn connect(&self) -> PgConnection {
        let options: PgConnectOptions = self.address().parse().unwrap();
        options.disable_statement_logging().connect().await.unwrap()
    }

    /// Has a superuser do something in it.
    pub(crate) async fn run(&self, sql: &str) {
        let mut connection = self.connect().await;
        connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap();
        connection.close().await.unwrap();
    }

    /// Waits until a query of a superuser finds something.
    pub(crate) async fn wait_for(&self, sql: &str) {
        let began = Instant::now();
        let mut connection = self.connect().await;
        while connection.fetch_optional(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap().is_none()
        {
            assert!(began.elapsed() < PATIENCE, "never true: {sql}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Changes its settings from outside.
    pub(crate) async fn alter(&self, what: &str) {
        on_server(&format!("ALTER DATABASE {} {what}", self.name)).await;
    }

    /// Ends every connection to it, and waits until all are gone.
    pub(crate) async fn cut_off(&self) {
        on_server(&format!(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{}'",
            self.name
        ))
        .await;
    }
}

fn server() -> String {
    std::env::var("SYMBOLON_TEST_POSTGRES_URL").expect(
        "SYMBOLON_TEST_POSTGRES_URL is not set: run these tests through `cargo xtask test`, or name a PostgreSQL \
         server and a role that may create databases",
    )
}

/// Has the server's superuser do something.
async fn on_server(sql: &str) {
    let options: PgConnectOptions = server().parse().unwrap();
    let mut connection = options.disable_statement_logging().connect().await.unwrap();
    connection.execute(sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))).await.unwrap();
    connection.close().await.unwrap();
}
