//! Who reaches which page, and that what is entered never becomes a part of a page.

use serde_json::json;

use super::super::browser::{Browser, Desk, PASSWORD, Who, escaped};
use super::forms::{Filled, METI, at, form, owner, save};
use crate::support::{Answer, realm_id};

/// What a page needs beyond looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    Reading,
    Writing,
    ManagingOperators,
}

async fn user_id(desk: &Desk, who: Who) -> String {
    let store = desk.bed.authority.store();
    let user = store.find_user_by_email(&realm_id("default"), who.email()).await.unwrap().unwrap();
    user.id.to_string()
}

async fn kid(desk: &Desk) -> String {
    desk.bed.authority.store().list_signing_keys(&realm_id("default")).await.unwrap().remove(0).kid
}

/// Every page of operators, in a world that has one of each thing.
async fn pages(desk: &Desk) -> Vec<(String, Needs)> {
    use Needs::{ManagingOperators, Reading, Writing};
    let mut browser = owner(desk).await;
    save(
        &mut browser,
        &at("/policies/new"),
        &[("name", "A policy"), ("id", "pol"), ("actions", "read:*"), ("resources", "*")],
    )
    .await;
    let new = at("/organizations/custodian/licences/new");
    save(&mut browser, &new, &[("audience", "https://api.meti.io")]).await;
    let (realm, custodian) = (realm_id("default"), "custodian".parse_id());
    let licence = desk.bed.authority.store().list_licences(&realm, &custodian).await.unwrap().remove(0).id;
    let (auditor, kid) = (user_id(desk, Who::Auditor).await, kid(desk).await);
    let pages = [
        ("", Reading),
        ("/settings", Reading),
        ("/settings/disable", Writing),
        ("/settings/enable", Writing),
        ("/signing-keys", Reading),
        ("/signing-keys?sort=kid", Reading),
        ("/signing-keys/rotate", Writing),
        (&format!("/signing-keys/{kid}/replace"), Writing),
        ("/operators", Reading),
        ("/operators?sort=role&q=audit", Reading),
        ("/operators/new", ManagingOperators),
        (&format!("/operators/{auditor}"), Reading),
        (&format!("/operators/{auditor}/disable"), ManagingOperators),
        (&format!("/operators/{auditor}/enable"), ManagingOperators),
        (&format!("/operators/{auditor}/link"), ManagingOperators),
        (&format!("/operators/{auditor}/remove-factors"), ManagingOperators),
        ("/revocations", Reading),
        ("/revocations?kind=client&q=x", Reading),
        ("/revocations/new", Writing),
        ("/revocations/new?kind=client&q=meti", Writing),
        ("/revocations/confirm?kind=client&id=meti", Writing),
        ("/organizations", Reading),
        ("/organizations?q=cust&status=active", Reading),
        ("/organizations/new", Writing),
        ("/organizations/custodian/edit", Writing),
        ("/organizations/custodian/disable", Writing),
        ("/organizations/custodian/enable", Writing),
        ("/organizations/custodian/licences/new", Writing),
        (&format!("/organizations/custodian/licences/{licence}"), Writing),
        (&format!("/organizations/custodian/licences/{licence}/end"), Writing),
        ("/organizations/custodian/clients/meti/claims", Writing),
        ("/organizations/custodian/clients/meti/quota", Writing),
        ("/revocations/token", Writing),
        ("/resource-servers", Reading),
        ("/resource-servers?sort=name&status=active&q=m", Reading),
        ("/resource-servers/new", Writing),
        (METI, Reading),
        (&format!("{METI}/disable"), Writing),
        (&format!("{METI}/enable"), Writing),
        ("/policies", Reading),
        ("/policies?sort=id", Reading),
        ("/policies/new", Writing),
        ("/policies/pol", Reading),
        ("/policies/Administrator", Reading),
        ("/policies/pol/delete", Writing),
    ];
    pages.into_iter().map(|(page, needs)| (at(page), needs)).collect()
}

trait ParseId {
    fn parse_id<T>(&self) -> symbolon_core::id::Id<T>;
}

impl ParseId for str {
    fn parse_id<T>(&self) -> symbolon_core::id::Id<T> {
        symbolon_core::id::Id::new(self).unwrap()
    }
}

#[tokio::test]
async fn each_page_is_shown_to_the_roles_that_may_see_it_and_to_nobody_else() {
    let desk = Desk::open().await;
    let pages = pages(&desk).await;
    for who in Who::ALL {
        let mut browser = Browser::signed_in(&desk, who).await;
        for (path, needs) in &pages {
            let may = match who {
                Who::Owner => true,
                Who::Admin => *needs != Needs::ManagingOperators,
                Who::Auditor => *needs == Needs::Reading,
                _ => false,
            };
            let page = browser.get(path).await;
            if may {
                assert_eq!(page.status, 200, "{who:?} {path}: {}", page.text);
                is_sound(path, &page);
            } else {
                assert!(matches!(page.status, 403 | 404), "{who:?} {path}: {}", page.status);
                // What cannot be seen cannot be sent either.
                let path = path.split('?').next().unwrap();
                let answer =
                    browser.post(path, &[("version", "1"), ("kind", "client"), ("id", "meti")]).await;
                assert!(matches!(answer.status, 403..=405), "{who:?} POST {path}: {}", answer.status);
            }
        }
    }
}

/// One heading, no text that has no words, no style or script within, and not too long.
#[track_caller]
fn is_sound(path: &str, page: &Answer) {
    assert_eq!(page.text.matches("<h1").count(), 1, "{path}");
    for bad in ["style=", "<script>", "onclick", "javascript:"] {
        assert!(!page.text.contains(bad), "{path}: {bad}");
    }
    assert!(page.text.len() < 60_000, "{path}: {} bytes", page.text.len());
    let ids: Vec<&str> =
        page.text.split(" id=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let mut once = ids.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "{path}: an id stands twice: {ids:?}");
    for label in page.text.split("<label for=\"").skip(1) {
        let of = label.split('"').next().unwrap();
        assert!(ids.contains(&of), "{path}: a label of nothing: {of}");
    }
}

#[tokio::test]
async fn operators_of_another_realm_reach_their_own_alone() {
    let desk = Desk::open().await;
    let pages = pages(&desk).await;
    let email = "owner@plain.example";
    let settings = desk.bed.authority.directory().realm("plain").unwrap().realm().settings.clone();
    let operator = json!({"email": email, "role": "owner", "password": PASSWORD});
    let realm = json!({"id": "plain", "settings": settings, "operators": [operator]});
    desk.bed.apply(&json!({"realms": [realm]}).to_string()).await;
    let mut browser = Browser::new(&desk);
    let entered =
        browser.post("/console/realms/plain/sign-in", &[("email", email), ("password", PASSWORD)]).await;
    assert_eq!(entered.status, 303, "{}", entered.text);
    for (path, _) in pages {
        assert_eq!(browser.get(&path).await.status, 404, "{path}");
    }
    for path in ["", "/settings", "/organizations", "/resource-servers", "/operators", "/signing-keys"] {
        assert_eq!(browser.get(&format!("/console/realms/plain{path}")).await.status, 200, "{path}");
    }
    let realms = browser.get("/console/realms").await;
    assert!(
        realms.text.contains("/console/realms/plain\"") && !realms.text.contains("/console/realms/default")
    );
    assert_eq!(browser.get("/console/new-realm").await.status, 403);
    assert_eq!(browser.post("/console/new-realm", &[("id", "mine")]).await.status, 403);
}

#[tokio::test]
async fn what_belongs_to_one_organization_is_not_reached_through_another() {
    let desk = Desk::open().await;
    let pages = pages(&desk).await;
    let mut browser = owner(&desk).await;
    let theirs = ["/licences/", "/clients/"];
    let of_custodian = pages.iter().filter(|(path, _)| theirs.iter().any(|part| path.contains(part)));
    let mut tried = 0;
    for (path, _) in of_custodian.filter(|(path, _)| !path.ends_with("/new")) {
        let fields = form(&mut browser, path).await;
        let elsewhere = path.replace("/organizations/custodian/", "/organizations/other/");
        assert_eq!(browser.get(&elsewhere).await.status, 404, "{elsewhere}");
        assert_eq!(browser.post(&elsewhere, &fields.pairs()).await.status, 404, "{elsewhere}");
        tried += 1;
    }
    assert_eq!(tried, 4);
}

const PAYLOAD: &str = "\"><script>alert('x')</script>";

#[tokio::test]
async fn what_is_entered_anywhere_comes_out_as_text() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let texts: [(&str, &[(&str, &str)]); 3] = [
        (
            "/organizations/new",
            &[("id", "xss"), ("name", PAYLOAD), ("metadata_name", PAYLOAD), ("metadata_value", PAYLOAD)],
        ),
        ("/policies/new", &[("id", "xss"), ("name", PAYLOAD), ("actions", PAYLOAD), ("resources", PAYLOAD)]),
        (
            "/resource-servers/new",
            &[("identifier", "urn:xss"), ("name", PAYLOAD), ("claim", PAYLOAD), ("claim_rule", PAYLOAD)],
        ),
    ];
    for (page, fields) in texts {
        save(&mut browser, &at(page), fields).await;
    }
    let shown = [
        "/organizations",
        "/organizations/xss/edit",
        "/organizations/xss/disable",
        "/organizations/xss/licences/new",
        "/policies",
        "/policies/xss",
        "/policies/xss/delete",
        "/resource-servers",
        "/resource-servers/urn%3Axss",
        "/revocations/new?kind=organization&q=xss",
        "/revocations/confirm?kind=organization&id=xss",
    ];
    for path in shown {
        let page = browser.get(&at(path)).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(!page.text.contains("<script>"), "{path}: {}", page.text);
        assert!(page.text.contains(&escaped("<script>")), "{path}: {}", page.text);
    }
}

/// A path, the fields that are sent there, and the text that says what is wrong.
type Attempt = (&'static str, &'static [(&'static str, &'static str)], &'static str);

#[tokio::test]
async fn what_is_refused_comes_back_with_everything_kept_and_as_text() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let refused: [Attempt; 9] = [
        (
            "/organizations/new",
            &[("id", "no space"), ("name", PAYLOAD), ("metadata_name", PAYLOAD)],
            "id-mistake",
        ),
        ("/organizations/new", &[("id", "custodian"), ("name", PAYLOAD)], "is taken"),
        ("/organizations/custodian/licences/new", &[("starts_at", PAYLOAD)], "starts_at-mistake"),
        ("/policies/new", &[("name", PAYLOAD), ("actions", PAYLOAD)], "at least one action"),
        ("/resource-servers/new", &[("identifier", PAYLOAD), ("name", PAYLOAD)], "is not an audience"),
        (
            "/resource-servers/new",
            &[("identifier", "urn:x"), ("lifetime", PAYLOAD), ("scopes", PAYLOAD)],
            "lifetime-mistake",
        ),
        ("/operators/new", &[("email", PAYLOAD)], "is not an email address"),
        ("/settings", &[("issuer", PAYLOAD), ("hosts", "a b")], "is not an http(s) URL"),
        (
            "/organizations/custodian/clients/meti/quota",
            &[("quota_mode", "enforce"), ("quota_tokens", PAYLOAD)],
            "quota_tokens-mistake",
        ),
    ];
    for (page, fields, said) in refused {
        let mut filled = form(&mut browser, &at(page)).await;
        for (name, value) in fields {
            filled = filled.with(name, value);
        }
        let answer = browser.post(&at(page), &filled.pairs()).await;
        assert_eq!(answer.status, 422, "{page}: {}", answer.text);
        assert!(answer.text.contains(said), "{page}: {}", answer.text);
        assert!(!answer.text.contains("<script>"), "{page}: {}", answer.text);
        is_sound(page, &answer);
        let again = Filled::of(&answer);
        for written in
            ["metadata_name", "metadata_value", "actions", "resources", "claim", "claim_rule", "self_scopes"]
        {
            assert!(!answer.text.contains(&format!("<select name=\"{written}\"")), "{page}: {written}");
        }
        for (name, value) in fields {
            assert_eq!(again.value(name).replace('\n', " "), *value, "{page}: {name}");
        }
    }
}

#[tokio::test]
async fn a_form_that_is_older_than_what_it_changes_changes_nothing() {
    let desk = Desk::open().await;
    let pages = pages(&desk).await;
    let mut browser = owner(&desk).await;
    let auditor = format!("/operators/{}", user_id(&desk, Who::Auditor).await);
    let licence = pages.iter().find(|(path, _)| path.contains("/licences/lic_")).unwrap().0.clone();
    let changed = [
        (at("/organizations/custodian/edit"), ("name", "another")),
        (at(METI), ("name", "another")),
        (at("/policies/pol"), ("name", "another")),
        (at("/settings"), ("safe_to_retire_days", "3")),
        (at("/organizations/custodian/clients/meti/quota"), ("quota_mode", "off")),
        (at(&auditor), ("email", "another@operator.example")),
        (licence, ("kind", "full")),
    ];
    for (path, (name, value)) in changed {
        let stale = form(&mut browser, &path).await;
        save(&mut browser, &path, &[(name, value)]).await;
        let answer = browser.post(&path, &stale.pairs()).await;
        assert_eq!(answer.status, 409, "{path}: {}", answer.text);
        assert!(answer.text.contains("Somebody else was faster"), "{path}");
        let now = form(&mut browser, &path).await;
        assert_eq!(now.value(name), value, "{path}");
        // Sent as it stands, it changes nothing.
        let audit = desk.bed.audit("default", 0, None).await.len();
        assert_eq!(browser.post(&path, &now.pairs()).await.status, 303, "{path}");
        let last = desk.bed.audit("default", 0, None).await;
        assert_eq!(last.len(), audit + 1, "{path}");
        let (before, after) = (last.last().unwrap().before.clone(), last.last().unwrap().after.clone());
        assert_eq!(without_version(before), without_version(after), "{path}");
    }
}

fn without_version<T: serde::Serialize>(value: T) -> serde_json::Value {
    let mut value = serde_json::to_value(value).unwrap();
    value.as_object_mut().unwrap().remove("version");
    value
}
