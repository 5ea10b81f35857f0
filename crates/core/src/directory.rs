//! The directory: what the mint knows of realms, clients and customers, in memory, kept true by the change
//! sequence.
//!
//! Realms are few and held whole. Clients and organizations are held in bounded caches that read through to the
//! store. Every change in the store has a number; the directory follows the numbers and drops or reloads what
//! each one concerns. Nothing is minted from a directory whose place in the sequence was not confirmed lately.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::SeqCst};
use std::time::Duration;

use arc_swap::ArcSwap;
use quick_cache::sync::Cache;
use symbolon_protocol::revocation::RevocationSet;
use tokio::sync::{Mutex, watch};

use crate::audit::SubjectKind;
use crate::clock::{Clock, Timestamp};
use crate::id::{ClientId, OrganizationId, RealmId};
use crate::intern::Interner;
use crate::licence::Licence;
use crate::metrics::{CacheCounts, CacheReading};
use crate::organization::Organization;
use crate::realm::Realm;
use crate::realm_view::RealmView;
use crate::refusal::Reason;
use crate::seal::MasterKeys;
use crate::store::{ChangeEntry, ClientWithKeys, Store, StoreError};

/// How the directory behaves.
#[derive(Clone, Debug)]
pub struct DirectorySettings {
    /// The installation's address without a slash at its end; issuers derive from it.
    pub base: String,
    /// The realm of requests that no realm's host name claims.
    pub default_realm: RealmId,
    /// The longest time since the last confirmation within which tokens are minted.
    pub max_age: Duration,
    /// How many clients are held at once.
    pub clients: usize,
    /// How many organizations are held at once.
    pub organizations: usize,
}

/// How many ids that do not exist are remembered at once.
const UNKNOWN: usize = 10_000;

/// A customer with its licences.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// The organization.
    pub organization: Organization,
    /// Its licences.
    pub licences: Vec<Licence>,
}

/// A moment of the directory: how new it was, and what was known.
#[derive(Clone, Copy, Debug)]
pub struct AsOf {
    confirmed_at: Timestamp,
    /// The last change that this knowledge holds, revocations aside.
    pub(crate) knowledge: i64,
}

#[derive(Default)]
struct Realms {
    by_id: HashMap<RealmId, Arc<RealmView>>,
    by_host: HashMap<String, RealmId>,
}

/// The directory.
pub struct Directory {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    master_keys: Arc<MasterKeys>,
    settings: DirectorySettings,
    realms: ArcSwap<Realms>,
    clients: Cache<(RealmId, ClientId), Arc<ClientWithKeys>>,
    interner: Interner,
    /// The client that an access key's id belongs to. Only what exists is held, and it is believed only if the
    /// client really has the key, so it needs no invalidation.
    key_owners: Cache<(RealmId, Box<str>), ClientId>,
    organizations: Cache<(RealmId, OrganizationId), Arc<Customer>>,
    client_counts: CacheCounts,
    organization_counts: CacheCounts,
    /// Credential ids that did not exist at that place in the change sequence: whoever asks with one again and again
    /// costs no look into the store, and any change at all ends it.
    unknown: Cache<(RealmId, Box<str>), i64>,
    /// The last entry of the change sequence that was begun to be applied; moves before anything is dropped.
    seen: AtomicI64,
    /// The last entry that everything here is at least as new as; moves when all is done, so that whoever is cut
    /// off in the middle leaves the rest to the next one.
    applied: AtomicI64,
    /// The last entry that anything but revocations changed.
    knowledge: AtomicI64,
    confirmed_at: AtomicI64,
    following: Mutex<()>,
    moved: watch::Sender<i64>,
}

impl Directory {
    /// Loads the realms; clients and organizations come as they are asked for.
    pub async fn load(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        master_keys: Arc<MasterKeys>,
        settings: DirectorySettings,
    ) -> Result<Self, StoreError> {
        let directory = Self {
            clients: Cache::new(settings.clients),
            interner: Interner::default(),
            key_owners: Cache::new(settings.clients),
            organizations: Cache::new(settings.organizations),
            client_counts: CacheCounts::default(),
            organization_counts: CacheCounts::default(),
            unknown: Cache::new(UNKNOWN),
            store,
            clock,
            master_keys,
            settings,
            realms: ArcSwap::default(),
            seen: AtomicI64::new(0),
            applied: AtomicI64::new(0),
            knowledge: AtomicI64::new(0),
            confirmed_at: AtomicI64::new(i64::MIN),
            following: Mutex::new(()),
            moved: watch::channel(0).0,
        };
        let asked_at = directory.clock.now();
        let sequence = directory.store.last_change().await?;
        directory.reload_realms(None).await?;
        for place in [&directory.seen, &directory.applied, &directory.knowledge] {
            place.store(sequence, SeqCst);
        }
        directory.confirmed_at.store(asked_at.millis(), SeqCst);
        directory.moved.send_replace(sequence);
        Ok(directory)
    }

    /// The settings it was made with.
    pub const fn settings(&self) -> &DirectorySettings {
        &self.settings
    }

    /// Tells the place in the change sequence whenever it has moved.
    pub fn watch(&self) -> watch::Receiver<i64> {
        self.moved.subscribe()
    }

    /// The place in the change sequence that everything here is at least as new as.
    pub fn sequence(&self) -> i64 {
        self.applied.load(SeqCst)
    }

    /// A realm by name.
    pub fn realm(&self, id: &str) -> Option<Arc<RealmView>> {
        let id = RealmId::new(id).ok()?;
        self.realms.load().by_id.get(&id).cloned()
    }

    /// The realm that owns a host name; `None` for a host of nobody's.
    pub fn realm_of_host(&self, host: &str) -> Option<Arc<RealmView>> {
        let realms = self.realms.load();
        realms.by_id.get(realms.by_host.get(host)?).cloned()
    }

    /// The realm of requests to hosts of nobody's.
    pub fn default_realm(&self) -> Option<Arc<RealmView>> {
        self.realms.load().by_id.get(&self.settings.default_realm).cloned()
    }

    /// The address that this installation is reached at, without a slash at its end.
    pub fn base(&self) -> &str {
        &self.settings.base
    }

    /// Every realm.
    pub fn realms(&self) -> Vec<Arc<RealmView>> {
        self.realms.load().by_id.values().cloned().collect()
    }

    /// What is known now stands for this moment. To be asked for before the first thing is read.
    pub fn as_of(&self) -> AsOf {
        AsOf {
            confirmed_at: Timestamp::from_millis(self.confirmed_at.load(SeqCst)),
            knowledge: self.knowledge.load(SeqCst),
        }
    }

    /// How long ago it was confirmed that nothing newer is missing here; a clock that was set back makes it longer.
    pub fn age(&self, now: Timestamp) -> Duration {
        let confirmed_at = self.as_of().confirmed_at;
        now.since(confirmed_at).max(confirmed_at.since(now))
    }

    /// How the caches do.
    pub fn caches(&self) -> Vec<CacheReading> {
        let clients = ("clients", &self.client_counts, self.clients.len());
        let organizations = ("organizations", &self.organization_counts, self.organizations.len());
        [clients, organizations]
            .into_iter()
            .map(|(name, counts, size)| CacheReading {
                name,
                hits: counts.hits.get(),
                misses: counts.misses.get(),
                size,
            })
            .collect()
    }

    /// Refuses if the directory was not confirmed within its maximum age.
    pub fn check_age(&self, now: Timestamp) -> Result<(), Reason> {
        self.check_age_of(self.as_of(), now)
    }

    /// Refuses if what was read then is older now than the maximum age.
    pub fn check_age_of(&self, as_of: AsOf, now: Timestamp) -> Result<(), Reason> {
        // A clock that was set back says nothing about how long ago the confirmation was: that is too old, too.
        let age = now.since(as_of.confirmed_at).max(as_of.confirmed_at.since(now));
        if age > self.settings.max_age { Err(Reason::DirectoryTooOld(age)) } else { Ok(()) }
    }

    /// The client that a credential id names: its own id, or that of one of its access keys.
    pub async fn client(
        &self,
        realm: &RealmId,
        credential: &str,
    ) -> Result<Option<Arc<ClientWithKeys>>, StoreError> {
        if let Some(found) = self.cached_client(realm, credential) {
            self.client_counts.hits.increment();
            return Ok(Some(found));
        }
        if ClientId::new(credential).is_err() {
            // Nothing can have such an id.
            return Ok(None);
        }
        self.client_counts.misses.increment();
        let before = self.seen.load(SeqCst);
        let unknown = (realm.clone(), Box::from(credential));
        if self.unknown.get(&unknown) == Some(before) {
            return Ok(None);
        }
        let Some(found) = self.store.find_credential(realm, credential).await? else {
            // A change that comes in from now on is seen before it is told to be done.
            self.unknown.insert(unknown, before);
            return Ok(None);
        };
        let found = Arc::new(self.interner.share(found));
        let key = (realm.clone(), found.client.id.clone());
        if found.client.id.as_str() != credential {
            self.key_owners.insert((realm.clone(), credential.into()), found.client.id.clone());
        }
        self.clients.insert(key.clone(), Arc::clone(&found));
        self.unless_moved(before, || drop(self.clients.remove(&key)));
        Ok(Some(found))
    }

    /// The same, as far as it is known without asking anybody.
    pub(crate) fn cached_client(&self, realm: &RealmId, credential: &str) -> Option<Arc<ClientWithKeys>> {
        let id = ClientId::new(credential).ok()?;
        if let Some(found) = self.clients.get(&(realm.clone(), id)) {
            return Some(found);
        }
        let owner = self.key_owners.get(&(realm.clone(), Box::from(credential)))?;
        let found = self.clients.get(&(realm.clone(), owner))?;
        found.keys.iter().any(|key| key.id.as_str() == credential).then_some(found)
    }

    /// An organization with its licences.
    pub async fn customer(
        &self,
        realm: &RealmId,
        id: &OrganizationId,
    ) -> Result<Option<Arc<Customer>>, StoreError> {
        let key = (realm.clone(), id.clone());
        if let Some(found) = self.organizations.get(&key) {
            self.organization_counts.hits.increment();
            return Ok(Some(found));
        }
        self.organization_counts.misses.increment();
        let before = self.seen.load(SeqCst);
        let Some(organization) = self.store.find_organization(realm, id).await? else { return Ok(None) };
        let licences = self.store.list_licences(realm, id).await?;
        let found = Arc::new(Customer { organization, licences });
        self.organizations.insert(key.clone(), Arc::clone(&found));
        self.unless_moved(before, || drop(self.organizations.remove(&key)));
        Ok(Some(found))
    }

    /// Takes back what was just put into a cache if a change came in since it was read: the change's own removal
    /// may have come before the insertion. (A follower moves `seen` before it removes anything.)
    fn unless_moved(&self, before: i64, take_back: impl FnOnce()) {
        if self.seen.load(SeqCst) != before {
            take_back();
        }
    }

    /// Follows the change sequence to its end. What was changed before this was called is known afterwards. May be
    /// dropped anywhere: what was not finished is done again by the next one.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        const AT_ONCE: u32 = 1000;
        let _one_at_a_time = self.following.lock().await;
        loop {
            let asked_at = self.clock.now();
            let from = self.sequence();
            let entries = self.store.list_changes(from, AT_ONCE).await?;
            if let Some(last) = entries.last() {
                self.seen.store(last.sequence, SeqCst);
                if (from + 1..).zip(&entries).all(|(expected, entry)| entry.sequence == expected) {
                    self.apply(&entries, from).await?;
                } else {
                    tracing::warn!(from, "this node has missed changes, and reads everything anew");
                    self.start_over().await?;
                }
                if let Some(known) = entries.iter().rfind(|entry| entry.kind != SubjectKind::Revocation) {
                    self.knowledge.store(known.sequence, SeqCst);
                }
                self.applied.store(last.sequence, SeqCst);
                self.moved.send_replace(last.sequence);
            }
            if entries.len() < AT_ONCE as usize {
                self.confirmed_at.store(asked_at.millis(), SeqCst);
                return Ok(());
            }
        }
    }

    /// Forgets what is cached, and reads all realms: nobody knows any more what was changed.
    async fn start_over(&self) -> Result<(), StoreError> {
        self.clients.clear();
        self.organizations.clear();
        self.reload_realms(None).await
    }

    async fn apply(&self, entries: &[ChangeEntry], from: i64) -> Result<(), StoreError> {
        let mut reload: Vec<RealmId> = Vec::new();
        let mut touched: Vec<RealmId> = Vec::new();
        for entry in entries {
            match entry.kind {
                SubjectKind::Client | SubjectKind::AccessKey => {
                    if let Ok(id) = ClientId::new(&entry.cached_under) {
                        self.clients.remove(&(entry.realm.clone(), id));
                    }
                }
                SubjectKind::Organization | SubjectKind::Licence => {
                    if let Ok(id) = OrganizationId::new(&entry.cached_under) {
                        self.organizations.remove(&(entry.realm.clone(), id));
                    }
                }
                SubjectKind::Realm
                | SubjectKind::ResourceServer
                | SubjectKind::Policy
                | SubjectKind::SigningKey => {
                    push_once(&mut reload, &entry.realm);
                }
                SubjectKind::User | SubjectKind::Revocation => {}
            }
            push_once(&mut touched, &entry.realm);
        }
        if !reload.is_empty() {
            self.reload_realms(Some(&reload)).await?;
        }
        for realm in touched.iter().filter(|realm| !reload.contains(realm)) {
            self.take_revocations(realm, from).await?;
        }
        Ok(())
    }

    /// Loads the named realms, or all, and puts the new view of the whole in place.
    async fn reload_realms(&self, only: Option<&[RealmId]>) -> Result<(), StoreError> {
        let old = self.realms.load_full();
        let mut new = Realms::default();
        for realm in self.store.list_realms().await? {
            for host in &realm.settings.hosts {
                new.by_host.insert(host.to_ascii_lowercase(), realm.id.clone());
            }
            let kept =
                old.by_id.get(&realm.id).filter(|_| only.is_some_and(|only| !only.contains(&realm.id)));
            let view = match kept {
                Some(view) => Arc::clone(view),
                None => {
                    let view = self.load_realm(realm).await?;
                    Arc::new(match old.by_id.get(view.id()) {
                        Some(old) => view.with_counts_of(old),
                        None => view,
                    })
                }
            };
            new.by_id.insert(view.id().clone(), view);
        }
        self.realms.store(Arc::new(new));
        Ok(())
    }

    async fn load_realm(&self, realm: Realm) -> Result<RealmView, StoreError> {
        let id = realm.id.clone();
        let mut revocations = RevocationSet::default();
        for revocation in self.store.list_revocations(&id, 0).await? {
            revocations.replace(revocation.kind, &revocation.id, Some(revocation.cutoff));
        }
        let is_default = id == self.settings.default_realm;
        let view = RealmView::new(realm, &self.settings.base, is_default)
            .with_resource_servers(self.store.list_resource_servers(&id).await?)
            .with_policies(self.store.list_policies(&id).await?)
            .with_signing_keys(&self.store.list_signing_keys(&id).await?, &self.master_keys)
            .with_revocations(revocations);
        Ok(view)
    }

    async fn take_revocations(&self, realm: &RealmId, after: i64) -> Result<(), StoreError> {
        let news = self.store.list_revocations(realm, after).await?;
        if news.is_empty() {
            return Ok(());
        }
        let Some(view) = self.realm(realm.as_str()) else { return Ok(()) };
        let mut revocations = RevocationSet::clone(view.revocations());
        for revocation in news {
            revocations.replace(revocation.kind, &revocation.id, Some(revocation.cutoff));
        }
        self.replace_view(Arc::new(view.as_ref().clone().with_revocations(revocations)));
        Ok(())
    }

    /// Reads a realm's revocations anew, after some were forgotten.
    pub async fn refresh_realm(&self, realm: &RealmId) -> Result<(), StoreError> {
        let _one_at_a_time = self.following.lock().await;
        self.reload_realms(Some(std::slice::from_ref(realm))).await
    }

    fn replace_view(&self, view: Arc<RealmView>) {
        let old = self.realms.load_full();
        let mut by_id = old.by_id.clone();
        by_id.insert(view.id().clone(), view);
        self.realms.store(Arc::new(Realms { by_id, by_host: old.by_host.clone() }));
    }
}

fn push_once(list: &mut Vec<RealmId>, realm: &RealmId) {
    if !list.contains(realm) {
        list.push(realm.clone());
    }
}
