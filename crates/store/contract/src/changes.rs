//! Promises about the change sequence.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use symbolon_core::audit::{Change, Subject, SubjectKind};
use symbolon_core::store::{ChangeEntry, NewClient};

use crate::Shared;
use crate::world::{change, client, id, later, policy, populate, populate_realm};

const WRITERS: i64 = 6;
const EACH: i64 = 10;

pub(crate) async fn in_order(store: Shared) {
    assert_eq!(store.last_change().await.unwrap(), 0);
    assert_eq!(store.list_changes(0, 10).await.unwrap(), []);
    let realm = populate(&*store).await;
    let start = store.last_change().await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let watcher = tokio::spawn(watch(store.clone(), start, Arc::clone(&done)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, realm) = (store.clone(), realm.clone());
            tokio::spawn(async move {
                for number in 0..EACH {
                    let name = format!("p-{writer}-{number}");
                    let change = change(SubjectKind::Policy, &name);
                    store.insert_policy(&realm, &policy(&name), &change).await.unwrap();
                    // Every other attempt fails, and must leave no gap.
                    store.insert_policy(&realm, &policy(&name), &change).await.unwrap_err();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    done.store(true, Ordering::SeqCst);
    let seen = watcher.await.unwrap();
    assert_eq!(seen, (start + 1..=start + WRITERS * EACH).collect::<Vec<_>>());
    assert_eq!(store.last_change().await.unwrap(), start + WRITERS * EACH);
}

/// Follows the sequence as a node does, and answers the numbers in the order in which they were seen.
async fn watch(store: Shared, mut after: i64, done: Arc<AtomicBool>) -> Vec<i64> {
    let mut seen = Vec::new();
    loop {
        let last_round = done.load(Ordering::SeqCst);
        let last = store.last_change().await.unwrap();
        let entries = store.list_changes(after, 7).await.unwrap();
        assert!(last <= after || !entries.is_empty(), "a number was promised and is not there");
        for entry in &entries {
            assert_eq!(entry.sequence, after + 1);
            after = entry.sequence;
            seen.push(entry.sequence);
        }
        if last_round && entries.is_empty() {
            return seen;
        }
        tokio::task::yield_now().await;
    }
}

pub(crate) async fn forgotten(store: Shared) {
    let realm = populate(&*store).await;
    let start = store.last_change().await.unwrap();
    let at = async |name: &str, minute: i64| {
        let change = Change { at: later(minute), ..change(SubjectKind::Policy, name) };
        store.insert_policy(&realm, &policy(name), &change).await.unwrap();
    };
    // The clock was set back in between.
    for (name, minute) in [("a", 1), ("b", 2), ("c", 9), ("d", 3), ("e", 10)] {
        at(name, minute).await;
    }
    let left = async || -> Vec<i64> {
        let entries = store.list_changes(0, 1000).await.unwrap();
        entries.iter().map(|entry| entry.sequence - start).collect()
    };
    store.forget_changes(later(1)).await.unwrap();
    assert_eq!(left().await, [1, 2, 3, 4, 5]);
    assert_eq!(store.forget_changes(later(5)).await.unwrap(), 2);
    assert_eq!(left().await, [3, 4, 5], "what is left has no gap");
    assert_eq!(store.forget_changes(later(5)).await.unwrap(), 0);
    // Whatever the time, the last one stays, and numbers go on.
    assert_eq!(store.forget_changes(later(100)).await.unwrap(), 2);
    assert_eq!(left().await, [5]);
    assert_eq!(store.forget_changes(later(100)).await.unwrap(), 0);
    at("f", 11).await;
    assert_eq!((left().await, store.last_change().await.unwrap()), (vec![5, 6], start + 6));
    // More than are removed at once.
    let many = (0..1100).map(|number| {
        let name = format!("many-{number}");
        let change = Change { at: later(12), ..change(SubjectKind::Client, &name) };
        NewClient { client: client("o1", &name), change, keys: Vec::new() }
    });
    store.insert_clients(&realm, &many.collect::<Vec<_>>()).await.unwrap();
    assert_eq!(store.forget_changes(later(100)).await.unwrap(), 1101);
    assert_eq!(left().await, [1106]);
}

pub(crate) async fn entries(store: Shared) {
    let realm = populate(&*store).await;
    populate_realm(&*store, "s").await;
    let start = store.last_change().await.unwrap();
    let subject = Subject::new(SubjectKind::AccessKey, "k").under("c").of(&id("o1"));
    let first = Change { subject, ..change(SubjectKind::AccessKey, "k") };
    store.insert_revocations(&realm, &first).await.unwrap();
    store.insert_revocations(&id("s"), &change(SubjectKind::SigningKey, "kid")).await.unwrap();
    let expected = [
        ChangeEntry {
            sequence: start + 1,
            realm,
            kind: SubjectKind::AccessKey,
            cached_under: "c".to_owned(),
        },
        ChangeEntry {
            sequence: start + 2,
            realm: id("s"),
            kind: SubjectKind::SigningKey,
            cached_under: "kid".to_owned(),
        },
    ];
    assert_eq!(store.list_changes(start, 10).await.unwrap(), expected);
    assert_eq!(store.list_changes(start, 1).await.unwrap(), expected[..1]);
    assert_eq!(store.list_changes(start + 1, 10).await.unwrap(), expected[1..]);
    assert_eq!(store.list_changes(start + 2, 10).await.unwrap(), []);
}
