//! One realm as the mint sees it: settings, APIs, policies, parsed keys and revocations, all of one moment.

use std::collections::HashMap;
use std::sync::Arc;

use symbolon_protocol::algorithm::Algorithm;
use symbolon_protocol::jwk::{JwkSet, VerifyingKey};
use symbolon_protocol::jws::SigningKey;
use symbolon_protocol::revocation::RevocationSet;

use crate::client::ClientSettings;
use crate::id::{PolicyId, RealmId};
use crate::metrics::RealmCounts;
use crate::permission;
use crate::policy::Policy;
use crate::realm::Realm;
use crate::resource_server::{ResourceServer, comparable};
use crate::seal::{MasterKeys, SealError};
use crate::signing_key::{KeyState, StoredSigningKey};

/// A key that signs, with the header of its tokens made once.
pub struct Signer {
    /// The private key.
    pub key: SigningKey,
    /// Its tokens' header, encoded.
    pub header: String,
}

/// A realm at one moment. Cheap to clone: the parts are shared.
#[derive(Clone)]
pub struct RealmView {
    realm: Arc<Realm>,
    issuer: Arc<str>,
    is_default: bool,
    resource_servers: Arc<HashMap<String, Arc<ResourceServer>>>,
    policies: Arc<HashMap<PolicyId, Arc<Policy>>>,
    signers: Arc<HashMap<Algorithm, Arc<Signer>>>,
    verifying_keys: Arc<HashMap<String, VerifyingKey>>,
    jwks: Arc<JwkSet>,
    key_states: Arc<[(Algorithm, KeyState, u64)]>,
    has_broken_keys: bool,
    revocations: Arc<RevocationSet>,
    counts: Arc<RealmCounts>,
}

impl RealmView {
    /// A realm with nothing in it yet.
    pub fn new(realm: Realm, base: &str, is_default: bool) -> Self {
        Self {
            issuer: realm.issuer(base, is_default).into(),
            realm: Arc::new(realm),
            is_default,
            resource_servers: Arc::default(),
            policies: Arc::default(),
            signers: Arc::default(),
            verifying_keys: Arc::default(),
            jwks: Arc::default(),
            key_states: Arc::default(),
            has_broken_keys: false,
            revocations: Arc::default(),
            counts: Arc::default(),
        }
    }

    /// With these APIs.
    #[must_use]
    pub fn with_resource_servers(mut self, servers: Vec<ResourceServer>) -> Self {
        let mut by_name = HashMap::new();
        for server in servers.into_iter().chain([permission::resource_server()]).map(Arc::new) {
            for alias in &server.settings.aliases {
                by_name.entry(comparable(alias).to_owned()).or_insert_with(|| Arc::clone(&server));
            }
            // The registered form goes before anybody's alias.
            by_name.insert(comparable(&server.identifier).to_owned(), server);
        }
        self.resource_servers = Arc::new(by_name);
        self
    }

    /// With these policies, and the built-in one.
    #[must_use]
    pub fn with_policies(mut self, policies: Vec<Policy>) -> Self {
        let all = policies.into_iter().chain(Policy::administrator());
        self.policies = Arc::new(all.map(|policy| (policy.id.clone(), Arc::new(policy))).collect());
        self
    }

    /// With these keys, opened and parsed. One that does not open is published all the same, so that its tokens
    /// verify, but cannot sign, and is counted as none that does.
    #[must_use]
    pub fn with_signing_keys(mut self, stored: &[StoredSigningKey], master_keys: &MasterKeys) -> Self {
        let mut signers = HashMap::new();
        let mut verifying = HashMap::new();
        let mut jwks = JwkSet::default();
        for key in stored {
            match VerifyingKey::from_jwk(&key.public) {
                Ok(public) => {
                    verifying.insert(key.kid.clone(), public);
                    jwks.keys.push(key.public.clone());
                }
                Err(error) => {
                    tracing::error!(kid = %key.kid, %error, "a signing key's public half is damaged");
                    continue;
                }
            }
            if key.state == KeyState::Active
                && let Some(signer) = self.open(key, master_keys)
            {
                signers.insert(key.algorithm, Arc::new(signer));
            }
        }
        self.signers = Arc::new(signers);
        self.verifying_keys = Arc::new(verifying);
        self.jwks = Arc::new(jwks);
        self.key_states = key_states(stored, &self.signers).into();
        self
    }

    fn open(&mut self, key: &StoredSigningKey, master_keys: &MasterKeys) -> Option<Signer> {
        let context = StoredSigningKey::seal_context(self.id().as_str(), &key.kid);
        let pkcs8 = match master_keys.open(&key.private, &context) {
            Ok(pkcs8) => pkcs8,
            Err(error) => {
                self.has_broken_keys |= matches!(error, SealError::Broken(_));
                tracing::error!(realm = %self.id(), kid = %key.kid, %error, "a signing key cannot be opened");
                return None;
            }
        };
        match SigningKey::from_pkcs8(key.algorithm, &key.kid, &pkcs8) {
            Ok(key) => Some(Signer { header: key.encoded_header(self.realm.token_type()), key }),
            Err(error) => {
                tracing::error!(realm = %self.id(), kid = %key.kid, %error, "a signing key cannot be parsed");
                None
            }
        }
    }

    /// With these revocations.
    #[must_use]
    pub fn with_revocations(mut self, revocations: RevocationSet) -> Self {
        self.revocations = Arc::new(revocations);
        self
    }

    /// Counting on where an older view of the same realm is.
    #[must_use]
    pub fn with_counts_of(mut self, older: &Self) -> Self {
        self.counts = Arc::clone(&older.counts);
        self
    }

    /// What was counted in the realm since the process started.
    pub fn counts(&self) -> &RealmCounts {
        &self.counts
    }

    /// Whether a key that should sign does not open, though the master key of that name is there.
    pub(crate) const fn has_broken_keys(&self) -> bool {
        self.has_broken_keys
    }

    /// Whether every algorithm of its tokens has a key that can sign.
    pub fn can_sign(&self) -> bool {
        self.algorithms().iter().all(|algorithm| self.signers.contains_key(algorithm))
    }

    /// How many keys of each algorithm in use are in which state. An active one that does not open is none.
    pub fn signing_key_states(&self) -> Vec<(Algorithm, KeyState, u64)> {
        self.key_states.to_vec()
    }

    /// The realm's name.
    pub fn id(&self) -> &RealmId {
        &self.realm.id
    }

    /// The realm's settings.
    pub fn realm(&self) -> &Realm {
        &self.realm
    }

    /// The issuer, byte for byte as in tokens.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Whether it is the realm of requests to hosts of nobody's.
    pub const fn is_default(&self) -> bool {
        self.is_default
    }

    /// The API of an audience, by its identifier or an alias; one trailing slash makes no difference.
    pub fn resource_server(&self, audience: &str) -> Option<&Arc<ResourceServer>> {
        self.resource_servers.get(comparable(audience))
    }

    /// Every API once; management is not one of them.
    pub fn resource_servers(&self) -> impl Iterator<Item = &Arc<ResourceServer>> {
        let registered = |(name, server): &(&String, &Arc<ResourceServer>)| {
            *name == comparable(&server.identifier) && server.identifier != permission::AUDIENCE
        };
        self.resource_servers.iter().filter(registered).map(|(_, server)| server)
    }

    /// A policy by id.
    pub fn policy(&self, id: &PolicyId) -> Option<&Arc<Policy>> {
        self.policies.get(id)
    }

    /// The policies that a client has.
    pub(crate) fn policies_of<'a>(
        &'a self,
        settings: &'a ClientSettings,
    ) -> impl Iterator<Item = &'a Policy> + Clone {
        settings.policies.iter().filter_map(|id| self.policy(id)).map(|policy| &**policy)
    }

    /// Every stored policy, and the built-in one.
    pub fn policies(&self) -> impl Iterator<Item = &Arc<Policy>> {
        self.policies.values()
    }

    /// The key that signs with an algorithm.
    pub fn signer(&self, algorithm: Algorithm) -> Option<&Arc<Signer>> {
        self.signers.get(&algorithm)
    }

    /// A published key by `kid`.
    pub fn verifying_key(&self, kid: &str) -> Option<&VerifyingKey> {
        self.verifying_keys.get(kid)
    }

    /// The published keys.
    pub fn jwks(&self) -> &Arc<JwkSet> {
        &self.jwks
    }

    /// The live revocations.
    pub fn revocations(&self) -> &Arc<RevocationSet> {
        &self.revocations
    }

    /// Every algorithm that tokens of this realm are signed with.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let mut all: Vec<Algorithm> = self
            .resource_servers()
            .filter_map(|server| server.settings.signing_algorithm)
            .chain([self.realm.signing_algorithm()])
            .collect();
        all.sort_by_key(|algorithm| algorithm.name());
        all.dedup();
        all
    }
}

fn key_states(
    stored: &[StoredSigningKey],
    signers: &HashMap<Algorithm, Arc<Signer>>,
) -> Vec<(Algorithm, KeyState, u64)> {
    let mut all = Vec::new();
    for algorithm in Algorithm::ALL {
        let of_algorithm: Vec<_> = stored.iter().filter(|key| key.algorithm == algorithm).collect();
        if of_algorithm.is_empty() {
            continue;
        }
        for state in KeyState::ALL {
            let is_dead = state == KeyState::Active && !signers.contains_key(&algorithm);
            let count = of_algorithm.iter().filter(|key| key.state == state && !is_dead).count();
            all.push((algorithm, state, count as u64));
        }
    }
    all
}
