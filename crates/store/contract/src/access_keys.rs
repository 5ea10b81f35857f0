//! Promises about access keys (rule 7).

use symbolon_core::access_key::{AccessKey, KeyStatus};
use symbolon_core::audit::SubjectKind;

use crate::Shared;
use crate::world::{add_client, add_key, case, change, fails, id, key, populate};

fn inactive(key: AccessKey) -> AccessKey {
    AccessKey { status: KeyStatus::Inactive, version: key.version + 1, ..key }
}

pub(crate) async fn read_back(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::AccessKey, "k");
    add_client(&*store, &realm, "o1", "c").await;
    let k1 = inactive(add_key(&*store, &realm, "o1", "c", "k1").await);
    let k2 = add_key(&*store, &realm, "o1", "c", "k2").await;
    store.update_access_key(&realm, &k1, &change).await.unwrap();
    let keys = store.find_client(&realm, &id("o1"), &id("c")).await.unwrap().unwrap().keys;
    assert_eq!(keys, [k1, k2.clone()]);
    store.delete_access_key(&realm, &id("o1"), &id("k1"), 2, &change).await.unwrap();
    let keys = store.find_client(&realm, &id("o1"), &id("c")).await.unwrap().unwrap().keys;
    assert_eq!(keys, [k2]);
    assert_eq!(store.find_credential(&realm, "k1").await.unwrap(), None);
}

pub(crate) async fn stale(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::AccessKey, "k");
    add_client(&*store, &realm, "o1", "c").await;
    add_client(&*store, &realm, "o1", "d").await;
    let k = inactive(add_key(&*store, &realm, "o1", "c", "k").await);
    store.update_access_key(&realm, &k, &change).await.unwrap();
    for version in [1, 2, 4] {
        let changed = AccessKey { version, ..k.clone() };
        assert_eq!(fails(&*store, store.update_access_key(&realm, &changed, &change)).await, "Stale");
    }
    for version in [1, 3] {
        assert_eq!(
            fails(&*store, store.delete_access_key(&realm, &k.organization, &k.id, version, &change)).await,
            "Stale"
        );
    }
    for missing in [
        AccessKey { version: 3, ..key("o1", "c", "l") },
        AccessKey { version: 3, client: id("d"), ..k.clone() },
    ] {
        assert_eq!(fails(&*store, store.update_access_key(&realm, &missing, &change)).await, "NotFound");
    }
    assert_eq!(
        fails(&*store, store.delete_access_key(&realm, &k.organization, &id("l"), 1, &change)).await,
        "NotFound"
    );
    let orphan = key("o1", "nobody", "m");
    assert_eq!(fails(&*store, store.insert_access_key(&realm, &orphan, &change)).await, "NotFound");
    assert_eq!(store.find_credential(&realm, "k").await.unwrap().unwrap().keys, [k]);
}

pub(crate) async fn third(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::AccessKey, "k");
    add_client(&*store, &realm, "o1", "c").await;
    let mut keys = Vec::new();
    for name in ["k1", "k2"] {
        let key = inactive(add_key(&*store, &realm, "o1", "c", name).await);
        assert_eq!(
            fails(&*store, store.insert_access_key(&realm, &key, &change)).await,
            if name == "k1" { "Taken" } else { "Refused" }
        );
        store.update_access_key(&realm, &key, &change).await.unwrap();
        keys.push(key);
    }
    let third = key("o1", "c", "k3");
    assert_eq!(fails(&*store, store.insert_access_key(&realm, &third, &change)).await, "Refused");
    store.delete_access_key(&realm, &id("o1"), &id("k1"), 2, &change).await.unwrap();
    store.insert_access_key(&realm, &third, &change).await.unwrap();
    assert_eq!(store.find_credential(&realm, "c").await.unwrap().unwrap().keys, [keys.remove(1), third]);
}

pub(crate) async fn third_at_once(store: Shared) {
    let realm = populate(&*store).await;
    add_client(&*store, &realm, "o1", "c").await;
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let (store, realm) = (store.clone(), realm.clone());
            tokio::spawn(async move {
                let key = key("o1", "c", &format!("k{number}"));
                store.insert_access_key(&realm, &key, &change(SubjectKind::AccessKey, "k")).await
            })
        })
        .collect();
    let mut added = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => added += 1,
            Err(error) => assert_eq!(case(&error), "Refused"),
        }
    }
    assert_eq!(added, 2);
    assert_eq!(store.find_credential(&realm, "c").await.unwrap().unwrap().keys.len(), 2);
}

pub(crate) async fn active_stays(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::AccessKey, "k");
    add_client(&*store, &realm, "o1", "c").await;
    let k = add_key(&*store, &realm, "o1", "c", "k").await;
    assert_eq!(
        fails(&*store, store.delete_access_key(&realm, &k.organization, &k.id, 1, &change)).await,
        "Refused"
    );
    assert_eq!(store.find_credential(&realm, "k").await.unwrap().unwrap().keys, [k]);
}
