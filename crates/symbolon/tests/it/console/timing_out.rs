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
