//! Promises about refusals.

use symbolon_core::record::RefusalRecord;

use crate::Shared;
use crate::world::{id, later};

pub(crate) fn refusal(seconds: i64, request: &str) -> RefusalRecord {
    RefusalRecord {
        at: later(seconds),
        request_id: request.to_owned(),
        realm: id("r"),
        endpoint: "token".to_owned(),
        error: "invalid_client".to_owned(),
        reason: "wrong_secret".to_owned(),
        detail: "no key has that secret".to_owned(),
        unverified_client: Some("' OR \u{0} ä".to_owned()),
        client: Some(id("c")),
        organization: Some(id("o1")),
        access_key: None,
        audience: Some("https://a.example".to_owned()),
        from: "2001:db8::1".to_owned(),
        dropped_before: 7,
    }
}

pub(crate) async fn read_back(store: Shared) {
    store.append_refusals(&[]).await.unwrap();
    let first = [refusal(0, "one"), refusal(1, "two"), refusal(2, "one")];
    store.append_refusals(&first).await.unwrap();
    let bare = RefusalRecord { unverified_client: None, dropped_before: 0, ..refusal(1, "one") };
    store.append_refusals(std::slice::from_ref(&bare)).await.unwrap();
    let [one, two, three] = first;
    assert_eq!(store.find_refusals_by_request("one").await.unwrap(), [one, three, bare]);
    assert_eq!(store.find_refusals_by_request("two").await.unwrap(), [two]);
    assert_eq!(store.find_refusals_by_request("three").await.unwrap(), []);
}

pub(crate) async fn forgotten(store: Shared) {
    assert_eq!(store.forget_refusals(later(1000), 0).await.unwrap(), 0);
    let left = async |count: i64| -> Vec<i64> {
        let mut left = Vec::new();
        for number in 0..count {
            if !store.find_refusals_by_request(&number.to_string()).await.unwrap().is_empty() {
                left.push(number);
            }
        }
        left
    };
    // The last three are of one moment; the newest of them is the one that was written last.
    for (number, at) in [0, 1, 2, 3, 4, 4, 4].into_iter().enumerate() {
        store.append_refusals(&[refusal(at, &number.to_string())]).await.unwrap();
    }
    assert_eq!(store.forget_refusals(later(1), 100).await.unwrap(), 1);
    assert_eq!(left(7).await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(store.forget_refusals(later(0), 5).await.unwrap(), 1);
    assert_eq!(left(7).await, [2, 3, 4, 5, 6]);
    assert_eq!(store.forget_refusals(later(0), 2).await.unwrap(), 3);
    assert_eq!(left(7).await, [5, 6]);
    assert_eq!(store.forget_refusals(later(0), 2).await.unwrap(), 0);
    assert_eq!(store.forget_refusals(later(0), 0).await.unwrap(), 2);
    assert_eq!(left(7).await, Vec::<i64>::new());
}
