//! The request's id: made here, sent back as `x-request-id`, written into every record and log line of it.
//!
//! An id that came with the request is not taken over: ids find records, so strangers must not choose them.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use crate::state::ServerState;

/// The header that tells it.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// A request's id, in its extensions.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// Gives a request its id and logs how it went: method and path, never query, headers or body.
pub(crate) async fn tag(State(state): State<ServerState>, mut request: Request, next: Next) -> Response {
    let began = tokio::time::Instant::now();
    let id = state.authority.request_id().unwrap_or_else(|_| "req_unknown".to_owned());
    let span =
        tracing::info_span!("request", id = %id, method = %request.method(), path = %request.uri().path());
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).instrument(span.clone()).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    let status = response.status();
    let micros = began.elapsed().as_micros();
    span.in_scope(|| match status.as_u16() {
        500.. => tracing::warn!(status = status.as_u16(), micros, "answered"),
        400.. => tracing::info!(status = status.as_u16(), micros, "answered"),
        _ => tracing::debug!(status = status.as_u16(), micros, "answered"),
    });
    response
}
