//! Who sees which page, and that nothing of another organization is reached by any address or form.

use super::super::browser::{Browser, Who};
use super::{HERE, desk};
use crate::support::secrets;

const THERE: &str = "/console/realms/default/organizations/other";

/// Pages with what they need: looking, changing clients, or changing members.
const PAGES: [(&str, &str); 20] = [
    ("", "look"),
    ("/clients", "look"),
    ("/clients/new", "write"),
    ("/clients/meti", "look"),
    ("/clients/meti/settings", "write"),
    ("/clients/meti/scopes", "write"),
    ("/clients/meti/disable", "write"),
    ("/clients/meti/enable", "write"),
    ("/clients/meti/delete", "write"),
    ("/clients/meti/rotation", "look"),
    ("/clients/meti/quick-start", "look"),
    ("/clients/meti/postman.json", "look"),
    ("/clients/meti/try", "look"),
    ("/clients/meti/access-keys/new", "write"),
    ("/clients/meti/access-keys/meti-key/deactivate", "write"),
    ("/credentials", "look"),
    ("/licences", "look"),
    ("/members", "look"),
    ("/members/new", "members"),
    ("/members/usr_dev/disable", "members"),
];

fn expected(who: Who, needs: &str) -> u16 {
    let may = match who {
        Who::OtherCustomer => return 404,
        Who::Owner | Who::Admin | Who::CustomerAdmin => true,
        Who::CustomerDeveloper => needs != "members",
        Who::Auditor | Who::CustomerViewer => needs == "look",
    };
    if may { 200 } else { 403 }
}

#[tokio::test]
async fn each_page_is_for_who_may_see_it() {
    let desk = desk("oauth").await;
    for who in Who::ALL {
        let mut browser = Browser::signed_in(&desk, who).await;
        for (path, needs) in PAGES {
            let page = browser.get(&format!("{HERE}{path}")).await;
            assert_eq!(page.status, expected(who, needs), "{who:?} {path}: {}", page.text);
        }
    }
    let mut nobody = Browser::new(&desk);
    for (path, _) in PAGES {
        assert_eq!(nobody.get(&format!("{HERE}{path}")).await.status, 303, "{path}");
    }
}

#[tokio::test]
async fn nothing_of_another_organization_is_reached() {
    let desk = desk("oauth").await;
    let before = desk.bed.find_client("default", "meti").await;
    let mut browser = Browser::signed_in(&desk, Who::OtherCustomer).await;
    let fields = [
        ("once", "x"),
        ("version", "1"),
        ("name", "Mine now"),
        ("secret", secrets::METI),
        ("role", "viewer"),
        ("organization", "custodian"),
        ("client", "meti"),
    ];
    // Their ids below its own organization, and below theirs; each by looking and by sending a form.
    for base in [THERE, HERE] {
        for (path, _) in PAGES {
            let names_theirs = path.contains("meti") || path.contains("usr_dev");
            if base == THERE && !names_theirs {
                continue;
            }
            let path = format!("{base}{path}");
            assert_eq!(browser.get(&path).await.status, 404, "{path}");
            let sent = browser.post(&path, &fields).await;
            assert!(matches!(sent.status, 404 | 405), "{path}: {sent:?}");
            assert!(!sent.text.contains("importer"), "{path}");
        }
    }
    let members = browser.post(&format!("{THERE}/members/usr_dev"), &fields).await;
    assert_eq!(members.status, 404);
    assert_eq!(desk.bed.find_client("default", "meti").await, before);
    // Another realm is as far away.
    let eco = "/console/realms/ecoinvent/organizations/eco-customer";
    for path in ["", "/clients", "/clients/eco-trial", "/credentials", "/members"] {
        assert_eq!(browser.get(&format!("{eco}{path}")).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_key_is_reached_through_its_own_client_alone() {
    let desk = desk("oauth").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    for page in ["deactivate", "activate", "remove"] {
        let path = format!("{HERE}/clients/meti-readonly/access-keys/meti-key/{page}");
        assert_eq!(browser.get(&path).await.status, 404);
        assert_eq!(browser.post(&path, &[("version", "1")]).await.status, 404);
    }
}

#[tokio::test]
async fn forms_of_other_pages_change_nothing() {
    let desk = desk("oauth").await;
    let before = desk.bed.find_client("default", "meti").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    for path in ["disable", "delete", "settings", "scopes", "access-keys/new", "try"] {
        let fields = [("version", "1"), ("name", "x"), ("secret", secrets::METI)];
        let answer =
            browser.post_from("https://evil.example", &format!("{HERE}/clients/meti/{path}"), &fields).await;
        assert_eq!(answer.status, 403, "{path}");
    }
    assert_eq!(desk.bed.find_client("default", "meti").await, before);
}
