//! Promises about usage: whatever is asked, and however far it is rolled up, the answer is that of the requests.

use std::collections::BTreeMap;

use proptest::prelude::*;
use symbolon_core::clock::Timestamp;
use symbolon_core::record::{GrantRecord, RefusalRecord};
use symbolon_core::refusal::Reason;
use symbolon_core::store::{PageRequest, Store};
use symbolon_core::usage::{
    Busiest, GroupBy, Step, UsageFilter, UsageGroup, UsageOf, UsageQuery, UsageResult, UsageResults,
    UsageSeries,
};

use crate::Shared;
use crate::journal::{append, count_all, grant, of, record, tokens_of};
use crate::refusals::refusal;
use crate::revocations::cases;
use crate::world::{case, id, later};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;
const NEVER: Timestamp = Timestamp::from_millis(i64::MAX);
const EVERYTHING: GroupBy = GroupBy {
    organization: true,
    client: true,
    access_key: true,
    audience: true,
    result: true,
    reason: true,
};

/// A request, in the model.
#[derive(Clone, Debug)]
struct Asked {
    second: i64,
    organization: &'static str,
    client: &'static str,
    key: &'static str,
    audience: &'static str,
    /// An error code, or empty for a token.
    refused: &'static str,
    /// The exact reason; empty for a token.
    reason: &'static str,
}

impl Asked {
    fn grant(&self) -> GrantRecord {
        GrantRecord {
            organization: Some(id(self.organization)),
            client: Some(id(self.client)),
            access_key: Some(id(self.key)),
            audience: self.audience.to_owned(),
            ..grant()
        }
    }

    fn refusal(&self) -> RefusalRecord {
        RefusalRecord {
            organization: Some(id(self.organization)),
            client: Some(id(self.client)),
            access_key: Some(id(self.key)),
            audience: Some(self.audience.to_owned()),
            error: self.refused.to_owned(),
            reason: self.reason.to_owned(),
            ..refusal(self.second, "req")
        }
    }

    fn result(&self) -> UsageResult {
        UsageResult::from_name(if self.refused.is_empty() { "issued" } else { self.refused })
    }

    fn group(&self, by: GroupBy) -> UsageGroup {
        let by = by.whole();
        UsageGroup {
            organization: by.organization.then(|| id(self.organization)),
            client: by.client.then(|| id(self.client)),
            access_key: by.access_key.then(|| id(self.key)),
            audience: by.audience.then(|| self.audience.to_owned()),
            result: by.result.then(|| self.result()),
            reason: (by.reason && !self.reason.is_empty()).then(|| self.reason.to_owned()),
        }
    }

    fn passes(&self, filter: &UsageFilter, step: Step) -> bool {
        let of = match &filter.of {
            UsageOf::Realm => true,
            UsageOf::Organization(organization) => organization.as_str() == self.organization,
            UsageOf::Client(organization, client) => {
                organization.as_str() == self.organization && client.as_str() == self.client
            }
            UsageOf::AccessKey(_, client, key) => client.as_str() == self.client && key.as_str() == self.key,
        };
        let result = match &filter.results {
            UsageResults::All => true,
            UsageResults::Refused => !self.refused.is_empty(),
            UsageResults::Only(result) => *result == self.result(),
        };
        let (from, to) = filter.span(step);
        let at = later(self.second);
        of && result
            && filter.audience.as_ref().is_none_or(|audience| audience == self.audience)
            && from <= at
            && at < to
    }
}

fn begin_of(at: Timestamp, filter: &UsageFilter, step: Step) -> Timestamp {
    let unit = match step {
        Step::Hour => HOUR,
        Step::Day => DAY,
        Step::Total => return filter.span(step).0,
    };
    Timestamp::from_seconds(at.seconds().div_euclid(unit) * unit)
}

fn expected(asked: &[Asked], question: &UsageQuery) -> Vec<UsageSeries> {
    let (filter, step) = (&question.filter, question.step);
    let mut all: BTreeMap<UsageGroup, BTreeMap<Timestamp, i64>> = BTreeMap::new();
    for one in asked.iter().filter(|one| one.passes(filter, step)) {
        let counts = all.entry(one.group(question.group_by)).or_default();
        *counts.entry(begin_of(later(one.second), filter, step)).or_insert(0) += 1;
    }
    all.into_iter()
        .map(|(group, counts)| UsageSeries { group, counts: counts.into_iter().collect() })
        .collect()
}

/// Every page of an answer, put together.
async fn whole(store: &dyn Store, question: &UsageQuery, limit: u32) -> Vec<UsageSeries> {
    let (mut after, mut all) = (None, Vec::new());
    loop {
        let page = store.list_usage(&id("r"), question, &PageRequest { after, limit }).await.unwrap();
        all.extend(page.items);
        let Some(next) = page.next else { break };
        after = Some(next);
    }
    all.sort_by(|one: &UsageSeries, other| one.group.cmp(&other.group));
    all
}

fn question(of: UsageOf, group_by: GroupBy, step: Step, span: (i64, i64)) -> UsageQuery {
    let (from, to) = (later(span.0), later(span.1));
    let filter = UsageFilter { of, audience: None, results: UsageResults::All, from, to };
    UsageQuery { filter, group_by, step }
}

fn any_question() -> impl Strategy<Value = UsageQuery> {
    let of = proptest::sample::select(vec![
        UsageOf::Realm,
        UsageOf::Organization(id("o1")),
        UsageOf::Organization(id("o2")),
        UsageOf::Client(id("o1"), id("c1")),
        UsageOf::Client(id("o2"), id("c1")),
        UsageOf::AccessKey(id("o1"), id("c1"), id("k1")),
    ]);
    let results = proptest::sample::select(vec![
        UsageResults::All,
        UsageResults::All,
        UsageResults::Refused,
        UsageResults::Only(UsageResult::Issued),
        UsageResults::Only(UsageResult::Refused("invalid_scope".to_owned())),
    ]);
    let audience = proptest::sample::select(vec![None, None, Some("https://a.example"), Some("urn:nobody")]);
    let step = proptest::sample::select(vec![Step::Hour, Step::Day, Step::Total]);
    let by = proptest::array::uniform6(any::<bool>());
    let span = (-40 * DAY..80 * DAY, 1..60 * DAY);
    (of, results, audience, step, by, span).prop_map(|(of, results, audience, step, by, (from, long))| {
        let [organization, client, access_key, audience_too, result, reason] = by;
        let group_by = GroupBy { organization, client, access_key, audience: audience_too, result, reason };
        let mut question = question(of, group_by, step, (from, from + long));
        question.filter.results = results;
        question.filter.audience = audience.map(str::to_owned);
        question
    })
}

fn any_request() -> impl Strategy<Value = Asked> {
    let who = proptest::sample::select(vec![
        ("o1", "c1", "k1"),
        ("o1", "c1", "k2"),
        ("o1", "c2", "k3"),
        ("o2", "c3", "k4"),
        ("o2", "c4", "k5"),
    ]);
    let audience = proptest::sample::select(vec!["https://a.example", "https://b.example"]);
    let refused = proptest::sample::select(vec![
        ("", ""),
        ("", ""),
        ("", ""),
        ("invalid_client", "wrong_secret"),
        ("invalid_client", "key_expired"),
        ("invalid_scope", "scopes"),
        // One that two codes share.
        ("invalid_client", "malformed_credentials"),
        ("invalid_request", "malformed_credentials"),
    ]);
    let second = prop_oneof![0..2 * DAY, -30 * DAY..70 * DAY];
    (who, audience, refused, second).prop_map(
        |((organization, client, key), audience, (refused, reason), second)| Asked {
            second,
            organization,
            client,
            key,
            audience,
            refused,
            reason,
        },
    )
}

/// Writes and counts requests, one batch for all.
async fn note(store: &Shared, number: i64, asked: &[Asked]) {
    let tokens = asked.iter().filter(|one| one.refused.is_empty());
    let tokens: Vec<_> = tokens.map(|one| of(&one.grant(), record(one.second, "t", "req"))).collect();
    append(store, "w", number, &tokens).await;
    let refused: Vec<_> = asked.iter().filter(|one| !one.refused.is_empty()).map(Asked::refusal).collect();
    store.append_refusals(&refused).await.unwrap();
    count_all(store).await;
    assert_eq!(store.count_refusals(later(0)).await.unwrap(), u64::try_from(refused.len()).unwrap());
}

pub(crate) async fn model(store: Shared) {
    let rounds = (proptest::collection::vec(any_request(), 1..60), proptest::option::of(-30 * DAY..70 * DAY));
    let mut asked = Vec::new();
    let questions = cases(proptest::collection::vec(any_question(), 12), 8);
    for (number, ((requests, rolled), questions)) in cases(rounds, 8).into_iter().zip(questions).enumerate() {
        // What comes late for hours that are rolled up is among them.
        note(&store, i64::try_from(number).unwrap() + 1, &requests).await;
        asked.extend(requests);
        for before in [None, rolled] {
            if let Some(before) = before {
                store.roll_up_usage(begin_of(later(before), &everyone().filter, Step::Hour)).await.unwrap();
            }
            for question in &questions {
                for limit in [1, 1000] {
                    assert_eq!(
                        whole(&*store, question, limit).await,
                        expected(&asked, question),
                        "{question:?}"
                    );
                }
            }
        }
    }
    store.roll_up_usage(NEVER).await.unwrap();
    assert_eq!(store.roll_up_usage(NEVER).await.unwrap(), 0);
    for question in cases(any_question(), 40) {
        assert_eq!(whole(&*store, &question, 2).await, expected(&asked, &question), "{question:?}");
    }
}

fn everyone() -> UsageQuery {
    question(UsageOf::Realm, EVERYTHING, Step::Total, (-100 * DAY, 100 * DAY))
}

fn asked(organization: &'static str, client: &'static str, second: i64) -> Asked {
    Asked { second, organization, client, key: "k", audience: "https://a.example", refused: "", reason: "" }
}

/// Requests of so many clients of an organization each, some of them counted twice, some rolled up.
async fn fill(store: &Shared) {
    const CLIENTS: [&str; 8] = ["A", "_", "a", "a-", "a.", "b", "b~", "~"];
    for (number, client) in (0..).zip(CLIENTS) {
        note(store, number * 2 + 1, &[asked("o1", client, number * DAY), asked("o2", client, 0)]).await;
        if number % 3 == 0 {
            store.roll_up_usage(NEVER).await.unwrap();
        }
        note(store, number * 2 + 2, &[asked("o1", client, number * DAY + HOUR)]).await;
    }
}

pub(crate) async fn walk(store: Shared) {
    fill(&store).await;
    for (of, by, clients) in [
        (UsageOf::Realm, GroupBy { client: true, ..GroupBy::default() }, 16),
        (UsageOf::Organization(id("o1")), GroupBy { client: true, ..GroupBy::default() }, 8),
        (UsageOf::Realm, GroupBy { organization: true, ..GroupBy::default() }, 2),
    ] {
        for step in [Step::Hour, Step::Day, Step::Total] {
            let question = question(of.clone(), by, step, (-DAY, 30 * DAY));
            for limit in [1, 3, 8, 1000] {
                let (mut after, mut seen) = (None, Vec::new());
                loop {
                    let request = PageRequest { after, limit };
                    let page = store.list_usage(&id("r"), &question, &request).await.unwrap();
                    assert!(page.items.len() <= usize::try_from(limit).unwrap());
                    seen.extend(page.items.into_iter().map(|series| series.group));
                    let Some(next) = page.next else { break };
                    after = Some(next);
                }
                assert_eq!(seen.len(), clients, "{of:?} by {step:?} in pages of {limit}");
                assert!(seen.is_sorted());
                seen.dedup();
                assert_eq!(seen.len(), clients);
            }
        }
    }
}

pub(crate) async fn boundaries(store: Shared) {
    fill(&store).await;
    let by = GroupBy { client: true, ..GroupBy::default() };
    let long = "x".repeat(100_000);
    for of in
        [UsageOf::Organization(id("o1")), UsageOf::Client(id("o1"), id("a")), UsageOf::Organization(id("o"))]
    {
        let question = question(of.clone(), by, Step::Day, (-DAY, 30 * DAY));
        for cursor in ["", "o2", "o2 a", "o1 a", "o1", " ", "o0 ", "\0", "o1 a\0", "'; --", "ﬀ ﬀ", &long]
        {
            let request = PageRequest { after: Some(cursor.to_owned()), limit: 1000 };
            let page = store.list_usage(&id("r"), &question, &request).await.unwrap();
            assert!(
                page.items.iter().all(|series| series.group.organization == Some(id("o1"))),
                "{cursor:?}"
            );
            assert!(page.next.is_none());
        }
        let elsewhere = store.list_usage(&id("s"), &question, &PageRequest::first()).await.unwrap();
        assert_eq!(elsewhere.items, []);
        for who in [Busiest::Clients, Busiest::Organizations] {
            let busiest = store.list_busiest(&id("r"), &question.filter, who, 1000).await.unwrap();
            assert!(busiest.iter().all(|(group, _)| group.organization == Some(id("o1"))), "{of:?}");
            assert_eq!(store.list_busiest(&id("s"), &question.filter, who, 1000).await.unwrap(), []);
        }
    }
    for strange in ["\0", "a\0b", "'; --", "%"] {
        let mut question = question(UsageOf::Realm, by, Step::Day, (-DAY, 30 * DAY));
        question.filter.audience = Some(strange.to_owned());
        assert_eq!(store.list_usage(&id("r"), &question, &PageRequest::first()).await.unwrap().items, []);
        assert_eq!(store.list_busiest(&id("r"), &question.filter, Busiest::Clients, 5).await.unwrap(), []);
    }
}

pub(crate) async fn busiest(store: Shared) {
    let requests = cases(proptest::collection::vec(any_request(), 150), 1).remove(0);
    for (number, some) in (1..).zip(requests.chunks(50)) {
        note(&store, number, some).await;
        store.roll_up_usage(later(number * 10 * DAY)).await.unwrap();
    }
    // Requests of nobody who is known are not among them.
    let nobody = RefusalRecord { client: None, organization: None, ..refusal(0, "req") };
    store.append_refusals(&vec![nobody; 200]).await.unwrap();
    store.count_refusals(later(0)).await.unwrap();
    for question in cases(any_question(), 40) {
        for who in [Busiest::Clients, Busiest::Organizations] {
            let mut model: BTreeMap<UsageGroup, i64> = BTreeMap::new();
            let by = GroupBy { organization: true, client: who == Busiest::Clients, ..GroupBy::default() };
            for one in requests.iter().filter(|one| one.passes(&question.filter, Step::Total)) {
                // A client or key is not asked for by organization.
                let by = GroupBy { client: by.client || question.filter.of.client().is_some(), ..by };
                *model.entry(one.group(by)).or_insert(0) += 1;
            }
            let mut expected: Vec<_> = model.into_iter().collect();
            expected.sort_by_key(|(group, count)| (-count, group.clone()));
            let found = store.list_busiest(&id("r"), &question.filter, who, 1000).await.unwrap();
            assert_eq!(found, expected, "{question:?}");
            expected.truncate(2);
            assert_eq!(store.list_busiest(&id("r"), &question.filter, who, 2).await.unwrap(), expected);
        }
    }
}

pub(crate) async fn rolled_up_by_many(store: Shared) {
    let requests = cases(proptest::collection::vec(any_request(), 400), 1).remove(0);
    let mut tasks = Vec::new();
    for (number, some) in (1..).zip(requests.chunks(100)) {
        let tokens: Vec<_> =
            some.iter().map(|one| of(&one.grant(), record(one.second, "t", "req"))).collect();
        append(&store, "w", number, &tokens).await;
        for _ in 0..2 {
            let store = store.clone();
            tasks.push(tokio::spawn(async move {
                count_all(&store).await;
                store.roll_up_usage(NEVER).await.unwrap()
            }));
        }
    }
    for task in tasks {
        task.await.unwrap();
    }
    count_all(&store).await;
    store.roll_up_usage(NEVER).await.unwrap();
    let tokens: Vec<_> = requests.into_iter().map(|one| Asked { refused: "", reason: "", ..one }).collect();
    assert_eq!(whole(&*store, &everyone(), 1000).await, expected(&tokens, &everyone()));
}

pub(crate) async fn forgotten(store: Shared) {
    let last_use = async || {
        let found = store.find_last_use(&id("r"), &id("o1"), &id("c"), &id("k")).await.unwrap();
        found.map(|used| (used.at, used.from))
    };
    note(&store, 1, &[asked("o1", "c", 0), asked("o1", "c", 3), asked("o1", "c", 10 * DAY)]).await;
    assert_eq!(last_use().await, Some((later(10 * DAY), "192.0.2.0".to_owned())));
    store.roll_up_usage(later(DAY)).await.unwrap();
    assert_eq!(last_use().await.unwrap().0, later(10 * DAY));
    store.roll_up_usage(NEVER).await.unwrap();
    assert_eq!(last_use().await, Some((later(10 * DAY), "192.0.2.0".to_owned())));
    // What comes late is no later use.
    note(&store, 2, &[asked("o1", "c", 7)]).await;
    store.roll_up_usage(NEVER).await.unwrap();
    assert_eq!(last_use().await.unwrap().0, later(10 * DAY));
    let tokens = async |step| {
        let all = tokens_of(&*store, ("r", "o1", "c"), step, (later(-DAY), later(20 * DAY))).await;
        all.into_iter().map(|(_, tokens)| tokens).collect::<Vec<_>>()
    };
    assert_eq!((tokens(Step::Hour).await, tokens(Step::Day).await), (vec![3, 1], vec![3, 1]));
    // What is of its own time stays.
    store.forget_usage(later(0)).await.unwrap();
    assert_eq!(tokens(Step::Hour).await, [3, 1]);
    assert_eq!(store.forget_usage(later(5 * DAY)).await.unwrap(), 3);
    assert_eq!((tokens(Step::Hour).await, tokens(Step::Day).await), (vec![1], vec![3, 1]));
    store.forget_usage(later(90 * DAY)).await.unwrap();
    assert_eq!((tokens(Step::Hour).await, tokens(Step::Day).await), (vec![], vec![3, 1]));
    assert_eq!(last_use().await.unwrap().0, later(10 * DAY));
}

pub(crate) async fn refusals(store: Shared) {
    assert_eq!(store.count_refusals(later(0)).await.unwrap(), 0);
    let unknown = |name: &str| RefusalRecord {
        unverified_client: Some(name.to_owned()),
        client: None,
        organization: None,
        access_key: Some(id("made-up")),
        audience: None,
        ..refusal(0, name)
    };
    let made_up: Vec<_> = (0..1500).map(|number| unknown(&number.to_string())).collect();
    for some in made_up.chunks(250) {
        store.append_refusals(some).await.unwrap();
    }
    store.append_refusals(&[refusal(1, "known")]).await.unwrap();
    assert_eq!(store.count_refusals(later(0)).await.unwrap(), 1501);
    assert_eq!(store.count_refusals(later(0)).await.unwrap(), 0);
    // How far they are counted is not forgotten with the writers, nor with the refusals.
    store.forget_tokens(NEVER).await.unwrap();
    store.forget_refusals(NEVER, 0).await.unwrap();
    assert_eq!(store.count_refusals(later(0)).await.unwrap(), 0);
    store.append_refusals(&[refusal(2, "known")]).await.unwrap();
    let counting: Vec<_> = (0..4)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.count_refusals(later(0)).await.unwrap() })
        })
        .collect();
    let mut counted = 0;
    for task in counting {
        counted += task.await.unwrap();
    }
    assert_eq!(counted, 1);
    let refused = UsageResult::Refused("invalid_client".to_owned());
    let reason = Some("wrong_secret".to_owned());
    for _ in 0..2 {
        let all = whole(&*store, &everyone(), 1000).await;
        let counts: Vec<_> = all.iter().map(|series| (series.group.clone(), series.counts[0].1)).collect();
        let nobody =
            UsageGroup { result: Some(refused.clone()), reason: reason.clone(), ..UsageGroup::default() };
        let known = UsageGroup {
            organization: Some(id("o1")),
            client: Some(id("c")),
            access_key: None,
            audience: Some("https://a.example".to_owned()),
            result: Some(refused.clone()),
            reason: reason.clone(),
        };
        assert_eq!(counts, [(nobody, 1500), (known, 2)]);
        store.roll_up_usage(NEVER).await.unwrap();
    }
    // A refused request is no use of a key.
    assert_eq!(store.find_last_use(&id("r"), &id("o1"), &id("c"), &id("k")).await.unwrap(), None);
}

pub(crate) async fn reasons(store: Shared) {
    const TIMES: i64 = 3;
    let why = |seconds, reason: &str| RefusalRecord { reason: reason.to_owned(), ..refusal(seconds, "req") };
    // Each on a day of its own, and beside each one that no version knows.
    for (day, reason) in (0..).zip(Reason::NAMES) {
        let made_up = format!("made up {reason}");
        let some: Vec<_> = (0..TIMES).map(|second| why(day * DAY + second, reason)).collect();
        store.append_refusals(&some).await.unwrap();
        store.append_refusals(&[why(day * DAY, &made_up)]).await.unwrap();
    }
    store.append_refusals(&[RefusalRecord { realm: id("s"), ..why(0, "licence") }]).await.unwrap();
    store.count_refusals(later(0)).await.unwrap();
    let by = GroupBy { reason: true, ..GroupBy::default() };
    let days = i64::try_from(Reason::NAMES.len()).unwrap();
    let of = UsageOf::Client(id("o1"), id("c"));
    let question = question(of, by, Step::Day, (0, days * DAY));
    // Nothing changes when they are rolled up, nor when their records are gone.
    for _ in 0..2 {
        let found = whole(&*store, &question, 1000).await;
        let (unknown, known) = found.split_first().unwrap();
        assert_eq!(unknown.group, UsageGroup::default());
        assert_eq!(unknown.counts.iter().map(|(_, requests)| *requests).sum::<i64>(), days);
        let expected: Vec<_> = (0..)
            .zip(Reason::NAMES)
            .map(|(day, reason)| UsageSeries {
                group: UsageGroup { reason: Some(reason.to_owned()), ..UsageGroup::default() },
                counts: vec![(begin_of(later(day * DAY), &question.filter, Step::Day), TIMES)],
            })
            .collect();
        assert_eq!(known, expected);
        store.roll_up_usage(NEVER).await.unwrap();
        store.forget_refusals(NEVER, 0).await.unwrap();
    }
}

pub(crate) async fn senseless(store: Shared) {
    for (step, span) in [(Step::Day, (0, 0)), (Step::Total, (1, 0)), (Step::Hour, (0, 9601 * HOUR))] {
        let question = question(UsageOf::Realm, GroupBy::default(), step, span);
        let refused = store.list_usage(&id("r"), &question, &PageRequest::first()).await.unwrap_err();
        assert_eq!(case(&refused), "Refused");
    }
    let question = question(UsageOf::Realm, GroupBy::default(), Step::Total, (1, 0));
    let refused = store.list_busiest(&id("r"), &question.filter, Busiest::Clients, 1).await.unwrap_err();
    assert_eq!(case(&refused), "Refused");
}
