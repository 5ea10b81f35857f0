//! Realms. Only operators of the default realm reach more than their own, and make new ones.

use serde::{Deserialize, Serialize};
use symbolon_core::edit;
use symbolon_core::permission::Permission;
use symbolon_core::realm::{Realm, RealmId, RealmSettings, Status};
use utoipa::ToSchema;

use crate::manage::answer::{Created, Tagged};
use crate::manage::body::{Body, Segments};
use crate::manage::caller::Manager;
use crate::manage::error::{Kind, Problem};
use crate::manage::page::PageOf;
use crate::manage::paths::InRealm;
use crate::manage::time::Time;

/// A realm.
#[derive(Serialize, ToSchema)]
#[schema(as = Realm)]
pub(crate) struct View {
    id: String,
    status: Status,
    settings: RealmSettings,
    /// The issuer of its tokens.
    issuer: String,
    version: i64,
    created_at: Time,
}

/// What a new realm is made of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRealm)]
pub(crate) struct New {
    /// Its name in URLs: letters, digits and `-._~`.
    #[schema(min_length = 1, max_length = 255, pattern = "^[A-Za-z0-9._~-]+$")]
    id: String,
    /// What may be set.
    #[serde(default)]
    settings: RealmSettings,
}

/// What can be changed of a realm.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RealmChange)]
pub(crate) struct Change {
    #[schema(required = false)]
    status: Status,
    #[serde(default)]
    settings: RealmSettings,
}

/// As this API shows it.
pub(crate) fn view(realm: &symbolon_core::realm_view::RealmView) -> View {
    let Realm { id, status, settings, version, created_at, .. } = realm.realm().clone();
    let issuer = realm.issuer().to_owned();
    View { id: id.to_string(), status, settings, issuer, version, created_at: created_at.into() }
}

/// Realms within reach
#[utoipa::path(get, path = "/realms", tag = "realms", operation_id = "listRealms",
    responses((status = 200, description = "The realms", body = PageOf<View>)))]
pub(crate) async fn list(manager: Manager) -> Result<axum::Json<PageOf<View>>, Problem> {
    let realms = manager.realms(Permission::ReadRealms)?;
    Ok(axum::Json(PageOf::whole(realms.iter().map(|realm| view(realm)).collect())))
}

/// Make a realm
#[utoipa::path(post, path = "/realms", tag = "realms", operation_id = "createRealm", request_body = New,
    responses((status = 201, description = "It was made", body = View)))]
pub(crate) async fn create(manager: Manager, body: Body) -> Result<Created<View>, Problem> {
    let access = manager.installation(Permission::WriteRealms)?;
    let new: New = body.read()?;
    let id = RealmId::new(&new.id).map_err(|error| Problem::new(Kind::InvalidChange, error.to_string()))?;
    let editor = access.editor(&id);
    let realm = Realm {
        id: id.clone(),
        status: Status::Active,
        longest_lifetime: 0,
        settings: new.settings,
        version: 1,
        created_at: editor.authority.now(),
    };
    edit::realm::insert(editor, &realm).await?;
    let made = editor.authority.directory().realm(id.as_str()).ok_or_else(|| Problem::not_found("realm"))?;
    Ok(Created::now(&["realms", id.as_str()], 1, view(&made)))
}

/// One realm
#[utoipa::path(get, path = "/realms/{realm}", tag = "realms", operation_id = "getRealm", params(InRealm),
    responses((status = 200, description = "The realm", body = View)))]
pub(crate) async fn show(manager: Manager, Segments(at): Segments<InRealm>) -> Result<Tagged<View>, Problem> {
    let access = manager.realm(Permission::ReadRealms, &at.realm)?;
    Ok(Tagged(access.view().realm().version, view(access.view())))
}

/// Change a realm
#[utoipa::path(patch, path = "/realms/{realm}", tag = "realms", operation_id = "updateRealm", params(InRealm),
    request_body = Change, responses((status = 200, description = "It was changed", body = View)))]
pub(crate) async fn update(
    manager: Manager,
    Segments(at): Segments<InRealm>,
    body: Body,
) -> Result<Tagged<View>, Problem> {
    let access = manager.realm(Permission::WriteRealms, &at.realm)?;
    let before = access.view().realm().clone();
    manager.changing.check(before.version)?;
    let current = Change { status: before.status, settings: before.settings.clone() };
    let Change { status, settings } = body.patch(&current)?;
    access.check_settings(&settings).await?;
    edit::realm::update(access.editor(), &before, &Realm { status, settings, ..before.clone() }).await?;
    let changed =
        access.authority().directory().realm(&at.realm).ok_or_else(|| Problem::not_found("realm"))?;
    Ok(Tagged(changed.realm().version, view(&changed)))
}
