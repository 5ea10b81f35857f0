//! A licence: the time in which an organization may use one API (rule 3).

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
pub use crate::id::LicenceId;
use crate::id::OrganizationId;
use crate::realm::Status;
use crate::resource_server::comparable;

/// What was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum LicenceKind {
    /// Free, for a while.
    Trial,
    /// Early access.
    Beta,
    /// Paid.
    Full,
}

/// A licence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Licence {
    /// Its id.
    pub id: LicenceId,
    /// Who has it.
    pub organization: OrganizationId,
    /// For which API.
    pub audience: String,
    /// What was agreed.
    pub kind: LicenceKind,
    /// From then on.
    pub starts_at: Timestamp,
    /// Until then, exclusively; for ever where absent.
    pub ends_at: Option<Timestamp>,
    /// A disabled one counts for nothing.
    pub status: Status,
    /// Counts changes, for optimistic locking.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Licence {
    /// Whether it opens the audience at that moment.
    pub fn opens(&self, audience: &str, now: Timestamp) -> bool {
        self.status.is_active()
            && comparable(&self.audience) == comparable(audience)
            && self.starts_at <= now
            && self.ends_at.is_none_or(|end| now < end)
    }
}

/// Why no licence opens an audience, told to the customer as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoLicence {
    /// There never was one for this API.
    #[error("The organization has no licence for this API")]
    None,
    /// There is one of another kind than the client needs.
    #[error("The organization has no active {0} licence for this API")]
    OtherKind(&'static str),
    /// It is over.
    #[error("The licence for this API ended at {0}")]
    Ended(Timestamp),
    /// It has not begun.
    #[error("The licence for this API starts at {0}")]
    NotStarted(Timestamp),
    /// It was switched off.
    #[error("The licence for this API is not active")]
    Disabled,
}

impl LicenceKind {
    /// The kind's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trial => "trial",
            Self::Beta => "beta",
            Self::Full => "full",
        }
    }
}

/// Finds the licence that opens an audience now, the one that lasts longest; or says why there is none.
pub fn covering<'a>(
    licences: &'a [Licence],
    audience: &str,
    kind: Option<LicenceKind>,
    now: Timestamp,
) -> Result<&'a Licence, NoLicence> {
    let here = || licences.iter().filter(|licence| comparable(&licence.audience) == comparable(audience));
    let fitting = || here().filter(|licence| kind.is_none_or(|kind| licence.kind == kind));
    let longest = fitting()
        .filter(|licence| licence.opens(audience, now))
        .max_by_key(|licence| licence.ends_at.map_or(i64::MAX, Timestamp::millis));
    if let Some(licence) = longest {
        return Ok(licence);
    }
    let active = || fitting().filter(|licence| licence.status.is_active());
    let next = active().filter(|licence| licence.starts_at > now).map(|licence| licence.starts_at).min();
    let last = active().filter_map(|licence| licence.ends_at).filter(|end| *end <= now).max();
    Err(match (next, last, kind) {
        (Some(start), _, _) => NoLicence::NotStarted(start),
        (None, Some(end), _) => NoLicence::Ended(end),
        _ if fitting().next().is_some() => NoLicence::Disabled,
        (_, _, Some(kind)) if here().next().is_some() => NoLicence::OtherKind(kind.name()),
        _ => NoLicence::None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const API: &str = "https://a.example";

    fn licence(starts: i64, ends: Option<i64>) -> Licence {
        Licence {
            id: LicenceId::new("lic_1").unwrap(),
            organization: OrganizationId::new("org_1").unwrap(),
            audience: API.to_owned(),
            kind: LicenceKind::Trial,
            starts_at: Timestamp::from_seconds(starts),
            ends_at: ends.map(Timestamp::from_seconds),
            status: Status::Active,
            version: 1,
            created_at: Timestamp::default(),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn a_licence_spans_from_its_start_up_to_its_end() {
        let licences = [licence(10, Some(20))];
        let why = |now| covering(&licences, API, None, at(now)).unwrap_err();
        assert_eq!(why(9), NoLicence::NotStarted(at(10)));
        assert!(covering(&licences, "https://a.example/", None, at(10)).is_ok());
        assert!(covering(&licences, API, None, at(19)).is_ok());
        assert_eq!(why(20), NoLicence::Ended(at(20)));
    }

    #[test]
    fn the_refusal_says_which() {
        let none = covering(&[], API, None, at(0)).unwrap_err();
        assert_eq!(none, NoLicence::None);
        let disabled = [Licence { status: Status::Disabled, ..licence(0, None) }];
        assert_eq!(covering(&disabled, API, None, at(5)).unwrap_err(), NoLicence::Disabled);
        let trial = [licence(0, None)];
        let error = covering(&trial, API, Some(LicenceKind::Beta), at(5)).unwrap_err();
        assert_eq!(error.to_string(), "The organization has no active beta licence for this API");
    }

    #[test]
    fn the_one_that_lasts_longest_counts() {
        let licences = [licence(0, Some(20)), licence(0, None), licence(0, Some(30))];
        assert_eq!(covering(&licences, API, None, at(5)).unwrap().ends_at, None);
    }
}
