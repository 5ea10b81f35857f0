//! v1 tokens for email and password (rule 11): off unless the realm turns them on.

use std::net::IpAddr;
use std::sync::Arc;

use crate::authority::Authority;
use crate::clock::Timestamp;
use crate::directory::{AsOf, Customer};
use crate::grant::{ApprovedGrant, Decision, Holder, Subject, lifetime};
use crate::licence::{self, NoLicence};
use crate::password::PasswordError;
use crate::realm::PasswordTokens;
use crate::realm_view::RealmView;
use crate::refusal::{Reason, Refusal};
use crate::secret::Secret;
use crate::user::{MemberRole, User};

/// Passwords longer than this are not anybody's, in bytes.
const LONGEST_PASSWORD: usize = 1024;

/// Checks email and password, and decides what the token carries. `settings` are the realm's own, which says
/// that it issues such tokens at all.
pub async fn decide(
    authority: &Authority,
    realm: &Arc<RealmView>,
    settings: &PasswordTokens,
    (email, password): (&str, &Secret),
    from: IpAddr,
) -> Result<ApprovedGrant, Refusal> {
    let began = tokio::time::Instant::now();
    // Before the first thing is read: a password takes its time, and nothing may be older than the directory may.
    let as_of = authority.directory().as_of();
    let known = match check(authority, realm, (email, password), from).await {
        Ok(known) => known,
        Err(reason @ (Reason::StoreUnavailable(_) | Reason::PasswordsBusy | Reason::SigningFailed)) => {
            return Err(Refusal::new(reason));
        }
        Err(reason) => {
            let email = crate::user::comparable_email(email);
            return Err(authority.count_failure(realm.id(), &email, from, reason, began));
        }
    };
    let realm = authority.directory().realm(realm.id().as_str()).unwrap_or_else(|| Arc::clone(realm));
    Ok(approve(&realm, settings, known, Asked { now: authority.now(), from: from.to_canonical(), as_of })?)
}

/// A user whose password was right.
struct Known {
    user: User,
    role: MemberRole,
    customer: Arc<Customer>,
}

async fn check(
    authority: &Authority,
    realm: &Arc<RealmView>,
    (email, password): (&str, &Secret),
    from: IpAddr,
) -> Result<Known, Reason> {
    let unavailable = |error: crate::store::StoreError| Reason::StoreUnavailable(error.to_string());
    let user = authority.store().find_user_by_email(realm.id(), email).await.map_err(unavailable)?;
    let hash = user.as_ref().and_then(|user| user.password.as_ref());
    let too_long = password.expose().len() > LONGEST_PASSWORD;
    let right = !too_long && authority.passwords.matches_from(from, password, hash).await.map_err(busy)?;
    let user = user.ok_or(Reason::UnknownUser)?;
    if !right {
        return Err(Reason::WrongPassword);
    }
    if !user.status.is_active() {
        return Err(Reason::UserDisabled);
    }
    let membership = user.membership.clone().ok_or(Reason::NoMembership)?;
    let customer =
        authority.directory().customer(realm.id(), &membership.organization).await.map_err(unavailable)?;
    let customer = customer.filter(|customer| customer.organization.status.is_active());
    // Outside it reads like a wrong password: RFC 6749 has no better word, and v1 knows none.
    let customer = customer.ok_or(Reason::NoMembership)?;
    Ok(Known { user, role: membership.role, customer })
}

fn busy(error: PasswordError) -> Reason {
    match error {
        PasswordError::Busy => Reason::PasswordsBusy,
        PasswordError::Failed => Reason::SigningFailed,
    }
}

/// When, from where, and on what state of knowledge.
struct Asked {
    now: Timestamp,
    from: IpAddr,
    as_of: AsOf,
}

fn approve(
    realm: &Arc<RealmView>,
    settings: &PasswordTokens,
    Known { user, role, customer }: Known,
    Asked { now, from, as_of }: Asked,
) -> Result<ApprovedGrant, Reason> {
    let audience = &settings.audience;
    let server = realm.resource_server(audience).ok_or_else(|| Reason::UnknownAudience(audience.clone()))?;
    if !server.status.is_active() {
        return Err(Reason::AudienceDisabled(audience.clone()));
    }
    let licence = if server.settings.requires_licence {
        Some(licence::covering(&customer.licences, &server.identifier, None, now)?.clone())
    } else {
        None
    };
    let mut scopes = server.settings.scopes.clone();
    scopes.retain(|scope| role.may(scope));
    let end = licence.as_ref().and_then(|licence| licence.ends_at);
    let lifetime = lifetime(settings.lifetime, realm.realm().settings.maximum_lifetime, [end], now)
        .ok_or_else(|| Reason::Licence(NoLicence::Ended(end.unwrap_or(now))))?;
    let decision = Decision {
        realm: Arc::clone(realm),
        resource_server: Arc::clone(server),
        holder: Holder::User(user.id.clone()),
        scopes,
        lifetime,
        licence: licence.map(|licence| licence.id),
        subject: Subject::User(Box::new(user), role),
        customer,
        as_of,
    };
    Ok(ApprovedGrant { decision, from })
}
