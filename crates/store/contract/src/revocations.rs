//! Promises about revocations (rule 6).

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use symbolon_core::audit::{Movement, RevocationWrite};
use symbolon_core::clock::Timestamp;
use symbolon_core::protocol::revocation::{Cutoff, Kind};
use symbolon_core::realm::RealmId;
use symbolon_core::store::StoredRevocation;

use crate::Shared;
use crate::world::{fails, id, later, populate, populate_realm, revocation, revoking};

const fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

async fn write(store: &Shared, realm: &RealmId, revocations: Vec<RevocationWrite>) {
    store.insert_revocations(realm, &revoking(revocations)).await.unwrap();
}

async fn all(store: &Shared, realm: &RealmId) -> Vec<StoredRevocation> {
    store.list_revocations(realm, 0).await.unwrap()
}

async fn cutoff(store: &Shared, realm: &RealmId, kind: Kind, id: &str) -> Option<Cutoff> {
    let found = all(store, realm).await;
    let mut found = found.into_iter().filter(|found| (found.kind, found.id.as_str()) == (kind, id));
    let first = found.next();
    assert_eq!(found.next(), None, "a subject has one revocation");
    first.map(|found| found.cutoff)
}

pub(crate) async fn movements(store: Shared) {
    let realm = populate(&*store).await;
    let steps = [
        (Movement::Close(at(5)), Some(at(1)), None),
        (Movement::Before(at(10)), Some(at(1)), Some(Cutoff::Before(10))),
        (Movement::Before(at(7)), None, Some(Cutoff::Before(10))),
        (Movement::Close(at(50)), None, Some(Cutoff::Before(10))),
        (Movement::Before(at(20)), None, Some(Cutoff::Before(20))),
        (Movement::Open, None, Some(Cutoff::Open)),
        (Movement::Before(at(i64::MAX)), None, Some(Cutoff::Open)),
        (Movement::Open, None, Some(Cutoff::Open)),
        (Movement::Close(at(30)), None, Some(Cutoff::Before(30))),
        (Movement::Close(at(40)), None, Some(Cutoff::Before(30))),
        (Movement::Open, None, Some(Cutoff::Open)),
    ];
    for (movement, forget_after, expected) in steps {
        write(&store, &realm, vec![revocation(Kind::Client, "c", movement, forget_after)]).await;
        assert_eq!(cutoff(&store, &realm, Kind::Client, "c").await, expected, "{movement:?}");
    }
    for kind in
        [Kind::Realm, Kind::Organization, Kind::Licence, Kind::AccessKey, Kind::User, Kind::SigningKey]
    {
        write(&store, &realm, vec![revocation(kind, "c", Movement::Before(at(3)), None)]).await;
        assert_eq!(cutoff(&store, &realm, kind, "c").await, Some(Cutoff::Before(3)));
    }
    assert_eq!(cutoff(&store, &realm, Kind::Client, "c").await, Some(Cutoff::Open));
    let everything = Movement::Before(at(i64::MAX));
    write(&store, &realm, vec![revocation(Kind::Client, "d", everything, None)]).await;
    write(&store, &realm, vec![revocation(Kind::Client, "d", Movement::Close(at(1)), None)]).await;
    let found = cutoff(&store, &realm, Kind::Client, "d").await.unwrap();
    assert!(found > Cutoff::Before(1) && found < Cutoff::Open, "a moment is never an open revocation");
}

/// What the store is held against: a subject's cutoff, and when it is forgotten.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Model(Option<(Cutoff, Option<i64>)>);

impl Model {
    fn apply(&mut self, movement: Movement, forget: Option<i64>) {
        let (further, forget) = match (movement, self.0) {
            (Movement::Close(at), Some((Cutoff::Open, _))) => {
                self.0 = Some((Cutoff::Before(at.millis()), forget));
                return;
            }
            (Movement::Close(_), _) => return,
            (Movement::Gone, _) => {
                self.0 = Some((Cutoff::Open, forget));
                return;
            }
            (Movement::Open, _) => (Cutoff::Open, forget),
            (Movement::Before(at), _) => (Cutoff::Before(at.millis()), forget),
        };
        self.0 = Some(match self.0 {
            None => (further, forget),
            Some((cutoff, kept)) => {
                (cutoff.max(further), kept.zip(forget).map(|(one, other)| one.max(other)))
            }
        });
    }
}

fn movement() -> impl Strategy<Value = Movement> {
    prop_oneof![
        Just(Movement::Open),
        Just(Movement::Gone),
        (0_i64..100).prop_map(|millis| Movement::Before(at(millis))),
        (0_i64..100).prop_map(|millis| Movement::Close(at(millis))),
    ]
}

/// The values of a strategy, without shrinking: a failure prints its case.
pub(crate) fn cases<S: Strategy>(strategy: S, count: usize) -> Vec<S::Value> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

pub(crate) async fn model(store: Shared) {
    let step = (movement(), proptest::option::of(0_i64..100));
    let strategy = (proptest::collection::vec(step, 1..8), 0_i64..110);
    let realms = [populate(&*store).await, populate_realm(&*store, "s").await];
    for (number, (steps, now)) in cases(strategy, 150).into_iter().enumerate() {
        let (realm, name) = (&realms[number % 2], format!("case {number}"));
        let mut model = Model::default();
        // Half of the cases are one change with many movements.
        let writes: Vec<_> = steps
            .iter()
            .map(|(movement, forget)| revocation(Kind::User, &name, *movement, forget.map(at)))
            .collect();
        for (movement, forget) in &steps {
            model.apply(*movement, *forget);
        }
        if number % 4 < 2 {
            write(&store, realm, writes).await;
        } else {
            for step in writes {
                write(&store, realm, vec![step]).await;
            }
        }
        let found = cutoff(&store, realm, Kind::User, &name).await;
        assert_eq!(found, model.0.map(|(cutoff, _)| cutoff), "{steps:?}");
        let forgotten = model.0.is_some_and(|(_, forget)| forget.is_some_and(|forget| forget < now));
        store.forget_revocations(realm, at(now)).await.unwrap();
        let left = cutoff(&store, realm, Kind::User, &name).await;
        assert_eq!(left.is_none(), forgotten || model.0.is_none(), "forgetting at {now}: {steps:?}");
    }
}

pub(crate) async fn greatest(store: Shared) {
    let realm = populate(&*store).await;
    let reach = proptest::option::weighted(0.8, 0_i64..100);
    for (number, reaches) in cases(proptest::collection::vec(reach, 1..8), 60).into_iter().enumerate() {
        let writes = |name: &str| -> Vec<_> {
            let movement = |reach: &Option<i64>| reach.map_or(Movement::Open, |t| Movement::Before(at(t)));
            reaches.iter().map(|reach| revocation(Kind::Client, name, movement(reach), None)).collect()
        };
        let (forwards, backwards) = (format!("f{number}"), format!("b{number}"));
        write(&store, &realm, writes(&forwards)).await;
        let mut reversed = writes(&backwards);
        reversed.reverse();
        write(&store, &realm, reversed).await;
        let expected = reaches.iter().map(|reach| reach.map_or(Cutoff::Open, Cutoff::Before)).max();
        for name in [forwards, backwards] {
            assert_eq!(cutoff(&store, &realm, Kind::Client, &name).await, expected, "{reaches:?}");
        }
    }
}

pub(crate) async fn listed(store: Shared) {
    let realm = populate(&*store).await;
    let start = store.last_change().await.unwrap();
    let names = async |after| -> Vec<String> {
        let found = store.list_revocations(&realm, after).await.unwrap();
        found.into_iter().map(|found| found.id).collect()
    };
    for name in ["a", "b", "c"] {
        write(&store, &realm, vec![revocation(Kind::Client, name, Movement::Open, None)]).await;
    }
    assert_eq!(names(start).await, ["a", "b", "c"]);
    assert_eq!(names(start + 1).await, ["b", "c"]);
    write(&store, &realm, vec![revocation(Kind::Client, "a", Movement::Close(at(1)), None)]).await;
    assert_eq!(names(start + 3).await, ["a"], "what moves is listed again");
    write(&store, &realm, vec![revocation(Kind::Client, "a", Movement::Close(at(2)), None)]).await;
    assert_eq!(names(start + 4).await, Vec::<String>::new(), "what does not move is not");
    assert_eq!(names(start + 100).await, Vec::<String>::new());

    let everything = all(&store, &realm).await;
    assert!(everything.len() >= 3);
    let elsewhere = populate_realm(&*store, "s").await;
    assert!(all(&store, &elsewhere).await.iter().all(|found| found.id.starts_with("mark of")));
    let marks = revoking(vec![revocation(Kind::Client, "x", Movement::Open, None)]);
    assert_eq!(fails(&*store, store.insert_revocations(&id("nowhere"), &marks)).await, "NotFound");
}

pub(crate) async fn forgotten(store: Shared) {
    let realm = populate(&*store).await;
    let elsewhere = populate_realm(&*store, "s").await;
    let marks = all(&store, &realm).await.len();
    let before = |name, forget| revocation(Kind::Client, name, Movement::Before(at(1)), forget);
    for realm in [&realm, &elsewhere] {
        let writes = vec![
            before("soon", Some(at(100))),
            before("later", Some(at(200))),
            before("never", None),
            revocation(Kind::Client, "open", Movement::Open, None),
        ];
        write(&store, realm, writes).await;
    }
    assert_eq!(store.forget_revocations(&realm, at(100)).await.unwrap(), 0);
    assert_eq!(store.forget_revocations(&realm, at(101)).await.unwrap(), 1);
    assert_eq!(cutoff(&store, &realm, Kind::Client, "soon").await, None);
    assert_eq!(store.forget_revocations(&realm, at(i64::MAX)).await.unwrap(), 1);
    assert_eq!(all(&store, &realm).await.len(), marks + 2);
    assert_eq!(cutoff(&store, &elsewhere, Kind::Client, "soon").await, Some(Cutoff::Before(1)));

    write(&store, &realm, vec![revocation(Kind::Client, "open", Movement::Close(at(9)), Some(at(300)))])
        .await;
    assert_eq!(store.forget_revocations(&realm, at(300)).await.unwrap(), 0);
    assert_eq!(store.forget_revocations(&realm, at(301)).await.unwrap(), 1);
}

fn token(jti: &str, forget_after: Timestamp) -> RevocationWrite {
    revocation(Kind::Token, jti, Movement::Before(later(0)), Some(forget_after))
}

/// What single tokens of a client collapse into. Its moment is its own, not that of the change.
pub(crate) fn whole(client: &str) -> RevocationWrite {
    revocation(Kind::Client, client, Movement::Before(later(7)), Some(later(5000)))
}

pub(crate) async fn collapse(store: Shared) {
    let realm = populate(&*store).await;
    let revoke = async |tokens: Vec<RevocationWrite>, most| {
        store.revoke_tokens(&realm, most, &whole("c"), &revoking(tokens)).await.unwrap();
    };
    let tokens = async || {
        let found = all(&store, &realm).await;
        found.into_iter().filter(|found| found.kind == Kind::Token).count()
    };
    // Those that are past their end do not count.
    revoke(vec![token("dead", later(-1))], 3).await;
    revoke(vec![token("t1", later(100)), token("t2", later(100))], 3).await;
    revoke(vec![token("t1", later(100))], 3).await;
    revoke(vec![token("t3", later(100))], 3).await;
    assert_eq!(tokens().await, 4);
    assert_eq!(cutoff(&store, &realm, Kind::Client, "c").await, None);

    let before = store.last_change().await.unwrap();
    revoke(vec![token("t4", later(100))], 3).await;
    assert_eq!(tokens().await, 0);
    assert_eq!(cutoff(&store, &realm, Kind::Client, "c").await, Some(Cutoff::Before(later(7).millis())));
    assert_eq!(store.last_change().await.unwrap(), before + 1, "one change, one number");
    let moved = store.list_revocations(&realm, before).await.unwrap();
    assert_eq!(moved.iter().map(|found| found.kind).collect::<Vec<_>>(), [Kind::Client]);
    store.forget_revocations(&realm, later(5000)).await.unwrap();
    assert!(cutoff(&store, &realm, Kind::Client, "c").await.is_some());
    store.forget_revocations(&realm, later(5001)).await.unwrap();
    assert!(cutoff(&store, &realm, Kind::Client, "c").await.is_none());

    // A client whose revocation is open keeps it so.
    write(&store, &realm, vec![revocation(Kind::Client, "c", Movement::Open, None)]).await;
    revoke(vec![token("t5", later(100))], 0).await;
    assert_eq!(tokens().await, 0);
    assert_eq!(cutoff(&store, &realm, Kind::Client, "c").await, Some(Cutoff::Open));
}

pub(crate) async fn counted_alone(store: Shared) {
    let realm = populate(&*store).await;
    let elsewhere = populate_realm(&*store, "s").await;
    for (realm, client, jti) in [(&realm, "c", "t1"), (&realm, "d", "t2"), (&elsewhere, "c", "t1")] {
        let change = revoking(vec![token(jti, later(100))]);
        store.revoke_tokens(realm, 1, &whole(client), &change).await.unwrap();
    }
    assert_eq!(cutoff(&store, &realm, Kind::Client, "c").await, None);
    let change = revoking(vec![token("t3", later(100))]);
    store.revoke_tokens(&realm, 1, &whole("c"), &change).await.unwrap();
    assert!(cutoff(&store, &realm, Kind::Client, "c").await.is_some());
    assert_eq!(cutoff(&store, &realm, Kind::Client, "d").await, None);
    assert_eq!(cutoff(&store, &realm, Kind::Token, "t1").await, None);
    assert!(cutoff(&store, &realm, Kind::Token, "t2").await.is_some());
    assert!(cutoff(&store, &elsewhere, Kind::Token, "t1").await.is_some());
    assert_eq!(cutoff(&store, &elsewhere, Kind::Client, "c").await, None);
}
