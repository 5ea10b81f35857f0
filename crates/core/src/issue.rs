//! The mint: from an approved grant to a signed token whose record is durable.
//!
//! What is the same for every token of a right (issuer, audience, scope, the API's own claims) is made once and kept;
//! each token adds its times, its id and its holder. The record goes to the journal before the signature is made, so
//! that the disk and the processor work at the same time; the token leaves when both are done.

use std::sync::Arc;
use std::time::Duration;

use symbolon_protocol::claims::RESERVED;
use symbolon_protocol::rate_limit::ServiceLimit;
use symbolon_protocol::revocation::{Cutoff, Kind, Subjects};
use symbolon_protocol::scope::ScopeSet;

use crate::authority::Authority;
use crate::claim_cache::{Audience, ClaimKey, Constant, Personal};
use crate::clock::Timestamp;
use crate::grant::{ApprovedGrant, Decision, Holder, names};
use crate::id::sortable;
use crate::metrics::GrantKind;
use crate::realm_view::Signer;
use crate::record::{RecordedGrant, RecordedRight, Remark, TokenRecord};
use crate::refusal::{Reason, Refusal};
use crate::reuse;

/// A token that may leave.
pub struct IssuedToken {
    /// The compact JWT.
    pub token: String,
    /// `exp` − `iat`, in seconds.
    pub expires_in: i64,
    /// What it carries.
    pub scopes: ScopeSet,
    /// Tokens of this client before that second are dead (Keycloak's `not-before-policy`); 0 for none.
    pub not_before: i64,
    /// What is left of the client's quota, if it has one that is enforced.
    pub limit: Option<ServiceLimit>,
}

/// How long a mint waits for the clock to pass a revocation's moment.
const LONGEST_WAIT: Duration = Duration::from_millis(50);

/// Signs a token for a grant, and waits until its record is durable.
pub async fn issue(
    authority: &Authority,
    grant: &ApprovedGrant,
    request_id: &str,
) -> Result<IssuedToken, Refusal> {
    match reuse::window(grant) {
        None => Ok(mint(authority, grant, request_id).await?.0),
        // Few APIs have one; the others' requests need not be as large.
        Some(window) => Box::pin(reuse::issue(authority, grant, request_id, window)).await,
    }
}

/// Signs a token. The record comes along where somebody may get the same token again.
pub(crate) async fn mint(
    authority: &Authority,
    grant: &ApprovedGrant,
    request_id: &str,
) -> Result<(IssuedToken, Option<TokenRecord>), Refusal> {
    let ApprovedGrant { decision, from } = grant;
    let (signer, now) = settle(authority, decision).await?;
    authority.note_issue(now);
    let jti = sortable("tok", now, &*authority.random).map_err(|_| Reason::SigningFailed)?;
    let constant = constant(authority, decision, signer.key.kid())?;
    let spent = match decision.quota() {
        Some((quota, spender)) => {
            Some(authority.quotas.spend(quota, spender, now).map_err(|refusal| *refusal)?)
        }
        None => None,
    };
    let record = TokenRecord {
        at: now,
        request_id: request_id.to_owned(),
        jti,
        expires_at: Timestamp::from_seconds(now.seconds() + decision.lifetime),
        from: *from,
        remark: spent.as_ref().filter(|spent| spent.beyond).map(|_| Remark::BeyondQuota),
        grant: recorded(decision, &constant),
    };
    let payload = payload(decision, &constant, (now, record.expires_at, &record.jti))?;
    let kept = reuse::window(grant).map(|_| record.clone());
    let limit = spent.as_ref().and_then(|spent| spent.limit);
    let pending = match (authority.journal.append(record), spent) {
        (Ok(pending), _) => pending,
        (Err(reason), spent) => {
            if let Some(spent) = spent {
                spent.give_back(now);
            }
            return Err(reason.into());
        }
    };
    let token = signer.key.sign(&signer.header, &payload).map_err(|_| Reason::SigningFailed)?;
    pending.durable().await?;
    decision.realm.counts().token_issued(signer.key.algorithm(), GrantKind::of(&decision.holder));
    let issued = IssuedToken {
        token,
        expires_in: decision.lifetime,
        scopes: decision.scopes.clone(),
        not_before: not_before(decision),
        limit,
    };
    Ok((issued, kept))
}

/// What comes before the record: that what was decided is not too old by now, who signs, and the moment of issue.
async fn settle<'a>(
    authority: &Authority,
    decision: &'a Decision,
) -> Result<(&'a Arc<Signer>, Timestamp), Reason> {
    authority.directory().check_age_of(decision.as_of, authority.now())?;
    let signer = signer(decision)?;
    let subjects = subjects(decision, signer.key.kid());
    let now = moment_after(authority, decision.realm.revocations().furthest(&subjects)).await?;
    Ok((signer, now))
}

/// The key that signs what was decided.
pub(crate) fn signer(decision: &Decision) -> Result<&Arc<Signer>, Reason> {
    let own = decision.resource_server.settings.signing_algorithm;
    let algorithm = own.unwrap_or_else(|| decision.realm.realm().signing_algorithm());
    decision.realm.signer(algorithm).ok_or(Reason::NoSigningKey(algorithm.name()))
}

/// What of a token, signed with that key, revocations are compared with.
pub(crate) fn subjects<'a>(decision: &'a Decision, kid: &'a str) -> Subjects<'a> {
    let (client, key) = match &decision.holder {
        Holder::Client { client, key } => (Some(client.as_str()), Some(key.as_str())),
        Holder::User(_) => (None, None),
    };
    Subjects {
        organization: Some(decision.organization().as_str()),
        client,
        access_key: key,
        subject: holder_name(&decision.holder),
        signing_key: kid,
        token: None,
        audiences: std::slice::from_ref(&decision.resource_server.identifier),
        issued_at_ms: None,
    }
}

/// The header and the payload that a token would have now, neither signed nor recorded nor kept.
pub(crate) async fn rehearse(authority: &Authority, decision: &Decision) -> Result<Rehearsed, Reason> {
    let (signer, now) = settle(authority, decision).await?;
    let constant = make_constant(decision, signer.key.kid())?;
    let expires_at = Timestamp::from_seconds(now.seconds() + decision.lifetime);
    Ok(Rehearsed {
        header: signer.header.clone(),
        payload: payload(decision, &constant, (now, expires_at, NO_JTI))?,
    })
}

/// What a token would be made of.
pub(crate) struct Rehearsed {
    /// The header, encoded.
    pub(crate) header: String,
    /// The claims, a JSON object.
    pub(crate) payload: Vec<u8>,
}

/// The `jti` of what is no token. No token can have it.
pub const NO_JTI: &str = "tok_preview";

/// A moment that is after every revocation of the token to be and not in the future (rule 6).
async fn moment_after(authority: &Authority, cutoff: Option<Cutoff>) -> Result<Timestamp, Reason> {
    let now = authority.now();
    let moment = match cutoff {
        None => return Ok(now),
        Some(Cutoff::Open) => return Err(Reason::RevokedUntilNow),
        Some(Cutoff::Before(moment)) => Timestamp::from_millis(moment),
    };
    if now > moment {
        return Ok(now);
    }
    let wait = moment.since(now) + Duration::from_millis(1);
    if wait <= LONGEST_WAIT {
        tokio::time::sleep(wait).await;
    }
    let now = authority.now();
    if now > moment { Ok(now) } else { Err(Reason::RevokedUntilNow) }
}

/// The latest moment up to which tokens of the realm, the organization or the client are dead, in seconds.
pub(crate) fn not_before(grant: &Decision) -> i64 {
    let client = match &grant.holder {
        Holder::Client { client, .. } => Some(client.as_str()),
        Holder::User(_) => None,
    };
    let revocations = grant.realm.revocations();
    let cutoffs = [
        revocations.cutoff(Kind::Realm, ""),
        revocations.cutoff(Kind::Organization, grant.organization().as_str()),
        client.and_then(|client| revocations.cutoff(Kind::Client, client)),
    ];
    match cutoffs.into_iter().flatten().max() {
        Some(Cutoff::Before(moment)) => Timestamp::from_millis(moment).seconds(),
        _ => 0,
    }
}

/// The whole payload: what differs from token to token, then the holder, then what does not differ. Written member by
/// member: a map of values would cost more than all the rest.
fn payload(
    grant: &Decision,
    constant: &Constant,
    (at, expires_at, jti): (Timestamp, Timestamp, &str),
) -> Result<Vec<u8>, Reason> {
    let mut claims = Members(Vec::with_capacity(ROOM + constant.claims.len()));
    claims.0.push(b'{');
    let iat = at.seconds();
    claims.add("iat", &iat)?;
    claims.add("nbf", &iat)?;
    claims.add("exp", &expires_at.seconds())?;
    claims.add("iat_ms", &at.millis())?;
    claims.add("jti", jti)?;
    claims.add("sub", holder_name(&grant.holder))?;
    claims.add("org_id", grant.organization().as_str())?;
    let (client_id, key) = match &grant.holder {
        Holder::Client { client, key } => (client.as_str(), Some(key.as_str())),
        Holder::User(_) => (V1_CLIENT, None),
    };
    claims.add("client_id", client_id)?;
    claims.add("azp", client_id)?;
    if let Some(key) = key {
        claims.add("key_id", key)?;
    }
    // The constant part is never empty.
    claims.0.push(b',');
    claims.0.extend_from_slice(constant.claims.as_bytes());
    Ok(claims.0)
}

/// What a token says, its times and its id aside, as long as nothing changes.
pub(crate) fn claim_key(grant: &Decision) -> ClaimKey {
    let personal =
        Personal { holder: grant.holder.clone(), licence: grant.licence.clone(), versions: grant.versions() };
    ClaimKey { personal: Some(personal), ..common_key(grant) }
}

fn common_key(grant: &Decision) -> ClaimKey {
    ClaimKey {
        realm: grant.realm.id().clone(),
        audience: Audience(Arc::clone(&grant.resource_server)),
        scopes: grant.scopes.clone(),
        personal: None,
    }
}

fn constant(authority: &Authority, grant: &Decision, kid: &str) -> Result<Arc<Constant>, Reason> {
    let is_common = grant.resource_server.settings.claims.is_empty();
    let key = if is_common { common_key(grant) } else { claim_key(grant) };
    authority.claims.get_or_make(key, (grant.as_of.knowledge, kid), || make_constant(grant, kid))
}

fn make_constant(grant: &Decision, kid: &str) -> Result<Constant, Reason> {
    let scope = grant.scopes.to_string();
    let claims = constant_claims(grant, &scope)?;
    let record = RecordedRight {
        realm: grant.realm.id().clone(),
        kid: kid.into(),
        audience: grant.resource_server.identifier.as_str().into(),
        scope: scope.into(),
    };
    Ok(Constant { claims, record: Arc::new(record) })
}

fn recorded(grant: &Decision, constant: &Constant) -> RecordedGrant {
    let (client, access_key, user) = match &grant.holder {
        Holder::Client { client, key } => (Some(client.clone()), Some(key.clone()), None),
        Holder::User(user) => (None, None, Some(user.clone())),
    };
    let organization = Some(grant.organization().clone());
    RecordedGrant { right: Arc::clone(&constant.record), client, access_key, user, organization }
}

/// Members of a JSON object and the closing brace.
fn constant_claims(grant: &Decision, scope: &str) -> Result<Box<str>, Reason> {
    let mut claims = Members(Vec::with_capacity(ROOM));
    claims.add("iss", grant.realm.issuer())?;
    claims.add("aud", &grant.resource_server.identifier)?;
    claims.add("scope", scope)?;
    if grant.realm.realm().has_bearer_claim() {
        claims.add("typ", symbolon_protocol::token::BEARER)?;
    }
    let own = &grant.resource_server.settings.claims;
    let own = || own.iter().filter(|(name, _)| !RESERVED.contains(&name.as_str()));
    let names = names(grant, own().flat_map(|(_, rule)| rule.roots()));
    for (name, rule) in own() {
        let value = rule.value(&names).map_err(|error| Reason::Claim {
            audience: grant.resource_server.identifier.as_str().into(),
            claim: name.as_str().into(),
            error: Box::new(error),
        })?;
        if let Some(value) = value {
            claims.add(name, &value)?;
        }
    }
    Ok(claims.close())
}

fn holder_name(holder: &Holder) -> &str {
    match holder {
        Holder::Client { client, .. } => client.as_str(),
        Holder::User(user) => user.as_str(),
    }
}

/// Room for what nearly every token says, so that it does not move while it grows.
const ROOM: usize = 512;

/// Members of a JSON object, in the making.
struct Members(Vec<u8>);

impl Members {
    fn add<T: serde::Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), Reason> {
        if !matches!(*self.0, [] | [b'{']) {
            self.0.push(b',');
        }
        serde_json::to_writer(&mut self.0, name).map_err(|_| Reason::SigningFailed)?;
        self.0.push(b':');
        serde_json::to_writer(&mut self.0, value).map_err(|_| Reason::SigningFailed)
    }

    fn close(mut self) -> Box<str> {
        self.0.push(b'}');
        // What serde_json writes is UTF-8. Copied, and not cut to size: what is cut off would be left in pieces.
        std::str::from_utf8(&self.0).unwrap_or_default().into()
    }
}

/// The `client_id` of password tokens, whose holder is no client (rule 11). No client can have this id.
pub const V1_CLIENT: &str = "v1";
