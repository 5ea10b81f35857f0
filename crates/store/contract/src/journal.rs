//! Promises about the journal of tokens.

use symbolon_core::access_key::LastUse;
use symbolon_core::clock::Timestamp;
use symbolon_core::record::TokenRecord;

use crate::Shared;
use crate::world::{case, id, later};

/// A token of the key `k` of the client `c` of the organization `o1` in the realm `r`.
pub(crate) fn record(seconds: i64, jti: &str, request: &str) -> TokenRecord {
    TokenRecord {
        at: later(seconds),
        request_id: request.to_owned(),
        realm: id("r"),
        jti: jti.to_owned(),
        kid: "kid".to_owned(),
        client: Some(id("c")),
        access_key: Some(id("k")),
        user: None,
        organization: Some(id("o1")),
        audience: "https://a.example".to_owned(),
        scope: "read:a".to_owned(),
        expires_at: later(seconds + 3600),
        from: format!("192.0.2.{seconds}"),
    }
}

async fn uses(store: &Shared) -> i64 {
    let all = Timestamp::from_millis(i64::MAX);
    let hours = store.list_usage(&id("r"), &id("o1"), &id("c"), Timestamp::default(), all).await.unwrap();
    hours.iter().map(|(_, tokens)| tokens).sum()
}

pub(crate) async fn found(store: Shared) {
    let (one, two) = (record(0, "t1", "req"), record(1, "t2", "req"));
    let strange = "other ä\"\\\u{0}'".to_owned();
    let elsewhere = TokenRecord { realm: id("s"), scope: strange, ..record(2, "t1", "other ä\"\\'") };
    let password =
        TokenRecord { client: None, access_key: None, user: Some(id("u")), ..record(3, "t3", "by password") };
    store.append_tokens("b1", &[two.clone(), one.clone()]).await.unwrap();
    store.append_tokens("b2", &[elsewhere.clone(), password.clone()]).await.unwrap();
    store.append_tokens("b3", &[]).await.unwrap();
    assert_eq!(store.find_tokens_by_request("req").await.unwrap(), []);
    while store.expand_batches(10).await.unwrap() > 0 {}
    assert_eq!(store.find_tokens_by_request("req").await.unwrap(), [one.clone(), two]);
    assert_eq!(store.find_tokens_by_request("by password").await.unwrap(), [password]);
    assert_eq!(store.find_tokens_by_request("nobody's").await.unwrap(), []);
    assert_eq!(store.find_token(&id("r"), "t1").await.unwrap(), Some(one));
    assert_eq!(store.find_token(&id("s"), "t1").await.unwrap(), Some(elsewhere));
    assert_eq!(store.find_token(&id("s"), "t2").await.unwrap(), None);
}

pub(crate) async fn expanded_once(store: Shared) {
    assert_eq!(store.expand_batches(10).await.unwrap(), 0);
    for number in [3, 1, 2] {
        let records =
            [record(number, &format!("t{number}"), "req"), record(number, &format!("u{number}"), "")];
        store.append_tokens(&format!("b{number}"), &records).await.unwrap();
    }
    assert_eq!(store.expand_batches(0).await.unwrap(), 0);
    assert_eq!(store.expand_batches(1).await.unwrap(), 1);
    assert_eq!(store.find_tokens_by_request("req").await.unwrap(), [record(1, "t1", "req")]);
    assert_eq!(store.expand_batches(5).await.unwrap(), 2);
    assert_eq!(store.expand_batches(5).await.unwrap(), 0);
    assert_eq!(store.find_tokens_by_request("req").await.unwrap().len(), 3);
    assert_eq!(uses(&store).await, 6);
    // A record that was written twice is one token.
    store.append_tokens("b4", &[record(1, "t1", "req")]).await.unwrap();
    assert_eq!(store.expand_batches(5).await.unwrap(), 1);
    assert_eq!((store.find_tokens_by_request("req").await.unwrap().len(), uses(&store).await), (3, 6));
}

pub(crate) async fn expanded_by_many(store: Shared) {
    for number in 0..20 {
        let jti = |half: &str| format!("{half}{number}");
        let records = [record(number, &jti("a"), "req"), record(number, &jti("b"), "req")];
        store.append_tokens(&format!("b{number:02}"), &records).await.unwrap();
    }
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut expanded = 0;
                while let count @ 1.. = store.expand_batches(3).await.unwrap() {
                    expanded += count;
                }
                expanded
            })
        })
        .collect();
    let mut expanded = 0;
    for task in tasks {
        expanded += task.await.unwrap();
    }
    while let count @ 1.. = store.expand_batches(3).await.unwrap() {
        expanded += count;
    }
    assert_eq!((expanded, uses(&store).await), (20, 40));
    assert_eq!(store.find_tokens_by_request("req").await.unwrap().len(), 40);
}

pub(crate) async fn late(store: Shared) {
    store.append_tokens("b2", &[record(2, "t2", "req")]).await.unwrap();
    assert_eq!(store.expand_batches(5).await.unwrap(), 1);
    store.append_tokens("b1", &[record(1, "t1", "req")]).await.unwrap();
    assert_eq!(store.expand_batches(5).await.unwrap(), 1);
    assert_eq!(store.find_tokens_by_request("req").await.unwrap().len(), 2);
}

pub(crate) async fn last_use(store: Shared) {
    let (r, o, k) = (id("r"), id("o1"), id("k"));
    assert_eq!(store.find_last_use(&r, &o, &k).await.unwrap(), None);
    let latest = Some(LastUse { at: later(9), from: "192.0.2.9".to_owned() });
    store
        .append_tokens("b1", &[record(3, "t1", ""), record(9, "t2", ""), record(5, "t3", "")])
        .await
        .unwrap();
    store.expand_batches(5).await.unwrap();
    assert_eq!(store.find_last_use(&r, &o, &k).await.unwrap(), latest);
    store.append_tokens("b2", &[record(8, "t4", "")]).await.unwrap();
    store.expand_batches(5).await.unwrap();
    assert_eq!(store.find_last_use(&r, &o, &k).await.unwrap(), latest);
    let other = TokenRecord { access_key: Some(id("k2")), ..record(20, "t5", "") };
    store.append_tokens("b3", &[record(10, "t6", ""), other]).await.unwrap();
    store.expand_batches(5).await.unwrap();
    let latest = Some(LastUse { at: later(10), from: "192.0.2.10".to_owned() });
    assert_eq!(store.find_last_use(&r, &o, &k).await.unwrap(), latest);
}

pub(crate) async fn hours(store: Shared) {
    const HOUR: i64 = 3600;
    let start = later(0).seconds().div_euclid(HOUR) * HOUR;
    let into = |seconds: i64, jti: &str| TokenRecord {
        at: Timestamp::from_seconds(start + seconds),
        ..record(0, jti, "")
    };
    let other = TokenRecord { client: Some(id("d")), ..into(0, "other") };
    let records = [into(0, "a"), into(HOUR - 1, "b"), into(HOUR, "c"), into(3 * HOUR + 5, "d"), other];
    store.append_tokens("b1", &records).await.unwrap();
    store.append_tokens("b2", &[into(10, "e")]).await.unwrap();
    while store.expand_batches(1).await.unwrap() > 0 {}
    let usage = async |from: i64, to: i64| -> Vec<(i64, i64)> {
        let moment = |seconds| Timestamp::from_seconds(start + seconds);
        let found = store.list_usage(&id("r"), &id("o1"), &id("c"), moment(from), moment(to)).await.unwrap();
        found.into_iter().map(|(hour, tokens)| ((hour.seconds() - start) / HOUR, tokens)).collect()
    };
    assert_eq!(usage(-HOUR, 10 * HOUR).await, [(0, 3), (1, 1), (3, 1)]);
    assert_eq!(usage(0, HOUR).await, [(0, 3)]);
    assert_eq!(usage(HOUR, 3 * HOUR).await, [(1, 1)]);
    assert_eq!(usage(4 * HOUR, 9 * HOUR).await, []);
    assert_eq!(usage(HOUR, 0).await, []);
}

pub(crate) async fn batch_id(store: Shared) {
    store.append_tokens("b1", &[record(0, "t1", "req")]).await.unwrap();
    let again = store.append_tokens("b1", &[record(1, "t2", "req")]).await.unwrap_err();
    assert_eq!(case(&again), "Taken");
    store.expand_batches(5).await.unwrap();
    assert_eq!(store.find_tokens_by_request("req").await.unwrap(), [record(0, "t1", "req")]);
}
