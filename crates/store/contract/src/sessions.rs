//! Promises about sessions.

use std::sync::Arc;

use symbolon_core::audit::{Change, Movement, SubjectKind};
use symbolon_core::clock::Timestamp;
use symbolon_core::id::RealmId;
use symbolon_core::protocol::revocation::Kind;
use symbolon_core::secret::SecretHash;
use symbolon_core::session::{Method, Session};
use symbolon_core::store::{Ended, MakingRoom, Store, StoreError};
use symbolon_core::user::User;

use crate::Shared;
use crate::world::{
    NOW, audit, change, fails, id, later, populate, populate_realm, revocation, revoking, tag, user,
};

pub(crate) fn session(name: &str, user: &str, at: Timestamp) -> Session {
    Session {
        id: id(name),
        realm: id("r"),
        user: id(user),
        secret: SecretHash { pepper: "p1".into(), hmac: tag(name) },
        method: Method::PasswordAndCode,
        created_at: at,
        last_seen_at: at,
        proven_at: at,
        address: "2001:db8::1".parse().unwrap(),
        user_agent: "Mähroboter \u{1f69c}/1.0".to_owned(),
    }
}

/// A realm with two users.
async fn people(store: &dyn Store) -> RealmId {
    let realm = populate(store).await;
    for user in [user(Some("o1"), "u"), user(None, "op")] {
        store.insert_user(&realm, &user, &change(SubjectKind::User, user.id.as_str())).await.unwrap();
    }
    realm
}

/// A change that revokes nothing, as signing in is.
fn quiet() -> Change {
    Change { revocations: Vec::new(), ..change(SubjectKind::User, "u") }
}

/// Room for more sessions than any of these tests begins.
pub(crate) fn room(ended: &Change) -> MakingRoom<'_> {
    MakingRoom { most: 50, ended }
}

async fn begin(store: &dyn Store, name: &str, user: &str, at: Timestamp) -> Session {
    let session = session(name, user, at);
    store.insert_session(&session, 1, room(&quiet()), &quiet()).await.unwrap();
    session
}

pub(crate) async fn read_back(store: Shared) {
    let realm = people(&*store).await;
    populate_realm(&*store, "s").await;
    let before = store.last_change().await.unwrap();
    let (one, two) = (begin(&*store, "s1", "u", NOW).await, begin(&*store, "s2", "u", later(5)).await);
    let other = begin(&*store, "s3", "op", NOW).await;
    assert_eq!(store.last_change().await.unwrap(), before + 3);
    assert_eq!(audit(&*store, &realm, None).await.len(), 8);
    assert_eq!(store.find_session(&one.id).await.unwrap(), Some(one.clone()));
    assert_eq!(store.find_session(&id("s9")).await.unwrap(), None);
    let u = id("u");
    assert_eq!(store.list_sessions(&realm, &u).await.unwrap(), [two.clone(), one.clone()]);
    assert_eq!(store.list_sessions(&realm, &id("op")).await.unwrap(), [other]);
    assert_eq!(store.list_sessions(&id("s"), &u).await.unwrap(), []);
    // The same id again, and a user who is not there.
    assert_eq!(fails(&*store, store.insert_session(&one, 1, room(&quiet()), &quiet())).await, "Taken");
    let nobody = session("s4", "nobody", NOW);
    assert_eq!(fails(&*store, store.insert_session(&nobody, 1, room(&quiet()), &quiet())).await, "NotFound");

    store.touch_session(&realm, &one.id, later(60)).await.unwrap();
    store.touch_session(&realm, &one.id, later(30)).await.unwrap();
    store.touch_session(&id("s"), &two.id, later(90)).await.unwrap();
    let seen = store.find_session(&one.id).await.unwrap().unwrap();
    assert_eq!(seen, Session { last_seen_at: later(60), ..one });
    assert_eq!(store.find_session(&two.id).await.unwrap(), Some(two));
}

pub(crate) async fn stale(store: Shared) {
    let realm = people(&*store).await;
    let session = session("s1", "u", NOW);
    for version in [0, 2] {
        assert_eq!(
            fails(&*store, store.insert_session(&session, version, room(&quiet()), &quiet())).await,
            "Stale"
        );
    }
    let renamed = User { email: "new@example.test".to_owned(), version: 2, ..user(Some("o1"), "u") };
    store.update_user(&realm, &renamed, &quiet()).await.unwrap();
    assert_eq!(fails(&*store, store.insert_session(&session, 1, room(&quiet()), &quiet())).await, "Stale");
    store.insert_session(&session, 2, room(&quiet()), &quiet()).await.unwrap();
}

pub(crate) async fn revoked(store: Shared) {
    let realm = people(&*store).await;
    let other = begin(&*store, "s0", "op", NOW).await;
    let movements = [Movement::Before(NOW), Movement::Open, Movement::Gone];
    for movement in movements {
        let one = begin(&*store, "s1", "u", NOW).await;
        // What is revoked of others, or ends, ends no session.
        let of = |kind, name: &str, movement| revocation(kind, name, movement, None);
        let harmless = vec![
            of(Kind::Client, "u", movement),
            of(Kind::User, "v", movement),
            of(Kind::User, "u", Movement::Close(later(9))),
        ];
        store.insert_revocations(&realm, &revoking(harmless)).await.unwrap();
        assert_eq!(store.find_session(&one.id).await.unwrap(), Some(one.clone()));
        let revoking = revoking(vec![of(Kind::User, "u", movement)]);
        store.insert_revocations(&realm, &revoking).await.unwrap();
        assert_eq!(store.find_session(&one.id).await.unwrap(), None, "{movement:?}");
    }
    assert_eq!(store.find_session(&other.id).await.unwrap(), Some(other));
}

/// Somebody signs in with the old password while it is being changed: either the session comes first and is ended, or
/// it comes second and is refused.
pub(crate) async fn at_once(store: Shared) {
    let realm = people(&*store).await;
    for round in 1..=20_i64 {
        let name = format!("s{round}");
        let beginning = {
            let (store, session) = (Arc::clone(&store), session(&name, "u", NOW));
            tokio::spawn(async move { store.insert_session(&session, round, room(&quiet()), &quiet()).await })
        };
        let after = User { version: round + 1, ..user(Some("o1"), "u") };
        let revoking = revoking(vec![revocation(Kind::User, "u", Movement::Before(NOW), None)]);
        store.update_user(&realm, &after, &revoking).await.unwrap();
        let begun = beginning.await.unwrap();
        assert!(matches!(begun, Ok(()) | Err(StoreError::Stale)), "{begun:?}");
        assert_eq!(store.list_sessions(&realm, &id("u")).await.unwrap(), [], "round {round}");
    }
}

pub(crate) async fn renewed(store: Shared) {
    let realm = people(&*store).await;
    let one = begin(&*store, "s1", "u", NOW).await;
    let secret = |hmac: &str| SecretHash { pepper: "p2".into(), hmac: tag(hmac) };
    let renewed =
        Session { secret: secret("new"), proven_at: later(60), last_seen_at: later(61), ..one.clone() };
    store.renew_session(&renewed, &one.secret).await.unwrap();
    assert_eq!(store.find_session(&one.id).await.unwrap(), Some(renewed.clone()));
    let again = Session { secret: secret("newer"), ..renewed.clone() };
    assert_eq!(fails(&*store, store.renew_session(&again, &one.secret)).await, "Stale");
    let elsewhere = Session { realm: id("s"), ..again.clone() };
    assert_eq!(fails(&*store, store.renew_session(&elsewhere, &renewed.secret)).await, "NotFound");
    let missing = Session { id: id("s9"), ..again };
    assert_eq!(fails(&*store, store.renew_session(&missing, &renewed.secret)).await, "NotFound");
    assert_eq!(store.list_sessions(&realm, &id("u")).await.unwrap(), [renewed]);
}

pub(crate) async fn ended(store: Shared) {
    let realm = people(&*store).await;
    let mut sessions = Vec::new();
    for name in ["s1", "s2", "s3", "s4"] {
        sessions.push(begin(&*store, name, "u", NOW).await.id);
    }
    let other = begin(&*store, "s5", "op", NOW).await;
    let (u, c) = (id("u"), quiet());
    let before = store.last_change().await.unwrap();
    // Of another user or realm, and none at all: nothing ends, and nothing is recorded.
    let nothing = [("r", "u", Ended::One(&other.id)), ("s", "u", Ended::All), ("r", "nobody", Ended::All)];
    for (realm, user, ended) in nothing {
        assert_eq!(store.delete_sessions(&id(realm), &id(user), ended, &c).await.unwrap(), 0);
    }
    assert_eq!(store.last_change().await.unwrap(), before);
    assert_eq!(store.delete_sessions(&realm, &u, Ended::One(&sessions[0]), &c).await.unwrap(), 1);
    assert_eq!(store.last_change().await.unwrap(), before + 1);
    assert_eq!(store.delete_sessions(&realm, &u, Ended::Others(&sessions[1]), &c).await.unwrap(), 2);
    let left = store.list_sessions(&realm, &u).await.unwrap();
    assert!(left.len() == 1 && left[0].id == sessions[1]);
    assert_eq!(store.delete_sessions(&realm, &u, Ended::All, &c).await.unwrap(), 1);
    assert_eq!(store.list_sessions(&realm, &u).await.unwrap(), []);
    assert_eq!(store.find_session(&other.id).await.unwrap(), Some(other));
}

/// The one that is idle for the longest time makes room, and it is on record which one that was.
pub(crate) async fn bounded(store: Shared) {
    let realm = people(&*store).await;
    let ended = Change { action: "end_sessions", ..quiet() };
    let room = MakingRoom { most: 3, ended: &ended };
    let other = begin(&*store, "other", "op", later(-100)).await;
    for (name, at) in [("s1", 0), ("s2", 1), ("s3", 2)] {
        store.insert_session(&session(name, "u", later(at)), 1, room, &quiet()).await.unwrap();
    }
    let ids = async || {
        let mut ids: Vec<String> = Vec::new();
        for session in store.list_sessions(&realm, &id("u")).await.unwrap() {
            ids.push(session.id.to_string());
        }
        ids
    };
    assert_eq!(ids().await, ["s3", "s2", "s1"]);
    assert!(audit(&*store, &realm, None).await.iter().all(|row| row.action != "end_sessions"));
    store.touch_session(&realm, &id("s1"), later(60)).await.unwrap();
    // What fails ends nothing.
    let (fourth, c) = (session("s4", "u", later(70)), quiet());
    assert_eq!(fails(&*store, store.insert_session(&fourth, 9, room, &c)).await, "Stale");
    assert_eq!(ids().await, ["s3", "s2", "s1"]);
    store.insert_session(&fourth, 1, room, &c).await.unwrap();
    assert_eq!(ids().await, ["s4", "s3", "s1"]);
    // One that has fewer from now on: all that are too many end.
    let fewer = MakingRoom { most: 2, ..room };
    store.insert_session(&session("s5", "u", later(80)), 1, fewer, &quiet()).await.unwrap();
    assert_eq!(ids().await, ["s5", "s4"]);
    let mut told = audit(&*store, &realm, None).await;
    told.retain(|row| row.action == "end_sessions");
    let told: Vec<_> = told.into_iter().map(|row| row.before).collect();
    let of = |ids: &[&str]| Some(serde_json::json!({ "sessions": ids }));
    assert_eq!(told, [of(&["s2"]), of(&["s1", "s3"])]);

    let mut beginning = tokio::task::JoinSet::new();
    for number in 0..12 {
        let store = Arc::clone(&store);
        beginning.spawn(async move {
            let ended = Change { action: "end_sessions", ..quiet() };
            let room = MakingRoom { most: 3, ended: &ended };
            let session = session(&format!("many{number}"), "u", later(90));
            store.insert_session(&session, 1, room, &quiet()).await.unwrap();
        });
    }
    beginning.join_all().await;
    assert_eq!(ids().await.len(), 3);
    assert_eq!(store.find_session(&other.id).await.unwrap(), Some(other));
}

pub(crate) async fn forgotten(store: Shared) {
    people(&*store).await;
    let idle = begin(&*store, "idle", "u", NOW).await;
    let old = begin(&*store, "old", "u", later(-100)).await;
    let live = begin(&*store, "live", "u", later(10)).await;
    store.touch_session(&id("r"), &old.id, later(20)).await.unwrap();
    let before = store.last_change().await.unwrap();
    assert_eq!(store.forget_sessions(later(-1), later(-101)).await.unwrap(), 0);
    assert_eq!(store.forget_sessions(later(0), later(-100)).await.unwrap(), 2);
    assert_eq!(store.last_change().await.unwrap(), before, "forgetting is no change");
    for (session, there) in [(idle, false), (old, false), (live, true)] {
        assert_eq!(store.find_session(&session.id).await.unwrap().is_some(), there, "{session:?}");
    }
}
