//! Changes to access keys: making them, rotating, retiring.

use symbolon_protocol::revocation::Kind;

use crate::access_key::{AccessKey, KeyStatus, LastUse, safe_to_retire};
use crate::audit::{Change, Subject, SubjectKind};
use crate::client::Client;
use crate::clock::Timestamp;
use crate::edit::{EditError, Editor, open};
use crate::id::AccessKeyId;
use crate::secret::Secret;
use crate::self_service;
use crate::store::StoreError;

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
        held: false,
        expires_at,
        version: 1,
        created_at: editor.now(),
    };
    insert(editor, &key).await?;
    Ok(NewKey { key, secret })
}

/// Adds a key, its secret perhaps from elsewhere. If its id was used here before, old tokens stay dead.
pub async fn insert(editor: Editor<'_>, key: &AccessKey) -> Result<(), EditError> {
    editor.store().insert_access_key(editor.realm, key, &addition(editor, key)?).await?;
    editor.done().await
}

/// What it means to add a key.
pub(crate) fn addition(editor: Editor<'_>, key: &AccessKey) -> Result<Change, EditError> {
    let mut change = editor.change("create", subject(key), None, Some(key));
    change.revocations = match key.status {
        KeyStatus::Active => vec![editor.closed(Kind::AccessKey, key.id.as_str())?],
        KeyStatus::Inactive => vec![open(Kind::AccessKey, key.id.as_str())],
    };
    Ok(change)
}

/// Changes a key. Making it inactive, giving it another secret or an earlier end kills the tokens that it got.
pub async fn update(
    editor: Editor<'_>,
    before: &AccessKey,
    after: &AccessKey,
) -> Result<AccessKey, EditError> {
    let is_on = |key: &AccessKey| key.status == KeyStatus::Active;
    let held = self_service::held(!editor.actor.is_customer, (is_on(before), before.held), is_on(after))?;
    let (after, change) = alteration(editor, before, &AccessKey { held, ..after.clone() })?;
    editor.store().update_access_key(editor.realm, &after, &change).await?;
    editor.done().await?;
    Ok(after)
}

/// What it means to change a key, which is given as it will be.
fn alteration(
    editor: Editor<'_>,
    before: &AccessKey,
    after: &AccessKey,
) -> Result<(AccessKey, Change), EditError> {
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
    Ok((after, change))
}

/// Makes a key INACTIVE whose secret is known to strangers. Audit shows its organization who reported it, and where
/// it was found.
pub(crate) async fn deactivate_leaked(
    editor: Editor<'_>,
    before: &AccessKey,
    report: serde_json::Value,
) -> Result<AccessKey, EditError> {
    // Strangers know it: its customer does not make it good again.
    let inactive = AccessKey { status: KeyStatus::Inactive, held: true, ..before.clone() };
    let (after, mut change) = alteration(editor, before, &inactive)?;
    change.action = "deactivate_leaked";
    if let Some(shown) = change.after.as_mut().and_then(serde_json::Value::as_object_mut) {
        shown.insert("leak".to_owned(), report);
    }
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
        used.push(store.find_last_use(editor.realm, &key.organization, &key.client, &key.id).await?);
    }
    let quiet_days = editor.realm_record()?.settings.safe_to_retire_days;
    let now = editor.now();
    let verdict = |index: usize| {
        let other =
            used.iter().enumerate().find(|(other, _)| *other != index).and_then(|(_, use_)| use_.as_ref());
        safe_to_retire(keys[index].created_at, used[index].as_ref(), other, quiet_days, now)
    };
    let verdicts: Vec<bool> = (0..keys.len()).map(verdict).collect();
    Ok(keys
        .into_iter()
        .zip(used)
        .zip(verdicts)
        .map(|((key, last_use), safe_to_retire)| KeyOverview { key, last_use, safe_to_retire })
        .collect())
}
