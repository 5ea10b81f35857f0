//! Promises about lists in an order of their own.

use proptest::prelude::*;
use symbolon_core::audit::SubjectKind;
use symbolon_core::client::{Client, ClientSettings};
use symbolon_core::clock::Timestamp;
use symbolon_core::id::RealmId;
use symbolon_core::organization::Organization;
use symbolon_core::realm::Status;
use symbolon_core::store::{ListFilter, NewClient, PageRequest, Sort, SortKey, Store, StoreError};
use symbolon_core::user::{MemberRole, Membership, OperatorRole, User};

use crate::Shared;
use crate::lists::{Thing, named, page, whole};
use crate::revocations::cases;
use crate::world::{change, id, organization, populate, user};

/// Where a thing lives, when it was made, and what it is.
type Made = (usize, i64, Thing);

const HOMES: [&str; 2] = ["o1", "o2"];

fn at(second: i64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + second)
}

fn client_of((home, second, thing): &Made) -> Client {
    Client { created_at: at(*second), ..named(HOMES[*home], thing) }
}

async fn add(store: &dyn Store, realm: &RealmId, made: &Made) {
    store.insert_client(realm, &client_of(made), &change(SubjectKind::Client, &made.2.0)).await.unwrap();
}

fn thing(name: &str, text: &str, active: bool) -> Thing {
    (name.to_owned(), text.to_owned(), if active { Status::Active } else { Status::Disabled })
}

fn in_order(text: &str) -> ListFilter {
    ListFilter { sort: Sort::named(text), ..ListFilter::default() }
}

/// What a list holds, in its order.
fn expected(all: &[Made], of: Option<usize>, filter: &ListFilter) -> Vec<String> {
    let prefix = filter.prefix.clone().unwrap_or_default().trim().to_lowercase();
    let sort = filter.sort.unwrap();
    let mut found = Vec::new();
    for (home, second, (name, text, status)) in all {
        let folded = text.trim().to_lowercase();
        let begins = folded.starts_with(&prefix) || name.to_lowercase().starts_with(&prefix);
        if begins && of.is_none_or(|of| of == *home) && filter.status.is_none_or(|wanted| wanted == *status) {
            let key = match sort.by {
                SortKey::Created => (0, *second, String::new()),
                SortKey::Status => (i32::from(*status == Status::Disabled), 0, folded),
                _ => (0, 0, folded),
            };
            found.push((key, name.clone()));
        }
    }
    found.sort();
    if sort.descending {
        found.reverse();
    }
    found.into_iter().map(|(_, name)| name).collect()
}

fn sorts() -> impl Strategy<Value = Option<Sort>> {
    let names = ["name", "created", "status", "-name", "-created", "-status"];
    proptest::sample::select(names.map(Sort::named).to_vec())
}

pub(crate) async fn model(store: Shared) {
    let realm = populate(&*store).await;
    let things = ("[aAbB_~.]{1,3}", "[ aAbBäÄ%_]{0,2}", any::<bool>(), 0_usize..2, 0_i64..6);
    let mut all: Vec<Made> = Vec::new();
    for (name, text, active, home, second) in cases(things, 120) {
        if all.iter().all(|(_, _, (other, ..))| *other != name) {
            let made = (home, second, thing(&name, &text, active));
            add(&*store, &realm, &made).await;
            all.push(made);
        }
    }
    let status = proptest::sample::select(vec![None, Some(Status::Active), Some(Status::Disabled)]);
    let prefix = proptest::option::of("[aAbBäÄ%_~. ]{0,2}");
    for (of, status, prefix, sort, limit) in
        cases((proptest::option::of(0_usize..2), status, prefix, sorts(), 1_u32..9), 200)
    {
        let filter = ListFilter { status, prefix, sort };
        let organization = of.map(|home| id(HOMES[home]));
        let found = whole(&*store, (0, &realm, organization.as_ref()), &filter, limit).await;
        assert_eq!(found, expected(&all, of, &filter), "{of:?} {filter:?} in pages of {limit}");
    }
}

pub(crate) async fn many(store: Shared) {
    let realm = populate(&*store).await;
    let mut all: Vec<Made> = Vec::new();
    for number in 0..400_i64 {
        let name = format!("{}_{}", if number % 3 == 0 { "CLI" } else { "x" }, number * 7919 % 1000);
        let text = format!("{} {}", if number % 2 == 0 { "Same" } else { "cli other" }, number * 31 % 17);
        all.push((0, number * 37 % 101, thing(&name, &text, number % 5 != 0)));
    }
    let new = |made: &Made| NewClient {
        client: client_of(made),
        change: change(SubjectKind::Client, &made.2.0),
        keys: Vec::new(),
    };
    store.insert_clients(&realm, &all.iter().map(new).collect::<Vec<_>>()).await.unwrap();
    let o1 = id("o1");
    for sort in ["name", "-name", "created", "-created", "status", "-status"] {
        for prefix in [None, Some("cli"), Some("same"), Some("same 1"), Some("nobody")] {
            for status in [None, Some(Status::Disabled)] {
                let filter =
                    ListFilter { status, prefix: prefix.map(str::to_owned), sort: Sort::named(sort) };
                for of in [None, Some(&o1)] {
                    let found = whole(&*store, (0, &realm, of), &filter, 70).await;
                    assert_eq!(found, expected(&all, None, &filter), "{filter:?}");
                }
            }
        }
    }
}

pub(crate) async fn people(store: Shared) {
    let realm = populate(&*store).await;
    for (name, email, place) in [
        ("u1", "Zoe@x.test", Ok(MemberRole::Viewer)),
        ("u2", "adam@x.test", Ok(MemberRole::Viewer)),
        ("u3", "Berta@x.test", Ok(MemberRole::Admin)),
        ("u4", "carl@x.test", Ok(MemberRole::Developer)),
        ("u5", "dora@x.test", Err(OperatorRole::Auditor)),
        ("u6", "Emil@x.test", Err(OperatorRole::Owner)),
        ("u7", "fritz@x.test", Err(OperatorRole::Admin)),
    ] {
        let membership = place.ok().map(|role| Membership { organization: id("o1"), role });
        let made = User { email: email.to_owned(), membership, operator: place.err(), ..user(None, name) };
        store.insert_user(&realm, &made, &change(SubjectKind::User, name)).await.unwrap();
    }
    let o1 = id("o1");
    let members = async |sort| whole(&*store, (1, &realm, Some(&o1)), &in_order(sort), 2).await;
    assert_eq!(members("name").await, ["u2", "u3", "u4", "u1"]);
    assert_eq!(members("-name").await, ["u1", "u4", "u3", "u2"]);
    assert_eq!(members("role").await, ["u3", "u4", "u2", "u1"]);
    let operators = async |sort| whole(&*store, (3, &realm, None), &in_order(sort), 2).await;
    assert_eq!(operators("-name").await, ["u7", "u6", "u5"]);
    assert_eq!(operators("role").await, ["u6", "u7", "u5"]);
    assert_eq!(operators("-role").await, ["u5", "u7", "u6"]);
    let everybody = whole(&*store, (1, &realm, None), &in_order("name"), 3).await;
    assert_eq!(everybody, ["u2", "u3", "u4", "u5", "u6", "u7", "u1"]);
    // Nothing else has a role.
    let (sorted, first) = (in_order("role"), PageRequest::first());
    let found = store.search_clients(&realm, None, &sorted, &first).await;
    assert!(matches!(found, Err(StoreError::Refused(_))), "{found:?}");
    let found = store.search_organizations(&realm, &sorted, &first).await;
    assert!(matches!(found, Err(StoreError::Refused(_))), "{found:?}");
}

pub(crate) async fn moving(store: Shared) {
    let realm = populate(&*store).await;
    for sort in ["name", "-name", "created", "-created", "status", "-status"] {
        let own = |name: &str| format!("{}{name}", sort.replace('-', "back"));
        let mut stay = Vec::new();
        for number in 0..20_i64 {
            let made =
                (0, number, thing(&own(&format!("s{number:02}")), &format!("n{number:02}"), number % 2 == 0));
            add(&*store, &realm, &made).await;
            stay.push(made);
        }
        let filter = in_order(sort);
        let (mut after, mut seen, mut turn) = (None, Vec::new(), 0_i64);
        loop {
            let found = page(&*store, (0, &realm, None), &filter, &PageRequest { after, limit: 3 }).await;
            seen.extend(found.items);
            let Some(next) = found.next else { break };
            after = Some(next);
            // One comes before what was read, one behind it, and one goes that may have been read last.
            for (name, second, text) in [("a", -1, "a"), ("z", 99, "z"), ("m", turn, "n05x")] {
                let made = (0, second, thing(&own(&format!("{name}{turn}")), text, turn % 2 == 0));
                add(&*store, &realm, &made).await;
            }
            let gone = own(&format!("m{}", turn - 1));
            if turn > 0 {
                let change = change(SubjectKind::Client, &gone);
                store.delete_client(&realm, &id("o1"), &id(&gone), 1, &change).await.unwrap();
            }
            turn += 1;
            assert!(turn < 100, "the list of {sort} does not end");
        }
        let mut once = seen.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), seen.len(), "{sort} repeats: {seen:?}");
        seen.retain(|name| name.starts_with(&own("s")));
        assert_eq!(seen, expected(&stay, None, &filter), "{sort}");
        // What is left is of no concern to the next order.
        for name in whole(&*store, (0, &realm, None), &ListFilter::default(), 1000).await {
            let change = change(SubjectKind::Client, &name);
            store.delete_client(&realm, &id("o1"), &id(&name), 1, &change).await.unwrap();
        }
    }
}

pub(crate) async fn changes(store: Shared) {
    let realm = populate(&*store).await;
    for (name, text) in [("a", "first"), ("b", "second"), ("c", "")] {
        add(&*store, &realm, &(0, 0, thing(name, text, true))).await;
    }
    let found = async |list, sort| whole(&*store, (list, &realm, None), &in_order(sort), 2).await;
    assert_eq!(found(0, "name").await, ["c", "a", "b"]);
    let change = change(SubjectKind::Client, "a");
    let base = client_of(&(0, 0, thing("a", "third", false)));
    store.update_client(&realm, &Client { version: 2, ..base.clone() }, &change).await.unwrap();
    assert_eq!(found(0, "name").await, ["c", "b", "a"]);
    assert_eq!(found(0, "-status").await, ["a", "b", "c"]);
    // A change that fails leaves the order as it was.
    let settings = ClientSettings { name: "0".to_owned(), ..base.settings.clone() };
    assert!(store.update_client(&realm, &Client { version: 2, settings, ..base }, &change).await.is_err());
    assert_eq!(found(0, "name").await, ["c", "b", "a"]);
    store.delete_client(&realm, &id("o1"), &id("b"), 1, &change).await.unwrap();
    assert_eq!(found(0, "created").await, ["a", "c"]);
    assert_eq!(found(2, "name").await, ["o1", "o2"]);
    let renamed = Organization { name: "Zoo".to_owned(), version: 2, ..organization("o2") };
    store.update_organization(&realm, &renamed, &change).await.unwrap();
    assert_eq!(found(2, "name").await, ["o2", "o1"]);
    let member = user(Some("o1"), "u");
    store.insert_user(&realm, &member, &change).await.unwrap();
    store.insert_user(&realm, &user(Some("o1"), "v"), &change).await.unwrap();
    assert_eq!(found(1, "name").await, ["u", "v"]);
    let moved = User { email: "z@example.test".to_owned(), version: 2, ..member };
    store.update_user(&realm, &moved, &change).await.unwrap();
    assert_eq!(found(1, "name").await, ["v", "u"]);
}

pub(crate) async fn cursors(store: Shared) {
    let realm = populate(&*store).await;
    for number in 0..5 {
        add(&*store, &realm, &(0, number, thing(&format!("c{number}"), "Name\u{1} with \n all \0", true)))
            .await;
    }
    let sorts = ["name", "created", "status", "-name", "-created", "-status"];
    let search = async |filter: &ListFilter, after: &str| {
        let request = PageRequest { after: Some(after.to_owned()), limit: 2 };
        store.search_clients(&realm, None, filter, &request).await
    };
    for sort in sorts {
        let request = PageRequest { after: None, limit: 2 };
        let next = page(&*store, (0, &realm, None), &in_order(sort), &request).await.next.unwrap();
        assert_eq!(search(&in_order(sort), &next).await.unwrap().items.len(), 2, "{sort}");
        for other in sorts.into_iter().filter(|other| *other != sort) {
            let found = search(&in_order(other), &next).await;
            assert!(matches!(found, Err(StoreError::Cursor)), "{sort} in {other}: {found:?}");
        }
        let found = search(&ListFilter::default(), &next).await;
        assert!(matches!(found, Err(StoreError::Cursor)), "{sort} in none: {found:?}");
    }
    let plain =
        page(&*store, (0, &realm, None), &ListFilter::default(), &PageRequest { after: None, limit: 2 })
            .await
            .next
            .unwrap();
    let strange = [
        "",
        "c1",
        "\u{1}",
        "\u{1}name",
        "\u{1}name\u{1}300\u{1}\u{1}",
        "\u{1}name\u{1}0\u{1}\u{1}\u{1}",
        plain.as_str(),
    ];
    for text in strange.into_iter().chain(["\u{1}name\u{1}0\u{1}a\0\u{1}c1"]) {
        let found = search(&in_order("name"), text).await;
        assert!(matches!(found, Err(StoreError::Cursor)), "{text:?}: {found:?}");
    }
    // One that nobody was given is a place all the same.
    let last = format!("\u{1}name\u{1}255\u{1}{}\u{1}{}", "x".repeat(100_000), "'; DROP TABLE sorted; --");
    assert!(search(&in_order("name"), &last).await.unwrap().items.is_empty());
}
