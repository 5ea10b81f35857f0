//! `serve` and `explain` from outside: keys, refusals, and logs that hold no secret.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{Running, SYMBOLON, access_token, curl, entry, form_token};

fn serve_once(folder: &Path, variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(SYMBOLON);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(folder);
    command.env_remove("SYMBOLON_MASTER_KEY").env_remove("SYMBOLON_PEPPER").envs(variables.iter().copied());
    command.output().expect("serve")
}

/// Threat 4: a default or weak key protects nothing.
#[test]
fn t04_the_server_refuses_to_start_with_missing_or_weak_keys() {
    let kept = tempfile::tempdir().expect("a folder");
    let good = "1:3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=";
    let short = "1:c2hvcnQ=";
    let zeros = "1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let cases: [(&[(&str, &str)], &str); 6] = [
        (&[], "there is no master key"),
        (&[("SYMBOLON_MASTER_KEY", good)], "there is no pepper"),
        (&[("SYMBOLON_MASTER_KEY", short), ("SYMBOLON_PEPPER", good)], "master key"),
        (&[("SYMBOLON_MASTER_KEY", zeros), ("SYMBOLON_PEPPER", good)], "not random"),
        (&[("SYMBOLON_MASTER_KEY", good), ("SYMBOLON_PEPPER", zeros)], "not random"),
        (&[("SYMBOLON_MASTER_KEY", "changeme"), ("SYMBOLON_PEPPER", good)], "master key"),
    ];
    for (variables, expected) in cases {
        let output = serve_once(kept.path(), variables);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(expected), "{variables:?}: {text}");
        assert!(!text.contains("AAAAAAAA") && !text.contains("changeme"), "{text}");
    }
}

#[test]
fn a_key_that_everybody_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let kept = tempfile::tempdir().expect("a folder");
    let path = kept.path().join("master.key");
    std::fs::write(&path, "1:3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=").expect("a key");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    let output = serve_once(kept.path(), &[]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("chmod 600"), "{text}");
}

#[test]
fn explain_says_why_a_request_was_refused() {
    let sandbox = Running::sandbox();
    let credentials = sandbox.credentials();
    let url = entry(&credentials, "meti_v2", "token_url");
    let user = format!("{}:wrong", entry(&credentials, "meti_v2", "client_id"));
    let refused = curl(&[url, "-u", &user, "-d", "grant_type=client_credentials"]);
    assert_eq!(refused.status, 401);
    let explain = |id: &str| {
        let mut command = Command::new(SYMBOLON);
        command.args(["explain", id, "--data"]).arg(sandbox.folder());
        command.output().expect("explain")
    };
    let id = refused.header("x-request-id");
    sandbox.wait("record of the refusal", || explain(id).status.success());
    let text = String::from_utf8_lossy(&explain(id).stdout).into_owned();
    assert!(text.contains("wrong_secret") && text.contains("127.0.0.1"), "{text}");
    let unknown = explain("req_nothing");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stdout).contains("Nothing is recorded"));
}

#[test]
fn no_secret_reaches_the_log_even_at_its_most_talkative() {
    let mut sandbox = Running::sandbox();
    let credentials = sandbox.credentials();
    let mut canaries = Vec::new();
    for system in ["meti_v2", "metafold", "ecoinvent"] {
        canaries.push(access_token(&form_token(&credentials, system)));
        canaries.push(entry(&credentials, system, "client_secret").to_owned());
    }
    let user = format!(
        "{}:{}",
        entry(&credentials, "m3ter", "access_key_id"),
        entry(&credentials, "m3ter", "api_secret")
    );
    curl(&[entry(&credentials, "m3ter", "token_url"), "-u", &user, "-d", "grant_type=client_credentials"]);
    curl(&[
        entry(&credentials, "m3ter", "token_url"),
        "-u",
        "x:canary-secret",
        "-d",
        "grant_type=client_credentials",
    ]);
    curl(&[
        &format!("{}?client_secret=canary-query", entry(&credentials, "m3ter", "token_url")),
        "-d",
        "a=b",
    ]);
    let password = entry(&credentials, "meti_v1", "password");
    let body = serde_json::json!({ "email": entry(&credentials, "meti_v1", "email"), "password": password })
        .to_string();
    curl(&[entry(&credentials, "meti_v1", "token_url"), "-H", "Content-Type: application/json", "-d", &body]);
    canaries.push(entry(&credentials, "m3ter", "api_secret").to_owned());
    canaries.extend([password.to_owned(), "canary-secret".to_owned(), "canary-query".to_owned()]);
    sandbox.stop();
    let log = sandbox.log();
    assert!(log.contains("answered"), "the log is not at its most talkative: {log}");
    for canary in canaries {
        assert!(!log.contains(&canary), "{canary} is in the log");
    }
}

#[test]
fn a_body_that_breaks_off_is_not_called_too_large() {
    use std::io::{Read as _, Write as _};
    let sandbox = Running::sandbox();
    let address = sandbox.base().trim_start_matches("http://").to_owned();
    let mut stream = std::net::TcpStream::connect(&address).expect("a connection");
    let head = "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n";
    write!(stream, "{head}Content-Type: application/x-www-form-urlencoded\r\n\r\ngrant_type=")
        .expect("half a request");
    stream.shutdown(std::net::Shutdown::Write).expect("the end of it");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("did not arrive in full"), "{answer}");
}
