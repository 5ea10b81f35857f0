//! A database for one test, gone with it.

#![expect(dead_code, reason = "each test program uses a part of it")]

use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use symbolon_core::store::Closing as _;
use symbolon_store_postgres::{DatabaseUrl, Options, PostgresStore};

/// A database of the server that the tests were given.
pub(crate) struct Database {
    name: String,
}

impl Database {
    /// An empty one; `how` is what stands behind CREATE DATABASE.
    pub(crate) async fn empty(how: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let made = Self { name: format!("symbolon_test_{}_{number}", std::process::id()) };
        on_server(&format!("CREATE DATABASE {} {how}", made.name)).await;
        made
    }

    /// One with the schema, to make others from.
    pub(crate) async fn template_with(how: &str) -> Self {
        let template = Self::empty(how).await;
        template.open().await.close().await;
        template
    }

    /// One that is like another.
    pub(crate) async fn like(template: &Self) -> Self {
        Self::empty(&format!("TEMPLATE {}", template.name)).await
    }

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

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(on_server(&sql));
        });
        if dropped.join().is_err() {
            eprintln!("the database {} is left behind", self.name);
        }
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
