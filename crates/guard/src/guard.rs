//! The guard itself: one token in, a caller or a refusal out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue, Response};
use symbolon_protocol::bearer::{LONGEST_TOKEN, Presented, presented, query_has_token};
use symbolon_protocol::jwk::VerifyingKey;
use symbolon_protocol::metadata::{ProtectedResourceMetadata, well_known};
use symbolon_protocol::scope::{Scope, ScopeSet};

use crate::builder::{GuardBuilder, TrustedIssuer};
use crate::caller::{Caller, Proven};
use crate::clock::Clock;
use crate::judge::{Judge, VerifiedTokens};
use crate::key_cache::{FETCH_WINDOW_S, KeyCache, Lookup};
use crate::keys::FetchError;
use crate::layer::GuardLayer;
use crate::refusal::Refusal;
use crate::unverified::{UnverifiedToken, Verified};

/// The suffix of well-known addresses of protected resource metadata (RFC 9728 §3).
const WELL_KNOWN_SUFFIX: &str = "oauth-protected-resource";

/// Verifies access tokens offline for one API. Cheap to clone; clones share keys and memory.
#[derive(Clone)]
pub struct Guard {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) issuers: Vec<Arc<TrustedIssuer>>,
    pub(crate) judge: Judge,
    pub(crate) verified: VerifiedTokens,
    pub(crate) clock: Clock,
    pub(crate) realm: String,
    pub(crate) resource_metadata: Option<String>,
    pub(crate) scopes_supported: ScopeSet,
}

/// How far one look at a token came.
enum Step {
    Done(Result<Caller, Refusal>),
    /// The key must be asked for first.
    Ask(Arc<KeyCache>),
}

impl Guard {
    /// Starts a guard; at least one issuer and one audience are needed.
    pub fn builder() -> GuardBuilder {
        GuardBuilder::new()
    }

    /// Verifies a token. It waits only if the token names a key that is unknown and may be asked for.
    pub async fn verify(&self, token: &str) -> Result<Caller, Refusal> {
        match self.step(token) {
            Step::Done(verdict) => verdict,
            Step::Ask(keys) => {
                keys.ask((self.inner.clock)()).await;
                match self.step(token) {
                    Step::Done(verdict) => verdict,
                    // The fetch took longer than its own window.
                    Step::Ask(_) => Err(Refusal::UnknownKey),
                }
            }
        }
    }

    /// Verifies a token without waiting; `None` if its issuer's keys had to be fetched first, as
    /// [`verify`](Self::verify) does.
    pub fn verify_now(&self, token: &str) -> Option<Result<Caller, Refusal>> {
        match self.step(token) {
            Step::Done(verdict) => Some(verdict),
            Step::Ask(_) => None,
        }
    }

    /// Verifies the token of a request, given its headers and query (RFC 6750 §2). This is what the layer does; for
    /// use where no tower service is.
    pub async fn authenticate(&self, headers: &HeaderMap, query: Option<&str>) -> Result<Caller, Refusal> {
        self.verify(Self::token_of(headers, query)?).await
    }

    /// The one token of a request.
    pub(crate) fn token_of<'r>(headers: &'r HeaderMap, query: Option<&str>) -> Result<&'r str, Refusal> {
        if query.is_some_and(query_has_token) {
            return Err(Refusal::TokenInQuery);
        }
        match presented(headers.get_all(AUTHORIZATION).iter().map(HeaderValue::as_bytes)) {
            Presented::Token(token) => Ok(token),
            Presented::None => Err(Refusal::NoCredentials),
            Presented::Malformed => Err(Refusal::Malformed),
            Presented::Twice => Err(Refusal::TwoTokens),
        }
    }

    /// The HTTP answer to a refusal: status, challenge and JSON body (RFC 6750 §3), with `Cache-Control: no-store`.
    pub fn answer<B: From<String>>(&self, refusal: &Refusal) -> Response<B> {
        refusal.answer(&self.inner.realm, self.inner.resource_metadata.as_deref())
    }

    /// A tower layer that lets requests with a valid token pass, and nothing else.
    pub fn layer(&self) -> GuardLayer {
        GuardLayer::new(self.clone())
    }

    /// Fetches every issuer's keys now, to find a wrong address at start rather than at the first call. Returns the
    /// first failure, after all have been tried.
    pub async fn refresh(&self) -> Result<(), FetchError> {
        let mut outcome = Ok(());
        for issuer in &self.inner.issuers {
            let fetched = issuer.keys.clone().refresh((self.inner.clock)()).await;
            outcome = outcome.and(fetched);
        }
        outcome
    }

    /// Work to be spawned on a tokio runtime: fetches every issuer's keys again and again, so that keys which were
    /// taken out of a set stop counting even if no unknown key ever turns up. The pause is at least 30 s. It ends
    /// when the last clone of the guard is gone.
    pub fn refresh_task(&self, pause: Duration) -> impl Future<Output = ()> + Send + 'static {
        let weak = Arc::downgrade(&self.inner);
        let pause = pause.max(Duration::from_secs(FETCH_WINDOW_S.unsigned_abs()));
        async move {
            loop {
                tokio::time::sleep(pause).await;
                let Some(inner) = weak.upgrade() else { return };
                // Failures are logged where they happen; the next round tries again.
                let _ = Self { inner }.refresh().await;
            }
        }
    }

    /// What the API says about itself (RFC 9728 §2).
    pub fn metadata(&self) -> ProtectedResourceMetadata {
        ProtectedResourceMetadata {
            resource: self.resource().to_owned(),
            authorization_servers: self
                .inner
                .issuers
                .iter()
                .map(|issuer| issuer.identifier.to_string())
                .collect(),
            scopes_supported: self.inner.scopes_supported.iter().map(Scope::to_string).collect(),
            bearer_methods_supported: vec!["header".to_owned()],
        }
    }

    /// [`metadata`](Self::metadata) as JSON, to be served as `application/json` and without a token.
    pub fn metadata_json(&self) -> String {
        serde_json::to_string(&self.metadata()).unwrap_or_default()
    }

    /// The path to serve the metadata at: that of the [address](GuardBuilder::resource_metadata) which challenges
    /// name, else the well-known one of the first audience (RFC 9728 §3.1).
    pub fn metadata_path(&self) -> String {
        let address =
            self.inner.resource_metadata.clone().or_else(|| well_known(self.resource(), WELL_KNOWN_SUFFIX));
        let path = address.as_deref().and_then(path_of);
        path.map_or_else(|| format!("/.well-known/{WELL_KNOWN_SUFFIX}"), str::to_owned)
    }

    fn resource(&self) -> &str {
        self.inner.judge.audiences.first().map(AsRef::as_ref).unwrap_or_default()
    }

    fn step(&self, token: &str) -> Step {
        // Longer ones are not even hashed.
        if token.len() > LONGEST_TOKEN {
            return Step::Done(Err(Refusal::Malformed));
        }
        let inner = &*self.inner;
        let now_ms = (inner.clock)();
        let presented = inner.verified.recognise(token);
        if let Some(proven) = presented.as_ref().and_then(|presented| inner.verified.find(presented)) {
            return Step::Done(inner.judge.admit(&proven, now_ms));
        }
        let unverified = match UnverifiedToken::parse(token) {
            Ok(unverified) => unverified,
            Err(refusal) => return Step::Done(Err(refusal)),
        };
        let issuer =
            inner.issuers.iter().find(|issuer| *issuer.identifier == *unverified.unverified_issuer());
        let Some(issuer) = issuer else { return Step::Done(Err(Refusal::ForeignIssuer)) };
        match issuer.keys.look_up(unverified.unverified_kid(), now_ms) {
            Lookup::Known(key) => Step::Done(inner.prove(unverified, key, issuer).and_then(|proven| {
                if let Some(presented) = &presented
                    && !inner.judge.has_expired(&proven.claims, now_ms)
                {
                    inner.verified.remember(presented, &proven);
                }
                inner.judge.admit(&proven, now_ms)
            })),
            Lookup::Ask => Step::Ask(issuer.keys.clone()),
            Lookup::Unknown => Step::Done(Err(Refusal::UnknownKey)),
            Lookup::NeverFetched => Step::Done(Err(Refusal::KeysUnavailable)),
        }
    }
}

impl Inner {
    fn prove(
        &self,
        unverified: UnverifiedToken<'_>,
        key: Arc<VerifyingKey>,
        issuer: &Arc<TrustedIssuer>,
    ) -> Result<Arc<Proven>, Refusal> {
        let Verified { typ, claims, signed } = unverified.verify(&key)?;
        self.judge.check_kind(typ.as_deref(), &claims)?;
        Ok(Arc::new(Proven::new(claims, signed, key, issuer.clone())))
    }
}

impl From<Inner> for Guard {
    fn from(inner: Inner) -> Self {
        Self { inner: Arc::new(inner) }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("audiences", &self.inner.judge.audiences).finish_non_exhaustive()
    }
}

/// The path of an http(s) address.
fn path_of(address: &str) -> Option<&str> {
    let (_, rest) = address.split_once("://")?;
    rest.find('/').and_then(|at| rest.get(at..))
}
