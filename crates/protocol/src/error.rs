//! The one table of OAuth errors: code, HTTP status, and a description that RFC 6749 allows.

use serde::{Deserialize, Serialize};

/// What went wrong, as the client may know it.
///
/// One variant is one (code, status) pair; several variants may share a code where the status differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The request is malformed (RFC 6749 §5.2).
    InvalidRequest,
    /// The request came with a method other than POST.
    MethodNotAllowed,
    /// The body is of a media type that the endpoint does not read.
    UnsupportedMediaType,
    /// Client authentication failed (RFC 6749 §5.2).
    InvalidClient,
    /// A user's email or password is wrong (password tokens only).
    InvalidGrant,
    /// The client may not use this grant, for lack of a licence for instance (RFC 6749 §5.2).
    UnauthorizedClient,
    /// The grant type is not offered (RFC 6749 §5.2).
    UnsupportedGrantType,
    /// The token type of a revocation request is not offered (RFC 7009 §2.2.1).
    UnsupportedTokenType,
    /// The audience is unknown or not granted (RFC 8707 §2).
    InvalidTarget,
    /// None of the scopes asked for is granted (RFC 6749 §5.2).
    InvalidScope,
    /// The access token is malformed, expired, revoked or meant for another API (RFC 6750 §3.1).
    InvalidToken,
    /// The access token is valid but lacks a scope (RFC 6750 §3.1).
    InsufficientScope,
    /// Too many failures or too many requests; try again after the time named.
    TooManyRequests,
    /// The server cannot answer now; try again after the time named.
    TemporarilyUnavailable,
    /// A fault of the server itself.
    ServerError,
}

impl ErrorCode {
    /// The code's registered name.
    pub const fn name(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status that goes with it.
    pub const fn status(self) -> u16 {
        self.row().1
    }

    /// The table itself; every answer of every endpoint takes its status from here.
    const fn row(self) -> (&'static str, u16) {
        match self {
            Self::InvalidRequest => ("invalid_request", 400),
            Self::MethodNotAllowed => ("invalid_request", 405),
            Self::UnsupportedMediaType => ("invalid_request", 415),
            Self::InvalidClient => ("invalid_client", 401),
            Self::InvalidGrant => ("invalid_grant", 401),
            Self::UnauthorizedClient => ("unauthorized_client", 400),
            Self::UnsupportedGrantType => ("unsupported_grant_type", 400),
            Self::UnsupportedTokenType => ("unsupported_token_type", 400),
            Self::InvalidTarget => ("invalid_target", 400),
            Self::InvalidScope => ("invalid_scope", 400),
            Self::InvalidToken => ("invalid_token", 401),
            Self::InsufficientScope => ("insufficient_scope", 403),
            Self::TooManyRequests => ("temporarily_unavailable", 429),
            Self::TemporarilyUnavailable => ("temporarily_unavailable", 503),
            Self::ServerError => ("server_error", 500),
        }
    }
}

/// The JSON body of an error answer (RFC 6749 §5.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The registered error code.
    pub error: String,
    /// A sentence for the developer of the client.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub error_description: Option<String>,
}

impl ErrorBody {
    /// The body for a code, with a description cut down to what RFC 6749 allows.
    pub fn new(code: ErrorCode, description: &str) -> Self {
        Self {
            error: code.name().to_owned(),
            error_description: (!description.is_empty()).then(|| allowed_description(description)),
        }
    }
}

/// The longest description that is sent, in characters; longer ones come from echoed input.
const LONGEST_DESCRIPTION: usize = 400;

/// Replaces each character that RFC 6749 §5.2 does not allow in `error_description` by `?`, and cuts long ones.
pub fn allowed_description(text: &str) -> String {
    text.chars()
        .take(LONGEST_DESCRIPTION)
        .map(|c| match c {
            ' ' | '!' | '#'..='[' | ']'..='~' => c,
            _ => '?',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_keep_to_the_characters_of_rfc_6749() {
        assert_eq!(allowed_description("a \"b\" \\ c\u{7}\u{e9}"), "a ?b? ? c??");
        assert_eq!(allowed_description(&"x".repeat(1000)).len(), LONGEST_DESCRIPTION);
    }

    #[test]
    fn temporary_faults_share_a_code_and_differ_in_status() {
        assert_eq!(ErrorCode::TooManyRequests.name(), ErrorCode::TemporarilyUnavailable.name());
        assert_eq!(ErrorCode::TooManyRequests.status(), 429);
        assert_eq!(ErrorCode::TemporarilyUnavailable.status(), 503);
    }
}
