//! Where a request comes from: the peer's address, or what a trusted proxy says of it.
//!
//! `X-Forwarded-For` is believed from listed proxies alone, and only up to the first address that is none of
//! theirs, read from the right: everything further left was written by strangers. A header that cannot be read
//! yields an address that is in no network, so that whatever is checked against it fails.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use ipnet::IpNet;

use crate::state::ServerState;

/// The other end of the connection; put into each request's extensions by the listener.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddress(pub SocketAddr);

/// The address that a request counts for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

/// An address in no network that anybody would allow.
const NOWHERE: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

impl FromRequestParts<ServerState> for ClientAddress {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &ServerState) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<PeerAddress>().map_or(NOWHERE, |peer| peer.0.ip().to_canonical());
        Ok(Self(client_address(peer, &parts.headers, &state.trusted_proxies)))
    }
}

fn client_address(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    if !is_trusted(&peer) {
        return peer;
    }
    let lines: Vec<_> = headers.get_all("x-forwarded-for").iter().collect();
    if lines.is_empty() {
        return peer;
    }
    let Some(text) = lines.iter().map(|line| line.to_str().ok()).collect::<Option<Vec<_>>>() else {
        return NOWHERE;
    };
    for hop in text.join(",").rsplit(',') {
        match hop.trim().parse::<IpAddr>() {
            Err(_) => return NOWHERE,
            Ok(address) if !is_trusted(&address.to_canonical()) => return address.to_canonical(),
            Ok(_) => {}
        }
    }
    NOWHERE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(peer: &str, forwarded: &[&str], trusted: &[&str]) -> IpAddr {
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client_address(peer.parse().unwrap(), &headers, &trusted)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn nobody_is_believed_by_default() {
        assert_eq!(address("192.0.2.1", &["198.51.100.7"], &[]), ip("192.0.2.1"));
    }

    #[test]
    fn only_what_trusted_proxies_wrote_counts() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(address("10.0.0.1", &["198.51.100.7"], &trusted), ip("198.51.100.7"));
        assert_eq!(address("10.0.0.1", &["1.1.1.1, 198.51.100.7, 10.0.0.9"], &trusted), ip("198.51.100.7"));
        assert_eq!(address("10.0.0.1", &["1.1.1.1", "198.51.100.7"], &trusted), ip("198.51.100.7"));
        assert_eq!(address("10.0.0.1", &[], &trusted), ip("10.0.0.1"));
    }

    #[test]
    fn a_header_that_cannot_be_read_is_nowhere() {
        let trusted = ["10.0.0.0/8"];
        for bad in ["unknown", "198.51.100.7:80", "", "1.2.3", "198.51.100.7, x"] {
            assert_eq!(address("10.0.0.1", &[bad], &trusted), NOWHERE, "{bad:?}");
        }
    }
}
