//! Leaks: a secret was found where strangers can read it. If it really is a key's, that key is switched off, and its
//! tokens with it, before anybody looks into the matter.
//!
//! The key's id stands inside a secret of ours, for everybody to read; only the whole secret proves anything. So
//! nothing is done, and nothing is told, before the secret was compared with what is kept of it (docs/leaks.md).

use serde_json::json;
use symbolon_protocol::secret_format;

use crate::access_key::{AccessKey, KeyStatus};
use crate::audit::Actor;
use crate::authority::Authority;
use crate::edit::access_key::deactivate_leaked;
use crate::edit::{EditError, Editor};
use crate::id::{AccessKeyId, ClientId, OrganizationId, RealmId};
use crate::secret::{Comparison, Secret};
use crate::store::StoreError;

/// So much is kept of where a leak was found and who reported it, in characters.
pub const LONGEST_NOTE: usize = 500;
/// How often it is begun anew when somebody else changes the key at the same time.
const ATTEMPTS: usize = 5;

/// What somebody found.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The secret, whole.
    pub secret: &'a Secret,
    /// The client id or access key id that stood beside it, if any: secrets from elsewhere do not name their key.
    pub credential: Option<&'a str>,
    /// Who found it, for people.
    pub reporter: &'a str,
    /// Where: a URL, or words.
    pub found_at: Option<&'a str>,
}

/// What came of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is no secret of this realm: an invention, a typing error, or one whose key is gone.
    NotOurs,
    /// It is, and its key is off already. Nothing was changed or written.
    AlreadyInactive,
    /// Its key is off from now on, and the tokens of that key are dead.
    Deactivated {
        /// Whose key it is.
        client: ClientId,
        /// The key.
        access_key: AccessKeyId,
        /// The customer, whose audit shows it.
        organization: OrganizationId,
    },
}

/// Every secret of ours in a text that somebody sent, in order.
pub fn secrets_in(text: &str) -> Vec<Secret> {
    let ranges = secret_format::find(text.as_bytes());
    ranges.filter_map(|range| text.get(range)).map(|found| Secret::new(found.to_owned())).collect()
}

/// Switches off the key that a reported secret belongs to in the editor's realm.
pub async fn report(editor: Editor<'_>, report: &Report<'_>) -> Result<Outcome, EditError> {
    let note = json!({
        "reporter": note(report.reporter, report.secret),
        "found_at": report.found_at.map(|place| note(place, report.secret)),
    });
    for _ in 0..ATTEMPTS {
        let Some(key) = find(editor, report).await? else { return Ok(Outcome::NotOurs) };
        if key.status == KeyStatus::Inactive {
            return Ok(Outcome::AlreadyInactive);
        }
        match deactivate_leaked(editor, &key, note.clone()).await {
            Ok(AccessKey { client, id, organization, .. }) => {
                return Ok(Outcome::Deactivated { client, access_key: id, organization });
            }
            Err(EditError::Store(StoreError::Stale | StoreError::NotFound)) => {}
            Err(other) => return Err(other),
        }
    }
    Err(StoreError::Stale.into())
}

/// The same in every realm: whoever finds a secret does not know which one it is of, and copies of an installation's
/// parts may share it. Tells the realms where it is a key's.
pub async fn report_everywhere(
    authority: &Authority,
    actor: &Actor,
    found: &Report<'_>,
) -> Result<Vec<(RealmId, Outcome)>, EditError> {
    let mut outcomes = Vec::new();
    for view in authority.directory().realms() {
        let outcome = report(Editor { authority, actor, realm: view.id() }, found).await?;
        if outcome != Outcome::NotOurs {
            outcomes.push((view.id().clone(), outcome));
        }
    }
    outcomes.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(outcomes)
}

/// The key whose secret it is.
async fn find(editor: Editor<'_>, report: &Report<'_>) -> Result<Option<AccessKey>, EditError> {
    let secret = report.secret.expose();
    let its =
        |key: &AccessKey| editor.authority.peppers.compare(secret, &key.secret) != Comparison::Different;
    let written = secret_format::written_id(secret);
    // Ids that were made here are written as they are, and stand in an index.
    for id in written.into_iter().chain(report.credential) {
        let known = editor.store().find_credential(editor.realm, id).await?;
        if let Some(key) = known.and_then(|known| known.keys.into_iter().find(its)) {
            return Ok(Some(key));
        }
    }
    if let Some(id) = written {
        let keys = editor.store().list_access_keys_written(editor.realm, id).await?;
        return Ok(keys.into_iter().find(its));
    }
    Ok(None)
}

/// What a stranger wrote, as audit may show it: without the secret, without what else may be secret in a URL, without
/// signs that lead the eye astray, and not too long.
fn note(text: &str, secret: &Secret) -> String {
    let mut text = text.replace(secret.expose(), "********");
    for other in secrets_in(&text) {
        text = text.replace(other.expose(), &secret_format::masked(other.expose()));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        let (place, fragment) = rest.split_once('#').map_or((rest, None), |(place, it)| (place, Some(it)));
        let place = place.split('?').next().unwrap_or_default();
        let host = place.split('/').next().unwrap_or_default();
        let place = host.rfind('@').map_or(place, |at| &place[at + 1..]);
        let fragment = fragment.map(|fragment| format!("#{fragment}")).unwrap_or_default();
        text = format!("{scheme}://{place}{fragment}");
    }
    let plain = |c: &char| {
        !c.is_control()
            && !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars().filter(plain).take(LONGEST_NOTE).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SystemRandom;

    #[test]
    fn a_note_holds_no_secret_and_nothing_that_misleads() {
        let secret = Secret::new("a-secret-from-elsewhere".to_owned());
        let other = Secret::generate("key_1", &SystemRandom).unwrap();
        for (text, expected) in [
            ("https://code.example/a/b#L12", "https://code.example/a/b#L12"),
            ("https://user:pw@code.example/a?token=x&y#L12", "https://code.example/a#L12"),
            ("https://code.example/a@b", "https://code.example/a@b"),
            ("he wrote a-secret-from-elsewhere", "he wrote ********"),
            ("a\u{202e}b\nc\u{0}", "abc"),
        ] {
            assert_eq!(note(text, &secret), expected);
        }
        let shown = note(&format!("beside {}", other.expose()), &secret);
        assert_eq!(shown, "beside sym_sk_key_1_********");
        assert_eq!(note(&"x".repeat(1000), &secret).len(), LONGEST_NOTE);
    }
}
