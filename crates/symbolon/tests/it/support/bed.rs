//! Starting a world. The first start applies world.yaml and keeps the folder as a template; every further bed
//! is a copy of it, so that RSA keys are made once a run and not once a test.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use symbolon_core::apply::{self, description::Description};
use symbolon_core::audit::{Actor, AuditRecord};
use symbolon_core::authority::{Authority, Settings, Surroundings};
use symbolon_core::clock::{FixedClock, Timestamp};
use symbolon_core::edit::Editor;
use symbolon_core::id::{ClientId, OrganizationId};
use symbolon_core::journal::JournalTasks;
use symbolon_core::random::SystemRandom;
use symbolon_core::realm::RealmId;
use symbolon_core::seal::MasterKeys;
use symbolon_core::secret::Peppers;
use symbolon_core::store::{PageRequest, Whose};
use symbolon_core::trail::{ChangeFilter, Order, TrailRequest};
use symbolon_core::usage::{GroupBy, Step, UsageFilter, UsageOf, UsageQuery, UsageResult, UsageResults};
use symbolon_server::router::{router, with_request_id};
use symbolon_server::state::ServerState;
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use super::{Answer, Request};

/// The moment at which every bed starts: 2026-11-22T12:00:00Z.
pub const NOW: Timestamp = Timestamp::from_seconds(1_795_348_800);

/// The secrets of world.yaml.
pub mod secrets {
    /// METI v2's full client.
    pub const METI: &str = "meti-secret-1234567890";
    /// METI v2's client that may only read.
    pub const METI_READONLY: &str = "meti-readonly-1234567890";
    /// Metafold's client.
    pub const METAFOLD: &str = "metafold-secret-1234567890";
    /// m3ter's service user with the Administrator policy; the id is that of its access key.
    pub const M3TER: &str = "m3ter-secret-1234567890";
    /// m3ter's service user without a policy.
    pub const M3TER_BARE: &str = "m3ter-bare-1234567890";
    /// ecoinvent's client for the trial licence.
    pub const ECOINVENT: &str = "ecoinvent-secret-1234567890";
    /// The client of a customer whose licence has ended.
    pub const ECOINVENT_ENDED: &str = "ecoinvent-ended-1234567890";
    /// The plain realm's client.
    pub const PLAIN: &str = "plain-secret-1234567890";
    /// The password of every user.
    pub const PASSWORD: &str = "correct horse battery staple";
}

const WORLD: &str = include_str!("../world.yaml");
const BASE: &str = "https://auth.example";

static TEMPLATE: OnceCell<tempfile::TempDir> = OnceCell::const_new();

/// A running world.
pub struct Bed {
    /// What decides.
    pub authority: Arc<Authority>,
    /// The time.
    pub clock: Arc<FixedClock>,
    /// The folder of the database.
    pub folder: PathBuf,
    app: symbolon_server::router::App,
    _tasks: JournalTasks,
    _kept: tempfile::TempDir,
}

impl Bed {
    /// The world of world.yaml.
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// The same, with other settings.
    pub async fn start_with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_behind(&[], change).await
    }

    /// The same, behind reverse proxies that are believed.
    pub async fn start_behind(proxies: &[&str], change: impl FnOnce(&mut Settings)) -> Self {
        let template = TEMPLATE.get_or_init(template).await;
        let folder = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(template.path()).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
        let clock = Arc::new(FixedClock::at(NOW));
        let mut settings = Settings::new(BASE, RealmId::new("default").unwrap());
        settings.failure_floor = Duration::ZERO;
        change(&mut settings);
        let (authority, tasks) = open(folder.path(), &clock, settings).await;
        let proxies: Vec<ipnet::IpNet> = proxies.iter().map(|network| network.parse().unwrap()).collect();
        let state = ServerState { authority: Arc::clone(&authority), trusted_proxies: proxies.into() };
        let app = with_request_id(router(state.clone()), state);
        Self { authority, clock, folder: folder.path().to_owned(), app, _tasks: tasks, _kept: folder }
    }

    /// A second process on the same database: what one changes, the other must notice.
    pub async fn another_node(&self) -> (Arc<Authority>, symbolon_server::router::App, JournalTasks) {
        let mut settings = Settings::new(BASE, RealmId::new("default").unwrap());
        settings.failure_floor = Duration::ZERO;
        let (authority, tasks) = open(&self.folder, &self.clock, settings).await;
        let state = ServerState { authority: Arc::clone(&authority), trusted_proxies: [].into() };
        (authority, with_request_id(router(state.clone()), state), tasks)
    }

    /// The router, for requests that need more than [`Request`] offers.
    pub fn app(&self) -> symbolon_server::router::App {
        self.app.clone()
    }

    /// Sends a request from 192.0.2.1.
    pub async fn send(&self, request: Request) -> Answer {
        request.send_to(self.app.clone()).await
    }

    /// Brings what a YAML text describes into the world.
    pub async fn apply(&self, yaml: &str) {
        let description = Description::parse(yaml).unwrap();
        let plan = apply::plan(&self.authority, &description).await.unwrap();
        apply::execute(&self.authority, &Actor::operator("test", "run_test"), plan, |_| Ok(()))
            .await
            .unwrap();
    }

    /// Hands an operator of a realm to a test: `bed.operator("default", async |editor| …).await`.
    pub async fn operator<T>(&self, realm: &str, work: impl AsyncFnOnce(Editor<'_>) -> T) -> T {
        let actor = Actor::operator("test", "run_test");
        let realm = RealmId::new(realm).unwrap();
        work(Editor { authority: &self.authority, actor: &actor, realm: &realm }).await
    }

    /// The changes of a realm from a place in the change sequence on, as many as a page can hold.
    pub async fn audit(&self, realm: &str, after: i64, organization: Option<&str>) -> Vec<AuditRecord> {
        let organization = organization.map(|id| OrganizationId::new(id).unwrap());
        let filter = ChangeFilter { organization, ..ChangeFilter::default() };
        let page = TrailRequest { limit: 1000, order: Order::OldestFirst, after: None };
        let store = self.authority.store();
        let mut records =
            store.list_audit(&RealmId::new(realm).unwrap(), &filter, &page).await.unwrap().items;
        records.retain(|record| record.sequence > after);
        records
    }

    /// Moves the clock on, and confirms the directory as the background task would.
    pub async fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.authority.directory().catch_up().await.unwrap();
    }

    /// Counts the journal, so that what was issued shows in last use and usage.
    pub async fn count_journal(&self) {
        let all = || Whose::Left(Timestamp::from_millis(i64::MAX));
        while self.authority.store().count_tokens(all(), 0, self.authority.now()).await.unwrap() > 0 {}
    }

    /// The tokens of a client by hour, as far as they are counted, within a day before and after the world's begin.
    pub async fn usage(&self, realm: &str, organization: &str, client: &str) -> Vec<(Timestamp, i64)> {
        let of = UsageOf::Client(OrganizationId::new(organization).unwrap(), ClientId::new(client).unwrap());
        let results = UsageResults::Only(UsageResult::Issued);
        let day = Duration::from_hours(24);
        let filter = UsageFilter { of, audience: None, results, from: NOW.minus(day), to: NOW.plus(day) };
        let question = UsageQuery { filter, group_by: GroupBy::default(), step: Step::Hour };
        let realm = RealmId::new(realm).unwrap();
        let page = self.store().list_usage(&realm, &question, &PageRequest::first()).await.unwrap();
        page.items.into_iter().flat_map(|series| series.counts).collect()
    }

    /// The token request of a client that sends a form.
    pub async fn token(&self, path: &str, id: &str, secret: &str, more: &[(&str, &str)]) -> Answer {
        let mut form =
            vec![("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
        form.extend_from_slice(more);
        self.send(Request::post(path).form(&form)).await
    }

    /// A token that must be given: the access token itself.
    pub async fn access_token(&self, path: &str, id: &str, secret: &str) -> String {
        let answer = self.token(path, id, secret, &[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["access_token"].as_str().unwrap().to_owned()
    }

    /// Whether introspection by the token's own client calls it alive.
    pub async fn is_active(&self, path: &str, id: &str, secret: &str, token: &str) -> bool {
        let form = [("client_id", id), ("client_secret", secret), ("token", token)];
        let answer = self.send(Request::post(path).form(&form)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body["active"].as_bool().unwrap()
    }
}

async fn template() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(FixedClock::at(NOW));
    let settings = Settings::new(BASE, RealmId::new("default").unwrap());
    let (authority, tasks) = open(folder.path(), &clock, settings).await;
    let description = Description::parse(WORLD).unwrap();
    let plan = apply::plan(&authority, &description).await.unwrap();
    apply::execute(&authority, &Actor::operator("test", "run_world"), plan, |_| Ok(())).await.unwrap();
    let store = Arc::clone(authority.store());
    drop(authority);
    tasks.finish().await;
    store.close().await;
    folder
}

async fn open(folder: &Path, clock: &Arc<FixedClock>, settings: Settings) -> (Arc<Authority>, JournalTasks) {
    let key = |seed: u8| ("test".to_owned(), Zeroizing::new((seed..seed + 32).collect::<Vec<u8>>()));
    let surroundings = Surroundings {
        store: symbolon::open_store::open(folder).await.unwrap(),
        clock: clock.clone(),
        random: Arc::new(SystemRandom),
        master_keys: Arc::new(MasterKeys::new([key(0)]).unwrap()),
        peppers: Arc::new(Peppers::new([key(100)]).unwrap()),
    };
    let (authority, tasks) = Authority::start(surroundings, settings).await.unwrap();
    (Arc::new(authority), tasks)
}
