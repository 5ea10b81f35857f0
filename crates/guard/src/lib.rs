#![doc = include_str!("../README.md")]

mod builder;
mod caller;
mod clock;
mod guard;
mod judge;
mod key_cache;
mod keys;
mod layer;
mod refusal;
mod revocations;
mod unverified;

#[cfg(feature = "fetch")]
mod address;
#[cfg(feature = "axum")]
mod extract;
#[cfg(feature = "fetch")]
mod fetch;

pub use builder::{BuildError, GuardBuilder, Issuer};
pub use caller::Caller;
#[cfg(feature = "fetch")]
pub use fetch::{HttpKeys, HttpKeysBuilder};
pub use guard::Guard;
pub use keys::{FetchError, FetchFuture, KeySource, SharedKeys};
pub use layer::{GuardFuture, GuardLayer, GuardService, IntoScopes};
pub use refusal::Refusal;
pub use revocations::{Revocations, WhenStale};
/// The words of OAuth that this crate's types are made of: scopes, keys, claims, revocations.
pub use symbolon_protocol as protocol;
