//! What cannot be seen from outside: the settings of the connections.

use sqlx::SqlitePool;
use symbolon_core::store::Closing as _;

use crate::{Options, SqliteStore};

async fn pragma(pool: &SqlitePool, name: &'static str) -> i64 {
    sqlx::query_scalar(sqlx::AssertSqlSafe(format!("PRAGMA {name}"))).fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn what_is_answered_is_on_the_disk() {
    const NORMAL: i64 = 1;
    const FULL: i64 = 2;
    let folder = std::env::temp_dir().join(format!("symbolon-store-{}", std::process::id()));
    let store = SqliteStore::open(&folder, &Options::default()).await.unwrap();
    for (pool, synchronous) in
        [(&store.state.writer, FULL), (&store.journal.appender, FULL), (&store.journal.background, NORMAL)]
    {
        assert_eq!(pragma(pool, "synchronous").await, synchronous);
        assert_eq!(pragma(pool, "foreign_keys").await, 1);
        assert_eq!(pragma(pool, "busy_timeout").await, 5000);
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(pool).await.unwrap();
        assert_eq!(mode, "wal");
    }
    for readers in [&store.state.readers, &store.journal.readers] {
        assert_eq!(pragma(readers, "query_only").await, 1);
        let writing = sqlx::query("CREATE TABLE t (x TEXT)").execute(readers).await;
        assert!(writing.is_err());
    }
    store.close().await;
    std::fs::remove_dir_all(&folder).unwrap();
}
