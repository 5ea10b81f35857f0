//! The v1 shape of the answer: `token` and `expires_in`.

use axum::http::StatusCode;
use axum::response::Response;
use symbolon_core::issue::IssuedToken;
use symbolon_core::protocol::token::PasswordTokenResponse;

use crate::oauth::answer;

/// The answer.
pub(crate) fn token(token: &IssuedToken) -> Response {
    answer::json(StatusCode::OK, &PasswordTokenResponse { token: &token.token, expires_in: token.expires_in })
}
