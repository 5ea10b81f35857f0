//! Sessions of the console: what a browser holds after a person has signed in.
//!
//! A session is a random token, kept only as a hash, and always made here: no request can bring one along, so that
//! nobody can be made to use a session that somebody else knows. It ends when nothing came for a while, after half a
//! day in any case, when it is ended, and with everything that revokes the user's tokens: a new password, another
//! role, the user switched off.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use symbolon_protocol::secret_format;

use crate::audit::Actor;
use crate::authority::Authority;
use crate::clock::Timestamp;
use crate::edit::Editor;
pub use crate::id::SessionId;
use crate::id::{OrganizationId, RealmId};
use crate::permission::Caller;
use crate::realm_view::RealmView;
use crate::refusal::Reason;
use crate::secret::{Comparison, Secret, SecretHash};
use crate::store::{Store, StoreError, StoreResult};
use crate::user::{MemberRole, OperatorRole, User, UserId};

/// A session that nothing came from for so long is over.
pub const IDLE: Duration = Duration::from_mins(15);
/// No session lasts longer.
pub const LONGEST: Duration = Duration::from_hours(12);
/// For so long after a full authentication a person need not prove again who it is.
pub const PROVEN: Duration = Duration::from_mins(10);
/// A user has at most so many at once; where one more begins, the one ends that was idle for the longest time.
pub const MOST: u32 = 50;
/// How often the last request is noted: what is written may be so much too old.
const SEEN_EVERY: Duration = Duration::from_mins(1);
/// The longest name of a browser that is kept, in characters.
const LONGEST_USER_AGENT: usize = 200;

/// How somebody proved who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By password, where no second factor is set up.
    Password,
    /// By password and the code of an app.
    PasswordAndCode,
    /// By password and a recovery code.
    PasswordAndRecoveryCode,
    /// By password and a passkey.
    PasswordAndPasskey,
    /// By a passkey alone, which had asked for a finger or a PIN.
    Passkey,
}

/// A request of a browser, as far as a session needs it.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// The network address that it came from.
    pub from: IpAddr,
    /// What the browser calls itself; believed by nobody, shown to the user alone.
    pub user_agent: &'a str,
}

/// A session as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The realm that the user signed in to.
    pub realm: RealmId,
    /// Whose it is.
    pub user: UserId,
    /// The hash of its token.
    pub secret: SecretHash,
    /// How it began.
    pub method: Method,
    /// When it began.
    pub created_at: Timestamp,
    /// When something came from it last, up to a minute too early.
    pub last_seen_at: Timestamp,
    /// When the person last proved fully who it is.
    pub proven_at: Timestamp,
    /// Where it began.
    pub address: IpAddr,
    /// The browser in which it began.
    pub user_agent: String,
}

impl Session {
    /// Whether it has neither been idle for too long nor lasted too long.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now.since(self.last_seen_at) < IDLE && now.since(self.created_at) < LONGEST
    }

    /// Whether the person proved lately who it is.
    pub fn is_proven(&self, now: Timestamp) -> bool {
        now.since(self.proven_at) < PROVEN
    }
}

/// What a browser calls itself, as far as it is kept.
pub(crate) fn kept_user_agent(user_agent: &str) -> String {
    user_agent.chars().filter(|c| !c.is_control()).take(LONGEST_USER_AGENT).collect()
}

/// What a person is in its realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// It operates the realm; of the default realm, the installation.
    Operator(OperatorRole),
    /// It is a member of a customer.
    Member(OrganizationId, MemberRole),
}

impl Role {
    /// The role of a user; an operator's goes before a member's. `None` for a user who may do nothing here.
    pub fn of(user: &User) -> Option<Self> {
        match (user.operator, &user.membership) {
            (Some(role), _) => Some(Self::Operator(role)),
            (None, Some(membership)) => Some(Self::Member(membership.organization.clone(), membership.role)),
            (None, None) => None,
        }
    }
}

/// Whether a user may be let in at all, as things stand now: asked at each sign-in and at each request.
pub(crate) async fn standing(
    authority: &Authority,
    realm: &Arc<RealmView>,
    user: &User,
) -> Result<Role, Reason> {
    if !realm.realm().status.is_active() {
        return Err(Reason::RealmDisabled);
    }
    if !user.status.is_active() {
        return Err(Reason::UserDisabled);
    }
    let role = Role::of(user).ok_or(Reason::NoMembership)?;
    if let Role::Member(organization, _) = &role {
        let customer = authority.directory().customer(realm.id(), organization).await;
        let customer = customer.map_err(|error| Reason::StoreUnavailable(error.to_string()))?;
        if !customer.is_some_and(|customer| customer.organization.status.is_active()) {
            return Err(Reason::OrganizationDisabled);
        }
    }
    Ok(role)
}

/// A person who signed in. Only [`authenticate`] makes one.
#[derive(Clone)]
pub struct Person {
    user: User,
    session: Session,
    realm: Arc<RealmView>,
    role: Role,
    caller: Caller,
}

/// Why a token leads to nobody.
#[derive(Debug, thiserror::Error)]
pub enum NotSignedIn {
    /// There is no session of this token: it was ended, or never was.
    #[error("there is no such session")]
    Unknown,
    /// It was idle for too long, or has lasted too long.
    #[error("the session has timed out")]
    Ended,
    /// The user, its organization or its realm is switched off, or the user has no role any more.
    #[error("the user may not be signed in: {0}")]
    Barred(Reason),
    /// What is known here may be too old to judge by.
    #[error(transparent)]
    TooOld(Reason),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Finds out who a request comes from, by its session's token, and notes that something came.
pub async fn authenticate(
    authority: &Authority,
    unverified_token: &str,
    visit: Visit<'_>,
) -> Result<Person, NotSignedIn> {
    let now = authority.now();
    // From an old directory a realm that was switched off could look alive.
    authority.directory().check_age(now).map_err(NotSignedIn::TooOld)?;
    let mut session = find(authority, unverified_token).await?;
    if !session.is_live(now) {
        return Err(NotSignedIn::Ended);
    }
    let realm = authority.directory().realm(session.realm.as_str()).ok_or(NotSignedIn::Unknown)?;
    let user = authority.store.find_user(realm.id(), None, &session.user).await?;
    let user = user.ok_or(NotSignedIn::Unknown)?;
    let role = match standing(authority, &realm, &user).await {
        Ok(role) => role,
        Err(Reason::StoreUnavailable(text)) => return Err(StoreError::Unavailable(text).into()),
        Err(reason) => return Err(NotSignedIn::Barred(reason)),
    };
    if now.since(session.last_seen_at) >= SEEN_EVERY {
        // Should it fail, the session ends the sooner.
        match authority.store.touch_session(realm.id(), &session.id, now).await {
            Ok(()) => session.last_seen_at = now,
            Err(error) => tracing::warn!(%error, "a session's last request could not be noted"),
        }
    }
    let actor = Actor::user(&user.id, visit.request_id).at(visit.from);
    let caller = Caller::of_person(Arc::clone(&realm), actor, &role);
    Ok(Person { user, session, realm, role, caller })
}

/// The session of a token, live or not.
async fn find(authority: &Authority, unverified_token: &str) -> Result<Session, NotSignedIn> {
    let id = secret_format::written_id(unverified_token).and_then(|id| SessionId::new(id).ok());
    let found = match &id {
        Some(id) => authority.store.find_session(id).await?,
        None => None,
    };
    let Some(session) = found else {
        authority.peppers.compare_with_nothing(unverified_token);
        return Err(NotSignedIn::Unknown);
    };
    match authority.peppers.compare(unverified_token, &session.secret) {
        Comparison::Match | Comparison::MatchUnderOldPepper => Ok(session),
        Comparison::Different => Err(NotSignedIn::Unknown),
    }
}

impl Person {
    /// The user, as it is now.
    pub const fn user(&self) -> &User {
        &self.user
    }

    /// The session.
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// The realm that the person signed in to.
    pub const fn realm(&self) -> &Arc<RealmView> {
        &self.realm
    }

    /// What the person is there.
    pub const fn role(&self) -> &Role {
        &self.role
    }

    /// The person as somebody who manages, with the permissions of its role.
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Whether the person proved lately who it is: asked before secrets are made, shown or removed.
    pub fn is_proven(&self, now: Timestamp) -> bool {
        self.session.is_proven(now)
    }

    /// For changes to what is the person's own.
    pub fn editor<'a>(&'a self, authority: &'a Authority) -> Editor<'a> {
        Editor { authority, actor: self.caller.actor(), realm: self.realm.id() }
    }
}

/// The live sessions of a user, the newest first.
pub async fn list(
    store: &dyn Store,
    realm: &RealmId,
    user: &UserId,
    now: Timestamp,
) -> StoreResult<Vec<Session>> {
    let mut sessions = store.list_sessions(realm, user).await?;
    sessions.retain(|session| session.is_live(now));
    Ok(sessions)
}

/// A session that begins now, and its token.
pub(crate) fn begin(
    authority: &Authority,
    user: &User,
    (realm, method): (&RealmId, Method),
    visit: Visit<'_>,
) -> Result<(Session, Secret), Reason> {
    let now = authority.now();
    let id = SessionId::generate(now, authority.random()).map_err(|_| Reason::SigningFailed)?;
    let token = new_token(authority, &id)?;
    let session = Session {
        secret: authority.peppers.hash(&token),
        id,
        realm: realm.clone(),
        user: user.id.clone(),
        method,
        created_at: now,
        last_seen_at: now,
        proven_at: now,
        address: visit.from.to_canonical(),
        user_agent: kept_user_agent(visit.user_agent),
    };
    Ok((session, token))
}

/// A token for a session, which takes the place of any that it had.
pub(crate) fn new_token(authority: &Authority, id: &SessionId) -> Result<Secret, Reason> {
    Secret::of_kind(secret_format::SESSION, id.as_str(), authority.random())
        .map_err(|_| Reason::SigningFailed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::secret::Tag;

    fn session(created_at: i64, last_seen_at: i64) -> Session {
        Session {
            id: SessionId::new("ses_1").unwrap(),
            realm: RealmId::new("r").unwrap(),
            user: UserId::new("u").unwrap(),
            secret: SecretHash { pepper: "p".into(), hmac: Tag::new([99; 32]) },
            method: Method::Password,
            created_at: Timestamp::from_seconds(created_at),
            last_seen_at: Timestamp::from_seconds(last_seen_at),
            proven_at: Timestamp::from_seconds(created_at),
            address: std::net::Ipv4Addr::LOCALHOST.into(),
            user_agent: String::new(),
        }
    }

    #[test]
    fn a_session_shows_nothing_of_its_token() {
        let session = session(0, 0);
        assert!(!format!("{session:?}").contains(&session.secret.hmac.to_string()));
    }

    #[test]
    fn names_of_browsers_are_cut_and_hold_nothing_that_acts() {
        let kept = kept_user_agent(&format!("a\u{1b}[31m\r\n{}", "ä".repeat(1000)));
        assert_eq!(kept.chars().count(), LONGEST_USER_AGENT);
        assert!(kept.starts_with("a[31mä"));
    }

    proptest! {
        /// Whatever comes when: a session lives only while requests are less than the idle time apart, and never
        /// longer than the longest time; and it does live for as long as that is so.
        #[test]
        fn a_session_ends_by_idleness_and_by_age(gaps in proptest::collection::vec(0_i64..1200, 0..80)) {
            let mut session = session(0, 0);
            let (mut now, mut unbroken) = (0, true);
            for gap in gaps {
                now += gap;
                let expected = unbroken && gap < 900 && now < 12 * 3600;
                prop_assert_eq!(session.is_live(Timestamp::from_seconds(now)), expected, "at {}", now);
                prop_assert_eq!(session.is_proven(Timestamp::from_seconds(now)), now < 600);
                unbroken = expected;
                if expected {
                    session.last_seen_at = Timestamp::from_seconds(now);
                } else {
                    break;
                }
            }
        }
    }
}
