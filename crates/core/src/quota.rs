//! How many tokens a client may get in an hour, and how many it got.
//!
//! Counted in windows that are the hours of the clock (UTC), like usage: what is allowed, what is told to the client
//! and what usage shows are the same hours. Within a process the count is exact. What other nodes issued, and what
//! this one did before it was started, comes from usage a few seconds later (`recount`); docs/limits.md says what
//! that means. A client without a quota is never looked up here.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use symbolon_protocol::rate_limit::ServiceLimit;

use crate::authority::Authority;
use crate::clock::Timestamp;
use crate::edit::EditError;
use crate::id::{ClientId, OrganizationId, RealmId};
use crate::refusal::{Reason, Refusal};
use crate::store::{PageRequest, StoreResult};
use crate::usage::{GroupBy, Step, UsageFilter, UsageOf, UsageQuery, UsageResult, UsageResults};

const HOUR: i64 = 3_600_000;
/// The window in seconds, as answers tell it.
const WINDOW: u32 = 3600;
/// The policy's name in answers.
const POLICY: &str = "tokens";
/// How many clients with a quota are remembered at once. Whoever falls out is counted from usage again.
const CAPACITY: usize = 100_000;
/// More tokens in an hour than this are no limit but a mistake.
const MOST: u32 = 1_000_000_000;

/// What happens to tokens beyond a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum QuotaMode {
    /// There is none, whatever the realm's is.
    Off,
    /// They are issued, and recorded as beyond it.
    Monitor,
    /// They are refused until the hour is over.
    Enforce,
}

/// How many tokens a client may get in an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Quota {
    /// So many; nothing where the mode is off.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = i64, minimum = 0, maximum = 1_000_000_000))]
    pub tokens_per_hour: u32,
    /// What happens to others.
    pub mode: QuotaMode,
}

impl Quota {
    /// Refuses a number that makes no sense.
    pub(crate) fn check(this: Option<Self>) -> Result<(), EditError> {
        match this {
            Some(Self { tokens_per_hour, mode })
                if tokens_per_hour > MOST || (tokens_per_hour == 0 && mode != QuotaMode::Off) =>
            {
                Err(EditError::invalid(format!(
                    "a quota's tokens_per_hour is 1 to {MOST}, not {tokens_per_hour}; for none at all say mode: off"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// Whose quota it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spender<'a> {
    pub(crate) realm: &'a RealmId,
    pub(crate) organization: &'a OrganizationId,
    pub(crate) client: &'a ClientId,
}

/// One client's hour.
struct Window {
    organization: OrganizationId,
    count: Mutex<Count>,
}

#[derive(Clone, Copy, Default)]
struct Count {
    /// Hours since the epoch.
    hour: i64,
    tokens: u32,
    /// Whether the log has it that these are too many.
    told: bool,
    /// Whether it waits for being compared with usage.
    waits: bool,
}

impl Window {
    /// The count of this hour. One thread may see the next hour a moment before another: then that one's goes on.
    fn now(&self, now: Timestamp) -> MutexGuard<'_, Count> {
        let hour = hour_of(now);
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        if count.hour != hour && count.hour != hour + 1 {
            *count = Count { hour, waits: count.waits, ..Count::default() };
        }
        count
    }
}

impl Count {
    fn limit(&self, quota: Quota, now: Timestamp) -> ServiceLimit {
        ServiceLimit {
            policy: POLICY,
            quota: quota.tokens_per_hour,
            window: WINDOW,
            available: quota.tokens_per_hour.saturating_sub(self.tokens),
            reset: u32::try_from(self.ends_in(now).as_millis().div_ceil(1000)).unwrap_or(u32::MAX),
        }
    }

    fn ends_in(&self, now: Timestamp) -> Duration {
        Timestamp::from_millis((self.hour + 1).saturating_mul(HOUR)).since(now)
    }
}

fn hour_of(now: Timestamp) -> i64 {
    now.millis().div_euclid(HOUR)
}

/// A token that was counted.
pub(crate) struct Spent {
    window: Arc<Window>,
    /// What the client is told; nothing where its quota is only watched.
    pub(crate) limit: Option<ServiceLimit>,
    /// Whether it is beyond the quota.
    pub(crate) beyond: bool,
}

impl Spent {
    /// Takes it back: it was not issued after all.
    pub(crate) fn give_back(self, now: Timestamp) {
        let mut count = self.window.now(now);
        count.tokens = count.tokens.saturating_sub(1);
    }
}

/// What a window is kept under.
type Name = (RealmId, ClientId);

/// What clients with a quota got in this hour.
pub(crate) struct Quotas {
    windows: Cache<Name, Arc<Window>>,
    /// The windows in which something was asked for since they were compared with usage.
    asked: Mutex<Vec<(Name, Arc<Window>)>>,
    beyond: AtomicU64,
    refused: AtomicU64,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            windows: Cache::new(CAPACITY),
            asked: Mutex::default(),
            beyond: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }
}

impl Quotas {
    /// Counts a token, or refuses it.
    pub(crate) fn spend(
        &self,
        quota: Quota,
        spender: Spender<'_>,
        now: Timestamp,
    ) -> Result<Spent, Box<Refusal>> {
        let window = self.window(spender);
        let mut count = window.now(now);
        let compared = !std::mem::replace(&mut count.waits, true);
        let beyond = count.tokens >= quota.tokens_per_hour;
        let refused = beyond && quota.mode == QuotaMode::Enforce;
        let first = beyond && !std::mem::replace(&mut count.told, beyond);
        if !refused {
            count.tokens = count.tokens.saturating_add(1);
        }
        let (limit, ends_in) = (count.limit(quota, now), count.ends_in(now));
        drop(count);
        if compared {
            let name = (spender.realm.clone(), spender.client.clone());
            self.asked().push((name, Arc::clone(&window)));
        }
        if first {
            tracing::warn!(
                realm = %spender.realm,
                client = %spender.client,
                tokens_per_hour = quota.tokens_per_hour,
                enforced = refused,
                "a client asks for more tokens than its quota of this hour"
            );
        }
        if refused {
            self.refused.fetch_add(1, Relaxed);
            let reason = Reason::QuotaExceeded(quota.tokens_per_hour);
            let refusal = Refusal::new(reason);
            return Err(Box::new(Refusal {
                retry_after: Some(ends_in),
                limit: Some(Box::new(limit)),
                ..refusal
            }));
        }
        if beyond {
            self.beyond.fetch_add(1, Relaxed);
        }
        let limit = (quota.mode == QuotaMode::Enforce).then_some(limit);
        Ok(Spent { window, limit, beyond })
    }

    /// What a client is told that is not given a new token.
    pub(crate) fn limit(&self, quota: Quota, spender: Spender<'_>, now: Timestamp) -> Option<ServiceLimit> {
        (quota.mode == QuotaMode::Enforce).then(|| self.window(spender).now(now).limit(quota, now))
    }

    /// How many tokens were issued beyond a quota, and how many refused, since this was started.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.beyond.load(Relaxed), self.refused.load(Relaxed))
    }

    fn window(&self, spender: Spender<'_>) -> Arc<Window> {
        let key = (spender.realm.clone(), spender.client.clone());
        let new = || {
            let organization = spender.organization.clone();
            Ok::<_, Infallible>(Arc::new(Window { organization, count: Mutex::default() }))
        };
        match self.windows.get_or_insert_with(&key, new) {
            Ok(window) => window,
            Err(never) => match never {},
        }
    }

    fn asked(&self) -> MutexGuard<'_, Vec<(Name, Arc<Window>)>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Brings the counts of clients that asked lately up to what usage knows: tokens of other nodes, and of this one
/// before it was started.
pub async fn recount(authority: &Authority) -> StoreResult<()> {
    let now = authority.now();
    let from = Timestamp::from_millis(hour_of(now).saturating_mul(HOUR));
    let to = from.plus(Duration::from_hours(1));
    let asked = std::mem::take(&mut *authority.quotas.asked());
    // Whoever asks from now on is compared the next time, also if this time fails.
    for (_, window) in &asked {
        window.now(now).waits = false;
    }
    for ((realm, client), window) in asked {
        let question = UsageQuery {
            filter: UsageFilter {
                of: UsageOf::Client(window.organization.clone(), client),
                audience: None,
                results: UsageResults::Only(UsageResult::Issued),
                from,
                to,
            },
            group_by: GroupBy::default(),
            step: Step::Hour,
        };
        let answer = authority.store.list_usage(&realm, &question, &PageRequest::first()).await?;
        let used: i64 = answer.items.iter().flat_map(|series| &series.counts).map(|(_, tokens)| tokens).sum();
        let mut count = window.now(now);
        // Usage is behind by the latest tokens, so it only ever adds.
        if count.hour == hour_of(from) {
            count.tokens = count.tokens.max(u32::try_from(used).unwrap_or(u32::MAX));
        }
    }
    Ok(())
}

/// Recounts, again and again.
pub async fn keep(authority: Arc<Authority>, pause: Duration) {
    loop {
        tokio::time::sleep(pause).await;
        if let Err(error) = recount(&authority).await {
            tracing::debug!(%error, "quotas could not be compared with usage; they are again later");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Five minutes before an hour.
    const START: i64 = 1_795_348_500_000;

    struct Names(RealmId, OrganizationId, ClientId);

    impl Names {
        fn new() -> Self {
            let (realm, organization) = (RealmId::new("r").unwrap(), OrganizationId::new("o").unwrap());
            Self(realm, organization, ClientId::new("c").unwrap())
        }

        fn spender(&self) -> Spender<'_> {
            Spender { realm: &self.0, organization: &self.1, client: &self.2 }
        }
    }

    const fn quota(tokens_per_hour: u32, mode: QuotaMode) -> Quota {
        Quota { tokens_per_hour, mode }
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(START + millis)
    }

    #[test]
    fn an_enforced_quota_is_spent_one_by_one_and_refuses_until_the_hour_ends() {
        let (quotas, names) = (Quotas::default(), Names::new());
        let spend = |at| quotas.spend(quota(2, QuotaMode::Enforce), names.spender(), at);
        let left = |at| spend(at).ok().unwrap().limit.unwrap();
        let told = ServiceLimit { policy: "tokens", quota: 2, window: 3600, available: 1, reset: 300 };
        assert_eq!(left(at(0)), told);
        assert_eq!(left(at(1)), ServiceLimit { available: 0, ..told });
        let refusal = spend(at(999)).err().unwrap();
        assert_eq!(refusal.reason, Reason::QuotaExceeded(2));
        assert_eq!(refusal.retry_after, Some(Duration::from_millis(299_001)));
        assert_eq!(refusal.limit.as_deref(), Some(&ServiceLimit { available: 0, ..told }));
        assert!(spend(at(299_999)).is_err());
        assert_eq!(left(at(300_000)), ServiceLimit { reset: 3600, ..told });
        assert_eq!(quotas.counts(), (0, 2));
    }

    #[test]
    fn a_watched_quota_refuses_nothing_and_tells_the_client_nothing() {
        let (quotas, names) = (Quotas::default(), Names::new());
        let spend = || quotas.spend(quota(1, QuotaMode::Monitor), names.spender(), at(0)).ok().unwrap();
        let beyond: Vec<bool> = (0..3).map(|_| spend().beyond).collect();
        assert_eq!(beyond, [false, true, true]);
        assert_eq!(spend().limit, None);
        assert_eq!(quotas.counts(), (3, 0));
    }

    #[test]
    fn what_was_not_issued_is_given_back() {
        let (quotas, names) = (Quotas::default(), Names::new());
        let spend = || quotas.spend(quota(1, QuotaMode::Enforce), names.spender(), at(0));
        spend().ok().unwrap().give_back(at(0));
        assert!(spend().is_ok());
        assert!(spend().is_err());
    }

    #[test]
    fn a_clock_that_went_back_for_hours_starts_the_count_anew() {
        let (quotas, names) = (Quotas::default(), Names::new());
        let spend = |at| quotas.spend(quota(1, QuotaMode::Enforce), names.spender(), at);
        assert!(spend(at(10 * HOUR)).is_ok());
        assert!(spend(at(0)).is_ok());
        let wait = spend(at(0)).err().unwrap().retry_after.unwrap();
        assert!(wait <= Duration::from_mins(5));
    }

    #[test]
    fn a_number_that_makes_no_sense_is_refused_and_off_needs_none() {
        let check = |text: &str| Quota::check(serde_json::from_str(text).unwrap());
        assert!(check(r#"{"tokens_per_hour":0,"mode":"enforce"}"#).is_err());
        assert!(check(r#"{"tokens_per_hour":1000000001,"mode":"monitor"}"#).is_err());
        assert!(check(r#"{"tokens_per_hour":1,"mode":"monitor"}"#).is_ok());
        assert!(check(r#"{"mode":"off"}"#).is_ok());
        assert!(check("null").is_ok());
        assert!(serde_json::from_str::<Quota>(r#"{"tokens_per_hour":1}"#).is_err());
    }

    proptest! {
        /// In no hour of the clock more tokens than the quota, and never one refused before; whatever threads ask.
        #[test]
        fn every_hour_has_exactly_what_the_quota_allows(
            allowed in 1_u32..20,
            mut moments in proptest::collection::vec(0_i64..3 * HOUR, 1..200),
        ) {
            moments.sort_unstable();
            let (quotas, names) = (Quotas::default(), Names::new());
            let mut hours = std::collections::BTreeMap::new();
            for moment in moments {
                let issued = quotas.spend(quota(allowed, QuotaMode::Enforce), names.spender(), at(moment));
                let hour: &mut (u32, u32) = hours.entry(hour_of(at(moment))).or_default();
                hour.0 += 1;
                hour.1 += u32::from(issued.is_ok());
            }
            for (asked, issued) in hours.into_values() {
                prop_assert_eq!(issued, asked.min(allowed));
            }
        }
    }

    #[test]
    fn threads_together_get_exactly_the_quota() {
        let (quotas, names) = (Quotas::default(), Names::new());
        let spend = || quotas.spend(quota(1000, QuotaMode::Enforce), names.spender(), at(0)).is_ok();
        let issued: usize = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..4).map(|_| scope.spawn(|| (0..500).filter(|_| spend()).count())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(issued, 1000);
    }
}
