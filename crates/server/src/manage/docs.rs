//! The page that shows the description of this API to people: a viewer that comes with the server, so that nothing is
//! fetched from elsewhere and the page works where no other host can be reached.
//!
//! The viewer is Swagger UI as it is published on npm; `viewer/swagger-ui-*/README.md` says which version and how to
//! take a newer one. It is kept compressed and sent as it is kept: every browser reads gzip.

use std::hash::{DefaultHasher, Hasher as _};

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// Scripts, styles and requests only to this server; nothing inline, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The name of these parts changes with the viewer's version.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Asked for again each time, and sent only if it has changed.
const ASK_AGAIN: &str = "no-cache";

/// A file of the page.
#[derive(Clone, Copy)]
struct Part {
    kind: &'static str,
    bytes: &'static [u8],
    is_gzip: bool,
    caching: &'static str,
}

const fn own(kind: &'static str, bytes: &'static [u8]) -> Part {
    Part { kind, bytes, is_gzip: false, caching: ASK_AGAIN }
}

const fn vendored(kind: &'static str, bytes: &'static [u8]) -> Part {
    Part { kind, bytes, is_gzip: true, caching: FOR_EVER }
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

const PAGE: Part = own(HTML, include_bytes!("viewer/page.html"));

/// The files that the page names, relative to it.
const PARTS: [(&str, Part); 7] = [
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
    let routes = Router::new().route("/docs", get(async || PAGE));
    PARTS
        .iter()
        .fold(routes, |routes, (path, part)| routes.route(&format!("/docs{path}"), get(async move || *part)))
}

impl IntoResponse for Part {
    fn into_response(self) -> Response {
        let mut headers = HeaderMap::new();
        let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
        set(header::CONTENT_TYPE, self.kind);
        set(header::CACHE_CONTROL, self.caching);
        set(header::CONTENT_SECURITY_POLICY, POLICY);
        set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        set(header::REFERRER_POLICY, "no-referrer");
        if self.is_gzip {
            set(header::CONTENT_ENCODING, "gzip");
        }
        if let Ok(tag) = HeaderValue::from_str(&tag(self.bytes)) {
            headers.insert(header::ETAG, tag);
        }
        (headers, self.bytes).into_response()
    }
}

/// Says whether a file is another one than before; nothing depends on its being hard to forge.
pub(crate) fn tag(bytes: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    format!("\"{:016x}\"", hasher.finish())
}
