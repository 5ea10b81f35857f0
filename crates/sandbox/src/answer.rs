//! The one form of the sample APIs' own error answers; those about tokens are the guard's.

use axum::Json;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error answer: status, a code for programs, a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) error: &'static str,
    pub(crate) description: String,
}

impl ApiError {
    /// The request must be changed.
    pub(crate) fn bad(description: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error: "invalid_request", description: description.into() }
    }

    /// The thing is not there, or not for this caller, which is the same to him.
    pub(crate) fn not_found(description: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, error: "not_found", description: description.into() }
    }

    /// The token is good, but not for this.
    pub(crate) fn denied(description: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, error: "access_denied", description: description.into() }
    }

    /// The fault is here. The cause belongs into the log.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "the sandbox could not serve a request");
        let description = "The sandbox failed; its log says why".to_owned();
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, error: "server_error", description }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.error, "error_description": self.description }));
        let mut response = (self.status, body).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        let description = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            "The body is larger than 256 KiB".to_owned()
        } else {
            rejection.body_text()
        };
        Self { status: rejection.status(), error: "invalid_request", description }
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad(rejection.body_text())
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::bad(rejection.body_text())
    }
}

/// A query as it came. Parameters that nobody asks for are ignored.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The value of a parameter, of its last occurrence; an empty one counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

impl<S: Send + Sync> axum::extract::FromRequestParts<S> for Parameters {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &S) -> Result<Self, ApiError> {
        let query = axum::extract::Query::from_request_parts(parts, state).await?;
        Ok(Self(query.0))
    }
}

/// The values in a path.
pub(crate) struct InPath<T>(pub(crate) T);

impl<T, S> axum::extract::FromRequestParts<S> for InPath<T>
where
    T: serde::de::DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut axum::http::request::Parts, state: &S) -> Result<Self, ApiError> {
        let path = axum::extract::Path::from_request_parts(parts, state).await?;
        Ok(Self(path.0))
    }
}
