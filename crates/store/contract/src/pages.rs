//! Promises about pages.

use symbolon_core::audit::SubjectKind;
use symbolon_core::realm::RealmId;
use symbolon_core::store::{Page, PageRequest, Store};
use symbolon_core::user::User;

use crate::Shared;
use crate::world::{add_client, change, id, organization, populate, user};

/// Ids whose order is that of their bytes, whatever a language makes of it.
const NAMES: [&str; 11] = ["B", "Z", "_", "a", "a-", "a.", "a/", "aB", "aa", "ab", "~"];

/// The three lists that have pages, as ids.
async fn page(store: &dyn Store, realm: &RealmId, list: usize, request: &PageRequest) -> Page<String> {
    let texts = |items: Vec<String>, next| Page { items, next };
    match list {
        0 => {
            let page = store.list_organizations(realm, request).await.unwrap();
            texts(page.items.iter().map(|found| found.id.to_string()).collect(), page.next)
        }
        1 => {
            let page = store.list_clients(realm, &id("o1"), request).await.unwrap();
            texts(page.items.iter().map(|found| found.id.to_string()).collect(), page.next)
        }
        _ => {
            let page = store.list_users(realm, Some(&id("o2")), request).await.unwrap();
            texts(page.items.iter().map(|found| found.id.to_string()).collect(), page.next)
        }
    }
}

async fn fill(store: &dyn Store) -> RealmId {
    let realm = populate(store).await;
    for (number, name) in NAMES.iter().enumerate().rev() {
        let change = change(SubjectKind::Organization, name);
        store.insert_organization(&realm, &organization(name), &change).await.unwrap();
        add_client(store, &realm, "o1", &format!("c{name}")).await;
        add_client(store, &realm, "o2", &format!("d{name}")).await;
        // Some of the names are one email address.
        let member = User { email: format!("u{number}@x"), ..user(Some("o2"), &format!("u{name}")) };
        let operator = User { email: format!("v{number}@x"), ..user(None, &format!("v{name}")) };
        store.insert_user(&realm, &member, &change).await.unwrap();
        store.insert_user(&realm, &operator, &change).await.unwrap();
    }
    realm
}

pub(crate) async fn walk(store: Shared) {
    let realm = fill(&*store).await;
    let with = |prefix: &str| NAMES.iter().map(|name| format!("{prefix}{name}")).collect::<Vec<_>>();
    let mut organizations = [with(""), vec!["o1".to_owned(), "o2".to_owned()]].concat();
    organizations.sort();
    for (list, expected) in [organizations, with("c"), with("u")].into_iter().enumerate() {
        for limit in [1, 2, 3, u32::try_from(expected.len()).unwrap(), 1000] {
            let (mut after, mut seen) = (None, Vec::new());
            loop {
                let page = page(&*store, &realm, list, &PageRequest { after, limit }).await;
                assert!(!page.items.is_empty() && page.items.len() <= usize::try_from(limit).unwrap());
                seen.extend(page.items);
                let Some(next) = page.next else { break };
                assert_eq!(Some(&next), seen.last());
                after = Some(next);
            }
            assert_eq!(seen, expected, "pages of {limit}");
        }
    }
}

pub(crate) async fn strange(store: Shared) {
    let realm = fill(&*store).await;
    let long = "x".repeat(100_000);
    for list in 0..3 {
        let whole = page(&*store, &realm, list, &PageRequest::first()).await;
        for cursor in ["", "nobody", "\0", "a\0b", "'; DROP TABLE clients; --", "ﬀ", &long] {
            let request = PageRequest { after: Some(cursor.to_owned()), limit: 1000 };
            let page = page(&*store, &realm, list, &request).await;
            assert!(page.items.iter().all(|found| whole.items.contains(found)));
            assert!(page.items.is_sorted() && page.next.is_none());
        }
        let request = PageRequest { after: None, limit: 0 };
        assert_eq!(page(&*store, &realm, list, &request).await.items.len(), 1);
        let request = PageRequest { after: None, limit: u32::MAX };
        assert_eq!(page(&*store, &realm, list, &request).await, whole);
    }
}
