//! Users: the members of organizations, and those who belong to none.

use async_trait::async_trait;
use sqlx::{query, query_scalar};
use symbolon_core::audit::Change;
use symbolon_core::organization::OrganizationId;
use symbolon_core::realm::RealmId;
use symbolon_core::store::{ListFilter, Page, PageRequest, StoreResult, UserStore};
use symbolon_core::user::{User, UserId, comparable_email};

use crate::backend::{Backend, Tx};
use crate::changes::record;
use crate::identifiers::{Kind, claim};
use crate::listed::{self, Listed};
use crate::searched;
use crate::support::{Span, can_be_stored, decode, encode, failed, stale_or_missing, taken};

fn organization(user: &User) -> Option<&str> {
    user.membership.as_ref().map(|membership| membership.organization.as_str())
}

pub(crate) async fn insert(tx: &mut Tx, realm: &RealmId, user: &User) -> StoreResult<()> {
    claim(tx, realm, user.id.as_str(), Kind::User, organization(user)).await?;
    query!(
        "INSERT INTO users (realm, id, organization, email, version, document)
         VALUES ($1, $2, $3, $4, $5, $6)",
        realm.as_str(),
        user.id.as_str(),
        organization(user),
        comparable_email(&user.email),
        user.version,
        encode(user)?,
    )
    .execute(&mut **tx)
    .await
    .map_err(taken("the email address"))?;
    listed::add(tx, realm.as_str(), &Listed::user(user)).await
}

/// A user stays in one organization, as the id does; so a member of one cannot be changed by another's.
pub(crate) async fn update(tx: &mut Tx, realm: &RealmId, user: &User) -> StoreResult<()> {
    let done = query!(
        "UPDATE users SET email = $4, version = $5, document = $6
         WHERE realm = $1 AND organization IS NOT DISTINCT FROM $2 AND id = $3 AND version + 1 = $5",
        realm.as_str(),
        organization(user),
        user.id.as_str(),
        comparable_email(&user.email),
        user.version,
        encode(user)?,
    )
    .execute(&mut **tx)
    .await
    .map_err(taken("the email address"))?;
    if done.rows_affected() > 0 {
        return listed::change(tx, realm.as_str(), &Listed::user(user)).await;
    }
    let stored = query_scalar!(
        "SELECT version FROM users
         WHERE realm = $1 AND organization IS NOT DISTINCT FROM $2 AND id = $3",
        realm.as_str(),
        organization(user),
        user.id.as_str(),
    )
    .fetch_optional(&mut **tx)
    .await
    .map_err(failed)?;
    Err(stale_or_missing(stored))
}

#[async_trait]
impl UserStore for Backend {
    async fn find_user_by_email(&self, realm: &RealmId, email: &str) -> StoreResult<Option<User>> {
        if !can_be_stored(email) {
            return Ok(None);
        }
        let document = query_scalar!(
            "SELECT document FROM users WHERE realm = $1 AND email = $2",
            realm.as_str(),
            comparable_email(email),
        )
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        document.map(|document| decode("user", &document)).transpose()
    }

    async fn find_user(
        &self,
        realm: &RealmId,
        organization: Option<&OrganizationId>,
        id: &UserId,
    ) -> StoreResult<Option<User>> {
        let document = query_scalar!(
            "SELECT document FROM users
             WHERE realm = $1 AND id = $2 AND (CAST($3 AS TEXT) IS NULL OR organization = $3)",
            realm.as_str(),
            id.as_str(),
            organization.map(OrganizationId::as_str),
        )
        .fetch_optional(self.reader())
        .await
        .map_err(failed)?;
        document.map(|document| decode("user", &document)).transpose()
    }

    async fn list_users(
        &self,
        realm: &RealmId,
        organization: Option<&OrganizationId>,
        page: &PageRequest,
    ) -> StoreResult<Page<User>> {
        let span = Span::of(page);
        let documents = query_scalar!(
            "SELECT document FROM users
             WHERE realm = $1 AND organization IS NOT DISTINCT FROM $2 AND id > $3
             ORDER BY id LIMIT $4",
            realm.as_str(),
            organization.map(OrganizationId::as_str),
            span.after,
            span.rows,
        )
        .fetch_all(self.reader())
        .await
        .map_err(failed)?;
        span.page("user", documents, |user: &User| user.id.as_str())
    }

    async fn search_users(
        &self,
        realm: &RealmId,
        organization: Option<&OrganizationId>,
        filter: &ListFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<User>> {
        searched::page(self, realm, organization.map(OrganizationId::as_str), filter, page).await
    }

    async fn search_operators(
        &self,
        realm: &RealmId,
        filter: &ListFilter,
        page: &PageRequest,
    ) -> StoreResult<Page<User>> {
        searched::page(self, realm, Some(""), filter, page).await
    }

    async fn insert_user(&self, realm: &RealmId, user: &User, change: &Change) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        insert(&mut tx, realm, user).await?;
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }

    async fn update_user(&self, realm: &RealmId, user: &User, change: &Change) -> StoreResult<()> {
        let mut tx = self.begin().await?;
        update(&mut tx, realm, user).await?;
        record(&mut tx, realm, change).await?;
        tx.commit().await.map_err(failed)
    }
}
