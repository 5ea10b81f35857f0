//! Clients of an organization. What customers may set on their own is decided by `symbolon_core::self_service`.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use symbolon_core::client::{Client, ClientId, ClientSettings};
use symbolon_core::id::PolicyId;
use symbolon_core::permission::{OrganizationAccess, Permission};
use symbolon_core::realm::Status;
use symbolon_core::store::ClientWithKeys;
use symbolon_core::{edit, self_service};
use utoipa::ToSchema;

use crate::manage::access_keys::{self, NewKeyView};
use crate::manage::answer::{Created, Tagged};
use crate::manage::body::{Body, Parameters, Segments, id};
use crate::manage::caller::Manager;
use crate::manage::error::{Kind, Problem};
use crate::manage::page::PageOf;
use crate::manage::paths::{InOrganization, InRealm, OfAssignment, OfClient};
use crate::manage::search::ThingQuery;
use crate::manage::time::Time;

/// A client.
#[derive(Serialize, ToSchema)]
#[schema(as = Client)]
pub(crate) struct View {
    id: String,
    organization: String,
    status: Status,
    /// Whether an operator switched it off: then only an operator can switch it on.
    held: bool,
    settings: ClientSettings,
    version: i64,
    created_at: Time,
}

/// A client that was just made.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedClient)]
pub(crate) struct CreatedView {
    #[serde(flatten)]
    client: View,
    /// The access key that was made along with it, unless none was asked for.
    access_key: Option<NewKeyView>,
}

/// What a new client is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewClient)]
pub(crate) struct New {
    /// Its id, from elsewhere; made where absent. Only operators choose one.
    id: Option<String>,
    /// What may be set. Without grants and policies, a client that a customer makes has what the realm offers.
    #[serde(default)]
    settings: ClientSettings,
    /// Whether an access key is made along with it.
    #[serde(default = "yes")]
    generate_access_key: bool,
}

const fn yes() -> bool {
    true
}

/// What can be changed of a client.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClientChange)]
pub(crate) struct Change {
    #[schema(required = false)]
    status: Status,
    #[serde(default)]
    settings: ClientSettings,
}

/// As this API shows it.
pub(crate) fn view(client: Client) -> View {
    let Client { id, organization, status, held, settings, version, created_at } = client;
    let (id, organization) = (id.to_string(), organization.to_string());
    View { id, organization, status, held, settings, version, created_at: created_at.into() }
}

/// Finds a client of the organization that access was given to.
pub(crate) async fn find(access: &OrganizationAccess<'_>, id: &str) -> Result<ClientWithKeys, Problem> {
    let missing = || Problem::not_found("client");
    let id = ClientId::new(id).map_err(|_| missing())?;
    let found = access.realm.store().find_client(access.realm.id(), access.id(), &id).await?;
    found.ok_or_else(missing)
}

fn check(
    access: &OrganizationAccess<'_>,
    before: Option<&ClientSettings>,
    after: &ClientSettings,
) -> Result<(), Problem> {
    access.realm.check_client(before, after)?;
    if access.realm.is_operator() {
        return Ok(());
    }
    Ok(self_service::check(access.realm.view(), before, after)?)
}

/// Clients of an organization
#[utoipa::path(get, path = "/realms/{realm}/organizations/{organization}/clients", tag = "clients",
    operation_id = "listClients", params(InOrganization, ThingQuery),
    responses((status = 200, description = "Some of the clients", body = PageOf<View>)))]
pub(crate) async fn list(
    manager: Manager,
    Segments(at): Segments<InOrganization>,
    query: Parameters<ThingQuery>,
) -> Result<axum::Json<PageOf<View>>, Problem> {
    let access = manager.organization(Permission::ReadClients, at.place()).await?;
    let query = query.read()?;
    let (store, realm) = (access.realm.store(), access.realm.id());
    let page = match query.whole()? {
        Some(page) => store.list_clients(realm, access.id(), &page).await?,
        None => {
            let (filter, page) = query.search()?;
            store.search_clients(realm, Some(access.id()), &filter, &page).await?
        }
    };
    Ok(axum::Json(PageOf::of(page, view)))
}

/// Clients of a realm, whichever organization they belong to
#[utoipa::path(get, path = "/realms/{realm}/clients", tag = "clients", operation_id = "listRealmClients",
    params(InRealm, ThingQuery),
    responses((status = 200, description = "Some of the clients", body = PageOf<View>)))]
pub(crate) async fn list_in_realm(
    manager: Manager,
    Segments(at): Segments<InRealm>,
    query: Parameters<ThingQuery>,
) -> Result<axum::Json<PageOf<View>>, Problem> {
    let access = manager.realm(Permission::ReadClients, &at.realm)?;
    let query = query.read()?;
    let (filter, page) = query.search()?;
    let page = access.store().search_clients(access.id(), None, &filter, &page).await?;
    Ok(axum::Json(PageOf::of(page, view)))
}

/// Make a client, with its first access key; the secret is shown this once
#[utoipa::path(post, path = "/realms/{realm}/organizations/{organization}/clients", tag = "clients",
    operation_id = "createClient", params(InOrganization), request_body = New,
    responses((status = 201, description = "It was made", body = CreatedView)))]
pub(crate) async fn create(
    manager: Manager,
    Segments(at): Segments<InOrganization>,
    body: Body,
) -> Result<Created<CreatedView>, Problem> {
    let manager = manager.making(&body);
    let access = manager.organization(Permission::WriteClients, at.place()).await?;
    let path = |id| ["realms", &at.realm, "organizations", &at.organization, "clients", id];
    if let Some(made) = access.realm.made_before().await? {
        let ClientWithKeys { client, keys } = find(&access, &made).await?;
        let access_key = keys.first().map(access_keys::kept_view);
        let version = client.version;
        return Ok(Created::before(&path(&made), version, CreatedView { client: view(client), access_key }));
    }
    let mut new: New = body.read()?;
    if !access.realm.is_operator() {
        if new.id.is_some() {
            return Err(Problem::new(
                Kind::NotOffered,
                "Only operators choose the ids of clients; leave it out",
            ));
        }
        self_service::fill_in(access.realm.view(), &mut new.settings);
    }
    check(&access, None, &new.settings)?;
    let now = access.realm.authority().now();
    let id: ClientId = id(new.id.as_deref(), now, access.realm.authority())?;
    let client = Client {
        id,
        organization: access.id().clone(),
        status: Status::Active,
        held: false,
        settings: new.settings,
        version: 1,
        created_at: now,
    };
    let editor = access.realm.editor();
    let client = edit::client::insert(editor, &client).await?;
    let access_key = if new.generate_access_key {
        Some(access_keys::new_view(&edit::access_key::create(editor, &client, None).await?))
    } else {
        None
    };
    let id = client.id.clone();
    Ok(Created::now(&path(id.as_str()), client.version, CreatedView { client: view(client), access_key }))
}

/// One client
#[utoipa::path(get, path = "/realms/{realm}/organizations/{organization}/clients/{client}", tag = "clients",
    operation_id = "getClient", params(OfClient),
    responses((status = 200, description = "The client", body = View)))]
pub(crate) async fn show(
    manager: Manager,
    Segments(at): Segments<OfClient>,
) -> Result<Tagged<View>, Problem> {
    let access = manager.organization(Permission::ReadClients, at.place()).await?;
    let client = find(&access, &at.client).await?.client;
    Ok(Tagged(client.version, view(client)))
}

/// Change a client; switched off, all its tokens are dead
#[utoipa::path(patch, path = "/realms/{realm}/organizations/{organization}/clients/{client}", tag = "clients",
    operation_id = "updateClient", params(OfClient), request_body = Change,
    responses((status = 200, description = "It was changed", body = View)))]
pub(crate) async fn update(
    manager: Manager,
    Segments(at): Segments<OfClient>,
    body: Body,
) -> Result<Tagged<View>, Problem> {
    let access = manager.organization(Permission::WriteClients, at.place()).await?;
    let before = find(&access, &at.client).await?.client;
    manager.changing.check(before.version)?;
    let current = Change { status: before.status, settings: before.settings.clone() };
    let Change { status, settings } = body.patch(&current)?;
    save(&access, &before, Client { status, settings, ..before.clone() }).await
}

async fn save(
    access: &OrganizationAccess<'_>,
    before: &Client,
    after: Client,
) -> Result<Tagged<View>, Problem> {
    check(access, Some(&before.settings), &after.settings)?;
    let after = edit::client::update(access.realm.editor(), before, &after).await?;
    Ok(Tagged(after.version, view(after)))
}

/// Delete a client with its access keys; every token that it has is dead at once
#[utoipa::path(delete, path = "/realms/{realm}/organizations/{organization}/clients/{client}", tag = "clients",
    operation_id = "deleteClient", params(OfClient), responses((status = 204, description = "It is gone")))]
pub(crate) async fn delete(
    manager: Manager,
    Segments(at): Segments<OfClient>,
) -> Result<StatusCode, Problem> {
    let access = manager.organization(Permission::DeleteClients, at.place()).await?;
    let found = find(&access, &at.client).await?;
    manager.changing.check(found.client.version)?;
    edit::client::delete(access.realm.editor(), &found.client, &found.keys).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give a client a policy
#[utoipa::path(put, path = "/realms/{realm}/organizations/{organization}/clients/{client}/policies/{policy}",
    tag = "clients", operation_id = "assignPolicy", params(OfAssignment),
    responses((status = 200, description = "It has the policy", body = View)))]
pub(crate) async fn assign_policy(
    manager: Manager,
    Segments(at): Segments<OfAssignment>,
) -> Result<Tagged<View>, Problem> {
    set_policy(&manager, &at, true).await
}

/// Take a policy from a client
#[utoipa::path(delete, path = "/realms/{realm}/organizations/{organization}/clients/{client}/policies/{policy}",
    tag = "clients", operation_id = "unassignPolicy", params(OfAssignment),
    responses((status = 200, description = "It has not the policy", body = View)))]
pub(crate) async fn unassign_policy(
    manager: Manager,
    Segments(at): Segments<OfAssignment>,
) -> Result<Tagged<View>, Problem> {
    set_policy(&manager, &at, false).await
}

async fn set_policy(manager: &Manager, at: &OfAssignment, has: bool) -> Result<Tagged<View>, Problem> {
    let access = manager.organization(Permission::WriteClients, (&at.realm, &at.organization)).await?;
    let before = find(&access, &at.client).await?.client;
    manager.changing.check(before.version)?;
    let policy = PolicyId::new(&at.policy).map_err(|_| Problem::not_found("policy"))?;
    if has == before.settings.policies.contains(&policy) {
        return Ok(Tagged(before.version, view(before)));
    }
    let mut after = before.clone();
    if has {
        after.settings.policies.push(policy);
    } else {
        after.settings.policies.retain(|id| *id != policy);
    }
    save(&access, &before, after).await
}
