//! A licence: the time in which an organization may use one API (rule 3).

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{Id, Identified};
use crate::organization::OrganizationId;
use crate::realm::Status;
use crate::resource_server::comparable;

use crate::audit::{RevocationWrite, Subject, SubjectKind};
use crate::edit::{EditError, Editor, open};
use symbolon_protocol::revocation::{Kind, licence_id};

/// Names a licence.
pub type LicenceId = Id<Licence>;

/// What was agreed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
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

impl Identified for Licence {
    const PREFIX: &'static str = "lic";
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

fn subject(licence: &Licence) -> Subject {
    let organization = &licence.organization;
    Subject::new(SubjectKind::Licence, licence.id.as_str()).of(organization).under(organization.as_str())
}

/// Adds a licence. If an earlier one was ended, its tokens stay dead and those from now on live.
pub async fn insert(editor: Editor<'_>, licence: &Licence) -> Result<(), EditError> {
    check(editor, licence)?;
    let mut change = editor.change("create", subject(licence), None, Some(licence));
    change.revocations = vec![editor.closed(Kind::Licence, &revocation_id(licence))?];
    editor.store().insert_licence(editor.realm, licence, &change).await?;
    editor.done().await
}

/// Changes a licence. Ending it, now or sooner than was agreed, kills the tokens that relied on it.
pub async fn update(editor: Editor<'_>, before: &Licence, after: &Licence) -> Result<(), EditError> {
    check(editor, after)?;
    let after = Licence { version: before.version + 1, ..after.clone() };
    let mut change = editor.change("update", subject(&after), Some(before), Some(&after));
    change.revocations = revocations(editor, before, Some(&after)).await?;
    editor.store().update_licence(editor.realm, &after, &change).await?;
    editor.done().await
}

/// Removes a licence, and kills the tokens that relied on it.
pub async fn delete(editor: Editor<'_>, licence: &Licence) -> Result<(), EditError> {
    let mut change = editor.change("delete", subject(licence), Some(licence), None);
    change.revocations = revocations(editor, licence, None).await?;
    let (id, organization) = (&licence.id, &licence.organization);
    editor.store().delete_licence(editor.realm, organization, id, licence.version, &change).await?;
    editor.done().await
}

/// While no licence opens the audience its revocation is open; where another one does, or this one goes on in
/// another span, only what was issued so far dies.
async fn revocations(
    editor: Editor<'_>,
    before: &Licence,
    after: Option<&Licence>,
) -> Result<Vec<RevocationWrite>, EditError> {
    let now = editor.now();
    let id = revocation_id(before);
    let opened = before.opens(&before.audience, now);
    let opens = after.is_some_and(|after| after.opens(&before.audience, now));
    let shortened = after.is_none_or(|after| match (before.ends_at, after.ends_at) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(old), Some(new)) => new < old,
    });
    let moved = after.is_some_and(|after| comparable(&after.audience) != comparable(&before.audience));
    Ok(match (opened, opens) {
        (false, true) => vec![editor.closed(Kind::Licence, &id)?],
        (true, true) if shortened || moved => vec![editor.before_now(Kind::Licence, &id)?],
        (true, false) => {
            let all = editor.store().list_licences(editor.realm, &before.organization).await?;
            let another = all.iter().any(|other| other.id != before.id && other.opens(&before.audience, now));
            if another {
                vec![editor.before_now(Kind::Licence, &id)?]
            } else {
                vec![open(Kind::Licence, &id)]
            }
        }
        _ => Vec::new(),
    })
}

/// The audience as it stands in tokens, which is what the revocation is compared with.
fn revocation_id(licence: &Licence) -> String {
    licence_id(licence.organization.as_str(), &licence.audience)
}

fn check(editor: Editor<'_>, licence: &Licence) -> Result<(), EditError> {
    let realm = editor.authority.directory().realm(editor.realm.as_str());
    match realm.as_ref().and_then(|realm| realm.resource_server(&licence.audience)) {
        Some(server) if server.identifier == licence.audience => {}
        Some(server) => {
            return Err(EditError::invalid(format!(
                "a licence names its audience in the registered form: {}",
                server.identifier
            )));
        }
        None => {
            return Err(EditError::invalid(format!(
                "no resource server has the identifier {:?}",
                licence.audience
            )));
        }
    }
    match licence.ends_at {
        Some(end) if end <= licence.starts_at => {
            Err(EditError::invalid("a licence must end after it starts"))
        }
        _ => Ok(()),
    }
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
