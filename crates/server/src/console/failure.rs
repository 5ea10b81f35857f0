//! What goes wrong in the console, as pages: what happened, what to do, and the request's id.
//!
//! A failure travels in the answer's extensions to `layer`, which knows the request and makes the page.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use symbolon_core::edit::EditError;
use symbolon_core::edit::link::LinkRefused;
use symbolon_core::permission::{Denied, RepeatError};
use symbolon_core::store::StoreError;

use crate::console::address;
use crate::console::entered::HasToWait;
use crate::middleware::unserved::Unserved;

/// What the sign-in page says to whoever had a session.
const OVER: &str = "session-over";

/// Why a page was not shown.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// Nobody is signed in: to the sign-in page, and back here afterwards.
    SignIn(String),
    /// The session is over: the same, and the page says so.
    SignInAgain(String),
    /// It is too long ago that the person showed who it is: to that page, and back here afterwards.
    Prove(String),
    /// It is not there, or out of reach.
    NotFound,
    /// The role does not include it.
    Forbidden,
    /// It was changed in the meantime.
    Stale,
    /// The state of things forbids it; the sentence says why.
    Refused(String),
    /// A rule forbids what was entered; the sentence says which.
    Invalid(String),
    /// The form cannot be read.
    Form,
    /// The change came from elsewhere.
    Origin,
    /// The method is not offered.
    Method,
    /// Too many attempts.
    Busy(Duration),
    /// Something that is needed does not answer. The text is for the log.
    Unavailable(String),
}

impl Failure {
    /// Status, and the name of its texts.
    pub(super) const fn row(&self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::SignIn(_) | Self::SignInAgain(_) | Self::Prove(_) => {
                (StatusCode::SEE_OTHER, "error-not-found-title", "error-not-found")
            }
            Self::NotFound => (StatusCode::NOT_FOUND, "error-not-found-title", "error-not-found"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "error-forbidden-title", "error-forbidden"),
            Self::Stale => (StatusCode::CONFLICT, "error-stale-title", "error-stale"),
            Self::Refused(_) => (StatusCode::CONFLICT, "error-refused-title", ""),
            Self::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "error-invalid-title", ""),
            Self::Form => (StatusCode::BAD_REQUEST, "error-form-title", "error-form"),
            Self::Origin => (StatusCode::FORBIDDEN, "error-origin-title", "error-origin"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "error-method-title", "error-method"),
            Self::Busy(_) => (StatusCode::TOO_MANY_REQUESTS, "error-busy-title", "error-busy"),
            Self::Unavailable(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, "error-unavailable-title", "error-unavailable")
            }
        }
    }
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::NotFound => Self::NotFound,
            Denied::Permission(_) => Self::Forbidden,
            Denied::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            // A cursor of another list leads nowhere.
            StoreError::NotFound | StoreError::Cursor => Self::NotFound,
            StoreError::Stale => Self::Stale,
            StoreError::Taken(_) | StoreError::Refused(_) => Self::Refused(error.to_string()),
            StoreError::Damaged(_) | StoreError::Unavailable(_) => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<EditError> for Failure {
    fn from(error: EditError) -> Self {
        use symbolon_core::password::PasswordError;
        match error {
            EditError::Invalid(text) => Self::Invalid(text),
            EditError::NotOffered(text) => Self::Refused(text),
            EditError::Store(error) => error.into(),
            EditError::Password(PasswordError::Busy) => Self::Busy(Duration::from_secs(1)),
            EditError::Password(error) => Self::Unavailable(error.to_string()),
            EditError::NoRandomness(error) => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<RepeatError> for Failure {
    fn from(error: RepeatError) -> Self {
        match error {
            // The form of one page was sent to another.
            RepeatError::Another => Self::Form,
            RepeatError::Store(error) => error.into(),
        }
    }
}

impl From<LinkRefused> for Failure {
    fn from(error: LinkRefused) -> Self {
        match error {
            LinkRefused::Denied(denied) => denied.into(),
            LinkRefused::Edit(error) => error.into(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match &self {
            Self::SignIn(next) => return to(&address::sign_in(next), next, ""),
            Self::SignInAgain(next) => return to(&address::sign_in(next), next, OVER),
            Self::Prove(next) => {
                let mut response = to(address::PROVE, next, "");
                response.extensions_mut().insert(HasToWait);
                return response;
            }
            _ => {}
        }
        let mut response = self.row().0.into_response();
        if let Self::Unavailable(reason) = &self {
            response.extensions_mut().insert(Unserved::new(reason));
        }
        let wait = match &self {
            Self::Busy(wait) => Some(wait.as_secs().max(1)),
            Self::Unavailable(_) => Some(1),
            _ => None,
        };
        if let Some(wait) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait));
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// To a page that leads on to `next`, and that says what has been done, if anything has.
pub(super) fn to(page: &str, next: &str, done: &str) -> Response {
    let next = percent_encoding::utf8_percent_encode(next, percent_encoding::NON_ALPHANUMERIC);
    let done = if done.is_empty() { String::new() } else { format!("&done={done}") };
    Redirect::to(&format!("{page}?next={next}{done}")).into_response()
}
