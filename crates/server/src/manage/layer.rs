//! What goes around every request of this API: a bound on its time, the bodies of problems, and `If-None-Match`.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use symbolon_core::protocol::rate_limit::ServiceLimit;

use crate::coded::names;
use crate::manage::error::Problem;
use crate::middleware::limit_fields::with_limit;
use crate::middleware::request_id::RequestId;
use crate::middleware::unserved::Unserved;

/// Nothing takes longer: whoever waits may try again.
const LONGEST: Duration = Duration::from_secs(20);

/// What is left of the caller's rate, once it is known who calls.
#[derive(Clone, Default)]
pub(crate) struct Left(pub(crate) Arc<OnceLock<ServiceLimit>>);

pub(crate) async fn around(mut request: Request, next: Next) -> Response {
    let left = Left::default();
    request.extensions_mut().insert(left.clone());
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
    let known = match *request.method() {
        Method::GET | Method::HEAD => request.headers().get(header::IF_NONE_MATCH).cloned(),
        _ => None,
    };
    let mut response = match tokio::time::timeout(LONGEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::too_slow().into_response(),
    };
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        fill(&mut response, &problem, &id);
    }
    let is_known =
        known.zip(response.headers().get(header::ETAG)).is_some_and(|(known, tag)| names(&known, tag));
    if is_known && response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_TYPE);
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    // What is public says itself how long it may be kept.
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    with_limit(response, left.0.get().copied())
}

fn fill(response: &mut Response, problem: &Problem, request_id: &str) {
    if response.status().is_server_error() {
        let reason = problem.inner.clone().unwrap_or_else(|| problem.detail.clone());
        response.extensions_mut().insert(Unserved::new(&reason));
    }
    let body = serde_json::to_vec(&problem.body(request_id)).unwrap_or_default();
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    *response.body_mut() = Body::from(body);
}
