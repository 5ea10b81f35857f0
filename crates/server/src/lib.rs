//! The HTTP edge: requests in, answers out, nothing decided. What is decided is decided in `symbolon_core`.
//!
//! `router` names every URL in one file; `listen` accepts connections, with or without TLS.

pub mod listen;
pub mod metrics;
pub mod router;
pub mod state;
pub mod tls;
pub mod traces;

mod coded;
mod console;
mod endpoints;
mod health;
pub mod manage;
mod middleware;
mod oauth;

/// The framework whose router stands in this crate's own interface.
pub use axum;
pub use middleware::address::PeerAddress;
