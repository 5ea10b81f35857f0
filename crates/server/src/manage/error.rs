//! What goes wrong, as problems (RFC 9457): a stable type for programs, a sentence for people, the request's id.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use symbolon_core::edit::EditError;
use symbolon_core::edit::link::LinkRefused;
use symbolon_core::permission::{Denied, NotACaller, NotApplied, RepeatError};
use symbolon_core::protocol::bearer::Challenge;
use symbolon_core::protocol::error::ErrorCode;
use symbolon_core::store::StoreError;
use utoipa::ToSchema;

use crate::manage::page::no_cursor;

/// The kinds of problems; each has its own type and its one status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    InvalidBody,
    InvalidParameter,
    InvalidCursor,
    Unauthenticated,
    InsufficientScope,
    NotOffered,
    NotFound,
    MethodNotAllowed,
    Taken,
    Stale,
    Refused,
    PreconditionFailed,
    TooLarge,
    UnsupportedMediaType,
    InvalidChange,
    Repeated,
    Busy,
    Unavailable,
    Internal,
}

impl Kind {
    /// Name, status and title.
    const fn row(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::InvalidBody => ("invalid-body", StatusCode::BAD_REQUEST, "The body cannot be read"),
            Self::InvalidParameter => {
                ("invalid-parameter", StatusCode::BAD_REQUEST, "A parameter cannot be read")
            }
            Self::InvalidCursor => {
                ("invalid-cursor", StatusCode::BAD_REQUEST, "The cursor is not one of ours")
            }
            Self::Unauthenticated => {
                ("unauthenticated", StatusCode::UNAUTHORIZED, "A valid access token is needed")
            }
            Self::InsufficientScope => {
                ("insufficient-scope", StatusCode::FORBIDDEN, "The token lacks a scope")
            }
            Self::NotOffered => ("not-offered", StatusCode::FORBIDDEN, "Only operators may set this"),
            Self::NotFound => ("not-found", StatusCode::NOT_FOUND, "There is no such thing"),
            Self::MethodNotAllowed => {
                ("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "The method is not offered here")
            }
            Self::Taken => ("taken", StatusCode::CONFLICT, "The id or name is taken"),
            Self::Stale => ("stale", StatusCode::CONFLICT, "It was changed in the meantime"),
            Self::Refused => ("refused", StatusCode::CONFLICT, "The state of things forbids it"),
            Self::PreconditionFailed => {
                ("precondition-failed", StatusCode::PRECONDITION_FAILED, "It has another version")
            }
            Self::TooLarge => ("too-large", StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::UnsupportedMediaType => {
                ("unsupported-media-type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body has to be JSON")
            }
            Self::InvalidChange => ("invalid-change", StatusCode::UNPROCESSABLE_ENTITY, "A rule forbids it"),
            Self::Repeated => (
                "idempotency-key-reused",
                StatusCode::UNPROCESSABLE_ENTITY,
                "The Idempotency-Key stands for another request",
            ),
            Self::Busy => ("busy", StatusCode::TOO_MANY_REQUESTS, "Too many requests"),
            Self::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE, "Not available now"),
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, "Internal error"),
        }
    }
}

/// A problem on its way to becoming an answer.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) kind: Kind,
    pub(crate) detail: String,
    /// The value of `WWW-Authenticate`.
    challenge: Option<String>,
    /// Seconds after which to try again.
    retry_after: Option<u64>,
    /// What the log is told beyond that.
    pub(crate) inner: Option<String>,
}

impl Problem {
    pub(crate) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), challenge: None, retry_after: None, inner: None }
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(Kind::NotFound, format!("There is no such {what} here, or the token does not reach it"))
    }

    /// Credentials are missing, or do not hold.
    pub(crate) fn unauthenticated(detail: &str, given: bool) -> Self {
        let error = given.then_some((ErrorCode::InvalidToken, detail));
        let challenge = Challenge { realm: "symbolon", error, ..Challenge::default() };
        Self { challenge: Some(challenge.to_string()), ..Self::new(Kind::Unauthenticated, detail) }
    }

    /// Something that is needed does not answer.
    pub(crate) fn unavailable(inner: String) -> Self {
        Self {
            retry_after: Some(1),
            inner: Some(inner),
            ..Self::new(
                Kind::Unavailable,
                "The database cannot be reached now; nothing may have been changed. Try again",
            )
        }
    }

    /// The caller asks too often.
    pub(crate) fn busy(retry_after: Option<Duration>) -> Self {
        let seconds =
            retry_after.map_or(1, |wait| u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(1));
        let retry_after = Some(seconds.max(1));
        Self { retry_after, ..Self::new(Kind::Busy, "You ask too often; RateLimit says how often you may") }
    }

    /// One of these is done at a time.
    pub(crate) fn occupied() -> Self {
        let detail = "Another description is being applied here; try again when it is done";
        Self { retry_after: Some(5), ..Self::new(Kind::Busy, detail) }
    }

    /// It took too long.
    pub(crate) fn too_slow() -> Self {
        Self::unavailable("the request took too long".to_owned())
    }

    /// The body that the client gets.
    pub(crate) fn body(&self, request_id: &str) -> ProblemBody {
        let (name, status, title) = self.kind.row();
        ProblemBody {
            kind: format!("urn:symbolon:problem:{name}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: self.detail.clone(),
            request_id: request_id.to_owned(),
        }
    }
}

/// A problem (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemBody {
    /// What kind of problem it is; stable.
    #[serde(rename = "type")]
    #[schema(format = "uri", example = "urn:symbolon:problem:not-found")]
    kind: String,
    /// The kind in words.
    title: String,
    /// The status, as in the answer's first line.
    status: u16,
    /// What happened and what to do.
    detail: String,
    /// The id under which `symbolon explain` and the log know the request.
    request_id: String,
}

/// The status and headers; the body follows in `layer`, which knows the request's id.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind.row().1.into_response();
        let headers = response.headers_mut();
        if let Some(value) = self.challenge.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(header::WWW_AUTHENTICATE, value);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::not_found("thing"),
            StoreError::Stale => {
                Self::new(Kind::Stale, "Somebody else changed it in the meantime; read it again")
            }
            StoreError::Taken(what) => Self::new(Kind::Taken, format!("{what} is taken; choose another")),
            StoreError::Refused(why) => Self::new(Kind::Refused, why),
            StoreError::Cursor => no_cursor(),
            StoreError::Damaged(what) => Self {
                inner: Some(what),
                ..Self::new(Kind::Internal, "What is stored cannot be read; see the log")
            },
            StoreError::Unavailable(why) => Self::unavailable(why),
        }
    }
}

impl From<EditError> for Problem {
    fn from(error: EditError) -> Self {
        use symbolon_core::password::PasswordError;
        match error {
            EditError::Invalid(text) => Self::new(Kind::InvalidChange, text),
            EditError::NotOffered(text) => Self::new(Kind::NotOffered, text),
            EditError::Store(error) => error.into(),
            EditError::Password(PasswordError::Busy) => Self::unavailable("passwords are busy".to_owned()),
            EditError::Password(error) => Self {
                inner: Some(error.to_string()),
                ..Self::new(Kind::Internal, "The password cannot be hashed")
            },
            EditError::NoRandomness(error) => Self::unavailable(error.to_string()),
        }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::NotFound => Self::not_found("realm or organization"),
            Denied::Store(error) => error.into(),
            Denied::Permission(permission) => {
                let detail = format!("The token has no {} here", permission.scope());
                let challenge = Challenge {
                    realm: "symbolon",
                    error: Some((ErrorCode::InsufficientScope, &detail)),
                    scope: Some(permission.scope()),
                    ..Challenge::default()
                };
                let challenge = Some(challenge.to_string());
                Self { challenge, ..Self::new(Kind::InsufficientScope, detail) }
            }
        }
    }
}

impl From<LinkRefused> for Problem {
    fn from(error: LinkRefused) -> Self {
        match error {
            LinkRefused::Denied(denied) => denied.into(),
            LinkRefused::Edit(error) => error.into(),
        }
    }
}

impl From<NotApplied> for Problem {
    fn from(error: NotApplied) -> Self {
        match error {
            NotApplied::Denied(denied) => denied.into(),
            NotApplied::Edit(error) => error.into(),
        }
    }
}

impl From<RepeatError> for Problem {
    fn from(error: RepeatError) -> Self {
        match error {
            RepeatError::Another => Self::new(
                Kind::Repeated,
                "This Idempotency-Key came with another request before; use a new one for each thing to be made",
            ),
            RepeatError::Store(error) => error.into(),
        }
    }
}

impl From<NotACaller> for Problem {
    fn from(error: NotACaller) -> Self {
        match error {
            NotACaller::Token | NotACaller::Audience => Self::unauthenticated(&error.to_string(), true),
            NotACaller::TooOld(reason) => Self::unavailable(reason.to_string()),
            NotACaller::Store(error) => error.into(),
        }
    }
}

/// Nothing is at this path.
pub(crate) async fn nothing_here() -> Problem {
    Problem::new(Kind::NotFound, "There is nothing at this path; /api/v1/openapi.json lists what there is")
}

/// Something is at this path, but not for this method.
pub(crate) async fn method_not_allowed() -> Problem {
    Problem::new(Kind::MethodNotAllowed, "The header Allow names the methods of this path")
}
