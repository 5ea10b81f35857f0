//! Changes to users and their passwords.

use symbolon_protocol::revocation::Kind;

use crate::audit::{Subject, SubjectKind};
use crate::edit::{EditError, Editor};
use crate::password::PasswordHash;
use crate::secret::Secret;
use crate::self_service;
use crate::sign_in::password::check_new;
use crate::user::{User, is_email};

pub(crate) fn subject(user: &User) -> Subject {
    let subject = Subject::new(SubjectKind::User, user.id.as_str());
    match &user.membership {
        Some(membership) => subject.of(&membership.organization),
        None => subject,
    }
}

/// Adds a user.
pub async fn insert(editor: Editor<'_>, user: &User) -> Result<(), EditError> {
    check(user)?;
    let change = editor.change("create", subject(user), None, Some(user));
    editor.store().insert_user(editor.realm, user, &change).await?;
    editor.done().await
}

/// Changes a user. Switching it off, a new password or another role kills the tokens that it has and ends its sessions.
pub async fn update(editor: Editor<'_>, before: &User, after: &User) -> Result<(), EditError> {
    check(after)?;
    let was = (before.status.is_active(), before.held);
    let held = self_service::held(!editor.actor.is_customer, was, after.status.is_active())?;
    let after = User { version: before.version + 1, held, ..after.clone() };
    let mut change = editor.change("update", subject(&after), Some(before), Some(&after));
    let id = after.id.as_str();
    change.revocations = editor.status_revocation(Kind::User, id, (before.status, after.status))?;
    let narrowed = before.password != after.password
        || before.membership != after.membership
        || before.operator != after.operator;
    if change.revocations.is_empty() && narrowed {
        change.revocations = vec![editor.before_now(Kind::User, id)?];
    }
    editor.store().update_user(editor.realm, &after, &change).await?;
    editor.done().await
}

/// Hashes the new password of the user with an email address, if it will do as one. There is no other way to a hash
/// but to take one over from elsewhere.
pub async fn hash_password(
    editor: Editor<'_>,
    password: &Secret,
    email: &str,
) -> Result<PasswordHash, EditError> {
    check_new(password, email).map_err(|weak| EditError::Invalid(weak.to_string()))?;
    Ok(editor.authority.passwords.hash(password, &*editor.authority.random).await?)
}

/// Whether a password is the user's own.
pub async fn has_password(editor: Editor<'_>, user: &User, password: &Secret) -> Result<bool, EditError> {
    Ok(editor.authority.passwords.matches(password, user.password.as_ref()).await?)
}

pub(crate) fn check(user: &User) -> Result<(), EditError> {
    if is_email(&user.email) {
        Ok(())
    } else {
        Err(EditError::invalid(format!("{:?} is not an email address", user.email)))
    }
}
