//! Promises about ids: unique together, also after their end (rules 6 and 9).

use std::collections::HashMap;

use symbolon_core::access_key::{AccessKey, KeyStatus};
use symbolon_core::audit::SubjectKind;
use symbolon_core::user::User;

use crate::Shared;
use crate::revocations::cases;
use crate::world::{add_client, add_key, change, client, fails, id, key, populate, populate_realm, user};

pub(crate) async fn unique(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::Client, "x");
    add_client(&*store, &realm, "o1", "c").await;
    add_client(&*store, &realm, "o2", "other").await;
    add_key(&*store, &realm, "o1", "c", "k").await;
    store.insert_user(&realm, &user(Some("o1"), "u"), &change).await.unwrap();
    store.insert_user(&realm, &user(None, "operator"), &change).await.unwrap();
    for taken in ["c", "k", "u", "operator", "other"] {
        for organization in ["o1", "o2"] {
            assert_eq!(
                fails(&*store, store.insert_client(&realm, &client(organization, taken), &change)).await,
                "Taken",
                "client {taken}"
            );
            let adding = User { email: "free@x".to_owned(), ..user(Some(organization), taken) };
            assert_eq!(
                fails(&*store, store.insert_user(&realm, &adding, &change)).await,
                "Taken",
                "user {taken}"
            );
        }
        for of in [key("o1", "c", taken), key("o2", "other", taken)] {
            assert_eq!(
                fails(&*store, store.insert_access_key(&realm, &of, &change)).await,
                "Taken",
                "key {taken}"
            );
        }
        let operator = User { email: "free@x".to_owned(), ..user(None, taken) };
        assert_eq!(
            fails(&*store, store.insert_user(&realm, &operator, &change)).await,
            "Taken",
            "operator {taken}"
        );
    }
}

pub(crate) async fn by_realm(store: Shared) {
    for name in ["r", "s"] {
        let realm = populate_realm(&*store, name).await;
        add_client(&*store, &realm, "o1", "c").await;
        add_key(&*store, &realm, "o1", "c", "k").await;
        let change = change(SubjectKind::User, "u");
        store.insert_user(&realm, &user(Some("o1"), "u"), &change).await.unwrap();
    }
    let change = change(SubjectKind::Client, "c");
    store.delete_client(&id("r"), &id("o1"), &id("c"), 1, &change).await.unwrap();
    assert!(store.find_credential(&id("s"), "k").await.unwrap().is_some());
    assert_eq!(fails(&*store, store.insert_client(&id("s"), &client("o1", "c"), &change)).await, "Taken");
}

pub(crate) async fn come_back(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::Client, "x");
    add_client(&*store, &realm, "o1", "c").await;
    add_client(&*store, &realm, "o1", "stays").await;
    add_client(&*store, &realm, "o2", "other").await;
    add_key(&*store, &realm, "o1", "c", "k1").await;
    let k2 = add_key(&*store, &realm, "o1", "c", "k2").await;
    let k2 = AccessKey { status: KeyStatus::Inactive, version: 2, ..k2 };
    store.update_access_key(&realm, &k2, &change).await.unwrap();
    store.delete_access_key(&realm, &id("o1"), &k2.id, 2, &change).await.unwrap();
    store.delete_client(&realm, &id("o1"), &id("c"), 1, &change).await.unwrap();

    for retired in ["c", "k1", "k2"] {
        assert_eq!(store.find_credential(&realm, retired).await.unwrap(), None);
        for organization in [Some("o1"), Some("o2"), None] {
            let user = User { email: "free@x".to_owned(), ..user(organization, retired) };
            assert_eq!(fails(&*store, store.insert_user(&realm, &user, &change)).await, "Taken");
        }
        assert_eq!(
            fails(&*store, store.insert_client(&realm, &client("o2", retired), &change)).await,
            "Taken",
            "client {retired} elsewhere"
        );
        assert_eq!(
            fails(&*store, store.insert_access_key(&realm, &key("o2", "other", retired), &change)).await,
            "Taken",
            "key {retired} elsewhere"
        );
    }
    assert_eq!(
        fails(&*store, store.insert_access_key(&realm, &key("o1", "stays", "c"), &change)).await,
        "Taken",
        "a client's id for a key"
    );
    assert_eq!(
        fails(&*store, store.insert_client(&realm, &client("o1", "k1"), &change)).await,
        "Taken",
        "a key's id for a client"
    );

    add_client(&*store, &realm, "o1", "c").await;
    add_key(&*store, &realm, "o1", "c", "k1").await;
    add_key(&*store, &realm, "o1", "stays", "k2").await;
    let found = store.find_credential(&realm, "k1").await.unwrap().unwrap();
    assert_eq!((found.client, found.keys), (client("o1", "c"), vec![key("o1", "c", "k1")]));
    assert_eq!(
        fails(&*store, store.insert_client(&realm, &client("o1", "c"), &change)).await,
        "Taken",
        "it is in use again"
    );
}

pub(crate) async fn stay_free(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::Client, "x");
    assert_eq!(
        fails(&*store, store.insert_client(&realm, &client("nowhere", "c"), &change)).await,
        "NotFound"
    );
    store.insert_user(&realm, &user(None, "u"), &change).await.unwrap();
    let same_email = User { email: "U@example.TEST".to_owned(), ..user(None, "k") };
    assert_eq!(fails(&*store, store.insert_user(&realm, &same_email, &change)).await, "Taken");
    add_client(&*store, &realm, "o2", "c").await;
    add_key(&*store, &realm, "o2", "c", "k").await;
}

/// What an id has been used for, and where; `alive` until it was deleted.
#[derive(Clone, Debug, PartialEq)]
struct Use {
    kind: &'static str,
    organization: &'static str,
    alive: bool,
}

/// The property of rule 9: in any order of making and deleting, an id is free if nothing ever had it, or if a thing of
/// the same kind in the same organization had it and is gone.
pub(crate) async fn model(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::Client, "x");
    let action = proptest::sample::select(vec!["insert client", "delete client", "insert user"]);
    let organization = proptest::sample::select(vec!["o1", "o2"]);
    let strategy = proptest::collection::vec((action, organization, 0_usize..3), 1..14);
    for (number, steps) in cases(strategy, 60).into_iter().enumerate() {
        let mut model: HashMap<usize, Use> = HashMap::new();
        for (action, organization, which) in steps {
            let name = format!("case {number} id {which}").replace(' ', "-");
            let known = model.get(&which).cloned();
            let free = |kind: &str| {
                known.as_ref().is_none_or(|known| {
                    !known.alive && known.kind == kind && known.organization == organization
                })
            };
            let (done, expected, after) = match action {
                "insert client" => {
                    let done =
                        store.insert_client(&realm, &client(organization, &name), &change).await.is_ok();
                    (done, free("client"), Use { kind: "client", organization, alive: true })
                }
                "insert user" => {
                    let user = User { email: format!("{name}@x"), ..user(Some(organization), &name) };
                    let done = store.insert_user(&realm, &user, &change).await.is_ok();
                    (done, free("user"), Use { kind: "user", organization, alive: true })
                }
                _ => {
                    let (id, of) = (id(&name), id(organization));
                    let done = store.delete_client(&realm, &of, &id, 1, &change).await.is_ok();
                    let alive = Use { kind: "client", organization, alive: true };
                    (done, known.as_ref() == Some(&alive), Use { alive: false, ..alive })
                }
            };
            assert_eq!(done, expected, "{action} {name} in {organization}, after {known:?}");
            if done {
                model.insert(which, after);
            }
        }
    }
}
