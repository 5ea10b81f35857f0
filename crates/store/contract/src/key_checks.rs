//! Promises about key checks.

use symbolon_core::key_check::KeyKind;

use crate::Shared;

pub(crate) async fn first_stays(store: Shared) {
    let find = async |kind, name| store.find_key_check(kind, name).await.unwrap();
    assert_eq!(find(KeyKind::Pepper, "1").await, None);
    store.insert_key_check(KeyKind::Pepper, "1", "a").await.unwrap();
    store.insert_key_check(KeyKind::Pepper, "1", "b").await.unwrap();
    store.insert_key_check(KeyKind::MasterKey, "1", "c").await.unwrap();
    assert_eq!(find(KeyKind::Pepper, "1").await.as_deref(), Some("a"));
    assert_eq!(find(KeyKind::MasterKey, "1").await.as_deref(), Some("c"));
    assert_eq!(find(KeyKind::MasterKey, "2").await, None);
}
