//! One attempt to get a token: the cache on disk, the endpoint, and the secrets one after the other.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode, Uri};
use serde_json::Value;
use symbolon_protocol::metadata::well_known;
use tokio::time::Instant;

use crate::address;
use crate::answer::{Answered, Reading};
use crate::builder::Endpoint;
use crate::clock::epoch_ms;
use crate::disk::{DiskCache, Stored};
use crate::error::{Error, Kind};
use crate::life::Life;
use crate::request::{Dialect, get};
use crate::secret::Secret;
use crate::source::{Ended, Shared, Tried};
use crate::token::Held;

/// A token that was just answered.
struct Fresh {
    held: Held,
    stored: Stored,
}

impl Shared {
    /// Makes an attempt.
    pub(crate) async fn attempt(&self) -> Ended {
        let Some(cache) = &self.settings.cache else {
            let mut tried = Tried::default();
            let outcome = self.ask(&mut tried).await.map(|fresh| Arc::new(fresh.held));
            return Ended { outcome, tried, fallback: None };
        };
        // Held until the token is written: other processes wait, and then find it.
        let lock = cache.lock().await;
        let found = if lock.is_some() { self.cached(cache) } else { None };
        let fallback = match found {
            Some(held) if Instant::now() < held.renew_at => {
                return Ended { outcome: Ok(held), tried: Tried::default(), fallback: None };
            }
            found => found,
        };
        let mut tried = Tried::default();
        let outcome = self.ask(&mut tried).await.map(|fresh| {
            if lock.is_some() {
                cache.write(&fresh.stored);
            }
            Arc::new(fresh.held)
        });
        Ended { outcome, tried, fallback }
    }

    /// The token that another process left, unless an API refused it here.
    fn cached(&self, cache: &DiskCache) -> Option<Arc<Held>> {
        let now_ms = epoch_ms((self.settings.wall_clock)());
        let stored = cache.read(now_ms)?;
        let dropped = self.lock().dropped.as_ref().map(|dropped| Arc::clone(&dropped.token));
        if dropped.is_some_and(|dropped| dropped.text() == *stored.token) {
            return None;
        }
        let age = Duration::from_millis(u64::try_from(now_ms.saturating_sub(stored.issued_at_ms)).ok()?);
        let life = Life::of_whole(stored.life_ms, (self.settings.random)());
        let now = Instant::now();
        let renew_at = now.checked_add(life.renew_after.saturating_sub(age))?;
        let end = now.checked_add(life.whole.saturating_sub(age))?;
        Held::new(&stored.token, stored.scope, renew_at, end).map(Arc::new)
    }

    /// Asks the server, with each secret that may be right.
    async fn ask(&self, tried: &mut Tried) -> Result<Fresh, Error> {
        let accepted = self.lock().accepted.clone();
        let mut waiting = in_order(self.settings.secret.read().await, accepted)?;
        let endpoint = match self.endpoint().await {
            Ok(endpoint) => endpoint,
            Err(error) => {
                tried.secrets = waiting;
                return Err(error);
            }
        };
        let mut asked_again = false;
        let mut last = None;
        loop {
            if waiting.is_empty() && !asked_again {
                asked_again = true;
                waiting = self.settings.secret.read().await.unwrap_or_default();
            }
            waiting.retain(|secret| !tried.secrets.contains(secret));
            if waiting.is_empty() {
                if asked_again {
                    return Err(last.unwrap_or_else(|| Error::no_secret("there is no secret")));
                }
                continue;
            }
            let secret = waiting.remove(0);
            tried.secrets.push(secret.clone());
            match self.ask_with(&endpoint, &secret).await {
                Ok(fresh) => {
                    self.lock().accepted = Some(secret);
                    return Ok(fresh);
                }
                Err(error) if error.is_invalid_client() => {
                    tried.was_refused = true;
                    last = Some(error);
                }
                Err(error) => {
                    if matches!(error.status(), Some(404 | 405 | 410)) {
                        self.lock().found = None;
                    }
                    // Those that wait behind this one are no reason to ask again at once.
                    tried.secrets.extend(waiting);
                    return Err(error);
                }
            }
        }
    }

    async fn ask_with(&self, endpoint: &Uri, secret: &Secret) -> Result<Fresh, Error> {
        let settings = &self.settings;
        let request = settings.wanted.request(endpoint, secret)?;
        let (sent, issued_at_ms) = (Instant::now(), epoch_ms((settings.wall_clock)()));
        let response = self.send(request).await?;
        let answered = self.reading(Some(secret)).token(response)?;
        let Answered { token, scope, expires_in_ms } = answered;
        let assumed = u64::try_from(settings.timings.assumed_life.as_millis()).unwrap_or(u64::MAX);
        let life = Life::new(expires_in_ms.unwrap_or(assumed), (settings.random)());
        let cannot = || Error::new(Kind::Malformed, "a token cannot live that long");
        let renew_at = sent.checked_add(life.renew_after).ok_or_else(cannot)?;
        let end = sent.checked_add(life.whole).ok_or_else(cannot)?;
        let held = Held::new(&token, scope.clone(), renew_at, end).ok_or_else(cannot)?;
        let life_ms = u64::try_from(life.whole.as_millis()).unwrap_or(u64::MAX);
        Ok(Fresh { held, stored: Stored { token, scope, issued_at_ms, life_ms } })
    }

    /// The token endpoint: as it was set, as it was found, or as the issuer's metadata say.
    async fn endpoint(&self) -> Result<Uri, Error> {
        let issuer = match &self.settings.endpoint {
            Endpoint::Known(uri) => return Ok(uri.clone()),
            Endpoint::Issuer(issuer) => issuer,
        };
        if let Some(found) = self.lock().found.clone() {
            return Ok(found);
        }
        let openid = format!("{issuer}/.well-known/openid-configuration");
        let mut response = self.send(get(self.checked(&openid)?)).await?;
        if response.status() == StatusCode::NOT_FOUND
            && let Some(other) = well_known(issuer, "oauth-authorization-server")
        {
            response = self.send(get(self.checked(&other)?)).await?;
        }
        let reading = self.reading(None);
        let document = reading.document(&response)?;
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        if text("issuer").map(|named| named.trim_end_matches('/')) != Some(issuer) {
            return Err(reading.malformed(response.status(), "is the metadata of another issuer"));
        }
        let endpoint = text("token_endpoint").and_then(|url| self.checked(url).ok());
        let endpoint = endpoint.ok_or_else(|| {
            reading.malformed(response.status(), "names no token endpoint that secrets could be sent to")
        })?;
        self.lock().found = Some(endpoint.clone());
        Ok(endpoint)
    }

    fn checked(&self, url: &str) -> Result<Uri, Error> {
        address::check(url, self.settings.allow_http).map_err(Error::configuration)
    }

    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        let settings = &self.settings;
        let failed = |kind, why: &dyn std::fmt::Display| {
            Error::new(kind, format_args!("{} cannot be reached: {why}", settings.server))
        };
        match tokio::time::timeout(settings.timings.timeout, settings.transport.send(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.is_timeout() => Err(failed(Kind::Timeout, &error)),
            Ok(Err(error)) => Err(failed(Kind::Temporary, &error)),
            Err(_) => Err(failed(Kind::Timeout, &"there was no answer in time")),
        }
    }

    fn reading<'a>(&'a self, secret: Option<&'a Secret>) -> Reading<'a> {
        Reading {
            is_password: self.settings.wanted.dialect == Dialect::Password,
            wall_ms: epoch_ms((self.settings.wall_clock)()),
            server: &self.settings.server,
            secret,
        }
    }
}

/// The secrets of a source, the one that was taken last before all others, or behind them if the source has lost it.
fn in_order(read: Result<Vec<Secret>, Error>, accepted: Option<Secret>) -> Result<Vec<Secret>, Error> {
    let Some(accepted) = accepted else { return read };
    let mut secrets = read.unwrap_or_default();
    match secrets.iter().position(|secret| *secret == accepted) {
        Some(place) => {
            secrets.remove(place);
            secrets.insert(0, accepted);
        }
        None => secrets.push(accepted),
    }
    Ok(secrets)
}
