//! The audit: what somebody does to it with SQL, what an older version left in it, and many nodes that write it.

use std::sync::Arc;

use sqlx::migrate::Migrator;
use symbolon_core::audit::verify::verify;
use symbolon_core::clock::Timestamp;
use symbolon_core::id::{Id, RealmId};
use symbolon_core::store::{AuditStore as _, ChangeStore as _, Closing as _, RealmStore as _};

use crate::database::with_database;
use crate::things::{change, realm};

fn r() -> RealmId {
    Id::new("r").unwrap()
}

#[tokio::test]
async fn whatever_somebody_does_to_records_is_found() {
    with_database("", async |database| {
        let store = Arc::new(database.open().await);
        symbolon_store_contract::tampering_is_found(store.clone(), async |sql| database.run(&sql).await)
            .await;
        store.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chain_holds_whichever_node_writes() {
    with_database("", async |database| {
        let store = database.open().await;
        store.insert_realm(&realm("r"), &change()).await.unwrap();
        let nodes: Vec<_> = futures_util::future::join_all((0..4).map(|_| database.open())).await;
        let writing = nodes.iter().cloned().map(|node| {
            tokio::spawn(async move {
                for number in 0..20 {
                    node.insert_revocations(&r(), &change()).await.unwrap();
                    if number % 5 == 0 {
                        // Old ones are forgotten meanwhile, by all of them at once.
                        node.forget_audit(&r(), Timestamp::from_seconds(1)).await.unwrap();
                    }
                }
            })
        });
        for task in writing.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        let report = verify(&store, &r(), &[]).await.unwrap();
        assert_eq!((report.findings, report.chain.head.number), (vec![], 81));
        assert!(report.chain.anchor.number > 0, "nothing was forgotten");
        for node in nodes.iter().chain([&store]) {
            node.close().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_chain_begins_behind_what_an_older_version_left() {
    with_database("", async |database| {
        let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(database.name());
        std::fs::create_dir_all(&folder).unwrap();
        let first = concat!(env!("CARGO_MANIFEST_DIR"), "/../migrations/state/0001_state.sql");
        std::fs::copy(first, folder.join("0001_state.sql")).unwrap();
        let mut older = Migrator::new(folder.as_path()).await.unwrap();
        older.dangerous_set_table_name("symbolon_state_migrations");
        older.run_direct(None, &mut database.connect().await, false).await.unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        let columns =
            "sequence, realm, at, actor_kind, actor_id, request_id, action, subject_kind, subject_id";
        let row = |sequence, realm| {
            let values = "5, 'operator', 'ann', 'run', 'update', 'client', 'c'";
            format!("INSERT INTO audit ({columns}) VALUES ({sequence}, '{realm}', {values});")
        };
        let counter = "UPDATE change_counter SET sequence = 3";
        database.run(&[&row(1, "r"), &row(2, "s"), &row(3, "r"), counter].concat()).await;

        let store = database.open().await;
        store.insert_realm(&realm("r"), &change()).await.unwrap();
        let report = verify(&store, &r(), &[]).await.unwrap();
        assert_eq!((report.findings, report.unchained, report.records), (vec![], 2, 1));
        store.close().await;
    })
    .await;
}
