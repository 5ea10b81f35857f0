//! Licences: the times in which an organization may use an API.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use symbolon_core::edit;
use symbolon_core::licence::{Licence, LicenceId, LicenceKind};
use symbolon_core::permission::{OrganizationAccess, Permission};
use symbolon_core::realm::Status;
use utoipa::ToSchema;

use crate::manage::answer::{Created, Tagged};
use crate::manage::body::{Body, Segments, id};
use crate::manage::caller::Manager;
use crate::manage::error::Problem;
use crate::manage::page::PageOf;
use crate::manage::paths::{InOrganization, OfLicence};
use crate::manage::time::Time;

/// A licence.
#[derive(Serialize, ToSchema)]
#[schema(as = Licence)]
pub(crate) struct View {
    id: String,
    organization: String,
    audience: String,
    kind: LicenceKind,
    starts_at: Time,
    ends_at: Option<Time>,
    status: Status,
    version: i64,
    created_at: Time,
}

/// What a new licence is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewLicence)]
pub(crate) struct New {
    /// Its id; made where absent.
    id: Option<String>,
    /// The resource server, in the registered form.
    audience: String,
    kind: LicenceKind,
    /// From then on; from now on where absent.
    starts_at: Option<Time>,
    /// Until then, exclusively; for ever where absent.
    ends_at: Option<Time>,
}

/// What can be changed of a licence.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LicenceChange)]
pub(crate) struct Change {
    #[schema(required = false)]
    kind: LicenceKind,
    #[schema(required = false)]
    starts_at: Time,
    ends_at: Option<Time>,
    #[schema(required = false)]
    status: Status,
}

/// As this API shows it.
pub(crate) fn view(licence: Licence) -> View {
    let Licence { id, organization, audience, kind, starts_at, ends_at, status, version, created_at } =
        licence;
    View {
        id: id.to_string(),
        organization: organization.to_string(),
        audience,
        kind,
        starts_at: starts_at.into(),
        ends_at: ends_at.map(Time),
        status,
        version,
        created_at: created_at.into(),
    }
}

async fn find(access: &OrganizationAccess<'_>, id: &str) -> Result<Licence, Problem> {
    let mut all = access.realm.store().list_licences(access.realm.id(), access.id()).await?.into_iter();
    all.find(|licence| licence.id.as_str() == id).ok_or_else(|| Problem::not_found("licence"))
}

/// Licences of an organization
#[utoipa::path(get, path = "/realms/{realm}/organizations/{organization}/licences", tag = "licences",
    operation_id = "listLicences", params(InOrganization),
    responses((status = 200, description = "The licences", body = PageOf<View>)))]
pub(crate) async fn list(
    manager: Manager,
    Segments(at): Segments<InOrganization>,
) -> Result<axum::Json<PageOf<View>>, Problem> {
    let access = manager.organization(Permission::ReadLicences, at.place()).await?;
    let all = access.realm.store().list_licences(access.realm.id(), access.id()).await?;
    Ok(axum::Json(PageOf::whole(all.into_iter().map(view).collect())))
}

/// Make a licence
#[utoipa::path(post, path = "/realms/{realm}/organizations/{organization}/licences", tag = "licences",
    operation_id = "createLicence", params(InOrganization), request_body = New,
    responses((status = 201, description = "It was made", body = View)))]
pub(crate) async fn create(
    manager: Manager,
    Segments(at): Segments<InOrganization>,
    body: Body,
) -> Result<Created<View>, Problem> {
    let manager = manager.making(&body);
    let access = manager.organization(Permission::WriteLicences, at.place()).await?;
    let path = |id| ["realms", &at.realm, "organizations", &at.organization, "licences", id];
    if let Some(made) = access.realm.made_before().await? {
        let licence = find(&access, &made).await?;
        return Ok(Created::before(&path(&made), licence.version, view(licence)));
    }
    let new: New = body.read()?;
    let now = access.realm.authority().now();
    let id: LicenceId = id(new.id.as_deref(), now, access.realm.authority())?;
    let licence = Licence {
        id,
        organization: access.id().clone(),
        audience: new.audience,
        kind: new.kind,
        starts_at: new.starts_at.map_or(now, |time| time.0),
        ends_at: new.ends_at.map(|time| time.0),
        status: Status::Active,
        version: 1,
        created_at: now,
    };
    edit::licence::insert(access.realm.editor(), &licence).await?;
    Ok(Created::now(&path(licence.id.clone().as_str()), 1, view(licence)))
}

/// One licence
#[utoipa::path(get, path = "/realms/{realm}/organizations/{organization}/licences/{licence}", tag = "licences",
    operation_id = "getLicence", params(OfLicence),
    responses((status = 200, description = "The licence", body = View)))]
pub(crate) async fn show(
    manager: Manager,
    Segments(at): Segments<OfLicence>,
) -> Result<Tagged<View>, Problem> {
    let access = manager.organization(Permission::ReadLicences, at.place()).await?;
    let licence = find(&access, &at.licence).await?;
    Ok(Tagged(licence.version, view(licence)))
}

/// Change a licence; ended, the tokens that relied on it are dead
#[utoipa::path(patch, path = "/realms/{realm}/organizations/{organization}/licences/{licence}", tag = "licences",
    operation_id = "updateLicence", params(OfLicence), request_body = Change,
    responses((status = 200, description = "It was changed", body = View)))]
pub(crate) async fn update(
    manager: Manager,
    Segments(at): Segments<OfLicence>,
    body: Body,
) -> Result<Tagged<View>, Problem> {
    let access = manager.organization(Permission::WriteLicences, at.place()).await?;
    let before = find(&access, &at.licence).await?;
    manager.changing.check(before.version)?;
    let current = Change {
        kind: before.kind,
        starts_at: before.starts_at.into(),
        ends_at: before.ends_at.map(Time),
        status: before.status,
    };
    let Change { kind, starts_at, ends_at, status } = body.patch(&current)?;
    let ends_at = ends_at.map(|time| time.0);
    let after = Licence { kind, starts_at: starts_at.0, ends_at, status, ..before.clone() };
    edit::licence::update(access.realm.editor(), &before, &after).await?;
    let version = before.version + 1;
    Ok(Tagged(version, view(Licence { version, ..after })))
}

/// Delete a licence; the tokens that relied on it are dead
#[utoipa::path(delete, path = "/realms/{realm}/organizations/{organization}/licences/{licence}", tag = "licences",
    operation_id = "deleteLicence", params(OfLicence), responses((status = 204, description = "It is gone")))]
pub(crate) async fn delete(
    manager: Manager,
    Segments(at): Segments<OfLicence>,
) -> Result<StatusCode, Problem> {
    let access = manager.organization(Permission::DeleteLicences, at.place()).await?;
    let licence = find(&access, &at.licence).await?;
    manager.changing.check(licence.version)?;
    edit::licence::delete(access.realm.editor(), &licence).await?;
    Ok(StatusCode::NO_CONTENT)
}
