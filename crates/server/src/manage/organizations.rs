//! Organizations: the customers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use symbolon_core::edit;
use symbolon_core::organization::{Organization, OrganizationId};
use symbolon_core::permission::Permission;
use symbolon_core::realm::Status;
use utoipa::ToSchema;

use crate::manage::answer::{Created, Tagged};
use crate::manage::body::{Body, Parameters, Segments, id};
use crate::manage::caller::Manager;
use crate::manage::error::Problem;
use crate::manage::page::PageOf;
use crate::manage::paths::{InOrganization, InRealm};
use crate::manage::search::ThingQuery;
use crate::manage::time::Time;

/// An organization.
#[derive(Serialize, ToSchema)]
#[schema(as = Organization)]
pub(crate) struct View {
    id: String,
    name: String,
    status: Status,
    metadata: BTreeMap<String, String>,
    version: i64,
    created_at: Time,
}

/// What a new organization is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewOrganization)]
pub(crate) struct New {
    /// Its id; made where absent.
    id: Option<String>,
    name: String,
    /// Whatever is to be remembered of it; claim maps can read it.
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

/// What can be changed of an organization.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OrganizationChange)]
pub(crate) struct Change {
    #[schema(required = false)]
    name: String,
    #[schema(required = false)]
    status: Status,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

/// As this API shows it.
pub(crate) fn view(organization: Organization) -> View {
    let Organization { id, name, status, metadata, version, created_at } = organization;
    View { id: id.to_string(), name, status, metadata, version, created_at: created_at.into() }
}

/// Organizations of a realm
#[utoipa::path(get, path = "/realms/{realm}/organizations", tag = "organizations",
    operation_id = "listOrganizations", params(InRealm, ThingQuery),
    responses((status = 200, description = "Some of the organizations", body = PageOf<View>)))]
pub(crate) async fn list(
    manager: Manager,
    Segments(at): Segments<InRealm>,
    query: Parameters<ThingQuery>,
) -> Result<axum::Json<PageOf<View>>, Problem> {
    let access = manager.realm(Permission::ReadOrganizations, &at.realm)?;
    let query = query.read()?;
    let page = match query.whole()? {
        Some(page) => access.store().list_organizations(access.id(), &page).await?,
        None => {
            let (filter, page) = query.search()?;
            access.store().search_organizations(access.id(), &filter, &page).await?
        }
    };
    Ok(axum::Json(PageOf::of(page, view)))
}

/// Make an organization
#[utoipa::path(post, path = "/realms/{realm}/organizations", tag = "organizations",
    operation_id = "createOrganization", params(InRealm), request_body = New,
    responses((status = 201, description = "It was made", body = View)))]
pub(crate) async fn create(
    manager: Manager,
    Segments(at): Segments<InRealm>,
    body: Body,
) -> Result<Created<View>, Problem> {
    let manager = manager.making(&body);
    let access = manager.realm(Permission::WriteOrganizations, &at.realm)?;
    if let Some(made) = access.made_before().await? {
        let missing = || Problem::not_found("organization");
        let id = OrganizationId::new(&made).map_err(|_| missing())?;
        let found = access.store().find_organization(access.id(), &id).await?.ok_or_else(missing)?;
        return Ok(Created::before(
            &["realms", &at.realm, "organizations", &made],
            found.version,
            view(found),
        ));
    }
    let new: New = body.read()?;
    let now = access.authority().now();
    let id: OrganizationId = id(new.id.as_deref(), now, access.authority())?;
    let (status, version) = (Status::Active, 1);
    let organization =
        Organization { id, name: new.name, status, metadata: new.metadata, version, created_at: now };
    edit::organization::insert(access.editor(), &organization).await?;
    let id = organization.id.clone();
    Ok(Created::now(&["realms", &at.realm, "organizations", id.as_str()], version, view(organization)))
}

/// One organization
#[utoipa::path(get, path = "/realms/{realm}/organizations/{organization}", tag = "organizations",
    operation_id = "getOrganization", params(InOrganization),
    responses((status = 200, description = "The organization", body = View)))]
pub(crate) async fn show(
    manager: Manager,
    Segments(at): Segments<InOrganization>,
) -> Result<Tagged<View>, Problem> {
    let access = manager.organization(Permission::ReadOrganizations, at.place()).await?;
    Ok(Tagged(access.organization.version, view(access.organization)))
}

/// Change an organization; switched off, all its tokens are dead
#[utoipa::path(patch, path = "/realms/{realm}/organizations/{organization}", tag = "organizations",
    operation_id = "updateOrganization", params(InOrganization), request_body = Change,
    responses((status = 200, description = "It was changed", body = View)))]
pub(crate) async fn update(
    manager: Manager,
    Segments(at): Segments<InOrganization>,
    body: Body,
) -> Result<Tagged<View>, Problem> {
    let access = manager.organization(Permission::WriteOrganizations, at.place()).await?;
    let before = &access.organization;
    manager.changing.check(before.version)?;
    let current =
        Change { name: before.name.clone(), status: before.status, metadata: before.metadata.clone() };
    let Change { name, status, metadata } = body.patch(&current)?;
    let after = Organization { name, status, metadata, ..before.clone() };
    edit::organization::update(access.realm.editor(), before, &after).await?;
    let version = before.version + 1;
    Ok(Tagged(version, view(Organization { version, ..after })))
}
