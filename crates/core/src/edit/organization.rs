//! Changes to organizations.

use symbolon_protocol::revocation::Kind;

use crate::audit::{Subject, SubjectKind};
use crate::edit::{EditError, Editor, check_name};
use crate::organization::Organization;

fn subject(organization: &Organization) -> Subject {
    Subject::new(SubjectKind::Organization, organization.id.as_str()).of(&organization.id)
}

/// Adds an organization.
pub async fn insert(editor: Editor<'_>, organization: &Organization) -> Result<(), EditError> {
    check(organization)?;
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
    check(after)?;
    let after = Organization { version: before.version + 1, ..after.clone() };
    let mut change = editor.change("update", subject(&after), Some(before), Some(&after));
    change.revocations =
        editor.status_revocation(Kind::Organization, after.id.as_str(), (before.status, after.status))?;
    editor.store().update_organization(editor.realm, &after, &change).await?;
    editor.done().await
}

pub(crate) fn check(organization: &Organization) -> Result<(), EditError> {
    let texts = organization.metadata.iter().flat_map(|(name, value)| [name, value]);
    if texts.into_iter().any(|text| text.contains('\0')) {
        return Err(EditError::invalid("metadata cannot hold the character NUL"));
    }
    check_name(&organization.name)
}
