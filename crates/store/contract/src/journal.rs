//! Promises about the journal of tokens.

use std::collections::BTreeMap;

use proptest::prelude::*;
use symbolon_core::access_key::LastUse;
use symbolon_core::clock::Timestamp;
use symbolon_core::record::{GrantRecord, Remark, TokenRecord};
use symbolon_core::store::{BatchPlace, PageRequest, Store, Whose};
use symbolon_core::usage::{GroupBy, Step, UsageFilter, UsageOf, UsageQuery, UsageResult, UsageResults};

use crate::Shared;
use crate::revocations::cases;
use crate::world::{case, id, later};

const HOUR: i64 = 3600;
/// The moment from which on nobody can have counted.
const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);

/// An id that was made at a moment; the name tells ids of one moment apart.
pub(crate) fn made(prefix: &str, seconds: i64, name: &str) -> String {
    const DIGITS: &[u8] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let millis = later(seconds).millis();
    let digit = |place: i64| char::from(DIGITS[usize::try_from((millis >> (5 * place)) & 31).unwrap()]);
    let time: String = (0..10).rev().map(digit).collect();
    let name = name.bytes().fold(0_u128, |number, byte| (number << 8) | u128::from(byte));
    format!("{prefix}_{time}{name:0>16X}")
}

pub(crate) fn request(seconds: i64, name: &str) -> String {
    made("req", seconds, name)
}

pub(crate) fn jti(seconds: i64, name: &str) -> String {
    made("tok", seconds, name)
}

pub(crate) fn grant() -> GrantRecord {
    GrantRecord {
        realm: id("r"),
        kid: "kid".to_owned(),
        client: Some(id("c")),
        access_key: Some(id("k")),
        user: None,
        organization: Some(id("o1")),
        audience: "https://a.example".to_owned(),
        scope: "read:a".to_owned(),
    }
}

/// A token of the key `k` of the client `c` of the organization `o1` in the realm `r`, with the names of its id
/// and of its request's.
pub(crate) fn record(seconds: i64, token: &str, asked: &str) -> TokenRecord {
    TokenRecord {
        at: later(seconds),
        request_id: request(seconds, asked),
        jti: jti(seconds, token),
        expires_at: later(seconds + 3600),
        from: [192, 0, 2, u8::try_from(seconds.rem_euclid(256)).unwrap()].into(),
        remark: None,
        grant: grant().into(),
    }
}

/// The same of another grant.
pub(crate) fn of(grant: &GrantRecord, record: TokenRecord) -> TokenRecord {
    TokenRecord { grant: grant.clone().into(), ..record }
}

pub(crate) async fn append(store: &Shared, writer: &str, sequence: i64, records: &[TokenRecord]) {
    let place = BatchPlace { writer: writer.to_owned(), sequence };
    store.append_tokens(&place, records).await.unwrap();
}

pub(crate) async fn count_all(store: &Shared) -> u32 {
    let mut counted = 0;
    while let some @ 1.. = store.count_tokens(Whose::Left(NEVER), 0, later(0)).await.unwrap() {
        counted += some;
    }
    counted
}

/// A client's tokens by hour, day or in all.
pub(crate) async fn tokens_of(
    store: &dyn Store,
    (realm, organization, client): (&str, &str, &str),
    step: Step,
    (from, to): (Timestamp, Timestamp),
) -> Vec<(Timestamp, i64)> {
    let of = UsageOf::Client(id(organization), id(client));
    let results = UsageResults::Only(UsageResult::Issued);
    let filter = UsageFilter { of, audience: None, results, from, to };
    let question = UsageQuery { filter, group_by: GroupBy::default(), step };
    let page = store.list_usage(&id(realm), &question, &PageRequest::first()).await.unwrap();
    assert!(page.items.len() <= 1 && page.next.is_none());
    page.items.into_iter().flat_map(|series| series.counts).collect()
}

async fn uses(store: &Shared) -> i64 {
    tokens_of(&**store, ("r", "o1", "c"), Step::Total, (Timestamp::default(), NEVER))
        .await
        .iter()
        .map(|(_, tokens)| tokens)
        .sum()
}

pub(crate) async fn found(store: Shared) {
    let (one, two) = (record(0, "t1", "req"), TokenRecord { at: later(1), ..record(0, "t2", "req") });
    let elsewhere = GrantRecord { realm: id("s"), scope: "ä\"\\\u{0}'".to_owned(), ..grant() };
    let elsewhere = of(&elsewhere, record(0, "t1", "other"));
    let password = GrantRecord { client: None, access_key: None, user: Some(id("u")), ..grant() };
    let password = of(&password, record(3, "t3", "password"));
    append(&store, "w", 1, &[two.clone(), one.clone()]).await;
    append(&store, "w", 2, &[elsewhere.clone(), password.clone()]).await;
    append(&store, "w", 3, &[]).await;
    let by_request = async |id: &str| store.find_tokens_by_request(id).await.unwrap();
    assert_eq!(by_request(&request(0, "req")).await, [one.clone(), two]);
    assert_eq!(by_request(&request(3, "password")).await, [password]);
    assert_eq!(by_request(&request(0, "nobody's")).await, []);
    assert_eq!(by_request(&request(1, "req")).await, []);
    assert_eq!(by_request("req").await, []);
    let by_id = async |realm: &str, jti: &str| store.find_token(&id(realm), jti).await.unwrap();
    assert_eq!(by_id("r", &jti(0, "t1")).await, Some(one));
    assert_eq!(by_id("s", &jti(0, "t1")).await, Some(elsewhere));
    assert_eq!(by_id("s", &jti(0, "t2")).await, None);
    assert_eq!(by_id("r", "t1").await, None);
}

pub(crate) async fn latest(store: Shared) {
    assert_eq!(store.last_token().await.unwrap(), None);
    append(&store, "w", 1, &[record(7, "t1", "req"), record(3, "t2", "req")]).await;
    assert_eq!(store.last_token().await.unwrap(), Some(later(7)));
    append(&store, "v", 1, &[record(5, "t3", "req")]).await;
    assert_eq!(store.last_token().await.unwrap(), Some(later(7)));
}

/// Requests may take long, and the clock may be set while they do: a record is found all the same, by each of its
/// ids, wherever the others in its batch lie.
pub(crate) async fn any_moment(store: Shared) {
    let moment = || prop_oneof![0_i64..30, -50_000_i64..50_000];
    let token = (moment(), moment(), moment());
    let batch = proptest::collection::vec(token, 1..5);
    let mut all = Vec::new();
    for (number, tokens) in cases(batch, 60).into_iter().enumerate() {
        let mut records = Vec::new();
        for (place, (at, asked, made)) in tokens.into_iter().enumerate() {
            let name = format!("{number}.{place}");
            let (request_id, jti) = (request(asked, &name), jti(made, &name));
            records.push(TokenRecord { request_id, jti, ..record(at, "", "") });
        }
        append(&store, "w", i64::try_from(number).unwrap() + 1, &records).await;
        all.extend(records);
    }
    for record in all {
        assert_eq!(
            store.find_tokens_by_request(&record.request_id).await.unwrap(),
            std::slice::from_ref(&record)
        );
        assert_eq!(store.find_token(&id("r"), &record.jti).await.unwrap(), Some(record));
    }
}

/// Whatever else is in its batch, and however much later that was.
pub(crate) async fn given_again(store: Shared) {
    let issued = record(0, "t1", "first");
    let again = |seconds: i64, asked: &str| TokenRecord {
        at: later(seconds),
        request_id: request(seconds, asked),
        from: [192, 0, 2, 77].into(),
        remark: Some(Remark::Reused),
        ..issued.clone()
    };
    let others = [record(3000, "t2", "other"), record(3001, "t3", "other")];
    append(&store, "w", 1, std::slice::from_ref(&issued)).await;
    append(&store, "w", 2, &[others[0].clone(), again(3000, "again"), others[1].clone()]).await;
    append(&store, "w", 3, &[again(3002, "alone")]).await;
    let by_request = async |id: &str| store.find_tokens_by_request(id).await.unwrap();
    assert_eq!(by_request(&request(0, "first")).await, std::slice::from_ref(&issued));
    assert_eq!(by_request(&request(3000, "again")).await, [again(3000, "again")]);
    assert_eq!(by_request(&request(3002, "alone")).await, [again(3002, "alone")]);
    let by_id = async |jti: &str| store.find_token(&id("r"), jti).await.unwrap();
    assert_eq!(by_id(&issued.jti).await, Some(issued.clone()));
    assert_eq!(by_id(&jti(3001, "t3")).await, Some(others[1].clone()));
    count_all(&store).await;
    assert_eq!(uses(&store).await, 3);
    let used = store.find_last_use(&id("r"), &id("o1"), &id("c"), &id("k")).await.unwrap();
    assert_eq!(used, Some(LastUse { at: later(3002), from: "192.0.2.77".to_owned() }));
    // An hour in which nothing else happened has no tokens.
    append(&store, "w", 4, &[again(3 * HOUR, "much later")]).await;
    count_all(&store).await;
    let hours = tokens_of(&*store, ("r", "o1", "c"), Step::Hour, (later(2 * HOUR), later(5 * HOUR))).await;
    assert_eq!((hours, uses(&store).await), (Vec::new(), 3));
}

pub(crate) async fn beyond_quota(store: Shared) {
    let remark = |number: i64| (number % 3 == 1).then_some(Remark::BeyondQuota);
    let records: Vec<_> =
        (0..7).map(|number| TokenRecord { remark: remark(number), ..record(number, "t", "req") }).collect();
    append(&store, "w", 1, &records).await;
    for record in records {
        let found = store.find_tokens_by_request(&record.request_id).await.unwrap();
        assert_eq!(found, [record]);
    }
    count_all(&store).await;
    assert_eq!(uses(&store).await, 7);
}

pub(crate) async fn counted_once(store: Shared) {
    assert_eq!(count_all(&store).await, 0);
    for number in 1..=3 {
        append(&store, "w", number, &[record(number, "t", "req"), record(number, "u", "req")]).await;
    }
    assert_eq!(store.count_tokens(Whose::Writer("nobody"), 0, later(0)).await.unwrap(), 0);
    assert_eq!(store.count_tokens(Whose::Writer("w"), 0, later(0)).await.unwrap(), 3);
    assert_eq!((count_all(&store).await, uses(&store).await), (0, 6));
    // A number may be missing; what comes after it is counted.
    append(&store, "w", 5, &[record(5, "t", "req")]).await;
    append(&store, "v", 1, &[record(4, "t", "req")]).await;
    assert_eq!((count_all(&store).await, uses(&store).await), (2, 8));
    assert_eq!((count_all(&store).await, uses(&store).await), (0, 8));
}

pub(crate) async fn counted_by_others(store: Shared) {
    append(&store, "w", 1, &[record(0, "t1", "req")]).await;
    assert_eq!(store.count_tokens(Whose::Writer("w"), 0, later(100)).await.unwrap(), 1);
    append(&store, "w", 2, &[record(0, "t2", "req")]).await;
    // Whoever has counted lately is let alone.
    assert_eq!(store.count_tokens(Whose::Left(later(100)), 0, later(101)).await.unwrap(), 0);
    assert_eq!(store.count_tokens(Whose::Left(later(101)), 0, later(101)).await.unwrap(), 1);
    assert_eq!(uses(&store).await, 2);
}

pub(crate) async fn counted_by_many(store: Shared) {
    for number in 1..=20 {
        for writer in ["v", "w"] {
            append(&store, writer, number, &[record(number, "a", "req"), record(number, "b", "req")]).await;
        }
    }
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { count_all(&store).await })
        })
        .collect();
    let mut counted = 0;
    for task in tasks {
        counted += task.await.unwrap();
    }
    counted += count_all(&store).await;
    assert_eq!((counted, uses(&store).await), (40, 80));
}

/// However tokens lie in batches and whenever these are counted, the sums are those of the tokens.
pub(crate) async fn sums(store: Shared) {
    let key = proptest::sample::select(vec![("c", "k"), ("c", "k2"), ("d", "k3")]);
    let batch = proptest::collection::vec((key, 0_i64..5 * HOUR), 1..20);
    let start = later(0).seconds().div_euclid(HOUR) * HOUR - later(0).seconds();
    let (mut hours, mut last) = (BTreeMap::new(), BTreeMap::new());
    for (number, (tokens, count)) in cases((batch, any::<bool>()), 30).into_iter().enumerate() {
        let mut records = Vec::new();
        for ((client, key), second) in tokens {
            let grant = GrantRecord { client: Some(id(client)), access_key: Some(id(key)), ..grant() };
            records.push(of(&grant, record(start + second, "t", "")));
            *hours.entry((client, second / HOUR)).or_insert(0) += 1;
            let latest = last.entry((client, key)).or_insert(second);
            *latest = second.max(*latest);
        }
        append(&store, "w", i64::try_from(number).unwrap() + 1, &records).await;
        if count {
            count_all(&store).await;
        }
    }
    count_all(&store).await;
    for client in ["c", "d"] {
        let span = (later(start - 1000 * HOUR), later(start + 1000 * HOUR));
        let all = tokens_of(&*store, ("r", "o1", client), Step::Hour, span).await;
        let expected: Vec<_> = hours
            .iter()
            .filter(|((of, _), _)| *of == client)
            .map(|((_, hour), tokens)| (later(start + hour * HOUR), *tokens))
            .collect();
        assert_eq!(all, expected);
    }
    for ((client, key), second) in last {
        let found = store.find_last_use(&id("r"), &id("o1"), &id(client), &id(key)).await.unwrap();
        assert_eq!(found.unwrap().at, later(start + second));
    }
}

pub(crate) async fn last_use(store: Shared) {
    let find = async || store.find_last_use(&id("r"), &id("o1"), &id("c"), &id("k")).await.unwrap();
    assert_eq!(find().await, None);
    let latest = |seconds| Some(LastUse { at: later(seconds), from: format!("192.0.2.{seconds}") });
    append(&store, "w", 1, &[record(3, "t1", ""), record(9, "t2", ""), record(5, "t3", "")]).await;
    assert_eq!(count_all(&store).await, 1);
    assert_eq!(find().await, latest(9));
    append(&store, "w", 2, &[record(8, "t4", "")]).await;
    assert_eq!(count_all(&store).await, 1);
    assert_eq!(find().await, latest(9));
    let other = of(&GrantRecord { access_key: Some(id("k2")), ..grant() }, record(20, "t5", ""));
    append(&store, "w", 3, &[record(10, "t6", ""), other]).await;
    assert_eq!(count_all(&store).await, 1);
    assert_eq!(find().await, latest(10));
}

pub(crate) async fn hours(store: Shared) {
    let start = later(0).seconds().div_euclid(HOUR) * HOUR;
    let into = |seconds: i64, jti: &str| TokenRecord {
        at: Timestamp::from_seconds(start + seconds),
        ..record(0, jti, "")
    };
    let other = of(&GrantRecord { client: Some(id("d")), ..grant() }, into(0, "other"));
    let records = [into(0, "a"), into(HOUR - 1, "b"), into(HOUR, "c"), into(3 * HOUR + 5, "d"), other];
    append(&store, "w", 1, &records).await;
    append(&store, "w", 2, &[into(10, "e")]).await;
    count_all(&store).await;
    let usage = async |from: i64, to: i64| -> Vec<(i64, i64)> {
        let moment = |seconds| Timestamp::from_seconds(start + seconds);
        let found = tokens_of(&*store, ("r", "o1", "c"), Step::Hour, (moment(from), moment(to))).await;
        found.into_iter().map(|(hour, tokens)| ((hour.seconds() - start) / HOUR, tokens)).collect()
    };
    assert_eq!(usage(-HOUR, 10 * HOUR).await, [(0, 3), (1, 1), (3, 1)]);
    assert_eq!(usage(0, HOUR).await, [(0, 3)]);
    assert_eq!(usage(HOUR, 3 * HOUR).await, [(1, 1)]);
    assert_eq!(usage(4 * HOUR, 9 * HOUR).await, []);
}

pub(crate) async fn place(store: Shared) {
    append(&store, "w", 1, &[record(0, "t1", "req")]).await;
    let place = BatchPlace { writer: "w".to_owned(), sequence: 1 };
    let again = store.append_tokens(&place, &[record(1, "t2", "req")]).await.unwrap_err();
    assert_eq!(case(&again), "Taken");
    assert_eq!(store.find_token(&id("r"), &jti(0, "t1")).await.unwrap(), Some(record(0, "t1", "req")));
    assert_eq!(store.find_token(&id("r"), &jti(1, "t2")).await.unwrap(), None);
}

pub(crate) async fn forgotten(store: Shared) {
    assert_eq!(store.forget_tokens(NEVER).await.unwrap(), 0);
    for number in 1..=500 {
        append(&store, "w", number, &[record(number, "t", "req")]).await;
    }
    count_all(&store).await;
    // In more than one step.
    assert_eq!(store.forget_tokens(later(450)).await.unwrap(), 449);
    assert_eq!(store.find_token(&id("r"), &jti(449, "t")).await.unwrap(), None);
    assert!(store.find_token(&id("r"), &jti(450, "t")).await.unwrap().is_some());
    // What was counted stays, and goes on.
    append(&store, "w", 501, &[record(501, "t", "req")]).await;
    assert_eq!((count_all(&store).await, uses(&store).await), (1, 501));
}
