//! Back-off after failures: by (realm, id, network), alike for ids that do not exist (rule 5).
//!
//! Only failures are ever answered with "later": the secret is checked first, and a right one always passes.
//! So nobody can lock a client out from outside, and guessing is slow all the same.

use std::net::IpAddr;
use std::time::Duration;

use quick_cache::sync::Cache;

use crate::clock::Timestamp;
use crate::id::RealmId;

/// Failures that are answered plainly before back-off begins.
const FREE: u32 = 10;
/// After this long without a failure, all is forgotten.
const MEMORY: Duration = Duration::from_mins(5);
/// The longest time to wait between failures.
const LONGEST: Duration = Duration::from_mins(1);
/// How many (realm, id, network) are remembered at once.
const CAPACITY: usize = 20_000;

#[derive(Clone, Copy, Default)]
struct Record {
    count: u32,
    last: Timestamp,
    wait_until: Timestamp,
}

/// Remembers who failed lately.
pub struct Failures {
    records: Cache<(RealmId, Box<str>, IpAddr), Record>,
}

impl Default for Failures {
    fn default() -> Self {
        Self { records: Cache::new(CAPACITY) }
    }
}

impl Failures {
    /// Notes a failure. Answers how long to wait where there were too many.
    pub fn note(&self, realm: &RealmId, id: &str, from: IpAddr, now: Timestamp) -> Option<Duration> {
        let key = (realm.clone(), id.chars().take(255).collect::<String>().into_boxed_str(), network(from));
        let mut record = self.records.get(&key).unwrap_or_default();
        if now.since(record.last) >= MEMORY {
            record = Record::default();
        }
        record.last = now;
        // A wait that was set while the clock was ahead ends as soon as any other.
        record.wait_until = record.wait_until.min(now.plus(LONGEST));
        let waiting = record.wait_until > now;
        if !waiting {
            record.count = record.count.saturating_add(1);
            if record.count > FREE {
                let doublings = (record.count - FREE - 1).min(6);
                record.wait_until = now.plus(Duration::from_secs(1 << doublings).min(LONGEST));
            }
        }
        let wait = record.wait_until;
        self.records.insert(key, record);
        (wait > now).then(|| wait.since(now))
    }
}

/// The network that an address counts for: one IPv4 address, or an IPv6 /64, which one subscriber has.
fn network(address: IpAddr) -> IpAddr {
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
    use super::*;

    fn fail(failures: &Failures, id: &str, from: &str, at_ms: i64) -> Option<Duration> {
        let realm = RealmId::new("r").unwrap();
        failures.note(&realm, id, from.parse().unwrap(), Timestamp::from_millis(at_ms))
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
}
