//! Other sessions: what they hold, what they change, and what they are told.

use std::time::{Duration, Instant};

use sqlx::Executor as _;
use symbolon_core::clock::Timestamp;
use symbolon_core::store::{ChangeStore as _, Closing as _, JournalStore as _, RealmStore as _, StoreError};
use symbolon_store_postgres::{Options, PostgresStore};

use crate::database::{Database, with_database};
use crate::things::{ALL, change, place, realm, record};

const PATIENCE: Duration = Duration::from_secs(20);

/// What a call that cannot succeed says.
pub(crate) fn unavailable<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> String {
    match answer {
        Err(StoreError::Unavailable(text)) => text,
        other => panic!("not unavailable: {other:?}"),
    }
}

#[tokio::test]
async fn a_lock_that_is_not_given_back_is_waited_for_in_vain_but_not_for_ever() {
    with_database("", async |database| {
        let options = Options { lock_timeout: Duration::from_millis(100), ..Options::default() };
        let store = database.open_with(&options).await;
        let mut other = database.connect().await;
        other.execute("BEGIN; SELECT sequence FROM change_counter FOR UPDATE").await.unwrap();
        let began = Instant::now();
        let said = unavailable(store.insert_realm(&realm("r"), &change()).await);
        assert!(said.contains("lock") && said.contains("55P03"), "{said}");
        assert!(began.elapsed() < options.statement_timeout, "{:?}", began.elapsed());
        assert_eq!(store.list_realms().await.unwrap(), []);
        // Tokens do not wait for the state.
        store.append_tokens(&place("b1"), &[record("t1")]).await.unwrap();
        other.execute("ROLLBACK").await.unwrap();
        store.insert_realm(&realm("r"), &change()).await.unwrap();
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_call_that_is_given_up_half_way_changes_nothing_and_spoils_no_connection() {
    with_database("", async |database| {
        let store = database.open_with(&Options { connections: 5, ..Options::default() }).await;
        let mut other = database.connect().await;
        for _ in 0..4 {
            other.execute("BEGIN; SELECT sequence FROM change_counter FOR UPDATE").await.unwrap();
            let (realm, change) = (realm("given-up"), change());
            let given_up =
                tokio::time::timeout(Duration::from_millis(100), store.insert_realm(&realm, &change)).await;
            assert!(given_up.is_err());
            other.execute("ROLLBACK").await.unwrap();
        }
        store.insert_realm(&realm("r"), &change()).await.unwrap();
        assert_eq!(store.list_realms().await.unwrap(), [realm("r")]);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_connection_that_ends_within_a_transaction_leaves_nothing_of_it() {
    with_database("", async |database| {
        let store = database.open().await;
        let mut other = database.connect().await;
        other.execute("BEGIN; SELECT sequence FROM change_counter FOR UPDATE").await.unwrap();
        let (realm, change) = (realm("r"), change());
        let cut = async {
            // The realm is written, and waits for its place in the change sequence.
            database.wait_for("SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'").await;
            database
                .run(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
                     WHERE datname = current_database() AND wait_event_type = 'Lock'",
                )
                .await;
        };
        let (inserted, ()) = tokio::join!(store.insert_realm(&realm, &change), cut);
        unavailable(inserted);
        other.execute("ROLLBACK").await.unwrap();
        assert_eq!(store.list_realms().await.unwrap(), []);
        store.insert_realm(&realm, &change).await.unwrap();
        assert_eq!(store.last_change().await.unwrap(), 1);
        store.close().await;
    })
    .await;
}

/// Changes something at one store until the other hears of it.
async fn change_until_heard(one: &PostgresStore, other: &PostgresStore) -> Duration {
    let began = Instant::now();
    for number in 0.. {
        let name = format!("r{}-{number}", one.last_change().await.unwrap());
        let changed = Instant::now();
        one.insert_realm(&realm(&name), &change()).await.unwrap();
        let heard = tokio::time::timeout(Duration::from_millis(500), other.wait_for_change()).await;
        if heard.is_ok() {
            return changed.elapsed();
        }
        assert!(began.elapsed() < PATIENCE, "nothing was heard");
    }
    unreachable!("the loop has no end but these")
}

/// Lets a store hear everything that there was to hear.
async fn hear_all(store: &PostgresStore) {
    while tokio::time::timeout(Duration::from_millis(300), store.wait_for_change()).await.is_ok() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_heard_by_another_store_at_once_and_again_after_a_lost_connection() {
    with_database("", async |database| {
        let (one, other) = (database.open().await, database.open().await);
        hear_all(&other).await;
        let took = change_until_heard(&one, &other).await;
        // The sequence is looked at four times a second without it.
        assert!(took < Duration::from_millis(200), "{took:?}");
        hear_all(&other).await;
        database.cut_off().await;
        // Coming back counts as word of a change: there may have been one.
        tokio::time::timeout(PATIENCE, other.wait_for_change()).await.unwrap().unwrap();
        hear_all(&other).await;
        change_until_heard(&one, &other).await;
        one.close().await;
        other.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_change_that_is_rolled_back_is_not_announced() {
    with_database("", async |database| {
        let (one, other) = (database.open().await, database.open().await);
        one.insert_realm(&realm("r"), &change()).await.unwrap();
        hear_all(&other).await;
        assert!(matches!(one.insert_realm(&realm("r"), &change()).await, Err(StoreError::Taken(_))));
        let heard = tokio::time::timeout(Duration::from_millis(300), other.wait_for_change()).await;
        assert!(heard.is_err());
        one.close().await;
        other.close().await;
    })
    .await;
}

async fn sessions(database: &Database) -> usize {
    let mut connection = database.connect().await;
    let query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()
                 AND application_name = 'symbolon'";
    connection.fetch_all(query).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_calls_at_once_share_a_few_connections() {
    with_database("", async |database| {
        let options = Options { connections: 6, ..Options::default() };
        let store = database.open_with(&options).await;
        let calls: Vec<_> = (0..200)
            .map(|number| {
                let store = store.clone();
                tokio::spawn(async move {
                    if number % 10 == 0 {
                        store.append_tokens(&place(&format!("b{number}")), &[record("t")]).await.unwrap();
                        store.count_tokens(ALL, 0, Timestamp::default()).await.unwrap();
                    }
                    store.list_realms().await.unwrap();
                })
            })
            .collect();
        let mut most = 0;
        while calls.iter().any(|call| !call.is_finished()) {
            most = most.max(sessions(database).await);
        }
        for call in calls {
            call.await.unwrap();
        }
        assert!(most <= 6, "{most} connections");
        store.close().await;
    })
    .await;
}
