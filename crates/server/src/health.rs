//! Health: whether the process lives, and whether it could mint a token now.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::state::ServerState;

/// The process answers.
pub(crate) async fn live() -> Response {
    plain(StatusCode::OK, "ok\n")
}

/// The directory is fresh enough to mint from, and the default realm has keys to sign with.
pub(crate) async fn ready(State(state): State<ServerState>) -> Response {
    let authority = &state.authority;
    let fresh = authority.directory().check_age(authority.now()).is_ok();
    match (fresh, authority.directory().default_realm()) {
        (true, Some(realm)) if realm.can_sign() => plain(StatusCode::OK, "ok\n"),
        (true, Some(_)) => plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "no key to sign with: see the log for keys that cannot be opened\n",
        ),
        (true, None) => plain(StatusCode::SERVICE_UNAVAILABLE, "no realm yet: run `symbolon apply`\n"),
        (false, _) => plain(StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n"),
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (status, headers, text).into_response()
}
