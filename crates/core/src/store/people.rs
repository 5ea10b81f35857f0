//! The part of the port that signing in to the console needs: sessions, second factors, and links for one use.

use async_trait::async_trait;

use super::StoreResult;
use crate::audit::Change;
use crate::clock::Timestamp;
use crate::edit::link::Link;
use crate::id::{LinkId, RealmId, SessionId, UserId};
use crate::secret::SecretHash;
use crate::session::Session;
use crate::sign_in::factors::Factors;
use crate::user::User;

/// Which of a user's sessions end.
#[derive(Clone, Copy, Debug)]
pub enum Ended<'a> {
    /// This one.
    One(&'a SessionId),
    /// All but this one.
    Others(&'a SessionId),
    /// All.
    All,
}

/// How a session finds room among those that its user has.
#[derive(Clone, Copy, Debug)]
pub struct MakingRoom<'a> {
    /// A user has at most so many, the new one among them.
    pub most: u32,
    /// What is recorded where others have to end for it; what it looked like before is a list of their ids.
    pub ended: &'a Change,
}

/// Sessions. Whatever revokes a user's tokens ends its sessions, in the same transaction.
#[async_trait]
pub trait SessionStore {
    /// Adds one for a user at that version; where the user has changed meanwhile, it is `Stale`, so that no session
    /// comes of a password that is the user's no more. Where the user has too many, those end in the same
    /// transaction from which nothing came for the longest time, however many begin at once.
    async fn insert_session(
        &self,
        session: &Session,
        user_version: i64,
        room: MakingRoom<'_>,
        change: &Change,
    ) -> StoreResult<()>;
    /// Finds one, without naming a realm: it is how the realm is found out.
    async fn find_session(&self, id: &SessionId) -> StoreResult<Option<Session>>;
    /// Those of a user, the newest first, at most 100.
    async fn list_sessions(&self, realm: &RealmId, user: &UserId) -> StoreResult<Vec<Session>>;
    /// Notes that something came from one; never an earlier moment than the one that is noted.
    async fn touch_session(&self, realm: &RealmId, id: &SessionId, at: Timestamp) -> StoreResult<()>;
    /// Gives one the secret, the moment of the proof and the last request of a record, if its secret is still the
    /// given one; else it is `Stale`, or `NotFound`.
    async fn renew_session(&self, session: &Session, before: &SecretHash) -> StoreResult<()>;
    /// Ends sessions of a user, and says how many. Where there are none, nothing is recorded.
    async fn delete_sessions(
        &self,
        realm: &RealmId,
        user: &UserId,
        ended: Ended<'_>,
        change: &Change,
    ) -> StoreResult<u64>;
    /// Removes those that were seen last at or before a moment, or began at or before another.
    async fn forget_sessions(&self, seen: Timestamp, begun: Timestamp) -> StoreResult<u64>;
}

/// What users have beside their passwords.
#[async_trait]
pub trait FactorStore {
    /// A user's.
    async fn find_factors(&self, realm: &RealmId, user: &UserId) -> StoreResult<Option<Factors>>;
    /// Those of the user whom passkeys call so.
    async fn find_factors_by_handle(&self, realm: &RealmId, handle: &str) -> StoreResult<Option<Factors>>;
    /// Adds a user's at version 1, else changes those whose stored version is one less; whoever comes second is
    /// `Stale`. Using a factor is no change that has to be on record.
    async fn put_factors(
        &self,
        realm: &RealmId,
        factors: &Factors,
        change: Option<&Change>,
    ) -> StoreResult<()>;
}

/// Links that can be used once.
#[async_trait]
pub trait LinkStore {
    /// Adds one, which takes the place of any that there is for the same user.
    async fn put_link(&self, link: &Link, change: &Change) -> StoreResult<()>;
    /// Finds one, without naming a realm: it is how the realm is found out.
    async fn find_link(&self, id: &LinkId) -> StoreResult<Option<Link>>;
    /// Uses one up, and adds the user at version 1, or changes the one whose stored version is one less. A link that
    /// is not there any more is `NotFound`.
    async fn accept_link(&self, link: &Link, user: &User, change: &Change) -> StoreResult<()>;
    /// Removes those that ended before a moment.
    async fn forget_links(&self, before: Timestamp) -> StoreResult<u64>;
}
