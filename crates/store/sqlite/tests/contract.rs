//! Every promise of a store, on SQLite.

mod folder;

use std::sync::Arc;

use folder::Folder;
use symbolon_core::store::Store;
use symbolon_store_contract::{PROMISES, run_all};
use symbolon_store_sqlite::{Options, SqliteStore};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_every_promise() {
    let mut folders = Vec::with_capacity(PROMISES.len());
    run_all(async || {
        let folder = Folder::new();
        let store = SqliteStore::open(folder.path(), &Options::default()).await.unwrap();
        folders.push(folder);
        let shared: Arc<dyn Store> = Arc::new(store);
        shared
    })
    .await;
}
