//! Back-off after failures: by (realm, id, network) and by (realm, network), alike for ids that do not exist (rule 5).
//!
//! Only failures are ever answered with "later": the secret is checked first, and a right one always passes.
//! So nobody can lock a client out from outside, and guessing is slow all the same.
//!
//! One id that fails again and again waits by itself. A network whose failures name many ids is spraying, and waits
//! as a whole. A failure that has to wait for its id is not counted against its network, so that one client with a
//! wrong secret never makes its neighbours wait; one that has to wait for its network is not counted against its id,
//! so that a network cannot crowd the others' records out of memory.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use quick_cache::sync::Cache;

use crate::clock::Timestamp;
use crate::id::RealmId;

/// Failures of one id from one network that are answered plainly before back-off begins.
const FREE: u32 = 10;
/// The same of all ids from one network. Behind one address there may be a whole company.
const FREE_OF_NETWORK: u32 = 100;
/// One failure of a network is forgiven each time this has passed: some of a company's clients always fail.
const FORGIVEN_EVERY: Duration = Duration::from_secs(3);
/// After this long without a failure, all is forgotten.
const MEMORY: Duration = Duration::from_mins(5);
/// The longest time to wait between failures.
const LONGEST: Duration = Duration::from_mins(1);
/// How many (realm, id, network) are remembered at once, and how many (realm, network).
const CAPACITY: usize = 20_000;

/// A failure has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delay {
    /// There were too many of this id from this network.
    OfId(Duration),
    /// There were too many from this network, whatever the ids.
    OfNetwork(Duration),
}

#[derive(Clone, Copy, Default)]
struct OfId {
    count: u32,
    last: Timestamp,
    wait_until: Timestamp,
}

impl OfId {
    fn note(&mut self, now: Timestamp) -> Option<Duration> {
        if now.since(self.last) >= MEMORY {
            *self = Self::default();
        }
        self.last = now;
        let waits = remaining(&mut self.wait_until, now);
        if waits.is_some() {
            return waits;
        }
        self.count = self.count.saturating_add(1);
        let beyond = self.count.checked_sub(FREE + 1)?;
        self.wait_until = now.plus(doubled(beyond));
        remaining(&mut self.wait_until, now)
    }
}

#[derive(Clone, Copy, Default)]
struct OfNetwork {
    /// When all failures so far will have been forgiven.
    forgiven_at: Timestamp,
    waits: u32,
    waited_last: Timestamp,
    wait_until: Timestamp,
}

impl OfNetwork {
    fn waits(&mut self, now: Timestamp) -> Option<Duration> {
        remaining(&mut self.wait_until, now)
    }

    fn note(&mut self, now: Timestamp) -> Option<Duration> {
        let whole = FORGIVEN_EVERY * FREE_OF_NETWORK;
        let after = self.forgiven_at.since(now).min(whole) + FORGIVEN_EVERY;
        if after <= whole {
            self.forgiven_at = now.plus(after);
            return None;
        }
        if now.since(self.waited_last) >= MEMORY {
            self.waits = 0;
        }
        self.wait_until = now.plus(doubled(self.waits));
        self.waited_last = now;
        self.waits = self.waits.saturating_add(1);
        self.waits(now)
    }
}

/// How long a wait still is. One that was set while the clock was ahead ends as soon as any other.
fn remaining(wait_until: &mut Timestamp, now: Timestamp) -> Option<Duration> {
    *wait_until = (*wait_until).min(now.plus(LONGEST));
    (*wait_until > now).then(|| wait_until.since(now))
}

/// One second, then two, then four.
fn doubled(times: u32) -> Duration {
    Duration::from_secs(1 << times.min(6)).min(LONGEST)
}

/// Remembers who failed lately.
pub struct Failures {
    ids: Cache<(RealmId, Box<str>, IpAddr), OfId>,
    networks: Cache<(RealmId, IpAddr), OfNetwork>,
    /// Failures that had to wait for their id, and for their network.
    delayed: [AtomicU64; 2],
}

impl Default for Failures {
    fn default() -> Self {
        Self { ids: Cache::new(CAPACITY), networks: Cache::new(CAPACITY), delayed: Default::default() }
    }
}

impl Failures {
    /// Notes a failure. Answers how long to wait where there were too many.
    pub fn note(&self, realm: &RealmId, id: &str, from: IpAddr, now: Timestamp) -> Option<Delay> {
        let from = network(from);
        let of_network = (realm.clone(), from);
        let mut all = self.networks.get(&of_network).unwrap_or_default();
        if let Some(wait) = all.waits(now) {
            self.delayed[1].fetch_add(1, Relaxed);
            return Some(Delay::OfNetwork(wait));
        }
        let key = (realm.clone(), id.chars().take(255).collect::<String>().into_boxed_str(), from);
        let mut own = self.ids.get(&key).unwrap_or_default();
        let wait = own.note(now);
        self.ids.insert(key, own);
        if let Some(wait) = wait {
            self.delayed[0].fetch_add(1, Relaxed);
            return Some(Delay::OfId(wait));
        }
        let wait = all.note(now);
        self.networks.insert(of_network, all);
        let wait = wait?;
        self.delayed[1].fetch_add(1, Relaxed);
        Some(Delay::OfNetwork(wait))
    }

    /// How many failures had to wait for their id, and how many for their network, since this was started.
    pub fn delayed(&self) -> (u64, u64) {
        let [ids, networks] = &self.delayed;
        (ids.load(Relaxed), networks.load(Relaxed))
    }
}

/// The network that an address counts for: one IPv4 address, or an IPv6 /64, which one subscriber has.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        IpAddr::V6(v6) => {
            let segments = v6.segments();
            IpAddr::from([segments[0], segments[1], segments[2], segments[3], 0, 0, 0, 0])
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn note(failures: &Failures, id: &str, from: &str, at_ms: i64) -> Option<Delay> {
        let realm = RealmId::new("r").unwrap();
        failures.note(&realm, id, from.parse().unwrap(), Timestamp::from_millis(at_ms))
    }

    /// A failure that has to wait for nothing but its id.
    fn fail(failures: &Failures, id: &str, from: &str, at_ms: i64) -> Option<Duration> {
        note(failures, id, from, at_ms).map(|delay| match delay {
            Delay::OfId(wait) => wait,
            Delay::OfNetwork(wait) => panic!("the whole network waits {wait:?}"),
        })
    }

    #[test]
    fn the_first_failures_are_free_and_then_waits_double() {
        let failures = Failures::default();
        for _ in 0..FREE {
            assert_eq!(fail(&failures, "c", "10.0.0.1", 1000), None);
        }
        assert_eq!(fail(&failures, "c", "10.0.0.1", 1000), Some(Duration::from_secs(1)));
        assert_eq!(fail(&failures, "c", "10.0.0.1", 1500), Some(Duration::from_millis(500)));
        assert_eq!(fail(&failures, "c", "10.0.0.1", 2000), Some(Duration::from_secs(2)));
        assert_eq!(failures.delayed(), (3, 0));
    }

    #[test]
    fn other_networks_and_other_ids_are_not_concerned() {
        let failures = Failures::default();
        for _ in 0..=FREE {
            fail(&failures, "c", "2001:db8::1", 0);
        }
        assert!(fail(&failures, "c", "2001:db8::2", 0).is_some());
        assert_eq!(fail(&failures, "c", "2001:db8:0:1::1", 0), None);
        assert_eq!(fail(&failures, "d", "2001:db8::1", 0), None);
    }

    #[test]
    fn a_clock_that_went_back_makes_nobody_wait_longer_than_the_longest_time() {
        let failures = Failures::default();
        for _ in 0..=FREE {
            fail(&failures, "c", "10.0.0.1", 86_400_000);
        }
        assert_eq!(fail(&failures, "c", "10.0.0.1", 0), Some(LONGEST));
        assert!(fail(&failures, "c", "10.0.0.1", 60_000).is_some_and(|wait| wait <= LONGEST));
    }

    #[test]
    fn quiet_time_is_forgiven() {
        let failures = Failures::default();
        for _ in 0..=FREE {
            fail(&failures, "c", "10.0.0.1", 0);
        }
        assert_eq!(fail(&failures, "c", "10.0.0.1", 300_000), None);
    }

    fn spray(failures: &Failures, count: u32, from: &str, at_ms: i64) {
        for number in 0..count {
            assert_eq!(note(failures, &format!("guess-{number}"), from, at_ms), None, "{number}");
        }
    }

    #[test]
    fn many_ids_from_one_network_make_it_wait_longer_and_longer() {
        let failures = Failures::default();
        spray(&failures, FREE_OF_NETWORK, "2001:db8::1", 0);
        let mut now = 0;
        for wait in [1, 2] {
            let delay = Some(Delay::OfNetwork(Duration::from_secs(wait)));
            assert_eq!(note(&failures, "next", "2001:db8::ffff", now), delay);
            now += i64::try_from(wait).unwrap() * 1000;
        }
        // One was forgiven meanwhile.
        assert_eq!(note(&failures, "next", "2001:db8::1", now), None);
        assert_eq!(
            note(&failures, "next", "2001:db8::1", now),
            Some(Delay::OfNetwork(Duration::from_secs(4)))
        );
        assert_eq!(note(&failures, "next", "2001:db8:0:1::1", now), None, "another network");
        assert_eq!(failures.delayed(), (0, 3));
        let quiet = now + i64::try_from((MEMORY + LONGEST).as_millis()).unwrap();
        spray(&failures, FREE_OF_NETWORK, "2001:db8::1", quiet);
        assert_eq!(
            note(&failures, "x", "2001:db8::1", quiet),
            Some(Delay::OfNetwork(Duration::from_secs(1)))
        );
    }

    #[test]
    fn one_id_that_always_fails_makes_its_neighbours_wait_for_nothing() {
        let failures = Failures::default();
        for tenth in 0..100_000 {
            note(&failures, "broken", "10.0.0.1", tenth * 100);
        }
        assert_eq!(note(&failures, "another", "10.0.0.1", 10_000_000), None);
        assert_eq!(failures.delayed().1, 0);
    }

    #[test]
    fn a_network_that_waits_takes_no_room_from_others() {
        let failures = Failures::default();
        for number in 0..100_000 {
            note(&failures, &format!("guess-{number}"), "10.0.0.1", 0);
        }
        assert_eq!(failures.ids.len(), FREE_OF_NETWORK as usize + 1);
    }

    #[test]
    fn memory_is_bounded_whoever_fails() {
        let failures = Failures::default();
        for number in 0..3 * u32::try_from(CAPACITY).unwrap() {
            let from = format!("2001:db8:{:x}:{:x}::1", number >> 16, number & 0xffff);
            note(&failures, &format!("guess-{number}"), &from, 0);
        }
        assert!(failures.ids.len() <= CAPACITY && failures.networks.len() <= CAPACITY);
    }

    proptest! {
        /// Whatever fails when, the clock set to and fro, nobody is told to wait longer than the longest time.
        #[test]
        fn no_wait_is_longer_than_the_longest(
            events in proptest::collection::vec((0_usize..300, -600_000_i64..600_000), 1..600),
        ) {
            let failures = Failures::default();
            for (id, at) in events {
                if let Some(Delay::OfId(wait) | Delay::OfNetwork(wait)) =
                    note(&failures, &id.to_string(), "10.0.0.1", at)
                {
                    prop_assert!(wait > Duration::ZERO && wait <= LONGEST);
                }
            }
        }
    }
}
