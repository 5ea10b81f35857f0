//! An access key: a pair of id and secret with which a client authenticates (a *client secret* in OAuth's words).

use serde::{Deserialize, Serialize};

use crate::client::ClientId;
use crate::clock::Timestamp;
use crate::id::{Id, Identified};
use crate::organization::OrganizationId;
use crate::secret::SecretHash;

use crate::audit::{Subject, SubjectKind};
use crate::client::Client;
use crate::edit::{EditError, Editor, open};
use crate::secret::Secret;
use crate::store::StoreError;
use symbolon_protocol::revocation::Kind;

/// Names an access key.
pub type AccessKeyId = Id<AccessKey>;

/// A client has at most this many, whatever their status (rule 7).
pub const MOST_PER_CLIENT: usize = 2;

/// Whether a key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum KeyStatus {
    /// It gets tokens.
    Active,
    /// It gets none, and those it got are dead; it can be removed.
    Inactive,
}

/// An access key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// Its own id; a client may authenticate with it in place of the client id.
    pub id: AccessKeyId,
    /// The client it belongs to.
    pub client: ClientId,
    /// The customer the client belongs to.
    pub organization: OrganizationId,
    /// What is kept of the secret.
    pub secret: SecretHash,
    /// Whether it may be used.
    pub status: KeyStatus,
    /// From then on it gets no tokens, and none lives longer.
    pub expires_at: Option<Timestamp>,
    /// Counts changes, for optimistic locking.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Identified for AccessKey {
    const PREFIX: &'static str = "key";
}

/// When and from where a key was last used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastUse {
    /// When the last token was issued to it.
    pub at: Timestamp,
    /// The network address that asked.
    pub from: String,
}

/// Rule 7: whether a key can go without anybody noticing: the client's other key has been used since this one
/// last was, and this one has not been used for `quiet_days`.
pub fn safe_to_retire(
    this: Option<&LastUse>,
    other: Option<&LastUse>,
    quiet_days: i64,
    now: Timestamp,
) -> bool {
    let quiet = std::time::Duration::from_secs(u64::try_from(quiet_days).unwrap_or(0).saturating_mul(86_400));
    match (this, other) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(this), Some(other)) => other.at >= this.at && now.since(this.at) >= quiet,
    }
}

/// A key that was just made, with the only copy of its secret.
#[derive(Debug)]
pub struct NewKey {
    /// The key as it is kept.
    pub key: AccessKey,
    /// The secret, shown this once.
    pub secret: Secret,
}

fn subject(key: &AccessKey) -> Subject {
    Subject::new(SubjectKind::AccessKey, key.id.as_str()).of(&key.organization).under(key.client.as_str())
}

/// Makes a key for a client; with a second one beside the first, a rotation has begun. A third is refused.
pub async fn create(
    editor: Editor<'_>,
    client: &Client,
    expires_at: Option<Timestamp>,
) -> Result<NewKey, EditError> {
    let id = AccessKeyId::generate(editor.now(), editor.authority.random())?;
    let secret = Secret::generate(id.as_str(), editor.authority.random())?;
    let key = AccessKey {
        secret: editor.authority.peppers.hash(&secret),
        id,
        client: client.id.clone(),
        organization: client.organization.clone(),
        status: KeyStatus::Active,
        expires_at,
        version: 1,
        created_at: editor.now(),
    };
    insert(editor, &key).await?;
    Ok(NewKey { key, secret })
}

/// Adds a key, its secret perhaps from elsewhere. If its id was used here before, old tokens stay dead.
pub async fn insert(editor: Editor<'_>, key: &AccessKey) -> Result<(), EditError> {
    let mut change = editor.change("create", subject(key), None, Some(key));
    change.revocations = match key.status {
        KeyStatus::Active => vec![editor.closed(Kind::AccessKey, key.id.as_str())?],
        KeyStatus::Inactive => vec![open(Kind::AccessKey, key.id.as_str())],
    };
    editor.store().insert_access_key(editor.realm, key, &change).await?;
    editor.done().await
}

/// Changes a key. Making it inactive, giving it another secret or an earlier end kills the tokens that it got.
pub async fn update(
    editor: Editor<'_>,
    before: &AccessKey,
    after: &AccessKey,
) -> Result<AccessKey, EditError> {
    let after = AccessKey { version: before.version + 1, ..after.clone() };
    let mut change = editor.change("update", subject(&after), Some(before), Some(&after));
    let id = after.id.as_str();
    let ends_earlier = match (before.expires_at, after.expires_at) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(old), Some(new)) => new < old,
    };
    change.revocations = match (before.status, after.status) {
        (KeyStatus::Active, KeyStatus::Inactive) => vec![open(Kind::AccessKey, id)],
        (KeyStatus::Inactive, KeyStatus::Active) => vec![editor.closed(Kind::AccessKey, id)?],
        _ if ends_earlier || before.secret != after.secret => vec![editor.before_now(Kind::AccessKey, id)?],
        _ => Vec::new(),
    };
    editor.store().update_access_key(editor.realm, &after, &change).await?;
    editor.done().await?;
    Ok(after)
}

/// Makes a key ACTIVE or INACTIVE.
pub async fn set_status(
    editor: Editor<'_>,
    key: &AccessKey,
    status: KeyStatus,
) -> Result<AccessKey, EditError> {
    update(editor, key, &AccessKey { status, ..key.clone() }).await
}

/// Removes a key, which must be INACTIVE.
pub async fn delete(editor: Editor<'_>, key: &AccessKey) -> Result<(), EditError> {
    let mut change = editor.change("delete", subject(key), Some(key), None);
    change.revocations = vec![editor.gone(Kind::AccessKey, key.id.as_str())?];
    let (id, organization) = (&key.id, &key.organization);
    editor.store().delete_access_key(editor.realm, organization, id, key.version, &change).await?;
    editor.done().await
}

/// A key as a person looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyOverview {
    /// The key.
    pub key: AccessKey,
    /// Its last use.
    pub last_use: Option<LastUse>,
    /// Rule 7's verdict.
    pub safe_to_retire: bool,
}

/// A client's keys with their last use and whether each can go.
pub async fn overview(editor: Editor<'_>, client: &Client) -> Result<Vec<KeyOverview>, EditError> {
    let store = editor.store();
    let found = store.find_client(editor.realm, &client.organization, &client.id).await?;
    let keys = found.ok_or(StoreError::NotFound)?.keys;
    let mut used = Vec::new();
    for key in &keys {
        used.push(store.find_last_use(editor.realm, &key.organization, &key.id).await?);
    }
    let quiet_days = editor.realm_record()?.settings.safe_to_retire_days;
    let now = editor.now();
    let verdict = |index: usize| {
        let other =
            used.iter().enumerate().find(|(other, _)| *other != index).and_then(|(_, use_)| use_.as_ref());
        safe_to_retire(used[index].as_ref(), other, quiet_days, now)
    };
    let verdicts: Vec<bool> = (0..keys.len()).map(verdict).collect();
    Ok(keys
        .into_iter()
        .zip(used)
        .zip(verdicts)
        .map(|((key, last_use), safe_to_retire)| KeyOverview { key, last_use, safe_to_retire })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_safe_to_retire_once_the_other_has_taken_over() {
        let used = |day: i64| LastUse { at: Timestamp::from_seconds(day * 86_400), from: "::1".to_owned() };
        let now = Timestamp::from_seconds(20 * 86_400);
        assert!(!safe_to_retire(Some(&used(1)), None, 7, now));
        assert!(safe_to_retire(None, Some(&used(19)), 7, now));
        assert!(safe_to_retire(Some(&used(13)), Some(&used(19)), 7, now));
        assert!(!safe_to_retire(Some(&used(14)), Some(&used(19)), 7, now));
        assert!(!safe_to_retire(Some(&used(10)), Some(&used(9)), 7, now));
    }
}
