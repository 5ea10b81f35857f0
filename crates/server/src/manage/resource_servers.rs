//! Resource servers: the APIs that tokens are for.

use serde::{Deserialize, Serialize};
use symbolon_core::edit;
use symbolon_core::permission::{Permission, RealmAccess};
use symbolon_core::realm::Status;
use symbolon_core::resource_server::{ResourceServer, ResourceServerSettings};
use utoipa::ToSchema;

use crate::manage::answer::{Created, Tagged};
use crate::manage::body::{Body, Segments};
use crate::manage::caller::Manager;
use crate::manage::error::Problem;
use crate::manage::page::PageOf;
use crate::manage::paths::{InRealm, OfResourceServer};
use crate::manage::time::Time;

/// A resource server.
#[derive(Serialize, ToSchema)]
#[schema(as = ResourceServer)]
pub(crate) struct View {
    /// The audience, byte for byte as it stands in tokens.
    identifier: String,
    status: Status,
    settings: ResourceServerSettings,
    version: i64,
    created_at: Time,
}

/// What a new resource server is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewResourceServer)]
pub(crate) struct New {
    /// The audience: an absolute URI without fragment.
    #[schema(format = "uri", max_length = 2048, example = "https://api.example.com")]
    identifier: String,
    #[serde(default)]
    settings: ResourceServerSettings,
}

/// What can be changed of a resource server.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ResourceServerChange)]
pub(crate) struct Change {
    #[schema(required = false)]
    status: Status,
    #[serde(default)]
    settings: ResourceServerSettings,
}

/// As this API shows it.
pub(crate) fn view(server: ResourceServer) -> View {
    let ResourceServer { identifier, status, settings, version, created_at } = server;
    View { identifier, status, settings, version, created_at: created_at.into() }
}

async fn find(access: &RealmAccess<'_>, identifier: &str) -> Result<ResourceServer, Problem> {
    let mut all = access.store().list_resource_servers(access.id()).await?.into_iter();
    all.find(|server| server.identifier == identifier).ok_or_else(|| Problem::not_found("resource server"))
}

/// Resource servers of a realm
#[utoipa::path(get, path = "/realms/{realm}/resource-servers", tag = "resource servers",
    operation_id = "listResourceServers", params(InRealm),
    responses((status = 200, description = "The resource servers", body = PageOf<View>)))]
pub(crate) async fn list(
    manager: Manager,
    Segments(at): Segments<InRealm>,
) -> Result<axum::Json<PageOf<View>>, Problem> {
    let access = manager.realm(Permission::ReadResourceServers, &at.realm)?;
    let all = access.store().list_resource_servers(access.id()).await?;
    Ok(axum::Json(PageOf::whole(all.into_iter().map(view).collect())))
}

/// Make a resource server
#[utoipa::path(post, path = "/realms/{realm}/resource-servers", tag = "resource servers",
    operation_id = "createResourceServer", params(InRealm), request_body = New,
    responses((status = 201, description = "It was made", body = View)))]
pub(crate) async fn create(
    manager: Manager,
    Segments(at): Segments<InRealm>,
    body: Body,
) -> Result<Created<View>, Problem> {
    let manager = manager.making(&body);
    let access = manager.realm(Permission::WriteResourceServers, &at.realm)?;
    if let Some(made) = access.made_before().await? {
        let server = find(&access, &made).await?;
        return Ok(Created::before(
            &["realms", &at.realm, "resource-servers", &made],
            server.version,
            view(server),
        ));
    }
    let new: New = body.read()?;
    let server = ResourceServer {
        identifier: new.identifier,
        status: Status::Active,
        settings: new.settings,
        version: 1,
        created_at: access.authority().now(),
    };
    edit::resource_server::insert(access.editor(), &server).await?;
    let path = ["realms", &at.realm, "resource-servers", &server.identifier.clone()];
    Ok(Created::now(&path, 1, view(server)))
}

/// One resource server
#[utoipa::path(get, path = "/realms/{realm}/resource-servers/{identifier}", tag = "resource servers",
    operation_id = "getResourceServer", params(OfResourceServer),
    responses((status = 200, description = "The resource server", body = View)))]
pub(crate) async fn show(
    manager: Manager,
    Segments(at): Segments<OfResourceServer>,
) -> Result<Tagged<View>, Problem> {
    let access = manager.realm(Permission::ReadResourceServers, &at.realm)?;
    let server = find(&access, &at.identifier).await?;
    Ok(Tagged(server.version, view(server)))
}

/// Change a resource server
#[utoipa::path(patch, path = "/realms/{realm}/resource-servers/{identifier}", tag = "resource servers",
    operation_id = "updateResourceServer", params(OfResourceServer), request_body = Change,
    responses((status = 200, description = "It was changed", body = View)))]
pub(crate) async fn update(
    manager: Manager,
    Segments(at): Segments<OfResourceServer>,
    body: Body,
) -> Result<Tagged<View>, Problem> {
    let access = manager.realm(Permission::WriteResourceServers, &at.realm)?;
    let before = find(&access, &at.identifier).await?;
    manager.changing.check(before.version)?;
    let current = Change { status: before.status, settings: before.settings.clone() };
    let Change { status, settings } = body.patch(&current)?;
    let after = ResourceServer { status, settings, ..before.clone() };
    edit::resource_server::update(access.editor(), &before, &after).await?;
    let version = before.version + 1;
    Ok(Tagged(version, view(ResourceServer { version, ..after })))
}
