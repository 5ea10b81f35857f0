//! Client authentication: the only way to an [`AuthenticatedClient`].
//!
//! Every failure takes the same time and reads the same outside. The secret is checked before anything else is
//! said about the client, and before any back-off.

use std::net::IpAddr;
use std::sync::Arc;

use symbolon_protocol::client_auth::{Method, Pair, UnverifiedCredentials};
use symbolon_protocol::secret_format::{self, Form};

use crate::access_key::{AccessKey, KeyStatus};
use crate::audit::{Actor, Change, Subject, SubjectKind};
use crate::authority::Authority;
use crate::client::Client;
use crate::clock::Timestamp;
use crate::directory::{AsOf, Customer};
use crate::id::{AccessKeyId, ClientId};
use crate::named;
use crate::realm_view::RealmView;
use crate::refusal::{Reason, Refusal};
use crate::secret::{Comparison, Secret};
use crate::store::ClientWithKeys;

/// A client whose secret was right and that may be served. Nothing else can make one.
pub struct AuthenticatedClient {
    admitted: Admitted,
    from: IpAddr,
}

impl AuthenticatedClient {
    /// The realm it belongs to.
    pub const fn realm(&self) -> &Arc<RealmView> {
        self.admitted.realm()
    }

    /// The client.
    pub fn client(&self) -> &Client {
        self.admitted.client()
    }

    /// The client's id.
    pub fn id(&self) -> &ClientId {
        self.admitted.id()
    }

    /// The customer it belongs to.
    pub const fn customer(&self) -> &Arc<Customer> {
        self.admitted.customer()
    }

    /// The access key that it used.
    pub fn key(&self) -> &AccessKey {
        self.admitted.key()
    }

    /// How new everything is that is known of it.
    pub const fn as_of(&self) -> AsOf {
        self.admitted.as_of
    }

    /// The network address that it asked from.
    pub const fn from(&self) -> IpAddr {
        self.from
    }

    /// What is known of it.
    pub(crate) const fn admitted(&self) -> &Admitted {
        &self.admitted
    }
}

/// A client that may be served by one of its keys. It says nothing of who asks: that is an [`AuthenticatedClient`].
pub(crate) struct Admitted {
    realm: Arc<RealmView>,
    known: Arc<ClientWithKeys>,
    customer: Arc<Customer>,
    key: usize,
    as_of: AsOf,
}

impl Admitted {
    pub(crate) const fn realm(&self) -> &Arc<RealmView> {
        &self.realm
    }

    pub(crate) fn client(&self) -> &Client {
        &self.known.client
    }

    pub(crate) fn id(&self) -> &ClientId {
        &self.known.client.id
    }

    pub(crate) const fn customer(&self) -> &Arc<Customer> {
        &self.customer
    }

    /// The client with all its keys.
    pub(crate) const fn known(&self) -> &Arc<ClientWithKeys> {
        &self.known
    }

    /// The key that it is served by.
    pub(crate) fn key(&self) -> &AccessKey {
        &self.known.keys[self.key]
    }

    pub(crate) const fn as_of(&self) -> AsOf {
        self.as_of
    }
}

/// Authenticates a client by what its request carried.
pub async fn authenticate(
    authority: &Authority,
    realm: &Arc<RealmView>,
    credentials: &UnverifiedCredentials<'_>,
    from: IpAddr,
) -> Result<AuthenticatedClient, Refusal> {
    let began = tokio::time::Instant::now();
    let refusal = match check(authority, realm, credentials, from).await {
        Ok(client) => return Ok(client),
        Err(reason @ (Reason::StoreUnavailable(_) | Reason::DirectoryTooOld(_))) => Refusal::new(reason),
        Err(reason) => {
            // However it was written: else each spelling of an id would have a count of its own.
            let meant = named::meant(authority.directory(), realm.id(), credentials.unverified_ids());
            let id = meant.map(|(id, _)| id).unwrap_or_default();
            authority.count_failure(realm.id(), id, from, reason, began)
        }
    };
    Err(Refusal { used_basic: credentials.method == Method::Basic, ..refusal })
}

async fn check(
    authority: &Authority,
    realm: &Arc<RealmView>,
    credentials: &UnverifiedCredentials<'_>,
    from: IpAddr,
) -> Result<AuthenticatedClient, Reason> {
    // Before the first thing is read: whatever is decided from it is at least as new.
    let as_of = authority.directory().as_of();
    authority.directory().check_age_of(as_of, authority.now())?;
    let realm = &authority.directory().realm(realm.id().as_str()).unwrap_or_else(|| Arc::clone(realm));
    let mut reason = Reason::UnknownClient;
    for pair in &credentials.readings {
        match find_key(authority, realm, pair).await {
            Ok((known, key)) => {
                let from = from.to_canonical();
                let admitted = admit(authority, (realm, as_of), known, key, Some(from)).await?;
                return Ok(AuthenticatedClient { admitted, from });
            }
            Err(Reason::StoreUnavailable(text)) => return Err(Reason::StoreUnavailable(text)),
            // The reading that got further says more.
            Err(Reason::UnknownClient) => {}
            Err(other) => reason = other,
        }
    }
    Err(reason)
}

/// Finds the key whose secret the pair holds.
async fn find_key(
    authority: &Authority,
    realm: &Arc<RealmView>,
    pair: &Pair<'_>,
) -> Result<(Arc<ClientWithKeys>, usize), Reason> {
    let known = authority.directory().client(realm.id(), &pair.id).await;
    // Only now: what is written down of the refusal depends on who it names.
    if secret_format::inspect(&pair.secret) == Form::Damaged {
        return Err(Reason::DamagedSecret);
    }
    let known = known.map_err(|error| Reason::StoreUnavailable(error.to_string()))?;
    let Some(known) = known else {
        authority.peppers.compare_with_nothing(&pair.secret);
        return Err(Reason::UnknownClient);
    };
    let by_client_id = known.client.id.as_str() == &*pair.id;
    let candidates =
        || known.keys.iter().enumerate().filter(|(_, key)| by_client_id || key.id.as_str() == &*pair.id);
    // Two keys may have the same secret, if both were imported so: then one that can be used goes first.
    let mut found = None;
    let prefer = |found: &mut Option<usize>, index: usize| {
        let usable =
            |index: usize| known.keys.get(index).is_some_and(|key| usable(key, authority.now()).is_ok());
        if found.is_none_or(|other| !usable(other)) {
            *found = Some(index);
        }
    };
    for (index, key) in candidates() {
        match authority.peppers.compare(&pair.secret, &key.secret) {
            Comparison::Different => {}
            Comparison::Match => prefer(&mut found, index),
            Comparison::MatchUnderOldPepper => {
                prefer(&mut found, index);
                rehash(authority, realm, key, &Secret::new(pair.secret.to_string()));
            }
        }
    }
    match found {
        Some(index) => Ok((Arc::clone(&known), index)),
        None => Err(Reason::WrongSecret),
    }
}

/// Says whether a client may be served by one of its keys. Without an address, its networks are not asked.
pub(crate) async fn admit(
    authority: &Authority,
    (realm, as_of): (&Arc<RealmView>, AsOf),
    known: Arc<ClientWithKeys>,
    index: usize,
    from: Option<IpAddr>,
) -> Result<Admitted, Reason> {
    let now = authority.now();
    let key = known.keys.get(index).ok_or(Reason::WrongSecret)?;
    usable(key, now)?;
    if !known.client.status.is_active() {
        return Err(Reason::ClientDisabled);
    }
    let customer = authority.directory().customer(realm.id(), &known.client.organization).await;
    let customer = customer.map_err(|error| Reason::StoreUnavailable(error.to_string()))?;
    let customer = customer.filter(|customer| customer.organization.status.is_active());
    let customer = customer.ok_or(Reason::OrganizationDisabled)?;
    let networks = &known.client.settings.allowed_networks;
    if let Some(from) = from
        && !networks.is_empty()
        && !networks.iter().any(|network| network.contains(&from))
    {
        return Err(Reason::NetworkForbidden(from));
    }
    Ok(Admitted { realm: Arc::clone(realm), known, customer, key: index, as_of })
}

/// Whether a key gets tokens.
pub(crate) fn usable(key: &AccessKey, now: Timestamp) -> Result<(), Reason> {
    if key.status != KeyStatus::Active {
        return Err(Reason::KeyInactive(key.id.to_string()));
    }
    match key.expires_at {
        Some(end) if end <= now => Err(Reason::KeyExpired(key.id.to_string(), end)),
        _ => Ok(()),
    }
}

/// Writes the hash anew under the current pepper, beside the request. If that fails, the next match tries again.
fn rehash(authority: &Authority, realm: &Arc<RealmView>, key: &AccessKey, secret: &Secret) {
    let id: AccessKeyId = key.id.clone();
    let hash = authority.peppers.hash(secret);
    let renewed = AccessKey { secret: hash, version: key.version + 1, ..key.clone() };
    let subject =
        Subject::new(SubjectKind::AccessKey, id.as_str()).of(&key.organization).under(key.client.as_str());
    let change = Change {
        at: authority.now(),
        actor: Actor::system("pepper"),
        action: "rehash",
        subject,
        before: None,
        after: None,
        revocations: Vec::new(),
    };
    let (store, realm) = (Arc::clone(&authority.store), realm.id().clone());
    tokio::spawn(async move {
        if let Err(error) = store.update_access_key(&realm, &renewed, &change).await {
            tracing::debug!(key = %id, %error, "a secret was not hashed anew");
        }
    });
}
