//! The guard against bare signature checks, in one process and on one thread.
//!
//! Bare is the cryptographic library's check of the same token: the key parsed, the signature decoded beforehand,
//! nothing else. Rounds of all three take turns, and medians are compared, so that whatever else the machine does
//! meets all of them.

use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Value, json};
use symbolon_guard::{Guard, Issuer, SharedKeys};
use symbolon_protocol::algorithm::Algorithm;
use symbolon_protocol::jwk::JwkSet;
use symbolon_protocol::jws::SigningKey;

use crate::seed::{ALGORITHMS, ISSUER, LIFETIME, ORGANIZATION, SCOPE, audience, client_id, key_id};

/// The options of `guard`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Rounds, of which the median counts
    #[arg(long, default_value_t = 11)]
    rounds: u32,
    /// Milliseconds of each of the three in a round
    #[arg(long, default_value_t = 100)]
    time: u64,
}

/// Checks between two looks at the clock.
const AT_ONCE: u32 = 32;

/// Measures every algorithm, and prints checks per second.
pub(crate) fn run(options: &Options) -> Result<()> {
    let mut all = serde_json::Map::new();
    for algorithm in ALGORITHMS {
        let measured = measure(algorithm, options).with_context(|| algorithm.name())?;
        all.insert(algorithm.name().to_owned(), measured);
    }
    println!("{}", Value::Object(all));
    Ok(())
}

fn measure(algorithm: Algorithm, options: &Options) -> Result<Value> {
    let pkcs8 = SigningKey::generate_pkcs8(algorithm)?;
    let key = SigningKey::from_pkcs8(algorithm, "key_01ARZ3NDEKTSV4RRFFQ69G5FAV", &pkcs8)?;
    let token = key.sign(&key.encoded_header("at+jwt"), claims(algorithm)?.to_string().as_bytes())?;
    let (signed, signature) = token.rsplit_once('.').context("a token without a signature")?;
    let signature = BASE64URL.decode(signature).map_err(|_| anyhow!("a signature that is not base64url"))?;
    let bare_key = public_key(algorithm, &pkcs8)?;
    let each_time = guard(algorithm, &key, 0)?;
    let from_cache = guard(algorithm, &key, 10_000)?;

    let bare = || bare_key.verify_sig(signed.as_bytes(), &signature).is_ok();
    let accepts = |guard: &Guard| guard.verify_now(&token).is_some_and(|verdict| verdict.is_ok());
    ensure!(bare() && accepts(&each_time) && accepts(&from_cache), "the token is refused");
    let time = Duration::from_millis(options.time);
    let mut rates = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..options.rounds.max(1) {
        let round =
            [rate(time, bare), rate(time, || accepts(&each_time)), rate(time, || accepts(&from_cache))];
        for (rates, rate) in rates.iter_mut().zip(round) {
            rates.push(rate?);
        }
    }
    let [bare, each_time, from_cache] = rates.map(median);
    Ok(json!({ "bare": bare, "each_time": each_time, "from_cache": from_cache }))
}

/// How often something succeeds in a second.
fn rate(time: Duration, work: impl Fn() -> bool) -> Result<f64> {
    let began = Instant::now();
    let mut done = 0_u32;
    while began.elapsed() < time {
        for _ in 0..AT_ONCE {
            if !black_box(work()) {
                bail!("the token is refused");
            }
        }
        done += AT_ONCE;
    }
    Ok(f64::from(done) / began.elapsed().as_secs_f64())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn guard(algorithm: Algorithm, key: &SigningKey, verified_tokens: usize) -> Result<Guard> {
    let keys = SharedKeys::new(JwkSet { keys: vec![key.jwk()] });
    Ok(Guard::builder()
        .issuer(Issuer::new(ISSUER, keys))
        .audience(audience(algorithm))
        .verified_tokens(verified_tokens)
        .build()?)
}

fn public_key(algorithm: Algorithm, pkcs8: &[u8]) -> Result<ParsedPublicKey> {
    let rejected = |_| anyhow!("the key cannot be read back");
    let parsed = match algorithm {
        Algorithm::Es256 => {
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(rejected)?;
            ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, pair.public_key().as_ref())
        }
        Algorithm::Ed25519 => {
            let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(rejected)?;
            ParsedPublicKey::new(&ED25519, pair.public_key().as_ref())
        }
        Algorithm::Rs256 => {
            let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(rejected)?;
            ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref())
        }
        Algorithm::Ps256 => bail!("{algorithm} is not measured"),
    };
    parsed.map_err(|error| anyhow!("the public key cannot be used: {error}"))
}

/// The claims of a token of Symbolon's.
fn claims(algorithm: Algorithm) -> Result<Value> {
    #[expect(clippy::disallowed_methods, reason = "a program of its own, whose time is never held still")]
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let (seconds, client) = (now / 1000, client_id(0));
    Ok(json!({
        "iat": seconds, "nbf": seconds, "exp": seconds + LIFETIME, "iat_ms": now,
        "jti": "tok_01ARZ3NDEKTSV4RRFFQ69G5FAV", "aud": audience(algorithm), "azp": client, "client_id": client,
        "iss": ISSUER, "key_id": key_id(0), "org_id": ORGANIZATION, "scope": SCOPE, "sub": client,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_is_not_moved_by_an_outlier() {
        assert!((median(vec![1.0, 900.0, 3.0, 2.0, 4.0]) - 3.0).abs() < f64::EPSILON);
        assert!(median(Vec::new()).abs() < f64::EPSILON);
    }

    #[test]
    fn every_measured_algorithm_is_accepted_by_all_three() {
        let options = Options { rounds: 1, time: 1 };
        for algorithm in ALGORITHMS {
            let measured = measure(algorithm, &options).unwrap();
            assert!(measured["from_cache"].as_f64().unwrap() > 0.0, "{algorithm}: {measured}");
        }
    }
}
