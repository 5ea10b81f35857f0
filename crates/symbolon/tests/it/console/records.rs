//! Audit, usage, and why a request was refused.

use std::time::{Duration, Instant};

use super::browser::{Browser, Desk, Who};
use crate::support::{Answer, secrets};

const METI: &str = "https://api.meti.io";
const CUSTODIAN: &str = "/console/realms/default/organizations/custodian";
const REALM: &str = "/console/realms/default";
const CUSTOMER_EXPLAINS: &str = "/console/realms/default/organizations/custodian/audit/request";

/// A world in which tokens were issued and requests refused; the ids of a token's request and of two refusals, that of
/// a wrong secret and that of nobody's client.
async fn busy() -> (Desk, [String; 3]) {
    let desk = Desk::open().await;
    let id = |answer: &Answer| answer.header("x-request-id").to_owned();
    let token = desk.token("meti", secrets::METI, METI).await;
    assert_eq!(token.status, 200, "{token:?}");
    desk.token("meti-readonly", secrets::METI_READONLY, METI).await;
    let wrong = desk.token("meti", "not-the-secret-of-anybody", METI).await;
    let nobody = desk.token("<script>alert(1)</script>", "not-the-secret-of-anybody", METI).await;
    assert_eq!((wrong.status, nobody.status), (401, 401));
    let ids = [id(&token), id(&wrong), id(&nobody)];
    let store = desk.bed.authority.store();
    for id in &ids[1..] {
        let deadline = Instant::now() + Duration::from_secs(10);
        while store.find_refusals_by_request(id).await.unwrap().is_empty() {
            assert!(Instant::now() < deadline, "the refusal is not on record");
            tokio::task::yield_now().await;
        }
    }
    desk.bed.count_journal().await;
    store.count_refusals(desk.bed.authority.now()).await.unwrap();
    (desk, ids)
}

async fn page(browser: &mut Browser<'_>, path: &str) -> String {
    let page = browser.get(path).await;
    assert_eq!(page.status, 200, "{path}: {page:?}");
    assert!(!page.text.contains("<script>alert") && !page.text.contains("style="), "{path}");
    page.text
}

#[tokio::test]
async fn records_are_seen_by_whom_they_concern_and_by_nobody_else() {
    let desk = Desk::open().await;
    let below = ["audit", "audit/tokens", "audit/refusals", "audit/request", "usage"];
    for who in Who::ALL {
        let mut browser = Browser::signed_in(&desk, who).await;
        let is_operator = matches!(who, Who::Owner | Who::Admin | Who::Auditor);
        for page in below {
            let realm = browser.get(&format!("{REALM}/{page}")).await.status;
            assert_eq!(realm, if is_operator { 200 } else { 403 }, "{who:?} {page} of the realm");
            let custodian = browser.get(&format!("{CUSTODIAN}/{page}")).await.status;
            let expected = if who == Who::OtherCustomer { 404 } else { 200 };
            assert_eq!(custodian, expected, "{who:?} {page} of the customer");
            for nowhere in ["/console/realms/nowhere", "/console/realms/default/organizations/nowhere"] {
                assert_eq!(browser.get(&format!("{nowhere}/{page}")).await.status, 404, "{who:?} {page}");
            }
        }
        let usage = browser.get(&format!("{CUSTODIAN}/clients/meti/usage")).await.status;
        assert_eq!(usage, if who == Who::OtherCustomer { 404 } else { 200 }, "{who:?}");
        // A client of another customer is none of this one's.
        assert_eq!(browser.get(&format!("{CUSTODIAN}/clients/other-client/usage")).await.status, 404);
    }
    let mut nobody = Browser::new(&desk);
    assert!(nobody.get(&format!("{REALM}/audit")).await.header("location").contains("/sign-in?next="));
}

#[tokio::test]
async fn changes_are_found_by_who_did_what_to_what_and_when() {
    let desk = Desk::open().await;
    let mut browser = Browser::signed_in(&desk, Who::Owner).await;
    let text = page(&mut browser, &format!("{REALM}/audit?subject_kind=client&subject=other-client")).await;
    assert!(text.contains(">other-client</a>") && !text.contains(">meti</a>"), "{text}");
    let text = page(&mut browser, &format!("{REALM}/audit?actor_kind=user&action=sign+in")).await;
    assert!(text.contains(Who::Owner.email()) && text.contains("sign in"), "{text}");
    let text = page(&mut browser, &format!("{REALM}/audit?from=2026-11-23")).await;
    assert!(text.contains("Nothing fits here") && text.contains("value=\"2026-11-23\""), "{text}");
    let text = page(&mut browser, &format!("{REALM}/audit?from=2026-11-22&to=2026-11-22")).await;
    assert!(!text.contains("Nothing fits here"), "the last day belongs to it");
    for (query, field) in [
        ("from=%3Cscript%3Ealert(1)", "from"),
        ("from=2026-11-23&to=2026-11-22", "to"),
        ("actor=%3Cscript%3Ealert(1)%3C%2Fscript%3E", "actor"),
        ("subject=x", "subject"),
    ] {
        let wrong = browser.get(&format!("{REALM}/audit?{query}")).await;
        assert_eq!(wrong.status, 422, "{query}");
        assert!(wrong.text.contains(&format!("id=\"{field}-mistake\"")), "{query}: {}", wrong.text);
        assert!(!wrong.text.contains("<script>alert"));
    }
    let wrong = browser.get(&format!("{REALM}/audit/tokens?client=%01")).await;
    assert_eq!(wrong.status, 422);
}

#[tokio::test]
async fn a_long_list_is_gone_through_by_its_addresses() {
    let desk = Desk::open().await;
    desk.bed
        .operator("default", async |editor| {
            for n in 0..60 {
                let organization = symbolon_core::organization::Organization {
                    id: symbolon_core::id::OrganizationId::new(&format!("many-{n:03}")).unwrap(),
                    name: String::new(),
                    status: symbolon_core::realm::Status::Active,
                    metadata: std::collections::BTreeMap::default(),
                    version: 1,
                    created_at: crate::support::NOW,
                };
                symbolon_core::edit::organization::insert(editor, &organization).await.unwrap();
            }
        })
        .await;
    let mut browser = Browser::signed_in(&desk, Who::Auditor).await;
    let list = format!("{REALM}/audit?subject_kind=organization&order=oldest&actor_kind=operator");
    let (mut found, mut to) = (0, Some(list));
    while let Some(path) = to {
        let text = page(&mut browser, &path).await;
        found += text.matches("organizations/many-").count();
        let next =
            text.split_once("rel=\"next\"").map(|(before, _)| before.rsplit("href=\"").next().unwrap());
        to = next.map(|next| next.split('"').next().unwrap().replace("&amp;", "&").replace("&#38;", "&"));
        assert!(
            to.as_ref().is_none_or(|to| to.contains("order=oldest") && to.contains("actor_kind=operator"))
        );
    }
    assert_eq!(found, 60);
}

#[tokio::test]
async fn a_change_shows_what_differs_and_is_found_by_its_own_address() {
    let desk = Desk::open().await;
    desk.bed
        .change_organization("default", "custodian", |organization| {
            organization.name = "<script>alert(1)</script> Inc".to_owned();
        })
        .await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerViewer).await;
    let text =
        page(&mut browser, &format!("{CUSTODIAN}/audit?subject_kind=organization&action=update")).await;
    let path = text.split_once("/audit/changes/").unwrap().1.split('"').next().unwrap();
    let path = format!("/audit/changes/{path}");
    let change = page(&mut browser, &format!("{CUSTODIAN}{path}")).await;
    assert!(change.contains("<del>Custodian Inc</del>"), "{change}");
    assert!(change.contains("<ins>&#60;script&#62;alert(1)&#60;/script&#62; Inc</ins>"), "{change}");
    assert!(!change.contains("<code>status</code>"), "what is as it was is not shown");
    let mut operator = Browser::signed_in(&desk, Who::Auditor).await;
    page(&mut operator, &format!("{REALM}{path}")).await;
    let mut other = Browser::signed_in(&desk, Who::OtherCustomer).await;
    let theirs = format!("/console/realms/default/organizations/other{path}");
    assert_eq!(other.get(&theirs).await.status, 404, "another customer's change is not found by its address");
    for nonsense in ["x", "1-2", "-", "9223372036854775807-1", "1795348800000-999999"] {
        assert_eq!(
            operator.get(&format!("{REALM}/audit/changes/{nonsense}")).await.status,
            404,
            "{nonsense}"
        );
    }
}

#[tokio::test]
async fn another_password_stands_in_the_audit_as_a_change_of_it() {
    let desk = Desk::open().await;
    let hash = desk
        .bed
        .operator("default", async |editor| {
            let password = symbolon_core::secret::Secret::new("quite another password".to_owned());
            symbolon_core::edit::user::hash_password(editor, &password, "dev@custodian.example")
                .await
                .unwrap()
        })
        .await;
    desk.bed.change_user("default", "dev@custodian.example", |user| user.password = Some(hash)).await;
    let mut operator = Browser::signed_in(&desk, Who::Auditor).await;
    let list = format!("{REALM}/audit?subject_kind=user&subject=usr_dev&action=update");
    let text = page(&mut operator, &list).await;
    assert!(text.contains("password"), "the list names what changed: {text}");
    let path = text.split_once("/audit/changes/").unwrap().1.split('"').next().unwrap();
    let change = page(&mut operator, &format!("{REALM}/audit/changes/{path}")).await;
    assert!(change.contains("<code>password</code>"), "{change}");
    assert!(change.contains("<del>set</del>") && change.contains("<ins>changed</ins>"), "{change}");
}

#[tokio::test]
async fn tokens_and_refusals_are_listed_with_their_requests() {
    let (desk, [token, wrong, nobody]) = busy().await;
    let mut owner = Browser::signed_in(&desk, Who::Owner).await;
    let text = page(&mut owner, &format!("{REALM}/audit/tokens?client=meti")).await;
    assert!(
        text.contains(&token) && text.contains("meti-key") && !text.contains("meti-readonly-key"),
        "{text}"
    );
    let text = page(&mut owner, &format!("{REALM}/audit/refusals")).await;
    assert!(text.contains(&wrong) && text.contains(&nobody), "{text}");
    let text = page(&mut owner, &format!("{REALM}/audit/refusals?reason=unknown_client")).await;
    assert!(!text.contains(&wrong) && text.contains(&nobody), "{text}");

    let mut customer = Browser::signed_in(&desk, Who::CustomerViewer).await;
    let text = page(&mut customer, &format!("{CUSTODIAN}/audit/refusals")).await;
    assert!(text.contains("Choose which of your clients") && text.contains("client=meti\""), "{text}");
    assert!(!text.contains(&wrong));
    let text = page(&mut customer, &format!("{CUSTODIAN}/audit/refusals?client=meti")).await;
    assert!(text.contains(&wrong) && !text.contains(&nobody), "{text}");
    let text = page(&mut customer, &format!("{CUSTODIAN}/audit/refusals?client=other-client")).await;
    assert!(text.contains("Nothing fits here"), "{text}");
    let text = page(&mut customer, &format!("{CUSTODIAN}/audit/tokens?organization=other")).await;
    assert!(text.contains("Nothing fits here") && !text.contains(&token), "{text}");
}

#[tokio::test]
async fn a_request_is_explained_to_whom_it_concerns() {
    let (desk, [token, wrong, nobody]) = busy().await;
    let at = |place: &str, id: &str| format!("{place}/audit/request?id={id}");
    let mut owner = Browser::signed_in(&desk, Who::Auditor).await;
    let text = page(&mut owner, &at(REALM, &wrong)).await;
    for part in ["It was refused", "wrong_secret", "invalid_client", "What to do:", "192.0.2.1"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = page(&mut owner, &at(REALM, &token)).await;
    assert!(text.contains("It got a token") && text.contains("meti-key"), "{text}");
    let text = page(&mut owner, &at(REALM, &nobody)).await;
    assert!(text.contains("unknown_client") && text.contains("&#60;script&#62;"), "{text}");
    let text = page(&mut owner, &at("/console/realms/plain", &wrong)).await;
    assert!(text.contains("Nothing is recorded"), "another realm's request: {text}");

    let mut customer = Browser::signed_in(&desk, Who::CustomerDeveloper).await;
    assert!(page(&mut customer, &at(CUSTODIAN, &wrong)).await.contains("wrong_secret"));
    assert!(page(&mut customer, &at(CUSTODIAN, &token)).await.contains("It got a token"));
    assert!(page(&mut customer, &at(CUSTODIAN, &nobody)).await.contains("Nothing is recorded"));
    let mut other = Browser::signed_in(&desk, Who::OtherCustomer).await;
    for id in [&token, &wrong, &nobody] {
        let text = page(&mut other, &at("/console/realms/default/organizations/other", id)).await;
        assert!(text.contains("Nothing is recorded") && !text.contains("wrong_secret"), "{text}");
    }
    let text = page(&mut customer, &at(CUSTODIAN, "%3Cscript%3Ealert(1)")).await;
    assert!(text.contains("value=\"&#60;script&#62;alert(1)\""), "{text}");
}

#[tokio::test]
async fn usage_is_shown_as_pictures_whose_numbers_are_those_of_the_store() {
    let (desk, _) = busy().await;
    let mut owner = Browser::signed_in(&desk, Who::Owner).await;
    let text = page(&mut owner, &format!("{REALM}/usage")).await;
    assert!(text.contains("<span class=\"figure\">2</span>tokens issued"), "{text}");
    assert!(text.contains("<span class=\"figure\">2</span>requests refused"), "{text}");
    let row = "<th scope=\"row\">2026-11-22</th><td class=\"number\">2</td><td class=\"number\">2</td>";
    assert!(text.contains(row), "{text}");
    assert!(
        text.contains("role=\"img\"")
            && text.contains("<th scope=\"row\">Not authenticated (invalid_client)</th>"),
        "{text}"
    );
    assert!(text.contains("clients/meti\">Custodian&#39;s importer</a>"), "{text}");
    let text = page(&mut owner, &format!("{REALM}/usage?by=client&period=day")).await;
    assert!(text.contains("<th scope=\"row\">2026-11-22 12:00</th><td class=\"number\">2</td>"), "{text}");
    assert!(text.contains("Nobody who is known") && text.contains("clients/meti/usage\">meti</a>"), "{text}");

    let mut customer = Browser::signed_in(&desk, Who::CustomerViewer).await;
    let text = page(&mut customer, &format!("{CUSTODIAN}/usage")).await;
    assert!(text.contains("<span class=\"figure\">1</span>requests refused"), "only its own: {text}");
    assert!(!text.contains("By organization") && !text.contains("Nobody who is known"), "{text}");
    let text = page(&mut customer, &format!("{CUSTODIAN}/clients/meti/usage?by=audience")).await;
    assert!(text.contains("<span class=\"figure\">1</span>tokens issued") && text.contains(METI), "{text}");
    let mut other = Browser::signed_in(&desk, Who::OtherCustomer).await;
    let text = page(&mut other, "/console/realms/default/organizations/other/usage?period=quarter").await;
    assert!(text.contains("There were no requests in this time"), "{text}");
}

/// Where a reason leads in the legend of the picture of reasons.
fn leads(text: &str, words: &str) -> Option<String> {
    let legend = text.split_once("reasons-over-time-title")?.1.split_once("<ul class=\"legend\">")?.1;
    let before = legend.split_once("</ul>")?.0.split_once(&format!("\">{words}</a>"))?.0;
    Some(before.rsplit("<a href=\"").next()?.replace("&#38;", "&"))
}

#[tokio::test]
async fn refusals_are_drawn_by_their_exact_reasons_which_lead_to_them() {
    let (desk, [_, wrong, nobody]) = busy().await;
    let mut owner = Browser::signed_in(&desk, Who::Auditor).await;
    let text = page(&mut owner, &format!("{REALM}/usage")).await;
    let row = "<th scope=\"row\">2026-11-22</th><td class=\"number\">1</td><td class=\"number\">1</td></tr>";
    assert!(text.contains("Refusals by reason, over time") && text.contains(row), "{text}");
    let words = [("Wrong secret", "wrong_secret", &wrong), ("Unknown client", "unknown_client", &nobody)];
    for (words, name, id) in words {
        assert!(text.contains(&format!(">{words} ({name})</a></th><td class=\"number\">1</td>")), "{text}");
        let list = page(&mut owner, &leads(&text, words).unwrap()).await;
        for other in [&wrong, &nobody] {
            assert_eq!(list.contains(other), other == id, "{words}: {list}");
        }
        assert!(list.contains(&format!("<option selected>{name}</option>")), "{list}");
    }
    let text = page(&mut owner, &format!("{REALM}/usage?period=day")).await;
    assert!(text.contains("<th scope=\"row\">2026-11-22 12:00</th><td class=\"number\">1</td>"), "{text}");

    // Customers learn the reasons of what named their clients, as in the list.
    let mut customer = Browser::signed_in(&desk, Who::CustomerViewer).await;
    let text = page(&mut customer, &format!("{CUSTODIAN}/usage")).await;
    assert!(leads(&text, "Unknown client").is_none() && !text.contains("unknown_client"), "{text}");
    let list = page(&mut customer, &leads(&text, "Wrong secret").unwrap()).await;
    let client = list.split("href=\"").find(|link| link.contains("client=meti\"")).unwrap();
    let list = page(&mut customer, &client.split('"').next().unwrap().replace("&#38;", "&")).await;
    assert!(list.contains(&wrong), "the reason is kept while a client is chosen: {list}");
    let text = page(&mut customer, &format!("{CUSTODIAN}/clients/meti/usage")).await;
    let list = page(&mut customer, &leads(&text, "Wrong secret").unwrap()).await;
    assert!(list.contains(&wrong), "{list}");
    let text = page(&mut customer, &format!("{CUSTODIAN}/clients/meti-readonly/usage")).await;
    assert!(leads(&text, "Wrong secret").is_none(), "another client's: {text}");
    let empty =
        text.split_once("Refusals by reason, over time").unwrap().1.split_once("</figure>").unwrap().0;
    assert!(empty.contains("Nothing to show in this time"), "{empty}");
}

#[tokio::test]
async fn the_pictures_of_a_day_count_no_hour_more() {
    let (desk, _) = busy().await;
    // The hour of the requests is the 26th before the next one, and lies in the day before.
    desk.bed.advance(Duration::from_hours(25)).await;
    let mut browser = Browser::signed_in(&desk, Who::Owner).await;
    for below in ["usage", "clients/meti/usage"] {
        let text = page(&mut browser, &format!("{CUSTODIAN}/{below}?period=day")).await;
        // All but that of the last seven days.
        assert_eq!(text.matches("Nothing to show in this time").count(), 4, "{below}: {text}");
        let text = page(&mut browser, &format!("{CUSTODIAN}/{below}?period=week")).await;
        assert!(!text.contains("Nothing to show in this time"), "{below}: {text}");
    }
}

#[tokio::test]
async fn where_a_picture_does_not_fit_its_newest_end_is_seen_first() {
    let (desk, _) = busy().await;
    let mut browser = Browser::signed_in(&desk, Who::Owner).await;
    for (period, newest) in [("quarter", "11-22"), ("month", "11-22"), ("week", "11-22"), ("day", "12:00")] {
        let text = page(&mut browser, &format!("{REALM}/usage?period={period}")).await;
        let pictures: Vec<_> = text
            .split("class=\"scroll newest-last\"")
            .skip(1)
            .map(|rest| rest.split("</svg>").next().unwrap())
            .collect();
        assert_eq!(pictures.len(), 2, "{period}: what begins at its left end stays there");
        for (picture, id) in pictures.into_iter().zip(["over-time", "reasons-over-time"]) {
            assert!(picture.contains(&format!(">{newest}</text>")), "{period}: {picture}");
            // Whoever does not see it has the numbers.
            let named = format!("role=\"img\" aria-labelledby=\"{id}-title {id}-about\"");
            assert!(picture.contains(&named), "{picture}");
        }
        assert!(text.contains("<summary>The numbers as a table</summary>"), "{text}");
    }
    let style = browser.get("/console/static/console.css").await.text;
    assert!(style.contains(".figure .newest-last { direction: rtl; }"));
    assert!(style.contains(".figure .newest-last > svg { direction: ltr; }"));
}

#[tokio::test]
async fn rarer_filters_are_put_away_until_one_of_them_is_set() {
    let desk = Desk::open().await;
    let mut browser = Browser::signed_in(&desk, Who::Auditor).await;
    let (closed, open) = ("<details class=\"more\">", "<details class=\"more\" open>");
    for (list, is_open) in [
        ("audit", false),
        ("audit?subject_kind=client&subject=meti", false),
        ("audit?action=create", true),
        ("audit?from=2026-11-22", true),
        ("audit?order=oldest", true),
        ("audit/tokens", false),
        ("audit/tokens?client=meti", false),
        ("audit/tokens?organization=custodian", true),
        ("audit/refusals?reason=unknown_client", false),
        ("audit/refusals?to=2026-11-22", true),
    ] {
        let text = page(&mut browser, &format!("{REALM}/{list}")).await;
        assert_eq!((text.contains(open), text.contains(closed)), (is_open, !is_open), "{list}: {text}");
    }
    let wrong = browser.get(&format!("{REALM}/audit?from=yesterday")).await.text;
    assert!(wrong.contains(open) && wrong.contains("id=\"from-mistake\""), "{wrong}");
}

#[tokio::test]
async fn operators_are_led_from_a_customers_records_to_those_of_the_realm() {
    let (desk, [_, _, nobody]) = busy().await;
    let path = format!("{CUSTOMER_EXPLAINS}?id={nobody}");
    let link = format!("href=\"{REALM}/audit/request?id={nobody}\"");
    let mut operator = Browser::signed_in(&desk, Who::Auditor).await;
    let text = page(&mut operator, &path).await;
    assert!(text.contains(&link) && !text.contains("ask the operator"), "{text}");
    let mut customer = Browser::signed_in(&desk, Who::CustomerViewer).await;
    let text = page(&mut customer, &path).await;
    assert!(!text.contains(&link) && text.contains("ask the operator"), "{text}");
}

#[tokio::test]
async fn pages_of_records_stay_small() {
    let (desk, _) = busy().await;
    let mut browser = Browser::signed_in(&desk, Who::Owner).await;
    for below in
        ["audit", "audit/tokens", "audit/refusals", "usage?period=quarter", "usage?period=day&by=client"]
    {
        let text = page(&mut browser, &format!("{REALM}/{below}")).await;
        assert!(text.len() < 40 * 1024, "{below}: {} bytes", text.len());
    }
}
