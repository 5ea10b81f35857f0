//! Where an issuer's public keys come from.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use arc_swap::ArcSwap;
use symbolon_protocol::jwk::JwkSet;

/// What [`KeySource::fetch`] returns.
pub type FetchFuture<'a> = Pin<Box<dyn Future<Output = Result<JwkSet, FetchError>> + Send + 'a>>;

/// A place that gives out the public keys of one issuer.
///
/// The guard decides when to ask: at the first token, when a token names an unknown `kid` (at most once in 30 s), and
/// when [`Guard::refresh`](crate::Guard::refresh) says so. It gives up after 10 s.
pub trait KeySource: Send + Sync + 'static {
    /// Gets the present set. A failure leaves the guard with the keys that it has.
    fn fetch(&self) -> FetchFuture<'_>;

    /// The present set, where it is at hand without waiting: it is then asked for on every call, every change takes
    /// effect at once, and [`fetch`](Self::fetch) is never used. An unchanged set must be the same `Arc`.
    fn at_hand(&self) -> Option<Arc<JwkSet>> {
        None
    }
}

impl<T: KeySource + ?Sized> KeySource for Arc<T> {
    fn fetch(&self) -> FetchFuture<'_> {
        T::fetch(self)
    }

    fn at_hand(&self) -> Option<Arc<JwkSet>> {
        T::at_hand(self)
    }
}

/// Keys held in the same process. Clones share their content; what one publishes, every guard sees at once.
#[derive(Clone, Debug, Default)]
pub struct SharedKeys {
    set: Arc<ArcSwap<JwkSet>>,
}

impl SharedKeys {
    /// Starts with a set.
    pub fn new(set: JwkSet) -> Self {
        Self { set: Arc::new(ArcSwap::from_pointee(set)) }
    }

    /// Replaces the whole set. Tokens signed with keys that are not in it are refused from now on.
    pub fn publish(&self, set: JwkSet) {
        self.set.store(Arc::new(set));
    }

    /// The present set.
    pub fn current(&self) -> Arc<JwkSet> {
        self.set.load_full()
    }
}

impl KeySource for SharedKeys {
    fn fetch(&self) -> FetchFuture<'_> {
        let set = JwkSet::clone(&self.current());
        Box::pin(std::future::ready(Ok(set)))
    }

    fn at_hand(&self) -> Option<Arc<JwkSet>> {
        Some(self.current())
    }
}

/// Keys could not be fetched. The text says why, for a log; callers of the API never see it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot fetch the issuer's keys: {text}")]
pub struct FetchError {
    kind: FetchErrorKind,
    text: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FetchErrorKind {
    Timeout,
    #[cfg(feature = "fetch")]
    Address,
    #[cfg(feature = "fetch")]
    Answer,
    Other,
}

impl FetchError {
    /// An error of a key source of one's own.
    pub fn new(text: impl fmt::Display) -> Self {
        Self::of(FetchErrorKind::Other, text)
    }

    pub(crate) fn of(kind: FetchErrorKind, text: impl fmt::Display) -> Self {
        Self { kind, text: text.to_string().into() }
    }

    /// Whether the time was up.
    pub fn is_timeout(&self) -> bool {
        self.kind == FetchErrorKind::Timeout
    }

    /// Whether the address is one that keys are not fetched from: not https, or within a private network.
    #[cfg(feature = "fetch")]
    pub fn is_forbidden_address(&self) -> bool {
        self.kind == FetchErrorKind::Address
    }

    /// Whether an answer came that is not a JWKS: another status than 200, more than 64 KiB, not JSON.
    #[cfg(feature = "fetch")]
    pub fn is_bad_answer(&self) -> bool {
        self.kind == FetchErrorKind::Answer
    }
}
