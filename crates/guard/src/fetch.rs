//! Keys fetched over HTTPS, with suspicion: the address comes from a partner's configuration, and so does the answer.
//!
//! The name is resolved here, its addresses are judged, and exactly those are connected to, so that a name cannot
//! mean something else between the check and its use.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use serde_json::Value;
use symbolon_protocol::json;
use symbolon_protocol::jwk::{Jwk, JwkSet};

use crate::address::is_public;
use crate::keys::{FetchError, FetchErrorKind, FetchFuture, KeySource};

/// The longest answer that is read, in bytes.
const LONGEST_BODY: usize = 64 * 1024;

/// A whole fetch takes no longer: names, connection, TLS and answer together.
const LONGEST_FETCH: Duration = Duration::from_secs(3);

/// The keys behind a `jwks_uri`: https only, no redirects, no proxies, up to 64 KiB in 3 s, public addresses only.
#[derive(Clone, Debug)]
pub struct HttpKeys {
    client: Client,
    url: Url,
}

/// Settings of [`HttpKeys`].
#[derive(Clone, Debug)]
pub struct HttpKeysBuilder {
    url: String,
    http_for_loopback: bool,
    private_hosts: Vec<String>,
}

impl HttpKeys {
    /// The keys at an address, with the strict settings.
    pub fn new(url: &str) -> Result<Self, FetchError> {
        Self::builder(url).build()
    }

    /// The keys at an address, with settings to be loosened.
    pub fn builder(url: &str) -> HttpKeysBuilder {
        HttpKeysBuilder { url: url.to_owned(), http_for_loopback: false, private_hosts: Vec::new() }
    }
}

impl HttpKeysBuilder {
    /// Allows `http://` and the loopback addresses, but only for `localhost` and literal loopback addresses: for
    /// development, where the issuer runs on the same machine.
    #[must_use]
    pub fn allow_http_for_loopback(mut self) -> Self {
        self.http_for_loopback = true;
        self
    }

    /// Allows one host to have private addresses, for an issuer within the own network. It still
    /// needs https.
    #[must_use]
    pub fn allow_private_host(mut self, host: impl Into<String>) -> Self {
        self.private_hosts.push(host.into());
        self
    }

    /// Makes the source; nothing is fetched yet. [Fails](FetchError::is_forbidden_address) if the address is not https,
    /// carries credentials, or is literally a private one.
    pub fn build(self) -> Result<HttpKeys, FetchError> {
        let url = Url::parse(&self.url).map_err(|_| forbidden("not an absolute URL"))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let literal = bare.parse::<IpAddr>().ok();
        let loopback = self.http_for_loopback
            && (host.eq_ignore_ascii_case("localhost")
                || literal.is_some_and(|address| address.is_loopback()));
        if url.scheme() != "https" && !(loopback && url.scheme() == "http") {
            return Err(forbidden("keys are fetched over https only"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(forbidden("the URL must not carry credentials"));
        }
        let addresses = if self.private_hosts.iter().any(|allowed| allowed.eq_ignore_ascii_case(bare)) {
            Addresses::Any
        } else if loopback {
            Addresses::Loopback
        } else {
            Addresses::Public
        };
        // A literal address is never resolved, so it is judged here.
        if literal.is_some_and(|address| !addresses.allow(address)) {
            return Err(forbidden("the address is not a public one"));
        }
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .timeout(LONGEST_FETCH)
            // A connection kept open would keep its old address.
            .pool_max_idle_per_host(0)
            .dns_resolver(Arc::new(CheckedResolver(addresses)))
            .build()
            .map_err(FetchError::new)?;
        Ok(HttpKeys { client, url })
    }
}

impl KeySource for HttpKeys {
    fn fetch(&self) -> FetchFuture<'_> {
        Box::pin(async move {
            let request = self.client.get(self.url.clone()).header("accept", "application/json");
            let mut response = request.send().await.map_err(|error| failed(&error))?;
            if response.status() != StatusCode::OK {
                return Err(bad(format_args!("the answer has the status {}", response.status().as_u16())));
            }
            let mut body = Vec::new();
            while let Some(chunk) = response.chunk().await.map_err(|error| failed(&error))? {
                if body.len() + chunk.len() > LONGEST_BODY {
                    return Err(bad("the answer is longer than 64 KiB"));
                }
                body.extend_from_slice(&chunk);
            }
            read(&body)
        })
    }
}

/// Reads a set, leaving out keys of other shapes than those known here (RFC 7517 §5).
fn read(body: &[u8]) -> Result<JwkSet, FetchError> {
    let value = json::from_slice_without_duplicates(body).map_err(|_| bad("not JSON with distinct keys"))?;
    let Some(Value::Array(keys)) = value.get("keys") else { return Err(bad("not a JWKS")) };
    let keys = keys.iter().filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok()).collect();
    Ok(JwkSet { keys })
}

/// The addresses that a host may have.
#[derive(Clone, Copy, Debug)]
enum Addresses {
    Public,
    Loopback,
    Any,
}

impl Addresses {
    fn allow(self, address: IpAddr) -> bool {
        match self {
            Self::Public => is_public(address),
            Self::Loopback => address.is_loopback(),
            Self::Any => true,
        }
    }
}

/// A name with an address that is not allowed.
#[derive(Debug, thiserror::Error)]
#[error("the name has an address that is not a public one")]
struct ForbiddenAddress;

/// Resolves names itself and hands out only addresses that were judged. One bad address spoils the name: whoever
/// mixes public and private ones is trying something.
struct CheckedResolver(Addresses);

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allowed = self.0;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if !found.iter().all(|address| allowed.allow(address.ip())) {
                return Err(ForbiddenAddress.into());
            }
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

fn forbidden(text: impl fmt::Display) -> FetchError {
    FetchError::of(FetchErrorKind::Address, text)
}

fn bad(text: impl fmt::Display) -> FetchError {
    FetchError::of(FetchErrorKind::Answer, text)
}

fn failed(error: &reqwest::Error) -> FetchError {
    if error.is_timeout() {
        return FetchError::of(FetchErrorKind::Timeout, "no answer in 3 s");
    }
    let mut cause: &dyn std::error::Error = error;
    loop {
        if cause.is::<ForbiddenAddress>() {
            return forbidden(cause);
        }
        match cause.source() {
            Some(deeper) => cause = deeper,
            // The innermost cause says most ("connection refused"), and leaves the address out.
            None => return FetchError::new(cause),
        }
    }
}
