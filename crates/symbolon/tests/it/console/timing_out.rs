//! What time ends, and what is not lost by it: sessions, and the proof of who one is.

use std::time::Duration;

use super::browser::{Browser, Desk, PASSWORD, Who};

/// Longer than a full authentication holds.
const LATER: Duration = Duration::from_mins(11);

#[tokio::test]
async fn what_was_entered_waits_until_it_is_proved_who_one_is_and_is_sent_then() {
    let desk = Desk::open().await;
    let mut browser = Browser::signed_in(&desk, Who::Owner).await;
    let path = "/console/realms/default/operators/new";
    let once = Browser::field(&browser.get(path).await, "once").unwrap();
    desk.bed.advance(LATER).await;
    let email = "who is, \"äöü\"; <b>?";
    let fields = [("email", email), ("role", "admin"), ("once", &once)];
    let asked = browser.post(path, &fields).await;
    let to = "/console/prove?next=%2Fconsole%2Fprove%2Fgo%2Don";
    assert_eq!((asked.status, asked.header("location")), (303, to));
    assert!(asked.header("set-cookie").contains("; HttpOnly; SameSite=Lax; Secure; Max-Age=600"));

    // Before the proof it may be looked at, but leads nowhere; another session's it is not.
    let mut early = browser.clone();
    let page = early.get("/console/prove/go-on").await;
    assert_eq!(Browser::field(&page, "email").as_deref(), Some(email), "{}", page.text);
    assert_eq!(early.post(path, &fields).await.header("location"), to);
    let mut other = browser.clone();
    other.post("/console/sign-in", &[("email", Who::Owner.email()), ("password", PASSWORD)]).await;
    let elsewhere = other.get("/console/prove/go-on").await;
    assert_eq!((elsewhere.status, elsewhere.header("location")), (303, "/console"));

    let page =
        browser.submit("/console/prove", &[("password", PASSWORD), ("next", "/console/prove/go-on")]).await;
    assert!(page.text.contains(&format!("<form method=\"post\" action=\"{path}\">")), "{}", page.text);
    let kept = ["email", "role", "once"].map(|name| Browser::field(&page, name).unwrap());
    assert_eq!(kept, [email, "admin", &once]);
    let sent = browser.post(path, &fields).await;
    assert_eq!(sent.status, 422, "the server judges it as if it had just been entered: {}", sent.text);
    let made = browser.post(path, &[("email", "new@operator.example"), fields[1], fields[2]]).await;
    assert!(made.text.contains("/console/link/"), "{}", made.text);
    // What waited was handed over, and waits no longer.
    assert_eq!(browser.get("/console/prove/go-on").await.header("location"), "/console");
}

#[tokio::test]
async fn what_gives_rights_asks_first_who_one_is_and_the_brake_does_not() {
    const REALM: &str = "/console/realms/default";
    const CLIENT: &str = "/console/realms/default/organizations/custodian/clients/meti";
    let desk = Desk::open().await;
    let mut browser = Browser::signed_in(&desk, Who::Owner).await;
    let store = desk.bed.store();
    let realm = crate::support::realm_id("default");
    let admin = store.find_user_by_email(&realm, Who::Admin.email()).await.unwrap().unwrap();
    let operator = format!("{REALM}/operators/{}", admin.id);
    let kid = store.list_signing_keys(&realm).await.unwrap().remove(0).kid;
    let replace = format!("{REALM}/signing-keys/{kid}/replace");
    let before = store.last_change().await.unwrap();
    desk.bed.advance(LATER).await;
    let at = |page: &str| format!("{REALM}/{page}");
    let of = |page: &str| format!("{CLIENT}/{page}");
    let version = ("version", "1");
    let owner = [("email", Who::Admin.email()), ("role", "owner"), version];
    for (path, fields) in [
        (operator.clone(), &owner[..]),
        (format!("{operator}/disable"), &[version]),
        (format!("{operator}/enable"), &[version]),
        (at("signing-keys/rotate"), &[("algorithm", "RS256")]),
        (replace.clone(), &[]),
        (at("settings"), &[version, ("maximum_lifetime", "1000000")]),
        (at("policies/new"), &[("id", "mine"), ("effect", "allow"), ("actions", "*"), ("resources", "*")]),
        (at("policies/Administrator"), &[version]),
        (at("policies/Administrator/delete"), &[version]),
        (of("scopes"), &[version, ("policy", "administrator")]),
        (of("settings"), &[version, ("name", "x")]),
        (of("enable"), &[version]),
    ] {
        let asked = browser.post(&path, fields).await;
        assert_eq!(asked.status, 303, "{path}: {asked:?}");
        let kept = "/console/prove?next=%2Fconsole%2Fprove%2Fgo%2Don";
        let empty = format!("/console/prove?next={}", percent(&path));
        let to = if fields.is_empty() { &empty } else { kept };
        assert_eq!(asked.header("location"), to, "{path}");
    }
    for path in [format!("{operator}/enable"), replace, at("signing-keys/rotate"), of("enable")] {
        let asked = browser.get(&path).await;
        assert_eq!(asked.header("location"), format!("/console/prove?next={}", percent(&path)));
    }
    assert_eq!(store.last_change().await.unwrap(), before, "nothing is changed");

    let question = browser.get(&of("disable")).await;
    let version = Browser::field(&question, "version").unwrap();
    let done = browser.submit(&of("disable"), &[("version", &version)]).await;
    assert_eq!(done.status, 200, "{done:?}");
    assert!(!desk.bed.find_client("default", "meti").await.client.status.is_active());

    // What was entered is sent once it is proved.
    let fields = [("email", Who::Admin.email()), ("role", "auditor"), ("version", "1")];
    browser.post(&operator, &fields).await;
    let page =
        browser.submit("/console/prove", &[("password", PASSWORD), ("next", "/console/prove/go-on")]).await;
    assert!(page.text.contains(&format!("<form method=\"post\" action=\"{operator}\">")), "{}", page.text);
    let saved = browser.post(&operator, &fields).await;
    assert!(saved.header("location").ends_with("?done=operator-saved"), "{saved:?}");
}

fn percent(path: &str) -> String {
    percent_encoding::utf8_percent_encode(path, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[tokio::test]
async fn a_session_that_has_ended_says_so_and_leads_back_to_the_page() {
    let desk = Desk::open().await;
    for minutes in [15, 13 * 60] {
        let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
        desk.bed.advance(Duration::from_mins(minutes)).await;
        let page = browser.get("/console/account").await;
        assert_eq!(page.header("location"), "/console/sign-in?next=%2Fconsole%2Faccount&done=session-over");
        let page = browser.get("/console/sign-in?next=%2Fconsole%2Faccount&done=session-over").await;
        assert!(page.text.contains("Your session has ended."), "{}", page.text);
        // A form leads back to the page that it stood on, if that is one of the console.
        for (referer, next) in [
            ("https://auth.example/console/account/password?x=1", "%2Fconsole%2Faccount%2Fpassword%3Fx%3D1"),
            ("https://evil.example/console//evil", "%2Fconsole"),
            ("https://evil.example/", "%2Fconsole"),
        ] {
            let sent = browser.post_with("/console/sign-out", ("referer", referer)).await;
            let to = format!("/console/sign-in?next={next}&done=session-over");
            assert_eq!((sent.status, sent.header("location")), (303, to.as_str()));
        }
    }
}
