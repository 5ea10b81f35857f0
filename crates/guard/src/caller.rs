//! Who is calling: what handlers learn of a token that was accepted.

use std::fmt;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Map, Value};
use symbolon_protocol::claims::{self, KnownClaims};
use symbolon_protocol::jwk::VerifyingKey;
use symbolon_protocol::scope::ScopeSet;

use crate::builder::TrustedIssuer;
use crate::refusal::Refusal;

/// A token whose signature held under a key of its issuer. Nothing that time can change is decided by it.
pub(crate) struct Proven {
    pub(crate) claims: KnownClaims,
    pub(crate) key: Arc<VerifyingKey>,
    pub(crate) issuer: Arc<TrustedIssuer>,
    /// Header and payload as they are spelled.
    pub(crate) signed: Box<str>,
    /// Made when a handler first asks, because most never do.
    all: OnceLock<Map<String, Value>>,
}

impl Proven {
    pub(crate) fn new(
        claims: KnownClaims,
        signed: &str,
        key: Arc<VerifyingKey>,
        issuer: Arc<TrustedIssuer>,
    ) -> Self {
        Self { claims, key, issuer, signed: signed.into(), all: OnceLock::new() }
    }

    fn all(&self) -> &Map<String, Value> {
        self.all.get_or_init(|| {
            // The known claims were read from this payload by the same rules, so it can be read again.
            let payload = self.signed.split_once('.').and_then(|(_, payload)| BASE64URL.decode(payload).ok());
            payload.and_then(|payload| claims::all(&payload).ok()).unwrap_or_default()
        })
    }
}

/// The bearer of an accepted access token. The layer puts one into the extensions of each request it lets through.
///
/// It can only be made by a [`Guard`](crate::Guard), and it is cheap to clone.
#[derive(Clone)]
pub struct Caller {
    proven: Arc<Proven>,
    audience: Arc<str>,
}

impl Caller {
    pub(crate) fn new(proven: Arc<Proven>, audience: Arc<str>) -> Self {
        Self { proven, audience }
    }

    /// The issuer, `iss`.
    pub fn issuer(&self) -> &str {
        &self.proven.claims.iss
    }

    /// The subject, `sub`: the client's id, or a user's where a person's password was exchanged.
    pub fn subject(&self) -> &str {
        &self.proven.claims.sub
    }

    /// The client, `client_id` (RFC 9068 §2.2). Other issuers than Symbolon may leave it out.
    pub fn client_id(&self) -> Option<&str> {
        self.proven.claims.client_id.as_deref()
    }

    /// The customer's organization, `org_id`.
    pub fn organization(&self) -> Option<&str> {
        self.proven.claims.org_id.as_deref()
    }

    /// The access key that the client used, `key_id`.
    pub fn key_id(&self) -> Option<&str> {
        self.proven.claims.key_id.as_deref()
    }

    /// The token's own id, `jti`.
    pub fn token_id(&self) -> Option<&str> {
        self.proven.claims.jti.as_deref()
    }

    /// The guard's audience that the token is meant for; `aud` may list others beside it.
    pub fn audience(&self) -> &str {
        &self.audience
    }

    /// When the token expires, in epoch seconds.
    pub fn expires_at(&self) -> i64 {
        self.proven.claims.exp
    }

    /// When the token was issued, in epoch milliseconds, as exactly as it says.
    pub fn issued_at_ms(&self) -> Option<i64> {
        self.proven.claims.issued_at_ms()
    }

    /// The name of the key that signed the token, `kid`.
    pub fn signing_key(&self) -> &str {
        self.proven.key.kid()
    }

    /// What was granted.
    pub fn scopes(&self) -> &ScopeSet {
        &self.proven.claims.scope
    }

    /// Whether one scope was granted.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes().contains(scope)
    }

    /// One claim by its name, for instance `https://api.example/account_id`.
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.claims().get(name)
    }

    /// All claims, the registered ones included.
    pub fn claims(&self) -> &Map<String, Value> {
        self.proven.all()
    }

    /// Refuses a caller that lacks one of the scopes, with what [`GuardLayer`](crate::GuardLayer) would have
    /// answered: for rules that depend on more than route and method.
    pub fn require(&self, needed: &ScopeSet) -> Result<(), Refusal> {
        if self.scopes().contains_all(needed) {
            return Ok(());
        }
        Err(Refusal::InsufficientScope { needed: needed.clone() })
    }
}

impl fmt::Debug for Caller {
    /// Ids only: other claims may be about people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("issuer", &self.issuer())
            .field("subject", &self.subject())
            .field("token_id", &self.token_id())
            .finish_non_exhaustive()
    }
}
