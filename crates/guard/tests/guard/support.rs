//! A small world for the tests: an issuer with one key, a guard that trusts it, and a clock to set.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use http::{Request, Response};
use serde_json::{Value, json};
use symbolon_guard::protocol::algorithm::Algorithm;
use symbolon_guard::protocol::jwk::JwkSet;
use symbolon_guard::protocol::jws::SigningKey;
use symbolon_guard::{Caller, Guard, GuardBuilder, GuardLayer, Issuer, Revocations, SharedKeys};
use tower::{Layer as _, ServiceExt as _, service_fn};

pub(crate) const ISSUER: &str = "https://auth.example";
pub(crate) const AUDIENCE: &str = "https://api.example";
pub(crate) const METADATA: &str = "https://api.example/.well-known/oauth-protected-resource";
/// Epoch seconds.
pub(crate) const NOW: i64 = 1_800_000_000;

#[derive(Clone)]
pub(crate) struct Clock(Arc<AtomicI64>);

impl Clock {
    pub(crate) fn new() -> Self {
        Self(Arc::new(AtomicI64::new(NOW * 1000)))
    }

    pub(crate) fn set_ms(&self, now_ms: i64) {
        self.0.store(now_ms, Ordering::SeqCst);
    }

    pub(crate) fn pass_s(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    pub(crate) fn reader(&self) -> impl Fn() -> i64 + Send + Sync + 'static {
        let clock = self.0.clone();
        move || clock.load(Ordering::SeqCst)
    }
}

pub(crate) fn key(kid: &str) -> SigningKey {
    key_of(Algorithm::Ed25519, kid)
}

pub(crate) fn key_of(algorithm: Algorithm, kid: &str) -> SigningKey {
    SigningKey::from_pkcs8(algorithm, kid, &SigningKey::generate_pkcs8(algorithm).unwrap()).unwrap()
}

pub(crate) fn set<'a>(keys: impl IntoIterator<Item = &'a SigningKey>) -> JwkSet {
    JwkSet { keys: keys.into_iter().map(SigningKey::jwk).collect() }
}

/// The claims of a good token.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "cli_1", "aud": AUDIENCE, "client_id": "cli_1", "org_id": "org_1", "key_id": "key_1",
        "jti": "tok_1", "iat": NOW, "nbf": NOW, "exp": NOW + 3600, "iat_ms": NOW * 1000 + 7,
        "scope": "read:sources write:sources", "https://api.example/role": "editor",
    })
}

pub(crate) fn claims_with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

pub(crate) fn sign(key: &SigningKey, claims: &Value) -> String {
    key.sign(&key.encoded_header("at+jwt"), claims.to_string().as_bytes()).unwrap()
}

pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) key: SigningKey,
    pub(crate) keys: SharedKeys,
    pub(crate) revocations: Revocations,
    pub(crate) guard: Guard,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with(Revocations::new(), |builder| builder)
    }

    pub(crate) fn with(
        revocations: Revocations,
        settings: impl FnOnce(GuardBuilder) -> GuardBuilder,
    ) -> Self {
        let (clock, key) = (Clock::new(), key("k1"));
        let keys = SharedKeys::new(set([&key]));
        let issuer = Issuer::new(ISSUER, keys.clone()).revocations(revocations.clone());
        let builder = Guard::builder()
            .issuer(issuer)
            .audience(AUDIENCE)
            .realm("example")
            .resource_metadata(METADATA)
            .clock(clock.reader());
        let guard = settings(builder).build().unwrap();
        Self { clock, key, keys, revocations, guard }
    }

    /// A good token.
    pub(crate) fn token(&self) -> String {
        sign(&self.key, &claims())
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        sign(&self.key, claims)
    }

    /// Verifies without waiting, which suffices wherever keys are at hand.
    pub(crate) fn verify(&self, token: &str) -> Result<Caller, symbolon_guard::Refusal> {
        self.guard.verify_now(token).expect("keys are at hand")
    }
}

pub(crate) fn get(uri: &str) -> http::request::Builder {
    Request::get(uri)
}

pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

/// Sends a request through the layer to an API that answers with the caller's subject.
pub(crate) async fn send(layer: &GuardLayer, request: http::request::Builder) -> Response<String> {
    let api = service_fn(async |request: Request<String>| {
        let subject = request.extensions().get::<Caller>().map_or("nobody", Caller::subject).to_owned();
        Ok::<_, Infallible>(Response::new(subject))
    });
    layer.layer(api).oneshot(request.body(String::new()).unwrap()).await.unwrap()
}
