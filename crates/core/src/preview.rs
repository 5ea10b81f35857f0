//! A preview: the token that a client would get now, without its secret, and without any token.
//!
//! It goes the way of a token request (`authenticate::admit` → `grant` → `issue`) by the same functions, so that what
//! it shows is what happens. But nobody has proved to be the client, and therefore nothing here can be signed: the
//! mint takes an `ApprovedGrant`, and a preview never has one. Nothing is recorded, counted or kept either.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde_json::{Map, Value};
use symbolon_protocol::scope::ScopeSet;

use crate::authenticate::{admit, usable};
use crate::authority::Authority;
use crate::edit::EditError;
use crate::grant::client_credentials::{TokenRequest, decide_for};
use crate::id::{AccessKeyId, ClientId, OrganizationId, RealmId};
use crate::issue::rehearse;
use crate::realm::Status;
use crate::realm_view::RealmView;
use crate::refusal::Reason;
use crate::resource_server::{ResourceServer, ResourceServerSettings};
use crate::store::ClientWithKeys;

/// Whose token is to be shown.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The customer; a client of another one is not found.
    pub organization: OrganizationId,
    /// The client.
    pub client: ClientId,
    /// The access key; where absent the first one that can be used.
    pub access_key: Option<AccessKeyId>,
    /// What the client would ask for.
    pub request: TokenRequest,
    /// Where it would ask from; where absent, its allowed networks do not matter.
    pub from: Option<IpAddr>,
    /// A resource server as it is not saved yet. Where the request names no audience, it is this one's.
    pub draft: Option<Draft>,
    /// The client's own claims as they are not saved yet; where absent, those that it has.
    pub claims: Option<BTreeMap<String, Value>>,
}

/// A resource server that is not saved, or not saved like this.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Its audience: that of a stored one, or a new one.
    pub identifier: String,
    /// Its settings, claim map included.
    pub settings: ResourceServerSettings,
}

/// What the token would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preview {
    /// The header (RFC 7515 §4).
    pub header: Map<String, Value>,
    /// The claims. Their `jti` is [`NO_JTI`](crate::issue::NO_JTI), which no token has.
    pub claims: Map<String, Value>,
    /// `exp` − `iat`, in seconds.
    pub expires_in: i64,
    /// What would be granted.
    pub scopes: ScopeSet,
}

/// Why there is nothing to show.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreviewError {
    /// There is no such realm.
    #[error("there is no realm {0:?}")]
    NoRealm(String),
    /// There is no such client in the organization.
    #[error("organization {0:?} has no client {1:?}")]
    NoClient(String, String),
    /// There is no such key, or none at all.
    #[error("{0}")]
    NoKey(String),
    /// The draft cannot be saved.
    #[error("{0}")]
    Draft(String),
    /// The client would be refused; its request would be recorded with this reason.
    #[error("the client would be refused: {0}")]
    Refused(#[from] Reason),
}

/// Shows the token that a client would get now.
pub async fn token(authority: &Authority, realm: &RealmId, asked: &Asked) -> Result<Preview, PreviewError> {
    let directory = authority.directory();
    let as_of = directory.as_of();
    directory.check_age_of(as_of, authority.now())?;
    let realm = directory.realm(realm.as_str()).ok_or_else(|| PreviewError::NoRealm(realm.to_string()))?;
    let (realm, request) = match &asked.draft {
        None => (realm, asked.request.clone()),
        Some(draft) => (Arc::new(with_draft(authority, &realm, draft)?), about(draft, &asked.request)),
    };
    let known = directory.client(realm.id(), asked.client.as_str()).await;
    let known = known.map_err(|error| Reason::StoreUnavailable(error.to_string()))?;
    let is_asked_for = |known: &Arc<ClientWithKeys>| {
        known.client.id == asked.client && known.client.organization == asked.organization
    };
    let known = known
        .filter(is_asked_for)
        .ok_or_else(|| PreviewError::NoClient(asked.organization.to_string(), asked.client.to_string()))?;
    let known = match &asked.claims {
        Some(claims) => Arc::new(with_claims(&known, claims)),
        None => known,
    };
    let key = key(authority, &known, asked.access_key.as_ref())?;
    let from = asked.from.map(|from| from.to_canonical());
    let admitted = admit(authority, (&realm, as_of), known, key, from).await?;
    let decision = decide_for(&admitted, &request, authority.now())?;
    let rehearsed = rehearse(authority, &decision).await?;
    let header = BASE64URL.decode(&rehearsed.header).unwrap_or_default();
    Ok(Preview {
        header: object(&header)?,
        claims: object(&rehearsed.payload)?,
        expires_in: decision.lifetime,
        scopes: decision.scopes,
    })
}

/// The key that would be used: the one that is named, else one that gets tokens, else any.
fn key(
    authority: &Authority,
    known: &ClientWithKeys,
    named: Option<&AccessKeyId>,
) -> Result<usize, PreviewError> {
    let id = &known.client.id;
    if let Some(named) = named {
        let found = known.keys.iter().position(|key| key.id == *named);
        return found.ok_or_else(|| PreviewError::NoKey(format!("client {id} has no access key {named}")));
    }
    if known.keys.is_empty() {
        return Err(PreviewError::NoKey(format!("client {id} has no access key yet; make one")));
    }
    Ok(known.keys.iter().position(|key| usable(key, authority.now()).is_ok()).unwrap_or(0))
}

/// The client as it would be with these claims saved.
fn with_claims(known: &ClientWithKeys, claims: &BTreeMap<String, Value>) -> ClientWithKeys {
    let mut known = known.clone();
    known.client.settings.claims.clone_from(claims);
    known
}

/// The realm as it would be with the draft saved.
fn with_draft(authority: &Authority, realm: &RealmView, draft: &Draft) -> Result<RealmView, PreviewError> {
    let stored = realm.resource_servers().find(|server| server.identifier == draft.identifier);
    let server = ResourceServer {
        identifier: draft.identifier.clone(),
        status: stored.map_or(Status::Active, |stored| stored.status),
        settings: draft.settings.clone(),
        version: stored.map_or(1, |stored| stored.version),
        created_at: stored.map_or_else(|| authority.now(), |stored| stored.created_at),
    };
    crate::edit::resource_server::check(realm, &server)
        .map_err(|error: EditError| PreviewError::Draft(error.to_string()))?;
    let others = realm.resource_servers().filter(|other| other.identifier != server.identifier);
    let servers = others.map(|other| ResourceServer::clone(other)).chain([server.clone()]).collect();
    Ok(realm.clone().with_resource_servers(servers))
}

/// The request, for the draft's audience where it names none.
fn about(draft: &Draft, request: &TokenRequest) -> TokenRequest {
    let mut request = request.clone();
    if request.audience.is_none() && request.resources.is_empty() {
        request.audience = Some(draft.identifier.clone());
    }
    request
}

fn object(json: &[u8]) -> Result<Map<String, Value>, Reason> {
    serde_json::from_slice(json).map_err(|_| Reason::SigningFailed)
}
