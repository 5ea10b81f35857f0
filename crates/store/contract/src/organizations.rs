//! Promises about organizations and licences.

use symbolon_core::audit::SubjectKind;
use symbolon_core::licence::Licence;
use symbolon_core::organization::Organization;
use symbolon_core::realm::{RealmId, Status};
use symbolon_core::store::{PageRequest, Store};

use crate::Shared;
use crate::world::{NOW, change, fails, id, later, licence, organization, populate};

pub(crate) async fn read_back(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::Organization, "o1");
    let mut changed = organization("o1");
    assert_eq!(store.find_organization(&realm, &changed.id).await.unwrap(), Some(changed.clone()));
    assert_eq!(fails(&*store, store.insert_organization(&realm, &changed, &change)).await, "Taken");
    changed.status = Status::Disabled;
    changed.metadata.clear();
    changed.version = 2;
    store.update_organization(&realm, &changed, &change).await.unwrap();
    assert_eq!(store.find_organization(&realm, &changed.id).await.unwrap(), Some(changed.clone()));
    assert_eq!(store.find_organization(&realm, &id("o3")).await.unwrap(), None);
    let page = store.list_organizations(&realm, &PageRequest::first()).await.unwrap();
    assert_eq!(page.items, [changed, organization("o2")]);
    assert_eq!(page.next, None);
}

pub(crate) async fn stale(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::Organization, "o1");
    for version in [1, 3] {
        let changed = Organization { version, ..organization("o1") };
        assert_eq!(fails(&*store, store.update_organization(&realm, &changed, &change)).await, "Stale");
    }
    let missing = Organization { version: 2, ..organization("o3") };
    assert_eq!(fails(&*store, store.update_organization(&realm, &missing, &change)).await, "NotFound");
    assert_eq!(store.find_organization(&realm, &id("o1")).await.unwrap(), Some(organization("o1")));
}

pub(crate) async fn licences_read_back(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::Licence, "l");
    let (b, mut a) = (licence("o1", "b"), licence("o1", "a"));
    for licence in [&b, &a, &licence("o2", "c")] {
        store.insert_licence(&realm, licence, &change).await.unwrap();
    }
    for taken in [licence("o1", "a"), licence("o2", "a")] {
        assert_eq!(fails(&*store, store.insert_licence(&realm, &taken, &change)).await, "Taken");
    }
    a.ends_at = None;
    a.version = 2;
    store.update_licence(&realm, &a, &change).await.unwrap();
    assert_eq!(store.list_licences(&realm, &id("o1")).await.unwrap(), [a.clone(), b]);
    licences_are_found_by_their_end(&*store, &realm).await;
    store.delete_licence(&realm, &id("o1"), &id("b"), 1, &change).await.unwrap();
    assert_eq!(store.list_licences(&realm, &id("o1")).await.unwrap(), [a]);
    assert_eq!(store.list_licences(&realm, &id("o2")).await.unwrap(), [licence("o2", "c")]);
    assert_eq!(store.list_licences(&realm, &id("o3")).await.unwrap(), []);
}

/// Those of the realm alone, the earliest first; what has no end is none of them.
async fn licences_are_found_by_their_end(store: &dyn Store, realm: &RealmId) {
    let change = change(SubjectKind::Licence, "l");
    let (end, before) = (later(1000), later(999));
    let early = Licence { ends_at: Some(later(500)), ..licence("o2", "early") };
    store.insert_licence(realm, &early, &change).await.unwrap();
    let ending = async |between, limit| {
        let all = store.list_licences_ending(realm, between, limit).await.unwrap();
        all.into_iter().map(|licence| licence.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ending((NOW, end), 10).await, ["early", "b", "c"]);
    assert_eq!(ending((NOW, end), 2).await, ["early", "b"]);
    assert_eq!(ending((NOW, before), 10).await, ["early"]);
    assert_eq!(ending((later(500), end), 10).await, ["b", "c"]);
    let other = store.list_licences_ending(&id("elsewhere"), (NOW, end), 10).await.unwrap();
    assert_eq!(other, []);
    store.delete_licence(realm, &id("o2"), &id("early"), 1, &change).await.unwrap();
}

pub(crate) async fn licences_stale(store: Shared) {
    let realm = populate(&*store).await;
    let change = change(SubjectKind::Licence, "l");
    let a = licence("o1", "a");
    store.insert_licence(&realm, &a, &change).await.unwrap();
    for version in [1, 3] {
        let changed = Licence { version, ..a.clone() };
        assert_eq!(fails(&*store, store.update_licence(&realm, &changed, &change)).await, "Stale");
    }
    assert_eq!(
        fails(&*store, store.delete_licence(&realm, &a.organization, &a.id, 2, &change)).await,
        "Stale"
    );
    let missing = Licence { version: 2, ..licence("o1", "b") };
    assert_eq!(fails(&*store, store.update_licence(&realm, &missing, &change)).await, "NotFound");
    assert_eq!(
        fails(&*store, store.delete_licence(&realm, &a.organization, &missing.id, 1, &change)).await,
        "NotFound"
    );
    assert_eq!(store.list_licences(&realm, &a.organization).await.unwrap(), [a]);
}
