//! Promises about clients.

use symbolon_core::audit::SubjectKind;
use symbolon_core::client::Client;
use symbolon_core::realm::Status;
use symbolon_core::store::{ClientWithKeys, PageRequest};

use crate::Shared;
use crate::world::{add_client, add_key, case, change, client, fails, id, populate, populate_realm};

pub(crate) async fn read_back(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::Client, "c1");
    let mut c1 = add_client(&*store, &realm, "o1", "c1").await;
    add_client(&*store, &realm, "o1", "c2").await;
    let keys = vec![
        add_key(&*store, &realm, "o1", "c1", "k1").await,
        add_key(&*store, &realm, "o1", "c1", "k2").await,
    ];
    c1.status = Status::Disabled;
    c1.settings.lifetime = None;
    c1.version = 2;
    store.update_client(&realm, &c1, &change).await.unwrap();
    let found = store.find_client(&realm, &c1.organization, &c1.id).await.unwrap();
    assert_eq!(found, Some(ClientWithKeys { client: c1.clone(), keys }));
    let page = store.list_clients(&realm, &c1.organization, &PageRequest::first()).await.unwrap();
    assert_eq!((page.items, page.next), (vec![c1.clone(), client("o1", "c2")], None));

    store.delete_client(&realm, &c1.organization, &c1.id, 2, &change).await.unwrap();
    assert_eq!(store.find_client(&realm, &c1.organization, &c1.id).await.unwrap(), None);
    for gone in ["c1", "k1", "k2"] {
        assert_eq!(store.find_credential(&realm, gone).await.unwrap(), None);
    }
    let page = store.list_clients(&realm, &c1.organization, &PageRequest::first()).await.unwrap();
    assert_eq!(page.items, [client("o1", "c2")]);
}

pub(crate) async fn stale(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::Client, "c");
    let c = add_client(&*store, &realm, "o1", "c").await;
    add_key(&*store, &realm, "o1", "c", "k").await;
    for version in [1, 3] {
        let changed = Client { version, ..c.clone() };
        assert_eq!(fails(&*store, store.update_client(&realm, &changed, &change)).await, "Stale");
    }
    assert_eq!(
        fails(&*store, store.delete_client(&realm, &c.organization, &c.id, 2, &change)).await,
        "Stale"
    );
    let missing = Client { version: 2, ..client("o1", "d") };
    assert_eq!(fails(&*store, store.update_client(&realm, &missing, &change)).await, "NotFound");
    assert_eq!(
        fails(&*store, store.delete_client(&realm, &c.organization, &missing.id, 1, &change)).await,
        "NotFound"
    );
    let found = store.find_credential(&realm, "k").await.unwrap().unwrap();
    assert_eq!((found.client, found.keys.len()), (c, 1));
}

pub(crate) async fn one_at_a_time(store: Shared) {
    let realm = populate(&*store).await;
    let c = add_client(&*store, &realm, "o1", "c").await;
    let before = store.last_change().await.unwrap();
    let tasks: Vec<_> = (0..6)
        .map(|lifetime| {
            let (store, realm) = (store.clone(), realm.clone());
            let mut changed = Client { version: 2, ..c.clone() };
            changed.settings.lifetime = Some(lifetime);
            tokio::spawn(async move {
                store.update_client(&realm, &changed, &change(SubjectKind::Client, "c")).await
            })
        })
        .collect();
    let mut succeeded = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(()) => succeeded += 1,
            Err(error) => assert_eq!(case(&error), "Stale"),
        }
    }
    assert_eq!(succeeded, 1);
    assert_eq!(store.last_change().await.unwrap(), before + 1);
}

pub(crate) async fn credentials(store: Shared) {
    let realm = populate(&*store).await;
    let c = add_client(&*store, &realm, "o1", "c").await;
    let without = add_client(&*store, &realm, "o2", "d").await;
    let keys = vec![
        add_key(&*store, &realm, "o1", "c", "k1").await,
        add_key(&*store, &realm, "o1", "c", "k2").await,
    ];
    let whole = ClientWithKeys { client: c, keys };
    // Elsewhere the same id is a key's.
    let elsewhere = populate_realm(&*store, "s").await;
    add_client(&*store, &elsewhere, "o1", "d").await;
    add_key(&*store, &elsewhere, "o1", "d", "c").await;
    for name in ["c", "k1", "k2"] {
        assert_eq!(store.find_credential(&realm, name).await.unwrap().as_ref(), Some(&whole), "{name}");
    }
    let bare = ClientWithKeys { client: without, keys: Vec::new() };
    assert_eq!(store.find_credential(&realm, "d").await.unwrap(), Some(bare));
    for missing in ["C", "k", "k3", "", "c ", "o1", "%", "c%"] {
        assert_eq!(store.find_credential(&realm, missing).await.unwrap(), None, "{missing}");
    }
    assert_eq!(store.find_credential(&id("other"), "c").await.unwrap(), None);
}
