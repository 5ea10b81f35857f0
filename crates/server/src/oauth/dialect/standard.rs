//! The answer of RFC 6749 §5.1.

use axum::http::StatusCode;
use axum::response::Response;
use symbolon_core::issue::IssuedToken;
use symbolon_core::protocol::token::{BEARER, TokenResponse};

use crate::oauth::answer;

/// The members that every dialect with an `access_token` has.
pub(crate) fn members(token: &IssuedToken) -> TokenResponse<'_> {
    TokenResponse {
        access_token: &token.token,
        token_type: BEARER,
        expires_in: token.expires_in,
        scope: &token.scopes,
    }
}

/// The answer.
pub(crate) fn token(token: &IssuedToken) -> Response {
    answer::json_bytes(StatusCode::OK, members(token).to_json().into_bytes())
}
