//! Policies: named sets of statements that clients are given.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use symbolon_core::edit;
use symbolon_core::permission::{Permission, RealmAccess};
use symbolon_core::policy::{Policy, PolicyId, Statement};
use utoipa::ToSchema;

use crate::manage::answer::{Created, Tagged};
use crate::manage::body::{Body, Segments, id};
use crate::manage::caller::Manager;
use crate::manage::error::Problem;
use crate::manage::page::PageOf;
use crate::manage::paths::{InRealm, OfPolicy};
use crate::manage::time::Time;

/// A policy.
#[derive(Serialize, ToSchema)]
#[schema(as = Policy)]
pub(crate) struct View {
    id: String,
    name: String,
    statements: Vec<Statement>,
    version: i64,
    created_at: Time,
}

/// What a new policy is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPolicy)]
pub(crate) struct New {
    /// Its id; made where absent.
    id: Option<String>,
    name: String,
    statements: Vec<Statement>,
}

/// What can be changed of a policy.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PolicyChange)]
pub(crate) struct Change {
    #[schema(required = false)]
    name: String,
    #[schema(required = false)]
    statements: Vec<Statement>,
}

/// As this API shows it.
pub(crate) fn view(policy: Policy) -> View {
    let Policy { id, name, statements, version, created_at } = policy;
    View { id: id.to_string(), name, statements, version, created_at: created_at.into() }
}

async fn find(access: &RealmAccess<'_>, id: &str) -> Result<Policy, Problem> {
    let stored = access.store().list_policies(access.id()).await?;
    let mut all = stored.into_iter().chain(Policy::administrator());
    all.find(|policy| policy.id.as_str() == id).ok_or_else(|| Problem::not_found("policy"))
}

/// Policies of a realm, the built-in one included
#[utoipa::path(get, path = "/realms/{realm}/policies", tag = "policies", operation_id = "listPolicies",
    params(InRealm), responses((status = 200, description = "The policies", body = PageOf<View>)))]
pub(crate) async fn list(
    manager: Manager,
    Segments(at): Segments<InRealm>,
) -> Result<axum::Json<PageOf<View>>, Problem> {
    let access = manager.realm(Permission::ReadPolicies, &at.realm)?;
    let stored = access.store().list_policies(access.id()).await?;
    let all = stored.into_iter().chain(Policy::administrator());
    Ok(axum::Json(PageOf::whole(all.map(view).collect())))
}

/// Make a policy
#[utoipa::path(post, path = "/realms/{realm}/policies", tag = "policies", operation_id = "createPolicy",
    params(InRealm), request_body = New, responses((status = 201, description = "It was made", body = View)))]
pub(crate) async fn create(
    manager: Manager,
    Segments(at): Segments<InRealm>,
    body: Body,
) -> Result<Created<View>, Problem> {
    let manager = manager.making(&body);
    let access = manager.realm(Permission::WritePolicies, &at.realm)?;
    if let Some(made) = access.made_before().await? {
        let policy = find(&access, &made).await?;
        return Ok(Created::before(&["realms", &at.realm, "policies", &made], policy.version, view(policy)));
    }
    let new: New = body.read()?;
    let now = access.authority().now();
    let id: PolicyId = id(new.id.as_deref(), now, access.authority())?;
    let policy = Policy { id, name: new.name, statements: new.statements, version: 1, created_at: now };
    access.check_policy(None, Some(&policy))?;
    edit::policy::insert(access.editor(), &policy).await?;
    Ok(Created::now(&["realms", &at.realm, "policies", policy.id.clone().as_str()], 1, view(policy)))
}

/// One policy
#[utoipa::path(get, path = "/realms/{realm}/policies/{policy}", tag = "policies", operation_id = "getPolicy",
    params(OfPolicy), responses((status = 200, description = "The policy", body = View)))]
pub(crate) async fn show(
    manager: Manager,
    Segments(at): Segments<OfPolicy>,
) -> Result<Tagged<View>, Problem> {
    let access = manager.realm(Permission::ReadPolicies, &at.realm)?;
    let policy = find(&access, &at.policy).await?;
    Ok(Tagged(policy.version, view(policy)))
}

/// Change a policy
#[utoipa::path(patch, path = "/realms/{realm}/policies/{policy}", tag = "policies", operation_id = "updatePolicy",
    params(OfPolicy), request_body = Change,
    responses((status = 200, description = "It was changed", body = View)))]
pub(crate) async fn update(
    manager: Manager,
    Segments(at): Segments<OfPolicy>,
    body: Body,
) -> Result<Tagged<View>, Problem> {
    let access = manager.realm(Permission::WritePolicies, &at.realm)?;
    let before = find(&access, &at.policy).await?;
    manager.changing.check(before.version)?;
    let current = Change { name: before.name.clone(), statements: before.statements.clone() };
    let Change { name, statements } = body.patch(&current)?;
    let after = Policy { name, statements, ..before.clone() };
    access.check_policy(Some(&before), Some(&after))?;
    edit::policy::update(access.editor(), &before, &after).await?;
    let version = before.version + 1;
    Ok(Tagged(version, view(Policy { version, ..after })))
}

/// Delete a policy; clients that have it lose what it allows with their next token
#[utoipa::path(delete, path = "/realms/{realm}/policies/{policy}", tag = "policies", operation_id = "deletePolicy",
    params(OfPolicy), responses((status = 204, description = "It is gone")))]
pub(crate) async fn delete(
    manager: Manager,
    Segments(at): Segments<OfPolicy>,
) -> Result<StatusCode, Problem> {
    let access = manager.realm(Permission::DeletePolicies, &at.realm)?;
    let policy = find(&access, &at.policy).await?;
    manager.changing.check(policy.version)?;
    access.check_policy(Some(&policy), None)?;
    edit::policy::delete(access.editor(), &policy).await?;
    Ok(StatusCode::NO_CONTENT)
}
