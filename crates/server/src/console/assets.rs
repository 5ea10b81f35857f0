//! The files that pages name: one style sheet, one script, a picture for the tab, and htmx as it is published on npm (2.0.11; its licence is
//! beside it). Their addresses hold a digest of what they are, so that they can be kept for ever.

use std::sync::LazyLock;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::get;

use crate::coded::{FOR_EVER, File};
use crate::state::ServerState;

const fn asset(kind: &'static str, bytes: &'static [u8]) -> File {
    File::plain(kind, FOR_EVER, bytes)
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

static ASSETS: [(&str, File); 5] = [
    ("console.css", asset("text/css; charset=utf-8", include_bytes!("static/console.css"))),
    ("console.js", asset(SCRIPT, include_bytes!("static/console.js"))),
    ("htmx.js", asset(SCRIPT, include_bytes!("static/htmx-2.0.11.min.js"))),
    ("icon.svg", asset("image/svg+xml", include_bytes!("static/icon.svg"))),
    ("htmx-LICENSE", asset("text/plain; charset=utf-8", include_bytes!("static/htmx-LICENSE"))),
];

static ADDRESSES: LazyLock<[String; 5]> = LazyLock::new(|| {
    ASSETS.each_ref().map(|(name, file)| format!("/console/static/{name}?v={:016x}", file.digest()))
});

/// The addresses of the style sheet, the script, htmx and the picture.
pub(super) fn addresses() -> [&'static str; 4] {
    let [css, script, htmx, icon, _] = &*ADDRESSES;
    [css, script, htmx, icon]
}

/// The files. They are public, as the program is.
pub(super) fn routes() -> Router<ServerState> {
    ASSETS.iter().fold(Router::new(), |router, (name, file)| {
        let answer = get(async move |headers: HeaderMap| file.answer(&headers));
        router.route(&format!("/static/{name}"), answer)
    })
}
