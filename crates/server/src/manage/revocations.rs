//! Revocations: what is dead, and killing more.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use symbolon_core::id::OrganizationId;
use symbolon_core::permission::{OrganizationAccess, Permission, RealmAccess};
use symbolon_core::protocol::revocation::{Cutoff, Kind as Subject};
use symbolon_core::revoke::{find_recorded, revoke_before_now, revoke_one};
use symbolon_core::user::UserId;
use utoipa::ToSchema;

use crate::manage::body::{Body, Segments};
use crate::manage::caller::Manager;
use crate::manage::clients;
use crate::manage::error::Problem;
use crate::manage::page::PageOf;
use crate::manage::paths::{InOrganization, InRealm};
use crate::manage::time::Time;

/// A revocation that is in force.
#[derive(Serialize, ToSchema)]
#[schema(as = Revocation)]
pub(crate) struct View {
    /// What kind of thing is revoked.
    kind: String,
    /// Which one; empty for the realm itself. For a licence, the organization and the audience with a space between; no
    /// organization before it stands for all of them.
    id: String,
    /// Tokens issued up to then are dead; all of them where absent.
    before: Option<Time>,
}

/// Whose tokens are revoked: all that were issued up to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = RevocationKind)]
pub(crate) enum Kind {
    /// Everybody's; the id is the realm's.
    Realm,
    /// Those of an organization.
    Organization,
    /// Those of a client.
    Client,
    /// Those that an access key got.
    AccessKey,
    /// Those of a user.
    User,
    /// One, by its `jti`.
    Token,
}

/// What to revoke.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRevocation)]
pub(crate) struct New {
    kind: Kind,
    id: String,
}

/// Revocations in force
#[utoipa::path(get, path = "/realms/{realm}/revocations", tag = "revocations", operation_id = "listRevocations",
    params(InRealm), responses((status = 200, description = "All of them", body = PageOf<View>)))]
pub(crate) async fn list(
    manager: Manager,
    Segments(at): Segments<InRealm>,
) -> Result<axum::Json<PageOf<View>>, Problem> {
    let access = manager.realm(Permission::ReadRevocations, &at.realm)?;
    let stored = access.store().list_revocations(access.id(), 0).await?;
    let view = |revocation: symbolon_core::store::StoredRevocation| View {
        kind: revocation.kind.name().to_owned(),
        id: revocation.id,
        before: match revocation.cutoff {
            Cutoff::Open => None,
            Cutoff::Before(millis) => Some(Time(symbolon_core::clock::Timestamp::from_millis(millis))),
        },
    };
    Ok(axum::Json(PageOf::whole(stored.into_iter().map(view).collect())))
}

/// Revoke tokens; no guard takes them a second later
#[utoipa::path(post, path = "/realms/{realm}/revocations", tag = "revocations", operation_id = "createRevocation",
    params(InRealm), request_body = New, responses((status = 204, description = "They are dead")))]
pub(crate) async fn create(
    manager: Manager,
    Segments(at): Segments<InRealm>,
    body: Body,
) -> Result<StatusCode, Problem> {
    let access = manager.realm(Permission::WriteRevocations, &at.realm)?;
    let new: New = body.read()?;
    let (store, realm) = (access.store(), access.id());
    match new.kind {
        Kind::Realm if new.id == at.realm => revoke(&access, (Subject::Realm, ""), None).await?,
        Kind::Realm => return Err(Problem::not_found("realm")),
        Kind::Organization => {
            let id = OrganizationId::new(&new.id).map_err(|_| Problem::not_found("organization"))?;
            let found = store.find_organization(realm, &id).await?;
            let organization = found.ok_or_else(|| Problem::not_found("organization"))?.id;
            revoke(&access, (Subject::Organization, &new.id), Some(&organization)).await?;
        }
        Kind::Client | Kind::AccessKey => {
            let (kind, missing) = credential(new.kind);
            let found = store.find_credential(realm, &new.id).await?;
            let found =
                found.filter(|found| (found.client.id.as_str() == new.id) == (new.kind == Kind::Client));
            let client = found.ok_or_else(|| Problem::not_found(missing))?.client;
            revoke(&access, (kind, &new.id), Some(&client.organization)).await?;
        }
        Kind::User => {
            let id = UserId::new(&new.id).map_err(|_| Problem::not_found("user"))?;
            let user = store.find_user(realm, None, &id).await?.ok_or_else(|| Problem::not_found("user"))?;
            let organization = user.membership.map(|membership| membership.organization);
            revoke(&access, (Subject::User, &new.id), organization.as_ref()).await?;
        }
        Kind::Token => token(&access, &new.id, None).await?,
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Revoke tokens of an organization
#[utoipa::path(post, path = "/realms/{realm}/organizations/{organization}/revocations", tag = "revocations",
    operation_id = "createOrganizationRevocation", params(InOrganization), request_body = New,
    responses((status = 204, description = "They are dead")))]
pub(crate) async fn create_in_organization(
    manager: Manager,
    Segments(at): Segments<InOrganization>,
    body: Body,
) -> Result<StatusCode, Problem> {
    let access = manager.organization(Permission::WriteRevocations, at.place()).await?;
    let new: New = body.read()?;
    let own = Some(access.id());
    match new.kind {
        Kind::Organization if new.id == at.organization => {
            revoke(&access.realm, (Subject::Organization, &new.id), own).await?;
        }
        Kind::Client => {
            clients::find(&access, &new.id).await?;
            revoke(&access.realm, (Subject::Client, &new.id), own).await?;
        }
        Kind::AccessKey => {
            check_key(&access, &new.id).await?;
            revoke(&access.realm, (Subject::AccessKey, &new.id), own).await?;
        }
        Kind::User => {
            let id = UserId::new(&new.id).map_err(|_| Problem::not_found("user"))?;
            let found = access.realm.store().find_user(access.realm.id(), own, &id).await?;
            found.ok_or_else(|| Problem::not_found("user"))?;
            revoke(&access.realm, (Subject::User, &new.id), own).await?;
        }
        Kind::Token => token(&access.realm, &new.id, own).await?,
        Kind::Realm | Kind::Organization => return Err(Problem::not_found("thing in this organization")),
    }
    Ok(StatusCode::NO_CONTENT)
}

const fn credential(kind: Kind) -> (Subject, &'static str) {
    match kind {
        Kind::AccessKey => (Subject::AccessKey, "access key"),
        _ => (Subject::Client, "client"),
    }
}

async fn check_key(access: &OrganizationAccess<'_>, id: &str) -> Result<(), Problem> {
    let found = access.realm.store().find_credential(access.realm.id(), id).await?;
    let is_own = found.is_some_and(|found| {
        found.client.organization == *access.id() && found.keys.iter().any(|key| key.id.as_str() == id)
    });
    if is_own { Ok(()) } else { Err(Problem::not_found("access key")) }
}

async fn revoke(
    access: &RealmAccess<'_>,
    what: (Subject, &str),
    organization: Option<&OrganizationId>,
) -> Result<(), Problem> {
    let editor = access.editor();
    Ok(revoke_before_now(editor.authority, editor.actor, editor.realm, what, organization).await?)
}

/// A token's record says whose it is and how long it lives. One that has expired is dead already.
async fn token(access: &RealmAccess<'_>, jti: &str, of: Option<&OrganizationId>) -> Result<(), Problem> {
    let missing = || Problem::not_found("token");
    let token = find_recorded(access.store(), access.id(), jti).await?.ok_or_else(missing)?;
    if of.is_some_and(|of| *of != token.organization) {
        return Err(missing());
    }
    let editor = access.editor();
    if token.is_over(editor.authority.now()) {
        return Ok(());
    }
    Ok(revoke_one(editor.authority, editor.actor, access.view(), &token.as_one()).await?)
}
