//! The protocol's promises: how requests are read, what answers look like, which realm a request is for,
//! introspection, revocation, keys and discovery.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail as tests do")]

mod answers;
mod discovery;
mod fault_table;
mod introspection;
mod keys;
mod reading;
mod realms;
mod revocation;
mod unavailable;
