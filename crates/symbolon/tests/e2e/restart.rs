//! What survives the end of the process, expected or not.

use std::process::Command;

use crate::support::{Running, SYMBOLON, access_token, call, curl, entry, form_token};

#[test]
fn credentials_tokens_and_data_survive_a_restart_and_kill_9() {
    let kept = tempfile::tempdir().expect("a folder");
    let folder = kept.path().join("data");
    let mut sandbox = Running::sandbox_in(&folder, "127.0.0.1:0");
    let before = sandbox.credentials();
    let listen = sandbox.base().trim_start_matches("http://").to_owned();
    let token = access_token(&form_token(&before, "metafold"));
    let meti = access_token(&form_token(&before, "meti_v2"));
    let sources = entry(&before, "meti_v2", "api_url").to_owned();
    let bearer = format!("Authorization: Bearer {meti}");
    let made =
        curl(&[&sources, "-H", &bearer, "-H", "Content-Type: application/json", "-d", r#"{"name":"Kept"}"#]);
    assert_eq!(made.status, 201, "{made:?}");
    sandbox.stop();

    let mut sandbox = Running::sandbox_in(&folder, &listen);
    assert_eq!(sandbox.credentials()["metafold"], before["metafold"]);
    assert_eq!(call(entry(&before, "metafold", "api_url"), &token).status, 200);
    assert!(call(&sources, &meti).text.contains("\"Kept\""));
    let revoked = revoke(&before, &sandbox.base(), &token);
    assert_eq!(revoked.status, 200, "{revoked:?}");
    assert_eq!(call(entry(&before, "metafold", "api_url"), &token).status, 401);
    sandbox.kill();

    let sandbox = Running::sandbox_in(&folder, &listen);
    assert_eq!(call(entry(&before, "metafold", "api_url"), &token).status, 401, "nothing revoked comes back");
    assert_eq!(call(&sources, &meti).status, 200);
    assert_eq!(form_token(&sandbox.credentials(), "metafold").status, 200);
}

fn revoke(credentials: &serde_json::Value, base: &str, token: &str) -> crate::support::Fetched {
    let user = format!(
        "{}:{}",
        entry(credentials, "metafold", "client_id"),
        entry(credentials, "metafold", "client_secret")
    );
    curl(&[&format!("{base}/oauth/revoke"), "-u", &user, "-d", &format!("token={token}")])
}

#[test]
fn every_answered_token_has_its_record_after_kill_9() {
    let kept = tempfile::tempdir().expect("a folder");
    let folder = kept.path().join("data");
    let mut sandbox = Running::sandbox_in(&folder, "127.0.0.1:0");
    let credentials = sandbox.credentials();
    let ids: Vec<String> = (0..20)
        .map(|_| {
            let answer = form_token(&credentials, "metafold");
            assert_eq!(answer.status, 200, "{answer:?}");
            answer.header("x-request-id").to_owned()
        })
        .collect();
    sandbox.kill();
    for id in ids {
        let output =
            Command::new(SYMBOLON).args(["explain", &id, "--data"]).arg(&folder).output().expect("explain");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && text.contains("issued") && text.contains("metafold"),
            "{id}: {text}"
        );
    }
}
