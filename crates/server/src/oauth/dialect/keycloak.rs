//! Keycloak's shape of the answer, and its words for what is wrong with a request.

use axum::http::StatusCode;
use axum::response::Response;
use symbolon_core::issue::IssuedToken;
use symbolon_core::protocol::parameters::ParametersError;
use symbolon_core::protocol::token::KeycloakTokenResponse;
use symbolon_core::random::Random;
use symbolon_core::refusal::Reason;

use crate::oauth::answer;
use crate::oauth::dialect::standard;

/// The answer.
pub(crate) fn token(token: &IssuedToken, random: &dyn Random) -> Response {
    let mut bytes = [0; 16];
    if random.fill(&mut bytes).is_err() {
        return answer::empty(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let session = uuid::Builder::from_random_bytes(bytes).into_uuid();
    let body = KeycloakTokenResponse {
        standard: standard::members(token),
        refresh_expires_in: 0,
        not_before_policy: token.not_before,
        session_state: session.hyphenated().to_string(),
    };
    answer::json(StatusCode::OK, &body)
}

/// The description of a refusal.
pub(crate) fn refusal_text(reason: &Reason) -> String {
    match reason {
        Reason::Missing(name) => format!("Missing form parameter: {name}"),
        Reason::GrantType(_) => "Unsupported grant_type".to_owned(),
        Reason::Parameters(ParametersError::Repeated(_)) => "duplicated parameter".to_owned(),
        other => other.public_text(),
    }
}
