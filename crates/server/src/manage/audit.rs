//! What happened: changes, tokens and refusals, by what people look for, in pages.

use serde::Serialize;
use serde_json::Value;
use symbolon_core::audit::{ActorKind, AuditRecord, SubjectKind};
use symbolon_core::id::OrganizationId;
use symbolon_core::permission::{Permission, RealmAccess};
use symbolon_core::store::Page;
use symbolon_core::trail::{self, Entry, Query, TrailRequest};
use utoipa::ToSchema;

use crate::manage::body::{Parameters, Segments};
use crate::manage::caller::Manager;
use crate::manage::error::{Kind, Problem};
use crate::manage::page::PageOf;
use crate::manage::paths::{InOrganization, InRealm};
use crate::manage::requests::{RefusalView, TokenView, refusal_view, token_view};
use crate::manage::time::Time;
use crate::manage::trail_query::{ChangesQuery, RefusalsQuery, TokensQuery};

/// One change, as it was recorded in its own transaction.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditedChange)]
pub(crate) struct ChangeView {
    /// Its place among all changes.
    sequence: i64,
    /// Its place in its realm's chain.
    number: i64,
    /// The hash that holds it and all before it.
    hash: String,
    at: Time,
    #[schema(value_type = String)]
    actor_kind: ActorKind,
    actor_id: String,
    /// The realm that the actor is one of, where it is not this one: the same id is somebody else here.
    #[serde(skip_serializing_if = "Option::is_none")]
    actor_realm: Option<String>,
    /// The network address that it came from.
    actor_from: Option<String>,
    request_id: String,
    action: String,
    #[schema(value_type = String)]
    subject_kind: SubjectKind,
    subject_id: String,
    organization: Option<String>,
    /// What it looked like, without secrets; where one was replaced, its member says `set`.
    #[schema(value_type = Option<Object>)]
    before: Option<Value>,
    /// What it looks like, without secrets; where one was replaced, its member says `changed`, or `set` if there was none.
    #[schema(value_type = Option<Object>)]
    after: Option<Value>,
}

fn change_view(record: AuditRecord) -> ChangeView {
    let AuditRecord {
        sequence,
        number,
        hash,
        at,
        actor,
        action,
        subject_kind,
        subject_id,
        organization,
        before,
        after,
    } = record;
    ChangeView {
        sequence,
        number,
        hash,
        at: at.into(),
        actor_kind: actor.kind,
        actor_id: actor.id,
        actor_realm: actor.realm.map(|realm| realm.to_string()),
        actor_from: actor.from.map(|address| address.to_string()),
        request_id: actor.request_id,
        action,
        subject_kind,
        subject_id,
        organization: organization.map(|id| id.to_string()),
        before,
        after,
    }
}

async fn list<T>(
    access: &RealmAccess<'_>,
    reach: Option<&OrganizationId>,
    (query, page): (Query, TrailRequest),
    view: impl Fn(Entry) -> Option<T>,
) -> Result<axum::Json<PageOf<T>>, Problem> {
    let Page { items, next } = trail::list(access.store(), access.id(), reach, &query, &page).await?;
    let items = items.into_iter().filter_map(view).collect();
    Ok(axum::Json(PageOf::of(Page { items, next }, |item| item)))
}

fn change(entry: Entry) -> Option<ChangeView> {
    if let Entry::Change(record) = entry { Some(change_view(record)) } else { None }
}

fn token(entry: Entry) -> Option<TokenView> {
    if let Entry::Token(record) = entry { Some(token_view(record)) } else { None }
}

fn refusal(entry: Entry) -> Option<RefusalView> {
    if let Entry::Refusal(record) = entry { Some(refusal_view(record)) } else { None }
}

/// Changes in a realm
#[utoipa::path(get, path = "/realms/{realm}/audit/changes", tag = "audit", operation_id = "listChanges",
    params(InRealm, ChangesQuery),
    responses((status = 200, description = "Some of the changes", body = PageOf<ChangeView>)))]
pub(crate) async fn changes(
    manager: Manager,
    Segments(at): Segments<InRealm>,
    query: Parameters<ChangesQuery>,
) -> Result<axum::Json<PageOf<ChangeView>>, Problem> {
    let access = manager.realm(Permission::ReadAudit, &at.realm)?;
    let query = query.read()?;
    list(&access, None, query.query()?, change).await
}

/// Tokens that were issued in a realm
#[utoipa::path(get, path = "/realms/{realm}/audit/tokens", tag = "audit", operation_id = "listTokens",
    params(InRealm, TokensQuery),
    responses((status = 200, description = "Some of the tokens", body = PageOf<TokenView>)))]
pub(crate) async fn tokens(
    manager: Manager,
    Segments(at): Segments<InRealm>,
    query: Parameters<TokensQuery>,
) -> Result<axum::Json<PageOf<TokenView>>, Problem> {
    let access = manager.realm(Permission::ReadAudit, &at.realm)?;
    let query = query.read()?;
    list(&access, None, query.query()?, token).await
}

/// Requests that were refused in a realm, and why
#[utoipa::path(get, path = "/realms/{realm}/audit/refusals", tag = "audit", operation_id = "listRefusals",
    params(InRealm, RefusalsQuery),
    responses((status = 200, description = "Some of the refusals", body = PageOf<RefusalView>)))]
pub(crate) async fn refusals(
    manager: Manager,
    Segments(at): Segments<InRealm>,
    query: Parameters<RefusalsQuery>,
) -> Result<axum::Json<PageOf<RefusalView>>, Problem> {
    let access = manager.realm(Permission::ReadAudit, &at.realm)?;
    let query = query.read()?;
    list(&access, None, query.query()?, refusal).await
}

/// Changes that concern an organization
#[utoipa::path(get, path = "/realms/{realm}/organizations/{organization}/audit/changes", tag = "audit",
    operation_id = "listOrganizationChanges", params(InOrganization, ChangesQuery),
    responses((status = 200, description = "Some of the changes", body = PageOf<ChangeView>)))]
pub(crate) async fn organization_changes(
    manager: Manager,
    Segments(at): Segments<InOrganization>,
    query: Parameters<ChangesQuery>,
) -> Result<axum::Json<PageOf<ChangeView>>, Problem> {
    let access = manager.organization(Permission::ReadAudit, at.place()).await?;
    let query = query.read()?;
    list(&access.realm, Some(access.id()), query.query()?, change).await
}

/// Tokens that were issued to an organization
#[utoipa::path(get, path = "/realms/{realm}/organizations/{organization}/audit/tokens", tag = "audit",
    operation_id = "listOrganizationTokens", params(InOrganization, TokensQuery),
    responses((status = 200, description = "Some of the tokens", body = PageOf<TokenView>)))]
pub(crate) async fn organization_tokens(
    manager: Manager,
    Segments(at): Segments<InOrganization>,
    query: Parameters<TokensQuery>,
) -> Result<axum::Json<PageOf<TokenView>>, Problem> {
    let access = manager.organization(Permission::ReadAudit, at.place()).await?;
    let query = query.read()?;
    list(&access.realm, Some(access.id()), query.query()?, token).await
}

/// Requests of an organization's client that were refused, and why
#[utoipa::path(get, path = "/realms/{realm}/organizations/{organization}/audit/refusals", tag = "audit",
    operation_id = "listOrganizationRefusals", params(InOrganization, RefusalsQuery),
    responses((status = 200, description = "Some of the refusals", body = PageOf<RefusalView>)))]
pub(crate) async fn organization_refusals(
    manager: Manager,
    Segments(at): Segments<InOrganization>,
    query: Parameters<RefusalsQuery>,
) -> Result<axum::Json<PageOf<RefusalView>>, Problem> {
    let access = manager.organization(Permission::ReadAudit, at.place()).await?;
    let query = query.read()?;
    if query.client.is_none() {
        return Err(Problem::new(
            Kind::InvalidParameter,
            "client is needed: a refusal is known by the client it named",
        ));
    }
    list(&access.realm, Some(access.id()), query.query()?, refusal).await
}
