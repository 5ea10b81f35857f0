//! A further process on a bed's database, with a store, peppers or settings of its own.

use std::sync::Arc;
use std::time::Duration;

use symbolon_core::authority::{Authority, Settings, StartError, Surroundings};
use symbolon_core::id::RealmId;
use symbolon_core::journal::JournalTasks;
use symbolon_core::random::SystemRandom;
use symbolon_core::seal::MasterKeys;
use symbolon_core::secret::Peppers;
use symbolon_core::store::Store;
use symbolon_server::router::{router, with_request_id};
use symbolon_server::state::ServerState;
use zeroize::Zeroizing;

use super::faults::FaultyStore;
use super::{Answer, Bed, Request};

/// A key with its name.
type NamedKey = (String, Zeroizing<Vec<u8>>);

/// Key material that a seed stands for; a bed's master key is of seed 0, its pepper of seed 100, both named `test`.
pub(crate) fn key(name: &str, seed: u8) -> NamedKey {
    (name.to_owned(), Zeroizing::new((seed..seed + 32).collect()))
}

/// A running process.
pub(crate) struct Node {
    /// What decides.
    pub(crate) authority: Arc<Authority>,
    /// Its app.
    pub(crate) app: symbolon_server::router::App,
    tasks: JournalTasks,
}

impl Node {
    /// On the bed's database.
    pub(crate) async fn start(bed: &Bed) -> Self {
        Self::with_peppers(bed, [key("test", 100)]).await
    }

    /// With other peppers, the current one first.
    pub(crate) async fn with_peppers(bed: &Bed, peppers: impl IntoIterator<Item = NamedKey>) -> Self {
        let store = symbolon::open_store::open(&bed.folder).await.unwrap();
        Self::with(bed, store, Peppers::new(peppers).unwrap(), key("test", 0)).await
    }

    /// With another master key, so that it can open no signing key.
    pub(crate) async fn with_master(bed: &Bed, name: &str, seed: u8) -> Self {
        let store = symbolon::open_store::open(&bed.folder).await.unwrap();
        Self::with(bed, store, Peppers::new([key("test", 100)]).unwrap(), key(name, seed)).await
    }

    /// Why it does not start with a pepper and a master key.
    pub(crate) async fn refused(bed: &Bed, pepper: NamedKey, master: NamedKey) -> String {
        let store = symbolon::open_store::open(&bed.folder).await.unwrap();
        let started = Self::try_with(bed, store, Peppers::new([pepper]).unwrap(), master).await;
        started.err().map(|error| error.to_string()).unwrap()
    }

    /// Through a store that a test can make fail.
    pub(crate) async fn faulty(bed: &Bed) -> (Self, Arc<FaultyStore>) {
        let store = FaultyStore::around(symbolon::open_store::open(&bed.folder).await.unwrap());
        let node =
            Self::with(bed, store.clone(), Peppers::new([key("test", 100)]).unwrap(), key("test", 0)).await;
        (node, store)
    }

    /// Through a store that may fail already now.
    pub(crate) async fn try_over(bed: &Bed, store: Arc<FaultyStore>) -> Result<Self, StartError> {
        Self::try_with(bed, store, Peppers::new([key("test", 100)]).unwrap(), key("test", 0)).await
    }

    async fn with(bed: &Bed, store: Arc<dyn Store>, peppers: Peppers, master: NamedKey) -> Self {
        Self::try_with(bed, store, peppers, master).await.unwrap()
    }

    async fn try_with(
        bed: &Bed,
        store: Arc<dyn Store>,
        peppers: Peppers,
        master: NamedKey,
    ) -> Result<Self, StartError> {
        let mut settings = Settings::new("https://auth.example", RealmId::new("default").unwrap());
        settings.failure_floor = Duration::ZERO;
        settings.audit_memory = Some(Duration::from_hours(400 * 24));
        let surroundings = Surroundings {
            store,
            clock: bed.clock.clone(),
            random: Arc::new(SystemRandom),
            master_keys: Arc::new(MasterKeys::new([master]).unwrap()),
            peppers: Arc::new(peppers),
        };
        let (authority, tasks) = Authority::start(surroundings, settings).await?;
        let authority = Arc::new(authority);
        let state = ServerState { authority: Arc::clone(&authority), trusted_proxies: [].into() };
        Ok(Self { authority, app: with_request_id(router(state.clone()), state), tasks })
    }

    /// Sends it a request.
    pub(crate) async fn send(&self, request: Request) -> Answer {
        request.send_to(self.app.clone()).await
    }

    /// Follows the change sequence, as the background task would.
    pub(crate) async fn catch_up(&self) {
        self.authority.directory().catch_up().await.unwrap();
    }

    /// Stops in good order, as if the process was told to end.
    pub(crate) async fn stop(self) {
        let Self { authority, app, tasks } = self;
        let store = Arc::clone(authority.store());
        drop((authority, app));
        tasks.finish().await;
        store.close().await;
    }
}
