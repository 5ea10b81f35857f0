//! Promises about what is done with many clients at once.

use symbolon_core::access_key::AccessKey;
use symbolon_core::audit::SubjectKind;
use symbolon_core::store::{ClientWithKeys, NewClient, PageRequest};

use crate::Shared;
use crate::world::{add_client, add_key, audit, change, client, fails, id, key, populate, populate_realm};

fn new(organization: &str, name: &str, keys: &[&str]) -> NewClient {
    let keys = keys.iter().map(|id| (key(organization, name, id), change(SubjectKind::AccessKey, id)));
    NewClient {
        client: client(organization, name),
        change: change(SubjectKind::Client, name),
        keys: keys.collect(),
    }
}

pub(crate) async fn all_or_none(store: Shared) {
    let realm = populate(&*store).await;
    add_client(&*store, &realm, "o2", "taken").await;
    let before = store.last_change().await.unwrap();
    store.insert_clients(&realm, &[]).await.unwrap();
    assert_eq!(store.last_change().await.unwrap(), before, "nothing is no change");

    for (last, case) in [
        (new("o1", "taken", &[]), "Taken"),
        (new("o1", "c", &["a"]), "Taken"),
        (new("o1", "c", &["x", "y", "z"]), "Refused"),
        (new("nowhere", "c", &[]), "NotFound"),
    ] {
        let clients = [new("o1", "a", &["k"]), last];
        assert_eq!(fails(&*store, store.insert_clients(&realm, &clients)).await, case);
        assert_eq!(store.find_credential(&realm, "a").await.unwrap(), None);
    }

    let clients = [new("o1", "a", &["a1", "a2"]), new("o1", "b", &[]), new("o2", "c", &["c1"])];
    store.insert_clients(&realm, &clients).await.unwrap();
    for new in &clients {
        let keys: Vec<AccessKey> = new.keys.iter().map(|(key, _)| key.clone()).collect();
        let found = store.find_client(&realm, &new.client.organization, &new.client.id).await.unwrap();
        assert_eq!(found, Some(ClientWithKeys { client: new.client.clone(), keys }));
    }
    // One row of audit and one number for each of them, as if they had been added one after the other.
    let mut rows = audit(&*store, &realm, None).await;
    rows.retain(|row| row.sequence > before);
    let sequences: Vec<i64> = rows.iter().map(|row| row.sequence).collect();
    assert_eq!(sequences, (before + 1..=before + 6).collect::<Vec<_>>());
    let subjects: Vec<&str> = rows.iter().map(|row| row.subject_id.as_str()).collect();
    assert_eq!(subjects, ["a", "a1", "a2", "b", "c", "c1"]);
    assert_eq!(store.list_changes(before, 100).await.unwrap().len(), 6);
}

pub(crate) async fn pages_with_keys(store: Shared) {
    let realm = populate(&*store).await;
    add_client(&*store, &realm, "o2", "stranger").await;
    let mut expected = Vec::new();
    for number in 0..7 {
        let name = format!("c{number}");
        let client = add_client(&*store, &realm, "o1", &name).await;
        let mut keys = Vec::new();
        for key in 0..number % 3 {
            keys.push(add_key(&*store, &realm, "o1", &name, &format!("{name}-{key}")).await);
        }
        expected.push(ClientWithKeys { client, keys });
    }
    for limit in [1, 2, 3, 7, 1000] {
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let request = PageRequest { after, limit };
            let page = store.list_clients_with_keys(&realm, &id("o1"), &request).await.unwrap();
            assert!(page.items.len() <= usize::try_from(limit).unwrap());
            seen.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected, "{limit}");
    }
    let elsewhere = populate_realm(&*store, "s").await;
    for (realm, organization) in [(&realm, "nowhere"), (&elsewhere, "o1")] {
        let first = PageRequest::first();
        let page = store.list_clients_with_keys(realm, &id(organization), &first).await.unwrap();
        assert_eq!((page.items, page.next), (Vec::new(), None));
    }
}

pub(crate) async fn written_ids(store: Shared) {
    let realm = populate(&*store).await;
    for (client, keys) in [("c", ["a-b.c", "a_b_c"]), ("d", ["a-b-cd", "AXbXc"]), ("e", ["key", "k%y"])] {
        add_client(&*store, &realm, "o1", client).await;
        for name in keys {
            add_key(&*store, &realm, "o1", client, name).await;
        }
    }
    let elsewhere = populate_realm(&*store, "s").await;
    let written = async |realm, id: &str| {
        let found = store.list_access_keys_written(realm, id).await.unwrap();
        let mut ids: Vec<String> = found.iter().map(|key| key.id.to_string()).collect();
        ids.sort();
        ids
    };
    // Those that can be meant are among them; the secret says which is.
    let found = written(&realm, "a_b_c").await;
    assert!(found.contains(&"a-b.c".to_owned()) && found.contains(&"a_b_c".to_owned()), "{found:?}");
    assert!(!found.contains(&"a-b-cd".to_owned()), "{found:?}");
    assert_eq!(written(&realm, "key").await, ["key"]);
    for strange in ["", "%", "a%", "a-b.c", "k\\y", "k%y", "a\0", "é", "nothing"] {
        assert_eq!(written(&realm, strange).await, [""; 0], "{strange:?}");
    }
    assert_eq!(written(&elsewhere, "a_b_c").await, [""; 0]);
}
