//! The settings of a source: whose token, for what, from where, and how patiently.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::Uri;

use crate::address;
use crate::backoff::Backoff;
use crate::clock::{Random, WallClock, system_clock, system_random};
use crate::disk::DiskCache;
use crate::error::Error;
use crate::request::{Auth, Dialect, Wanted};
use crate::secret::SecretSource;
use crate::source::TokenSource;
use crate::transport::Transport;

/// A source in the making. What is not set has a sensible value, but for where tokens come from.
#[must_use = "a builder does nothing until it is built"]
pub struct Builder {
    wanted: Wanted,
    secret: SecretSource,
    token_url: Option<String>,
    issuer: Option<String>,
    keycloak: Option<(String, String)>,
    allow_http: bool,
    timings: Timings,
    random: Random,
    wall_clock: WallClock,
    cache: Option<PathBuf>,
    transport: Option<Arc<dyn Transport>>,
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timings {
    pub(crate) patience: Duration,
    pub(crate) timeout: Duration,
    pub(crate) backoff: Backoff,
    pub(crate) assumed_life: Duration,
}

/// Where the token endpoint is.
pub(crate) enum Endpoint {
    Known(Uri),
    /// To be found in the metadata of this issuer, which has no slash at its end.
    Issuer(String),
}

/// Everything that a source was told.
pub(crate) struct Settings {
    pub(crate) wanted: Wanted,
    pub(crate) secret: SecretSource,
    pub(crate) endpoint: Endpoint,
    pub(crate) allow_http: bool,
    pub(crate) timings: Timings,
    pub(crate) random: Random,
    pub(crate) wall_clock: WallClock,
    pub(crate) cache: Option<DiskCache>,
    pub(crate) transport: Arc<dyn Transport>,
    /// Who is asked, for the texts of errors.
    pub(crate) server: String,
}

impl Builder {
    pub(crate) fn new(dialect: Dialect, id: String, secret: SecretSource) -> Self {
        Self {
            wanted: Wanted { dialect, id, audience: None, resource: None, scope: None },
            secret,
            token_url: None,
            issuer: None,
            keycloak: None,
            allow_http: false,
            timings: Timings {
                patience: Duration::from_secs(30),
                timeout: Duration::from_secs(10),
                backoff: Backoff::default(),
                assumed_life: Duration::from_mins(5),
            },
            random: system_random(),
            wall_clock: system_clock(),
            cache: None,
            transport: None,
        }
    }

    pub(crate) fn keycloak(mut self, base: String, realm: String) -> Self {
        self.keycloak = Some((base, realm));
        self
    }

    /// The address of the token endpoint.
    pub fn token_url(mut self, url: impl Into<String>) -> Self {
        self.token_url = Some(url.into());
        self
    }

    /// The issuer, in whose metadata the token endpoint is looked up at the first token (OpenID Connect Discovery, or
    /// RFC 8414). It is not asked where [`token_url`](Self::token_url) is set.
    pub fn issuer(mut self, url: impl Into<String>) -> Self {
        self.issuer = Some(url.into());
        self
    }

    /// How id and secret are shown; HTTP Basic where it is not set. The other dialects have a way of their own.
    pub fn auth(mut self, auth: Auth) -> Self {
        if let Dialect::ClientCredentials(present) = &mut self.wanted.dialect {
            *present = auth;
        }
        self
    }

    /// The API that the token is for, as Auth0 and Symbolon call it.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.wanted.audience = Some(audience.into());
        self
    }

    /// The API that the token is for, as RFC 8707 calls it.
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.wanted.resource = Some(resource.into());
        self
    }

    /// The scopes to ask for, space separated; everything that the client may have where it is not set.
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.wanted.scope = Some(scope.into());
        self
    }

    /// How long a call waits for a token while the server cannot answer; 30 s where it is not set. With nothing, a call
    /// makes one attempt.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.timings.patience = patience;
        self
    }

    /// How long one request may take; 10 s where it is not set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timings.timeout = timeout;
        self
    }

    /// The waiting times after failures.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.timings.backoff = backoff;
        self
    }

    /// The life of a token whose answer names none; 5 minutes where it is not set.
    pub fn assumed_life(mut self, life: Duration) -> Self {
        self.timings.assumed_life = life;
        self
    }

    /// Lets secrets go over plain http to other machines, where everybody on the way can read them: for networks that
    /// are encrypted by other means.
    pub fn allow_http(mut self) -> Self {
        self.allow_http = true;
        self
    }

    /// Shares tokens with other processes of this user, by files in a folder (which is made with mode 0700, the files
    /// with 0600): for short programs that would each ask for one.
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.cache = Some(folder.into());
        self
    }

    /// Sends requests in another way than by reqwest.
    pub fn transport(mut self, transport: impl Transport) -> Self {
        self.transport = Some(Arc::new(transport));
        self
    }

    /// Another clock than the machine's. It is read for dates in `Retry-After` and for the cache on disk, and for
    /// nothing else.
    pub fn wall_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.wall_clock = Arc::new(clock);
        self
    }

    /// Other dice: numbers from 0 to below 1, for jitter.
    pub fn random(mut self, random: impl Fn() -> f64 + Send + Sync + 'static) -> Self {
        self.random = Arc::new(random);
        self
    }

    /// Makes the source; nothing is sent yet. [Fails](Error::is_configuration) where the settings make no sense.
    pub fn build(self) -> Result<TokenSource, Error> {
        if self.wanted.id.is_empty() {
            return Err(Error::configuration("whose token? The id is empty"));
        }
        if self.timings.timeout.is_zero() {
            return Err(Error::configuration("no request can be answered within no time"));
        }
        if self.timings.assumed_life < Duration::from_secs(1) {
            return Err(Error::configuration("the assumed life of a token is at least a second"));
        }
        let check = |url: &str| address::check(url, self.allow_http).map_err(Error::configuration);
        let of_keycloak = self.keycloak.as_ref().map(|(base, realm)| address::keycloak(base, realm));
        let token_url = of_keycloak.as_deref().or(self.token_url.as_deref());
        let (address, endpoint) = match (token_url, &self.issuer) {
            (Some(url), _) => (url.to_owned(), Endpoint::Known(check(url)?)),
            (None, Some(issuer)) => {
                check(issuer)?;
                (issuer.clone(), Endpoint::Issuer(issuer.trim_end_matches('/').to_owned()))
            }
            (None, None) => {
                return Err(Error::configuration("where from? Set token_url, or issuer"));
            }
        };
        let server = check(&address)?.authority().map(ToString::to_string).unwrap_or_default();
        let cache = self.cache.as_deref().map(|folder: &Path| DiskCache::new(folder, &self.wanted, &address));
        let transport = match self.transport {
            Some(transport) => transport,
            None => default_transport()?,
        };
        Ok(TokenSource::new(Settings {
            wanted: self.wanted,
            secret: self.secret,
            endpoint,
            allow_http: self.allow_http,
            timings: self.timings,
            random: self.random,
            wall_clock: self.wall_clock,
            cache,
            transport,
            server,
        }))
    }
}

#[cfg(feature = "reqwest")]
fn default_transport() -> Result<Arc<dyn Transport>, Error> {
    Ok(Arc::new(crate::with_reqwest::ReqwestTransport::new()?))
}

#[cfg(not(feature = "reqwest"))]
fn default_transport() -> Result<Arc<dyn Transport>, Error> {
    Err(Error::configuration("set a transport, or turn the feature reqwest on"))
}
