//! The words of OAuth 2.0 and JOSE as types, without any I/O.
//!
//! Everything that two programs on either side of a wire must agree on stands here once: error codes and
//! their statuses, scopes, claims, keys, signatures, credentials, challenges. The server builds its answers
//! from these types, the guard checks tokens with them, and client libraries read the same ones.
//!
//! Whatever was not yet proven by a signature is called `unverified` in names, until it is.

pub mod algorithm;
pub mod bearer;
pub mod claims;
pub mod client_auth;
pub mod error;
pub mod grant_type;
pub mod introspection;
pub mod json;
pub mod jwk;
pub mod jws;
pub mod metadata;
pub mod parameters;
pub mod rate_limit;
pub mod revocation;
pub mod scope;
pub mod secret_format;
pub mod token;
