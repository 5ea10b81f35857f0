//! The header fields that say how much a client may still ask for, whichever edge answers.

use axum::http::HeaderValue;
use axum::response::Response;
use symbolon_core::protocol::rate_limit::{self, ServiceLimit};

/// The answer, saying how much the one who asked may still ask for, if there is a limit.
pub(crate) fn with_limit(mut response: Response, limit: Option<ServiceLimit>) -> Response {
    let Some(limit) = limit else { return response };
    for (name, value) in
        [(rate_limit::POLICY_FIELD, limit.policy_field()), (rate_limit::FIELD, limit.field())]
    {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
