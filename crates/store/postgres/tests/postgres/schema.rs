//! The schema: who makes it, whose it is, and how its text compares.

use sqlx::{Executor as _, Row as _};
use symbolon_core::clock::Timestamp;
use symbolon_core::id::Id;
use symbolon_core::store::{
    AuditStore as _, ChangeStore as _, Closing as _, JournalStore as _, RealmStore as _, StoreError,
};
use symbolon_store_postgres::{OpenError, Options, PostgresStore};

use crate::database::with_database;
use crate::things::{ALL, REQUEST, change, place, realm, record};

#[tokio::test]
async fn reopening_keeps_everything() {
    with_database("", async |database| {
        let store = database.open().await;
        store.insert_realm(&realm("r"), &change()).await.unwrap();
        store.append_tokens(&place("b1"), &[record("t1")]).await.unwrap();
        store.close().await;
        assert!(matches!(store.last_change().await, Err(StoreError::Unavailable(_))));

        let store = database.open().await;
        let r = Id::new("r").unwrap();
        assert_eq!(store.list_realms().await.unwrap(), [realm("r")]);
        assert_eq!(store.last_change().await.unwrap(), 1);
        assert_eq!(store.list_audit_links(&r, 0, 10).await.unwrap().len(), 1);
        assert_eq!(store.list_revocations(&r, 0).await.unwrap().len(), 1);
        assert_eq!(store.count_tokens(ALL, 0, Timestamp::default()).await.unwrap(), 1);
        assert_eq!(store.find_tokens_by_request(REQUEST).await.unwrap(), [record("t1")]);
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_open_an_empty_database_at_once_all_succeed() {
    with_database("", async |database| {
        let opening = (0..4).map(|_| {
            let url = database.url();
            tokio::spawn(async move { PostgresStore::open(&url, &Options::default()).await })
        });
        let opening: Vec<_> = opening.collect();
        for (number, task) in opening.into_iter().enumerate() {
            let store = task.await.unwrap().unwrap();
            store.insert_realm(&realm(&format!("r{number}")), &change()).await.unwrap();
            store.close().await;
        }
        let store = database.open().await;
        assert_eq!(store.list_realms().await.unwrap().len(), 4);
        store.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    for table in ["symbolon_state_migrations", "symbolon_journal_migrations"] {
        with_database("", async |database| {
            database.open().await.close().await;
            let newer = "(version, description, success, checksum, execution_time)
                         VALUES (9000, 'newer', TRUE, '\\x00', 0)";
            database.run(&format!("INSERT INTO {table} {newer}")).await;
            let error = PostgresStore::open(&database.url(), &Options::default()).await.unwrap_err();
            assert!(matches!(&error, OpenError::Newer { migration: 9000, .. }), "{error}");
            assert!(error.to_string().contains("newer version of Symbolon"), "{error}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_foreign_schema_is_refused_and_left_alone() {
    with_database("", async |database| {
        database.run("CREATE TABLE clients (name TEXT); INSERT INTO clients VALUES ('theirs')").await;
        let error = PostgresStore::open(&database.url(), &Options::default()).await.unwrap_err();
        assert!(matches!(error, OpenError::Occupied { .. }), "{error}");
        let mut connection = database.connect().await;
        let tables = connection
            .fetch_all("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")
            .await
            .unwrap();
        assert_eq!(tables.len(), 1, "nothing was left behind");
    })
    .await;
    with_database("", async |database| {
        database.open().await.close().await;
        database.run("UPDATE symbolon_journal_migrations SET checksum = '\\x00'").await;
        let error = PostgresStore::open(&database.url(), &Options::default()).await.unwrap_err();
        assert!(matches!(error, OpenError::Foreign { migration: 1, .. }), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_database_that_cannot_keep_every_character_is_refused() {
    with_database("TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'", async |database| {
        let error = PostgresStore::open(&database.url(), &Options::default()).await.unwrap_err();
        assert!(matches!(&error, OpenError::Encoding { encoding, .. } if encoding == "SQL_ASCII"), "{error}");
    })
    .await;
}

/// The pages of the contract suite hold the order; this holds every column that a page may be made of one day.
#[tokio::test]
async fn all_text_compares_by_byte_whatever_the_collation() {
    let collation = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'sv'";
    with_database(collation, async |database| {
        database.open().await.close().await;
        let mut connection = database.connect().await;
        let rows = connection
            .fetch_all(
                "SELECT attrelid::regclass::text || '.' || attname, collname FROM pg_attribute
                 JOIN pg_class ON pg_class.oid = attrelid JOIN pg_collation ON pg_collation.oid = attcollation
                 WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0
                     AND relname NOT LIKE 'symbolon\\_%\\_migrations'",
            )
            .await
            .unwrap();
        assert!(rows.len() > 50, "{}", rows.len());
        for row in rows {
            let (column, collation): (String, String) = (row.get(0), row.get(1));
            assert_eq!(collation, "C", "{column}");
        }
        // Indexes too: one of another collation would not serve the comparison.
        let indexes = connection
            .fetch_all(
                "SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
                 WHERE relnamespace = 'public'::regnamespace AND 100 = ANY (indcollation)",
            )
            .await
            .unwrap();
        assert_eq!(indexes.len(), 0);
    })
    .await;
}

#[tokio::test]
async fn a_role_that_owns_the_database_needs_no_other_right() {
    with_database("", async |database| {
        let role = format!("{}_owner", database.name());
        database.run(&format!("CREATE ROLE {role} LOGIN PASSWORD 'x'")).await;
        database.alter(&format!("OWNER TO {role}")).await;
        let url = database.address_of(&role, "x").parse().unwrap();
        let store = PostgresStore::open(&url, &Options::default()).await.unwrap();
        store.insert_realm(&realm("r"), &change()).await.unwrap();
        store.append_tokens(&place("b1"), &[record("t1")]).await.unwrap();
        store.close().await;
        let wrong = database.address_of(&role, "canary").parse().unwrap();
        let error = PostgresStore::open(&wrong, &Options::default()).await.unwrap_err();
        assert!(
            matches!(&error, OpenError::Connect { reason, .. } if reason.contains("password")),
            "{error}"
        );
        assert!(!format!("{error} {error:?}").contains("canary"));
        database.run(&format!("REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}")).await;
        database.alter("OWNER TO CURRENT_USER").await;
        database.run(&format!("DROP ROLE {role}")).await;
    })
    .await;
}
