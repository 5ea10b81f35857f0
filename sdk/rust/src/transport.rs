//! How requests get to a server: a small trait, so that any HTTP client will do, and tests need none.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};

/// What [`Transport::send`] returns.
pub type TransportFuture<'a> =
    Pin<Box<dyn Future<Output = Result<Response<Bytes>, TransportError>> + Send + 'a>>;

/// Sends a request and reads the whole answer.
///
/// Redirects are not to be followed: they would carry credentials to wherever an answer points. Requests hold secrets in
/// their body or in `authorization` (which is marked as sensitive); they are not to be logged. A time limit is kept by
/// the caller, who drops the future.
pub trait Transport: Send + Sync + 'static {
    /// Sends a request.
    fn send(&self, request: Request<Bytes>) -> TransportFuture<'_>;
}

impl<T: Transport + ?Sized> Transport for Arc<T> {
    fn send(&self, request: Request<Bytes>) -> TransportFuture<'_> {
        T::send(self, request)
    }
}

/// No answer came.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{text}")]
pub struct TransportError {
    text: String,
    timed_out: bool,
}

impl TransportError {
    /// The connection was not made, or broke.
    pub fn connection(text: impl fmt::Display) -> Self {
        Self { text: text.to_string(), timed_out: false }
    }

    /// The time was up.
    pub fn timeout(text: impl fmt::Display) -> Self {
        Self { text: text.to_string(), timed_out: true }
    }

    pub(crate) const fn is_timeout(&self) -> bool {
        self.timed_out
    }
}
