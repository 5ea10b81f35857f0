//! The page that shows the description: whole, public, and from this server alone.

use crate::support::{Bed, Request};

const PAGE: &str = "/api/v1/docs";

/// What the page names, relative to it.
fn named(html: &str) -> Vec<&str> {
    let after = |name| html.split(name).skip(1).filter_map(|rest: &str| rest.split('"').next());
    after("href=\"").chain(after("src=\"")).collect()
}

#[tokio::test]
async fn the_page_and_its_parts_are_served_and_let_nothing_in_from_elsewhere() {
    let bed = Bed::start().await;
    let page = bed.send(Request::get(PAGE)).await;
    let parts: Vec<String> = named(&page.text)
        .into_iter()
        .filter(|name| !["data:,", "openapi.json"].contains(name))
        .map(|name| format!("/api/v1/{name}"))
        .collect();
    assert_eq!(parts.len(), 4, "{parts:?}");
    for path in parts.iter().map(String::as_str).chain([PAGE]) {
        let answer = bed.send(Request::get(path).header("accept-encoding", "gzip")).await;
        assert_eq!(answer.status, 200, "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
        assert!(policy.contains("connect-src 'self'") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        let (kind, is_vendored) = (answer.header("content-type"), path.contains("swagger-ui"));
        let is_kept = answer.header("cache-control") == "public, max-age=31536000, immutable";
        assert_eq!(is_kept, is_vendored, "{path}");
        assert_eq!(
            (answer.header("content-encoding"), answer.header("vary")),
            ("gzip", "Accept-Encoding"),
            "{path}"
        );
        let expected = match path.rsplit('.').next().unwrap() {
            "css" => "text/css",
            "js" => "text/javascript",
            _ => "text/html",
        };
        assert!(kind.starts_with(expected), "{path}: {kind}");
        let again = Request::get(path).header("accept-encoding", "gzip");
        let again = again.header("if-none-match", answer.header("etag"));
        let again = bed.send(again).await;
        assert_eq!((again.status, again.text.as_str()), (304, ""), "{path}");
    }
}

#[tokio::test]
async fn the_page_names_no_other_host_and_runs_nothing_inline() {
    let bed = Bed::start().await;
    for path in [PAGE.to_owned(), format!("{PAGE}/viewer/page.js"), format!("{PAGE}/viewer/page.css")] {
        let text = bed.send(Request::get(&path)).await.text;
        for foreign in ["http:", "https:", "//cdn", "@import", "url(", "eval("] {
            assert!(!text.contains(foreign), "{path}: {foreign}");
        }
    }
    let html = bed.send(Request::get(PAGE)).await.text;
    for name in named(&html) {
        assert!(!name.starts_with('/') && !name.contains("//"), "{name}");
    }
    for script in html.split("<script").skip(1) {
        assert!(script.starts_with(" src=\"") && script.contains("\"></script>"), "{script}");
    }
    assert!(!html.contains("<style") && !html.contains(" style=") && !html.contains(" on"), "{html}");
}

#[tokio::test]
async fn the_description_is_public_and_sent_again_only_when_it_has_changed() {
    let bed = Bed::start().await;
    let path = "/api/v1/openapi.json";
    let first = bed.send(Request::get(path)).await;
    assert_eq!((first.status, first.header("cache-control")), (200, "no-cache"));
    let again = bed.send(Request::get(path).header("if-none-match", first.header("etag"))).await;
    assert_eq!(again.status, 304);
}

#[tokio::test]
async fn whoever_takes_no_gzip_is_sent_the_plain_file() {
    let bed = Bed::start().await;
    let page = bed.send(Request::get(PAGE)).await;
    assert_eq!(page.header("content-encoding"), "");
    let style = named(&page.text).into_iter().find(|name| name.ends_with("/swagger-ui.css")).unwrap();
    let path = format!("/api/v1/{style}");
    for request in [Request::get(&path), Request::get(&path).header("accept-encoding", "br, gzip;q=0")] {
        let answer = bed.send(request).await;
        assert_eq!((answer.status, answer.header("content-encoding")), (200, ""));
        assert!(
            answer.text.starts_with(".swagger-ui") && answer.text.len() > 100_000,
            "{}",
            answer.text.len()
        );
    }
}

#[tokio::test]
async fn the_viewer_comes_with_its_licences() {
    let bed = Bed::start().await;
    let page = bed.send(Request::get(PAGE)).await.text;
    let viewer =
        named(&page).into_iter().find_map(|name| name.strip_suffix("/swagger-ui-bundle.js")).unwrap();
    for (file, text) in [
        ("LICENSE", "Apache License"),
        ("NOTICE", "SmartBear"),
        ("swagger-ui-bundle.js.LICENSE.txt", "MIT License"),
    ] {
        let answer = bed.send(Request::get(&format!("/api/v1/{viewer}/{file}"))).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "text/plain; charset=utf-8"));
        assert!(answer.text.contains(text), "{file}");
    }
}
