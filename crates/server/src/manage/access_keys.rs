//! Access keys of a client. A secret is in one answer only: that of the request that made it.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use symbolon_core::access_key::{AccessKey, KeyStatus};
use symbolon_core::edit;
use symbolon_core::edit::access_key::{KeyOverview, NewKey};
use symbolon_core::permission::{OrganizationAccess, Permission};
use utoipa::ToSchema;

use crate::manage::answer::{Created, Tagged};
use crate::manage::body::{Body, Segments};
use crate::manage::caller::Manager;
use crate::manage::clients;
use crate::manage::error::Problem;
use crate::manage::page::PageOf;
use crate::manage::paths::{OfAccessKey, OfClient};
use crate::manage::time::Time;

/// An access key.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessKey)]
pub(crate) struct View {
    id: String,
    client: String,
    status: KeyStatus,
    /// Whether an operator switched it off, or it was reported as leaked: then only an operator can switch it on.
    held: bool,
    expires_at: Option<Time>,
    /// When it last got a token.
    last_used_at: Option<Time>,
    /// From where.
    last_used_from: Option<String>,
    /// Whether the client's other key has taken over and this one has been silent for as long as the realm says.
    safe_to_retire: bool,
    version: i64,
    created_at: Time,
}

/// An access key that was just made.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedAccessKey)]
pub(crate) struct NewKeyView {
    /// The access key id.
    id: String,
    client: String,
    organization: String,
    /// The secret. Keep it: it is never shown again, not even where the same request comes again.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
    status: KeyStatus,
    expires_at: Option<Time>,
    version: i64,
    created_at: Time,
}

/// What a new access key is made of.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = NewAccessKey)]
pub(crate) struct New {
    /// From then on it gets no tokens; never where absent.
    expires_at: Option<Time>,
}

/// What can be changed of an access key.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AccessKeyChange)]
pub(crate) struct Change {
    #[schema(required = false)]
    status: KeyStatus,
    expires_at: Option<Time>,
}

fn view(overview: KeyOverview) -> View {
    let AccessKey { id, client, status, held, expires_at, version, created_at, .. } = overview.key;
    let (at, from) = overview.last_use.map(|last| (Time(last.at), last.from)).unzip();
    View {
        id: id.to_string(),
        client: client.to_string(),
        status,
        held,
        expires_at: expires_at.map(Time),
        last_used_at: at,
        last_used_from: from,
        safe_to_retire: overview.safe_to_retire,
        version,
        created_at: created_at.into(),
    }
}

/// A key with its secret, for the one answer that has it.
pub(crate) fn new_view(new: &NewKey) -> NewKeyView {
    NewKeyView { secret: Some(new.secret.expose().to_owned()), ..kept_view(&new.key) }
}

/// The same of a key that was made before, whose secret nobody can show any more.
pub(crate) fn kept_view(key: &AccessKey) -> NewKeyView {
    NewKeyView {
        id: key.id.to_string(),
        client: key.client.to_string(),
        organization: key.organization.to_string(),
        secret: None,
        status: key.status,
        expires_at: key.expires_at.map(Time),
        version: key.version,
        created_at: key.created_at.into(),
    }
}

async fn all(access: &OrganizationAccess<'_>, client: &str) -> Result<Vec<KeyOverview>, Problem> {
    let client = clients::find(access, client).await?.client;
    Ok(edit::access_key::overview(access.realm.editor(), &client).await?)
}

async fn find(access: &OrganizationAccess<'_>, at: &OfAccessKey) -> Result<KeyOverview, Problem> {
    let mut keys = all(access, &at.client).await?.into_iter();
    keys.find(|overview| overview.key.id.as_str() == at.key).ok_or_else(|| Problem::not_found("access key"))
}

/// Access keys of a client
#[utoipa::path(get, path = "/realms/{realm}/organizations/{organization}/clients/{client}/access-keys",
    tag = "access keys", operation_id = "listAccessKeys", params(OfClient),
    responses((status = 200, description = "The keys, two at most", body = PageOf<View>)))]
pub(crate) async fn list(
    manager: Manager,
    Segments(at): Segments<OfClient>,
) -> Result<axum::Json<PageOf<View>>, Problem> {
    let access = manager.organization(Permission::ReadClients, at.place()).await?;
    let keys = all(&access, &at.client).await?;
    Ok(axum::Json(PageOf::whole(keys.into_iter().map(view).collect())))
}

/// Make an access key; the secret is shown this once
#[utoipa::path(post, path = "/realms/{realm}/organizations/{organization}/clients/{client}/access-keys",
    tag = "access keys", operation_id = "createAccessKey", params(OfClient), request_body = New,
    responses((status = 201, description = "It was made", body = NewKeyView)))]
pub(crate) async fn create(
    manager: Manager,
    Segments(at): Segments<OfClient>,
    body: Body,
) -> Result<Created<NewKeyView>, Problem> {
    make(&manager.making(&body), &at, || body.read()).await
}

/// Begin a rotation: make the second key beside the one in use
#[utoipa::path(post, path = "/realms/{realm}/organizations/{organization}/clients/{client}/rotate",
    tag = "access keys", operation_id = "rotateAccessKey", params(OfClient),
    responses((status = 201, description = "The new key; the old one goes on working", body = NewKeyView)))]
pub(crate) async fn rotate(
    manager: Manager,
    Segments(at): Segments<OfClient>,
    body: Body,
) -> Result<Created<NewKeyView>, Problem> {
    make(&manager.making(&body), &at, || Ok(New::default())).await
}

async fn make(
    manager: &Manager,
    at: &OfClient,
    new: impl FnOnce() -> Result<New, Problem>,
) -> Result<Created<NewKeyView>, Problem> {
    let access = manager.organization(Permission::WriteClients, at.place()).await?;
    let path = |id| {
        ["realms", &at.realm, "organizations", &at.organization, "clients", &at.client, "access-keys", id]
    };
    let client = clients::find(&access, &at.client).await?;
    if let Some(made) = access.realm.made_before().await? {
        let key = client.keys.iter().find(|key| key.id.as_str() == made);
        let key = key.ok_or_else(|| Problem::not_found("access key"))?;
        return Ok(Created::before(&path(&made), key.version, kept_view(key)));
    }
    // Whoever has a key can do what the client can.
    access.realm.check_client(None, &client.client.settings)?;
    let expires_at = new()?.expires_at.map(|time| time.0);
    let made = edit::access_key::create(access.realm.editor(), &client.client, expires_at).await?;
    Ok(Created::now(&path(made.key.id.as_str()), 1, new_view(&made)))
}

/// One access key
#[utoipa::path(get, path = "/realms/{realm}/organizations/{organization}/clients/{client}/access-keys/{key}",
    tag = "access keys", operation_id = "getAccessKey", params(OfAccessKey),
    responses((status = 200, description = "The key", body = View)))]
pub(crate) async fn show(
    manager: Manager,
    Segments(at): Segments<OfAccessKey>,
) -> Result<Tagged<View>, Problem> {
    let access = manager.organization(Permission::ReadClients, at.place()).await?;
    let overview = find(&access, &at).await?;
    Ok(Tagged(overview.key.version, view(overview)))
}

/// Change an access key; inactive or ended sooner, the tokens that it got are dead
#[utoipa::path(patch, path = "/realms/{realm}/organizations/{organization}/clients/{client}/access-keys/{key}",
    tag = "access keys", operation_id = "updateAccessKey", params(OfAccessKey), request_body = Change,
    responses((status = 200, description = "It was changed", body = View)))]
pub(crate) async fn update(
    manager: Manager,
    Segments(at): Segments<OfAccessKey>,
    body: Body,
) -> Result<Tagged<View>, Problem> {
    change(&manager, &at, |key| {
        let Change { status, expires_at } =
            body.patch(&Change { status: key.status, expires_at: key.expires_at.map(Time) })?;
        Ok(AccessKey { status, expires_at: expires_at.map(|time| time.0), ..key.clone() })
    })
    .await
}

/// Make an access key ACTIVE
#[utoipa::path(post, path = "/realms/{realm}/organizations/{organization}/clients/{client}/access-keys/{key}/activate",
    tag = "access keys", operation_id = "activateAccessKey", params(OfAccessKey),
    responses((status = 200, description = "It is ACTIVE", body = View)))]
pub(crate) async fn activate(
    manager: Manager,
    Segments(at): Segments<OfAccessKey>,
) -> Result<Tagged<View>, Problem> {
    change(&manager, &at, |key| Ok(AccessKey { status: KeyStatus::Active, ..key.clone() })).await
}

/// Make an access key INACTIVE; the tokens that it got are dead at once
#[utoipa::path(post,
    path = "/realms/{realm}/organizations/{organization}/clients/{client}/access-keys/{key}/deactivate",
    tag = "access keys", operation_id = "deactivateAccessKey", params(OfAccessKey),
    responses((status = 200, description = "It is INACTIVE", body = View)))]
pub(crate) async fn deactivate(
    manager: Manager,
    Segments(at): Segments<OfAccessKey>,
) -> Result<Tagged<View>, Problem> {
    change(&manager, &at, |key| Ok(AccessKey { status: KeyStatus::Inactive, ..key.clone() })).await
}

async fn change(
    manager: &Manager,
    at: &OfAccessKey,
    to: impl FnOnce(&AccessKey) -> Result<AccessKey, Problem>,
) -> Result<Tagged<View>, Problem> {
    let access = manager.organization(Permission::WriteClients, at.place()).await?;
    let overview = find(&access, at).await?;
    manager.changing.check(overview.key.version)?;
    let after = to(&overview.key)?;
    if after == overview.key {
        return Ok(Tagged(after.version, view(overview)));
    }
    if after.status == KeyStatus::Active {
        access.realm.check_client(None, &clients::find(&access, &at.client).await?.client.settings)?;
    }
    let key = edit::access_key::update(access.realm.editor(), &overview.key, &after).await?;
    Ok(Tagged(key.version, view(KeyOverview { key, ..overview })))
}

/// Remove an access key, which has to be INACTIVE
#[utoipa::path(delete, path = "/realms/{realm}/organizations/{organization}/clients/{client}/access-keys/{key}",
    tag = "access keys", operation_id = "deleteAccessKey", params(OfAccessKey),
    responses((status = 204, description = "It is gone")))]
pub(crate) async fn delete(
    manager: Manager,
    Segments(at): Segments<OfAccessKey>,
) -> Result<StatusCode, Problem> {
    let access = manager.organization(Permission::DeleteClients, at.place()).await?;
    let key = find(&access, &at).await?.key;
    manager.changing.check(key.version)?;
    edit::access_key::delete(access.realm.editor(), &key).await?;
    Ok(StatusCode::NO_CONTENT)
}
