//! The nouns, one file each: what can be done with a thing, which flags stand for its main settings, and which columns
//! a list of it has.

pub mod audit;
pub mod client;
pub mod key;
pub mod leak;
pub mod licence;
pub mod organization;
pub mod policy;
pub mod quota;
pub mod realm;
pub mod request;
pub mod resource_server;
pub mod revocation;
pub mod signing_key;
pub mod usage;
pub mod user;
