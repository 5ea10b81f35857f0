//! Usage: how often clients got tokens and were refused, asked for by hours or days.
//!
//! It is counted in the background (`journal`), apart from what decides about tokens. Here stands what can be asked,
//! and what is answered; the store knows how.

use crate::clock::Timestamp;
use crate::id::{AccessKeyId, ClientId, OrganizationId};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// No answer has more moments than this in one series: 400 days by the hour.
pub const MOST_STEPS: i64 = 9_600;

/// Whose usage is asked for. Whoever may see one organization alone is given no other of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageOf {
    /// Of all that is in the realm, and of requests that named nobody who is known.
    Realm,
    /// Of one organization.
    Organization(OrganizationId),
    /// Of one client.
    Client(OrganizationId, ClientId),
    /// Of one access key.
    AccessKey(OrganizationId, ClientId, AccessKeyId),
}

impl UsageOf {
    /// The organization, unless it is the whole realm.
    pub const fn organization(&self) -> Option<&OrganizationId> {
        match self {
            Self::Realm => None,
            Self::Organization(organization)
            | Self::Client(organization, _)
            | Self::AccessKey(organization, ..) => Some(organization),
        }
    }

    /// The client, if it is one or a key of one.
    pub const fn client(&self) -> Option<&ClientId> {
        match self {
            Self::Realm | Self::Organization(_) => None,
            Self::Client(_, client) | Self::AccessKey(_, client, _) => Some(client),
        }
    }

    /// The access key, if it is one.
    pub const fn access_key(&self) -> Option<&AccessKeyId> {
        match self {
            Self::AccessKey(_, _, key) => Some(key),
            _ => None,
        }
    }
}

/// How a request ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UsageResult {
    /// With a token.
    Issued,
    /// With this OAuth error code.
    Refused(String),
}

impl UsageResult {
    /// What the result of tokens is called, beside the error codes.
    pub const ISSUED: &'static str = "issued";

    /// Reads a name: `issued`, or an error code.
    pub fn from_name(name: &str) -> Self {
        if name == Self::ISSUED { Self::Issued } else { Self::Refused(name.to_owned()) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        match self {
            Self::Issued => Self::ISSUED,
            Self::Refused(code) => code,
        }
    }
}

/// Which results are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UsageResults {
    /// All of them.
    #[default]
    All,
    /// Every refusal, whatever its code.
    Refused,
    /// This one.
    Only(UsageResult),
}

/// What is counted: whose, which, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageFilter {
    /// Whose.
    pub of: UsageOf,
    /// For one audience, by the identifier of its resource server; for all where absent.
    pub audience: Option<String>,
    /// How it ended.
    pub results: UsageResults,
    /// From the step that this moment lies in.
    pub from: Timestamp,
    /// To the step before this moment, or the one that it lies in if it does not begin one.
    pub to: Timestamp,
}

/// What counts are told apart by. Keys are told apart within clients, and clients within organizations, so that each
/// of these implies the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "it is a set")]
pub struct GroupBy {
    /// By organization.
    pub organization: bool,
    /// By client.
    pub client: bool,
    /// By access key.
    pub access_key: bool,
    /// By audience.
    pub audience: bool,
    /// By result.
    pub result: bool,
    /// By the exact reason of refusals.
    pub reason: bool,
}

impl GroupBy {
    /// The set with what its members imply.
    #[must_use]
    pub const fn whole(self) -> Self {
        let client = self.client || self.access_key;
        Self { organization: self.organization || client, client, ..self }
    }
}

/// What one count spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Step {
    /// An hour.
    Hour,
    /// A day, in UTC.
    Day,
    /// The whole time that is asked for, in days.
    #[default]
    Total,
}

/// A question about usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageQuery {
    /// What is counted.
    pub filter: UsageFilter,
    /// What is told apart.
    pub group_by: GroupBy,
    /// How finely.
    pub step: Step,
}

/// A question that cannot be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// The end is not after the begin.
    #[error("`to` must be later than `from`")]
    Backwards,
    /// There would be too many counts in one series.
    #[error("the time is too long: ask for at most {MOST_STEPS} steps, or for longer ones")]
    TooLong,
}

impl UsageFilter {
    /// Both ends, the begin inclusive and the end exclusive, widened to whole hours or whole days.
    pub const fn span(&self, step: Step) -> (Timestamp, Timestamp) {
        let unit = match step {
            Step::Hour => HOUR,
            Step::Day | Step::Total => DAY,
        };
        let begin = self.from.millis().div_euclid(unit).saturating_mul(unit);
        let end = self.to.millis().saturating_add(unit - 1).div_euclid(unit) * unit;
        (Timestamp::from_millis(begin), Timestamp::from_millis(end))
    }

    /// Checks that the time makes sense in steps of this length.
    pub const fn check(&self, step: Step) -> Result<(), UsageError> {
        if self.to.millis() <= self.from.millis() {
            return Err(UsageError::Backwards);
        }
        let (from, to) = self.span(step);
        let unit = match step {
            Step::Hour => HOUR,
            Step::Day => DAY,
            Step::Total => return Ok(()),
        };
        if to.millis().saturating_sub(from.millis()) / unit > MOST_STEPS {
            return Err(UsageError::TooLong);
        }
        Ok(())
    }
}

impl UsageQuery {
    /// Checks that the question can be answered.
    pub const fn check(&self) -> Result<(), UsageError> {
        self.filter.check(self.step)
    }
}

/// What the counts of one series have in common. What was not told apart is absent; so is the client of requests
/// that named nobody who is known, the key of those that did not name it, the audience that nobody knows, and the
/// reason of tokens and of refusals that were counted before reasons were.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsageGroup {
    /// The organization.
    pub organization: Option<OrganizationId>,
    /// The client.
    pub client: Option<ClientId>,
    /// The access key.
    pub access_key: Option<AccessKeyId>,
    /// The identifier of the resource server.
    pub audience: Option<String>,
    /// How the requests ended.
    pub result: Option<UsageResult>,
    /// The exact reason of refusals: one of [`Reason::NAMES`](crate::refusal::Reason::NAMES).
    pub reason: Option<String>,
}

/// The counts of one group, in the order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageSeries {
    /// The group.
    pub group: UsageGroup,
    /// The begin of each step, and how many requests there were in it. Steps without any are left out.
    pub counts: Vec<(Timestamp, i64)>,
}

/// Who is looked for among the busiest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Busiest {
    /// Organizations.
    Organizations,
    /// Clients.
    Clients,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(from: i64, to: i64) -> UsageFilter {
        let (from, to) = (Timestamp::from_seconds(from), Timestamp::from_seconds(to));
        UsageFilter { of: UsageOf::Realm, audience: None, results: UsageResults::All, from, to }
    }

    #[test]
    fn a_time_is_widened_to_whole_steps() {
        let span = |step, from, to| {
            let (from, to) = filter(from, to).span(step);
            (from.seconds(), to.seconds())
        };
        assert_eq!(span(Step::Hour, 3600, 7200), (3600, 7200));
        assert_eq!(span(Step::Hour, 3599, 7201), (0, 10_800));
        assert_eq!(span(Step::Day, 90_000, 90_001), (86_400, 172_800));
        assert_eq!(span(Step::Total, 86_400, 172_800), (86_400, 172_800));
        assert_eq!(span(Step::Hour, -1, 1), (-3600, 3600));
    }

    #[test]
    fn a_time_that_ends_before_it_begins_or_never_is_refused() {
        assert_eq!(filter(10, 10).check(Step::Day), Err(UsageError::Backwards));
        assert_eq!(filter(0, i64::MAX).check(Step::Day), Err(UsageError::TooLong));
        assert_eq!(filter(0, 9_600 * 3600).check(Step::Hour), Ok(()));
        assert_eq!(filter(0, 9_600 * 3600 + 1).check(Step::Hour), Err(UsageError::TooLong));
        assert_eq!(filter(0, 9_600 * 3600 + 1).check(Step::Total), Ok(()));
    }

    #[test]
    fn a_key_is_told_apart_within_its_client() {
        let whole = GroupBy { access_key: true, ..GroupBy::default() }.whole();
        assert!(whole.client && whole.organization && !whole.audience);
        assert_eq!(GroupBy::default().whole(), GroupBy::default());
    }
}
