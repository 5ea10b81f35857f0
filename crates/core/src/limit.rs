//! How often a caller may ask: so many requests a second on average, with a burst.
//!
//! For whoever is known and asks too often (the management API). Failed authentications are `backoff`'s, a client's
//! tokens `quota`'s.
//!
//! The algorithm is GCRA: a caller is one moment, that at which everything asked for so far would be worked off. It
//! is exact within this process and forgotten with it; several nodes allow as many times as much.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use quick_cache::sync::Cache;
use symbolon_protocol::rate_limit::ServiceLimit;

use crate::clock::Timestamp;

/// How many callers are remembered at once; whoever falls out begins with a whole burst.
const CAPACITY: usize = 10_000;
const SECOND: i64 = 1_000_000_000;

/// A rate with its burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests a second that can go on for ever.
    pub per_second: NonZeroU32,
    /// Requests at once, after a pause.
    pub burst: NonZeroU32,
}

impl Rate {
    /// A rate; `None` where either number is zero.
    pub fn new(per_second: u32, burst: u32) -> Option<Self> {
        Some(Self { per_second: NonZeroU32::new(per_second)?, burst: NonZeroU32::new(burst)? })
    }

    /// What one request takes, in nanoseconds.
    fn interval(self) -> i64 {
        SECOND / i64::from(self.per_second.get())
    }

    /// What a whole burst takes, in nanoseconds.
    fn whole(self) -> i64 {
        self.interval().saturating_mul(i64::from(self.burst.get()))
    }
}

/// The answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it may be served.
    pub allowed: bool,
    /// What the header fields say.
    pub limit: ServiceLimit,
    /// When the next one would be allowed, if this one is not.
    pub retry_after: Option<Duration>,
}

/// What limits of all kinds did since the process was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tokens issued beyond a quota that is only watched.
    pub beyond_quota: u64,
    /// Tokens refused by a quota.
    pub refused_by_quota: u64,
    /// Failed authentications that had to wait for their id.
    pub delayed_ids: u64,
    /// Failed authentications that had to wait for their network.
    pub delayed_networks: u64,
    /// Requests that got a token that was issued before.
    pub reused: u64,
}

/// Holds callers to a rate.
pub struct RateLimiter {
    policy: &'static str,
    rate: Option<Rate>,
    callers: Cache<String, Arc<AtomicI64>>,
}

impl RateLimiter {
    /// A limiter, whose policy the header fields name so; without a rate it allows everything.
    pub fn new(policy: &'static str, rate: Option<Rate>) -> Self {
        Self { policy, rate, callers: Cache::new(CAPACITY) }
    }

    /// Counts a request of a caller, and says whether it may be served; `None` where there is no limit. A refused
    /// request costs the caller nothing.
    pub fn ask(&self, caller: &str, now: Timestamp) -> Option<Verdict> {
        let rate = self.rate?;
        let busy_until = self.caller(caller);
        let now = now.millis().saturating_mul(1_000_000);
        let (interval, whole) = (rate.interval(), rate.whole());
        // What was noted while the clock was ahead makes nobody wait longer than a whole burst does.
        let queue = |until: i64| until.saturating_sub(now).clamp(0, whole);
        let after = |until: i64| queue(until) + if queue(until) + interval <= whole { interval } else { 0 };
        let before =
            busy_until.fetch_update(Relaxed, Relaxed, |until| Some(now.saturating_add(after(until))));
        let before = before.unwrap_or_else(|before| before);
        let (queued, allowed) = (after(before), after(before) > queue(before));
        let wait = queued + interval - whole;
        let available = u32::try_from((whole - queued) / interval).unwrap_or(0);
        let limit = ServiceLimit {
            policy: self.policy,
            quota: rate.burst.get(),
            window: seconds(whole),
            available: if allowed { available } else { 0 },
            reset: seconds(if allowed { queued } else { wait }),
        };
        let retry_after = (!allowed).then(|| Duration::from_nanos(u64::try_from(wait).unwrap_or(0)));
        Some(Verdict { allowed, limit, retry_after })
    }

    fn caller(&self, caller: &str) -> Arc<AtomicI64> {
        let new = || Ok::<_, std::convert::Infallible>(Arc::new(AtomicI64::new(i64::MIN)));
        match self.callers.get_or_insert_with(caller, new) {
            Ok(found) => found,
            Err(never) => match never {},
        }
    }
}

/// Nanoseconds as whole seconds, rounded up, at least one.
fn seconds(nanos: i64) -> u32 {
    u32::try_from(u64::try_from(nanos).unwrap_or(0).div_ceil(SECOND.unsigned_abs()).max(1))
        .unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limiter(per_second: u32, burst: u32) -> RateLimiter {
        RateLimiter::new("test", Rate::new(per_second, burst))
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_795_348_800_000 + millis)
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let limiter = limiter(2, 3);
        for left in [2, 1, 0] {
            let verdict = limiter.ask("c", at(0)).unwrap();
            assert!(verdict.allowed);
            assert_eq!((verdict.limit.quota, verdict.limit.available, verdict.limit.window), (3, left, 2));
        }
        let refused = limiter.ask("c", at(0)).unwrap();
        assert_eq!((refused.allowed, refused.retry_after), (false, Some(Duration::from_millis(500))));
        assert_eq!((refused.limit.available, refused.limit.reset), (0, 1));
        assert!(!limiter.ask("c", at(499)).unwrap().allowed);
        assert!(limiter.ask("c", at(500)).unwrap().allowed);
        assert!(!limiter.ask("c", at(500)).unwrap().allowed);
        assert!(limiter.ask("d", at(500)).unwrap().allowed, "callers do not concern each other");
    }

    #[test]
    fn without_a_rate_nothing_is_limited() {
        let limiter = RateLimiter::new("test", Rate::new(0, 10));
        assert_eq!(limiter.ask("c", at(0)), None);
    }

    #[test]
    fn a_clock_that_went_back_makes_nobody_wait_longer_than_a_burst() {
        let limiter = limiter(1, 5);
        for _ in 0..5 {
            limiter.ask("c", at(86_400_000));
        }
        assert_eq!(limiter.ask("c", at(0)).unwrap().retry_after, Some(Duration::from_secs(1)));
        assert!(limiter.ask("c", at(1000)).unwrap().allowed);
    }

    proptest! {
        /// Within any span of time no more passes than a burst and what the rate adds; and waiting as long as was
        /// said always helps.
        #[test]
        fn no_span_holds_more_than_burst_and_rate(
            per_second in 1_u32..2000, burst in 1_u32..50,
            pauses in proptest::collection::vec(0_i64..700, 1..200),
        ) {
            let limiter = limiter(per_second, burst);
            let (mut now, mut passed) = (0, Vec::new());
            for pause in pauses {
                now += pause;
                let verdict = limiter.ask("c", at(now)).unwrap();
                if verdict.allowed {
                    passed.push(now);
                } else {
                    let wait = verdict.retry_after.unwrap();
                    now += i64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap();
                    prop_assert!(limiter.ask("c", at(now)).unwrap().allowed);
                    passed.push(now);
                }
            }
            for (first, from) in passed.iter().enumerate() {
                for (last, to) in passed.iter().enumerate().skip(first) {
                    // An interval in whole nanoseconds may be a little short.
                    let added = (to - from) * i64::from(per_second) / 1000 + 1;
                    prop_assert!(i64::try_from(last - first + 1).unwrap() <= i64::from(burst) + added);
                }
            }
        }
    }
}
