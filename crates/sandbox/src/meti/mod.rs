//! METI's API: `/sources`. Each account sees its own sources and the public ones, and changes its own alone.

mod samples;
mod sources;

use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::LOCATION;
use axum::http::{Method, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::Value;
use symbolon_core::clock::Clock;
use symbolon_guard::protocol::scope::InvalidScope;
use symbolon_guard::{Caller, Guard};

use crate::answer::{ApiError, InPath, Parameters};
use crate::error::SandboxError;
use crate::meti::sources::{Details, Source, SourceError};

pub(crate) use crate::meti::sources::Sources;

const LARGEST_BODY: usize = 256 * 1024;

/// Opens the sources.
pub(crate) fn open(path: PathBuf, clock: Arc<dyn Clock>) -> Result<Arc<Sources>, SandboxError> {
    Sources::open(path, samples::public(), clock).map(Arc::new)
}

/// The routes.
pub(crate) fn routes(guard: &Guard, sources: Arc<Sources>) -> Result<Router, InvalidScope> {
    let collection =
        guard.layer().require_for(Method::GET, "read:sources")?.require_for(Method::POST, "write:sources")?;
    let item = guard
        .layer()
        .require_for(Method::GET, "read:sources")?
        .require_for(Method::PUT, "write:sources")?
        .require_for(Method::DELETE, "delete:sources")?;
    Ok(Router::new()
        .route("/sources", get(list).post(create).layer(collection))
        .route("/sources/{id}", get(find).put(replace).delete(remove).layer(item))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(sources))
}

async fn list(
    State(sources): State<Arc<Sources>>,
    caller: Caller,
    query: Parameters,
) -> Result<Json<Value>, ApiError> {
    let found = sources.list(account(&caller)?, query.get("methodology"));
    Ok(Json(found.iter().map(Source::view).collect()))
}

async fn find(
    State(sources): State<Arc<Sources>>,
    caller: Caller,
    InPath(id): InPath<String>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(sources.find(account(&caller)?, &id)?.view()))
}

async fn create(
    State(sources): State<Arc<Sources>>,
    caller: Caller,
    body: Result<Bytes, BytesRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let account = account(&caller)?.to_owned();
    let details = Details::read(&body?).map_err(ApiError::bad)?;
    let made = blocking(move || sources.insert(&account, details)).await?;
    Ok((StatusCode::CREATED, [(LOCATION, format!("/sources/{}", made.id))], Json(made.view())))
}

async fn replace(
    State(sources): State<Arc<Sources>>,
    caller: Caller,
    InPath(id): InPath<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, ApiError> {
    let account = account(&caller)?.to_owned();
    let details = Details::read(&body?).map_err(ApiError::bad)?;
    Ok(Json(blocking(move || sources.replace(&account, &id, details)).await?.view()))
}

async fn remove(
    State(sources): State<Arc<Sources>>,
    caller: Caller,
    InPath(id): InPath<String>,
) -> Result<StatusCode, ApiError> {
    let account = account(&caller)?.to_owned();
    blocking(move || sources.remove(&account, &id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The account that a token gives access to.
fn account(caller: &Caller) -> Result<&str, ApiError> {
    caller.organization().ok_or_else(|| ApiError::denied("The token belongs to no account"))
}

/// Changes wait for the disk, away from the threads that serve.
async fn blocking<T: Send + 'static>(
    change: impl FnOnce() -> Result<T, SourceError> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::task::spawn_blocking(change).await {
        Ok(changed) => Ok(changed?),
        Err(error) => Err(ApiError::internal(&error)),
    }
}

impl From<SourceError> for ApiError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::NotFound => Self::not_found("There is no source of that id"),
            SourceError::Public => Self::denied("Public sources cannot be changed; make one of your own"),
            SourceError::NotWritten(cause) => Self::internal(&cause),
            SourceError::NoRandomness(cause) => Self::internal(&cause),
        }
    }
}
