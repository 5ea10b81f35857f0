//! Promises about users.

use symbolon_core::audit::SubjectKind;
use symbolon_core::realm::Status;
use symbolon_core::store::PageRequest;
use symbolon_core::user::{OperatorRole, User};

use crate::Shared;
use crate::world::{change, fails, id, populate, populate_realm, user};

pub(crate) async fn read_back(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::User, "u");
    let mut member = user(Some("o1"), "m");
    let operator = User { operator: Some(OperatorRole::Owner), password: None, ..user(None, "op") };
    for user in [&member, &operator, &user(Some("o2"), "n")] {
        store.insert_user(&realm, user, &change).await.unwrap();
    }
    member = User { status: Status::Disabled, email: "New@Example.test".to_owned(), version: 2, ..member };
    store.update_user(&realm, &member, &change).await.unwrap();

    let o1 = id("o1");
    assert_eq!(store.find_user(&realm, Some(&o1), &member.id).await.unwrap(), Some(member.clone()));
    assert_eq!(store.find_user(&realm, None, &member.id).await.unwrap(), Some(member.clone()));
    assert_eq!(store.find_user(&realm, None, &operator.id).await.unwrap(), Some(operator.clone()));
    assert_eq!(store.find_user(&realm, Some(&o1), &operator.id).await.unwrap(), None);
    assert_eq!(store.find_user_by_email(&realm, " nEW@example.TEST").await.unwrap(), Some(member.clone()));
    assert_eq!(store.find_user_by_email(&realm, "m@example.test").await.unwrap(), None);
    let page = store.list_users(&realm, Some(&o1), &PageRequest::first()).await.unwrap();
    assert_eq!((page.items, page.next), (vec![member], None));
    let page = store.list_users(&realm, None, &PageRequest::first()).await.unwrap();
    assert_eq!((page.items, page.next), (vec![operator], None));
}

pub(crate) async fn stale(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::User, "u");
    let users = [user(Some("o1"), "m"), user(None, "op")];
    for user in &users {
        store.insert_user(&realm, user, &change).await.unwrap();
        for version in [1, 3] {
            let changed = User { version, ..user.clone() };
            assert_eq!(fails(&*store, store.update_user(&realm, &changed, &change)).await, "Stale");
        }
    }
    let missing = User { version: 2, ..user(Some("o1"), "x") };
    assert_eq!(fails(&*store, store.update_user(&realm, &missing, &change)).await, "NotFound");
    for user in users {
        assert_eq!(store.find_user(&realm, None, &user.id).await.unwrap(), Some(user));
    }
}

pub(crate) async fn emails(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::User, "u");
    let ada = User { email: "Ada@Example.test".to_owned(), ..user(Some("o1"), "ada") };
    let bob = User { email: "bob@example.test".to_owned(), ..user(Some("o2"), "bob") };
    store.insert_user(&realm, &ada, &change).await.unwrap();
    store.insert_user(&realm, &bob, &change).await.unwrap();
    for email in ["ada@example.test", "ADA@EXAMPLE.TEST", " ada@example.test "] {
        let other = User { email: email.to_owned(), ..user(Some("o2"), "other") };
        assert_eq!(fails(&*store, store.insert_user(&realm, &other, &change)).await, "Taken");
        let changed = User { email: email.to_owned(), version: 2, ..bob.clone() };
        assert_eq!(fails(&*store, store.update_user(&realm, &changed, &change)).await, "Taken");
    }
    let same = User { email: "ADA@example.test".to_owned(), version: 2, ..ada };
    store.update_user(&realm, &same, &change).await.unwrap();
    let elsewhere = populate_realm(&*store, "s").await;
    store.insert_user(&elsewhere, &user(None, "ada"), &change).await.unwrap();
    assert_eq!(store.find_user_by_email(&realm, "ada@example.test").await.unwrap(), Some(same));
}

pub(crate) async fn stay(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::User, "u");
    let homes = [Some("o1"), None];
    for home in homes {
        let name = home.unwrap_or("op");
        store.insert_user(&realm, &user(home, name), &change).await.unwrap();
        for other in [Some("o1"), Some("o2"), None].into_iter().filter(|other| *other != home) {
            let moved = User { version: 2, ..user(other, name) };
            assert_eq!(fails(&*store, store.update_user(&realm, &moved, &change)).await, "NotFound");
        }
        assert_eq!(store.find_user(&realm, None, &id(name)).await.unwrap(), Some(user(home, name)));
    }
}
