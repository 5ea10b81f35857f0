//! The page that shows the description of this API to people: a viewer that comes with the server, so that nothing is
//! fetched from elsewhere and the page works where no other host can be reached.
//!
//! The viewer is Swagger UI as it is published on npm; `viewer/swagger-ui-*/README.md` says which version and how to
//! take a newer one. It is kept compressed and sent as it is kept, to all but those who take no gzip.

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use axum::routing::get;

use crate::coded::{ASK_AGAIN, FOR_EVER, File};

/// Scripts, styles and requests only to this server; nothing inline, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const fn own(kind: &'static str, bytes: &'static [u8]) -> File {
    File::plain(kind, ASK_AGAIN, bytes)
}

/// The name of these parts changes with the viewer's version.
const fn vendored(kind: &'static str, bytes: &'static [u8]) -> File {
    File::gzipped(kind, FOR_EVER, bytes)
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

static PAGE: File = own(HTML, include_bytes!("viewer/page.html"));

/// The files that the page names, relative to it.
static PARTS: [(&str, File); 7] = [
    ("/viewer/page.css", own(CSS, include_bytes!("viewer/page.css"))),
    ("/viewer/page.js", own(SCRIPT, include_bytes!("viewer/page.js"))),
    (
        "/viewer/swagger-ui-5.35.0/swagger-ui.css",
        vendored(CSS, include_bytes!("viewer/swagger-ui-5.35.0/swagger-ui.css.gz")),
    ),
    (
        "/viewer/swagger-ui-5.35.0/swagger-ui-bundle.js",
        vendored(SCRIPT, include_bytes!("viewer/swagger-ui-5.35.0/swagger-ui-bundle.js.gz")),
    ),
    // Whoever is given the program is given the viewer, and with it the terms that it comes under.
    ("/viewer/swagger-ui-5.35.0/LICENSE", own(TEXT, include_bytes!("viewer/swagger-ui-5.35.0/LICENSE"))),
    ("/viewer/swagger-ui-5.35.0/NOTICE", own(TEXT, include_bytes!("viewer/swagger-ui-5.35.0/NOTICE"))),
    (
        "/viewer/swagger-ui-5.35.0/swagger-ui-bundle.js.LICENSE.txt",
        own(TEXT, include_bytes!("viewer/swagger-ui-5.35.0/swagger-ui-bundle.js.LICENSE.txt")),
    ),
];

/// The page and its parts. They are public, as the description is that they show.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let file = |file: &'static File| get(async move |headers: HeaderMap| answer(file, &headers));
    PARTS.iter().fold(Router::new().route("/docs", file(&PAGE)), |routes, (path, part)| {
        routes.route(&format!("/docs{path}"), file(part))
    })
}

fn answer(file: &'static File, asked: &HeaderMap) -> Response {
    let mut response = file.answer(asked);
    let mut set = |name, value| response.headers_mut().insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    response
}
