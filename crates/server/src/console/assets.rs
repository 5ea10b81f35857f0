//! The files that pages name: one style sheet, one script, a picture for the tab, and htmx as it is published on npm (2.0.11; its licence is
//! beside it). Their addresses hold a digest of what they are, so that they can be kept for ever.

use std::hash::{DefaultHasher, Hasher as _};
use std::sync::LazyLock;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::state::ServerState;

struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

const ASSETS: [Asset; 5] = [
    Asset { name: "console.css", kind: "text/css; charset=utf-8", text: include_str!("static/console.css") },
    Asset {
        name: "console.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("static/console.js"),
    },
    Asset {
        name: "htmx.js",
        kind: "text/javascript; charset=utf-8",
        text: include_str!("static/htmx-2.0.11.min.js"),
    },
    Asset { name: "icon.svg", kind: "image/svg+xml", text: include_str!("static/icon.svg") },
    Asset {
        name: "htmx-LICENSE",
        kind: "text/plain; charset=utf-8",
        text: include_str!("static/htmx-LICENSE"),
    },
];

static ADDRESSES: LazyLock<[String; 5]> = LazyLock::new(|| {
    ASSETS.each_ref().map(|asset| {
        let mut hasher = DefaultHasher::new();
        hasher.write(asset.text.as_bytes());
        format!("/console/static/{}?v={:016x}", asset.name, hasher.finish())
    })
});

/// The addresses of the style sheet, the script, htmx and the picture.
pub(super) fn addresses() -> [&'static str; 4] {
    let [css, script, htmx, icon, _] = &*ADDRESSES;
    [css, script, htmx, icon]
}

/// The files. They are public, as the program is.
pub(super) fn routes() -> Router<ServerState> {
    ASSETS.iter().fold(Router::new(), |router, asset| {
        router.route(&format!("/static/{}", asset.name), get(async move || asset))
    })
}

impl IntoResponse for &'static Asset {
    fn into_response(self) -> Response {
        let kept = HeaderValue::from_static("public, max-age=31536000, immutable");
        let kind = HeaderValue::from_static(self.kind);
        ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, kept)], self.text).into_response()
    }
}
