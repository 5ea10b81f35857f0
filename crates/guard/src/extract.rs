//! `Caller` as an argument of axum handlers.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use symbolon_protocol::error::{ErrorBody, ErrorCode};

use crate::caller::Caller;

/// Fails closed where no [`GuardLayer`](crate::GuardLayer) stands before the route: that is a fault of the API, so the
/// answer is 500 `server_error`, and an error is logged.
impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Response> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!(
                path = parts.uri.path(),
                "a handler wants a Caller, but no guard stands before it"
            );
            unguarded()
        })
    }
}

fn unguarded() -> Response {
    let body = ErrorBody::new(ErrorCode::ServerError, "");
    let mut response = Response::new(serde_json::to_string(&body).unwrap_or_default().into());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
