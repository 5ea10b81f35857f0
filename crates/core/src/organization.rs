//! An organization: one customer of the API company.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::id::{Id, Identified};
use crate::realm::Status;

use crate::audit::{Subject, SubjectKind};
use crate::edit::{EditError, Editor};
use symbolon_protocol::revocation::Kind;

/// Names an organization.
pub type OrganizationId = Id<Organization>;

/// An organization.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Its id; the account id that APIs read from tokens.
    pub id: OrganizationId,
    /// A name for people.
    pub name: String,
    /// A disabled one gets no tokens, and those it has are dead.
    pub status: Status,
    /// Whatever the API company wants to remember of it; claim maps can read it.
    pub metadata: BTreeMap<String, String>,
    /// Counts changes, for optimistic locking.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Identified for Organization {
    const PREFIX: &'static str = "org";
}

fn subject(organization: &Organization) -> Subject {
    Subject::new(SubjectKind::Organization, organization.id.as_str()).of(&organization.id)
}

/// Adds an organization.
pub async fn insert(editor: Editor<'_>, organization: &Organization) -> Result<(), EditError> {
    let change = editor.change("create", subject(organization), None, Some(organization));
    editor.store().insert_organization(editor.realm, organization, &change).await?;
    editor.done().await
}

/// Changes an organization. Switching it off kills all its tokens; they stay dead when it is on again.
pub async fn update(
    editor: Editor<'_>,
    before: &Organization,
    after: &Organization,
) -> Result<(), EditError> {
    let after = Organization { version: before.version + 1, ..after.clone() };
    let mut change = editor.change("update", subject(&after), Some(before), Some(&after));
    change.revocations =
        editor.status_revocation(Kind::Organization, after.id.as_str(), (before.status, after.status))?;
    editor.store().update_organization(editor.realm, &after, &change).await?;
    editor.done().await
}
