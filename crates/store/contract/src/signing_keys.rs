//! Promises about signing keys.

use symbolon_core::audit::SubjectKind;
use symbolon_core::protocol::algorithm::Algorithm;
use symbolon_core::signing_key::{KeyState, StoredSigningKey};

use crate::Shared;
use crate::world::{NOW, case, change, fails, populate, signing_key};

fn turned(key: &StoredSigningKey, state: KeyState) -> StoredSigningKey {
    StoredSigningKey { state, active_at: Some(NOW), version: key.version + 1, ..key.clone() }
}

pub(crate) async fn steps(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::SigningKey, "a");
    let (active, pending) = (signing_key("a", KeyState::Active), signing_key("b", KeyState::Pending));
    store.rotate_signing_keys(&realm, Some(&active), &[], &change).await.unwrap();
    store.rotate_signing_keys(&realm, Some(&pending), &[], &change).await.unwrap();
    assert_eq!(store.list_signing_keys(&realm).await.unwrap(), [active.clone(), pending.clone()]);

    let (retired, now_active) = (turned(&active, KeyState::Retired), turned(&pending, KeyState::Active));
    let stale = StoredSigningKey { version: 3, ..now_active.clone() };
    assert_eq!(
        fails(&*store, store.rotate_signing_keys(&realm, None, &[retired.clone(), stale], &change)).await,
        "Stale"
    );
    let unknown = signing_key("x", KeyState::Active);
    assert_eq!(
        fails(&*store, store.rotate_signing_keys(&realm, None, &[retired.clone(), unknown], &change)).await,
        "NotFound"
    );
    assert_eq!(store.list_signing_keys(&realm).await.unwrap(), [active, pending]);

    let both = [retired.clone(), now_active.clone()];
    store.rotate_signing_keys(&realm, None, &both, &change).await.unwrap();
    assert_eq!(store.list_signing_keys(&realm).await.unwrap(), both);

    // In an emergency a new key signs at once, in the place of one that goes in the same step.
    let emergency = signing_key("c", KeyState::Active);
    let gone = turned(&now_active, KeyState::Retired);
    store.rotate_signing_keys(&realm, Some(&emergency), std::slice::from_ref(&gone), &change).await.unwrap();
    assert_eq!(store.list_signing_keys(&realm).await.unwrap(), [retired, gone, emergency]);
}

pub(crate) async fn same_step(store: Shared) {
    let realm = populate(&*store).await;
    let change_a = change(SubjectKind::SigningKey, "a");
    let tasks: Vec<_> = (0..4)
        .map(|node| {
            let (store, realm, change) = (store.clone(), realm.clone(), change_a.clone());
            tokio::spawn(async move {
                let key = signing_key(&format!("of node {node}"), KeyState::Active);
                store.rotate_signing_keys(&realm, Some(&key), &[], &change).await
            })
        })
        .collect();
    let mut added = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => added += 1,
            Err(error) => assert_eq!(case(&error), "Stale"),
        }
    }
    assert_eq!(added, 1);
    let others = [
        signing_key("p", KeyState::Pending),
        StoredSigningKey { algorithm: Algorithm::Rs256, ..signing_key("r", KeyState::Active) },
    ];
    for other in others {
        store.rotate_signing_keys(&realm, Some(&other), &[], &change_a).await.unwrap();
    }
    let taken = StoredSigningKey { algorithm: Algorithm::Ed25519, ..signing_key("p", KeyState::Active) };
    assert_eq!(
        fails(&*store, store.rotate_signing_keys(&realm, Some(&taken), &[], &change_a)).await,
        "Taken"
    );
}

pub(crate) async fn removed(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::SigningKey, "a");
    let key = signing_key("a", KeyState::Active);
    store.rotate_signing_keys(&realm, Some(&key), &[], &change).await.unwrap();
    assert_eq!(fails(&*store, store.delete_signing_key(&realm, "a", 2, &change)).await, "Stale");
    assert_eq!(fails(&*store, store.delete_signing_key(&realm, "b", 1, &change)).await, "NotFound");
    assert_eq!(store.list_signing_keys(&realm).await.unwrap(), [key]);
    store.delete_signing_key(&realm, "a", 1, &change).await.unwrap();
    assert_eq!(store.list_signing_keys(&realm).await.unwrap(), []);
}
