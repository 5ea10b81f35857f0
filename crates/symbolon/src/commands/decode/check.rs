//! What is checked of a token, with whose keys, and what is asked of its issuer.

use std::time::Duration;

use reqwest::header::ACCEPT;
use serde_json::Value;
use symbolon_core::clock::Timestamp;
use symbolon_core::protocol::claims::KnownClaims;
use symbolon_core::protocol::jwk::{Jwk, VerifyingKey};
use symbolon_core::protocol::jws::UnverifiedJws;
use symbolon_core::protocol::metadata::well_known;

use crate::commands::decode::{DecodeOptions, TokenParts};
use crate::manage::failure::Failure;
use crate::manage::profile::{self, Profile};
use crate::manage::transport;

/// The longest document that is read, in bytes.
const LONGEST: usize = 256 * 1024;

/// What was found out about one thing.
#[derive(Debug)]
pub(crate) enum Found {
    /// It is as it has to be.
    Good(String),
    /// It is not.
    Bad(String),
    /// It was not asked, or cannot be.
    Unknown(String),
    /// It was asked, and nobody answered.
    Unreachable(String),
}

/// All that was found out. What was not to be checked is absent.
pub(crate) struct Findings {
    pub(crate) signature: Option<Found>,
    pub(crate) time: Option<Found>,
    pub(crate) issuer: Option<Found>,
    pub(crate) audience: Option<Found>,
    pub(crate) revocation: Option<Found>,
}

/// Keys, and where they come from.
struct KeySet {
    all: Vec<Jwk>,
    from: String,
    /// The issuer's metadata, where they were asked for.
    metadata: Option<Value>,
}

/// Checks a token as far as the options allow.
pub(crate) async fn check(
    options: &DecodeOptions,
    token: &TokenParts,
    now: Timestamp,
) -> Result<Findings, Failure> {
    let keys = keys(options, token).await?;
    let signature = match &keys {
        Ok(keys) => signature(token, keys),
        Err(found) => Found::from(found),
    };
    let holds = matches!(signature, Found::Good(_));
    let metadata = keys.as_ref().ok().and_then(|keys| keys.metadata.as_ref());
    let revocation = if holds || !options.offline && options.jwks.is_none() {
        Some(revocation(options, token, metadata, holds).await?)
    } else {
        None
    };
    Ok(Findings {
        signature: Some(signature),
        time: Some(time(token, now)),
        issuer: options.issuer.as_deref().map(|wanted| issuer(token, wanted)),
        audience: options.audience.as_deref().map(|wanted| audience(token, wanted)),
        revocation,
    })
}

/// Why there are no keys.
enum NoKeys {
    NotAsked,
    Nowhere(String),
    Unreachable(String),
}

impl From<&NoKeys> for Found {
    fn from(why: &NoKeys) -> Self {
        match why {
            NoKeys::NotAsked => Self::Unknown("nobody was asked for the keys (--offline)".to_owned()),
            NoKeys::Nowhere(why) => Self::Unknown(why.clone()),
            NoKeys::Unreachable(why) => Self::Unreachable(why.clone()),
        }
    }
}

async fn keys(options: &DecodeOptions, token: &TokenParts) -> Result<Result<KeySet, NoKeys>, Failure> {
    if let Some(path) = &options.jwks {
        let text = std::fs::read(path)
            .map_err(|error| Failure::usage(format!("--jwks {}: {error}", path.display())))?;
        let document = serde_json::from_slice(&text).unwrap_or(Value::Null);
        let Some(all) = set(&document) else {
            return Err(Failure::usage(format!("--jwks {}: that is no JWKS", path.display())));
        };
        return Ok(Ok(KeySet { all, from: path.display().to_string(), metadata: None }));
    }
    if options.offline {
        return Ok(Err(NoKeys::NotAsked));
    }
    let Some(issuer) = options.issuer.as_deref().or_else(|| token.unverified_text("iss")) else {
        return Ok(Err(NoKeys::Nowhere("it names no issuer whose keys could be asked for".to_owned())));
    };
    // What the token says of itself leads nowhere but to https, or to this machine.
    if let Err(failure) = transport::check_address(issuer, options.allow_http) {
        return Ok(Err(NoKeys::Nowhere(format!("nobody was asked for the keys: {failure}"))));
    }
    Ok(discover(issuer, options.allow_http).await)
}

async fn discover(issuer: &str, allow_http: bool) -> Result<KeySet, NoKeys> {
    let openid = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let metadata = match fetch(&openid, allow_http).await {
        Ok(metadata) => metadata,
        Err(why) => {
            let other = well_known(issuer, "oauth-authorization-server");
            let found = match &other {
                Some(other) => fetch(other, allow_http).await.ok(),
                None => None,
            };
            found.ok_or(NoKeys::Unreachable(why))?
        }
    };
    let named = metadata.get("issuer").and_then(Value::as_str).unwrap_or_default();
    if named.trim_end_matches('/') != issuer.trim_end_matches('/') {
        return Err(NoKeys::Unreachable(format!("the metadata of {issuer} are those of {named:?}")));
    }
    let Some(url) = metadata.get("jwks_uri").and_then(Value::as_str).map(str::to_owned) else {
        return Err(NoKeys::Unreachable(format!("the metadata of {issuer} name no keys")));
    };
    let document = fetch(&url, allow_http).await.map_err(NoKeys::Unreachable)?;
    let all = set(&document).ok_or_else(|| NoKeys::Unreachable(format!("what {url} answers is no JWKS")))?;
    Ok(KeySet { all, from: url, metadata: Some(metadata) })
}

/// The keys of a set whose shape is known (RFC 7517 §5).
fn set(document: &Value) -> Option<Vec<Jwk>> {
    let keys = document.get("keys")?.as_array()?;
    Some(keys.iter().filter_map(|key| serde_json::from_value(key.clone()).ok()).collect())
}

/// A document that anybody may read.
async fn fetch(url: &str, allow_http: bool) -> Result<Value, String> {
    transport::check_address(url, allow_http).map_err(|failure| failure.to_string())?;
    let client = transport::http_client().map_err(|failure| failure.to_string())?;
    let failed = |error| transport::unreachable(url, error).to_string();
    let request = client.get(url).timeout(Duration::from_secs(10)).header(ACCEPT, "application/json");
    let response = request.send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(format!("{url} answered {}", response.status().as_u16()));
    }
    serde_json::from_slice(&body(url, response).await?).map_err(|_| format!("what {url} answers is no JSON"))
}

/// The body of an answer, if it is one that somebody would send.
async fn body(url: &str, mut response: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) =
        response.chunk().await.map_err(|error| transport::unreachable(url, error).to_string())?
    {
        body.extend_from_slice(&chunk);
        if body.len() > LONGEST {
            return Err(format!("what {url} answers is too long"));
        }
    }
    Ok(body)
}

fn signature(token: &TokenParts, keys: &KeySet) -> Found {
    let parsed = match UnverifiedJws::parse(&token.text) {
        Ok(parsed) => parsed,
        Err(error) => return Found::Bad(format!("no guard would look at it: {error}")),
    };
    let (kid, algorithm) = (parsed.unverified_kid.clone(), parsed.unverified_algorithm);
    let Some(jwk) = keys.all.iter().find(|key| key.kid.as_deref() == Some(&kid)) else {
        return Found::Bad(format!("{} has no key {kid}", keys.from));
    };
    let verified = VerifyingKey::from_jwk(jwk).map_err(|error| error.to_string()).and_then(|key| {
        let payload = parsed.verify(&key).map_err(|error| error.to_string())?;
        KnownClaims::parse(&payload).map_err(|error| format!("the signature holds, but {error}"))
    });
    match verified {
        Ok(_) => Found::Good(format!("holds ({algorithm}, key {kid} of {})", keys.from)),
        Err(why) => Found::Bad(why),
    }
}

fn time(token: &TokenParts, now: Timestamp) -> Found {
    let claim = |name: &str| token.unverified_claims.get(name).and_then(Value::as_i64);
    let now = now.seconds();
    match (claim("nbf"), claim("exp")) {
        (_, None) => Found::Bad("it has no end (exp)".to_owned()),
        (_, Some(exp)) if now >= exp => Found::Bad("it has expired".to_owned()),
        (Some(nbf), _) if nbf > now => Found::Bad("it is not valid yet (nbf)".to_owned()),
        _ => Found::Good("it is within its time".to_owned()),
    }
}

fn issuer(token: &TokenParts, wanted: &str) -> Found {
    match token.unverified_text("iss") {
        Some(issuer) if issuer == wanted => Found::Good("it is from that issuer".to_owned()),
        other => Found::Bad(format!("it is from {:?}", other.unwrap_or_default())),
    }
}

fn audience(token: &TokenParts, wanted: &str) -> Found {
    let named = match token.unverified_claims.get("aud") {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
        Some(Value::String(one)) => vec![one.as_str()],
        _ => Vec::new(),
    };
    if named.contains(&wanted) {
        Found::Good("it is for that API".to_owned())
    } else {
        Found::Bad(format!("it is for {}", named.join(", ")))
    }
}

/// Whether it was revoked: the issuer is asked, as the client of a profile (RFC 7662).
async fn revocation(
    options: &DecodeOptions,
    token: &TokenParts,
    metadata: Option<&Value>,
    holds: bool,
) -> Result<Found, Failure> {
    let Some(name) = &options.profile else {
        return Ok(Found::Unknown(
            "only its client and the introspectors of its API can ask: name one of theirs with --profile"
                .to_owned(),
        ));
    };
    if !holds {
        return Ok(Found::Unknown("it was not asked: the signature does not hold".to_owned()));
    }
    let (_, profile) = profile::choose(Some(name.clone()))?;
    let Some(url) =
        metadata.and_then(|metadata| metadata.get("introspection_endpoint")).and_then(Value::as_str)
    else {
        return Ok(Found::Unknown("its issuer names no place to ask".to_owned()));
    };
    Ok(introspect(url, &profile, token, options.allow_http).await)
}

async fn introspect(url: &str, profile: &Profile, token: &TokenParts, allow_http: bool) -> Found {
    let asked = async {
        transport::check_address(url, allow_http).map_err(|failure| failure.to_string())?;
        if origin(url) != origin(&profile.url) {
            return Err(format!(
                "the profile's server is {}, and its secret is for that one alone",
                profile.url
            ));
        }
        let secret = profile.secret().await.map_err(|failure| failure.to_string())?;
        let client = transport::http_client().map_err(|failure| failure.to_string())?;
        let failed = |error| transport::unreachable(url, error).to_string();
        let encoded = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let form = zeroize::Zeroizing::new(format!(
            "token={}&client_id={}&client_secret={}",
            encoded(&token.text),
            encoded(&profile.client_id),
            encoded(secret.expose())
        ));
        let request = client
            .post(url)
            .timeout(Duration::from_secs(10))
            .header(reqwest::header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form.as_bytes().to_vec());
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let body: Value = serde_json::from_slice(&body(url, response).await?).unwrap_or(Value::Null);
        match body.get("active").and_then(Value::as_bool) {
            Some(active) if status.is_success() => Ok(active),
            _ => Err(format!("{url} answered {}", status.as_u16())),
        }
    };
    match asked.await {
        Ok(true) => Found::Good("it is active, says its issuer".to_owned()),
        Ok(false) => Found::Bad(
            "its issuer calls it inactive: expired, revoked, or not for this client to ask about".to_owned(),
        ),
        Err(why) => Found::Unreachable(why),
    }
}

fn origin(url: &str) -> Option<reqwest::Url> {
    let mut url: reqwest::Url = url.parse().ok()?;
    url.set_path("");
    url.set_query(None);
    Some(url)
}
