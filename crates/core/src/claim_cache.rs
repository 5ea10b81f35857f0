//! The part of a token's claims that is the same for every token of a grant, kept until what it was made from
//! changes.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use symbolon_protocol::scope::ScopeSet;

use crate::id::LicenceId;

/// How many grants' claims are expected.
const EXPECTED: usize = 20_000;
/// How much memory they may take together, in bytes; clients choose scopes, and so how many there are.
const CAPACITY: u64 = 16 << 20;

/// Everything that constant claims depend on, but for the state of knowledge.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ClaimKey {
    /// Realm and audience.
    pub(crate) place: Box<str>,
    /// The client or user.
    pub(crate) holder: Box<str>,
    /// The access key.
    pub(crate) key: Box<str>,
    /// Which licence opens the audience changes with time alone.
    pub(crate) licence: Option<LicenceId>,
    /// What was granted.
    pub(crate) scopes: ScopeSet,
}

#[derive(Clone)]
struct Size;

impl Weighter<ClaimKey, (i64, Arc<str>)> for Size {
    fn weight(&self, key: &ClaimKey, (_, claims): &(i64, Arc<str>)) -> u64 {
        // A scope in the key shares its text with its definition; its place in the set does not.
        let key = key.place.len() + key.holder.len() + key.key.len() + 32 * key.scopes.len();
        u64::try_from(key + claims.len() + 128).unwrap_or(u64::MAX)
    }
}

/// Keeps the constant claims of grants.
pub(crate) struct ClaimCache(Cache<ClaimKey, (i64, Arc<str>), Size>);

impl Default for ClaimCache {
    fn default() -> Self {
        Self(Cache::with_weighter(EXPECTED, CAPACITY, Size))
    }
}

impl ClaimCache {
    /// The claims made from this state of knowledge, made now if there are none.
    pub(crate) fn get_or_make(
        &self,
        key: ClaimKey,
        knowledge: i64,
        make: impl FnOnce() -> String,
    ) -> Arc<str> {
        if let Some((made_from, claims)) = self.0.get(&key)
            && made_from == knowledge
        {
            return claims;
        }
        let claims: Arc<str> = make().into();
        self.0.insert(key, (knowledge, Arc::clone(&claims)));
        claims
    }
}
