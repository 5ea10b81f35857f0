//! Promises about lists with filters.

use proptest::prelude::*;
use symbolon_core::audit::SubjectKind;
use symbolon_core::client::{Client, ClientSettings};
use symbolon_core::id::{OrganizationId, RealmId};
use symbolon_core::organization::Organization;
use symbolon_core::realm::Status;
use symbolon_core::store::{ListFilter, Page, PageRequest, Store};
use symbolon_core::user::User;

use crate::Shared;
use crate::revocations::cases;
use crate::world::{change, client, id, organization, populate, populate_realm, user};

/// Id, name and status.
pub(crate) type Thing = (String, String, Status);

pub(crate) fn named(organization: &str, (name, text, status): &Thing) -> Client {
    let base = client(organization, name);
    let settings = ClientSettings { name: text.clone(), ..base.settings.clone() };
    Client { status: *status, settings, ..base }
}

async fn add(store: &dyn Store, realm: &RealmId, of: &str, thing: &Thing) {
    let change = change(SubjectKind::Client, &thing.0);
    store.insert_client(realm, &named(of, thing), &change).await.unwrap();
}

pub(crate) fn filter(status: Option<Status>, prefix: Option<&str>) -> ListFilter {
    ListFilter { status, prefix: prefix.map(str::to_owned), sort: None }
}

/// The lists, as ids: clients, users, organizations, operators.
pub(crate) async fn page(
    store: &dyn Store,
    (list, realm, of): (usize, &RealmId, Option<&OrganizationId>),
    filter: &ListFilter,
    request: &PageRequest,
) -> Page<String> {
    let texts = |items: Vec<String>, next| Page { items, next };
    match list {
        0 => {
            let page = store.search_clients(realm, of, filter, request).await.unwrap();
            texts(page.items.iter().map(|found| found.id.to_string()).collect(), page.next)
        }
        1 => {
            let page = store.search_users(realm, of, filter, request).await.unwrap();
            texts(page.items.iter().map(|found| found.id.to_string()).collect(), page.next)
        }
        3 => {
            let page = store.search_operators(realm, filter, request).await.unwrap();
            texts(page.items.iter().map(|found| found.id.to_string()).collect(), page.next)
        }
        _ => {
            let page = store.search_organizations(realm, filter, request).await.unwrap();
            texts(page.items.iter().map(|found| found.id.to_string()).collect(), page.next)
        }
    }
}

pub(crate) async fn whole(
    store: &dyn Store,
    which: (usize, &RealmId, Option<&OrganizationId>),
    filter: &ListFilter,
    limit: u32,
) -> Vec<String> {
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = page(store, which, filter, &PageRequest { after, limit }).await;
        assert!(page.items.len() <= usize::try_from(limit).unwrap());
        seen.extend(page.items);
        let Some(next) = page.next else { return seen };
        after = Some(next);
    }
}

pub(crate) async fn filters(store: Shared) {
    let realm = populate(&*store).await;
    let disabled = Status::Disabled;
    for (of, name, text, status) in [
        ("o1", "cli_2", "Weather station", Status::Active),
        ("o1", "CLI_1", "wEather vane", disabled),
        ("o2", "weather", "Other", Status::Active),
        ("o2", "x", "Ärger 100%", disabled),
        ("o2", "y", "", Status::Active),
    ] {
        add(&*store, &realm, of, &(name.to_owned(), text.to_owned(), status)).await;
    }
    let found = async |of: Option<&str>, status, prefix| {
        let of = of.map(id);
        whole(&*store, (0, &realm, of.as_ref()), &filter(status, prefix), 2).await
    };
    assert_eq!(found(None, None, None).await, ["CLI_1", "cli_2", "weather", "x", "y"]);
    assert_eq!(found(Some("o1"), None, None).await, ["CLI_1", "cli_2"]);
    assert_eq!(found(None, Some(disabled), None).await, ["CLI_1", "x"]);
    assert_eq!(found(Some("o2"), Some(disabled), None).await, ["x"]);
    assert_eq!(found(None, None, Some("cLi_")).await, ["CLI_1", "cli_2"]);
    assert_eq!(found(None, None, Some("WEATHER")).await, ["weather", "cli_2", "CLI_1"]);
    assert_eq!(found(Some("o1"), Some(Status::Active), Some("weather ")).await, ["cli_2"]);
    assert_eq!(found(None, None, Some("äRGER 100%")).await, ["x"]);
    for nobody in ["%", "_", "eather", "weather stations"] {
        assert_eq!(found(None, None, Some(nobody)).await, [""; 0], "{nobody}");
    }
    let users = async |of: Option<&str>, prefix| {
        let of = of.map(id);
        whole(&*store, (1, &realm, of.as_ref()), &filter(None, prefix), 1).await
    };
    for (of, name) in [(Some("o1"), "Anna"), (None, "annabel"), (Some("o2"), "bob")] {
        let change = change(SubjectKind::User, name);
        let email = format!("{name}@Example.test");
        store
            .insert_user(&realm, &User { email, ..user(of, &format!("usr_{name}")) }, &change)
            .await
            .unwrap();
    }
    assert_eq!(users(None, Some("ANNA")).await, ["usr_Anna", "usr_annabel"]);
    assert_eq!(users(Some("o1"), None).await, ["usr_Anna"]);
    assert_eq!(users(None, None).await, ["usr_Anna", "usr_annabel", "usr_bob"]);
    let operators = async |prefix| whole(&*store, (3, &realm, None), &filter(None, prefix), 1).await;
    assert_eq!(operators(None).await, ["usr_annabel"]);
    assert_eq!(operators(Some("ANNA@")).await, [""; 0]);
    let organizations = whole(&*store, (2, &realm, None), &filter(None, Some("“O")), 1).await;
    assert_eq!(organizations, ["o1", "o2"]);
    let other = populate_realm(&*store, "s").await;
    assert_eq!(whole(&*store, (0, &other, None), &filter(None, None), 10).await, [""; 0]);
}

/// What a list holds, by what is looked for and in its order.
fn expected(things: &[(usize, Thing)], of: Option<usize>, filter: &ListFilter) -> Vec<String> {
    let prefix = filter.prefix.clone().unwrap_or_default().trim().to_lowercase();
    let mut found = Vec::new();
    for (home, (name, text, status)) in things {
        if of.is_some_and(|of| of != *home) || filter.status.is_some_and(|wanted| wanted != *status) {
            continue;
        }
        let (folded, text) = (name.to_lowercase(), text.trim().to_lowercase());
        if !prefix.is_empty() && text.starts_with(&prefix) {
            found.push((text, name.clone()));
        } else if folded.starts_with(&prefix) {
            found.push((folded, name.clone()));
        }
    }
    found.sort();
    found.into_iter().map(|(_, name)| name).collect()
}

pub(crate) async fn model(store: Shared) {
    let realm = populate(&*store).await;
    let thing = ("[aAbB_~.]{1,3}", "[ aAbBäÄ%_]{0,4}", any::<bool>(), 0_usize..2);
    let mut things: Vec<(usize, Thing)> = Vec::new();
    for (name, text, active, home) in cases(thing, 120) {
        if things.iter().all(|(_, (other, ..))| *other != name) {
            let thing = (name, text, if active { Status::Active } else { Status::Disabled });
            add(&*store, &realm, ["o1", "o2"][home], &thing).await;
            things.push((home, thing));
        }
    }
    let status = proptest::sample::select(vec![None, Some(Status::Active), Some(Status::Disabled)]);
    let prefix = proptest::option::of("[aAbBäÄ%_~. ]{0,3}");
    let asked = (proptest::option::of(0_usize..2), status, prefix, 1_u32..8);
    for (of, status, prefix, limit) in cases(asked, 150) {
        let filter = ListFilter { status, prefix, sort: None };
        let organization = of.map(|home| id(["o1", "o2"][home]));
        let found = whole(&*store, (0, &realm, organization.as_ref()), &filter, limit).await;
        assert_eq!(found, expected(&things, of, &filter), "{of:?} {filter:?} in pages of {limit}");
    }
}

pub(crate) async fn changes(store: Shared) {
    let realm = populate(&*store).await;
    let thing = ("c".to_owned(), "First".to_owned(), Status::Active);
    add(&*store, &realm, "o1", &thing).await;
    let found =
        async |list, status, prefix| whole(&*store, (list, &realm, None), &filter(status, prefix), 9).await;
    assert_eq!(found(0, None, Some("first")).await, ["c"]);
    let change = change(SubjectKind::Client, "c");
    let second =
        Client { version: 2, ..named("o1", &("c".to_owned(), "Second".to_owned(), Status::Disabled)) };
    store.update_client(&realm, &second, &change).await.unwrap();
    assert_eq!(found(0, None, Some("first")).await, [""; 0]);
    assert_eq!(found(0, Some(Status::Active), None).await, [""; 0]);
    assert_eq!(found(0, Some(Status::Disabled), Some("sec")).await, ["c"]);
    // A change that fails leaves the list as it was.
    let stale = Client { version: 2, ..named("o1", &("c".to_owned(), "Third".to_owned(), Status::Active)) };
    assert!(store.update_client(&realm, &stale, &change).await.is_err());
    assert_eq!(found(0, None, Some("third")).await, [""; 0]);
    store.delete_client(&realm, &id("o1"), &id("c"), 2, &change).await.unwrap();
    assert_eq!(found(0, None, None).await, [""; 0]);
    // Its id may come back.
    add(&*store, &realm, "o1", &thing).await;
    assert_eq!(found(0, None, Some("first")).await, ["c"]);

    let renamed = Organization { name: "New".to_owned(), version: 2, ..organization("o1") };
    store.update_organization(&realm, &renamed, &change).await.unwrap();
    assert_eq!(found(2, None, Some("new")).await, ["o1"]);
    assert_eq!(found(2, None, Some("“o1")).await, [""; 0]);

    let member = user(Some("o1"), "u");
    store.insert_user(&realm, &member, &change).await.unwrap();
    let moved = User { email: "new@example.test".to_owned(), version: 2, ..member };
    store.update_user(&realm, &moved, &change).await.unwrap();
    assert_eq!(found(1, None, Some("NEW@")).await, ["u"]);
    assert_eq!(found(1, None, Some("u@")).await, [""; 0]);
}

pub(crate) async fn strange(store: Shared) {
    let realm = populate(&*store).await;
    let long = "x".repeat(100_000);
    let longest = "i".repeat(255);
    for (name, text) in
        [("c", "Name\0 \u{10ffff}"), ("d", ""), (longest.as_str(), "ﬀ"), ("e", &"ä".repeat(5000))]
    {
        add(&*store, &realm, "o1", &(name.to_owned(), text.to_owned(), Status::Active)).await;
    }
    let o1 = id("o1");
    let whole_list = whole(&*store, (0, &realm, None), &filter(None, None), 1000).await;
    assert_eq!(whole_list.len(), 4);
    for list in 0..3 {
        for of in [None, Some(&o1)] {
            for text in ["", " ", "\0", "a\0b", "'; DROP TABLE listed; --", "ﬀ", "\u{10ffff}", &long] {
                let request = PageRequest { after: Some(text.to_owned()), limit: 1000 };
                page(&*store, (list, &realm, of), &filter(None, None), &request).await;
                let found = page(&*store, (list, &realm, of), &filter(None, Some(text)), &request).await;
                assert!(found.next.is_none());
            }
        }
    }
    let found = async |prefix: &str| whole(&*store, (0, &realm, None), &filter(None, Some(prefix)), 1).await;
    assert_eq!(found("name").await, ["c"]);
    assert_eq!(found(&"Ä".repeat(6000)).await, ["e"]);
    for (limit, items) in [(0, 1), (u32::MAX, 4)] {
        let request = PageRequest { after: None, limit };
        assert_eq!(page(&*store, (0, &realm, None), &filter(None, None), &request).await.items.len(), items);
    }
}
