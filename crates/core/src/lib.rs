//! Symbolon's decisions: who is a client, what it may get, what a token says, what is revoked and what is
//! recorded. No HTTP and no SQL: requests come as values, and storage is a port (`store`).
//!
//! Time and randomness are passed in. The walk of one token request through this crate is
//! `authenticate` → `grant` → `issue` → `journal`; ARCHITECTURE.md tells it in full.

pub mod access_key;
pub mod apply;
pub mod audit;
pub mod authenticate;
pub mod authority;
pub mod backoff;
mod claim_cache;
pub mod claim_map;
pub mod client;
pub mod clock;
pub mod directory;
pub mod edit;
pub mod export;
pub mod grant;
pub mod id;
pub mod import;
mod intern;
pub mod introspect;
pub mod issue;
pub mod journal;
pub mod key_check;
pub mod leak;
pub mod licence;
pub mod limit;
pub mod metrics;
pub mod named;
pub mod network;
pub mod organization;
pub mod password;
pub mod permission;
pub mod policy;
pub mod preview;
pub mod quota;
pub mod random;
pub mod realm;
pub mod realm_view;
pub mod record;
pub mod refusal;
pub mod resource_server;
mod reuse;
pub mod revoke;
pub mod rotation;
pub mod seal;
pub mod secret;
pub mod self_service;
pub mod session;
pub mod sign_in;
pub mod signing_key;
pub mod steady;
pub mod store;
pub mod trail;
pub mod usage;
pub mod user;

pub use symbolon_protocol as protocol;
