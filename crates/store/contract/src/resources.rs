//! Promises about resource servers and policies.

use symbolon_core::audit::SubjectKind;
use symbolon_core::policy::Policy;
use symbolon_core::realm::Status;
use symbolon_core::resource_server::ResourceServer;

use crate::Shared;
use crate::world::{change, fails, id, policy, populate, server};

pub(crate) async fn servers_read_back(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::ResourceServer, "x");
    let (b, mut a) = (server("https://b.example"), server("https://a.example/"));
    store.insert_resource_server(&realm, &b, &change).await.unwrap();
    store.insert_resource_server(&realm, &a, &change).await.unwrap();
    a.status = Status::Disabled;
    a.settings.requires_licence = true;
    a.version = 2;
    store.update_resource_server(&realm, &a, &change).await.unwrap();
    assert_eq!(store.list_resource_servers(&realm).await.unwrap(), [a, b]);
}

pub(crate) async fn servers_stale(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::ResourceServer, "x");
    let a = server("https://a.example");
    store.insert_resource_server(&realm, &a, &change).await.unwrap();
    for version in [1, 3, i64::MIN + 1] {
        let changed = ResourceServer { version, status: Status::Disabled, ..a.clone() };
        assert_eq!(fails(&*store, store.update_resource_server(&realm, &changed, &change)).await, "Stale");
    }
    let missing = ResourceServer { version: 2, ..server("https://b.example") };
    assert_eq!(fails(&*store, store.update_resource_server(&realm, &missing, &change)).await, "NotFound");
    assert_eq!(store.list_resource_servers(&realm).await.unwrap(), [a]);
}

pub(crate) async fn servers_taken(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::ResourceServer, "x");
    store.insert_resource_server(&realm, &server("https://a.example"), &change).await.unwrap();
    for taken in ["https://a.example", "https://a.example/"] {
        assert_eq!(
            fails(&*store, store.insert_resource_server(&realm, &server(taken), &change)).await,
            "Taken",
            "{taken}"
        );
    }
    for free in ["https://a.example//", "https://A.example", "https://a.example/v1"] {
        store.insert_resource_server(&realm, &server(free), &change).await.unwrap();
    }
}

pub(crate) async fn policies_read_back(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::Policy, "x");
    let (b, mut a) = (policy("b"), policy("a"));
    store.insert_policy(&realm, &b, &change).await.unwrap();
    store.insert_policy(&realm, &a, &change).await.unwrap();
    assert_eq!(fails(&*store, store.insert_policy(&realm, &b, &change)).await, "Taken");
    a = Policy { name: "other".to_owned(), version: 2, ..a };
    store.update_policy(&realm, &a, &change).await.unwrap();
    assert_eq!(store.list_policies(&realm).await.unwrap(), [a.clone(), b]);
    store.delete_policy(&realm, &id("b"), 1, &change).await.unwrap();
    assert_eq!(store.list_policies(&realm).await.unwrap(), [a]);
}

pub(crate) async fn policies_stale(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::Policy, "x");
    let a = Policy { version: 5, ..policy("a") };
    store.insert_policy(&realm, &a, &change).await.unwrap();
    for version in [4, 5, 7] {
        let changed = Policy { version, ..a.clone() };
        assert_eq!(fails(&*store, store.update_policy(&realm, &changed, &change)).await, "Stale");
    }
    for version in [4, 6] {
        assert_eq!(fails(&*store, store.delete_policy(&realm, &a.id, version, &change)).await, "Stale");
    }
    let missing = Policy { version: 6, ..policy("b") };
    assert_eq!(fails(&*store, store.update_policy(&realm, &missing, &change)).await, "NotFound");
    assert_eq!(fails(&*store, store.delete_policy(&realm, &missing.id, 5, &change)).await, "NotFound");
    assert_eq!(store.list_policies(&realm).await.unwrap(), [a]);
}
