//! The one place that names a storage backend.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use symbolon_core::store::Store;
use symbolon_store_sqlite::{Options, SqliteStore};

/// Opens the store of a data folder.
pub async fn open(data: &Path) -> anyhow::Result<Arc<dyn Store>> {
    let store = SqliteStore::open(data, &Options::default()).await;
    Ok(Arc::new(store.with_context(|| format!("the database in {} cannot be opened", data.display()))?))
}
