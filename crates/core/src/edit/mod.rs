//! Changes that people and commands make: one module a noun, and what all of them share.
//!
//! The console, the management API and the command line all change things through the functions of the noun
//! modules here (`client::insert`, `access_key::set_status`, …), and those all work with an [`Editor`]. A change is
//! one transaction with its audit row and its revocations, and is known to this process when the call returns.

pub mod access_key;
pub mod client;
pub mod credentials;
pub mod licence;
pub mod link;
pub mod organization;
pub mod policy;
pub mod realm;
pub mod resource_server;
pub mod session;
pub mod user;

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use symbolon_protocol::revocation::Kind;

use crate::audit::{Actor, Change, Movement, RevocationWrite, Subject};
use crate::authority::Authority;
use crate::clock::Timestamp;
use crate::id::{OrganizationId, RealmId};
use crate::password::PasswordError;
use crate::random::NoRandomness;
use crate::realm::{Realm, Status};
use crate::realm_view::RealmView;
use crate::revoke::forget_after;
use crate::store::{Store, StoreError};

/// Why a change was not made. The texts are for the person who asked for it.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// What was asked for breaks a rule.
    #[error("{0}")]
    Invalid(String),
    /// What was asked for is more than this caller may have.
    #[error("{0}")]
    NotOffered(String),
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No randomness.
    #[error(transparent)]
    NoRandomness(#[from] NoRandomness),
    /// A password could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
}

impl EditError {
    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::Invalid(text.into())
    }

    /// A realm is to be operated by an organization that it does not have: nobody could manage it any more.
    pub(crate) fn no_operators(operators: &OrganizationId) -> Self {
        Self::Invalid(format!("operators: the realm has no organization {operators}"))
    }
}

/// Somebody who changes things in a realm.
#[derive(Clone, Copy)]
pub struct Editor<'a> {
    /// What decides and keeps.
    pub authority: &'a Authority,
    /// Who.
    pub actor: &'a Actor,
    /// Where.
    pub realm: &'a RealmId,
}

impl Editor<'_> {
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.authority.store
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.authority.now()
    }

    /// The realm's settings, as far as they are known here.
    pub(crate) fn realm_record(&self) -> Result<Realm, EditError> {
        Ok(self.view()?.realm().clone())
    }

    /// The realm, as it is known here.
    pub(crate) fn view(&self) -> Result<Arc<RealmView>, EditError> {
        Ok(self.authority.directory().realm(self.realm.as_str()).ok_or(StoreError::NotFound)?)
    }

    /// Describes a change. Secrets and their hashes are taken out of what it looked like and looks like; that one was
    /// replaced stays to be seen.
    pub(crate) fn change<T: Serialize>(
        &self,
        action: &'static str,
        subject: Subject,
        before: Option<&T>,
        after: Option<&T>,
    ) -> Change {
        let [before, after] = without_secrets(before.map(shown), after.map(shown));
        Change {
            at: self.now(),
            actor: self.actor.clone(),
            action,
            subject,
            before,
            after,
            revocations: Vec::new(),
        }
    }

    /// Makes a finished change known here.
    pub(crate) async fn done(&self) -> Result<(), EditError> {
        Ok(self.authority.after_change().await?)
    }

    /// The revocation that a change of status means: open while something is off, closed when it is on again.
    pub(crate) fn status_revocation(
        &self,
        kind: Kind,
        id: &str,
        (before, after): (Status, Status),
    ) -> Result<Vec<RevocationWrite>, EditError> {
        Ok(match (before, after) {
            (Status::Active, Status::Disabled) => vec![open(kind, id)],
            (Status::Disabled, Status::Active) => vec![self.closed(kind, id)?],
            _ => Vec::new(),
        })
    }

    /// Ends an open revocation now.
    pub(crate) fn closed(&self, kind: Kind, id: &str) -> Result<RevocationWrite, EditError> {
        self.passing(kind, id, Movement::Close(self.authority.revocation_moment()))
    }

    /// Kills what was issued up to now.
    pub(crate) fn before_now(&self, kind: Kind, id: &str) -> Result<RevocationWrite, EditError> {
        self.passing(kind, id, Movement::Before(self.authority.revocation_moment()))
    }

    /// Kills everything for good: the subject is gone.
    pub(crate) fn gone(&self, kind: Kind, id: &str) -> Result<RevocationWrite, EditError> {
        self.passing(kind, id, Movement::Gone)
    }

    /// A revocation that is forgotten once every token that it can hit has expired.
    fn passing(&self, kind: Kind, id: &str, movement: Movement) -> Result<RevocationWrite, EditError> {
        let forget_after = Some(forget_after(self.authority, &self.realm_record()?));
        Ok(RevocationWrite { kind, id: id.to_owned(), client: None, movement, forget_after })
    }
}

/// Checks a name for people: short enough that a list of them can be read, and nothing in it that acts on a terminal
/// or that a database cannot keep.
pub(crate) fn check_name(name: &str) -> Result<(), EditError> {
    const LONGEST: usize = 255;
    if name.chars().count() > LONGEST {
        return Err(EditError::Invalid(format!("a name has at most {LONGEST} characters")));
    }
    match name.chars().find(|c| c.is_control()) {
        Some(control) => Err(EditError::Invalid(format!("a name cannot hold the character {control:?}"))),
        None => Ok(()),
    }
}

/// Kills everything while the subject is off.
pub(crate) fn open(kind: Kind, id: &str) -> RevocationWrite {
    RevocationWrite { kind, id: id.to_owned(), client: None, movement: Movement::Open, forget_after: None }
}

/// What audit never shows.
const HIDDEN: [&str; 3] = ["secret", "password", "private"];

fn shown<T: Serialize>(record: &T) -> Value {
    serde_json::to_value(record).unwrap_or_default()
}

/// What a thing looked like and looks like, as audit may show it: without what is hidden, but with a word in its place
/// where it is not what it was.
fn without_secrets(mut before: Option<Value>, mut after: Option<Value>) -> [Option<Value>; 2] {
    for name in HIDDEN {
        let (old, new) = (take(&mut before, name), take(&mut after, name));
        // Where a thing is made or deleted there is nothing to compare.
        let (Some(before), Some(after)) = (before.as_mut(), after.as_mut()) else { continue };
        if old == new {
            continue;
        }
        let word = if old.is_some() { "changed" } else { "set" };
        put(before, name, old.is_some().then_some("set"));
        put(after, name, new.is_some().then_some(word));
    }
    [before, after]
}

/// Takes a member out; none if it holds nothing.
fn take(record: &mut Option<Value>, name: &str) -> Option<Value> {
    let value = record.as_mut()?.as_object_mut()?.remove(name)?;
    (!value.is_null()).then_some(value)
}

fn put(record: &mut Value, name: &str, word: Option<&str>) {
    if let (Some(members), Some(word)) = (record.as_object_mut(), word) {
        members.insert(name.to_owned(), word.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn words(old: Value, new: Value) -> [Value; 2] {
        let record = |password: Value| Some(json!({"id": "u", "password": password}));
        without_secrets(record(old), record(new)).map(|shown| shown.unwrap()["password"].clone())
    }

    #[test]
    fn a_secret_that_is_another_one_leaves_a_word_and_nothing_of_itself() {
        assert_eq!(words(json!("$one"), json!("$two")), [json!("set"), json!("changed")]);
        assert_eq!(words(json!({"hash": 1}), json!({"hash": 2})), [json!("set"), json!("changed")]);
        assert_eq!(words(Value::Null, json!("$two")), [Value::Null, json!("set")]);
        assert_eq!(words(json!("$one"), Value::Null), [json!("set"), Value::Null]);
    }

    #[test]
    fn a_secret_that_stays_and_one_that_comes_or_goes_with_its_thing_leave_nothing() {
        let bare = Some(json!({"id": "u"}));
        let with = || Some(json!({"id": "u", "password": "$one", "secret": {"hash": 1}, "private": null}));
        assert_eq!(without_secrets(with(), with()), [bare.clone(), bare.clone()]);
        assert_eq!(without_secrets(None, with()), [None, bare.clone()]);
        assert_eq!(without_secrets(with(), None), [bare, None]);
    }
}
