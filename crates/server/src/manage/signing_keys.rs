//! Signing keys: their public halves, rotation before its time, and replacement in an emergency.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use symbolon_core::permission::Permission;
use symbolon_core::protocol::algorithm::Algorithm;
use symbolon_core::rotation;
use symbolon_core::signing_key::{KeyState, StoredSigningKey};
use utoipa::ToSchema;

use crate::manage::body::{Body, Segments};
use crate::manage::caller::Manager;
use crate::manage::error::Problem;
use crate::manage::page::PageOf;
use crate::manage::paths::{InRealm, OfSigningKey};
use crate::manage::time::Time;

/// A signing key.
#[derive(Serialize, ToSchema)]
#[schema(as = SigningKey)]
pub(crate) struct View {
    kid: String,
    #[schema(value_type = String)]
    algorithm: Algorithm,
    state: KeyState,
    published_at: Time,
    active_at: Option<Time>,
    retired_at: Option<Time>,
    version: i64,
}

/// Which keys to rotate.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SigningKeyRotation)]
pub(crate) struct Rotation {
    /// The algorithm, as JOSE names it.
    #[schema(value_type = String, example = "ES256")]
    algorithm: Algorithm,
}

fn view(key: StoredSigningKey) -> View {
    let StoredSigningKey { kid, algorithm, state, published_at, active_at, retired_at, version, .. } = key;
    let published_at = published_at.into();
    View {
        kid,
        algorithm,
        state,
        published_at,
        active_at: active_at.map(Time),
        retired_at: retired_at.map(Time),
        version,
    }
}

/// Signing keys of a realm
#[utoipa::path(get, path = "/realms/{realm}/signing-keys", tag = "signing keys", operation_id = "listSigningKeys",
    params(InRealm), responses((status = 200, description = "The keys", body = PageOf<View>)))]
pub(crate) async fn list(
    manager: Manager,
    Segments(at): Segments<InRealm>,
) -> Result<axum::Json<PageOf<View>>, Problem> {
    let access = manager.realm(Permission::ReadSigningKeys, &at.realm)?;
    let keys = access.store().list_signing_keys(access.id()).await?;
    Ok(axum::Json(PageOf::whole(keys.into_iter().map(view).collect())))
}

/// Publish the next key of an algorithm now; it signs as soon as every verifier knows it
#[utoipa::path(post, path = "/realms/{realm}/signing-keys/rotate", tag = "signing keys",
    operation_id = "rotateSigningKeys", params(InRealm), request_body = Rotation,
    responses((status = 200, description = "The keys now", body = PageOf<View>)))]
pub(crate) async fn rotate(
    manager: Manager,
    Segments(at): Segments<InRealm>,
    body: Body,
) -> Result<axum::Json<PageOf<View>>, Problem> {
    let access = manager.realm(Permission::WriteSigningKeys, &at.realm)?;
    let rotation: Rotation = body.read()?;
    rotation::begin(access.editor(), rotation.algorithm).await?;
    let keys = access.store().list_signing_keys(access.id()).await?;
    Ok(axum::Json(PageOf::whole(keys.into_iter().map(view).collect())))
}

/// Replace a key that may be known to somebody else: all its tokens are dead at once
#[utoipa::path(post, path = "/realms/{realm}/signing-keys/{kid}/replace", tag = "signing keys",
    operation_id = "replaceSigningKey", params(OfSigningKey),
    responses((status = 204, description = "It is revoked and gone, and another one signs")))]
pub(crate) async fn replace(
    manager: Manager,
    Segments(at): Segments<OfSigningKey>,
) -> Result<StatusCode, Problem> {
    let access = manager.realm(Permission::WriteSigningKeys, &at.realm)?;
    rotation::replace_compromised(access.editor(), &at.kid).await?;
    Ok(StatusCode::NO_CONTENT)
}
