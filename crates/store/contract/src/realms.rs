//! Promises about realms.

use symbolon_core::audit::SubjectKind;
use symbolon_core::realm::{Realm, RealmSettings, Status};

use crate::Shared;
use crate::world::{change, fails, realm};

fn with_hosts(name: &str, hosts: &[&str]) -> Realm {
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    Realm { settings: RealmSettings { hosts, ..RealmSettings::default() }, ..realm(name) }
}

pub(crate) async fn read_back(store: Shared) {
    assert_eq!(store.list_realms().await.unwrap(), Vec::new());
    let change = change(SubjectKind::Realm, "x");
    let (b, mut a) = (realm("b"), realm("a"));
    store.insert_realm(&b, &change).await.unwrap();
    store.insert_realm(&a, &change).await.unwrap();
    a.status = Status::Disabled;
    a.settings.issuer = Some("https://sso.example".to_owned());
    a.settings.default_lifetime = 60;
    a.version = 2;
    store.update_realm(&a, &change).await.unwrap();
    assert_eq!(store.list_realms().await.unwrap(), [a, b]);
}

pub(crate) async fn stale(store: Shared) {
    let change = change(SubjectKind::Realm, "a");
    let a = realm("a");
    store.insert_realm(&a, &change).await.unwrap();
    assert_eq!(fails(&*store, store.insert_realm(&a, &change)).await, "Taken");
    for version in [1, 3, i64::MAX] {
        let changed = Realm { version, status: Status::Disabled, ..a.clone() };
        assert_eq!(fails(&*store, store.update_realm(&changed, &change)).await, "Stale");
    }
    let missing = Realm { version: 2, ..realm("b") };
    assert_eq!(fails(&*store, store.update_realm(&missing, &change)).await, "NotFound");
    assert_eq!(store.list_realms().await.unwrap(), [a]);
}

pub(crate) async fn hosts(store: Shared) {
    let change = change(SubjectKind::Realm, "x");
    store.insert_realm(&with_hosts("a", &["one.example", "two.example"]), &change).await.unwrap();
    let other = with_hosts("b", &["TWO.example"]);
    assert_eq!(fails(&*store, store.insert_realm(&other, &change)).await, "Taken");
    store.insert_realm(&with_hosts("b", &["b.example", "B.example", "b.example"]), &change).await.unwrap();
    let grabbing = Realm { version: 2, ..with_hosts("b", &["b.example", "one.example"]) };
    assert_eq!(fails(&*store, store.update_realm(&grabbing, &change)).await, "Taken");

    let giving = Realm { version: 2, ..with_hosts("a", &["two.example"]) };
    store.update_realm(&giving, &change).await.unwrap();
    store.update_realm(&grabbing, &change).await.unwrap();
    assert_eq!(store.list_realms().await.unwrap(), [giving, grabbing]);
}
