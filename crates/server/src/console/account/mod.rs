//! A person's own way in and out: signing in, one-time links, passwords, second factors, sessions.

mod browser;
mod door;
mod go_on;
mod link;
mod overview;
mod passkeys;
mod password;
mod prove;
mod recovery;
mod second;
mod sessions;
mod sign_in;
mod totp;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::state::ServerState;

/// Where a person finds what is its own.
const ACCOUNT: &str = "/console/account";

/// The longest form that is read here, in bytes: some come from whoever has not signed in. A passkey's answer has a few
/// kilobytes.
const LARGEST_FORM: usize = 16 * 1024;

/// The pages.
pub(super) fn routes() -> Router<ServerState> {
    Router::new()
        .merge(ways_in(""))
        .merge(ways_in("/realms/{realm}"))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/link/{token}", get(link::show).post(link::accept))
        .route("/prove", get(prove::show).post(prove::prove))
        .route("/prove/go-on", get(go_on::show))
        .route("/prove/passkey", get(prove::show).post(prove::passkey))
        .route("/account", get(overview::show))
        .route("/account/password", get(password::show).post(password::change))
        .route("/account/app", get(totp::show).post(totp::confirm))
        .route("/account/app/remove", get(totp::ask_to_remove).post(totp::remove))
        .route("/account/recovery-codes", get(recovery::show).post(recovery::renew))
        .route("/account/passkeys/new", get(passkeys::begin).post(passkeys::add))
        .route("/account/passkeys/{passkey}", get(passkeys::show).post(passkeys::rename))
        .route("/account/passkeys/{passkey}/remove", get(passkeys::ask_to_remove).post(passkeys::remove))
        .route("/account/sessions/{session}/end", post(sessions::end))
        .route("/account/sessions/end-others", post(sessions::end_others))
        .layer(DefaultBodyLimit::max(LARGEST_FORM))
}

fn ways_in(place: &str) -> Router<ServerState> {
    let at = |page: &str| format!("{place}/{page}");
    Router::new()
        .route(&at("sign-in"), get(sign_in::show).post(sign_in::sign_in))
        .route(&at("sign-in/passkey"), get(sign_in::show).post(sign_in::passkey))
        .route(&at("sign-in/second"), get(second::show).post(second::check))
}
