//! Signing in and out, and a person's own account.

use std::time::Duration;

use serde_json::Value;
use symbolon_core::edit::link;
use symbolon_server::axum::http::Method;

use super::browser::{Browser, Desk, PASSWORD, Who, escaped};
use crate::people::desk::{code, unbase32};
use crate::people::device::Device;
use crate::support::{Answer, Bed, Request};

/// The address that passkeys are for.
const SITE: &str = "https://auth.example";
/// Longer than a full authentication holds.
const LATER: Duration = Duration::from_mins(11);

/// What a page asks the browser for.
fn options(page: &Answer) -> Value {
    let text = page.text.split_once("data-options=\"").unwrap().1.split('"').next().unwrap();
    serde_json::from_str(&text.replace("&#34;", "\"")).unwrap()
}

fn session_of(answer: &Answer) -> String {
    let mut cookies = answer.headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap());
    let session = cookies.find_map(|line| line.strip_prefix("__Host-symbolon=")).unwrap();
    session.split(';').next().unwrap().to_owned()
}

/// Sets up an app, and answers what it computes with and the page that follows.
async fn set_up_app(desk: &Desk, browser: &mut Browser<'_>) -> (Vec<u8>, Answer) {
    let page = browser.get("/console/account/app").await;
    assert!(page.text.contains("<svg") && !page.text.contains("style="), "{}", page.text);
    let secret = Browser::field(&page, "state").unwrap();
    let shown = page.text.split_once("id=\"secret\" readonly value=\"").unwrap().1.split('"').next().unwrap();
    let app = unbase32(&shown.replace(' ', ""));
    let wrong = browser.post("/console/account/app", &[("state", &secret), ("code", "000")]).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("id=\"code-mistake\"") && wrong.text.contains(&secret), "{}", wrong.text);
    let code = code(&app, desk.bed.authority.now());
    let page = browser.submit("/console/account/app", &[("state", &secret), ("code", &code)]).await;
    assert_eq!(page.status, 200, "{page:?}");
    assert!(page.text.contains("The app is set up"), "{}", page.text);
    (app, page)
}

#[tokio::test]
async fn an_app_is_set_up_and_asked_for_and_recovery_codes_are_shown_once() {
    let desk = Desk::open().await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let (app, page) = set_up_app(&desk, &mut browser).await;
    assert!(page.text.contains("Make ten codes"), "{}", page.text);
    let page = browser.post("/console/account/recovery-codes", &[]).await;
    assert_eq!((page.status, page.header("cache-control")), (200, "no-store"));
    let codes =
        page.text.split_once("<pre id=\"codes\" tabindex=\"0\">").unwrap().1.split_once("</pre>").unwrap().0;
    let codes: Vec<String> = codes.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect();
    assert_eq!(codes.len(), 10);
    let account = browser.get("/console/account").await;
    assert!(account.text.contains("10 recovery codes are left") && !account.text.contains(&codes[0]));

    desk.bed.advance(Duration::from_secs(30)).await;
    let fields =
        [("email", Who::CustomerAdmin.email()), ("password", PASSWORD), ("next", "/console/account")];
    let mut other = Browser::new(&desk);
    let page = other.submit("/console/sign-in", &fields).await;
    assert!(page.text.contains("One more step"), "{}", page.text);
    // The password alone is no session.
    assert_eq!(other.get("/console/account").await.status, 303);
    let wrong = other
        .post("/console/sign-in/second", &[("method", "code"), ("code", "12"), ("next", "/console/account")])
        .await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("This is not the code") && wrong.text.contains("value=\"/console/account\""));
    let code = code(&app, desk.bed.authority.now());
    let done = other
        .post("/console/sign-in/second", &[("method", "code"), ("code", &code), ("next", "/console/account")])
        .await;
    assert_eq!((done.status, done.header("location")), (303, "/console/account"), "{done:?}");
    assert_eq!(other.get("/console/account").await.status, 200);

    for (expected, text) in [(303, ""), (422, "none of your recovery codes")] {
        let mut third = Browser::new(&desk);
        third.submit("/console/sign-in", &fields).await;
        let answer =
            third.post("/console/sign-in/second", &[("method", "recovery"), ("recovery", &codes[0])]).await;
        assert_eq!(answer.status, expected, "a recovery code is used once: {answer:?}");
        assert!(answer.text.contains(text));
    }
}

#[tokio::test]
async fn the_second_step_without_the_first_leads_back_to_it() {
    let desk = Desk::open().await;
    let mut browser = Browser::new(&desk);
    let back = "/console/sign-in?next=%2Fconsole&done=sign-in-expired";
    assert_eq!(browser.get("/console/sign-in/second").await.header("location"), back);
    let answer = browser.post("/console/sign-in/second", &[("method", "code"), ("code", "123456")]).await;
    assert_eq!((answer.status, answer.header("location")), (303, back));
    assert!(browser.get(back).await.text.contains("It took too long"));
}

#[tokio::test]
async fn a_passkey_is_added_signs_in_alone_proves_and_is_removed() {
    let desk = Desk::open().await;
    let at = |path: &str| format!("{SITE}{path}");
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let page = browser.get(&at("/console/account/passkeys/new")).await;
    let mut device = Device::new("laptop");
    let answer = device.made(&options(&page)).to_string();
    let state = Browser::field(&page, "state").unwrap();
    let fields = [("state", state.as_str()), ("answer", &answer), ("name", "My \"laptop\" <b>")];
    let added = browser.post(&at("/console/account/passkeys/new"), &fields).await;
    assert_eq!(
        (added.status, added.header("location")),
        (303, "/console/account?done=passkey-added"),
        "{added:?}"
    );
    let account = browser.get("/console/account").await;
    assert!(account.text.contains(&escaped("My \"laptop\" <b>")), "{}", account.text);
    let again = browser.post(&at("/console/account/passkeys/new"), &fields).await;
    assert_eq!(again.status, 422, "the same answer counts once");

    let mut other = Browser::new(&desk);
    let page = other.get(&at("/console/sign-in?next=%2Fconsole%2Faccount")).await;
    let (state, answer) =
        (Browser::field(&page, "state").unwrap(), device.answered(&options(&page)).to_string());
    let fields = [("state", state.as_str()), ("answer", &answer), ("next", "/console/account")];
    let done = other.post(&at("/console/sign-in/passkey"), &fields).await;
    assert_eq!((done.status, done.header("location")), (303, "/console/account"), "{done:?}");
    let replayed = Browser::new(&desk).post(&at("/console/sign-in/passkey"), &fields).await;
    assert_eq!(replayed.status, 422);
    assert!(
        replayed.text.contains("The passkey was not accepted") && replayed.header("set-cookie").is_empty()
    );

    desk.bed.advance(LATER).await;
    let mut links = account.text.split("href=\"").skip(1).map(|part| part.split('"').next().unwrap());
    let of_passkey = |link: &&str| link.starts_with("/console/account/passkeys/") && !link.ends_with("/new");
    let path = links.find(of_passkey).unwrap().to_owned();
    let remove = format!("{path}/remove");
    let asked = other.get(&remove).await;
    assert!(
        asked.header("location").starts_with("/console/prove?next=%2Fconsole%2Faccount%2Fpasskeys"),
        "{asked:?}"
    );
    let prove = other.get(&at(asked.header("location"))).await;
    let (state, answer) =
        (Browser::field(&prove, "state").unwrap(), device.answered(&options(&prove)).to_string());
    let fields = [("state", state.as_str()), ("answer", &answer), ("next", &remove)];
    let done = other.post(&at("/console/prove/passkey"), &fields).await;
    assert_eq!((done.status, done.header("location")), (303, remove.as_str()), "{done:?}");
    let renamed = other.submit(&path, &[("name", "Old laptop")]).await;
    assert!(renamed.text.contains("Old laptop"), "{}", renamed.text);
    assert!(other.get(&remove).await.text.contains("your only second factor"));
    let removed = other.submit(&remove, &[]).await;
    assert!(removed.text.contains("The passkey is removed") && !removed.text.contains("Old laptop"));
}

#[tokio::test]
async fn passkeys_are_left_out_where_browsers_have_none() {
    let desk = Desk::open().await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    for path in ["/console/sign-in", "https://other.example/console/sign-in"] {
        assert!(!browser.get(path).await.text.contains("data-passkey"), "{path}");
    }
    assert!(browser.get("https://auth.example/console/sign-in").await.text.contains("data-passkey=\"get\""));
    // Another port of the same name, of the installation or of a realm, may be somebody else's.
    let asks = async |browser: &mut Browser<'_>, host: &str| {
        browser.get(&format!("https://{host}/console/sign-in")).await.text.contains("data-passkey")
    };
    assert!(asks(&mut browser, "plain.example").await);
    for host in ["auth.example:9999", "plain.example:9999", "plain.example:443"] {
        assert!(!asks(&mut browser, host).await, "{host}");
    }
    assert_eq!(browser.get("/console/account/passkeys/new").await.status, 409);
    assert!(browser.get("/console/account").await.text.contains("Passkeys need https"));
}

#[tokio::test]
async fn credentials_are_shown_and_changed_only_by_who_has_just_proved_who_it_is() {
    let desk = Desk::open().await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    desk.bed.advance(LATER).await;
    let paths = ["app", "recovery-codes", "passkeys/new", "app/remove"];
    for path in paths.map(|path| format!("/console/account/{path}")) {
        let to = format!("/console/prove?next={}", path.replace('/', "%2F").replace('-', "%2D"));
        assert_eq!(browser.get(&path).await.header("location"), to);
        let answer = browser.post(&path, &[]).await;
        assert_eq!((answer.status, answer.header("location")), (303, to.as_str()), "{path}");
    }
    let page = browser.get("/console/prove?next=%2Fconsole%2Faccount%2Fapp").await;
    assert!(page.text.contains("value=\"/console/account/app\""), "{}", page.text);
    let wrong = browser.post("/console/prove", &[("password", "no"), ("next", "/console/account/app")]).await;
    assert_eq!(wrong.status, 422);
    assert!(
        wrong.text.contains("The password is wrong.")
            && wrong.text.contains("value=\"/console/account/app\"")
    );
    let before = browser.clone();
    let right =
        browser.post("/console/prove", &[("password", PASSWORD), ("next", "/console/account/app")]).await;
    assert_eq!((right.status, right.header("location")), (303, "/console/account/app"));
    assert_eq!(browser.get("/console/account/app").await.status, 200);
    let mut before = before;
    assert_eq!(before.get("/console/account").await.status, 303, "the token of before is dead");
}

#[tokio::test]
async fn a_password_is_changed_with_the_old_one_and_all_other_sessions_end() {
    const NEW: &str = "four words that differ";
    let desk = Desk::open().await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let mut other = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    desk.bed.advance(Duration::from_millis(5)).await;
    for ([old, new, again], field) in [
        (["wrong", NEW, NEW], "old-mistake"),
        ([PASSWORD, "short", "short"], "new-mistake"),
        ([PASSWORD, NEW, "four words that differ!"], "again-mistake"),
    ] {
        let fields = [("old", old), ("new", new), ("again", again)];
        let answer = browser.post("/console/account/password", &fields).await;
        assert_eq!(answer.status, 422, "{field}");
        assert!(answer.text.contains(&format!("id=\"{field}\"")), "{field}: {}", answer.text);
        assert!(!answer.text.contains(NEW), "no password is sent back");
    }
    let fields = [("old", PASSWORD), ("new", NEW), ("again", NEW)];
    let page = browser.submit("/console/account/password", &fields).await;
    assert!(page.text.contains("Your password is changed"), "{page:?}");
    assert_eq!(other.get("/console/account").await.status, 303);
    let fields = [("email", Who::CustomerAdmin.email()), ("password", PASSWORD)];
    assert_eq!(Browser::new(&desk).post("/console/sign-in", &fields).await.status, 422);
}

#[tokio::test]
async fn a_password_is_changed_beside_a_second_factor_only_by_who_has_just_proved_both() {
    const NEW: &str = "four words that differ";
    const PATH: &str = "/console/account/password";
    let desk = Desk::open().await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let (app, _) = set_up_app(&desk, &mut browser).await;
    desk.bed.advance(LATER).await;
    let fields = [("old", PASSWORD), ("new", NEW), ("again", NEW)];
    let to = "/console/prove?next=%2Fconsole%2Faccount%2Fpassword";
    assert_eq!(browser.get(PATH).await.header("location"), to);
    let asked = browser.post(PATH, &fields).await;
    assert_eq!((asked.status, asked.header("location")), (303, to), "{asked:?}");
    assert_eq!(asked.header("set-cookie"), "", "no password waits in the browser");

    let step = browser.submit("/console/prove", &[("password", PASSWORD), ("next", PATH)]).await;
    assert!(step.text.contains("One more step"), "{}", step.text);
    let code = code(&app, desk.bed.authority.now());
    let second = [("method", "code"), ("code", code.as_str()), ("next", PATH)];
    let proved = browser.post("/console/sign-in/second", &second).await;
    assert_eq!((proved.status, proved.header("location")), (303, PATH), "{proved:?}");
    assert_eq!(browser.get(PATH).await.status, 200);
    desk.bed.advance(Duration::from_mins(9)).await;
    let page = browser.submit(PATH, &fields).await;
    assert!(page.text.contains("Your password is changed"), "{page:?}");
    // The new session is as fresh as the old one was, and no fresher.
    assert_eq!(browser.get("/console/account/app/remove").await.status, 200);
    desk.bed.advance(Duration::from_mins(2)).await;
    let asked = browser.post("/console/account/app/remove", &[]).await;
    assert!(asked.header("location").starts_with("/console/prove?next="), "{asked:?}");
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one_or_all_others() {
    let desk = Desk::open().await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    desk.bed.advance(Duration::from_secs(1)).await;
    let mut second = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    desk.bed.advance(Duration::from_secs(1)).await;
    let mut third = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let mut stranger = Browser::signed_in(&desk, Who::OtherCustomer).await;
    let ends = |page: &Answer| -> Vec<String> {
        let parts = page.text.split("action=\"/console/account/sessions/").skip(1);
        let ids = parts.filter_map(|part| part.split_once("/end\"")).map(|(id, _)| id.to_owned());
        ids.filter(|id| !id.contains('"')).map(|id| format!("/console/account/sessions/{id}/end")).collect()
    };
    let page = second.get("/console/account").await;
    assert_eq!(ends(&page).len(), 3);
    assert!(page.text.contains("192.0.2.1") && page.text.contains("this one"), "{}", page.text);
    for path in ends(&page) {
        assert_eq!(stranger.post(&path, &[]).await.status, 404, "nobody ends another's session");
    }
    // The newest comes first: the third browser's.
    let page = second.submit(&ends(&page)[0], &[]).await;
    assert!(page.text.contains("The session is ended"), "{}", page.text);
    assert_eq!(third.get("/console/account").await.status, 303);
    let page = browser.submit("/console/account/sessions/end-others", &[]).await;
    assert!(page.text.contains("All other sessions are ended") && ends(&page).len() == 1);
    assert_eq!(second.get("/console/account").await.status, 303);
    let out = browser.post(&ends(&page)[0], &[]).await;
    assert_eq!(out.header("location"), "/console/sign-in?done=signed-out");
    assert_eq!(stranger.get("/console/account").await.status, 200);
}

#[tokio::test]
async fn the_first_operators_link_makes_one_owner_and_is_used_once() {
    const EMAIL: &str = "first@operator.example";
    let desk = Desk { bed: Bed::start().await };
    let token = link::first_operator(&desk.bed.authority).await.unwrap().unwrap();
    let path = format!("/console/link/{}", token.expose());
    let mut browser = Browser::new(&desk);
    for _ in 0..2 {
        let page = browser.get(&path).await;
        assert_eq!((page.status, page.header("referrer-policy")), (200, "same-origin"), "{page:?}");
        assert!(page.text.contains("Become the first operator"), "{}", page.text);
    }
    for ([email, password, again], field) in [
        ([EMAIL, "short", "short"], "password-mistake"),
        ([EMAIL, PASSWORD, "another password"], "again-mistake"),
        (["", PASSWORD, PASSWORD], "email-mistake"),
        (["<script>", PASSWORD, PASSWORD], "email-mistake"),
    ] {
        let fields = [("email", email), ("password", password), ("again", again)];
        let answer = browser.post(&path, &fields).await;
        assert_eq!(answer.status, 422, "{field}: {answer:?}");
        assert!(answer.text.contains(&format!("id=\"{field}\"")), "{field}: {}", answer.text);
        assert!(
            answer.text.contains(&format!("value=\"{}\"", escaped(email)))
                && !answer.text.contains("<script>")
        );
    }
    let fields = [("email", EMAIL), ("password", PASSWORD), ("again", PASSWORD)];
    let answer = browser.post(&path, &fields).await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/console/sign-in?done=password-set"),
        "{answer:?}"
    );
    assert_eq!(answer.header("set-cookie"), "", "the person signs in itself");
    for answer in [browser.get(&path).await, browser.post(&path, &fields).await] {
        assert_eq!(answer.status, 410);
        assert!(answer.text.contains("This link has ended"));
    }
    let page = browser.submit("/console/sign-in", &[("email", EMAIL), ("password", PASSWORD)]).await;
    assert!(page.header("location").starts_with("/console/realms/default"), "{page:?}");
    assert!(link::first_operator(&desk.bed.authority).await.unwrap().is_none());
    assert!(browser.get("/console/account").await.text.contains("Owner"));
}

#[tokio::test]
async fn a_link_that_is_none_says_so() {
    let desk = Desk::open().await;
    let mut browser = Browser::new(&desk);
    for token in ["x", "sym_lnk_abc", "%3Cscript%3E"] {
        let page = browser.get(&format!("/console/link/{token}")).await;
        assert_eq!(page.status, 410, "{token}");
        assert!(!page.text.contains("<script>alert") && !page.text.contains(&format!("link/{token}\"")));
    }
}

#[tokio::test]
async fn no_session_that_was_there_before_signing_in_is_taken_over() {
    let desk = Desk::open().await;
    let mine = session_of(&sign_in(&desk, "", Who::OtherCustomer).await);
    let cookie = format!("__Host-symbolon={mine}");
    let answer = sign_in(&desk, &cookie, Who::CustomerAdmin).await;
    let theirs = session_of(&answer);
    assert_ne!(mine, theirs, "signing in always makes a new session");
    let account = |cookie: String| {
        desk.bed.send(Request::new(Method::GET, "/console/account").header("cookie", &cookie))
    };
    assert!(account(cookie).await.text.contains(Who::OtherCustomer.email()));
    assert!(account(format!("__Host-symbolon={theirs}")).await.text.contains(Who::CustomerAdmin.email()));
    let invented = sign_in(&desk, "__Host-symbolon=sym_ses_chosen_by_an_attacker", Who::CustomerAdmin).await;
    assert!(!session_of(&invented).contains("attacker"));
    let header = answer.headers.get("set-cookie").unwrap().to_str().unwrap();
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure"] {
        assert!(header.contains(attribute), "{header}");
    }
}

async fn sign_in(desk: &Desk, cookie: &str, who: Who) -> Answer {
    let request = Request::new(Method::POST, "/console/sign-in").header("origin", "https://localhost");
    let request = if cookie.is_empty() { request } else { request.header("cookie", cookie) };
    let answer = desk.bed.send(request.form(&[("email", who.email()), ("password", PASSWORD)])).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    answer
}

#[tokio::test]
async fn guessing_passwords_is_slowed_down_and_says_for_how_long() {
    let desk = Desk::open().await;
    let mut statuses = Vec::new();
    for guess in 0..40 {
        let fields = [("email", Who::CustomerAdmin.email()), ("password", &*format!("guess number {guess}"))];
        let answer = Browser::new(&desk).post("/console/sign-in", &fields).await;
        statuses.push(answer.status);
        if answer.status == 429 {
            let wait: u64 = answer.header("retry-after").parse().unwrap();
            assert!(wait >= 1);
            assert!(answer.text.contains("Too many attempts") && answer.text.contains("Wait"));
            break;
        }
    }
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    // The right password is never delayed: nobody can lock another out.
    Browser::signed_in(&desk, Who::CustomerAdmin).await;
}

#[tokio::test]
async fn nobody_is_led_away_after_signing_in() {
    let desk = Desk::open().await;
    for next in [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "/console/../../evil",
        "/console//evil.example",
        "javascript:alert(1)",
        "/oauth/token",
    ] {
        let mut browser = Browser::new(&desk);
        let fields = [("email", Who::CustomerAdmin.email()), ("password", PASSWORD), ("next", next)];
        let answer = browser.post("/console/sign-in", &fields).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/console"), "{next}");
        let answer = browser.post("/console/prove", &[("password", PASSWORD), ("next", next)]).await;
        assert_eq!((answer.status, answer.header("location")), (303, "/console"), "{next}");
        let encoded =
            percent_encoding::percent_encode(next.as_bytes(), percent_encoding::NON_ALPHANUMERIC).to_string();
        let page = browser.get(&format!("/console/prove?next={encoded}")).await;
        assert!(page.text.contains("name=\"next\" value=\"/console\""), "{next}: {}", page.text);
        let page = browser.get(&format!("/console/sign-in/second?next={encoded}")).await;
        assert_eq!(page.header("location"), "/console/sign-in?next=%2Fconsole&done=sign-in-expired");
    }
}

#[tokio::test]
async fn every_form_of_the_account_refuses_what_comes_from_elsewhere() {
    let desk = Desk::open().await;
    let mut browser = Browser::signed_in(&desk, Who::CustomerAdmin).await;
    let fields = [("old", PASSWORD), ("new", "another good one"), ("again", "another good one")];
    for path in [
        "/console/sign-in",
        "/console/sign-in/passkey",
        "/console/sign-in/second",
        "/console/prove",
        "/console/prove/passkey",
        "/console/link/x",
        "/console/account/password",
        "/console/account/app",
        "/console/account/app/remove",
        "/console/account/recovery-codes",
        "/console/account/passkeys/new",
        "/console/account/passkeys/x",
        "/console/account/passkeys/x/remove",
        "/console/account/sessions/x/end",
        "/console/account/sessions/end-others",
    ] {
        for origin in ["https://evil.example", "null"] {
            let answer = browser.post_from(origin, path, &fields).await;
            assert_eq!(answer.status, 403, "{path} from {origin}");
            assert!(answer.text.contains("This did not come from the console"), "{path}");
        }
    }
    assert_eq!(browser.get("/console/account").await.status, 200);
    Browser::signed_in(&desk, Who::CustomerAdmin).await;
}

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
    let to = "/console/sign-in?next=%2Fconsole";
    for (mut browser, to) in [(browser, to.to_owned()), (stolen, format!("{to}&done=session-over"))] {
        assert_eq!(browser.get("/console").await.header("location"), to);
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
