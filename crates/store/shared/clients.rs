//! Clients, and their access keys with them.

use std::collections::BTreeMap;

use async_trait::async_trait;
use sqlx::{query, query_scalar};
use symbolon_core::access_key::{AccessKey, AccessKeyId};
use symbolon_core::audit::Change;
use symbolon_core::client::{Client, ClientId};
use symbolon_core::organization::OrganizationId;
use symbolon_core::realm::RealmId;
use symbolon_core::store::{
    ClientStore, ClientWithKeys, ListFilter, NewClient, Page, PageRequest, StoreError, StoreResult,
};

use crate::backend::{Backend, Tx};
use crate::changes::record;
use crate::identifiers::{Kind, claim, retire};
use crate::listed::{self, Listed};
use crate::searched;
use crate::support::{Span, can_be_stored, decode, decode_all, encode, failed, stale_or_missing, taken};
use crate::{access_keys, bulk};

/// A client beside one of its keys, if it has any.
struct Row {
    client: String,
    key: Option<String>,
}

/// The rows of one client. One statement reads them, so that client and keys are of one moment. Their order is made
/// here: asked for it, SQLite walks all keys of the realm in that order, instead of finding those of the client.
fn with_keys(rows: &[Row]) -> StoreResult<Option<ClientWithKeys>> {
    let Some(first) = rows.first() else { return Ok(None) };
    let keys = rows.iter().filter_map(|row| row.key.as_deref()).map(|key| decode("access key", key));
    let mut keys = keys.collect::<StoreResult<Vec<AccessKey>>>()?;
    keys.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(Some(ClientWithKeys { client: decode("client", &first.client)?, keys }))
}

async fn why_not(
    tx: &mut Tx,
    realm: &RealmId,
    organization: &OrganizationId,
    id: &ClientId,
) -> StoreResult<StoreError> {
    let stored = query_scalar!(
        "SELECT version FROM clients WHERE realm = $1 AND organization = $2 AND id = $3",
        realm.as_str(),
        organization.as_str(),
        id.as_str(),
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(stale_or_missing(stored))
}

async fn insert(tx: &mut Tx, realm: &RealmId, client: &Client) -> StoreResult<()> {
    claim(tx, realm, client.id.as_str(), Kind::Client, Some(client.organization.as_str())).await?;
    query!(
        "INSERT INTO clients (realm, id, organization, version, document) VALUES ($1, $2, $3, $4, $5)",
        realm.as_str(),
        client.id.as_str(),
        client.organization.as_str(),
        client.version,
        encode(client)?,
    )
    .execute(&mut **tx)
    .await
    .map_err(taken("the id"))?;
    listed::add(tx, realm.as_str(), &Listed::client(client)).await
}

async fn update(tx: &mut Tx, realm: &RealmId, client: &Client) -> StoreResult<()> {
    let done = query!(
        "UPDATE clients SET version = $4, document = $5
         WHERE realm = $1 AND organization = $2 AND id = $3 AND version + 1 = $4",
        realm.as_str(),
        client.organization.as_str(),
        client.id.as_str(),
        client.version,
        encode(client)?,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    if done.rows_affected() == 0 {
        return Err(why_not(tx, realm, &client.organization, &client.id).await?);
    }
    listed::change(tx, realm.as_str(), &Listed::client(client)).await
}

async fn delete(
    tx: &mut Tx,
    realm: &RealmId,
    organization: &OrganizationId,
    id: &ClientId,
    version: i64,
) -> StoreResult<()> {
    let locked = query!(
        "UPDATE clients SET version = version
         WHERE realm = $1 AND organization = $2 AND id = $3 AND version = $4",
        realm.as_str(),
        organization.as_str(),
        id.as_str(),
        version,
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    if locked.rows_affected() == 0 {
        return Err(why_not(tx, realm, organization, id).await?);
    }
    let keys = query_scalar!(
        r#"DELETE FROM access_keys WHERE realm = $1 AND organization = $2 AND client = $3
           RETURNING id AS "id!: String""#,
        realm.as_str(),
        organization.as_str(),
        id.as_str(),
    )
    .fetch_all(&mut **tx)
    .await
    .map_err(failed)?;
    query!(
        "DELETE FROM clients WHERE realm = $1 AND organization = $2 AND id = $3",
        realm.as_str(),
        organization.as_str(),
        id.as_str(),
    )
    .execute(&mut **tx)
    .await
    .map_err(failed)?;
    for key in &keys {
        retire(tx, realm, key).await?;
    }
    listed::remove_client(tx, realm, id.as_str()).await?;
    retire(tx, realm, id.as_str()).await
}

#[async_trait]
impl ClientStore for Backend {
    async fn find_credential(&self, realm: &RealmId, id: &str) -> StoreResult<Option<ClientWithKeys>> {
        if !can_be_stored(id) {
            return Ok(None);
        }
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT clients.document AS "client!: String", access_keys.document AS "key?: String"
               FROM clients LEFT JOIN access_keys ON access_keys.realm = clients.realm
                   AND access_keys.organization = clients.organization AND access_keys.client = clients.id
               WHERE clients.realm = $1
                   AND clients.id = COALESCE((SELECT client FROM access_keys WHERE realm = $1 AND id = $2), $2)"#,
            realm.as_str(),
            id,
        )
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        with_keys(&rows)
    }

    async fn find_client(
        &self,
        realm: &RealmId,
        organization: &OrganizationId,
        id: &ClientId,
    ) -> StoreResult<Option<ClientWithKeys>> {
        let rows = sqlx::query_as!(
            Row,
            r#"SELECT clients.document AS "client!: String", access_keys.document AS "key?: String"
               FROM clients LEFT JOIN access_keys ON access_keys.realm = clients.realm
                   AND access_keys.organization = clients.organization AND access_keys.client = clients.id
               WHERE clients.realm = $1 AND clients.organization = $2 AND clients.id = $3"#,
            realm.as_str(),
            organization.as_str(),
            id.as_str(),
        )
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        with_keys(&rows)
    }

    async fn list_clients(
        &self,
        realm: &RealmId,
        organization: &OrganizationId,
        page: &PageRequest,
    ) -> StoreResult<Page<Client>> {
        let span = Span::of(page);
        let documents = query_scalar!(
            "SELECT document FROM clients WHERE realm = $1 AND organization = $2 AND id > $3
             ORDER BY id LIMIT $4",
            realm.as_str(),
            organization.as_str(),
            span.after,
            span.rows,
        )
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        span.page("client", documents, |client: &Client| client.id.as_str())
    }

    async fn search_clients(
        &self,
        realm: &RealmId,
        organization: Option<&OrganizationId>,
        filter: &ListFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<Client>> {
        searched::page(self, realm, organization.map(OrganizationId::as_str), filter, page).await
    }

    async fn list_clients_with_keys(
        &self,
        realm: &RealmId,
        organization: &OrganizationId,
        page: &PageRequest,
    ) -> StoreResult<Page<ClientWithKeys>> {
        let span = Span::of(page);
        let rows = query!(
            r#"SELECT page.id AS "id!: String", page.document AS "client!: String",
                   access_keys.document AS "key?: String"
               FROM (SELECT realm, organization, id, document FROM clients
                     WHERE realm = $1 AND organization = $2 AND id > $3 ORDER BY id LIMIT $4) AS page
               LEFT JOIN access_keys ON access_keys.realm = page.realm
                   AND access_keys.organization = page.organization AND access_keys.client = page.id"#,
            realm.as_str(),
            organization.as_str(),
            span.after,
            span.rows,
        )
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        let mut clients: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        for row in rows {
            clients.entry(row.id).or_default().push(Row { client: row.client, key: row.key });
        }
        let mut items = Vec::with_capacity(clients.len());
        for rows in clients.values() {
            items.extend(with_keys(rows)?);
        }
        Ok(span.page_of(items, |item| item.client.id.as_str()))
    }

    async fn list_access_keys_written(&self, realm: &RealmId, id: &str) -> StoreResult<Vec<AccessKey>> {
        // In a pattern `_` stands for any one character, which is what it stands for here; other signs of patterns
        // cannot be in such an id.
        if !id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Ok(Vec::new());
        }
        let documents = query_scalar!(
            "SELECT document FROM access_keys WHERE realm = $1 AND id LIKE $2 LIMIT 1000",
            realm.as_str(),
            id,
        )
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        decode_all("access key", &documents)
    }

    async fn insert_clients(&self, realm: &RealmId, clients: &[NewClient]) -> StoreResult<()> {
        if clients.is_empty() {
            return Ok(());
        }
        let mut tx = self.begin().await?;
        bulk::insert(&mut tx, realm, clients).await?;
        tx.commit().await.map_err(failed)
    }

    async fn insert_client(&self, realm: &RealmId, client: &Client, change: &Change) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        insert(&mut tx, realm, client).await?;
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }

    async fn update_client(&self, realm: &RealmId, client: &Client, change: &Change) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        update(&mut tx, realm, client).await?;
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }

    async fn delete_client(
        &self,
        realm: &RealmId,
        organization: &OrganizationId,
        id: &ClientId,
        version: i64,
        change: &Change,
    ) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        delete(&mut tx, realm, organization, id, version).await?;
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }

    async fn insert_access_key(&self, realm: &RealmId, key: &AccessKey, change: &Change) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        access_keys::insert(&mut tx, realm, key).await?;
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }

    async fn update_access_key(&self, realm: &RealmId, key: &AccessKey, change: &Change) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        access_keys::update(&mut tx, realm, key).await?;
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }

    async fn delete_access_key(
        &self,
        realm: &RealmId,
        organization: &OrganizationId,
        id: &AccessKeyId,
        version: i64,
        change: &Change,
    ) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        access_keys::delete(&mut tx, realm, organization, id, version).await?;
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }
}
