//! Lifetimes of seconds: tokens expire for real, and other people's clients renew them by themselves.

use crate::clients::{python, succeeds};
use crate::support::{Running, access_token, call, entry, form_token};

/// A sandbox all of whose APIs give tokens a life of so many seconds.
pub(crate) fn short_lived(seconds: u32) -> Running {
    let sandbox = Running::sandbox();
    let mut description = sandbox.description();
    for usual in ["3600", "18000", "86400"] {
        description = description.replace(&format!("lifetime: {usual}"), &format!("lifetime: {seconds}"));
    }
    sandbox.apply(&description);
    let credentials = sandbox.credentials();
    let short = || form_token(&credentials, "metafold").json()["expires_in"] == seconds;
    sandbox.wait("short lifetimes", short);
    sandbox
}

#[test]
fn an_expired_token_is_refused_and_a_new_one_is_not() {
    let sandbox = short_lived(2);
    let credentials = sandbox.credentials();
    let url = entry(&credentials, "metafold", "api_url");
    let token = access_token(&form_token(&credentials, "metafold"));
    assert_eq!(call(url, &token).status, 200);
    sandbox.wait("expiry", || call(url, &token).status == 401);
    let refused = call(url, &token);
    assert!(refused.header("www-authenticate").contains("error=\"invalid_token\""), "{refused:?}");
    let renewed = access_token(&form_token(&credentials, "metafold"));
    assert_eq!(call(url, &renewed).status, 200);
}

#[test]
fn clients_renew_their_tokens_without_one_failed_call() {
    let sandbox = short_lived(3);
    for script in ["m3ter_sdk.py", "keycloak_client.py", "requests_basic.py", "metafold_sdk.py"] {
        let mut command = python(script);
        command
            .arg(sandbox.credentials_file())
            .env("RENEWAL_SECONDS", "5")
            .env("REFRESH_MARGIN_SECONDS", "1");
        if script == "requests_basic.py" {
            command.arg("meti_v2");
        }
        println!("{script}: {}", succeeds(command));
    }
}

#[test]
fn the_metafold_sdk_keeps_a_token_and_renews_it_a_minute_ahead() {
    let sandbox = short_lived(63);
    let mut command = python("metafold_sdk.py");
    command.arg(sandbox.credentials_file()).env("RENEWAL_SECONDS", "8");
    println!("{}", succeeds(command));
}
