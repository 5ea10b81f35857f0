//! Signing in and out.

use super::browser::{Browser, Desk, PASSWORD, Who};

#[tokio::test]
async fn whoever_is_not_signed_in_is_asked_to_and_comes_back_to_the_page() {
    let desk = Desk::open().await;
    let mut browser = Browser::new(&desk);
    let page = browser.get("/console").await;
    assert_eq!((page.status, page.header("location")), (303, "/console/sign-in?next=%2Fconsole"));
    let page = browser.get("/console/realms/default/organizations/custodian?x=1").await;
    assert_eq!(
        page.header("location"),
        "/console/realms/default/sign-in?next=%2Fconsole%2Frealms%2Fdefault%2Forganizations%2Fcustodian%3Fx%3D1"
    );
    let form = browser.get("/console/sign-in?next=%2Fconsole%2Faccount").await;
    assert!(form.text.contains(r#"name="next" value="/console/account""#), "{}", form.text);
    let fields =
        [("email", Who::CustomerAdmin.email()), ("password", PASSWORD), ("next", "/console/account")];
    let answer = browser.post("/console/sign-in", &fields).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/console/account"));
}

#[tokio::test]
async fn a_wrong_password_is_told_with_the_email_kept_and_no_cookie_given() {
    let desk = Desk::open().await;
    let mut browser = Browser::new(&desk);
    for email in [Who::CustomerAdmin.email(), "nobody@custodian.example"] {
        let fields = [("email", email), ("password", "not the right one at all")];
        let answer = browser.post("/console/sign-in", &fields).await;
        assert_eq!(answer.status, 422);
        assert!(answer.text.contains("The email or the password is wrong"), "{}", answer.text);
        assert!(answer.text.contains(&format!("value=\"{email}\"")), "{}", answer.text);
        assert_eq!(answer.header("set-cookie"), "");
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_for_good() {
    let desk = Desk::open().await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let stolen = browser.clone();
    let answer = browser.post("/console/sign-out", &[]).await;
    assert_eq!((answer.status, answer.header("location")), (303, "/console/sign-in?done=signed-out"));
    for mut browser in [browser, stolen] {
        assert_eq!(browser.get("/console").await.header("location"), "/console/sign-in?next=%2Fconsole");
    }
}

#[tokio::test]
async fn every_page_is_for_this_host_alone_and_for_no_frame() {
    let desk = Desk::open().await;
    let mut browser = Browser::new(&desk);
    for path in ["/console/sign-in", "/console/nothing-here", "/console/static/console.css"] {
        let page = browser.get(path).await;
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(page.header("x-frame-options"), "DENY");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
    }
}

#[tokio::test]
async fn a_form_from_elsewhere_changes_nothing() {
    let desk = Desk::open().await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    for origin in ["https://evil.example", "null", "http://localhost.evil.example"] {
        let answer = browser.post_from(origin, "/console/sign-out", &[]).await;
        assert_eq!(answer.status, 403, "{origin}");
        assert!(answer.text.contains("This did not come from the console"), "{}", answer.text);
    }
    assert_ne!(browser.get("/console").await.header("location"), "/console/sign-in?next=%2Fconsole");
}
