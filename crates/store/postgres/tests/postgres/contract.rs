//! Every promise of a store, on PostgreSQL.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::stream;
use symbolon_core::store::Closing as _;
use symbolon_store_contract::{PROMISES, Promise};

use crate::database::with_database;

/// Promises that are held to at the same time: they share the server's syncs.
const AT_ONCE: usize = 8;

/// Whether a promise is kept in a database of its own.
async fn is_kept(promise: Promise, template: &str) -> bool {
    with_database(&format!("TEMPLATE {template}"), async |database| {
        let store = Arc::new(database.open().await);
        let kept = tokio::spawn(promise(store.clone())).await.is_ok();
        store.close().await;
        kept
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_every_promise() {
    // A collation that orders by the rules of a language, so that nothing can rely on the server's own.
    let collation = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'";
    let broken = with_database(collation, async |template| {
        template.open().await.close().await;
        stream::iter(PROMISES)
            .map(|(name, promise)| async move { (*name, is_kept(*promise, template.name()).await) })
            .buffer_unordered(AT_ONCE)
            .filter_map(|(name, kept)| async move { (!kept).then_some(name) })
            .collect::<Vec<&str>>()
            .await
    })
    .await;
    assert!(broken.is_empty(), "{} of {} promises are broken: {broken:#?}", broken.len(), PROMISES.len());
}
