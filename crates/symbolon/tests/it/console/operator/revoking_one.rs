//! Revoking one token: by its id, or by pasting it.

use std::time::Duration;

use super::super::browser::{Browser, Desk, Who, escaped};
use super::forms::{at, confirm, owner};
use crate::support::{Answer, secrets};

const FORM: &str = "/revocations/token";

async fn token(desk: &Desk) -> (String, String) {
    let answer = desk.token("meti", secrets::METI, "https://api.meti.io").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let jti = answer.claims()["jti"].as_str().unwrap().to_owned();
    (answer.body["access_token"].as_str().unwrap().to_owned(), jti)
}

async fn is_active(desk: &Desk, token: &str) -> bool {
    desk.bed.is_active("/oauth/introspect", "meti", secrets::METI, token).await
}

async fn look_up(browser: &mut Browser<'_>, entered: &str) -> Answer {
    browser.post(&at(FORM), &[("token", entered)]).await
}

#[tokio::test]
async fn one_token_is_revoked_by_its_id_or_by_pasting_it_and_the_others_live_on() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let kept = token(&desk).await.0;
    for how in ["id", "token", "header"] {
        let (token, jti) = token(&desk).await;
        let entered = match how {
            "id" => jti.clone(),
            "token" => format!(" {token}\n"),
            _ => format!("Bearer {token}"),
        };
        let found = look_up(&mut browser, &entered).await;
        assert_eq!(found.status, 303, "{how}: {}", found.text);
        let ask = found.header("location").to_owned();
        assert_eq!(ask, at(&format!("{FORM}/{jti}")), "an address holds no token");
        let page = browser.get(&ask).await.text;
        for told in [&escaped("Custodian's importer"), "meti", "Custodian Inc", "https://api.meti.io"] {
            assert!(page.contains(told), "{how}: {told}: {page}");
        }
        assert!(
            page.contains("class=\"danger\"") && page.contains("It is refused within a second."),
            "{page}"
        );
        assert!(is_active(&desk, &token).await, "nothing is revoked by looking");
        for _ in 0..2 {
            assert_eq!(confirm(&mut browser, &ask).await, at("/revocations?done=token-revoked"));
        }
        assert!(!is_active(&desk, &token).await, "{how}");
        assert!(browser.get(&ask).await.text.contains("expired, or is revoked already"), "{how}");
        let list = browser.get(&at("/revocations?kind=token")).await.text;
        assert!(list.contains(&format!("<code>{jti}</code>")), "{how}: {list}");
    }
    assert!(is_active(&desk, &kept).await);
}

#[tokio::test]
async fn what_is_no_token_of_the_realm_is_told_and_a_token_is_never_shown_again() {
    let desk = Desk::open().await;
    let mut browser = owner(&desk).await;
    let unknown = look_up(&mut browser, "tok_nobody").await;
    assert_eq!(unknown.status, 422);
    assert!(unknown.text.contains("tok_nobody</textarea>"), "{}", unknown.text);
    assert!(unknown.text.contains("aria-describedby=\"token-hint token-mistake\""), "{}", unknown.text);
    for (entered, told) in [
        ("", "Paste a token, or enter its id."),
        ("<script>alert(1)</script> x", "This is neither a token"),
        ("a.b.c", "This is neither a token"),
    ] {
        let answer = look_up(&mut browser, entered).await;
        assert_eq!(answer.status, 422, "{entered}");
        assert!(answer.text.contains(told), "{entered}: {}", answer.text);
        assert!(!answer.text.contains("<script>alert"), "{}", answer.text);
    }
    // A token of another realm, whole and valid there.
    let other = desk.bed.access_token("/realms/plain/oauth/token", "plain-client", secrets::PLAIN).await;
    let answer = look_up(&mut browser, &other).await;
    assert_eq!(answer.status, 422);
    assert!(!answer.text.contains(&other), "{}", answer.text);
    for path in ["/revocations/token/tok_nobody", "/revocations/token/%00"] {
        assert_eq!(browser.get(&at(path)).await.status, 404, "{path}");
        assert_eq!(browser.post(&at(path), &[]).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn who_may_not_revoke_does_not_and_the_page_that_explains_a_token_leads_there() {
    let desk = Desk::open().await;
    let answer = desk.token("meti", secrets::METI, "https://api.meti.io").await;
    let jti = answer.claims()["jti"].as_str().unwrap().to_owned();
    let explained = format!("/audit/request?id={}", answer.header("x-request-id"));
    let ask = at(&format!("{FORM}/{jti}"));
    let link = format!("href=\"{ask}\"");
    for who in [Who::Auditor, Who::CustomerAdmin] {
        let mut browser = Browser::signed_in(&desk, who).await;
        for path in [ask.as_str(), &at(FORM)] {
            assert_eq!(browser.get(path).await.status, 403, "{who:?} {path}");
            assert_eq!(browser.post(path, &[("token", jti.as_str())]).await.status, 403, "{who:?} {path}");
        }
        let page = browser.get(&at(&format!("/organizations/custodian{explained}"))).await.text;
        assert!(page.contains(&jti) && !page.contains(&link), "{who:?}: {page}");
    }
    let mut browser = owner(&desk).await;
    let page = browser.get(&at(&explained)).await.text;
    assert!(page.contains(&link), "{page}");
    assert_eq!(browser.get(&ask).await.status, 200);
    desk.bed.advance(Duration::from_hours(48)).await;
    let mut browser = owner(&desk).await;
    assert!(browser.get(&ask).await.text.contains("expired, or is revoked already"));
}
