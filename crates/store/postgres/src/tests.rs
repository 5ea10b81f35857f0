//! What cannot be seen from outside: the settings of the connections.

use symbolon_core::store::Closing as _;

use crate::connection::{Bounded, Connections};

#[expect(dead_code, reason = "the tests from outside use the rest")]
#[path = "../tests/postgres/database.rs"]
mod database;

async fn setting(bounded: &mut Bounded, name: &'static str) -> String {
    sqlx::query_scalar("SELECT current_setting($1)").bind(name).fetch_one(bounded).await.unwrap()
}

async fn is_set(connections: &Connections, name: &'static str) -> String {
    setting(&mut connections.acquire().await.unwrap(), name).await
}

#[tokio::test]
async fn what_is_answered_is_on_the_disk_whatever_the_servers_defaults() {
    database::with_database("", async |database| {
        database.alter("SET synchronous_commit = off").await;
        database.alter("SET statement_timeout = 0").await;
        database.alter("SET default_transaction_isolation = 'serializable'").await;
        let mut plain = database.connect().await;
        let off: String = sqlx::query_scalar("SHOW synchronous_commit").fetch_one(&mut plain).await.unwrap();
        assert_eq!(off, "off", "the database's own default");
        let store = database.open().await;
        for connections in [&store.state, &store.appender, &store.background] {
            assert_eq!(is_set(connections, "synchronous_commit").await, "on");
            assert_eq!(is_set(connections, "statement_timeout").await, "5s");
            assert_eq!(is_set(connections, "lock_timeout").await, "2s");
            assert_eq!(is_set(connections, "idle_in_transaction_session_timeout").await, "10s");
            assert_eq!(is_set(connections, "default_transaction_isolation").await, "read committed");
            assert_eq!(
                is_set(connections, "client_min_messages").await,
                "error",
                "the driver would log them"
            );
        }
        let mut tx = store.begin().await.unwrap();
        assert_eq!(setting(&mut tx, "synchronous_commit").await, "on");
        drop(tx);
        let mut background = store.journal_background().await.unwrap();
        assert_eq!(setting(&mut background.tx, "synchronous_commit").await, "off");
        background.tx.commit().await.unwrap();
        assert_eq!(is_set(&store.background, "synchronous_commit").await, "on", "for one transaction alone");
        store.close().await;
    })
    .await;
}
