//! Settings of a guard: whom it trusts, for which API it stands, and what it tells callers about itself.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use symbolon_protocol::error::allowed_description;
use symbolon_protocol::scope::ScopeSet;

use crate::clock::{self, Clock, milliseconds};
use crate::guard::{Guard, Inner};
use crate::judge::{Judge, VerifiedTokens};
use crate::key_cache::KeyCache;
use crate::keys::KeySource;
use crate::revocations::Revocations;

/// Types of access tokens: RFC 9068 §2.1, its media type in full, and what most servers wrote before it.
const ACCEPTED_TYPES: [&str; 3] = ["at+jwt", "application/at+jwt", "JWT"];
const LEEWAY: Duration = Duration::from_secs(30);
const VERIFIED_TOKENS: usize = 10_000;

/// An issuer whose tokens a guard accepts.
pub struct Issuer {
    identifier: String,
    keys: Box<dyn KeySource>,
    revocations: Revocations,
}

impl Issuer {
    /// An issuer by its identifier, byte for byte as in `iss`, with the place where its keys are.
    pub fn new(identifier: impl Into<String>, keys: impl KeySource) -> Self {
        Self { identifier: identifier.into(), keys: Box::new(keys), revocations: Revocations::new() }
    }

    /// What the issuer has revoked. Without it, nothing is.
    #[must_use]
    pub fn revocations(mut self, revocations: Revocations) -> Self {
        self.revocations = revocations;
        self
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("identifier", &self.identifier).finish_non_exhaustive()
    }
}

/// An issuer within a guard.
pub(crate) struct TrustedIssuer {
    pub(crate) identifier: Arc<str>,
    pub(crate) keys: Arc<KeyCache>,
    pub(crate) revocations: Revocations,
}

/// Collects the settings of a [`Guard`].
pub struct GuardBuilder {
    issuers: Vec<Issuer>,
    audiences: Vec<String>,
    accepted_types: Vec<String>,
    realm: String,
    resource_metadata: Option<String>,
    scopes_supported: ScopeSet,
    leeway: Duration,
    expiry_leeway: Duration,
    verified_tokens: usize,
    clock: Clock,
}

impl GuardBuilder {
    pub(crate) fn new() -> Self {
        Self {
            issuers: Vec::new(),
            audiences: Vec::new(),
            accepted_types: ACCEPTED_TYPES.map(str::to_owned).to_vec(),
            realm: "api".to_owned(),
            resource_metadata: None,
            scopes_supported: ScopeSet::new(),
            leeway: LEEWAY,
            expiry_leeway: Duration::ZERO,
            verified_tokens: VERIFIED_TOKENS,
            clock: Arc::new(clock::system),
        }
    }

    /// Trusts an issuer. At least one is needed; their keys, and what they revoke, are kept apart.
    #[must_use]
    pub fn issuer(mut self, issuer: Issuer) -> Self {
        self.issuers.push(issuer);
        self
    }

    /// Adds an identifier under which tokens for this API are issued, compared byte for byte with `aud`. At least one
    /// is needed; the first also stands in the metadata (RFC 9728 §2).
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audiences.push(audience.into());
        self
    }

    /// The values of the header's `typ` that mark access tokens, in any case; a token without `typ` is refused.
    /// Default: `at+jwt`, `application/at+jwt`, `JWT`.
    #[must_use]
    pub fn accepted_types(mut self, types: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.accepted_types = types.into_iter().map(Into::into).collect();
        self
    }

    /// The realm that challenges name, for people (RFC 6750 §3). Default: `api`.
    #[must_use]
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = realm.into();
        self
    }

    /// The public address of the metadata, for challenges to point to (RFC 9728 §5.1). Without it, they do not.
    #[must_use]
    pub fn resource_metadata(mut self, address: impl Into<String>) -> Self {
        self.resource_metadata = Some(address.into());
        self
    }

    /// The scopes that the metadata lists.
    #[must_use]
    pub fn scopes_supported(mut self, scopes: ScopeSet) -> Self {
        self.scopes_supported = scopes;
        self
    }

    /// How far `nbf` and `iat` may lie ahead, for clocks that differ. Default: 30 s.
    #[must_use]
    pub fn leeway(mut self, leeway: Duration) -> Self {
        self.leeway = leeway;
        self
    }

    /// How long a token lives on after its `exp`. Default: not at all.
    #[must_use]
    pub fn expiry_leeway(mut self, leeway: Duration) -> Self {
        self.expiry_leeway = leeway;
        self
    }

    /// About how many tokens are remembered whose signature held; 0 for none. Default: 10,000.
    #[must_use]
    pub fn verified_tokens(mut self, most: usize) -> Self {
        self.verified_tokens = most;
        self
    }

    /// Where the time comes from, in epoch milliseconds. Default: the machine's clock.
    #[must_use]
    pub fn clock(mut self, now_ms: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(now_ms);
        self
    }

    /// Makes the guard. Nothing is fetched yet.
    pub fn build(self) -> Result<Guard, BuildError> {
        let header_texts = self.resource_metadata.iter().chain([&self.realm]);
        for text in header_texts {
            if *text != allowed_description(text) {
                return Err(BuildError(Fault::Unprintable(text.clone())));
            }
        }
        if self.audiences.is_empty() {
            return Err(BuildError(Fault::NoAudience));
        }
        let mut issuers: Vec<Arc<TrustedIssuer>> = Vec::with_capacity(self.issuers.len());
        for Issuer { identifier, keys, revocations } in self.issuers {
            if issuers.iter().any(|present| *present.identifier == *identifier) {
                return Err(BuildError(Fault::IssuerTwice(identifier)));
            }
            let identifier: Arc<str> = identifier.into();
            let keys = Arc::new(KeyCache::new(identifier.clone(), keys));
            issuers.push(Arc::new(TrustedIssuer { identifier, keys, revocations }));
        }
        if issuers.is_empty() {
            return Err(BuildError(Fault::NoIssuer));
        }
        let judge = Judge {
            audiences: self.audiences.into_iter().map(Arc::from).collect(),
            accepted_types: self.accepted_types,
            leeway_ms: milliseconds(self.leeway),
            expiry_leeway_ms: milliseconds(self.expiry_leeway),
        };
        Ok(Guard::from(Inner {
            issuers,
            judge,
            verified: VerifiedTokens::new(self.verified_tokens),
            clock: self.clock,
            realm: self.realm,
            resource_metadata: self.resource_metadata,
            scopes_supported: self.scopes_supported,
        }))
    }
}

impl fmt::Debug for GuardBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardBuilder")
            .field("issuers", &self.issuers)
            .field("audiences", &self.audiences)
            .finish_non_exhaustive()
    }
}

/// The settings do not make a guard.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot build the guard: {0}")]
pub struct BuildError(Fault);

#[derive(Clone, Debug, thiserror::Error)]
enum Fault {
    #[error("no issuer is trusted")]
    NoIssuer,
    #[error("the issuer {0:?} is named twice")]
    IssuerTwice(String),
    #[error("there is no audience")]
    NoAudience,
    #[error(
        "{0:?} cannot stand in a challenge (up to 400 printable ASCII characters without quote and backslash)"
    )]
    Unprintable(String),
}

impl BuildError {
    /// Whether an issuer is missing or named twice.
    pub fn is_about_issuers(&self) -> bool {
        matches!(self.0, Fault::NoIssuer | Fault::IssuerTwice(_))
    }

    /// Whether there is no audience.
    pub fn is_about_audience(&self) -> bool {
        matches!(self.0, Fault::NoAudience)
    }

    /// Whether the realm or the address of the metadata cannot stand in a header.
    pub fn is_about_challenge(&self) -> bool {
        matches!(self.0, Fault::Unprintable(_))
    }
}
