//! Changes to licences, and the revocations that their early end means (docs/decisions/0008).

use symbolon_protocol::revocation::{Kind, licence_id};

use crate::audit::{RevocationWrite, Subject, SubjectKind};
use crate::clock::Timestamp;
use crate::edit::{EditError, Editor, open};
use crate::licence::Licence;
use crate::realm_view::RealmView;
use crate::resource_server::comparable;

fn subject(licence: &Licence) -> Subject {
    let organization = &licence.organization;
    Subject::new(SubjectKind::Licence, licence.id.as_str()).of(organization).under(organization.as_str())
}

/// Adds a licence. If an earlier one was ended, its tokens stay dead and those from now on live.
pub async fn insert(editor: Editor<'_>, licence: &Licence) -> Result<(), EditError> {
    check(&*editor.view()?, licence)?;
    let mut change = editor.change("create", subject(licence), None, Some(licence));
    change.revocations = vec![editor.closed(Kind::Licence, &revocation_id(licence))?];
    editor.store().insert_licence(editor.realm, licence, &change).await?;
    editor.done().await
}

/// Changes a licence. Ending it, now or sooner than was agreed, beginning it anew later, and making it another kind kill
/// the tokens that relied on it.
pub async fn update(editor: Editor<'_>, before: &Licence, after: &Licence) -> Result<(), EditError> {
    check(&*editor.view()?, after)?;
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

/// The revocation that a change means (docs/decisions/0008). What counts is whether a licence opens the audience
/// now or still will: while none does, the revocation is open; if another one does, only what was issued so far
/// dies.
async fn revocations(
    editor: Editor<'_>,
    before: &Licence,
    after: Option<&Licence>,
) -> Result<Vec<RevocationWrite>, EditError> {
    if !requires_licence(editor, &before.audience) {
        return Ok(Vec::new());
    }
    let now = editor.now();
    let counts =
        |licence: &Licence| licence.status.is_active() && licence.ends_at.is_none_or(|end| now < end);
    let same = after.filter(|after| comparable(&after.audience) == comparable(&before.audience));
    let id = revocation_id(before);
    let shortened = same.is_some_and(|after| is_less(before, after, now));
    let mut writes = Vec::new();
    match (counts(before), same.is_some_and(counts)) {
        (false, true) => writes.push(editor.closed(Kind::Licence, &id)?),
        (true, true) if shortened => writes.push(editor.before_now(Kind::Licence, &id)?),
        (true, false) => {
            let all = editor.store().list_licences(editor.realm, &before.organization).await?;
            let here = |other: &&Licence| comparable(&other.audience) == comparable(&before.audience);
            let another = all.iter().filter(here).any(|other| other.id != before.id && counts(other));
            writes.push(if another {
                editor.before_now(Kind::Licence, &id)?
            } else {
                open(Kind::Licence, &id)
            });
        }
        _ => {}
    }
    if let Some(moved) = after.filter(|after| comparable(&after.audience) != comparable(&before.audience)) {
        writes.push(editor.closed(Kind::Licence, &revocation_id(moved))?);
    }
    Ok(writes)
}

/// Whether something that a licence opened it opens no more, or not for as long: it ends earlier, has not begun again, or
/// is of another kind, which clients may stand for.
fn is_less(before: &Licence, after: &Licence, now: Timestamp) -> bool {
    let ends_earlier = match (before.ends_at, after.ends_at) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(old), Some(new)) => new < old,
    };
    let begins_again = before.starts_at < after.starts_at && now < after.starts_at;
    ends_earlier || begins_again || before.kind != after.kind
}

fn requires_licence(editor: Editor<'_>, audience: &str) -> bool {
    let realm = editor.authority.directory().realm(editor.realm.as_str());
    let server = realm.as_ref().and_then(|realm| realm.resource_server(audience));
    server.is_some_and(|server| server.settings.requires_licence)
}

/// The audience as it stands in tokens, which is what the revocation is compared with.
fn revocation_id(licence: &Licence) -> String {
    licence_id(licence.organization.as_str(), &licence.audience)
}

/// Checks a licence against its realm.
pub(crate) fn check(realm: &RealmView, licence: &Licence) -> Result<(), EditError> {
    match realm.resource_server(&licence.audience) {
        Some(server) if server.identifier == licence.audience => {}
        Some(server) => {
            return Err(EditError::Invalid(format!(
                "a licence names its audience in the registered form: {}",
                server.identifier
            )));
        }
        None => {
            return Err(EditError::Invalid(format!(
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
