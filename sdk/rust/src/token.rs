//! A token as callers hold it: one allocation, shared, wiped when the last of them drops it, and shown by nothing.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use tokio::time::Instant;
use zeroize::Zeroizing;

const SCHEME: &str = "Bearer ";

/// An access token. Clones share it.
#[derive(Clone)]
pub struct Token(pub(crate) Arc<Held>);

pub(crate) struct Held {
    /// `Bearer …`; the text of the token is a part of it.
    header: HeaderValue,
    scope: Option<String>,
    /// From here on a new one is fetched in the background.
    pub(crate) renew_at: Instant,
    /// Up to here it is used.
    pub(crate) end: Instant,
}

impl Held {
    /// Holds a token, unless it could not stand in a header.
    pub(crate) fn new(text: &str, scope: Option<String>, renew_at: Instant, end: Instant) -> Option<Self> {
        if !is_token(text) {
            return None;
        }
        let mut whole = Zeroizing::new(Vec::with_capacity(SCHEME.len() + text.len()));
        whole.extend_from_slice(SCHEME.as_bytes());
        whole.extend_from_slice(text.as_bytes());
        let mut header = HeaderValue::from_maybe_shared(Bytes::from_owner(whole)).ok()?;
        header.set_sensitive(true);
        Some(Self { header, scope, renew_at, end })
    }

    pub(crate) fn text(&self) -> &str {
        // Visible ASCII alone was let in.
        let text = self.header.as_bytes().get(SCHEME.len()..).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }
}

/// Whether a text is one or more visible ASCII characters.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

impl Token {
    /// The text, to be sent or printed.
    pub fn expose(&self) -> &str {
        self.0.text()
    }

    /// The value of `authorization`: `Bearer …`, marked as sensitive.
    pub fn header(&self) -> HeaderValue {
        self.0.header.clone()
    }

    /// What was granted, where the server said it.
    pub fn scope(&self) -> Option<&str> {
        self.0.scope.as_deref()
    }

    /// How long it will still be used by this crate; nothing if its end has come.
    pub fn remaining(&self) -> Duration {
        self.0.end.saturating_duration_since(Instant::now())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").field("scope", &self.0.scope).finish_non_exhaustive()
    }
}
