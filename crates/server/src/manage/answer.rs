//! How this API answers: JSON with the version as `ETag`, `201` with `Location`, `204`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::manage::body::etag;

/// Says that a request came before, and that nothing was made this time.
const REPLAYED: header::HeaderName = header::HeaderName::from_static("idempotent-replayed");

/// One thing, with its version.
pub(crate) struct Tagged<T>(pub(crate) i64, pub(crate) T);

impl<T: Serialize> IntoResponse for Tagged<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.1).into_response();
        if let Ok(value) = HeaderValue::from_str(&etag(self.0)) {
            response.headers_mut().insert(header::ETAG, value);
        }
        response
    }
}

/// A thing that was just made, at this place below `/api/v1`.
pub(crate) struct Created<T> {
    path: Vec<String>,
    version: i64,
    body: T,
    /// Whether it was made by the same request when it came before.
    again: bool,
}

impl<T> Created<T> {
    /// A thing that was made now.
    pub(crate) fn now(path: &[&str], version: i64, body: T) -> Self {
        let path = path.iter().map(|segment| (*segment).to_owned()).collect();
        Self { path, version, body, again: false }
    }

    /// A thing that the same request made when it came before.
    pub(crate) fn before(path: &[&str], version: i64, body: T) -> Self {
        Self { again: true, ..Self::now(path, version, body) }
    }
}

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let mut response = Tagged(self.version, self.body).into_response();
        *response.status_mut() = StatusCode::CREATED;
        let mut location = "/api/v1".to_owned();
        for segment in &self.path {
            location.push('/');
            location.extend(percent_encoding::utf8_percent_encode(segment, SEGMENT));
        }
        if self.again {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        if let Ok(value) = HeaderValue::from_str(&location) {
            response.headers_mut().insert(header::LOCATION, value);
        }
        response
    }
}

/// Everything that cannot stand in a path segment as it is (RFC 3986 §3.3), and what is easily misread.
const SEGMENT: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
