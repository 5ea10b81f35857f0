//! How long answers take on SQLite where there is a lot: `cargo test -p symbolon-store-sqlite --test figures -- --ignored
//! --nocapture`.

#![expect(clippy::unwrap_used, reason = "the helper is test code too")]

mod folder;

use folder::Folder;
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use symbolon_store_contract::figures;
use symbolon_store_sqlite::{Options, SqliteStore};

async fn run(folder: &Folder, file: &str, statements: Vec<String>) {
    let url = format!("sqlite://{}", folder.path().join(file).display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test]
#[ignore = "it measures, and proves nothing"]
async fn figures() {
    let folder = Folder::new();
    let store = SqliteStore::open(folder.path(), &Options::default()).await.unwrap();
    figures::prepare_lists(&store).await;
    run(&folder, "state.db", figures::lists()).await;
    run(&folder, "usage.db", figures::usage()).await;
    for file in ["state.db", "usage.db"] {
        let size = std::fs::metadata(folder.path().join(file)).unwrap().len();
        println!("{file}: {} MiB", size >> 20);
    }
    figures::ask_usage(&store).await;
    figures::ask_lists(&store).await;
}
