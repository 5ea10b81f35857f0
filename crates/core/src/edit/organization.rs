//! Changes to organizations.

use symbolon_protocol::revocation::Kind;

use crate::audit::{Subject, SubjectKind};
use crate::edit::{EditError, Editor};
use crate::organization::Organization;

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
