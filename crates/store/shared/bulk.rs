//! Many new clients in one transaction: a statement for each table, however many there are. On PostgreSQL each statement
//! is a way to the server and back, and with some twenty of them a client, ways were most of what an import took.

use std::collections::HashSet;

use sqlx::query;
use symbolon_core::access_key::{AccessKey, MOST_PER_CLIENT};
use symbolon_core::audit::Change;
use symbolon_core::realm::RealmId;
use symbolon_core::store::{NewClient, StoreError, StoreResult};

use crate::access_keys::TOO_MANY;
use crate::backend::Tx;
use crate::changes::record_all;
use crate::identifiers::Kind;
use crate::listed::{self, Listed};
use crate::support::{encode, failed, rows, taken, word};

/// Adds clients with their keys, and writes what each means, as if one after the other.
pub(crate) async fn insert(tx: &mut Tx, realm: &RealmId, clients: &[NewClient]) -> StoreResult<()> {
    if clients.iter().any(|new| new.keys.len() > MOST_PER_CLIENT) {
        return Err(TOO_MANY);
    }
    claim(tx, realm, clients).await?;
    insert_clients(tx, realm, clients).await?;
    let listed = clients.iter().map(|new| Listed::client(&new.client));
    listed::add_all(tx, realm.as_str(), listed).await?;
    insert_keys(tx, realm, clients).await?;
    let changes: Vec<&Change> = clients
        .iter()
        .flat_map(|new| std::iter::once(&new.change).chain(new.keys.iter().map(|(_, change)| change)))
        .collect();
    record_all(tx, realm, &changes).await
}

/// Takes the ids of all of them, under the rule of [`crate::identifiers::claim`].
async fn claim(tx: &mut Tx, realm: &RealmId, clients: &[NewClient]) -> StoreResult<()> {
    let mut ids: Vec<(&str, &str, &str)> = Vec::new();
    for new in clients {
        let client = &new.client;
        ids.push((client.id.as_str(), Kind::Client.name(), client.organization.as_str()));
        for (key, _) in &new.keys {
            ids.push((key.id.as_str(), Kind::AccessKey.name(), key.organization.as_str()));
        }
    }
    let mut seen = HashSet::new();
    if !ids.iter().all(|(id, ..)| seen.insert(*id)) {
        return Err(TAKEN);
    }
    // Two that do this at the same time lock in the same order.
    ids.sort_unstable();
    let done = query!(
        "INSERT INTO identifiers (realm, id, kind, organization, retired)
         SELECT CAST($1 AS TEXT), value ->> 0, value ->> 1, value ->> 2, FALSE
         FROM json_each(json(CAST($2 AS TEXT))) WHERE TRUE
         ON CONFLICT (realm, id) DO UPDATE SET retired = FALSE
         WHERE identifiers.retired AND identifiers.kind = excluded.kind
             AND identifiers.organization IS NOT DISTINCT FROM excluded.organization",
        realm.as_str(),
        rows(&ids)?,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    if usize::try_from(done.rows_affected()).is_ok_and(|taken| taken == ids.len()) {
        Ok(())
    } else {
        Err(TAKEN)
    }
}

const TAKEN: StoreError = StoreError::Taken("the id");

async fn insert_clients(tx: &mut Tx, realm: &RealmId, clients: &[NewClient]) -> StoreResult<()> {
    let row = |new: &NewClient| {
        let client = &new.client;
        let (id, organization) = (client.id.to_string(), client.organization.to_string());
        Ok((id, organization, client.version, encode(client)?))
    };
    let all = clients.iter().map(row).collect::<StoreResult<Vec<_>>>()?;
    query!(
        "INSERT INTO clients (realm, id, organization, version, document)
         SELECT CAST($1 AS TEXT), value ->> 0, value ->> 1, CAST(value ->> 2 AS BIGINT), value ->> 3
         FROM json_each(json(CAST($2 AS TEXT)))",
        realm.as_str(),
        rows(&all)?,
    )
    .execute(&mut **tx)
    .await
    .map_err(taken("the id"))?;
    Ok(())
}

async fn insert_keys(tx: &mut Tx, realm: &RealmId, clients: &[NewClient]) -> StoreResult<()> {
    let row = |key: &AccessKey| {
        let (id, organization, client) =
            (key.id.to_string(), key.organization.to_string(), key.client.to_string());
        Ok((id, organization, client, word(&key.status)?, key.version, encode(key)?))
    };
    let keys = clients.iter().flat_map(|new| &new.keys).map(|(key, _)| row(key));
    let all = keys.collect::<StoreResult<Vec<_>>>()?;
    if all.is_empty() {
        return Ok(());
    }
    query!(
        "INSERT INTO access_keys (realm, id, organization, client, status, version, document)
         SELECT CAST($1 AS TEXT), value ->> 0, value ->> 1, value ->> 2, value ->> 3,
             CAST(value ->> 4 AS BIGINT), value ->> 5
         FROM json_each(json(CAST($2 AS TEXT)))",
        realm.as_str(),
        rows(&all)?,
    )
    .execute(&mut **tx)
    .await
    .map_err(taken("the id"))?;
    Ok(())
}
