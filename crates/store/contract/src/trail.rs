//! Promises about the lists in which people look for what happened.

use std::pin::Pin;

use symbolon_core::audit::{Actor, ActorKind, AuditRecord, Change, Subject, SubjectKind};
use symbolon_core::organization::OrganizationId;
use symbolon_core::record::{GrantRecord, RefusalRecord, TokenRecord};
use symbolon_core::store::{BatchPlace, Page, StoreResult};
use symbolon_core::trail::{
    self, ChangeFilter, Entry, Order, Period, Query, RefusalFilter, TokenFilter, TrailRequest,
};

use crate::Shared;
use crate::journal::{grant, record};
use crate::world::{add_client, add_key, audit, case, change, id, later, populate, populate_realm};

const ORDERS: [Order; 2] = [Order::OldestFirst, Order::NewestFirst];

type Answer<'a, T> = Pin<Box<dyn Future<Output = StoreResult<Page<T>>> + Send + 'a>>;

/// All pages of a list, one after the other.
async fn walk<'a, T>(
    limit: u32,
    order: Order,
    page: impl Fn(TrailRequest) -> Answer<'a, T> + Send,
) -> Vec<T> {
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let mut found = page(TrailRequest { after: after.clone(), limit, order }).await.unwrap();
        assert!(found.next.is_none() || found.next != after, "the list does not go on");
        assert!(found.items.len() <= usize::try_from(limit).unwrap());
        seen.append(&mut found.items);
        after = found.next;
        if after.is_none() {
            return seen;
        }
    }
}

fn periods() -> Vec<Period> {
    let period = |from: Option<i64>, to: Option<i64>| Period { from: from.map(later), to: to.map(later) };
    vec![
        Period::default(),
        period(Some(3), None),
        period(None, Some(5)),
        period(Some(2), Some(6)),
        period(Some(4), Some(5)),
        period(Some(4), Some(4)),
        period(Some(5), Some(4)),
        period(Some(1_000_000), None),
        period(None, Some(-1_000_000)),
    ]
}

/// Changes by several actors to several things, some of them in one moment, with a clock that goes back once.
async fn changes(store: &Shared) {
    let realm = populate(&**store).await;
    populate_realm(&**store, "s").await;
    for number in 0..48_i64 {
        let actor = match number % 3 {
            0 => Actor::operator("ann", &format!("run-{}", number % 2)),
            1 => Actor::client(&id("ann"), "req-1").at([192, 0, 2, 1].into()),
            _ => Actor::user(&id("bob"), "req-2"),
        };
        let kind = [SubjectKind::Client, SubjectKind::AccessKey][usize::try_from(number / 2 % 2).unwrap()];
        let subject = Subject::new(kind, ["x", "y"][usize::try_from(number / 4 % 2).unwrap()]);
        let subject = match number % 5 {
            0 => subject.of(&id("o1")),
            1 => subject.of(&id("o2")),
            _ => subject,
        };
        let action = ["create", "update", "delete"][usize::try_from(number / 8 % 3).unwrap()];
        let seconds = if number < 24 { number / 3 } else { (number - 20) / 3 };
        let change = Change { at: later(seconds), actor, action, subject, ..change(kind, "x") };
        store.insert_revocations(&realm, &change).await.unwrap();
        if number % 7 == 0 {
            store.insert_revocations(&id("s"), &change).await.unwrap();
        }
    }
}

fn filters() -> Vec<ChangeFilter> {
    let none = ChangeFilter::default;
    let text = |text: &str| Some(text.to_owned());
    vec![
        none(),
        ChangeFilter { actor: Some((ActorKind::Client, text("ann"))), ..none() },
        ChangeFilter { actor: Some((ActorKind::Operator, None)), ..none() },
        ChangeFilter { actor: Some((ActorKind::System, text("ann"))), ..none() },
        ChangeFilter { subject: Some((SubjectKind::Client, text("x"))), ..none() },
        ChangeFilter { subject: Some((SubjectKind::AccessKey, None)), ..none() },
        ChangeFilter { organization: Some(id("o2")), ..none() },
        ChangeFilter { action: text("delete"), ..none() },
        ChangeFilter { action: text("nothing\0"), ..none() },
        ChangeFilter { request_id: text("run-1"), ..none() },
        ChangeFilter {
            organization: Some(id("o1")),
            actor: Some((ActorKind::User, text("bob"))),
            subject: Some((SubjectKind::Client, text("y"))),
            ..none()
        },
        ChangeFilter { organization: Some(id("o1")), action: text("create"), ..none() },
        ChangeFilter { actor: Some((ActorKind::User, None)), action: text("update"), ..none() },
    ]
}

pub(crate) async fn changes_found(store: Shared) {
    changes(&store).await;
    for realm in [id("r"), id("s")] {
        let mut all = audit(&*store, &realm, None).await;
        all.sort_by_key(|record| (record.at, record.sequence));
        let mut matched = 0;
        for (filter, period) in filters()
            .into_iter()
            .flat_map(|filter| periods().into_iter().map(move |period| (filter.clone(), period)))
        {
            let filter = ChangeFilter { period, ..filter };
            for order in ORDERS {
                let mut expected: Vec<AuditRecord> =
                    all.iter().filter(|record| filter.admits(record)).cloned().collect();
                if order == Order::NewestFirst {
                    expected.reverse();
                }
                matched += expected.len();
                for limit in [2, 1000] {
                    let found = walk(limit, order, |page| {
                        Box::pin({
                            let (store, realm, filter) = (&*store, &realm, &filter);
                            async move { store.list_audit(realm, filter, &page).await }
                        })
                    });
                    assert_eq!(found.await, expected, "{filter:?} {order:?} by {limit}");
                }
            }
        }
        assert!(matched > 100, "{matched}");
    }
    for strange in ["", "1", "a.b", "1.b", "1.2.3", "99999999999999999999.1", "\0"] {
        let page = TrailRequest { after: Some(strange.to_owned()), limit: 1, order: Order::NewestFirst };
        let error = store.list_audit(&id("r"), &ChangeFilter::default(), &page).await.unwrap_err();
        assert_eq!(case(&error), "Cursor", "{strange:?}");
    }
    let none = TrailRequest { limit: 0, ..TrailRequest::default() };
    assert_eq!(store.list_audit(&id("r"), &ChangeFilter::default(), &none).await.unwrap().items.len(), 1);
}

/// A token of a client of an organization in a realm.
fn token(seconds: i64, name: &str, (realm, organization, client): (&str, &str, &str)) -> TokenRecord {
    let grant = GrantRecord {
        realm: id(realm),
        organization: Some(id(organization)),
        client: Some(id(client)),
        ..grant()
    };
    TokenRecord { grant: grant.into(), ..record(seconds, name, &format!("r{name}")) }
}

/// Batches of two writers, some of one moment, and two during which the clock was set. In the order of the list.
fn batches() -> Vec<(BatchPlace, Vec<TokenRecord>)> {
    let place = |writer: &str, sequence| BatchPlace { writer: writer.to_owned(), sequence };
    let whose = [("r", "o1", "c"), ("r", "o1", "d"), ("r", "o2", "e"), ("s", "o1", "c")];
    let mut batches = Vec::new();
    for second in 0..8 {
        for writer in ["v", "w"] {
            let tokens = (0..5_usize)
                .map(|number| token(second, &format!("{writer}{second}{number}"), whose[number % 4]))
                .collect();
            batches.push((place(writer, second + 1), tokens));
        }
    }
    // Both begin within the others' time and end long after it.
    for (writer, end) in [("x", 1000), ("y", 2000)] {
        let tokens =
            vec![token(4, &format!("{writer}1"), whose[0]), token(end, &format!("{writer}2"), whose[0])];
        batches.push((place(writer, 1), tokens));
    }
    batches
}

pub(crate) async fn tokens_found(store: Shared) {
    let batches = batches();
    // The order of writing is not that of the list.
    for (place, tokens) in batches.iter().rev() {
        store.append_tokens(place, tokens).await.unwrap();
    }
    let all: Vec<&TokenRecord> = batches.iter().flat_map(|(_, tokens)| tokens).collect();
    let none = TokenFilter::default;
    let filters = [
        none(),
        TokenFilter { client: Some(id("c")), ..none() },
        TokenFilter { organization: Some(id("o1")), ..none() },
        TokenFilter { organization: Some(id("o2")), client: Some(id("c")), ..none() },
        TokenFilter { client: Some(id("nobody")), ..none() },
    ];
    let mut matched = 0;
    for (realm, filter, period) in [id("r"), id("s"), id("t")].into_iter().flat_map(|realm| {
        let filters = filters.clone().into_iter();
        filters.flat_map(move |filter| {
            let realm = realm.clone();
            periods().into_iter().map(move |period| (realm.clone(), filter.clone(), period))
        })
    }) {
        let filter = TokenFilter { period, ..filter };
        let wanted = |token: &TokenRecord| {
            let grant = token.grant.read();
            grant.realm == realm
                && period.contains(token.at)
                && filter.client.as_ref().is_none_or(|client| grant.client.as_ref() == Some(client))
                && filter.organization.as_ref().is_none_or(|of| grant.organization.as_ref() == Some(of))
        };
        for order in ORDERS {
            let mut expected: Vec<TokenRecord> =
                all.iter().filter(|token| wanted(token)).map(|token| (*token).clone()).collect();
            if order == Order::NewestFirst {
                expected.reverse();
            }
            matched += expected.len();
            for limit in [7, 1000] {
                let found = walk(limit, order, |page| {
                    Box::pin({
                        let (store, realm, filter) = (&*store, &realm, &filter);
                        async move { store.list_tokens(realm, filter, &page).await }
                    })
                });
                assert_eq!(found.await, expected, "{filter:?} {order:?} by {limit}");
            }
        }
    }
    assert!(matched > 500, "{matched}");
    for strange in ["", "1.2", "1.2.3", "a.1.1.w", "1.a.1.w", "1.1.a.w", "-1.1.1.w", "0.1.1.\0"] {
        let page = TrailRequest { after: Some(strange.to_owned()), limit: 1, order: Order::NewestFirst };
        let error = store.list_tokens(&id("r"), &none(), &page).await.unwrap_err();
        assert_eq!(case(&error), "Cursor", "{strange:?}");
    }
}

/// A page looks at so many batches at most; a list of more still comes to its end.
pub(crate) async fn rare_tokens_found(store: Shared) {
    const BATCHES: i64 = 300;
    for number in 0..BATCHES {
        let client = if number == 0 { "rare" } else { "c" };
        let place = BatchPlace { writer: "w".to_owned(), sequence: number + 1 };
        let token = token(number, &number.to_string(), ("r", "o1", client));
        store.append_tokens(&place, &[token]).await.unwrap();
    }
    let (realm, filter) = (id("r"), TokenFilter { client: Some(id("rare")), ..TokenFilter::default() });
    let first = TrailRequest { limit: 10, ..TrailRequest::default() };
    let page = store.list_tokens(&id("r"), &filter, &first).await.unwrap();
    assert!(page.items.is_empty() && page.next.is_some(), "a page does a bounded amount of work");
    let found = walk(10, Order::NewestFirst, |page| {
        Box::pin({
            let (store, realm, filter) = (&*store, &realm, &filter);
            async move { store.list_tokens(realm, filter, &page).await }
        })
    });
    assert_eq!(found.await, [token(0, "0", ("r", "o1", "rare"))]);
}

fn refusal(number: i64) -> RefusalRecord {
    RefusalRecord {
        at: later(number / 3),
        request_id: format!("req-{number}"),
        realm: id(["r", "s"][usize::try_from(number % 2).unwrap()]),
        endpoint: "token".to_owned(),
        error: "invalid_client".to_owned(),
        reason: ["wrong_secret", "unknown_client", "licence"][usize::try_from(number % 3).unwrap()]
            .to_owned(),
        detail: "a detail".to_owned(),
        unverified_client: [None, Some("c"), Some("k"), Some("d")][usize::try_from(number % 4).unwrap()]
            .map(str::to_owned),
        client: None,
        organization: None,
        access_key: None,
        audience: None,
        from: "192.0.2.1".to_owned(),
        dropped_before: 0,
    }
}

pub(crate) async fn refusals_found(store: Shared) {
    let all: Vec<RefusalRecord> = (0..40).map(refusal).collect();
    store.append_refusals(&all).await.unwrap();
    let none = RefusalFilter::default;
    let filters = [
        none(),
        RefusalFilter { reason: Some("licence".to_owned()), ..none() },
        RefusalFilter { named: vec!["c".to_owned(), "k".to_owned()], ..none() },
        RefusalFilter { reason: Some("licence".to_owned()), named: vec!["d".to_owned()], ..none() },
    ];
    for (realm, filter) in [id("r"), id("s")]
        .into_iter()
        .flat_map(|realm| filters.clone().into_iter().map(move |filter| (realm.clone(), filter)))
    {
        for period in periods() {
            let filter = RefusalFilter { period, ..filter.clone() };
            for order in ORDERS {
                let wanted = all.iter().filter(|one| one.realm == realm && filter.admits(one));
                let mut expected: Vec<RefusalRecord> = wanted.cloned().collect();
                if order == Order::NewestFirst {
                    expected.reverse();
                }
                for limit in [2, 1000] {
                    let found = walk(limit, order, |page| {
                        Box::pin({
                            let (store, realm, filter) = (&*store, &realm, &filter);
                            async move { store.list_refusals(realm, filter, &page).await }
                        })
                    });
                    assert_eq!(found.await, expected, "{filter:?} {order:?} by {limit}");
                }
            }
        }
    }
}

async fn list(store: &Shared, reach: Option<OrganizationId>, query: Query) -> StoreResult<Page<Entry>> {
    let page = TrailRequest { limit: 1000, ..TrailRequest::default() };
    trail::list(&**store, &id("r"), reach.as_ref(), &query, &page).await
}

async fn count(store: &Shared, reach: Option<&str>, query: Query) -> usize {
    list(store, reach.map(id), query).await.unwrap().items.len()
}

/// What a customer sees of the trail is its own, whatever it asks for.
pub(crate) async fn within_reach(store: Shared) {
    changes(&store).await;
    let realm = id("r");
    for (organization, client, key) in [("o1", "c1", "k1"), ("o2", "c2", "k2")] {
        add_client(&*store, &realm, organization, client).await;
        add_key(&*store, &realm, organization, client, key).await;
        let place = BatchPlace { writer: organization.to_owned(), sequence: 1 };
        store.append_tokens(&place, &[token(0, client, ("r", organization, client))]).await.unwrap();
        let named = [Some(client.to_owned()), Some(key.to_owned()), Some("nobody".to_owned()), None];
        let named = named.map(|name| RefusalRecord { realm: id("r"), unverified_client: name, ..refusal(0) });
        store.append_refusals(&named).await.unwrap();
    }
    let changes = |of: Option<&str>| {
        Query::Changes(ChangeFilter { organization: of.map(id), ..ChangeFilter::default() })
    };
    let own = list(&store, Some(id("o1")), changes(None)).await.unwrap().items;
    assert!(own.len() > 5);
    for entry in own {
        assert!(
            matches!(&entry, Entry::Change(record) if record.organization == Some(id("o1"))),
            "{entry:?}"
        );
    }
    assert_eq!(count(&store, Some("o1"), changes(Some("o2"))).await, 0);
    assert!(count(&store, None, changes(None)).await > count(&store, None, changes(Some("o2"))).await);
    let tokens = |of: Option<&str>, client: Option<&str>| {
        let (organization, client) = (of.map(id), client.map(id));
        Query::Tokens(TokenFilter { organization, client, period: Period::default() })
    };
    assert_eq!(count(&store, None, tokens(None, None)).await, 2);
    assert_eq!(count(&store, Some("o1"), tokens(None, None)).await, 1);
    assert_eq!(count(&store, Some("o1"), tokens(None, Some("c2"))).await, 0);
    assert_eq!(count(&store, Some("o1"), tokens(Some("o2"), Some("c2"))).await, 0);
    let refusals = |client: Option<&str>| Query::Refusals {
        reason: None,
        client: client.map(id),
        period: Period::default(),
    };
    assert_eq!(count(&store, None, refusals(None)).await, 8);
    assert_eq!(count(&store, None, refusals(Some("c2"))).await, 2);
    assert_eq!(count(&store, None, refusals(Some("nobody"))).await, 2);
    assert_eq!(count(&store, Some("o1"), refusals(Some("c1"))).await, 2);
    for others in ["c2", "k2", "k1", "nobody"] {
        assert_eq!(count(&store, Some("o1"), refusals(Some(others))).await, 0, "{others}");
    }
    assert_eq!(case(&list(&store, Some(id("o1")), refusals(None)).await.unwrap_err()), "Refused");
}
