//! The realm's public keys (RFC 7517), for caches: `max-age` and ETag.

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use symbolon_core::protocol::jwk::JwkSet;

use crate::oauth::answer;
use crate::oauth::realm::OfRealm;
use crate::state::ServerState;

/// The document.
pub(crate) async fn document(
    OfRealm(realm): OfRealm,
    State(state): State<ServerState>,
    headers: HeaderMap,
) -> Response {
    let max_age = state.authority.settings().rotation.max_age.as_secs();
    let set: &JwkSet = realm.jwks();
    // The names of the keys say all that can change.
    let names: Vec<&str> = set.keys.iter().filter_map(|key| key.kid.as_deref()).collect();
    let etag = format!("\"{}\"", names.join("."));
    cacheable(set, max_age, Some(&etag), &headers)
}

/// A JSON document that caches may keep, or 304 where the reader has it already.
pub(crate) fn cacheable<T: serde::Serialize>(
    body: &T,
    max_age: u64,
    etag: Option<&str>,
    headers: &HeaderMap,
) -> Response {
    let Ok(bytes) = serde_json::to_vec(body) else { return answer::empty(StatusCode::INTERNAL_SERVER_ERROR) };
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let matches = |etag: &str| {
        known.is_some_and(|known| {
            known.split(',').map(str::trim).any(|one| one == "*" || one.trim_start_matches("W/") == etag)
        })
    };
    let mut response = if etag.is_some_and(matches) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        Response::new(Body::from(bytes))
    };
    let target = response.headers_mut();
    target.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(value) = HeaderValue::from_str(&format!("public, max-age={max_age}")) {
        target.insert(header::CACHE_CONTROL, value);
    }
    if let Some(value) = etag.and_then(|etag| HeaderValue::from_str(etag).ok()) {
        target.insert(header::ETAG, value);
    }
    response
}
