//! Promises about links that can be used once.

use std::sync::Arc;

use symbolon_core::audit::SubjectKind;
use symbolon_core::clock::Timestamp;
use symbolon_core::edit::link::{Link, LinkPurpose};
use symbolon_core::realm::RealmId;
use symbolon_core::secret::SecretHash;
use symbolon_core::store::{Store, StoreError};
use symbolon_core::user::User;

use crate::Shared;
use crate::world::{NOW, change, fails, id, later, populate, populate_realm, tag, user};

fn link(name: &str, user: Option<&str>, expires_at: Timestamp) -> Link {
    Link {
        id: id(name),
        realm: id("r"),
        purpose: if user.is_some() { LinkPurpose::Invitation } else { LinkPurpose::FirstOperator },
        user: user.map(id),
        replaces: user.map(|_| "b2xk".to_owned()),
        secret: SecretHash { pepper: "p1".into(), hmac: tag(name) },
        created_at: NOW,
        expires_at,
    }
}

async fn put(store: &dyn Store, link: &Link) {
    store.put_link(link, &change(SubjectKind::User, "u")).await.unwrap();
}

async fn people(store: &dyn Store) -> RealmId {
    let realm = populate(store).await;
    for name in ["u", "v"] {
        store.insert_user(&realm, &user(Some("o1"), name), &change(SubjectKind::User, name)).await.unwrap();
    }
    realm
}

pub(crate) async fn read_back(store: Shared) {
    people(&*store).await;
    populate_realm(&*store, "s").await;
    let (of_u, of_v, first) =
        (link("l1", Some("u"), later(60)), link("l2", Some("v"), later(60)), link("l3", None, later(60)));
    let elsewhere = Link { realm: id("s"), ..link("l4", None, later(60)) };
    for link in [&of_u, &of_v, &first, &elsewhere] {
        put(&*store, link).await;
        assert_eq!(store.find_link(&link.id).await.unwrap().as_ref(), Some(link));
    }
    for (name, user) in [("l5", Some("u")), ("l6", None)] {
        put(&*store, &link(name, user, later(90))).await;
    }
    for (name, there) in
        [("l1", false), ("l2", true), ("l3", false), ("l4", true), ("l5", true), ("l6", true)]
    {
        assert_eq!(store.find_link(&id(name)).await.unwrap().is_some(), there, "{name}");
    }
    let nowhere = Link { realm: id("nowhere"), ..link("l7", None, later(60)) };
    assert_eq!(fails(&*store, store.put_link(&nowhere, &change(SubjectKind::User, "u"))).await, "NotFound");
}

pub(crate) async fn once(store: Shared) {
    let realm = people(&*store).await;
    let c = change(SubjectKind::User, "u");
    let of_u = link("l1", Some("u"), later(60));
    put(&*store, &of_u).await;
    let after = User { email: "changed@example.test".to_owned(), version: 2, ..user(Some("o1"), "u") };
    // A user who was changed meanwhile keeps the link alive.
    let stale = User { version: 3, ..after.clone() };
    assert_eq!(fails(&*store, store.accept_link(&of_u, &stale, &c)).await, "Stale");
    // A link of another user or realm is none.
    let others = Link { user: Some(id("v")), ..of_u.clone() };
    assert_eq!(fails(&*store, store.accept_link(&others, &after, &c)).await, "NotFound");
    let elsewhere = Link { realm: id("s"), ..of_u.clone() };
    assert_eq!(fails(&*store, store.accept_link(&elsewhere, &after, &c)).await, "NotFound");
    store.accept_link(&of_u, &after, &c).await.unwrap();
    assert_eq!(store.find_link(&of_u.id).await.unwrap(), None);
    assert_eq!(store.find_user(&realm, None, &after.id).await.unwrap(), Some(after.clone()));
    let again = User { version: 3, ..after };
    assert_eq!(fails(&*store, store.accept_link(&of_u, &again, &c)).await, "NotFound");

    let first = link("l2", None, later(60));
    put(&*store, &first).await;
    let taken = User { email: "V@example.test".to_owned(), ..user(None, "new") };
    assert_eq!(fails(&*store, store.accept_link(&first, &taken, &c)).await, "Taken");
    store.accept_link(&first, &user(None, "new"), &c).await.unwrap();
    assert_eq!(store.find_user(&realm, None, &id("new")).await.unwrap(), Some(user(None, "new")));
}

pub(crate) async fn once_at_once(store: Shared) {
    let realm = people(&*store).await;
    let first = link("l1", None, later(60));
    put(&*store, &first).await;
    let accepting: Vec<_> = (0..8)
        .map(|number| {
            let (store, first) = (Arc::clone(&store), first.clone());
            tokio::spawn(async move {
                let user = user(None, &format!("new{number}"));
                store.accept_link(&first, &user, &change(SubjectKind::User, "u")).await
            })
        })
        .collect();
    let mut accepted = 0;
    for one in accepting {
        let answer = one.await.unwrap();
        assert!(matches!(answer, Ok(()) | Err(StoreError::NotFound)), "{answer:?}");
        accepted += usize::from(answer.is_ok());
    }
    assert_eq!(accepted, 1);
    let page = symbolon_core::store::PageRequest::first();
    assert_eq!(store.list_users(&realm, None, &page).await.unwrap().items.len(), 1);
}

pub(crate) async fn forgotten(store: Shared) {
    people(&*store).await;
    put(&*store, &link("l1", Some("u"), later(60))).await;
    put(&*store, &link("l2", Some("v"), later(61))).await;
    let before = store.last_change().await.unwrap();
    assert_eq!(store.forget_links(later(60)).await.unwrap(), 0);
    assert_eq!(store.forget_links(later(61)).await.unwrap(), 1);
    assert_eq!(store.last_change().await.unwrap(), before, "forgetting is no change");
    assert!(store.find_link(&id("l1")).await.unwrap().is_none());
    assert!(store.find_link(&id("l2")).await.unwrap().is_some());
}
