//! Requests, counted by endpoint and class of status, with how long they took.
//!
//! An endpoint is told by the path, because what is around the router does not learn which route it chose. The list
//! is short: whoever adds a route to an edge that has a name here need do nothing, and what nobody knows counts as
//! `other`, so that strangers cannot make up names.

use std::time::Duration;

use axum::http::StatusCode;
use symbolon_core::metrics::{Histogram, HistogramReading};

/// What a request was for, as far as metrics, logs and traces tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Tokens, in every dialect.
    Token,
    /// Tokens for email and password.
    PasswordToken,
    /// Introspection.
    Introspect,
    /// Revocation.
    Revoke,
    /// Discovery documents.
    Metadata,
    /// Key sets.
    Keys,
    /// Liveness and readiness.
    Health,
    /// The management API.
    Management,
    /// The console.
    Console,
    /// Everything else, the sample APIs of the sandbox among it.
    Other,
}

impl Endpoint {
    /// All of them, each at its place.
    pub const ALL: [Self; 10] = [
        Self::Token,
        Self::PasswordToken,
        Self::Introspect,
        Self::Revoke,
        Self::Metadata,
        Self::Keys,
        Self::Health,
        Self::Management,
        Self::Console,
        Self::Other,
    ];

    /// A stable name; those that refusals are recorded under are the same.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::PasswordToken => "password_token",
            Self::Introspect => "introspect",
            Self::Revoke => "revoke",
            Self::Metadata => "metadata",
            Self::Keys => "keys",
            Self::Health => "health",
            Self::Management => "management",
            Self::Console => "console",
            Self::Other => symbolon_core::metrics::OTHER,
        }
    }

    /// The endpoint of a path.
    pub fn of(path: &str) -> Self {
        match path {
            "/oauth/token" => return Self::Token,
            "/token" => return Self::PasswordToken,
            "/livez" | "/readyz" => return Self::Health,
            _ => {}
        }
        if is_below(path, "/api") {
            return Self::Management;
        }
        if is_below(path, "/console") {
            return Self::Console;
        }
        if is_below(path, "/.well-known/oauth-authorization-server") {
            return Self::Metadata;
        }
        match below_realm(path) {
            "/oauth/token" | "/protocol/openid-connect/token" => Self::Token,
            "/oauth/introspect" | "/protocol/openid-connect/token/introspect" => Self::Introspect,
            "/oauth/revoke" | "/protocol/openid-connect/revoke" => Self::Revoke,
            "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server" => Self::Metadata,
            "/.well-known/jwks.json" | "/protocol/openid-connect/certs" => Self::Keys,
            _ => Self::Other,
        }
    }
}

fn is_below(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// What follows the realm, where a path names one in front.
fn below_realm(path: &str) -> &str {
    let rest = path.strip_prefix("/realms/").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
    rest.unwrap_or(path)
}

/// In microseconds: from what a token takes to what nothing is decided longer than.
const BOUNDS: [u64; 12] =
    [500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 3_000_000];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// How long requests took.
#[derive(Debug)]
pub struct RequestCounts(Box<[[Histogram<12>; CLASSES.len()]; Endpoint::ALL.len()]>);

impl Default for RequestCounts {
    fn default() -> Self {
        Self(Box::new([const { [const { Histogram::new(&BOUNDS) }; CLASSES.len()] }; Endpoint::ALL.len()]))
    }
}

/// Requests to one endpoint that were answered with one class of status.
#[derive(Debug)]
pub(super) struct RequestReading {
    pub(super) endpoint: &'static str,
    pub(super) status: &'static str,
    pub(super) took: HistogramReading,
}

impl RequestCounts {
    /// Counts a request that was answered after so long.
    pub(crate) fn answered(&self, endpoint: Endpoint, status: StatusCode, took: Duration) {
        let class = usize::from(status.as_u16() / 100).clamp(1, CLASSES.len()) - 1;
        self.0[endpoint as usize][class].observe_duration(took);
    }

    /// What there was. The token endpoint is there from the start, so that the first failure is seen to be one more
    /// than none.
    pub(super) fn read(&self) -> Vec<RequestReading> {
        let mut all = Vec::new();
        for (endpoint, row) in Endpoint::ALL.into_iter().zip(self.0.iter()) {
            for (status, histogram) in CLASSES.into_iter().zip(row) {
                let took = histogram.read();
                let usual = endpoint == Endpoint::Token && ["2xx", "4xx", "5xx"].contains(&status);
                if usual || took.count() > 0 {
                    all.push(RequestReading { endpoint: endpoint.name(), status, took });
                }
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_belongs_to_its_endpoint_with_and_without_a_realm() {
        for (path, endpoint) in [
            ("/oauth/token", Endpoint::Token),
            ("/realms/acme/oauth/token", Endpoint::Token),
            ("/realms/acme/protocol/openid-connect/token", Endpoint::Token),
            ("/token", Endpoint::PasswordToken),
            ("/oauth/introspect", Endpoint::Introspect),
            ("/realms/acme/protocol/openid-connect/token/introspect", Endpoint::Introspect),
            ("/realms/acme/oauth/revoke", Endpoint::Revoke),
            ("/.well-known/oauth-authorization-server/realms/acme", Endpoint::Metadata),
            ("/realms/acme/.well-known/openid-configuration", Endpoint::Metadata),
            ("/realms/acme/protocol/openid-connect/certs", Endpoint::Keys),
            ("/readyz", Endpoint::Health),
            ("/api/v1/realms/acme/clients", Endpoint::Management),
            ("/console", Endpoint::Console),
            ("/apis", Endpoint::Other),
            ("/oauth/token/", Endpoint::Other),
            ("/realms/acme", Endpoint::Other),
            ("/", Endpoint::Other),
        ] {
            assert_eq!(Endpoint::of(path), endpoint, "{path}");
        }
    }

    #[test]
    fn every_endpoint_has_a_place_and_a_name_of_its_own() {
        let mut names: Vec<_> = Endpoint::ALL.iter().map(|endpoint| endpoint.name()).collect();
        for (place, endpoint) in Endpoint::ALL.into_iter().enumerate() {
            assert_eq!(endpoint as usize, place);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Endpoint::ALL.len());
        for name in symbolon_core::metrics::REFUSING_ENDPOINTS {
            assert!(names.contains(&name), "{name}");
        }
    }

    #[test]
    fn a_request_counts_for_its_endpoint_and_class() {
        let counts = RequestCounts::default();
        assert_eq!(counts.read().len(), 3);
        counts.answered(Endpoint::Keys, StatusCode::NOT_MODIFIED, Duration::from_micros(501));
        let read = counts.read();
        let keys = read.iter().find(|reading| reading.endpoint == "keys").unwrap();
        assert_eq!((keys.status, keys.took.within[1], keys.took.sum), ("3xx", (1_000, 1), 501));
    }
}
