//! How this edge answers: one JSON responder, one place that turns a refusal into status, headers and body.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use symbolon_core::clock::Timestamp;
use symbolon_core::protocol::error::{ErrorBody, ErrorCode, allowed_description};
use symbolon_core::refusal::Refusal;

pub(crate) use crate::middleware::limit_fields::with_limit;
use crate::middleware::unserved::Unserved;

/// A JSON answer that no cache may keep (RFC 6749 §5.1).
pub(crate) fn json<T: Serialize>(status: StatusCode, body: &T) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => json_bytes(status, bytes),
        Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// The same, of what is JSON already.
pub(crate) fn json_bytes(status: StatusCode, bytes: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    uncached(response)
}

/// An answer without a body.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    uncached(response)
}

fn uncached(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// A refusal, described in a dialect's words, in the realm whose name the challenge carries.
pub(crate) fn refused(refusal: &Refusal, description: &str, realm: &str, now: Timestamp) -> Response {
    let code = refusal.code();
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, &ErrorBody::new(code, description));
    if status.is_server_error() {
        response.extensions_mut().insert(Unserved::new(&refusal.reason.to_string()));
    }
    let headers = response.headers_mut();
    if code == ErrorCode::InvalidClient && refusal.used_basic {
        let challenge = format!("Basic realm=\"{}\", charset=\"UTF-8\"", allowed_description(realm));
        if let Ok(value) = HeaderValue::from_str(&challenge) {
            headers.insert(header::WWW_AUTHENTICATE, value);
        }
    }
    if code == ErrorCode::MethodNotAllowed {
        headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    if let Some(wait) = refusal.retry_after {
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        headers.insert(header::RETRY_AFTER, number(seconds));
        if code == ErrorCode::TooManyRequests {
            let reset = u128::try_from(now.plus(wait).millis()).unwrap_or(0).div_ceil(1000);
            headers.insert("x-ratelimit-reset", number(reset));
        }
    }
    with_limit(response, refusal.limit.as_deref().copied())
}

fn number(number: u128) -> HeaderValue {
    HeaderValue::from_str(&number.to_string()).unwrap_or(HeaderValue::from_static("1"))
}

/// The realm does not exist, is switched off, or is not this host's.
pub(crate) fn unknown_realm() -> Response {
    let body = ErrorBody {
        error: "invalid_request".to_owned(),
        error_description: Some("There is no such realm at this address".to_owned()),
    };
    json(StatusCode::NOT_FOUND, &body)
}

/// Nothing is at this path.
pub(crate) async fn not_found() -> Response {
    let body = ErrorBody {
        error: "invalid_request".to_owned(),
        error_description: Some("There is nothing at this path".to_owned()),
    };
    json(StatusCode::NOT_FOUND, &body)
}
