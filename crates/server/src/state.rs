//! What every handler is given.

use std::sync::Arc;

use ipnet::IpNet;
use symbolon_core::authority::Authority;

/// Shared by all requests. Cheap to clone.
#[derive(Clone)]
pub struct ServerState {
    /// What decides.
    pub authority: Arc<Authority>,
    /// The networks of reverse proxies whose `X-Forwarded-For` is believed; none by default.
    pub trusted_proxies: Arc<[IpNet]>,
}
