//! Access keys as m3ter's document tells of them (S5.1 to S5.3), and their rotation.

use std::time::Duration;

use super::super::browser::{Browser, Desk, Who};
use super::{HERE, copied, desk, fill_in, leads_to, page};
use crate::support::{Answer, secrets};

const API: &str = "https://api.meti.io";

/// Generates a key by the button of a client's page.
async fn generate(browser: &mut Browser<'_>, client: &str) -> Answer {
    let to = format!("{HERE}/clients/{client}");
    let once = Browser::field(&page(browser, &to).await, "once").unwrap();
    browser.post(&format!("{to}/access-keys/new"), &[("once", &once)]).await
}

async fn status(desk: &Desk, id: &str, secret: &str) -> u16 {
    desk.token(id, secret, API).await.status
}

/// S5.2
#[tokio::test]
async fn generating_shows_organization_key_and_secret_once_and_lists_the_key_as_active() {
    let desk = desk("service-users").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerDeveloper).await;
    let made = generate(&mut browser, "meti").await;
    assert_eq!((made.status, made.header("cache-control")), (200, "no-store"));
    assert!(made.text.contains("<dialog") && made.text.contains("data-open"), "{}", made.text);
    for (id, label) in [
        ("made-organization", "Organization ID"),
        ("made-key", "Access Key ID"),
        ("made-secret", "API Secret"),
    ] {
        assert!(
            made.text.contains(&format!("<label for=\"{id}\" id=\"{id}-label\">{label}</label>")),
            "{label}"
        );
        assert!(made.text.contains(&format!("data-copy=\"{id}\"")), "{id}");
    }
    assert!(!made.text.contains("id=\"made-client\""), "{}", made.text);
    let (key, secret) = (copied(&made, "made-key"), copied(&made, "made-secret"));
    assert_eq!(copied(&made, "made-organization"), "custodian");
    assert_eq!(status(&desk, &key, &secret).await, 200);
    let shown = page(&mut browser, &format!("{HERE}/clients/meti")).await;
    let row = shown.text.split("<tr>").find(|row| row.contains(&format!("<code>{key}</code>"))).unwrap();
    assert!(row.contains("ACTIVE") && !shown.text.contains(&secret), "{row}");
}

#[tokio::test]
async fn sending_the_form_again_makes_no_second_key() {
    let desk = desk("service-users").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let to = format!("{HERE}/clients/meti");
    let once = Browser::field(&page(&mut browser, &to).await, "once").unwrap();
    let path = format!("{to}/access-keys/new");
    assert_eq!(browser.post(&path, &[("once", &once)]).await.status, 200);
    let again = browser.submit(&path, &[("once", &once)]).await;
    assert!(again.text.contains("It was generated already"), "{}", again.text);
    assert_eq!(desk.bed.find_client("default", "meti").await.keys.len(), 2);
}

/// S5.3
#[tokio::test]
async fn the_third_key_is_refused_with_the_reason() {
    let desk = desk("service-users").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    assert_eq!(generate(&mut browser, "meti").await.status, 200);
    let to = format!("{HERE}/clients/meti");
    let full = page(&mut browser, &to).await;
    assert!(full.text.contains("Two access keys are the most"), "{}", full.text);
    assert!(!full.text.contains("Generate Access Key"), "{}", full.text);
    let refused = browser.post(&format!("{to}/access-keys/new"), &[("once", "other")]).await;
    assert_eq!(refused.status, 422);
    assert!(refused.text.contains("Two access keys are the most"), "{}", refused.text);
    assert_eq!(desk.bed.find_client("default", "meti").await.keys.len(), 2);
}

/// S5.3
#[tokio::test]
async fn a_key_is_made_inactive_and_removed_and_its_tokens_stop() {
    let desk = desk("service-users").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let token = desk.bed.access_token("/oauth/token", "meti", secrets::METI).await;
    let made = generate(&mut browser, "meti").await;
    let secret = copied(&made, "made-secret");
    let to = format!("{HERE}/clients/meti");
    let key = format!("{to}/access-keys/meti-key");
    // One that is ACTIVE cannot be removed.
    let refused = fill_in(&mut browser, &format!("{key}/remove"), &[]).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(refused.text.contains("ACTIVE"), "{}", refused.text);
    leads_to(
        &fill_in(&mut browser, &format!("{key}/deactivate"), &[]).await,
        &format!("{to}?done=key-deactivated"),
    );
    assert_eq!(status(&desk, "meti", secrets::METI).await, 401);
    assert_eq!(status(&desk, "meti", &secret).await, 200);
    assert!(!desk.bed.is_active("/oauth/introspect", "meti", &secret, &token).await);
    let shown = page(&mut browser, &to).await;
    assert!(shown.text.contains("INACTIVE"), "{}", shown.text);
    leads_to(
        &fill_in(&mut browser, &format!("{key}/activate"), &[]).await,
        &format!("{to}?done=key-activated"),
    );
    desk.bed.advance(Duration::from_secs(1)).await;
    assert_eq!(status(&desk, "meti", secrets::METI).await, 200);
    fill_in(&mut browser, &format!("{key}/deactivate"), &[]).await;
    leads_to(&fill_in(&mut browser, &format!("{key}/remove"), &[]).await, &format!("{to}?done=key-removed"));
    assert_eq!(desk.bed.find_client("default", "meti").await.keys.len(), 1);
    assert_eq!(generate(&mut browser, "meti").await.status, 200);
}

#[tokio::test]
async fn a_key_can_end_by_itself_on_a_day_to_come() {
    let desk = desk("oauth").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let path = format!("{HERE}/clients/meti/access-keys/new");
    for (day, text) in [("2026-11-22", "has begun already"), ("soon", "Enter a day")] {
        let answer = fill_in(&mut browser, &path, &[("expires", day)]).await;
        assert_eq!(answer.status, 422);
        assert!(
            answer.text.contains(text) && answer.text.contains(&format!("value=\"{day}\"")),
            "{}",
            answer.text
        );
    }
    let made = fill_in(&mut browser, &path, &[("expires", "2026-11-24")]).await;
    let (key, secret) = (copied(&made, "made-key"), copied(&made, "made-secret"));
    assert_eq!(
        desk.bed.find_key("default", &key).await.expires_at.unwrap().to_string(),
        "2026-11-24T00:00:00.000Z"
    );
    assert_eq!(status(&desk, &key, &secret).await, 200);
    let overview = page(&mut browser, HERE).await;
    assert!(overview.text.contains("ends in 1 day"), "{}", overview.text);
    desk.bed.advance(Duration::from_hours(36)).await;
    assert_eq!(status(&desk, &key, &secret).await, 401);
}

#[tokio::test]
async fn credentials_are_made_only_by_who_has_just_shown_who_it_is() {
    let desk = desk("oauth").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let once = Browser::field(&page(&mut browser, &format!("{HERE}/clients/meti")).await, "once").unwrap();
    desk.bed.advance(Duration::from_mins(11)).await;
    let to = format!("{HERE}/clients/meti");
    for path in
        ["/access-keys/new", "/delete", "/access-keys/meti-key/deactivate", "/access-keys/meti-key/remove"]
    {
        let path = format!("{to}{path}");
        let asked = browser.get(&path).await;
        assert_eq!(asked.status, 303, "{path}");
        assert!(asked.header("location").starts_with("/console/prove?next="), "{asked:?}");
        let sent = browser.post(&path, &[("once", &once), ("version", "1")]).await;
        assert!(sent.header("location").starts_with("/console/prove?next="), "{path}: {sent:?}");
    }
    let known = desk.bed.find_client("default", "meti").await;
    assert_eq!(known.keys.len(), 1);
    assert_eq!(status(&desk, "meti", secrets::METI).await, 200);
}

#[tokio::test]
async fn the_assistant_leads_through_a_rotation() {
    let desk = desk("service-users").await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let path = format!("{HERE}/clients/meti/rotation");
    let next = |page: &Answer| {
        let step = page.text.split("aria-current=\"step\"").nth(1).unwrap();
        step.split("<strong>").nth(1).unwrap().split('<').next().unwrap().to_owned()
    };
    assert_eq!(status(&desk, "meti", secrets::METI).await, 200);
    desk.bed.count_journal().await;
    let at_first = page(&mut browser, &path).await;
    assert!(next(&at_first).starts_with("Generate a second one"), "{}", at_first.text);
    assert!(at_first.text.contains("192.0.2.1"), "where it was last used from: {}", at_first.text);
    desk.bed.advance(Duration::from_secs(1)).await;
    let secret = copied(&generate(&mut browser, "meti").await, "made-secret");
    assert!(next(&page(&mut browser, &path).await).starts_with("Put the new secret into every program"));
    desk.bed.advance(Duration::from_secs(1)).await;
    assert_eq!(status(&desk, "meti", &secret).await, 200);
    desk.bed.count_journal().await;
    let waiting = page(&mut browser, &path).await;
    assert!(
        next(&waiting).starts_with("Wait until the old one has been silent for 7 days"),
        "{}",
        waiting.text
    );
    assert!(!waiting.text.contains("/deactivate"), "{}", waiting.text);
    desk.bed.advance(Duration::from_hours(8 * 24)).await;
    assert_eq!(status(&desk, "meti", &secret).await, 200);
    desk.bed.count_journal().await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let safe = page(&mut browser, &path).await;
    assert!(safe.text.contains("/access-keys/meti-key/deactivate"), "{}", safe.text);
    let overview = page(&mut browser, HERE).await;
    assert!(overview.text.contains("one of two access keys is no longer used"), "{}", overview.text);
    fill_in(&mut browser, &format!("{HERE}/clients/meti/access-keys/meti-key/deactivate"), &[]).await;
    assert!(page(&mut browser, &path).await.text.contains("/access-keys/meti-key/remove"));
}
