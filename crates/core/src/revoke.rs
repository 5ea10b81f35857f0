//! Token revocation (RFC 7009), and the lengths of time for which revocations are remembered.

use std::time::Duration;

use symbolon_protocol::revocation::{Cutoff, Kind};

use crate::audit::{Actor, ActorKind, Change, Movement, RevocationWrite, Subject, SubjectKind};
use crate::authenticate::AuthenticatedClient;
use crate::authority::Authority;
use crate::clock::Timestamp;
use crate::id::RealmId;
use crate::introspect::read_own;
use crate::realm::Realm;
use crate::refusal::Refusal;
use crate::store::StoreError;

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
    let change = Change {
        at: now,
        actor: Actor {
            kind: ActorKind::Client,
            id: caller.id().to_string(),
            request_id: request_id.to_owned(),
        },
        action: "revoke_token",
        subject: Subject::new(SubjectKind::Revocation, &jti).of(&caller.client().organization),
        before: None,
        after: None,
        revocations: vec![RevocationWrite {
            kind: Kind::Token,
            id: jti,
            client: Some(caller.id().to_string()),
            movement: Movement::Open,
            forget_after: Some(Timestamp::from_seconds(own.claims.known.exp).plus(LEEWAY)),
        }],
    };
    let whole = RevocationWrite {
        kind: Kind::Client,
        id: caller.id().to_string(),
        client: None,
        movement: Movement::Before(authority.revocation_moment()),
        forget_after: Some(forget_after(authority, realm.realm())),
    };
    authority.store.revoke_tokens(realm.id(), MOST_TOKENS_PER_CLIENT, &whole, &change).await?;
    Ok(authority.after_change().await?)
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
    kind: Kind,
    id: &str,
) -> Result<(), StoreError> {
    let view = authority.directory().realm(realm.as_str()).ok_or(StoreError::NotFound)?;
    let now = authority.now();
    let change = Change {
        at: now,
        actor: actor.clone(),
        action: "revoke",
        subject: Subject::new(SubjectKind::Revocation, &format!("{} {id}", kind.name())),
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
