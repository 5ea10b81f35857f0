//! Why a request was refused, and the one place that turns that into an answer (RFC 6750 §3, RFC 9728 §5.1).

use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use symbolon_protocol::bearer::Challenge;
use symbolon_protocol::error::{ErrorBody, ErrorCode};
use symbolon_protocol::scope::ScopeSet;

use crate::key_cache::FETCH_WINDOW_S;

/// How long a client should wait while revocations are stale, in seconds: about one round of their feed.
const STALE_RETRY_S: i64 = 5;

/// Why a request was refused.
///
/// The text is what the client may know. The layer leaves the refusal in the extensions of its answer, for a log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The request carries no credentials at all.
    #[error("the request carries no access token")]
    NoCredentials,
    /// The query carries an access token, where logs and histories keep it (RFC 6750 §5.3).
    #[error("an access token must not stand in the query")]
    TokenInQuery,
    /// The request has more than one Authorization header.
    #[error("the request carries more than one access token")]
    TwoTokens,
    /// Another scheme than Bearer, not a JWT, longer than 8 KiB, claims missing or of the wrong type, duplicate keys,
    /// or a header that brings a key along.
    #[error("the access token is malformed")]
    Malformed,
    /// `iss` is none of the trusted issuers.
    #[error("the access token comes from another issuer")]
    ForeignIssuer,
    /// The issuer has no key of the token's `kid`.
    #[error("the access token is signed with an unknown key")]
    UnknownKey,
    /// The algorithm is not the key's, or not one that is ever accepted.
    #[error("the algorithm of the access token is not accepted")]
    WrongAlgorithm,
    /// The signature does not match.
    #[error("the signature of the access token does not match")]
    BadSignature,
    /// The header's `typ` says that it is another kind of token.
    #[error("the token is not an access token")]
    WrongType,
    /// The token is bound to a key of its holder (`cnf`, RFC 7800), which a bearer does not prove.
    #[error("the access token is bound to a key and cannot be used as a bearer token")]
    Bound,
    /// `aud` names none of the guard's audiences.
    #[error("the access token is meant for another API")]
    ForeignAudience,
    /// `exp` has come.
    #[error("the access token has expired")]
    Expired,
    /// `nbf` or `iat` lies ahead by more than the leeway.
    #[error("the access token is not valid yet")]
    NotYetValid,
    /// The token, or what it was issued to or signed with, has been revoked.
    #[error("the access token has been revoked")]
    Revoked,
    /// The token is good, but was not granted all that the route needs.
    #[error("the request needs the scope {needed}")]
    InsufficientScope {
        /// What the route needs, granted or not.
        needed: ScopeSet,
    },
    /// The token is good, but the layer has rules for other methods only.
    #[error("the method is not allowed here")]
    MethodNotAllowed {
        /// The methods that have rules, as the `Allow` header lists them (RFC 9110 §10.2.1).
        allowed: String,
    },
    /// No keys of the issuer could be fetched yet, so no token of it can be judged.
    #[error("access tokens cannot be verified now")]
    KeysUnavailable,
    /// The revocations are older than allowed.
    #[error("revocations cannot be checked now")]
    RevocationsStale,
}

impl Refusal {
    /// The registered error code and its status; none where there were no credentials, which is 401 (RFC 6750 §3.1).
    pub const fn code(&self) -> Option<ErrorCode> {
        Some(match self {
            Self::NoCredentials => return None,
            Self::TokenInQuery | Self::TwoTokens => ErrorCode::InvalidRequest,
            Self::Malformed
            | Self::ForeignIssuer
            | Self::UnknownKey
            | Self::WrongAlgorithm
            | Self::BadSignature
            | Self::WrongType
            | Self::Bound
            | Self::ForeignAudience
            | Self::Expired
            | Self::NotYetValid
            | Self::Revoked => ErrorCode::InvalidToken,
            Self::InsufficientScope { .. } => ErrorCode::InsufficientScope,
            Self::MethodNotAllowed { .. } => ErrorCode::MethodNotAllowed,
            Self::KeysUnavailable | Self::RevocationsStale => ErrorCode::TemporarilyUnavailable,
        })
    }

    /// The HTTP status of the answer.
    pub fn status(&self) -> StatusCode {
        let status = self.code().map_or(401, ErrorCode::status);
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The `error_description` of the answer: a short sentence for the developer of the client.
    pub fn description(&self) -> String {
        self.to_string()
    }

    /// The `WWW-Authenticate` value for a realm; none where another token would not help.
    pub fn challenge(&self, realm: &str, resource_metadata: Option<&str>) -> Option<String> {
        if matches!(self, Self::MethodNotAllowed { .. } | Self::KeysUnavailable | Self::RevocationsStale) {
            return None;
        }
        let description = self.description();
        let needed = match self {
            Self::InsufficientScope { needed } => Some(needed.to_string()),
            _ => None,
        };
        let challenge = Challenge {
            realm,
            resource_metadata,
            error: self.code().map(|code| (code, description.as_str())),
            scope: needed.as_deref(),
        };
        Some(challenge.to_string())
    }

    /// After how many seconds it may go better, for refusals that are the server's own fault.
    fn retry_after_s(&self) -> Option<i64> {
        match self {
            Self::KeysUnavailable => Some(FETCH_WINDOW_S),
            Self::RevocationsStale => Some(STALE_RETRY_S),
            _ => None,
        }
    }

    /// The whole answer: never cached, JSON, and without error information where there were no credentials.
    pub(crate) fn answer<B: From<String>>(
        &self,
        realm: &str,
        resource_metadata: Option<&str>,
    ) -> Response<B> {
        let body = match self.code() {
            Some(code) => {
                serde_json::to_string(&ErrorBody::new(code, &self.description())).unwrap_or_default()
            }
            None => "{}".to_owned(),
        };
        let mut response = Response::new(B::from(body));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let challenge = self.challenge(realm, resource_metadata);
        if let Some(Ok(challenge)) = challenge.map(HeaderValue::try_from) {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after_s() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Self::MethodNotAllowed { allowed } = self
            && let Ok(allowed) = HeaderValue::from_str(allowed)
        {
            headers.insert(ALLOW, allowed);
        }
        response.extensions_mut().insert(self.clone());
        response
    }
}
