//! What every list has in common: heads that sort it, filters and parts by address.

use serde_json::json;

use super::browser::{Browser, Desk, Who};

const REALM: &str = "/console/realms/default";

/// Every list with heads that sort it, and how many do.
const LISTS: [(&str, usize); 10] = [
    ("/console/realms", 4),
    ("/console/realms/default/clients", 3),
    ("/console/realms/default/organizations", 3),
    ("/console/realms/default/operators", 4),
    ("/console/realms/default/policies", 3),
    ("/console/realms/default/resource-servers", 6),
    ("/console/realms/default/signing-keys", 3),
    ("/console/realms/default/organizations/custodian/clients", 3),
    ("/console/realms/default/organizations/custodian/members", 4),
    ("/console/realms/ecoinvent/organizations/eco-customer/licences", 5),
];

/// A head that sorts: its text, where it leads, and how the list is sorted by it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Head {
    text: String,
    to: String,
    order: String,
}

fn attribute(tag: &str, name: &str) -> String {
    let value = tag.split(&format!("{name}=\"")).nth(1).and_then(|rest| rest.split('"').next());
    super::operator::forms::plain(value.unwrap_or_default())
}

fn heads(page: &str) -> Vec<Head> {
    let Some(head) = page.split("<thead>").nth(1).and_then(|rest| rest.split("</thead>").next()) else {
        return Vec::new();
    };
    let cells = head.split("<th ").skip(1).filter(|cell| cell.contains("<a "));
    let one = |cell: &str| {
        let (tag, rest) = cell.split_once('>').unwrap();
        let text = rest.split_once('>').unwrap().1.split('<').next().unwrap().to_owned();
        Head { text, to: attribute(rest, "href"), order: attribute(tag, "aria-sort") }
    };
    cells.map(one).collect()
}

/// What stands in the first cell of each row.
fn firsts(page: &str) -> Vec<String> {
    let rows = page.split("<th scope=\"row\">").skip(1);
    rows.map(|row| row.split_once('>').unwrap().1.split('<').next().unwrap().to_owned()).collect()
}

fn next(page: &str) -> Option<String> {
    let (before, _) = page.split_once("rel=\"next\"")?;
    Some(attribute(before.rsplit("<a ").next().unwrap(), "href"))
}

/// The first cells of all parts of a list.
async fn whole(browser: &mut Browser<'_>, path: &str) -> Vec<String> {
    let (mut path, mut seen) = (path.to_owned(), Vec::new());
    loop {
        let page = browser.get(&path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        seen.extend(firsts(&page.text));
        match next(&page.text) {
            Some(next) => path = next,
            None => return seen,
        }
    }
}

async fn apply(desk: &Desk, more: serde_json::Value) {
    let settings = desk.bed.authority.directory().realm("default").unwrap().realm().settings.clone();
    let mut realm = json!({"id": "default", "settings": settings});
    realm.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    desk.bed.apply(&json!({"realms": [realm]}).to_string()).await;
}

#[tokio::test]
async fn every_list_is_sorted_by_its_heads_one_way_and_the_other() {
    let desk = Desk::open().await;
    let mut browser = Browser::signed_in(&desk, Who::Owner).await;
    for (path, count) in LISTS {
        let page = browser.get(path).await;
        assert_eq!(page.status, 200, "{path}: {}", page.text);
        let found = heads(&page.text);
        assert_eq!(found.len(), count, "{path}: {found:?}");
        for Head { text, to, .. } in found {
            let mut seen = Vec::new();
            let mut to = to;
            for _ in 0..2 {
                let page = browser.get(&to).await;
                assert_eq!(page.status, 200, "{to}: {}", page.text);
                let sorted: Vec<_> =
                    heads(&page.text).into_iter().filter(|head| !head.order.is_empty()).collect();
                assert_eq!(sorted.len(), 1, "{to}: {sorted:?}");
                assert_eq!(sorted[0].text, text, "{to}");
                seen.push((sorted[0].order.clone(), firsts(&page.text)));
                to.clone_from(&sorted[0].to);
            }
            let orders = [&seen[0].0, &seen[1].0];
            assert!(orders.contains(&&"ascending".to_owned()), "{path} {text}: {orders:?}");
            assert!(orders.contains(&&"descending".to_owned()), "{path} {text}: {orders:?}");
            // The same things, whichever comes first.
            let [mut one, mut other] = [seen[0].1.clone(), seen[1].1.clone()];
            one.sort();
            other.sort();
            assert_eq!(one, other, "{path} {text}");
        }
    }
}

#[tokio::test]
async fn a_long_list_is_whole_in_every_order_and_keeps_its_filters() {
    let desk = Desk::open().await;
    let clients: Vec<_> = (0..130)
        .map(|number| {
            let name = format!("{} {:03}", if number % 2 == 0 { "Even" } else { "odd" }, number * 37 % 130);
            json!({"id": format!("many-{number:03}"), "settings": {"name": name}})
        })
        .collect();
    apply(&desk, json!({"organizations": [{"id": "many", "clients": clients}]})).await;
    let mut browser = Browser::signed_in(&desk, Who::Owner).await;
    for list in [format!("{REALM}/clients"), format!("{REALM}/organizations/many/clients")] {
        let mut names = whole(&mut browser, &format!("{list}?q=many-&sort=name")).await;
        assert_eq!((names.len(), names[0].as_str(), names[129].as_str()), (130, "Even 000", "odd 129"));
        assert!(names.is_sorted_by_key(|name| name.to_lowercase()), "{names:?}");
        names.reverse();
        assert_eq!(whole(&mut browser, &format!("{list}?q=many-&sort=-name")).await, names);
        let even = whole(&mut browser, &format!("{list}?q=EVEN&status=active&sort=-created")).await;
        assert_eq!(even.len(), 65);
        let page = browser.get(&format!("{list}?q=even&status=active&sort=-name")).await.text;
        // The heads and the form keep what was asked for, and the next part as well.
        for head in heads(&page) {
            assert!(head.to.starts_with(&format!("{list}?q=even&status=active&sort=")), "{head:?}");
        }
        assert!(page.contains("<input type=\"hidden\" name=\"sort\" value=\"-name\">"), "{page}");
        assert!(next(&page).unwrap().starts_with(&format!("{list}?q=even&status=active&sort=-name&cursor=")));
        // A part of one order is no part of another, and an order that is none changes nothing.
        let cursor = next(&page).unwrap().rsplit('=').next().unwrap().to_owned();
        assert_eq!(browser.get(&format!("{list}?q=even&sort=name&cursor={cursor}")).await.status, 404);
        assert_eq!(browser.get(&format!("{list}?q=even&sort=%3Cscript%3E")).await.status, 200);
    }
}

#[tokio::test]
async fn a_list_of_operators_goes_on() {
    let desk = Desk::open().await;
    let operators: Vec<_> = (0..60)
        .map(|number| json!({"email": format!("many{number:02}@operator.example"), "role": "auditor"}))
        .collect();
    apply(&desk, json!({"operators": operators})).await;
    let mut browser = Browser::signed_in(&desk, Who::Owner).await;
    let found = whole(&mut browser, &format!("{REALM}/operators?sort=role&q=many")).await;
    assert_eq!((found.len(), found[59].as_str()), (60, "many59@operator.example"));
    let all = whole(&mut browser, &format!("{REALM}/operators?sort=-email")).await;
    assert_eq!((all.len(), all[0].as_str()), (63, Who::Owner.email()));
    assert!(all.iter().all(|email| email.ends_with("operator.example")), "{all:?}");
}

#[tokio::test]
async fn whoever_has_a_policy_is_found_however_many_clients_there_are() {
    let desk = Desk::open().await;
    let clients: Vec<_> = (0..130)
        .map(|number| json!({"id": format!("many-{number:03}"), "settings": {"policies": ["Administrator"]}}))
        .collect();
    apply(&desk, json!({"organizations": [{"id": "many", "clients": clients}]})).await;
    let mut browser = Browser::signed_in(&desk, Who::Owner).await;
    let path = format!("{REALM}/policies/Administrator");
    let page = browser.get(&path).await.text;
    assert!(page.contains("among the first 100; there are more than those."), "{page}");
    let rest = browser.get(&next(&page).unwrap()).await.text;
    assert!(rest.contains("among the last "), "{rest}");
    let found = whole(&mut browser, &path).await;
    assert_eq!(found.iter().filter(|name| name.starts_with("many-")).count(), 130, "{found:?}");
}
