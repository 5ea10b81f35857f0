//! What the deciding parts have done since the process started, and how they are: plain numbers for whoever shows
//! them. Nothing here knows a format or a name that a monitoring system would give.
//!
//! Counting is a relaxed addition to a number that is found by its place, never by a look-up: the mint must not
//! notice that it is watched. So whatever tells numbers apart is small and closed (an algorithm, a kind of grant, the
//! name of a reason), or is counted with the thing itself (a realm). Clients, keys and addresses never tell numbers
//! apart here; records and usage do that.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use symbolon_protocol::algorithm::Algorithm;

use crate::authority::Authority;
use crate::clock::Timestamp;
use crate::grant::Holder;
use crate::id::RealmId;
use crate::limit::Counts;
use crate::refusal::Reason;
use crate::signing_key::KeyState;

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    /// How many so far.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// How many values lay within which bounds, and what they add up to.
#[derive(Debug)]
pub struct Histogram<const N: usize> {
    bounds: &'static [u64; N],
    within: [AtomicU64; N],
    beyond: AtomicU64,
    sum: AtomicU64,
}

impl<const N: usize> Histogram<N> {
    /// An empty one. Each value counts for the first bound that it does not exceed; bounds ascend.
    pub const fn new(bounds: &'static [u64; N]) -> Self {
        Self {
            bounds,
            within: [const { AtomicU64::new(0) }; N],
            beyond: AtomicU64::new(0),
            sum: AtomicU64::new(0),
        }
    }

    /// Counts a value.
    pub fn observe(&self, value: u64) {
        let place = self.bounds.iter().position(|bound| value <= *bound);
        place.map_or(&self.beyond, |place| &self.within[place]).fetch_add(1, Relaxed);
        self.sum.fetch_add(value, Relaxed);
    }

    /// Counts a duration, in microseconds.
    pub fn observe_duration(&self, duration: Duration) {
        self.observe(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
    }

    /// What was counted so far.
    pub fn read(&self) -> HistogramReading {
        HistogramReading {
            within: self
                .bounds
                .iter()
                .zip(&self.within)
                .map(|(bound, count)| (*bound, count.load(Relaxed)))
                .collect(),
            beyond: self.beyond.load(Relaxed),
            sum: self.sum.load(Relaxed),
        }
    }
}

/// A histogram at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistogramReading {
    /// Each bound, and how many values lay within it and beyond the one before.
    pub within: Vec<(u64, u64)>,
    /// How many lay beyond the last bound.
    pub beyond: u64,
    /// The sum of all values.
    pub sum: u64,
}

impl HistogramReading {
    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.within.iter().map(|(_, count)| count).sum::<u64>() + self.beyond
    }
}

/// What a token was issued for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantKind {
    /// A client's own credentials.
    ClientCredentials,
    /// A person's email and password (rule 11).
    Password,
}

impl GrantKind {
    /// All of them, each at its place.
    pub const ALL: [Self; 2] = [Self::ClientCredentials, Self::Password];

    /// A stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::Password => "password",
        }
    }

    /// Whom the token is for says how it was asked for.
    pub const fn of(holder: &Holder) -> Self {
        match holder {
            Holder::Client { .. } => Self::ClientCredentials,
            Holder::User(_) => Self::Password,
        }
    }
}

/// What was counted in one realm. It outlives what is known of the realm, which changes.
#[derive(Debug, Default)]
pub struct RealmCounts {
    issued: [[Counter; GrantKind::ALL.len()]; Algorithm::ALL.len()],
}

impl RealmCounts {
    /// Counts a token that was signed and recorded.
    pub fn token_issued(&self, algorithm: Algorithm, grant: GrantKind) {
        self.issued[algorithm as usize][grant as usize].increment();
    }

    fn issued(&self) -> Vec<(Algorithm, GrantKind, u64)> {
        let all = Algorithm::ALL.into_iter().zip(&self.issued);
        all.flat_map(|(algorithm, row)| {
            GrantKind::ALL.into_iter().zip(row).map(move |(grant, count)| (algorithm, grant, count.get()))
        })
        .collect()
    }
}

/// The endpoints whose refusals are on record, by the names that records have. Whatever is none of them counts under
/// [`OTHER`].
pub const REFUSING_ENDPOINTS: [&str; 5] = ["token", "password_token", "introspect", "revoke", "console"];
/// The name for all that have no place of their own.
pub const OTHER: &str = "other";

const ROWS: usize = REFUSING_ENDPOINTS.len() + 1;
const COLUMNS: usize = Reason::NAMES.len() + 1;

/// Refusals by endpoint and reason.
#[derive(Debug)]
pub struct RefusalCounts(Box<[[Counter; COLUMNS]; ROWS]>);

impl Default for RefusalCounts {
    fn default() -> Self {
        Self(Box::new(std::array::from_fn(|_| std::array::from_fn(|_| Counter::default()))))
    }
}

impl RefusalCounts {
    /// Counts one.
    pub fn refused(&self, endpoint: &str, reason: &Reason) {
        let row = REFUSING_ENDPOINTS.iter().position(|name| *name == endpoint).unwrap_or(ROWS - 1);
        let column = Reason::NAMES.binary_search(&reason.name()).unwrap_or(COLUMNS - 1);
        self.0[row][column].increment();
    }

    fn read(&self) -> Vec<RefusalReading> {
        let endpoints = REFUSING_ENDPOINTS.into_iter().chain([OTHER]);
        let of_endpoint = |(endpoint, row): (&'static str, &[Counter; COLUMNS])| {
            let reasons = Reason::NAMES.into_iter().chain([OTHER]).zip(row);
            reasons
                .map(|(reason, count)| RefusalReading { endpoint, reason, count: count.get() })
                .collect::<Vec<_>>()
        };
        endpoints.zip(self.0.iter()).flat_map(of_endpoint).collect()
    }
}

/// How often a cache had what was asked for.
#[derive(Debug, Default)]
pub struct CacheCounts {
    /// It had it.
    pub hits: Counter,
    /// It had not; the store was asked.
    pub misses: Counter,
}

/// What a batch has at most: each bound is a power of two.
const BATCH_BOUNDS: [u64; 12] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048];
/// In microseconds: from a sync of a fast disk to where requests give up.
const COMMIT_BOUNDS: [u64; 14] = [
    100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000,
];
const NOTHING: i64 = i64::MAX;

/// What the journal's writers did.
#[derive(Debug)]
pub struct JournalCounts {
    batches: Histogram<12>,
    commits: Histogram<14>,
    failed: Counter,
    /// Refusals of which no record was kept.
    pub(crate) refusals_dropped: Counter,
    /// The oldest batch that no counting has been begun for.
    uncounted_since: AtomicI64,
    /// The oldest batch of the counting that is under way, or that failed.
    counting_since: AtomicI64,
}

impl Default for JournalCounts {
    fn default() -> Self {
        Self {
            batches: Histogram::new(&BATCH_BOUNDS),
            commits: Histogram::new(&COMMIT_BOUNDS),
            failed: Counter::default(),
            refusals_dropped: Counter::default(),
            uncounted_since: AtomicI64::new(NOTHING),
            counting_since: AtomicI64::new(NOTHING),
        }
    }
}

impl JournalCounts {
    /// A batch of so many tokens, the oldest of that moment, was written or not after so long.
    pub(crate) fn batch(&self, tokens: usize, oldest: Timestamp, took: Duration, written: bool) {
        self.batches.observe(tokens as u64);
        self.commits.observe_duration(took);
        if written {
            self.uncounted_since.fetch_min(oldest.millis(), Relaxed);
        } else {
            self.failed.increment();
        }
    }

    /// What was written so far is being counted.
    pub(crate) fn counting_begins(&self) {
        let oldest = self.uncounted_since.swap(NOTHING, Relaxed);
        self.counting_since.fetch_min(oldest, Relaxed);
    }

    /// It is counted.
    pub(crate) fn counted(&self) {
        self.counting_since.store(NOTHING, Relaxed);
    }

    /// How long the oldest token waits to be counted.
    fn counting_lag(&self, now: Timestamp) -> Duration {
        match self.uncounted_since.load(Relaxed).min(self.counting_since.load(Relaxed)) {
            NOTHING => Duration::ZERO,
            oldest => now.since(Timestamp::from_millis(oldest)),
        }
    }
}

/// Refusals of one endpoint for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefusalReading {
    /// Of [`REFUSING_ENDPOINTS`], or [`OTHER`].
    pub endpoint: &'static str,
    /// Of [`Reason::NAMES`], or [`OTHER`].
    pub reason: &'static str,
    /// How many.
    pub count: u64,
}

/// One realm.
#[derive(Clone, Debug)]
pub struct RealmReading {
    /// Its name.
    pub realm: RealmId,
    /// How many tokens were issued.
    pub issued: Vec<(Algorithm, GrantKind, u64)>,
    /// How many keys there are.
    pub keys: Vec<(Algorithm, KeyState, u64)>,
}

/// One cache.
#[derive(Clone, Copy, Debug)]
pub struct CacheReading {
    /// What it holds.
    pub name: &'static str,
    /// How often it had what was asked for.
    pub hits: u64,
    /// How often it had not.
    pub misses: u64,
    /// How many it holds.
    pub size: usize,
}

/// The journal.
#[derive(Clone, Debug)]
pub struct JournalReading {
    /// Tokens that wait for the writer.
    pub depth: usize,
    /// Tokens in each batch.
    pub batches: HistogramReading,
    /// Microseconds until each batch was durable, or had failed.
    pub commits: HistogramReading,
    /// Batches that could not be written.
    pub failed: u64,
    /// Refusals of which no record was kept.
    pub refusals_dropped: u64,
    /// How long the oldest token waits to be counted into usage.
    pub counting_lag: Duration,
}

/// Everything at one moment. (Numbers that change meanwhile may be of neighbouring moments.)
#[derive(Clone, Debug)]
pub struct Reading {
    /// Each realm, by name.
    pub realms: Vec<RealmReading>,
    /// Refusals; every pair is there, also those that never were.
    pub refusals: Vec<RefusalReading>,
    /// What limits did.
    pub limits: Counts,
    /// The caches of the directory.
    pub caches: Vec<CacheReading>,
    /// How long ago the directory was last confirmed.
    pub directory_age: Duration,
    /// Its place in the change sequence.
    pub directory_sequence: i64,
    /// The journal.
    pub journal: JournalReading,
}

impl Reading {
    /// Reads everything. It takes as long as there are realms, and holds nobody up.
    pub fn take(authority: &Authority) -> Self {
        let (directory, now) = (authority.directory(), authority.now());
        let mut realms: Vec<_> = directory
            .realms()
            .iter()
            .map(|view| RealmReading {
                realm: view.id().clone(),
                issued: view.counts().issued(),
                keys: view.signing_key_states(),
            })
            .collect();
        realms.sort_by(|one, other| one.realm.as_str().cmp(other.realm.as_str()));
        let counts = authority.journal.counts();
        Self {
            realms,
            refusals: authority.refusals.read(),
            limits: authority.limit_counts(),
            caches: directory.caches(),
            directory_age: directory.age(now),
            directory_sequence: directory.sequence(),
            journal: JournalReading {
                depth: authority.journal.depth(),
                batches: counts.batches.read(),
                commits: counts.commits.read(),
                failed: counts.failed.get(),
                refusals_dropped: counts.refusals_dropped.get(),
                counting_lag: counts.counting_lag(now),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_for_the_first_bound_that_it_does_not_exceed() {
        let histogram = Histogram::new(&[10, 20]);
        for value in [0, 10, 11, 20, 21, 1000] {
            histogram.observe(value);
        }
        let reading = histogram.read();
        assert_eq!(reading.within, [(10, 2), (20, 2)]);
        assert_eq!((reading.beyond, reading.sum, reading.count()), (2, 1062, 6));
    }

    #[test]
    fn bounds_ascend() {
        assert!(BATCH_BOUNDS.is_sorted() && COMMIT_BOUNDS.is_sorted());
    }

    #[test]
    fn every_algorithm_and_kind_of_grant_has_a_place_of_its_own() {
        let counts = RealmCounts::default();
        for (place, algorithm) in Algorithm::ALL.into_iter().enumerate() {
            assert_eq!(algorithm as usize, place);
            for (place, grant) in GrantKind::ALL.into_iter().enumerate() {
                assert_eq!(grant as usize, place);
                counts.token_issued(algorithm, grant);
            }
        }
        assert!(counts.issued().iter().all(|(.., count)| *count == 1));
    }

    #[test]
    fn a_refusal_counts_where_it_happened_and_for_its_reason() {
        let counts = RefusalCounts::default();
        counts.refused("token", &Reason::WrongSecret);
        counts.refused("token", &Reason::WrongSecret);
        counts.refused("somewhere new", &Reason::Method);
        let seen: Vec<_> = counts.read().into_iter().filter(|reading| reading.count > 0).collect();
        assert_eq!(
            seen,
            [
                RefusalReading { endpoint: "token", reason: "wrong_secret", count: 2 },
                RefusalReading { endpoint: OTHER, reason: "method", count: 1 },
            ]
        );
        assert_eq!(counts.read().len(), ROWS * COLUMNS);
    }

    #[test]
    fn tokens_wait_to_be_counted_from_their_batch_until_a_counting_that_began_later_has_ended() {
        let at = Timestamp::from_seconds;
        let (counts, took) = (JournalCounts::default(), Duration::from_millis(1));
        assert_eq!(counts.counting_lag(at(100)), Duration::ZERO);
        counts.batch(1, at(90), took, true);
        counts.batch(1, at(95), took, true);
        assert_eq!(counts.counting_lag(at(100)), Duration::from_secs(10));
        counts.counting_begins();
        counts.batch(1, at(98), took, true);
        assert_eq!(counts.counting_lag(at(100)), Duration::from_secs(10));
        // This one failed, and is begun again.
        counts.counting_begins();
        assert_eq!(counts.counting_lag(at(100)), Duration::from_secs(10));
        counts.batch(1, at(99), took, true);
        counts.counted();
        assert_eq!(counts.counting_lag(at(100)), Duration::from_secs(1));
        counts.counting_begins();
        counts.counted();
        assert_eq!(counts.counting_lag(at(100)), Duration::ZERO);
    }

    #[test]
    fn a_batch_that_was_not_written_leaves_nothing_to_count() {
        let counts = JournalCounts::default();
        counts.batch(7, Timestamp::from_seconds(1), Duration::from_millis(3), false);
        assert_eq!((counts.failed.get(), counts.batches.read().sum, counts.commits.read().sum), (1, 7, 3000));
        assert_eq!(counts.counting_lag(Timestamp::from_seconds(9)), Duration::ZERO);
    }
}
