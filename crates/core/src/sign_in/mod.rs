//! Signing in to the console: by password, with a second factor where one is set up, or by a passkey alone.
//!
//! A sign-in of two steps keeps nothing here in between: what the first step found out goes to the browser sealed,
//! and comes back with the second. Outside, every failure reads the same; the exact reason is on record under the
//! request's id by the time of the answer. Proving again who one is goes the same ways, and gives the session that is
//! there a new token.

pub mod factors;
pub mod passkey;
pub mod password;
pub mod recovery;
pub(crate) mod sealed;
pub mod totp;
mod webauthn;

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::audit::Actor;
use crate::authority::{Authority, RefusedRequest};
use crate::clock::Timestamp;
use crate::edit::Editor;
use crate::edit::user::subject;
use crate::id::{SessionId, UserId};
use crate::named::Named;
use crate::realm_view::RealmView;
use crate::refusal::{Reason, Refusal};
use crate::secret::Secret;
use crate::session::{self, Method, Session, Visit};
use crate::store::{MakingRoom, StoreError};
use crate::user::{User, comparable_email};
use factors::{Factors, Methods};

/// The second step has to come within this time.
const PENDING: Duration = Duration::from_mins(5);
/// Where refusals come from, as their record says.
const ENDPOINT: &str = "console";

/// One attempt to sign in.
#[derive(Clone, Copy)]
pub struct Attempt<'a> {
    /// What decides.
    pub authority: &'a Authority,
    /// The realm.
    pub realm: &'a Arc<RealmView>,
    /// The request.
    pub visit: Visit<'a>,
}

/// How far an attempt came.
#[derive(Debug)]
pub enum SignIn {
    /// All the way.
    Done(Box<SignedIn>),
    /// The password was right, and a second factor is set up.
    SecondFactor(Pending),
}

/// Somebody is signed in, or has proved again who it is.
#[derive(Debug)]
pub struct SignedIn {
    /// The session's token, which nobody has seen before; any older one of the session is dead.
    pub token: Secret,
    /// The session.
    pub session: Session,
    /// The user.
    pub user: User,
}

/// What waits for its second step.
#[derive(Debug)]
pub struct Pending {
    /// What the browser has to bring back.
    pub state: Secret,
    /// The second factors that are set up.
    pub methods: Methods,
    /// When it is too late.
    pub expires_at: Timestamp,
}

/// Why nobody was signed in, as far as it may be told. The exact reason is on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Email, password or second factor is wrong, or the user may not sign in.
    #[error("email, password or second factor is wrong")]
    Wrong,
    /// It took too long, or something has changed meanwhile: it has to begin anew.
    #[error("it took too long: begin anew")]
    Expired,
    /// There were too many failures.
    #[error("too many failed attempts: try again in {} seconds", .0.as_secs().max(1))]
    Later(Duration),
    /// The server cannot decide now.
    #[error("signing in is not possible at the moment: try again later")]
    Unavailable,
}

impl Refused {
    fn of(refusal: &Refusal) -> Self {
        match &refusal.reason {
            Reason::SignInExpired => Self::Expired,
            Reason::TooManyCodes(wait) => Self::Later(*wait),
            Reason::TooManyFailures(_) | Reason::TooManyFromNetwork(_) => {
                Self::Later(refusal.retry_after.unwrap_or_default())
            }
            reason if is_fault_of_ours(reason) => Self::Unavailable,
            _ => Self::Wrong,
        }
    }
}

const fn is_fault_of_ours(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::StoreUnavailable(_)
            | Reason::PasswordsBusy
            | Reason::SigningFailed
            | Reason::DirectoryTooOld(_)
    )
}

impl Attempt<'_> {
    fn now(&self) -> Timestamp {
        self.authority.now()
    }

    /// Puts a refusal on record, counts it where it may have been a guess, and answers no sooner than any other.
    pub(crate) async fn refuse(
        &self,
        email: Option<&str>,
        reason: Reason,
        began: tokio::time::Instant,
    ) -> Refused {
        let authority = self.authority;
        let is_guess =
            !is_fault_of_ours(&reason) && !matches!(reason, Reason::SignInExpired | Reason::TooManyCodes(_));
        let email = email.map(comparable_email);
        let refusal = if is_guess {
            let id = email.as_deref().unwrap_or_default();
            authority.count_failure(self.realm.id(), id, self.visit.from, reason, began)
        } else {
            Refusal::new(reason)
        };
        authority.note_refusal(
            &refusal,
            &RefusedRequest {
                request_id: self.visit.request_id,
                realm: self.realm.id(),
                endpoint: ENDPOINT,
                // Whoever typed a password into the wrong field finds it in no record.
                named: Named::User(email.as_deref().unwrap_or_default()),
                from: self.visit.from,
            },
        );
        if let Some(moment) = refusal.hold_until {
            tokio::time::sleep_until(moment).await;
        }
        Refused::of(&refusal)
    }

    /// Signs in, or gives the session that is to be proved a new token. This comes last: whoever calls it knows who
    /// is there, and that the user may be let in.
    pub(crate) async fn finish(
        &self,
        user: User,
        method: Method,
        proves: Option<&SessionId>,
    ) -> Result<SignedIn, Reason> {
        match proves {
            None => self.begin_session(user, method, self.now()).await,
            Some(id) => self.prove_session(user, id).await,
        }
    }

    /// Begins a session in place of one that ends with the password that it began with. Nothing more was proved by
    /// that than before: a session that was old does not become fresh.
    pub(crate) async fn go_on(&self, user: User, before: &Session) -> Result<SignedIn, Reason> {
        self.begin_session(user, before.method, before.proven_at).await
    }

    async fn begin_session(
        &self,
        user: User,
        method: Method,
        proven_at: Timestamp,
    ) -> Result<SignedIn, Reason> {
        let authority = self.authority;
        let (session, token) = session::begin(authority, &user, (self.realm.id(), method), self.visit)?;
        let session = Session { proven_at, ..session };
        let actor = Actor::user(&user.id, self.visit.request_id).at(self.visit.from);
        let editor = Editor { authority, actor: &actor, realm: self.realm.id() };
        let begun = serde_json::json!({ "session": session.id, "method": method });
        let change = editor.change("sign_in", subject(&user), None, Some(&begun));
        let most = serde_json::json!({ "most": session::MOST });
        let ended = editor.change("end_sessions", subject(&user), None, Some(&most));
        let room = MakingRoom { most: session::MOST, ended: &ended };
        let inserted = authority.store.insert_session(&session, user.version, room, &change).await;
        inserted.map_err(changed_meanwhile)?;
        authority.after_change().await.map_err(changed_meanwhile)?;
        Ok(SignedIn { token, session, user })
    }

    async fn prove_session(&self, user: User, id: &SessionId) -> Result<SignedIn, Reason> {
        let (authority, now) = (self.authority, self.now());
        let store = &authority.store;
        let found = store.find_session(id).await.map_err(changed_meanwhile)?;
        let session = found
            .filter(|session| session.realm == *self.realm.id() && session.user == user.id)
            .filter(|session| session.is_live(now));
        let session = session.ok_or(Reason::SignInExpired)?;
        let token = session::new_token(authority, id)?;
        let renewed = Session {
            secret: authority.peppers.hash(&token),
            proven_at: now,
            last_seen_at: now,
            ..session.clone()
        };
        store.renew_session(&renewed, &session.secret).await.map_err(changed_meanwhile)?;
        Ok(SignedIn { token, session: renewed, user })
    }

    /// The first step is done: asks for the second.
    fn pending(&self, user: &User, factors: &Factors, proves: Option<&SessionId>) -> Result<Pending, Reason> {
        let expires_at = self.now().plus(PENDING);
        let state =
            FirstStep { user: user.id.clone(), version: user.version, proves: proves.cloned(), expires_at };
        let state = sealed::close(self.authority, FIRST_STEP, self.realm.id(), &state)?;
        Ok(Pending { state, methods: factors.methods(), expires_at })
    }

    /// Reads what the first step found out, and looks whether it still holds.
    async fn resume(&self, pending: &str) -> Result<(FirstStep, User), Reason> {
        self.authority.directory().check_age(self.now())?;
        let step: FirstStep = sealed::open(self.authority, FIRST_STEP, self.realm.id(), pending)
            .ok_or(Reason::SignInExpired)?;
        if self.now() >= step.expires_at {
            return Err(Reason::SignInExpired);
        }
        let user = self.authority.store.find_user(self.realm.id(), None, &step.user).await;
        let user = user.map_err(changed_meanwhile)?.filter(|user| user.version == step.version);
        let user = user.ok_or(Reason::SignInExpired)?;
        session::standing(self.authority, self.realm, &user).await?;
        Ok((step, user))
    }
}

/// What of the first step is sealed.
const FIRST_STEP: &str = "first step";

/// What the first step found out: whose password was right.
#[derive(Serialize, Deserialize)]
struct FirstStep {
    user: UserId,
    /// Of the user: whatever changes of it, a password above all, ends what was begun before.
    version: i64,
    /// The session that is to be proved, rather than a new one begun.
    proves: Option<SessionId>,
    expires_at: Timestamp,
}

/// What a failed write means for a sign-in.
fn changed_meanwhile(error: StoreError) -> Reason {
    match error {
        StoreError::NotFound | StoreError::Stale => Reason::SignInExpired,
        other => Reason::StoreUnavailable(other.to_string()),
    }
}

/// Forgets sessions that are over and links that nobody can use any more.
pub(crate) async fn forget(authority: &Authority, now: Timestamp) -> Result<(), StoreError> {
    authority.store.forget_sessions(now.minus(session::IDLE), now.minus(session::LONGEST)).await?;
    authority.store.forget_links(now).await?;
    Ok(())
}
