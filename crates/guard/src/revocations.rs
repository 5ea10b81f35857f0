//! What kills tokens before their time, held in memory and read on every call.
//!
//! Whoever knows of revocations writes them here: the server itself where it runs in the same process, or a
//! reader of the issuer's feed, which also says how fresh its knowledge is.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use symbolon_protocol::revocation::{RevocationSet, Subjects};

use crate::clock::milliseconds;
use crate::refusal::Refusal;

/// What a guard does while its knowledge of revocations is too old.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenStale {
    /// Answers 503 to every token of the issuer: it fails closed.
    #[default]
    Refuse,
    /// Goes on with what is known, and logs a warning: it fails open.
    Accept,
}

/// The live revocations of one issuer: a handle that its owner writes to and any number of guards read.
///
/// Clones share their content.
#[derive(Clone, Default)]
pub struct Revocations {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    set: ArcSwap<RevocationSet>,
    limit: Option<Limit>,
    confirmed_at_ms: AtomicI64,
    confirmed_once: AtomicBool,
    warned: AtomicBool,
}

struct Limit {
    max_staleness_ms: u64,
    when_stale: WhenStale,
}

impl Revocations {
    /// Revocations that are always current, because their source lies in the same process.
    pub fn new() -> Self {
        Self::default()
    }

    /// Revocations that come from elsewhere: older than `max_staleness` (to the millisecond), they are stale.
    ///
    /// They are stale from the start, until the first [`confirm`](Self::confirm).
    pub fn with_max_staleness(max_staleness: Duration, when_stale: WhenStale) -> Self {
        let limit = Limit { max_staleness_ms: milliseconds(max_staleness).unsigned_abs(), when_stale };
        Self { shared: Arc::new(Shared { limit: Some(limit), ..Shared::default() }) }
    }

    /// Replaces the whole set. Every guard sees it from its next call on, for tokens in its cache too.
    pub fn publish(&self, set: RevocationSet) {
        self.shared.set.store(Arc::new(set));
    }

    /// Changes the set in place of another copy; `change` runs again if another thread was faster.
    pub fn update(&self, change: impl Fn(&mut RevocationSet)) {
        self.shared.set.rcu(|present| {
            let mut next = RevocationSet::clone(present);
            change(&mut next);
            next
        });
    }

    /// Says that the set was complete at `as_of_ms` (epoch milliseconds by the guard's clock): the moment at which
    /// the question was sent, not the one at which its answer came. Needed even when nothing had changed.
    pub fn confirm(&self, as_of_ms: i64) {
        self.shared.confirmed_at_ms.store(as_of_ms, Ordering::Relaxed);
        self.shared.confirmed_once.store(true, Ordering::Release);
    }

    /// The present set.
    pub fn current(&self) -> Arc<RevocationSet> {
        self.shared.set.load_full()
    }

    /// Whether the set is older than its limit at `now_ms` (epoch milliseconds).
    ///
    /// A confirmation from the future counts as old as well: the clock has jumped, and nobody knows how far.
    pub fn is_stale(&self, now_ms: i64) -> bool {
        let Some(limit) = &self.shared.limit else { return false };
        if !self.shared.confirmed_once.load(Ordering::Acquire) {
            return true;
        }
        let confirmed_at_ms = self.shared.confirmed_at_ms.load(Ordering::Relaxed);
        now_ms.abs_diff(confirmed_at_ms) > limit.max_staleness_ms
    }

    /// Refuses a token that is revoked, or that may be for all that is known.
    pub(crate) fn check(&self, token: &Subjects<'_>, now_ms: i64) -> Result<(), Refusal> {
        if self.shared.set.load().kills(token) {
            return Err(Refusal::Revoked);
        }
        let Some(limit) = &self.shared.limit else { return Ok(()) };
        let stale = self.is_stale(now_ms);
        self.say(stale, limit.when_stale);
        match limit.when_stale {
            WhenStale::Refuse if stale => Err(Refusal::RevocationsStale),
            WhenStale::Refuse | WhenStale::Accept => Ok(()),
        }
    }

    /// Logs when the set becomes stale and when it is current again, not on each call between.
    fn say(&self, stale: bool, when_stale: WhenStale) {
        if self.shared.warned.load(Ordering::Relaxed) == stale {
            return;
        }
        if self.shared.warned.swap(stale, Ordering::Relaxed) == stale {
            return;
        }
        if stale {
            let refused = when_stale == WhenStale::Refuse;
            tracing::warn!(refused, "revocations are stale: tokens are refused or accepted as configured");
        } else {
            tracing::info!("revocations are current again");
        }
    }
}

impl fmt::Debug for Revocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocations").field("live", &self.shared.set.load().len()).finish_non_exhaustive()
    }
}
