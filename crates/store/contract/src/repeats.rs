//! Requests that may be sent again make one thing all the same.

use symbolon_core::audit::{Change, RepeatKey, Repeated, SubjectKind};
use symbolon_core::id::RealmId;
use symbolon_core::store::StoreError;

use crate::Shared;
use crate::world::{NOW, change, client, later, populate, populate_realm};

fn called(change: Change, name: &str, request: &str) -> Change {
    let mut change = change;
    request.clone_into(&mut change.actor.request_id);
    change.actor.repeat =
        Some(RepeatKey { key: name.to_owned(), digest: "of what was asked for".to_owned() });
    change
}

pub(crate) async fn one(store: Shared) {
    let realm = populate(&*store).await;
    let other: RealmId = populate_realm(&*store, "s").await;
    let first = client("o1", "cr1");
    let made_by = called(change(SubjectKind::Client, "cr1"), "name", "req-1");
    assert_eq!(store.find_repeat(&realm, &made_by.actor).await.unwrap(), None);
    store.insert_client(&realm, &first, &made_by).await.unwrap();
    let made = Repeated {
        digest: "of what was asked for".to_owned(),
        subject_kind: SubjectKind::Client,
        subject_id: "cr1".to_owned(),
    };
    assert_eq!(store.find_repeat(&realm, &made_by.actor).await.unwrap(), Some(made.clone()));

    // What else the same request makes is made.
    let more = called(change(SubjectKind::Client, "cr2"), "name", "req-1");
    store.insert_client(&realm, &client("o1", "cr2"), &more).await.unwrap();
    assert_eq!(store.find_repeat(&realm, &more.actor).await.unwrap(), Some(made));

    // Another request of that name makes nothing.
    let again = called(change(SubjectKind::Client, "cr3"), "name", "req-2");
    let refused = store.insert_client(&realm, &client("o1", "cr3"), &again).await.unwrap_err();
    assert!(matches!(refused, StoreError::Refused(_)), "{refused:?}");
    assert!(store.find_credential(&realm, "cr3").await.unwrap().is_none());

    // The name is the caller's own, in its realm.
    let mut somebody = again.clone();
    "somebody else".clone_into(&mut somebody.actor.id);
    assert_eq!(store.find_repeat(&realm, &somebody.actor).await.unwrap(), None);
    assert_eq!(store.find_repeat(&other, &again.actor).await.unwrap(), None);
    store.insert_client(&realm, &client("o1", "cr3"), &somebody).await.unwrap();
}

pub(crate) async fn forgotten(store: Shared) {
    let realm = populate(&*store).await;
    let made_by = called(change(SubjectKind::Client, "cr1"), "name", "req-1");
    store.insert_client(&realm, &client("o1", "cr1"), &made_by).await.unwrap();
    store.forget_repeats(NOW).await.unwrap();
    assert!(store.find_repeat(&realm, &made_by.actor).await.unwrap().is_some());
    assert_eq!(store.forget_repeats(later(1)).await.unwrap(), 1);
    assert_eq!(store.find_repeat(&realm, &made_by.actor).await.unwrap(), None);
}
