//! Changes to licences, and the revocations that their early end means (docs/decisions/0008).

use symbolon_protocol::revocation::{Kind, licence_id};

use crate::audit::{RevocationWrite, Subject, SubjectKind};
use crate::edit::{EditError, Editor, open};
use crate::licence::Licence;
use crate::resource_server::comparable;

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
