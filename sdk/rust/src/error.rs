//! The one error of this crate: opaque, cheap to clone (every caller of one attempt gets it), and asked by predicates, so
//! that kinds may be added without breaking anybody.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Why there is no token, or why a request was not sent.
///
/// It never shows a secret or a token. What a server said of itself is in [`code`](Self::code) and
/// [`description`](Self::description).
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: Kind,
    text: String,
    told: Told,
}

/// What is the matter, as callers tell errors apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No answer, or one that asks for patience.
    Temporary,
    /// No answer in time.
    Timeout,
    /// 429
    RateLimited,
    /// The credentials are not taken.
    InvalidClient,
    /// The client is known, and gets no token.
    UnauthorizedClient,
    /// None of the scopes is granted.
    InvalidScope,
    /// The audience is unknown or not granted.
    InvalidTarget,
    /// The server does not understand the request.
    InvalidRequest,
    /// The server does not offer the grant.
    UnsupportedGrantType,
    /// Any other refusal.
    Refused,
    /// A redirect, which is not followed.
    Redirect,
    /// An answer that is none.
    Malformed,
    /// The secret could not be read.
    NoSecret,
    /// The settings make no sense.
    Configuration,
    /// The call to the API failed, and not the token's.
    Call,
}

/// What the server told beside its refusal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
}

impl Error {
    pub(crate) fn new(kind: Kind, text: impl fmt::Display) -> Self {
        Self::told(kind, text, Told::default())
    }

    pub(crate) fn told(kind: Kind, text: impl fmt::Display, told: Told) -> Self {
        Self(Arc::new(Inner { kind, text: text.to_string(), told }))
    }

    pub(crate) fn configuration(text: impl fmt::Display) -> Self {
        Self::new(Kind::Configuration, text)
    }

    /// An error of a [secret provider](crate::SecretProvider) of one's own. The text is shown; it holds no secret.
    pub fn no_secret(text: impl fmt::Display) -> Self {
        Self::new(Kind::NoSecret, text)
    }

    /// The kind in one word, for logs and metrics: `temporary`, `rate_limited`, `invalid_client`,
    /// `unauthorized_client`, `invalid_scope`, `invalid_target`, `invalid_request`, `unsupported_grant_type`,
    /// `refused`, `redirect`, `malformed`, `no_secret`, `configuration` or `call`. More may come.
    pub fn kind(&self) -> &'static str {
        match self.0.kind {
            Kind::Temporary | Kind::Timeout => "temporary",
            Kind::RateLimited => "rate_limited",
            Kind::InvalidClient => "invalid_client",
            Kind::UnauthorizedClient => "unauthorized_client",
            Kind::InvalidScope => "invalid_scope",
            Kind::InvalidTarget => "invalid_target",
            Kind::InvalidRequest => "invalid_request",
            Kind::UnsupportedGrantType => "unsupported_grant_type",
            Kind::Refused => "refused",
            Kind::Redirect => "redirect",
            Kind::Malformed => "malformed",
            Kind::NoSecret => "no_secret",
            Kind::Configuration => "configuration",
            Kind::Call => "call",
        }
    }

    /// Whether the same may succeed later: the server was not reached, was too slow, or asked for patience.
    pub fn is_temporary(&self) -> bool {
        matches!(self.0.kind, Kind::Temporary | Kind::Timeout | Kind::RateLimited)
    }

    /// Whether no answer came in time.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == Kind::Timeout
    }

    /// Whether the server wants to be asked less often (429).
    pub fn is_rate_limited(&self) -> bool {
        self.0.kind == Kind::RateLimited
    }

    /// Whether the credentials are not taken: an unknown client, a wrong or revoked secret, a wrong email or password.
    pub fn is_invalid_client(&self) -> bool {
        self.0.kind == Kind::InvalidClient
    }

    /// Whether the server knows the client and gives it no token, for lack of a licence for instance.
    pub fn is_unauthorized_client(&self) -> bool {
        self.0.kind == Kind::UnauthorizedClient
    }

    /// Whether none of the scopes is granted.
    pub fn is_invalid_scope(&self) -> bool {
        self.0.kind == Kind::InvalidScope
    }

    /// Whether the audience is unknown or not granted.
    pub fn is_invalid_target(&self) -> bool {
        self.0.kind == Kind::InvalidTarget
    }

    /// Whether what was answered is neither a token nor a refusal: a page of HTML for instance, or a redirect.
    pub fn is_malformed(&self) -> bool {
        matches!(self.0.kind, Kind::Malformed | Kind::Redirect)
    }

    /// Whether the secret could not be read: no such variable, file or command.
    pub fn is_no_secret(&self) -> bool {
        self.0.kind == Kind::NoSecret
    }

    /// Whether the settings make no sense: a plain http address of another machine for instance.
    pub fn is_configuration(&self) -> bool {
        self.0.kind == Kind::Configuration
    }

    /// Whether it was the call to the API that failed, and not its token.
    pub fn is_call(&self) -> bool {
        self.0.kind == Kind::Call
    }

    /// The server's error code, such as `invalid_scope` (RFC 6749 §5.2).
    pub fn code(&self) -> Option<&str> {
        self.0.told.code.as_deref()
    }

    /// The server's explanation for people.
    pub fn description(&self) -> Option<&str> {
        self.0.told.description.as_deref()
    }

    /// The status of the server's answer.
    pub fn status(&self) -> Option<u16> {
        self.0.told.status
    }

    /// The `x-request-id` of the server's answer: whoever runs the server finds the reason by it.
    pub fn request_id(&self) -> Option<&str> {
        self.0.told.request_id.as_deref()
    }

    /// How long the server asked to be left alone; at most an hour.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.told.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)?;
        let told = &self.0.told;
        if let Some(code) = &told.code {
            write!(f, ": {code}")?;
        }
        if let Some(description) = &told.description {
            write!(f, " ({description})")?;
        }
        if let Some(id) = &told.request_id {
            write!(f, ", request {id}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("text", &self.0.text)
            .field("told", &self.0.told)
            .finish()
    }
}

impl std::error::Error for Error {}
