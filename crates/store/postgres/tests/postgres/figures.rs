//! How long answers take where there is a lot: `cargo test -p symbolon-store-postgres figures -- --ignored --nocapture`.

use symbolon_core::store::Closing as _;
use symbolon_store_contract::figures;

use crate::database::with_database;

#[tokio::test]
#[ignore = "it measures, and proves nothing"]
async fn figures() {
    with_database("", async |database| {
        let store = database.open().await;
        figures::prepare_lists(&store).await;
        for statement in figures::lists().into_iter().chain(figures::usage()) {
            database.run(&statement).await;
        }
        // As the server does by itself, a minute later.
        database.run("ANALYZE").await;
        figures::ask_usage(&store).await;
        figures::ask_lists(&store).await;
        store.close().await;
    })
    .await;
}
