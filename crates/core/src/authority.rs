//! The authority: everything that decides, held together. Every edge (HTTP, command line) is handed one of these.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use symbolon_protocol::secret_format::without_secrets;

use crate::audit::Change;
use crate::backoff::{Delay, Failures};
use crate::claim_cache::ClaimCache;
use crate::clock::{Clock, Timestamp};
use crate::directory::{Directory, DirectorySettings};
use crate::id::{RealmId, sortable};
use crate::journal::{Journal, JournalTasks};
use crate::key_check;
use crate::limit::{Counts, Rate, RateLimiter, Verdict};
use crate::metrics::RefusalCounts;
use crate::named::{Kept, Named};
use crate::password::{PasswordError, Passwords};
use crate::quota::Quotas;
use crate::random::{NoRandomness, Random};
use crate::record::RefusalRecord;
use crate::refusal::{Reason, Refusal};
use crate::reuse::Reuse;
use crate::seal::MasterKeys;
use crate::secret::Peppers;
use crate::signing_key::Rotation;
use crate::store::{Store, StoreError};

/// What an operator configures of the authority.
#[derive(Clone, Debug)]
pub struct Settings {
    /// How the directory behaves.
    pub directory: DirectorySettings,
    /// The rhythm of signing keys.
    pub rotation: Rotation,
    /// How many passwords are hashed at once.
    pub password_places: usize,
    /// How long the excess waits for a place.
    pub password_patience: Duration,
    /// How long the records of tokens are kept; for ever where absent.
    pub journal_memory: Option<Duration>,
    /// How long the records of changes are kept; for ever where absent.
    pub audit_memory: Option<Duration>,
    /// How long usage is kept by the hour; for ever where absent.
    pub usage_memory: Option<Duration>,
    /// A failed authentication is answered no sooner, so that all of them take the same time.
    pub failure_floor: Duration,
    /// How often each caller of the management API may ask; as often as it likes where absent.
    pub management_rate: Option<Rate>,
}

impl Settings {
    /// The defaults for an installation at that address (without a slash at its end) with that default realm.
    pub fn new(base: &str, default_realm: RealmId) -> Self {
        Self {
            directory: DirectorySettings {
                base: base.to_owned(),
                default_realm,
                max_age: Duration::from_secs(2),
                clients: 100_000,
                organizations: 50_000,
            },
            rotation: Rotation::default(),
            password_places: 2,
            password_patience: Duration::from_secs(2),
            journal_memory: Some(Duration::from_hours(90 * 24)),
            audit_memory: None,
            usage_memory: Some(Duration::from_hours(400 * 24)),
            failure_floor: Duration::from_millis(20),
            management_rate: Rate::new(100, 500),
        }
    }
}

/// What the authority needs of the world.
pub struct Surroundings {
    /// Where everything is kept.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// The keys that seal private keys.
    pub master_keys: Arc<MasterKeys>,
    /// The peppers of secrets.
    pub peppers: Arc<Peppers>,
}

/// The authority could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The password hasher failed.
    #[error(transparent)]
    Passwords(#[from] PasswordError),
    /// There is no randomness.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// A key is not the one that the installation knows by its name.
    #[error(
        "the {0} {1:?} is not the one that this installation's data were protected with: give the right one, or give \
         the new one a name of its own (name:base64) and the old one after it"
    )]
    AnotherKey(&'static str, String),
    /// Signing keys were sealed by another master key of the same name.
    #[error("the master key does not open the signing keys of this installation: give the right one")]
    ClosedKeys,
}

/// Everything that decides.
pub struct Authority {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) master_keys: Arc<MasterKeys>,
    pub(crate) peppers: Arc<Peppers>,
    pub(crate) passwords: Passwords,
    pub(crate) failures: Failures,
    pub(crate) claims: ClaimCache,
    pub(crate) quotas: Quotas,
    pub(crate) reuse: Reuse,
    pub(crate) journal: Journal,
    pub(crate) refusals: RefusalCounts,
    pub(crate) settings: Settings,
    management: RateLimiter,
    last_issue: AtomicI64,
    directory: Arc<Directory>,
}

impl Authority {
    /// Loads the directory and starts the journal.
    pub async fn start(
        surroundings: Surroundings,
        settings: Settings,
    ) -> Result<(Self, JournalTasks), StartError> {
        let Surroundings { store, clock, random, master_keys, peppers } = surroundings;
        let passwords = Passwords::new(settings.password_places, settings.password_patience, &*random)?;
        let new_keys = key_check::compare(&*store, master_keys.checks().chain(peppers.checks())).await?;
        let directory = Directory::load(
            Arc::clone(&store),
            Arc::clone(&clock),
            Arc::clone(&master_keys),
            settings.directory.clone(),
        );
        let directory = Arc::new(directory.await?);
        if !new_keys.is_empty() {
            // What was sealed before there were checks tells as much.
            if directory.realms().iter().any(|realm| realm.has_broken_keys()) {
                return Err(StartError::ClosedKeys);
            }
            key_check::keep(&*store, new_keys).await?;
        }
        let (journal, tasks) = Journal::start(Arc::clone(&store), Arc::clone(&clock), &*random)?;
        let authority = Self {
            store,
            clock,
            random,
            master_keys,
            peppers,
            passwords,
            failures: Failures::default(),
            claims: ClaimCache::default(),
            quotas: Quotas::default(),
            reuse: Reuse::default(),
            journal,
            refusals: RefusalCounts::default(),
            management: RateLimiter::new("management", settings.management_rate),
            settings,
            last_issue: AtomicI64::new(i64::MIN),
            directory,
        };
        authority.follow_issues().await?;
        Ok((authority, tasks))
    }

    /// What is known of realms, clients and customers.
    pub const fn directory(&self) -> &Arc<Directory> {
        &self.directory
    }

    /// The store, for reading.
    pub const fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The settings.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The source of randomness.
    pub fn random(&self) -> &dyn Random {
        &*self.random
    }

    /// Makes an id for a request.
    pub fn request_id(&self) -> Result<String, NoRandomness> {
        sortable("req", self.now(), &*self.random)
    }

    /// Counts a request of a caller of the management API, known by any text, and says whether it may be served;
    /// `None` where there is no limit.
    pub fn management_rate(&self, caller: &str) -> Option<Verdict> {
        self.management.ask(caller, self.now())
    }

    /// What limits did since this was started.
    pub fn limit_counts(&self) -> Counts {
        let (beyond_quota, refused_by_quota) = self.quotas.counts();
        let (delayed_ids, delayed_networks) = self.failures.delayed();
        Counts { beyond_quota, refused_by_quota, delayed_ids, delayed_networks, reused: self.reuse.count() }
    }

    /// Notes a refused request under its id.
    pub fn note_refusal(&self, refusal: &Refusal, of: &RefusedRequest<'_>) {
        let code = refusal.code();
        self.refusals.refused(of.endpoint, &refusal.reason);
        let Kept { text, known } = of.named.kept(&self.directory, of.realm);
        let key = known.as_ref().and_then(|(id, known)| known.keys.iter().find(|key| key.id.as_str() == id));
        let detail = refusal.reason.to_string();
        self.journal.note_refusal(RefusalRecord {
            at: self.now(),
            request_id: of.request_id.to_owned(),
            realm: of.realm.clone(),
            endpoint: of.endpoint.to_owned(),
            error: code.name().to_owned(),
            reason: refusal.reason.name().to_owned(),
            detail: without_secrets(&detail).chars().take(500).collect(),
            unverified_client: text,
            access_key: key.map(|key| key.id.clone()),
            client: known.as_ref().map(|(_, known)| known.client.id.clone()),
            organization: known.as_ref().map(|(_, known)| known.client.organization.clone()),
            audience: refusal.audience.clone(),
            from: of.from.to_string(),
            dropped_before: 0,
        });
    }

    /// Makes a change known here at once, rather than at the next look at the change sequence.
    pub(crate) async fn after_change(&self) -> Result<(), StoreError> {
        self.directory.catch_up().await
    }

    /// Counts a failed authentication, and turns it into "later" where there were too many of it. The answer is
    /// held back until every failure would have been decided; what is counted here is counted even for a client
    /// that does not wait for it.
    pub(crate) fn count_failure(
        &self,
        realm: &RealmId,
        id: &str,
        from: IpAddr,
        reason: Reason,
        began: tokio::time::Instant,
    ) -> Refusal {
        let mut refusal = match self.failures.note(realm, id, from, self.now()) {
            None => Refusal::new(reason),
            Some(Delay::OfId(wait)) => {
                let reason = Reason::TooManyFailures(Box::new(reason));
                Refusal { retry_after: Some(wait), ..Refusal::new(reason) }
            }
            Some(Delay::OfNetwork(wait)) => {
                let reason = Reason::TooManyFromNetwork(Box::new(reason));
                Refusal { retry_after: Some(wait), ..Refusal::new(reason) }
            }
        };
        refusal.hold_until = Some(began + self.settings.failure_floor);
        refusal
    }

    /// Remembers the latest moment of issue of any token, for revocations to reach at least as far.
    pub(crate) fn note_issue(&self, at: Timestamp) {
        self.last_issue.fetch_max(at.millis(), Relaxed);
    }

    /// Takes over how far others, and this one before it was started, have issued tokens.
    pub(crate) async fn follow_issues(&self) -> Result<(), StoreError> {
        if let Some(at) = self.store.last_token().await? {
            self.note_issue(at);
        }
        Ok(())
    }

    /// A moment that is neither before now nor before any token that is known to be issued, should the clock have
    /// been set back in the meantime, or be behind another node's: what revocations take as theirs.
    pub(crate) fn revocation_moment(&self) -> Timestamp {
        self.now().max(Timestamp::from_millis(self.last_issue.load(Relaxed)))
    }

    /// Writes revocations that come with no other change.
    pub(crate) async fn write_revocations(&self, realm: &RealmId, change: &Change) -> Result<(), StoreError> {
        self.store.insert_revocations(realm, change).await?;
        self.after_change().await
    }
}

/// A refused request, for its record.
#[derive(Clone, Copy)]
pub struct RefusedRequest<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// The realm that was asked.
    pub realm: &'a RealmId,
    /// The endpoint.
    pub endpoint: &'a str,
    /// Who it said that it was.
    pub named: Named<'a>,
    /// The network address that asked.
    pub from: IpAddr,
}
