//! What is decided about a token whose signature holds, every time it comes; and the memory of such tokens.

use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use symbolon_protocol::claims::KnownClaims;
use symbolon_protocol::revocation::Subjects;

use crate::caller::{Caller, Proven};
use crate::refusal::Refusal;

/// The rules for tokens of every issuer.
pub(crate) struct Judge {
    pub(crate) audiences: Vec<Arc<str>>,
    pub(crate) accepted_types: Vec<String>,
    pub(crate) leeway_ms: i64,
    pub(crate) expiry_leeway_ms: i64,
}

impl Judge {
    /// Whether the token is an access token for bearers. Neither can change, so it is asked once a token.
    pub(crate) fn check_kind(&self, typ: Option<&str>, claims: &KnownClaims) -> Result<(), Refusal> {
        if !typ
            .is_some_and(|typ| self.accepted_types.iter().any(|accepted| accepted.eq_ignore_ascii_case(typ)))
        {
            return Err(Refusal::WrongType);
        }
        if claims.is_bound {
            return Err(Refusal::Bound);
        }
        Ok(())
    }

    /// Everything that depends on time, on revocations or on the guard's settings.
    pub(crate) fn admit(&self, proven: &Arc<Proven>, now_ms: i64) -> Result<Caller, Refusal> {
        let claims = &proven.claims;
        let audience = self
            .audiences
            .iter()
            .find(|audience| claims.aud.iter().any(|named| **named == ***audience))
            .ok_or(Refusal::ForeignAudience)?;
        if self.has_expired(claims, now_ms) {
            return Err(Refusal::Expired);
        }
        let starts = [claims.nbf.map(from_seconds), claims.iat.map(from_seconds), claims.iat_ms];
        if starts.into_iter().flatten().any(|start| start > now_ms.saturating_add(self.leeway_ms)) {
            return Err(Refusal::NotYetValid);
        }
        proven.issuer.revocations.check(&Subjects::of(claims, proven.key.kid()), now_ms)?;
        Ok(Caller::new(proven.clone(), audience.clone()))
    }

    /// A token is dead from the very millisecond of its `exp` on (RFC 7519 §4.1.4: "on or after").
    pub(crate) fn has_expired(&self, claims: &KnownClaims, now_ms: i64) -> bool {
        now_ms >= from_seconds(claims.exp).saturating_add(self.expiry_leeway_ms)
    }
}

fn from_seconds(seconds: i64) -> i64 {
    seconds.saturating_mul(1000)
}

/// The digest of a signature: the name of a token in memory. The signature itself is not kept, and without it
/// what is kept is no token.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Fingerprint([u8; 32]);

impl Fingerprint {
    fn of(signature: &str) -> Self {
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest(&SHA256, signature.as_bytes()).as_ref());
        Self(fingerprint)
    }
}

/// A token as memory knows it: by the digest of its signature, and by all that is signed, byte for byte. So no other
/// token, however alike, is taken for it, and the digest, which costs most, is over the shorter part.
pub(crate) struct Presented<'t> {
    signed: &'t str,
    signature: Fingerprint,
}

impl Hash for Fingerprint {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Only what an issuer signed is remembered, so that no stranger chooses what these digests begin with.
        let (first, _) = self.0.split_first_chunk().unwrap_or((&[0; 8], &[]));
        state.write_u64(u64::from_ne_bytes(*first));
    }
}

/// Takes what a [`Fingerprint`] gives as it is: a digest need not be hashed again.
#[derive(Default)]
pub(crate) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        // Not used by fingerprints; right for any key all the same.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

type Remembered = Cache<Fingerprint, Arc<Proven>, UnitWeighter, BuildHasherDefault<AsItIs>>;

/// Tokens whose signature held: a bounded memory that saves the signature's cost and decides nothing else.
pub(crate) struct VerifiedTokens(Option<Remembered>);

impl VerifiedTokens {
    pub(crate) fn new(most: usize) -> Self {
        let cache = || {
            let most_weight = u64::try_from(most).unwrap_or(u64::MAX);
            Cache::with(
                most,
                most_weight,
                UnitWeighter,
                BuildHasherDefault::default(),
                DefaultLifecycle::default(),
            )
        };
        Self((most > 0).then(cache))
    }

    /// What to look for, if tokens are remembered and this may be one.
    pub(crate) fn recognise<'t>(&self, token: &'t str) -> Option<Presented<'t>> {
        let (signed, signature) = self.0.as_ref().and_then(|_| token.rsplit_once('.'))?;
        Some(Presented { signed, signature: Fingerprint::of(signature) })
    }

    /// A remembered token, if the key that proved it is still its issuer's.
    pub(crate) fn find(&self, token: &Presented<'_>) -> Option<Arc<Proven>> {
        let cache = self.0.as_ref()?;
        let proven = cache.get(&token.signature)?;
        // The same signature under something else proves nothing; it must not push the true token out either.
        if *proven.signed != *token.signed {
            return None;
        }
        if !proven.issuer.keys.holds(&proven.key) {
            cache.remove(&token.signature);
            return None;
        }
        Some(proven)
    }

    pub(crate) fn remember(&self, token: &Presented<'_>, proven: &Arc<Proven>) {
        if let Some(cache) = &self.0 {
            cache.insert(token.signature, proven.clone());
        }
    }
}
