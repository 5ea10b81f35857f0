//! Changes to policies. They act on the next token.

use crate::audit::{Subject, SubjectKind};
use crate::edit::{EditError, Editor, check_name};
use crate::policy::{ADMINISTRATOR, Policy};

/// Adds a policy.
pub async fn insert(editor: Editor<'_>, policy: &Policy) -> Result<(), EditError> {
    check(policy)?;
    let subject = Subject::new(SubjectKind::Policy, policy.id.as_str());
    let change = editor.change("create", subject, None, Some(policy));
    editor.store().insert_policy(editor.realm, policy, &change).await?;
    editor.done().await
}

/// Changes a policy; it acts on the next token.
pub async fn update(editor: Editor<'_>, before: &Policy, after: &Policy) -> Result<(), EditError> {
    check(after)?;
    let after = Policy { version: before.version + 1, ..after.clone() };
    let subject = Subject::new(SubjectKind::Policy, after.id.as_str());
    let change = editor.change("update", subject, Some(before), Some(&after));
    editor.store().update_policy(editor.realm, &after, &change).await?;
    editor.done().await
}

/// Removes a policy; clients that were given it lose what it allowed with their next token, and what it denied
/// is denied no more.
pub async fn delete(editor: Editor<'_>, policy: &Policy) -> Result<(), EditError> {
    let subject = Subject::new(SubjectKind::Policy, policy.id.as_str());
    let change = editor.change("delete", subject, Some(policy), None);
    editor.store().delete_policy(editor.realm, &policy.id, policy.version, &change).await?;
    editor.done().await
}

/// Checks a policy by itself.
pub(crate) fn check(policy: &Policy) -> Result<(), EditError> {
    if policy.id.as_str() == ADMINISTRATOR {
        return Err(EditError::invalid("the policy Administrator is built in and cannot be changed"));
    }
    check_name(&policy.name)?;
    if policy
        .statements
        .iter()
        .any(|statement| statement.actions.is_empty() || statement.resources.is_empty())
    {
        return Err(EditError::invalid("every statement needs at least one action and one resource"));
    }
    Ok(())
}
