//! The naive token endpoint: what a good engineer writes in an afternoon, and the measure of what Symbolon costs.
//!
//! A form is parsed, the SHA-256 of the secret is compared, a token with the claims of Symbolon's is signed with a
//! key that was parsed once. Nothing is recorded, nothing can be revoked. It shares no code with Symbolon, so that
//! a change there cannot move the measure.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use axum::{Form, Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use symbolon_protocol::algorithm::Algorithm;

use crate::request::algorithm;
use crate::seed::{ISSUER, LIFETIME, ORGANIZATION, SCOPE, SECRET, client_id, key_id};

/// The options of `naive`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
    /// How it signs: ES256, Ed25519 or RS256
    #[arg(long, value_parser = algorithm)]
    algorithm: Algorithm,
    /// How many clients it knows
    #[arg(long, default_value_t = 100)]
    clients: u32,
}

const KID: &str = "naive_000000000000000000000000";

enum Key {
    Es256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rs256(RsaKeyPair),
}

struct Client {
    secret_hash: Vec<u8>,
    key_id: String,
}

struct Naive {
    key: Key,
    encoded_header: String,
    clients: HashMap<String, Client>,
    random: SystemRandom,
}

#[derive(Deserialize)]
struct TokenForm {
    grant_type: String,
    client_id: String,
    client_secret: String,
    audience: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iat: u64,
    nbf: u64,
    exp: u64,
    iat_ms: u128,
    jti: &'a str,
    aud: &'a str,
    azp: &'a str,
    client_id: &'a str,
    iss: &'a str,
    key_id: &'a str,
    org_id: &'a str,
    scope: &'a str,
    sub: &'a str,
}

#[derive(Serialize)]
struct TokenAnswer {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    scope: &'static str,
}

/// Serves until the process is ended.
pub(crate) fn run(options: &Options) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(options))
}

async fn serve(options: &Options) -> Result<()> {
    let naive = Naive::new(options.algorithm, options.clients)?;
    let jwks = naive.jwks();
    let app = Router::new()
        .route("/oauth/token", post(token))
        .route("/.well-known/jwks.json", get(move || std::future::ready(Json(jwks.clone()))))
        .with_state(Arc::new(naive));
    let listener = tokio::net::TcpListener::bind(options.listen).await?;
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, app).await.context("serving ended")
}

async fn token(State(naive): State<Arc<Naive>>, Form(form): Form<TokenForm>) -> Response {
    if form.grant_type != "client_credentials" {
        return refused(StatusCode::BAD_REQUEST, "unsupported_grant_type");
    }
    let hash = digest(&SHA256, form.client_secret.as_bytes());
    let client = naive.clients.get(&form.client_id);
    let client = client.filter(|client| verify_slices_are_equal(hash.as_ref(), &client.secret_hash).is_ok());
    let Some(client) = client else { return refused(StatusCode::UNAUTHORIZED, "invalid_client") };
    let Some(access_token) = naive.sign(&form, client) else {
        return refused(StatusCode::INTERNAL_SERVER_ERROR, "server_error");
    };
    let answer = TokenAnswer { access_token, token_type: "Bearer", expires_in: LIFETIME, scope: SCOPE };
    ([(header::CACHE_CONTROL, "no-store"), (header::PRAGMA, "no-cache")], Json(answer)).into_response()
}

fn refused(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}

impl Naive {
    fn new(algorithm: Algorithm, clients: u32) -> Result<Self> {
        let header = json!({ "alg": algorithm.name(), "kid": KID, "typ": "at+jwt" });
        let client = |number| Client {
            secret_hash: digest(&SHA256, SECRET.as_bytes()).as_ref().to_vec(),
            key_id: key_id(number),
        };
        Ok(Self {
            key: make_key(algorithm)?,
            encoded_header: BASE64URL.encode(header.to_string()),
            clients: (0..clients).map(|number| (client_id(number), client(number))).collect(),
            random: SystemRandom::new(),
        })
    }

    fn sign(&self, form: &TokenForm, client: &Client) -> Option<String> {
        #[expect(clippy::disallowed_methods, reason = "a program of its own, whose time is never held still")]
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let mut id = [0; 13];
        self.random.fill(&mut id).ok()?;
        let mut jti = "tok_".to_owned();
        for byte in id {
            let _ = write!(jti, "{byte:02x}");
        }
        let claims = Claims {
            iat: now.as_secs(),
            nbf: now.as_secs(),
            exp: now.as_secs() + LIFETIME.unsigned_abs(),
            iat_ms: now.as_millis(),
            jti: &jti,
            aud: &form.audience,
            azp: &form.client_id,
            client_id: &form.client_id,
            iss: ISSUER,
            key_id: &client.key_id,
            org_id: ORGANIZATION,
            scope: SCOPE,
            sub: &form.client_id,
        };
        let payload = serde_json::to_vec(&claims).ok()?;
        let mut token = String::with_capacity(1024);
        token.push_str(&self.encoded_header);
        token.push('.');
        BASE64URL.encode_string(payload, &mut token);
        let signature = self.signature(token.as_bytes())?;
        token.push('.');
        BASE64URL.encode_string(signature, &mut token);
        Some(token)
    }

    fn signature(&self, message: &[u8]) -> Option<Vec<u8>> {
        match &self.key {
            Key::Es256(pair) => Some(pair.sign(&self.random, message).ok()?.as_ref().to_vec()),
            Key::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
            Key::Rs256(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &self.random, message, &mut signature).ok()?;
                Some(signature)
            }
        }
    }

    fn jwks(&self) -> Value {
        let key = match &self.key {
            Key::Es256(pair) => {
                // 0x04, then two coordinates of 32 bytes.
                let point = pair.public_key().as_ref();
                let coordinate =
                    |from: usize| BASE64URL.encode(point.get(from..from + 32).unwrap_or_default());
                json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "x": coordinate(1), "y": coordinate(33) })
            }
            Key::Ed25519(pair) => {
                let x = BASE64URL.encode(pair.public_key().as_ref());
                json!({ "kty": "OKP", "crv": "Ed25519", "alg": "Ed25519", "x": x })
            }
            Key::Rs256(pair) => {
                let n = BASE64URL.encode(pair.public_key().modulus().big_endian_without_leading_zero());
                let e = BASE64URL.encode(pair.public_key().exponent().big_endian_without_leading_zero());
                json!({ "kty": "RSA", "alg": "RS256", "n": n, "e": e })
            }
        };
        let mut key = key;
        key["kid"] = KID.into();
        json!({ "keys": [key] })
    }
}

fn make_key(algorithm: Algorithm) -> Result<Key> {
    let random = SystemRandom::new();
    let failed = |_| anyhow!("no {algorithm} key could be made");
    let rejected = |_| anyhow!("the {algorithm} key cannot be used");
    match algorithm {
        Algorithm::Es256 => {
            let parameters = &ECDSA_P256_SHA256_FIXED_SIGNING;
            let document = EcdsaKeyPair::generate_pkcs8(parameters, &random).map_err(failed)?;
            EcdsaKeyPair::from_pkcs8(parameters, document.as_ref()).map(Key::Es256).map_err(rejected)
        }
        Algorithm::Ed25519 => {
            let document = Ed25519KeyPair::generate_pkcs8(&random).map_err(failed)?;
            Ed25519KeyPair::from_pkcs8(document.as_ref()).map(Key::Ed25519).map_err(rejected)
        }
        Algorithm::Rs256 => RsaKeyPair::generate(KeySize::Rsa2048).map(Key::Rs256).map_err(failed),
        Algorithm::Ps256 => Err(anyhow!("{algorithm} is not measured")),
    }
}
