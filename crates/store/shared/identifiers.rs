//! Ids that are unique together: those of clients, access keys and users of a realm, also after their end.

use sqlx::query;
use symbolon_core::realm::RealmId;
use symbolon_core::store::{StoreError, StoreResult};

use crate::backend::Tx;
use crate::support::failed;

/// What an id names.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Client,
    AccessKey,
    User,
}

impl Kind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::AccessKey => "access_key",
            Self::User => "user",
        }
    }
}

/// Takes an id for a new thing. One that was used before is free only for the same kind in the same organization,
/// where its revocations still concern it.
pub(crate) async fn claim(
    tx: &mut Tx,
    realm: &RealmId,
    id: &str,
    kind: Kind,
    organization: Option<&str>,
) -> StoreResult<()> {
    let done = query!(
        "INSERT INTO identifiers (realm, id, kind, organization, retired) VALUES ($1, $2, $3, $4, FALSE)
         ON CONFLICT (realm, id) DO UPDATE SET retired = FALSE
         WHERE identifiers.retired AND identifiers.kind = excluded.kind
             AND identifiers.organization IS NOT DISTINCT FROM excluded.organization",
        realm.as_str(),
        id,
        kind.name(),
        organization,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    if done.rows_affected() == 0 { Err(StoreError::Taken("the id")) } else { Ok(()) }
}

/// Notes that what had the id is gone.
pub(crate) async fn retire(tx: &mut Tx, realm: &RealmId, id: &str) -> StoreResult<()> {
    query!("UPDATE identifiers SET retired = TRUE WHERE realm = $1 AND id = $2", realm.as_str(), id)
        .execute(&mut **tx)
        .await
        .map_err(failed)?;
    Ok(())
}
