//! What is the same for every token of a right, kept until what it was made from changes: the constant part of the
//! claims, and of the record. All clients that may do the same share it, unless the API has claims of its own, which
//! can name anything of a client.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use symbolon_protocol::scope::ScopeSet;

use crate::grant::Holder;
use crate::id::{LicenceId, RealmId};
use crate::record::RecordedRight;
use crate::resource_server::ResourceServer;

/// How many are expected.
const EXPECTED: usize = 10_000;
/// How much memory they may take together, in bytes; clients choose scopes, and so how many there are.
const CAPACITY: u64 = 16 << 20;

/// Everything that the constant part depends on, but for the state of knowledge.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ClaimKey {
    /// The realm.
    pub(crate) realm: RealmId,
    /// The audience.
    pub(crate) audience: Audience,
    /// What was granted.
    pub(crate) scopes: ScopeSet,
    /// Whose it is alone; `None` if it is the same for all.
    pub(crate) personal: Option<Personal>,
}

/// Somebody with a licence.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Personal {
    /// The client and its access key, or the user.
    pub(crate) holder: Holder,
    /// Which licence opens the audience changes with time alone.
    pub(crate) licence: Option<LicenceId>,
    /// The versions of the holder and of the customer.
    pub(crate) versions: (i64, i64),
}

/// An API, as good as another one of the same identifier: sharing it costs less than copying its name.
#[derive(Clone, Debug)]
pub(crate) struct Audience(pub(crate) Arc<ResourceServer>);

impl PartialEq for Audience {
    fn eq(&self, other: &Self) -> bool {
        self.0.identifier == other.0.identifier
    }
}

impl Eq for Audience {}

impl Hash for Audience {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.identifier.hash(state);
    }
}

/// The constant part.
pub(crate) struct Constant {
    /// The last members of a JSON object, and its closing brace.
    pub(crate) claims: Box<str>,
    /// What the record says of it; it names the signing key.
    pub(crate) record: Arc<RecordedRight>,
}

#[derive(Clone)]
struct Size;

impl Weighter<ClaimKey, (i64, Arc<Constant>)> for Size {
    fn weight(&self, key: &ClaimKey, (_, constant): &(i64, Arc<Constant>)) -> u64 {
        // Ids and scopes share their texts with what defines them; scopes of the request's own do not.
        let RecordedRight { realm: _, kid, audience, scope } = &*constant.record;
        let texts = constant.claims.len() + kid.len() + audience.len() + scope.len();
        u64::try_from(texts + 64 * key.scopes.len() + 320).unwrap_or(u64::MAX)
    }
}

/// Keeps the constant parts.
pub(crate) struct ClaimCache(Cache<ClaimKey, (i64, Arc<Constant>), Size>);

impl Default for ClaimCache {
    fn default() -> Self {
        Self(Cache::with_weighter(EXPECTED, CAPACITY, Size))
    }
}

impl ClaimCache {
    /// The part made from this state of knowledge, for this signing key; made now if there is none. What could not be
    /// made is tried again by the next one.
    pub(crate) fn get_or_make<E>(
        &self,
        key: ClaimKey,
        (knowledge, kid): (i64, &str),
        make: impl FnOnce() -> Result<Constant, E>,
    ) -> Result<Arc<Constant>, E> {
        if let Some((made_from, constant)) = self.0.get(&key)
            && made_from == knowledge
            && *constant.record.kid == *kid
        {
            return Ok(constant);
        }
        let constant = Arc::new(make()?);
        self.0.insert(key, (knowledge, Arc::clone(&constant)));
        Ok(constant)
    }
}
