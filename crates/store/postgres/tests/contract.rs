//! Every promise of a store, on PostgreSQL.

mod database;

use std::sync::Arc;

use database::Database;
use symbolon_core::store::Store;
use symbolon_store_contract::{PROMISES, run_all};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_every_promise() {
    // A collation that orders and compares otherwise than by byte.
    let template = Database::template_with("ICU_LOCALE 'en' LOCALE_PROVIDER icu TEMPLATE template0").await;
    let mut databases = Vec::with_capacity(PROMISES.len());
    run_all(async || {
        let database = Database::like(&template).await;
        let shared: Arc<dyn Store> = Arc::new(database.open().await);
        databases.push(database);
        shared
    })
    .await;
}
