//! Access keys: at most two per client, and none that is ACTIVE can be removed (rule 7).

use sqlx::{query, query_scalar};
use symbolon_core::access_key::{AccessKey, AccessKeyId, KeyStatus, MOST_PER_CLIENT};
use symbolon_core::organization::OrganizationId;
use symbolon_core::realm::RealmId;
use symbolon_core::store::{StoreError, StoreResult};

use crate::backend::Tx;
use crate::identifiers::{Kind, claim, retire};
use crate::support::{encode, failed, stale_or_missing, taken, word};

/// Adds a key. The client's row is locked first, so that two keys added at the same time are counted one after
/// the other.
pub(crate) async fn insert(tx: &mut Tx, realm: &RealmId, key: &AccessKey) -> StoreResult<()> {
    let client = query!(
        "UPDATE clients SET version = version WHERE realm = $1 AND organization = $2 AND id = $3",
        realm.as_str(),
        key.organization.as_str(),
        key.client.as_str(),
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    if client.rows_affected() == 0 {
        return Err(StoreError::NotFound);
    }
    let present = query_scalar!(
        r#"SELECT COUNT(*) AS "present!: i64" FROM access_keys
           WHERE realm = $1 AND organization = $2 AND client = $3"#,
        realm.as_str(),
        key.organization.as_str(),
        key.client.as_str(),
    )
    .fetch_one(&mut **tx)
    .await
    .map_err(failed)?;
    if usize::try_from(present).is_ok_and(|present| present >= MOST_PER_CLIENT) {
        return Err(TOO_MANY);
    }
    add(tx, realm, key).await
}

/// Why a third key is refused.
pub(crate) const TOO_MANY: StoreError = StoreError::Refused(
    "the client has two access keys, which is the most: remove one before adding another",
);

async fn add(tx: &mut Tx, realm: &RealmId, key: &AccessKey) -> StoreResult<()> {
    claim(tx, realm, key.id.as_str(), Kind::AccessKey, Some(key.organization.as_str())).await?;
    query!(
        "INSERT INTO access_keys (realm, id, organization, client, status, version, document)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        realm.as_str(),
        key.id.as_str(),
        key.organization.as_str(),
        key.client.as_str(),
        word(&key.status)?,
        key.version,
        encode(key)?,
    )
    .execute(&mut **tx)
    .await
    .map_err(taken("the id"))?;
    Ok(())
}

/// Changes a key of the same client.
pub(crate) async fn update(tx: &mut Tx, realm: &RealmId, key: &AccessKey) -> StoreResult<()> {
    let done = query!(
        "UPDATE access_keys SET status = $5, version = $6, document = $7
         WHERE realm = $1 AND organization = $2 AND client = $3 AND id = $4 AND version + 1 = $6",
        realm.as_str(),
        key.organization.as_str(),
        key.client.as_str(),
        key.id.as_str(),
        word(&key.status)?,
        key.version,
        encode(key)?,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    if done.rows_affected() > 0 {
        return Ok(());
    }
    let stored = query_scalar!(
        "SELECT version FROM access_keys WHERE realm = $1 AND organization = $2 AND client = $3 AND id = $4",
        realm.as_str(),
        key.organization.as_str(),
        key.client.as_str(),
        key.id.as_str(),
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(failed)?;
    Err(stale_or_missing(stored))
}

/// Removes a key that is INACTIVE.
pub(crate) async fn delete(
    tx: &mut Tx,
    realm: &RealmId,
    organization: &OrganizationId,
    id: &AccessKeyId,
    version: i64,
) -> StoreResult<()> {
    let done = query!(
        "DELETE FROM access_keys
         WHERE realm = $1 AND organization = $2 AND id = $3 AND version = $4 AND status = $5",
        realm.as_str(),
        organization.as_str(),
        id.as_str(),
        version,
        word(&KeyStatus::Inactive)?,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    if done.rows_affected() > 0 {
        return retire(tx, realm, id.as_str()).await;
    }
    let stored = query_scalar!(
        "SELECT version FROM access_keys WHERE realm = $1 AND organization = $2 AND id = $3",
        realm.as_str(),
        organization.as_str(),
        id.as_str(),
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(failed)?;
    if stored == Some(version) {
        return Err(StoreError::Refused("the access key is ACTIVE: make it INACTIVE before removing it"));
    }
    Err(stale_or_missing(stored))
}
