//! The part of a token's claims that is the same for every token of a grant, kept until the change sequence moves.

use std::sync::Arc;

use quick_cache::sync::Cache;
use symbolon_protocol::scope::ScopeSet;

/// How many grants' claims are kept.
const CAPACITY: usize = 50_000;

/// Everything that constant claims depend on but the change sequence: where, who, with which key, what.
pub(crate) type ClaimKey = (Box<str>, Box<str>, Box<str>, ScopeSet);

/// Keeps the constant claims of grants.
pub(crate) struct ClaimCache(Cache<ClaimKey, (i64, Arc<str>)>);

impl Default for ClaimCache {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl ClaimCache {
    /// The claims made at this place in the change sequence, made now if there are none.
    pub(crate) fn get_or_make(
        &self,
        key: ClaimKey,
        sequence: i64,
        make: impl FnOnce() -> String,
    ) -> Arc<str> {
        if let Some((made_at, claims)) = self.0.get(&key)
            && made_at == sequence
        {
            return claims;
        }
        let claims: Arc<str> = make().into();
        self.0.insert(key, (sequence, Arc::clone(&claims)));
        claims
    }
}
