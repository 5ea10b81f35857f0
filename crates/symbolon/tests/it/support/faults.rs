//! A store that fails, or waits, wherever or whenever a test says so, and passes everything else on.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use symbolon_core::access_key::{AccessKey, LastUse};
use symbolon_core::audit::chain::{Chain, Link};
use symbolon_core::audit::{Actor, AuditRecord, Change, Repeated, RevocationWrite};
use symbolon_core::client::Client;
use symbolon_core::clock::Timestamp;
use symbolon_core::edit::link::Link as PasswordLink;
use symbolon_core::id::{
    AccessKeyId, ClientId, LicenceId, LinkId, OrganizationId, PolicyId, RealmId, SessionId, UserId,
};
use symbolon_core::key_check::KeyKind;
use symbolon_core::licence::Licence;
use symbolon_core::organization::Organization;
use symbolon_core::policy::Policy;
use symbolon_core::realm::Realm;
use symbolon_core::record::{RefusalRecord, TokenRecord};
use symbolon_core::resource_server::ResourceServer;
use symbolon_core::secret::SecretHash;
use symbolon_core::session::Session;
use symbolon_core::sign_in::factors::Factors;
use symbolon_core::signing_key::StoredSigningKey;
use symbolon_core::store::{
    AuditStore, BatchPlace, ChangeEntry, ChangeStore, ClientStore, ClientWithKeys, Closing, Ended,
    FactorStore, JournalStore, KeyCheckStore, LinkStore, ListFilter, MakingRoom, NewClient,
    OrganizationStore, Page, PageRequest, PolicyStore, RealmStore, ResourceServerStore, SessionStore,
    SigningKeyStore, Store, StoreError, StoreResult, StoredRevocation, UserStore, Whose,
};
use symbolon_core::trail::{ChangeFilter, RefusalFilter, TokenFilter, TrailRequest};
use symbolon_core::usage::{Busiest, UsageFilter, UsageGroup, UsageQuery, UsageSeries};
use symbolon_core::user::User;
use tokio::sync::watch;

/// What an injected fault says; no answer may repeat it.
pub(crate) const FAULT: &str = "injected fault in table secrets";

/// The store.
pub(crate) struct FaultyStore {
    inner: Arc<dyn Store>,
    failing: Mutex<HashSet<&'static str>>,
    held: watch::Sender<HashSet<&'static str>>,
    /// Calls that still pass before one fails; 0 when none is to fail.
    passing: AtomicU32,
    called: Mutex<HashSet<&'static str>>,
}

impl FaultyStore {
    /// Around a store that works.
    pub(crate) fn around(inner: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            inner,
            failing: Mutex::default(),
            held: watch::Sender::default(),
            passing: AtomicU32::new(0),
            called: Mutex::default(),
        })
    }

    /// The Nth call from now on fails, once, whatever it is; the first is 1.
    pub(crate) fn fail_call(&self, number: u32) {
        self.passing.store(number, SeqCst);
    }

    /// Whether that call has come.
    pub(crate) fn has_struck(&self) -> bool {
        self.passing.load(SeqCst) == 0
    }

    /// The methods that were called so far.
    pub(crate) fn called(&self) -> HashSet<&'static str> {
        self.called.lock().unwrap().clone()
    }

    /// From now on these methods fail, and no others.
    pub(crate) fn fail(&self, methods: &[&'static str]) {
        *self.failing.lock().unwrap() = methods.iter().copied().collect();
    }

    /// From now on these methods wait, and no others.
    pub(crate) fn hold(&self, methods: &[&'static str]) {
        self.held.send_replace(methods.iter().copied().collect());
    }

    async fn gate(&self, method: &'static str) -> StoreResult<()> {
        let mut held = self.held.subscribe();
        let _ = held.wait_for(|held| !held.contains(method)).await;
        self.called.lock().unwrap().insert(method);
        let last = self.passing.fetch_update(SeqCst, SeqCst, |left| left.checked_sub(1)) == Ok(1);
        if last || self.failing.lock().unwrap().contains(method) {
            return Err(StoreError::Unavailable(FAULT.to_owned()));
        }
        Ok(())
    }
}

/// Every method of the port but the last.
pub(crate) fn all_methods() -> Vec<&'static str> {
    let nouns = [REALMS, RESOURCE_SERVERS, POLICIES, ORGANIZATIONS, CLIENTS, USERS, SIGNING_KEYS, KEY_CHECKS];
    let people = [SESSIONS, FACTORS, LINKS];
    [nouns.concat(), people.concat(), [CHANGES, AUDIT, JOURNAL].concat()].concat()
}

type Answer<'out, T> = Pin<Box<dyn Future<Output = StoreResult<T>> + Send + 'out>>;

/// Implements a trait of the port: every method asks the gate, then the store behind it. Lists their names, too.
macro_rules! pass_on {
    ($names:ident: $trait:ident { $($name:ident [$($life:lifetime)*] ($($arg:ident: $of:ty),*) -> $out:ty;)* }) => {
        const $names: &[&str] = &[$(stringify!($name)),*];

        impl $trait for FaultyStore {
            $(fn $name<'me, $($life,)* 'out>(&'me self, $($arg: $of),*) -> Answer<'out, $out>
            where
                'me: 'out,
                $($life: 'out,)*
                Self: 'out,
            {
                Box::pin(async move {
                    self.gate(stringify!($name)).await?;
                    self.inner.$name($($arg),*).await
                })
            })*
        }
    };
}

pass_on!(REALMS: RealmStore {
    list_realms[]() -> Vec<Realm>;
    insert_realm['a 'b](realm: &'a Realm, change: &'b Change) -> ();
    update_realm['a 'b](realm: &'a Realm, change: &'b Change) -> ();
});

pass_on!(RESOURCE_SERVERS: ResourceServerStore {
    list_resource_servers['a](realm: &'a RealmId) -> Vec<ResourceServer>;
    insert_resource_server['a 'b 'c](realm: &'a RealmId, server: &'b ResourceServer, change: &'c Change) -> ();
    update_resource_server['a 'b 'c](realm: &'a RealmId, server: &'b ResourceServer, change: &'c Change) -> ();
});

pass_on!(POLICIES: PolicyStore {
    list_policies['a](realm: &'a RealmId) -> Vec<Policy>;
    insert_policy['a 'b 'c](realm: &'a RealmId, policy: &'b Policy, change: &'c Change) -> ();
    update_policy['a 'b 'c](realm: &'a RealmId, policy: &'b Policy, change: &'c Change) -> ();
    delete_policy['a 'b 'c](realm: &'a RealmId, id: &'b PolicyId, version: i64, change: &'c Change) -> ();
});

pass_on!(ORGANIZATIONS: OrganizationStore {
    find_organization['a 'b](realm: &'a RealmId, id: &'b OrganizationId) -> Option<Organization>;
    list_organizations['a 'b](realm: &'a RealmId, page: &'b PageRequest) -> Page<Organization>;
    search_organizations['a 'b 'c](
        realm: &'a RealmId, filter: &'b ListFilter, page: &'c PageRequest
    ) -> Page<Organization>;
    insert_organization['a 'b 'c](realm: &'a RealmId, one: &'b Organization, change: &'c Change) -> ();
    update_organization['a 'b 'c](realm: &'a RealmId, one: &'b Organization, change: &'c Change) -> ();
    list_licences['a 'b](realm: &'a RealmId, of: &'b OrganizationId) -> Vec<Licence>;
    list_licences_ending['a](realm: &'a RealmId, between: (Timestamp, Timestamp), limit: u32) -> Vec<Licence>;
    insert_licence['a 'b 'c](realm: &'a RealmId, licence: &'b Licence, change: &'c Change) -> ();
    update_licence['a 'b 'c](realm: &'a RealmId, licence: &'b Licence, change: &'c Change) -> ();
    delete_licence['a 'b 'c 'd](
        realm: &'a RealmId, of: &'b OrganizationId, id: &'c LicenceId, version: i64, change: &'d Change
    ) -> ();
});

pass_on!(CLIENTS: ClientStore {
    find_credential['a 'b](realm: &'a RealmId, id: &'b str) -> Option<ClientWithKeys>;
    find_client['a 'b 'c](
        realm: &'a RealmId, of: &'b OrganizationId, id: &'c ClientId
    ) -> Option<ClientWithKeys>;
    list_clients['a 'b 'c](realm: &'a RealmId, of: &'b OrganizationId, page: &'c PageRequest) -> Page<Client>;
    search_clients['a 'b 'c 'd](
        realm: &'a RealmId, of: Option<&'b OrganizationId>, filter: &'c ListFilter, page: &'d PageRequest
    ) -> Page<Client>;
    list_clients_with_keys['a 'b 'c](
        realm: &'a RealmId, of: &'b OrganizationId, page: &'c PageRequest
    ) -> Page<ClientWithKeys>;
    list_access_keys_written['a 'b](realm: &'a RealmId, id: &'b str) -> Vec<AccessKey>;
    insert_client['a 'b 'c](realm: &'a RealmId, client: &'b Client, change: &'c Change) -> ();
    insert_clients['a 'b](realm: &'a RealmId, clients: &'b [NewClient]) -> ();
    update_client['a 'b 'c](realm: &'a RealmId, client: &'b Client, change: &'c Change) -> ();
    delete_client['a 'b 'c 'd](
        realm: &'a RealmId, of: &'b OrganizationId, id: &'c ClientId, version: i64, change: &'d Change
    ) -> ();
    insert_access_key['a 'b 'c](realm: &'a RealmId, key: &'b AccessKey, change: &'c Change) -> ();
    update_access_key['a 'b 'c](realm: &'a RealmId, key: &'b AccessKey, change: &'c Change) -> ();
    delete_access_key['a 'b 'c 'd](
        realm: &'a RealmId, of: &'b OrganizationId, id: &'c AccessKeyId, version: i64, change: &'d Change
    ) -> ();
});

pass_on!(USERS: UserStore {
    find_user_by_email['a 'b](realm: &'a RealmId, email: &'b str) -> Option<User>;
    find_user['a 'b 'c](
        realm: &'a RealmId, of: Option<&'b OrganizationId>, id: &'c UserId
    ) -> Option<User>;
    list_users['a 'b 'c](
        realm: &'a RealmId, of: Option<&'b OrganizationId>, page: &'c PageRequest
    ) -> Page<User>;
    search_users['a 'b 'c 'd](
        realm: &'a RealmId, of: Option<&'b OrganizationId>, filter: &'c ListFilter, page: &'d PageRequest
    ) -> Page<User>;
    search_operators['a 'b 'c](
        realm: &'a RealmId, filter: &'b ListFilter, page: &'c PageRequest
    ) -> Page<User>;
    insert_user['a 'b 'c](realm: &'a RealmId, user: &'b User, change: &'c Change) -> ();
    update_user['a 'b 'c](realm: &'a RealmId, user: &'b User, change: &'c Change) -> ();
});

pass_on!(SESSIONS: SessionStore {
    insert_session['a 'b 'c](
        session: &'a Session, user_version: i64, room: MakingRoom<'b>, change: &'c Change
    ) -> ();
    find_session['a](id: &'a SessionId) -> Option<Session>;
    list_sessions['a 'b](realm: &'a RealmId, user: &'b UserId) -> Vec<Session>;
    touch_session['a 'b](realm: &'a RealmId, id: &'b SessionId, at: Timestamp) -> ();
    renew_session['a 'b](session: &'a Session, before: &'b SecretHash) -> ();
    delete_sessions['a 'b 'c 'd](
        realm: &'a RealmId, user: &'b UserId, ended: Ended<'c>, change: &'d Change
    ) -> u64;
    forget_sessions[](seen: Timestamp, begun: Timestamp) -> u64;
});

pass_on!(FACTORS: FactorStore {
    find_factors['a 'b](realm: &'a RealmId, user: &'b UserId) -> Option<Factors>;
    find_factors_by_handle['a 'b](realm: &'a RealmId, handle: &'b str) -> Option<Factors>;
    put_factors['a 'b 'c](realm: &'a RealmId, factors: &'b Factors, change: Option<&'c Change>) -> ();
});

pass_on!(LINKS: LinkStore {
    put_link['a 'b](link: &'a PasswordLink, change: &'b Change) -> ();
    find_link['a](id: &'a LinkId) -> Option<PasswordLink>;
    accept_link['a 'b 'c](link: &'a PasswordLink, user: &'b User, change: &'c Change) -> ();
    forget_links[](before: Timestamp) -> u64;
});

pass_on!(SIGNING_KEYS: SigningKeyStore {
    list_signing_keys['a](realm: &'a RealmId) -> Vec<StoredSigningKey>;
    rotate_signing_keys['a 'b 'c 'd](
        realm: &'a RealmId, added: Option<&'b StoredSigningKey>, updated: &'c [StoredSigningKey],
        change: &'d Change
    ) -> ();
    delete_signing_key['a 'b 'c](realm: &'a RealmId, kid: &'b str, version: i64, change: &'c Change) -> ();
});

pass_on!(KEY_CHECKS: KeyCheckStore {
    find_key_check['a](kind: KeyKind, name: &'a str) -> Option<String>;
    insert_key_check['a 'b](kind: KeyKind, name: &'a str, digest: &'b str) -> ();
});

pass_on!(CHANGES: ChangeStore {
    insert_revocations['a 'b](realm: &'a RealmId, change: &'b Change) -> ();
    revoke_tokens['a 'b 'c](
        realm: &'a RealmId, most: u32, whole: &'b RevocationWrite, change: &'c Change
    ) -> ();
    list_revocations['a](realm: &'a RealmId, changed_after: i64) -> Vec<StoredRevocation>;
    find_repeat['a 'b](realm: &'a RealmId, actor: &'b Actor) -> Option<Repeated>;
    forget_repeats[](before: Timestamp) -> u64;
    forget_revocations['a](realm: &'a RealmId, now: Timestamp) -> u64;
    wait_for_change[]() -> ();
    last_change[]() -> i64;
    list_changes[](after: i64, limit: u32) -> Vec<ChangeEntry>;
    forget_changes[](before: Timestamp) -> u64;
});

pass_on!(AUDIT: AuditStore {
    list_audit['a 'b 'c](
        realm: &'a RealmId, filter: &'b ChangeFilter, page: &'c TrailRequest
    ) -> Page<AuditRecord>;
    find_audit_chain['a](realm: &'a RealmId) -> Option<Chain>;
    list_audit_links['a](realm: &'a RealmId, after: i64, limit: u32) -> Vec<Link>;
    forget_audit['a](realm: &'a RealmId, before: Timestamp) -> u64;
    list_tokens['a 'b 'c](
        realm: &'a RealmId, filter: &'b TokenFilter, page: &'c TrailRequest
    ) -> Page<TokenRecord>;
    list_refusals['a 'b 'c](
        realm: &'a RealmId, filter: &'b RefusalFilter, page: &'c TrailRequest
    ) -> Page<RefusalRecord>;
});

pass_on!(JOURNAL: JournalStore {
    append_tokens['a 'b](place: &'a BatchPlace, records: &'b [TokenRecord]) -> ();
    count_tokens['a](whose: Whose<'a>, rest: u32, now: Timestamp) -> u32;
    count_refusals[](now: Timestamp) -> u64;
    append_refusals['a](records: &'a [RefusalRecord]) -> ();
    find_tokens_by_request['a](request_id: &'a str) -> Vec<TokenRecord>;
    find_refusals_by_request['a](request_id: &'a str) -> Vec<RefusalRecord>;
    last_token[]() -> Option<Timestamp>;
    find_token['a 'b](realm: &'a RealmId, jti: &'b str) -> Option<TokenRecord>;
    find_last_use['a 'b 'c 'd](
        realm: &'a RealmId, of: &'b OrganizationId, client: &'c ClientId, key: &'d AccessKeyId
    ) -> Option<LastUse>;
    list_usage['a 'b 'c](
        realm: &'a RealmId, question: &'b UsageQuery, page: &'c PageRequest
    ) -> Page<UsageSeries>;
    list_busiest['a 'b](
        realm: &'a RealmId, filter: &'b UsageFilter, who: Busiest, limit: u32
    ) -> Vec<(UsageGroup, i64)>;
    roll_up_usage[](before: Timestamp) -> u64;
    forget_usage[](before: Timestamp) -> u64;
    forget_tokens[](before: Timestamp) -> u64;
    forget_refusals[](before: Timestamp, keep: u32) -> u64;
});

impl Closing for FaultyStore {
    fn close<'me, 'out>(&'me self) -> Pin<Box<dyn Future<Output = ()> + Send + 'out>>
    where
        'me: 'out,
        Self: 'out,
    {
        self.inner.close()
    }
}
