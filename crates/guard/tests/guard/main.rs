//! What the guard promises, through its public interface alone: with a clock that is set by hand, and without sleep.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "the helpers of tests fail as tests do")]

mod answers;
#[cfg(feature = "axum")]
mod extract;
#[cfg(feature = "fetch")]
mod fetch;
mod keys;
mod layer;
mod metadata;
mod revocations;
mod support;
mod tokens;
