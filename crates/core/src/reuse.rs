//! The same token again: for a client that asks before every call instead of keeping its token.
//!
//! Off unless an API has a reuse window. Within it the same request of a client (the same access key, audience and
//! scopes) gets the token that the first one got, so that it costs one signature and one sync a window. Everything
//! is decided anew before that; what is left out is the mint alone. A token is handed out again only while its
//! record is durable, no revocation hits it, and nothing has changed since it was made: what it says is what a new
//! one would say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use quick_cache::Weighter;
use quick_cache::sync::Cache;
use symbolon_protocol::revocation::Subjects;

use crate::authority::Authority;
use crate::claim_cache::ClaimKey;
use crate::grant::{ApprovedGrant, Holder};
use crate::issue::{IssuedToken, claim_key, mint, not_before, signer, subjects};
use crate::record::{Remark, TokenRecord};
use crate::refusal::Refusal;

/// How many tokens are expected.
const EXPECTED: usize = 10_000;
/// How much memory they may take together, in bytes.
const CAPACITY: u64 = 16 << 20;
/// How often somebody who finds an old token looks again, before a token is made for that request alone.
const LOOKS: u32 = 3;

/// A token that may be handed out again.
struct Kept {
    token: Box<str>,
    record: TokenRecord,
    kid: Box<str>,
    /// The state of knowledge that it was made from.
    knowledge: i64,
}

#[derive(Clone)]
struct Size;

impl Weighter<ClaimKey, Arc<Kept>> for Size {
    fn weight(&self, key: &ClaimKey, kept: &Arc<Kept>) -> u64 {
        let texts = kept.token.len() + kept.kid.len() + kept.record.jti.len() + kept.record.request_id.len();
        u64::try_from(texts + 64 * key.scopes.len() + 512).unwrap_or(u64::MAX)
    }
}

/// The tokens that may be handed out again.
pub(crate) struct Reuse {
    kept: Cache<ClaimKey, Arc<Kept>, Size>,
    count: AtomicU64,
}

impl Default for Reuse {
    fn default() -> Self {
        Self { kept: Cache::with_weighter(EXPECTED, CAPACITY, Size), count: AtomicU64::new(0) }
    }
}

impl Reuse {
    /// How many requests got a token that was there, since this was started.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Relaxed)
    }
}

/// For how long a grant's token is handed out again: not at all for people, and never beyond half of its life.
pub(crate) fn window(grant: &ApprovedGrant) -> Option<Duration> {
    let grant = &grant.decision;
    let seconds = grant.resource_server.settings.reuse_seconds;
    if seconds <= 0 || !matches!(grant.holder, Holder::Client { .. }) {
        return None;
    }
    let millis = seconds.saturating_mul(1000).min(grant.lifetime.saturating_mul(500));
    Some(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
}

/// The token of the window, or a new one. Of many that ask at once one is given a new token and the others wait for
/// it, that is, until its record is durable.
pub(crate) async fn issue(
    authority: &Authority,
    grant: &ApprovedGrant,
    request_id: &str,
    window: Duration,
) -> Result<IssuedToken, Refusal> {
    let decision = &grant.decision;
    let (reuse, key) = (&authority.reuse, claim_key(decision));
    for _ in 0..LOOKS {
        match reuse.kept.get_value_or_guard_async(&key).await {
            Ok(kept) => {
                if let Some(token) = again(authority, grant, &kept, request_id, window)? {
                    return Ok(token);
                }
                reuse.kept.remove_if(&key, |there| Arc::ptr_eq(there, &kept));
            }
            Err(place) => {
                let (issued, record) = mint(authority, grant, request_id).await?;
                if let Some(record) = record {
                    // If the place is gone, the next one makes a token of its own.
                    let _ = place.insert(Arc::new(Kept {
                        token: issued.token.as_str().into(),
                        record,
                        kid: signer(decision)?.key.kid().into(),
                        knowledge: decision.as_of.knowledge,
                    }));
                }
                return Ok(issued);
            }
        }
    }
    Ok(mint(authority, grant, request_id).await?.0)
}

/// Hands a token out again, unless a new one would differ in more than its times and its id.
fn again(
    authority: &Authority,
    grant: &ApprovedGrant,
    kept: &Kept,
    request_id: &str,
    window: Duration,
) -> Result<Option<IssuedToken>, Refusal> {
    let ApprovedGrant { decision, from } = grant;
    let (now, directory) = (authority.now(), authority.directory());
    // What was decided may have waited for another's token: whatever came to be known meanwhile counts.
    let as_of = directory.as_of();
    directory.check_age_of(as_of, now)?;
    let Some(realm) = directory.realm(decision.realm.id().as_str()) else { return Ok(None) };
    let record = &kept.record;
    let fresh = now >= record.at && now.since(record.at) < window;
    let left = i64::try_from(record.expires_at.since(now).as_secs()).unwrap_or(0);
    let same = kept.knowledge == as_of.knowledge && *kept.kid == *signer(decision)?.key.kid();
    let token = Subjects {
        token: Some(&record.jti),
        issued_at_ms: Some(record.at.millis()),
        ..subjects(decision, &kept.kid)
    };
    if !fresh || !(1..=decision.lifetime).contains(&left) || !same || realm.revocations().kills(&token) {
        return Ok(None);
    }
    // The token's own record is durable, so nobody waits for this one; where there is no room for it, nothing is
    // answered without it either.
    authority.journal.append(TokenRecord {
        at: now,
        request_id: request_id.to_owned(),
        from: *from,
        remark: Some(Remark::Reused),
        ..record.clone()
    })?;
    authority.reuse.count.fetch_add(1, Relaxed);
    let limit = decision.quota().and_then(|(quota, spender)| authority.quotas.limit(quota, spender, now));
    Ok(Some(IssuedToken {
        token: kept.token.to_string(),
        expires_in: left,
        scopes: decision.scopes.clone(),
        not_before: not_before(decision),
        limit,
    }))
}
