//! Organizations and their licences.

use async_trait::async_trait;
use sqlx::{query, query_scalar};
use symbolon_core::audit::Change;
use symbolon_core::clock::Timestamp;
use symbolon_core::licence::{Licence, LicenceId};
use symbolon_core::organization::{Organization, OrganizationId};
use symbolon_core::realm::RealmId;
use symbolon_core::store::{ListFilter, OrganizationStore, Page, PageRequest, StoreError, StoreResult};

use crate::backend::{Backend, Tx};
use crate::changes::record;
use crate::listed::{self, Listed};
use crate::searched;
use crate::support::{Span, decode, decode_all, encode, failed, stale_or_missing, taken};

async fn why_no_licence(
    tx: &mut Tx,
    realm: &RealmId,
    organization: &OrganizationId,
    id: &LicenceId,
) -> StoreResult<StoreError> {
    let stored = query_scalar!(
        "SELECT version FROM licences WHERE realm = $1 AND organization = $2 AND id = $3",
        realm.as_str(),
        organization.as_str(),
        id.as_str(),
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(failed)?;
    Ok(stale_or_missing(stored))
}

#[async_trait]
impl OrganizationStore for Backend {
    async fn find_organization(
        &self,
        realm: &RealmId,
        id: &OrganizationId,
    ) -> StoreResult<Option<Organization>> {
        let document = query_scalar!(
            "SELECT document FROM organizations WHERE realm = $1 AND id = $2",
            realm.as_str(),
            id.as_str(),
        )
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        document.map(|document| decode("organization", &document)).transpose()
    }

    async fn list_organizations(
        &self,
        realm: &RealmId,
        page: &PageRequest,
    ) -> StoreResult<Page<Organization>> {
        let span = Span::of(page);
        let documents = query_scalar!(
            "SELECT document FROM organizations WHERE realm = $1 AND id > $2 ORDER BY id LIMIT $3",
            realm.as_str(),
            span.after,
            span.rows,
        )
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        span.page("organization", documents, |organization: &Organization| organization.id.as_str())
    }

    async fn search_organizations(
        &self,
        realm: &RealmId,
        filter: &ListFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<Organization>> {
        searched::page(self, realm, None, filter, page).await
    }

    async fn insert_organization(
        &self,
        realm: &RealmId,
        organization: &Organization,
        change: &Change,
    ) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        query!(
            "INSERT INTO organizations (realm, id, version, document) VALUES ($1, $2, $3, $4)",
            realm.as_str(),
            organization.id.as_str(),
            organization.version,
            encode(organization)?,
        )
        .execute(&mut *tx)
        .await
        .map_err(taken("the id"))?;
        listed::add(&mut tx, realm.as_str(), &Listed::organization(organization)).await?;
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }

    async fn update_organization(
        &self,
        realm: &RealmId,
        organization: &Organization,
        change: &Change,
    ) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        let done = query!(
            "UPDATE organizations SET version = $3, document = $4
             WHERE realm = $1 AND id = $2 AND version + 1 = $3",
            realm.as_str(),
            organization.id.as_str(),
            organization.version,
            encode(organization)?,
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if done.rows_affected() == 0 {
            let stored = query_scalar!(
                "SELECT version FROM organizations WHERE realm = $1 AND id = $2",
                realm.as_str(),
                organization.id.as_str(),
            )
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed)?;
            return Err(stale_or_missing(stored));
        }
        listed::change(&mut tx, realm.as_str(), &Listed::organization(organization)).await?;
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }

    async fn list_licences(
        &self,
        realm: &RealmId,
        organization: &OrganizationId,
    ) -> StoreResult<Vec<Licence>> {
        let documents = query_scalar!(
            "SELECT document FROM licences WHERE realm = $1 AND organization = $2 ORDER BY id",
            realm.as_str(),
            organization.as_str(),
        )
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        decode_all("licence", &documents)
    }

    async fn list_licences_ending(
        &self,
        realm: &RealmId,
        (after, until): (Timestamp, Timestamp),
        limit: u32,
    ) -> StoreResult<Vec<Licence>> {
        let documents = query_scalar!(
            "SELECT document FROM licences WHERE realm = $1 AND ends_at > $2 AND ends_at <= $3 ORDER BY ends_at, id LIMIT $4",
            realm.as_str(),
            after.millis(),
            until.millis(),
            i64::from(limit),
        )
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        decode_all("licence", &documents)
    }

    async fn insert_licence(&self, realm: &RealmId, licence: &Licence, change: &Change) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        query!(
            "INSERT INTO licences (realm, id, organization, ends_at, version, document)
             VALUES ($1, $2, $3, $4, $5, $6)",
            realm.as_str(),
            licence.id.as_str(),
            licence.organization.as_str(),
            licence.ends_at.map(Timestamp::millis),
            licence.version,
            encode(licence)?,
        )
        .execute(&mut *tx)
        .await
        .map_err(taken("the id"))?;
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }

    async fn update_licence(&self, realm: &RealmId, licence: &Licence, change: &Change) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        let done = query!(
            "UPDATE licences SET ends_at = $4, version = $5, document = $6
             WHERE realm = $1 AND organization = $2 AND id = $3 AND version + 1 = $5",
            realm.as_str(),
            licence.organization.as_str(),
            licence.id.as_str(),
            licence.ends_at.map(Timestamp::millis),
            licence.version,
            encode(licence)?,
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if done.rows_affected() == 0 {
            return Err(why_no_licence(&mut tx, realm, &licence.organization, &licence.id).await?);
        }
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }

    async fn delete_licence(
        &self,
        realm: &RealmId,
        organization: &OrganizationId,
        id: &LicenceId,
        version: i64,
        change: &Change,
    ) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        let done = query!(
            "DELETE FROM licences WHERE realm = $1 AND organization = $2 AND id = $3 AND version = $4",
            realm.as_str(),
            organization.as_str(),
            id.as_str(),
            version,
        )
        .execute(&mut *tx)
        .await
        .map_err(failed)?;
        if done.rows_affected() == 0 {
            return Err(why_no_licence(&mut tx, realm, organization, id).await?);
        }
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }
}
