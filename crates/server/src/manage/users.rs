//! People: members of organizations, and the operators of a realm.

use serde::{Deserialize, Serialize, Serializer};
use symbolon_core::edit::{self, Editor};
use symbolon_core::password::PasswordHash;
use symbolon_core::permission::{OrganizationAccess, Permission, RealmAccess};
use symbolon_core::realm::Status;
use symbolon_core::secret::Secret;
use symbolon_core::self_service;
use symbolon_core::user::{MemberRole, Membership, OperatorRole, User, UserId};
use utoipa::ToSchema;

use crate::manage::answer::{Created, Tagged};
use crate::manage::body::{Body, Parameters, Segments, id};
use crate::manage::caller::Manager;
use crate::manage::error::Problem;
use crate::manage::page::PageOf;
use crate::manage::paths::{InOrganization, InRealm, OfMember, OfOperator};
use crate::manage::search::PeopleQuery;
use crate::manage::time::Time;

/// A member of an organization.
#[derive(Serialize, ToSchema)]
#[schema(as = Member)]
pub(crate) struct MemberView {
    id: String,
    email: String,
    role: MemberRole,
    status: Status,
    /// Whether an operator switched it off: then only an operator can switch it on.
    held: bool,
    /// Whether a password is set.
    has_password: bool,
    version: i64,
    created_at: Time,
}

/// An operator of a realm.
#[derive(Serialize, ToSchema)]
#[schema(as = Operator)]
pub(crate) struct OperatorView {
    id: String,
    email: String,
    role: OperatorRole,
    status: Status,
    /// Whether a password is set.
    has_password: bool,
    version: i64,
    created_at: Time,
}

/// What a new member is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewMember)]
pub(crate) struct NewMember {
    #[schema(format = Email)]
    email: String,
    role: MemberRole,
    /// The first password, of at least 12 characters and not one of those that are guessed first; none where absent.
    #[schema(value_type = Option<String>, format = Password, write_only)]
    password: Option<Secret>,
}

/// What a new operator is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewOperator)]
pub(crate) struct NewOperator {
    #[schema(format = Email)]
    email: String,
    role: OperatorRole,
    /// The first password, of at least 12 characters and not one of those that are guessed first; none where absent.
    #[schema(value_type = Option<String>, format = Password, write_only)]
    password: Option<Secret>,
}

/// What can be changed of a member.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = MemberChange)]
pub(crate) struct MemberChange {
    #[schema(format = Email, required = false)]
    email: String,
    #[schema(required = false)]
    role: MemberRole,
    #[schema(required = false)]
    status: Status,
    /// A new password, of at least 12 characters and not one of those that are guessed first.
    #[serde(serialize_with = "unsaid")]
    #[schema(value_type = Option<String>, format = Password, write_only)]
    password: Option<Secret>,
}

/// What can be changed of an operator.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OperatorChange)]
pub(crate) struct OperatorChange {
    #[schema(format = Email, required = false)]
    email: String,
    #[schema(required = false)]
    role: OperatorRole,
    #[schema(required = false)]
    status: Status,
    /// A new password, of at least 12 characters and not one of those that are guessed first.
    #[serde(serialize_with = "unsaid")]
    #[schema(value_type = Option<String>, format = Password, write_only)]
    password: Option<Secret>,
}

/// What is there already does not say its password, so that a patch that names none changes none.
#[expect(clippy::ref_option, reason = "serde hands a field over by reference")]
fn unsaid<S: Serializer>(_: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_none()
}

/// As this API shows it.
pub(crate) fn member_view(user: User, role: MemberRole) -> MemberView {
    let User { id, email, password, status, held, version, created_at, .. } = user;
    let (id, has_password) = (id.to_string(), password.is_some());
    MemberView { id, email, role, status, held, has_password, version, created_at: created_at.into() }
}

/// As this API shows it.
pub(crate) fn operator_view(user: User, role: OperatorRole) -> OperatorView {
    let User { id, email, password, status, version, created_at, .. } = user;
    let (id, has_password) = (id.to_string(), password.is_some());
    OperatorView { id, email, role, status, has_password, version, created_at: created_at.into() }
}

/// The hash of a password that is set anew; the user has that email address.
async fn hashed(
    editor: Editor<'_>,
    password: Option<&Secret>,
    email: &str,
) -> Result<Option<PasswordHash>, Problem> {
    match password {
        Some(password) => Ok(Some(edit::user::hash_password(editor, password, email).await?)),
        None => Ok(None),
    }
}

pub(super) async fn find_member(
    access: &OrganizationAccess<'_>,
    id: &str,
) -> Result<(User, MemberRole), Problem> {
    let missing = || Problem::not_found("member");
    let id = UserId::new(id).map_err(|_| missing())?;
    let user = access.realm.store().find_user(access.realm.id(), Some(access.id()), &id).await?;
    let user = user.ok_or_else(missing)?;
    let role = user.membership.as_ref().map(|membership| membership.role).ok_or_else(missing)?;
    Ok((user, role))
}

pub(super) async fn find_operator(
    access: &RealmAccess<'_>,
    id: &str,
) -> Result<(User, OperatorRole), Problem> {
    let missing = || Problem::not_found("operator");
    let id = UserId::new(id).map_err(|_| missing())?;
    let user = access.store().find_user(access.id(), None, &id).await?.ok_or_else(missing)?;
    let role = user.operator.ok_or_else(missing)?;
    Ok((user, role))
}

/// Members of an organization
#[utoipa::path(get, path = "/realms/{realm}/organizations/{organization}/members", tag = "members",
    operation_id = "listMembers", params(InOrganization, PeopleQuery),
    responses((status = 200, description = "Some of the members", body = PageOf<MemberView>)))]
pub(crate) async fn list_members(
    manager: Manager,
    Segments(at): Segments<InOrganization>,
    query: Parameters<PeopleQuery>,
) -> Result<axum::Json<PageOf<MemberView>>, Problem> {
    let access = manager.organization(Permission::ReadMembers, at.place()).await?;
    let query = query.read()?;
    let store = access.realm.store();
    let page = match query.whole()? {
        Some(page) => store.list_users(access.realm.id(), Some(access.id()), &page).await?,
        None => {
            let (filter, page) = query.search()?;
            store.search_users(access.realm.id(), Some(access.id()), &filter, &page).await?
        }
    };
    let role =
        |user: &User| user.membership.as_ref().map_or(MemberRole::Viewer, |membership| membership.role);
    Ok(axum::Json(PageOf::of(page, |user| {
        let role = role(&user);
        member_view(user, role)
    })))
}

/// Make a member
#[utoipa::path(post, path = "/realms/{realm}/organizations/{organization}/members", tag = "members",
    operation_id = "createMember", params(InOrganization), request_body = NewMember,
    responses((status = 201, description = "It was made", body = MemberView)))]
pub(crate) async fn create_member(
    manager: Manager,
    Segments(at): Segments<InOrganization>,
    body: Body,
) -> Result<Created<MemberView>, Problem> {
    let manager = manager.making(&body);
    let access = manager.organization(Permission::WriteMembers, at.place()).await?;
    let path = |id| ["realms", &at.realm, "organizations", &at.organization, "members", id];
    if let Some(made) = access.realm.made_before().await? {
        let (user, role) = find_member(&access, &made).await?;
        return Ok(Created::before(&path(&made), user.version, member_view(user, role)));
    }
    let new: NewMember = body.read()?;
    let editor = access.realm.editor();
    let membership = Some(Membership { organization: access.id().clone(), role: new.role });
    let user = new_user(editor, new.email, new.password.as_ref()).await?;
    let user = User { membership, ..user };
    edit::user::insert(editor, &user).await?;
    Ok(Created::now(&path(user.id.clone().as_str()), 1, member_view(user, new.role)))
}

/// One member
#[utoipa::path(get, path = "/realms/{realm}/organizations/{organization}/members/{member}", tag = "members",
    operation_id = "getMember", params(OfMember),
    responses((status = 200, description = "The member", body = MemberView)))]
pub(crate) async fn show_member(
    manager: Manager,
    Segments(at): Segments<OfMember>,
) -> Result<Tagged<MemberView>, Problem> {
    let access = manager.organization(Permission::ReadMembers, at.place()).await?;
    let (user, role) = find_member(&access, &at.member).await?;
    Ok(Tagged(user.version, member_view(user, role)))
}

/// Change a member; a new password or role, or switching it off, kills the tokens that it has
#[utoipa::path(patch, path = "/realms/{realm}/organizations/{organization}/members/{member}", tag = "members",
    operation_id = "updateMember", params(OfMember), request_body = MemberChange,
    responses((status = 200, description = "It was changed", body = MemberView)))]
pub(crate) async fn update_member(
    manager: Manager,
    Segments(at): Segments<OfMember>,
    body: Body,
) -> Result<Tagged<MemberView>, Problem> {
    let access = manager.organization(Permission::WriteMembers, at.place()).await?;
    let (before, role) = find_member(&access, &at.member).await?;
    manager.changing.check(before.version)?;
    let current = MemberChange { email: before.email.clone(), role, status: before.status, password: None };
    let change = body.patch(&current)?;
    let editor = access.realm.editor();
    let password = hashed(editor, change.password.as_ref(), &change.email).await?;
    let password = password.or_else(|| before.password.clone());
    let membership = Some(Membership { organization: access.id().clone(), role: change.role });
    let held = held(access.realm.is_operator(), &before, change.status)?;
    let base = User { email: change.email, status: change.status, held, ..before.clone() };
    let after = User { password, membership, ..base };
    edit::user::update(editor, &before, &after).await?;
    let version = before.version + 1;
    Ok(Tagged(version, member_view(User { version, ..after }, change.role)))
}

/// Operators of a realm
#[utoipa::path(get, path = "/realms/{realm}/operators", tag = "operators", operation_id = "listOperators",
    params(InRealm, PeopleQuery),
    responses((status = 200, description = "Some of the operators", body = PageOf<OperatorView>)))]
pub(crate) async fn list_operators(
    manager: Manager,
    Segments(at): Segments<InRealm>,
    query: Parameters<PeopleQuery>,
) -> Result<axum::Json<PageOf<OperatorView>>, Problem> {
    let access = manager.realm(Permission::ReadOperators, &at.realm)?;
    let query = query.read()?;
    let mut page = match query.whole()? {
        Some(page) => access.store().list_users(access.id(), None, &page).await?,
        None => {
            let (filter, page) = query.search()?;
            access.store().search_operators(access.id(), &filter, &page).await?
        }
    };
    page.items.retain(|user| user.operator.is_some());
    Ok(axum::Json(PageOf::of(page, |user| {
        let role = user.operator.unwrap_or(OperatorRole::Auditor);
        operator_view(user, role)
    })))
}

/// Make an operator
#[utoipa::path(post, path = "/realms/{realm}/operators", tag = "operators", operation_id = "createOperator",
    params(InRealm), request_body = NewOperator,
    responses((status = 201, description = "It was made", body = OperatorView)))]
pub(crate) async fn create_operator(
    manager: Manager,
    Segments(at): Segments<InRealm>,
    body: Body,
) -> Result<Created<OperatorView>, Problem> {
    let manager = manager.making(&body);
    let access = manager.realm(Permission::WriteOperators, &at.realm)?;
    if let Some(made) = access.made_before().await? {
        let (user, role) = find_operator(&access, &made).await?;
        let path = ["realms", &at.realm, "operators", &made];
        return Ok(Created::before(&path, user.version, operator_view(user, role)));
    }
    let new: NewOperator = body.read()?;
    let editor = access.editor();
    let user = new_user(editor, new.email, new.password.as_ref()).await?;
    let user = User { operator: Some(new.role), ..user };
    edit::user::insert(editor, &user).await?;
    let id = user.id.clone();
    Ok(Created::now(&["realms", &at.realm, "operators", id.as_str()], 1, operator_view(user, new.role)))
}

/// One operator
#[utoipa::path(get, path = "/realms/{realm}/operators/{operator}", tag = "operators", operation_id = "getOperator",
    params(OfOperator), responses((status = 200, description = "The operator", body = OperatorView)))]
pub(crate) async fn show_operator(
    manager: Manager,
    Segments(at): Segments<OfOperator>,
) -> Result<Tagged<OperatorView>, Problem> {
    let access = manager.realm(Permission::ReadOperators, &at.realm)?;
    let (user, role) = find_operator(&access, &at.operator).await?;
    Ok(Tagged(user.version, operator_view(user, role)))
}

/// Change an operator
#[utoipa::path(patch, path = "/realms/{realm}/operators/{operator}", tag = "operators",
    operation_id = "updateOperator", params(OfOperator), request_body = OperatorChange,
    responses((status = 200, description = "It was changed", body = OperatorView)))]
pub(crate) async fn update_operator(
    manager: Manager,
    Segments(at): Segments<OfOperator>,
    body: Body,
) -> Result<Tagged<OperatorView>, Problem> {
    let access = manager.realm(Permission::WriteOperators, &at.realm)?;
    let (before, role) = find_operator(&access, &at.operator).await?;
    manager.changing.check(before.version)?;
    let current = OperatorChange { email: before.email.clone(), role, status: before.status, password: None };
    let change = body.patch(&current)?;
    let editor = access.editor();
    let password = hashed(editor, change.password.as_ref(), &change.email).await?;
    let password = password.or_else(|| before.password.clone());
    let operator = Some(change.role);
    let held = held(true, &before, change.status)?;
    let base = User { email: change.email, status: change.status, held, ..before.clone() };
    let after = User { password, operator, ..base };
    edit::user::update(editor, &before, &after).await?;
    let version = before.version + 1;
    Ok(Tagged(version, operator_view(User { version, ..after }, change.role)))
}

fn held(is_operator: bool, before: &User, status: Status) -> Result<bool, Problem> {
    Ok(self_service::held(is_operator, (before.status.is_active(), before.held), status.is_active())?)
}

/// A user without a place yet.
async fn new_user(editor: Editor<'_>, email: String, password: Option<&Secret>) -> Result<User, Problem> {
    let now = editor.authority.now();
    Ok(User {
        id: id(None, now, editor.authority)?,
        password: hashed(editor, password, &email).await?,
        email,
        status: Status::Active,
        held: false,
        membership: None,
        operator: None,
        version: 1,
        created_at: now,
    })
}
