//! Changes to realms.

use symbolon_protocol::revocation::Kind;

use crate::audit::{Subject, SubjectKind};
use crate::edit::{EditError, Editor};
use crate::realm::{Realm, RealmSettings};

/// Adds a realm, with its first signing keys.
pub async fn insert(editor: Editor<'_>, realm: &Realm) -> Result<(), EditError> {
    check(&realm.settings)?;
    let change =
        editor.change("create", Subject::new(SubjectKind::Realm, realm.id.as_str()), None, Some(realm));
    editor.store().insert_realm(realm, &change).await?;
    editor.done().await?;
    crate::rotation::keep_keys(editor.authority, &realm.id).await
}

/// Changes a realm. Switching it off kills all its tokens.
pub async fn update(editor: Editor<'_>, before: &Realm, after: &Realm) -> Result<(), EditError> {
    check(&after.settings)?;
    let after = Realm { version: before.version + 1, ..after.clone() };
    let subject = Subject::new(SubjectKind::Realm, after.id.as_str());
    let mut change = editor.change("update", subject, Some(before), Some(&after));
    change.revocations = editor.status_revocation(Kind::Realm, "", (before.status, after.status))?;
    editor.store().update_realm(&after, &change).await?;
    editor.done().await?;
    crate::rotation::keep_keys(editor.authority, &after.id).await
}

fn check(settings: &RealmSettings) -> Result<(), EditError> {
    if settings.default_lifetime < 1 || settings.maximum_lifetime < 1 {
        return Err(EditError::invalid("lifetimes must be at least one second"));
    }
    if let Some(bad) = settings.hosts.iter().find(|host| host.is_empty() || host.contains(['/', ':', ' '])) {
        return Err(EditError::invalid(format!(
            "{bad:?} is not a host name; leave out scheme, port and path"
        )));
    }
    match &settings.issuer {
        Some(issuer) if symbolon_protocol::metadata::well_known(issuer, "").is_none() => {
            Err(EditError::invalid(format!("the issuer {issuer:?} is not an http(s) URL")))
        }
        _ => Ok(()),
    }
}
