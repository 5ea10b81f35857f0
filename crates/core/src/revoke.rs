//! Token revocation (RFC 7009), and the lengths of time for which revocations are remembered.

use std::time::Duration;

use symbolon_protocol::revocation::{Cutoff, Kind};

use crate::audit::{Actor, Change, Movement, RevocationWrite, Subject, SubjectKind};
use crate::authenticate::AuthenticatedClient;
use crate::authority::Authority;
use crate::clock::Timestamp;
use crate::id::{ClientId, OrganizationId, RealmId};
use crate::introspect::read_own;
use crate::realm::Realm;
use crate::realm_view::RealmView;
use crate::record::{GrantRecord, TokenRecord};
use crate::refusal::Refusal;
use crate::store::{Store, StoreError};

/// More live single-token revocations than this become one of the client (rule 6).
pub const MOST_TOKENS_PER_CLIENT: u32 = 1000;

/// Revokes a token of the caller's own. A token that is unknown, of somebody else, or dead already is no error
/// (RFC 7009 §2.2). Once this answers, the revocation is durable and known here.
pub async fn revoke_token(
    authority: &Authority,
    caller: &AuthenticatedClient,
    token: &str,
    request_id: &str,
) -> Result<(), Refusal> {
    let realm = caller.realm();
    let Some(own) = read_own(realm, token) else { return Ok(()) };
    let now = authority.now();
    if own.claims.known.client_id.as_deref() != Some(caller.id().as_str())
        || own.claims.known.exp <= now.seconds()
    {
        return Ok(());
    }
    let Some(jti) = own.claims.known.jti else { return Ok(()) };
    if realm.revocations().cutoff(Kind::Token, &jti) == Some(Cutoff::Open) {
        return Ok(());
    }
    let actor = Actor::client(caller.id(), request_id).at(caller.from());
    let expires_at = Timestamp::from_seconds(own.claims.known.exp);
    let token =
        OneToken { jti: &jti, client: caller.id(), organization: &caller.client().organization, expires_at };
    Ok(revoke_one(authority, &actor, realm, &token).await?)
}

/// A token as its record names it.
pub struct OneToken<'a> {
    /// Its id.
    pub jti: &'a str,
    /// Whose it is.
    pub client: &'a ClientId,
    /// The client's organization.
    pub organization: &'a OrganizationId,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// A token on record, with the client that got it: what can be revoked by its id.
#[derive(Clone, Debug)]
pub struct RecordedToken {
    /// Its record.
    pub record: TokenRecord,
    /// What it was issued for.
    pub grant: GrantRecord,
    /// Whose it is.
    pub client: ClientId,
    /// The client's organization.
    pub organization: OrganizationId,
}

impl RecordedToken {
    /// Whether it has expired, and is dead without being revoked.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.record.expires_at <= now
    }

    /// As it is revoked.
    pub fn as_one(&self) -> OneToken<'_> {
        OneToken {
            jti: &self.record.jti,
            client: &self.client,
            organization: &self.organization,
            expires_at: self.record.expires_at,
        }
    }
}

/// The token of a realm with this `jti`, as long as records are kept. A person's token (v1) has no client, and cannot
/// be revoked alone.
pub async fn find_recorded(
    store: &dyn Store,
    realm: &RealmId,
    unverified_jti: &str,
) -> Result<Option<RecordedToken>, StoreError> {
    let Some(record) = store.find_token(realm, unverified_jti).await? else { return Ok(None) };
    let grant = record.grant.read();
    let (Some(client), Some(organization)) = (grant.client.clone(), grant.organization.clone()) else {
        return Ok(None);
    };
    Ok(Some(RecordedToken { record, grant, client, organization }))
}

/// Revokes one token; beyond [`MOST_TOKENS_PER_CLIENT`], all tokens that the client has.
pub async fn revoke_one(
    authority: &Authority,
    actor: &Actor,
    realm: &RealmView,
    token: &OneToken<'_>,
) -> Result<(), StoreError> {
    let client = Some(token.client.to_string());
    let change = Change {
        at: authority.now(),
        actor: actor.clone(),
        action: "revoke_token",
        subject: Subject::new(SubjectKind::Revocation, token.jti).of(token.organization),
        before: None,
        after: None,
        revocations: vec![RevocationWrite {
            kind: Kind::Token,
            id: token.jti.to_owned(),
            client,
            movement: Movement::Open,
            forget_after: Some(token.expires_at.plus(LEEWAY)),
        }],
    };
    let whole = RevocationWrite {
        kind: Kind::Client,
        id: token.client.to_string(),
        client: None,
        movement: Movement::Before(authority.revocation_moment()),
        forget_after: Some(forget_after(authority, realm.realm())),
    };
    authority.store.revoke_tokens(realm.id(), MOST_TOKENS_PER_CLIENT, &whole, &change).await?;
    authority.after_change().await
}

/// Clocks of verifiers may be behind by this much, and expiry may be judged with as much leeway.
const LEEWAY: Duration = Duration::from_mins(2);

/// When the longest token that was, or is just being, issued will have expired everywhere: also one that was issued
/// by a clock that was ahead.
pub fn forget_after(authority: &Authority, realm: &Realm) -> Timestamp {
    let now = authority.revocation_moment();
    let longest = realm.longest_lifetime.max(realm.settings.maximum_lifetime);
    let longest = Duration::from_secs(u64::try_from(longest).unwrap_or(0));
    now.plus(longest).plus(authority.settings().directory.max_age).plus(LEEWAY)
}

/// Revokes everything that was issued up to now for one subject, while the subject itself stays as it is.
pub async fn revoke_before_now(
    authority: &Authority,
    actor: &Actor,
    realm: &RealmId,
    (kind, id): (Kind, &str),
    organization: Option<&OrganizationId>,
) -> Result<(), StoreError> {
    let view = authority.directory().realm(realm.as_str()).ok_or(StoreError::NotFound)?;
    let subject = Subject::new(SubjectKind::Revocation, &format!("{} {id}", kind.name()));
    let change = Change {
        at: authority.now(),
        actor: actor.clone(),
        action: "revoke",
        subject: match organization {
            Some(organization) => subject.of(organization),
            None => subject,
        },
        before: None,
        after: None,
        revocations: vec![RevocationWrite {
            kind,
            id: id.to_owned(),
            client: None,
            movement: Movement::Before(authority.revocation_moment()),
            forget_after: Some(forget_after(authority, view.realm())),
        }],
    };
    authority.write_revocations(realm, &change).await
}
