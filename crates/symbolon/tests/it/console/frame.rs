//! What stands around pages: the way to them, the navigation, and the files that they name.

use super::browser::{Browser, Desk, Who, escaped};

const CUSTODIAN: &str = "/console/realms/default/organizations/custodian";

/// The texts of the way to a page.
fn crumbs(page: &str) -> Vec<&str> {
    let Some(way) = page.split("class=\"crumbs\"").nth(1) else { return Vec::new() };
    let way = way.split("</nav>").next().unwrap();
    let steps = way.split("<li>").skip(1).map(|step| step.split("</").next().unwrap());
    steps.map(|step| step.rsplit('>').next().unwrap()).collect()
}

#[tokio::test]
async fn an_organization_is_called_by_its_name_wherever_an_operator_is_in_it() {
    let desk = Desk::open().await;
    let name = "Custodian <b>& Sons</b>";
    desk.bed
        .change_organization("default", "custodian", |organization| organization.name = name.to_owned())
        .await;
    let mut operator = Browser::signed_in(&desk, Who::Owner).await;
    let heading = format!("<h2>{} <small>custodian</small></h2>", escaped(name));
    for below in [
        "",
        "/clients",
        "/clients/meti",
        "/clients/meti/claims",
        "/clients/meti/usage",
        "/licences",
        "/licences/new",
        "/members",
        "/credentials",
        "/usage",
        "/audit",
        "/audit/tokens",
        "/audit/request",
        "/edit",
    ] {
        let page = operator.get(&format!("{CUSTODIAN}{below}")).await;
        assert_eq!(page.status, 200, "{below}");
        assert!(page.text.contains(&heading), "{below}: {}", page.text);
        assert!(!page.text.contains("<b>&"), "{below}");
        let way = crumbs(&page.text);
        assert!(!way.contains(&"custodian"), "{below}: {way:?}");
        assert!(below.is_empty() || way.contains(&&*escaped(name)), "{below}: {way:?}");
    }
    // Without a name, the id stands for it, once.
    let page = operator.get("/console/realms/default/organizations/other/usage").await.text;
    assert!(page.contains("<h2>other</h2>") && crumbs(&page).contains(&"other"), "{page}");
    // Whoever belongs to one organization needs no way to it.
    let mut customer = Browser::signed_in(&desk, Who::CustomerViewer).await;
    let page = customer.get(&format!("{CUSTODIAN}/audit")).await.text;
    assert_eq!(crumbs(&page), ["Audit"]);
}

#[tokio::test]
async fn files_are_sent_compressed_to_whoever_takes_that_and_pages_never_are() {
    let desk = Desk::open().await;
    let mut browser = Browser::new(&desk);
    let page = browser.get("/console/sign-in").await;
    let named = |after: &str| {
        let parts = page.text.split(after).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned());
        parts.filter(|path| path.starts_with("/console/static/")).collect::<Vec<_>>()
    };
    let files = [named("href=\""), named("src=\"")].concat();
    assert_eq!(files.len(), 4, "{files:?}");
    for path in files.iter().filter(|path| !path.contains("icon")) {
        let plain = browser.get(path).await;
        assert_eq!((plain.status, plain.header("content-encoding")), (200, ""), "{path}");
        let gzip = browser.get_with(path, &[("accept-encoding", "gzip, br")]).await;
        assert_eq!((gzip.status, gzip.header("content-encoding")), (200, "gzip"), "{path}");
        assert!(gzip.text.len() < plain.text.len(), "{path}");
        assert_ne!(gzip.header("etag"), plain.header("etag"), "{path}");
        for answer in [&plain, &gzip] {
            let vary: Vec<_> = answer.headers.get_all("vary").iter().collect();
            assert!(vary.iter().any(|value| *value == "Accept-Encoding"), "{path}: {vary:?}");
            assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
            assert_eq!(answer.header("x-content-type-options"), "nosniff");
        }
        let refused = browser.get_with(path, &[("accept-encoding", "gzip;q=0")]).await;
        assert_eq!(refused.header("content-encoding"), "", "{path}");
        let known = [("accept-encoding", "gzip"), ("if-none-match", gzip.header("etag"))];
        let again = browser.get_with(path, &known).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{path}");
    }
    let mut owner = Browser::signed_in(&desk, Who::Owner).await;
    for path in ["/console/sign-in", "/console/account", &format!("{CUSTODIAN}/clients/meti")] {
        let answer = owner.get_with(path, &[("accept-encoding", "gzip")]).await;
        assert_eq!(answer.header("content-encoding"), "", "{path}");
    }
}

#[tokio::test]
async fn of_whoever_has_not_signed_in_only_short_forms_are_read() {
    let desk = Desk::open().await;
    let (short, long) = ("x".repeat(15_000), "x".repeat(17_000));
    for path in
        ["/console/sign-in", "/console/sign-in/passkey", "/console/realms/default/sign-in", "/console/link/x"]
    {
        let mut browser = Browser::new(&desk);
        let answer = browser.post(path, &[("password", &long)]).await;
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        assert!(answer.text.contains("The form could not be read"), "{path}: {}", answer.text);
        let answer = browser.post(path, &[("password", &short)]).await;
        assert_ne!(answer.status, 400, "{path}: {answer:?}");
    }
    // Whoever has signed in may describe more.
    let mut owner = Browser::signed_in(&desk, Who::Owner).await;
    let answer = owner.post("/console/realms/default/policies/new", &[("id", &long)]).await;
    assert_eq!(answer.status, 422, "{answer:?}");
}
