//! API credentials by licence kind, and licences (S4.1, S4.6).

use serde_json::json;

use super::super::browser::{Browser, Desk, PASSWORD, Who};
use super::{copied, fill_in, page};
use crate::support::{Request, secrets};

const HERE: &str = "/console/realms/ecoinvent/organizations/eco-customer";
const TOKEN: &str = "/realms/ecoinvent/protocol/openid-connect/token";

/// Somebody of the customer of ecoinvent, in a realm that offers its customers to read.
async fn visitor(desk: &Desk) -> Browser<'_> {
    let mut settings = desk.bed.authority.directory().realm("ecoinvent").unwrap().realm().settings.clone();
    settings.self_service = serde_json::from_value(json!({
        "grants": [{"audience": "https://api.ecoinvent.org", "scopes": ["read:versions"]}],
    }))
    .unwrap();
    let licence = |kind: &str| json!({"audience": "https://api.ecoinvent.org", "kind": kind, "starts_at": "2026-01-01"});
    let realm = json!({"id": "ecoinvent", "settings": settings, "organizations": [{
        "id": "eco-customer",
        "licences": [licence("beta")],
        "users": [{"email": "dev@eco.example", "role": "developer", "password": PASSWORD}],
    }]});
    desk.bed.apply(&json!({"realms": [realm]}).to_string()).await;
    let mut browser = Browser::new(desk);
    let fields = [("email", "dev@eco.example"), ("password", PASSWORD)];
    let answer = browser.post("/console/realms/ecoinvent/sign-in", &fields).await;
    assert_eq!(answer.status, 303, "{}", answer.text);
    browser
}

async fn token(desk: &Desk, id: &str, secret: &str) -> u16 {
    let pairs = [("grant_type", "client_credentials"), ("client_id", id), ("client_secret", secret)];
    desk.bed.send(Request::post(TOKEN).form(&pairs)).await.status
}

#[tokio::test]
async fn there_is_one_pair_for_each_kind_of_licence_with_its_state_and_without_its_secret() {
    let desk = Desk::open().await;
    let mut browser = visitor(&desk).await;
    let shown = page(&mut browser, &format!("{HERE}/credentials")).await;
    let pairs: Vec<&str> = shown.text.split("aria-labelledby=\"pair-").skip(1).collect();
    assert_eq!(pairs.len(), 2, "{}", shown.text);
    assert!(pairs[0].contains("eco-trial") && pairs[0].contains("Active"), "{}", pairs[0]);
    assert!(pairs[0].contains("/credentials/trial/new"), "{}", pairs[0]);
    assert!(
        pairs[1].contains("Made with the first secret") && pairs[1].contains("No secret yet"),
        "{}",
        pairs[1]
    );
    assert!(!shown.text.contains(secrets::ECOINVENT));
}

#[tokio::test]
async fn a_new_secret_works_beside_the_old_one_and_a_third_is_refused() {
    let desk = Desk::open().await;
    let mut browser = visitor(&desk).await;
    let path = format!("{HERE}/credentials/trial/new");
    let made = fill_in(&mut browser, &path, &[]).await;
    assert_eq!((made.status, copied(&made, "made-client").as_str()), (200, "eco-trial"));
    assert_eq!(token(&desk, "eco-trial", &copied(&made, "made-secret")).await, 200);
    assert_eq!(token(&desk, "eco-trial", secrets::ECOINVENT).await, 200);
    let third = fill_in(&mut browser, &path, &[]).await;
    assert_eq!(third.status, 409);
    assert!(third.text.contains("There are two secrets already"), "{}", third.text);
}

#[tokio::test]
async fn a_pair_is_made_with_its_first_secret_and_only_once() {
    let desk = Desk::open().await;
    let mut browser = visitor(&desk).await;
    let path = format!("{HERE}/credentials/beta/new");
    let once = Browser::field(&page(&mut browser, &path).await, "once").unwrap();
    let made = browser.post(&path, &[("once", &once)]).await;
    let (id, secret) = (copied(&made, "made-client"), copied(&made, "made-secret"));
    assert_eq!(token(&desk, &id, &secret).await, 200);
    let again = browser.submit(&path, &[("once", &once)]).await;
    assert!(again.text.contains("It was generated already"), "{}", again.text);
    let client = desk.bed.find_client("ecoinvent", &id).await;
    assert_eq!(client.keys.len(), 1);
    assert_eq!(client.client.settings.licence_kind.unwrap().name(), "beta");
    assert_eq!(client.client.settings.grants[0].scopes.to_string(), "read:versions");
    // The second secret belongs to the same pair.
    assert_eq!(copied(&fill_in(&mut browser, &path, &[]).await, "made-client"), id);
    // There is no licence of this kind.
    let none = fill_in(&mut browser, &format!("{HERE}/credentials/full/new"), &[]).await;
    assert_eq!(none.status, 409, "{}", none.text);
    assert!(none.text.contains("There is no full licence"), "{}", none.text);
    assert_eq!(browser.get(&format!("{HERE}/credentials/gold/new")).await.status, 404);
}

#[tokio::test]
async fn customers_read_their_licences_and_what_they_are_worth() {
    let desk = Desk::open().await;
    let mut browser = visitor(&desk).await;
    let shown = page(&mut browser, &format!("{HERE}/licences")).await;
    for text in ["ecoinvent", "trial", "beta", "Active", "2027-01-01"] {
        assert!(shown.text.contains(text), "{text}: {}", shown.text);
    }
    let order = async |browser: &mut Browser<'_>, by: &str| {
        let list = page(browser, &format!("{HERE}/licences?sort={by}")).await;
        assert_eq!(list.text.matches("aria-sort=\"ascending\"").count(), 1, "{}", list.text);
        list.text.find("<td>beta</td>") < list.text.find("<td>trial</td>")
    };
    assert!(order(&mut browser, "kind").await);
    assert!(!order(&mut browser, "ends").await, "the beta licence has no end");
    desk.bed.advance(std::time::Duration::from_hours(50 * 24)).await;
    let fields = [("email", "dev@eco.example"), ("password", PASSWORD)];
    browser.post("/console/realms/ecoinvent/sign-in", &fields).await;
    let shown = page(&mut browser, &format!("{HERE}/licences")).await;
    assert!(shown.text.contains("Ended"), "{}", shown.text);
    let overview = page(&mut browser, HERE).await;
    assert!(
        overview.text.contains("The trial licence for https://api.ecoinvent.org ended"),
        "{}",
        overview.text
    );
    assert_eq!(Browser::signed_in(&desk, Who::OtherCustomer).await.get(HERE).await.status, 404);
}
