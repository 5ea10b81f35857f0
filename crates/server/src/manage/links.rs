//! One-time links for people: an invitation for who has no password yet, and one in place of a forgotten password. Each
//! is in one answer only; a new one takes the place of the one before.

use serde::Serialize;
use symbolon_core::edit::link;
use symbolon_core::permission::{Denied, Permission, RealmAccess};
use symbolon_core::secret::Secret;
use symbolon_core::user::User;
use utoipa::ToSchema;

use crate::manage::body::Segments;
use crate::manage::caller::Manager;
use crate::manage::error::Problem;
use crate::manage::paths::{OfMember, OfOperator};
use crate::manage::time::Time;
use crate::manage::users::{find_member, find_operator};

/// A link by which somebody chooses a password, once. Whoever has it is taken for that person.
#[derive(Serialize, ToSchema)]
#[schema(as = OneTimeLink)]
pub(crate) struct View {
    /// The id of the user that it is for.
    user: String,
    email: String,
    /// The address to open. It is never shown again.
    link: String,
    /// From then on it does nothing.
    expires_at: Time,
}

async fn view(access: &RealmAccess<'_>, user: User, token: &Secret) -> Result<axum::Json<View>, Problem> {
    let authority = access.authority();
    let looked = link::look(authority, token.expose()).await;
    // Nobody but this request knows it: only a change of the user right now could have ended it.
    let expires_at = looked.map_err(|error| Problem::unavailable(error.to_string()))?.expires_at.into();
    let link = format!("{}/console/link/{}", authority.directory().base(), token.expose());
    Ok(axum::Json(View { user: user.id.to_string(), email: user.email, link, expires_at }))
}

/// Invite a member who has no password yet: the link to choose one, shown this once
#[utoipa::path(post, path = "/realms/{realm}/organizations/{organization}/members/{member}/invite",
    tag = "members", operation_id = "inviteMember", params(OfMember),
    responses((status = 200, description = "The link, good for seven days", body = View)))]
pub(crate) async fn invite_member(
    manager: Manager,
    Segments(at): Segments<OfMember>,
) -> Result<axum::Json<View>, Problem> {
    let access = manager.organization(Permission::WriteMembers, at.place()).await?;
    let (user, _) = find_member(&access, &at.member).await?;
    manager.changing.check(user.version)?;
    let token = link::invite_member(&access, &user).await?;
    view(&access.realm, user, &token).await
}

/// Help a member who forgot the password: the link to choose another one, shown this once; for operators
#[utoipa::path(post, path = "/realms/{realm}/organizations/{organization}/members/{member}/reset",
    tag = "members", operation_id = "resetMember", params(OfMember),
    responses((status = 200, description = "The link, good for a day; the old password works until it is used",
        body = View)))]
pub(crate) async fn reset_member(
    manager: Manager,
    Segments(at): Segments<OfMember>,
) -> Result<axum::Json<View>, Problem> {
    let access = manager.organization(Permission::WriteMembers, at.place()).await?;
    // Core asks it again; a customer is told before anything is said of the version.
    if !access.realm.is_operator() {
        return Err(Denied::Permission(Permission::WriteMembers).into());
    }
    let (user, _) = find_member(&access, &at.member).await?;
    manager.changing.check(user.version)?;
    let token = link::reset(&access.realm, &user).await?;
    view(&access.realm, user, &token).await
}

/// Invite an operator who has no password yet: the link to choose one, shown this once
#[utoipa::path(post, path = "/realms/{realm}/operators/{operator}/invite", tag = "operators",
    operation_id = "inviteOperator", params(OfOperator),
    responses((status = 200, description = "The link, good for seven days", body = View)))]
pub(crate) async fn invite_operator(
    manager: Manager,
    Segments(at): Segments<OfOperator>,
) -> Result<axum::Json<View>, Problem> {
    let access = manager.realm(Permission::WriteOperators, &at.realm)?;
    let (user, _) = find_operator(&access, &at.operator).await?;
    manager.changing.check(user.version)?;
    let token = link::invite_operator(&access, &user).await?;
    view(&access, user, &token).await
}

/// Help an operator who forgot the password: the link to choose another one, shown this once
#[utoipa::path(post, path = "/realms/{realm}/operators/{operator}/reset", tag = "operators",
    operation_id = "resetOperator", params(OfOperator),
    responses((status = 200, description = "The link, good for a day; the old password works until it is used",
        body = View)))]
pub(crate) async fn reset_operator(
    manager: Manager,
    Segments(at): Segments<OfOperator>,
) -> Result<axum::Json<View>, Problem> {
    let access = manager.realm(Permission::WriteOperators, &at.realm)?;
    let (user, _) = find_operator(&access, &at.operator).await?;
    manager.changing.check(user.version)?;
    let token = link::reset(&access, &user).await?;
    view(&access, user, &token).await
}
