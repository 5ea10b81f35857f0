//! The keys of one issuer as the guard knows them, and the rule for when it asks again.
//!
//! Asking is what a stranger can provoke, by a token with an invented `kid`. So there is one flight at a time, which
//! everybody joins; another one starts no sooner than 30 s after the last; and a flight belongs to nobody's
//! request, so that a client cannot end it by hanging up.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use symbolon_protocol::jwk::{Jwk, JwkSet, VerifyingKey};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::keys::{FetchError, FetchErrorKind, KeySource};

/// The least time between two fetches that tokens cause, in seconds. Failures count.
pub(crate) const FETCH_WINDOW_S: i64 = 30;

/// How many keys are taken of a set; an issuer has two or three.
const MOST_KEYS: usize = 64;

/// A source that has not answered by then has failed.
const LONGEST_FETCH: Duration = Duration::from_secs(10);

/// What is known of a `kid`.
pub(crate) enum Lookup {
    /// The key.
    Known(Arc<VerifyingKey>),
    /// Not known, and asking is allowed.
    Ask,
    /// Not known, and the issuer was asked just now.
    Unknown,
    /// Nothing is known: the issuer could not be asked yet.
    NeverFetched,
}

struct KnownKey {
    jwk: Jwk,
    key: Arc<VerifyingKey>,
}

#[derive(Default)]
struct KnownKeys {
    by_kid: HashMap<Box<str>, KnownKey>,
    fetched: bool,
    /// The set that these keys were read from, if its source has it at hand.
    origin: Option<Arc<JwkSet>>,
}

type Landed = watch::Receiver<Option<Result<(), FetchError>>>;
type InPlace = Pin<Box<dyn Future<Output = ()> + Send>>;

#[derive(Default)]
struct Flight {
    started_at_ms: Option<i64>,
    landed: Option<Landed>,
}

pub(crate) struct KeyCache {
    issuer: Arc<str>,
    source: Box<dyn KeySource>,
    known: ArcSwap<KnownKeys>,
    flight: Mutex<Flight>,
}

impl KeyCache {
    pub(crate) fn new(issuer: Arc<str>, source: Box<dyn KeySource>) -> Self {
        Self { issuer, source, known: ArcSwap::default(), flight: Mutex::default() }
    }

    /// Looks a `kid` up without waiting.
    pub(crate) fn look_up(&self, kid: &str, now_ms: i64) -> Lookup {
        self.follow_source();
        let known = self.known.load();
        match known.by_kid.get(kid) {
            Some(found) => Lookup::Known(found.key.clone()),
            None if known.origin.is_some() => Lookup::Unknown,
            None if self.may_ask(now_ms) => Lookup::Ask,
            None if known.fetched => Lookup::Unknown,
            None => Lookup::NeverFetched,
        }
    }

    /// Whether this very key, not only its name, is still in the set.
    pub(crate) fn holds(&self, key: &Arc<VerifyingKey>) -> bool {
        self.follow_source();
        // An issuer has two or three keys: looking at all costs less than hashing a name.
        self.known.load().by_kid.values().any(|known| Arc::ptr_eq(&known.key, key))
    }

    /// Asks because of a token: joins the flight that is under way, or starts one if the window allows.
    pub(crate) async fn ask(self: Arc<Self>, now_ms: i64) {
        if let Some(flight) = self.board(now_ms, false) {
            // The outcome is in the cache and in the log; a token is judged by the cache.
            let _ = arrive(flight).await;
        }
    }

    /// Asks because the owner of the guard wants it: the window is not looked at, but starts anew.
    pub(crate) async fn refresh(self: Arc<Self>, now_ms: i64) -> Result<(), FetchError> {
        if self.source.at_hand().is_some() {
            self.follow_source();
            return Ok(());
        }
        match self.board(now_ms, true) {
            Some(flight) => arrive(flight).await,
            None => Ok(()),
        }
    }

    /// Takes over what a source with keys at hand has published since the last look.
    fn follow_source(&self) {
        let Some(set) = self.source.at_hand() else { return };
        let known = self.known.load();
        if known.origin.as_ref().is_none_or(|origin| !Arc::ptr_eq(origin, &set)) {
            let next = self.read(&known, &set, Some(set.clone()));
            self.known.store(Arc::new(next));
        }
    }

    fn may_ask(&self, now_ms: i64) -> bool {
        let flight = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
        flight.under_way().is_some() || flight.window_is_over(now_ms)
    }

    /// The flight to wait for, and the work itself where there is no runtime to do it.
    fn board(self: &Arc<Self>, now_ms: i64, at_any_time: bool) -> Option<(Landed, Option<InPlace>)> {
        let mut flight = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(landed) = flight.under_way() {
            return Some((landed.clone(), None));
        }
        if !at_any_time && !flight.window_is_over(now_ms) {
            return None;
        }
        let (landing, landed) = watch::channel(None);
        *flight = Flight { started_at_ms: Some(now_ms), landed: Some(landed.clone()) };
        let cache = self.clone();
        match Handle::try_current() {
            Ok(runtime) => {
                runtime.spawn(async move {
                    let fetched = tokio::time::timeout(LONGEST_FETCH, cache.source.fetch()).await;
                    let late = |_| Err(FetchError::of(FetchErrorKind::Timeout, "no answer in 10 s"));
                    landing.send_replace(Some(cache.take(fetched.unwrap_or_else(late))));
                });
                Some((landed, None))
            }
            Err(_) => {
                let work = async move {
                    let fetched = cache.source.fetch().await;
                    landing.send_replace(Some(cache.take(fetched)));
                };
                Some((landed, Some(Box::pin(work))))
            }
        }
    }

    /// Takes over what was fetched. A failure changes nothing: the keys that are there go on counting.
    fn take(&self, fetched: Result<JwkSet, FetchError>) -> Result<(), FetchError> {
        match fetched {
            Ok(set) => {
                let next = self.read(&self.known.load(), &set, None);
                tracing::debug!(issuer = %self.issuer, keys = next.by_kid.len(), "keys fetched");
                self.known.store(Arc::new(next));
                Ok(())
            }
            Err(error) => {
                tracing::warn!(issuer = %self.issuer, %error, "keys could not be fetched");
                Err(error)
            }
        }
    }

    /// Parses a set. A key that was known before stays the same object, so that tokens verified with it stay in the
    /// cache; of two keys with one `kid` the first counts.
    fn read(&self, before: &KnownKeys, set: &JwkSet, origin: Option<Arc<JwkSet>>) -> KnownKeys {
        let mut by_kid = HashMap::new();
        for jwk in &set.keys {
            let Some(kid) = jwk.kid.as_deref() else { continue };
            if by_kid.len() == MOST_KEYS {
                tracing::warn!(issuer = %self.issuer, "the issuer has more than {MOST_KEYS} keys: the rest is left out");
                break;
            }
            let Entry::Vacant(place) = by_kid.entry(Box::from(kid)) else { continue };
            let key = match before.by_kid.get(kid) {
                Some(known) if known.jwk == *jwk => known.key.clone(),
                _ => match VerifyingKey::from_jwk(jwk) {
                    Ok(key) => Arc::new(key),
                    Err(error) => {
                        tracing::debug!(issuer = %self.issuer, kid, %error, "key left out");
                        continue;
                    }
                },
            };
            place.insert(KnownKey { jwk: jwk.clone(), key });
        }
        KnownKeys { by_kid, fetched: true, origin }
    }
}

impl Flight {
    fn under_way(&self) -> Option<&Landed> {
        // A flight whose sender is gone without a word has crashed.
        self.landed.as_ref().filter(|landed| landed.borrow().is_none() && landed.has_changed().is_ok())
    }

    /// A clock that went back ends the window too: it must not keep new keys out for hours.
    fn window_is_over(&self, now_ms: i64) -> bool {
        self.started_at_ms
            .is_none_or(|started| now_ms.abs_diff(started) >= FETCH_WINDOW_S.unsigned_abs() * 1000)
    }
}

async fn arrive((mut landed, in_place): (Landed, Option<InPlace>)) -> Result<(), FetchError> {
    if let Some(work) = in_place {
        work.await;
    }
    match landed.wait_for(Option::is_some).await.as_deref() {
        Ok(Some(outcome)) => outcome.clone(),
        Ok(None) | Err(_) => Err(FetchError::new("the key source crashed")),
    }
}
