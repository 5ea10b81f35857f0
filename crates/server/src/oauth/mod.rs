//! The OAuth edge: token, introspection, revocation, keys and discovery, in each dialect that clients speak.

pub(crate) mod answer;
mod dialect;
pub(crate) mod introspect;
pub(crate) mod jwks;
pub(crate) mod metadata;
pub(crate) mod password_token;
pub(crate) mod realm;
mod request;
pub(crate) mod revoke;
pub(crate) mod token;
