//! `symbolon apply` from outside, and the documents that describe it.

use std::path::Path;
use std::process::{Command, Output};

use crate::support::{Running, SYMBOLON, access_token, curl, prepared};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples");

fn apply(folder: &Path, file: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(SYMBOLON);
    command
        .arg("apply")
        .arg(file)
        .arg("--data")
        .arg(folder)
        .args(["--base-url", "https://auth.example"])
        .args(more);
    command.output().expect("apply")
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn serve(folder: &Path) -> (Running, String) {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("an address").to_string();
    drop(socket);
    let mut command = Command::new(SYMBOLON);
    command.args(["serve", "--listen", &address, "--base-url", "https://auth.example", "--data"]).arg(folder);
    let running = Running::start(command, folder);
    let base = format!("http://{address}");
    running.wait("answer", || curl(&[&format!("{base}/livez")]).status == 200);
    (running, base)
}

#[test]
fn the_documented_examples_move_five_systems_into_one_process() {
    let (_kept, folder) = prepared();
    for name in ["meti-v2", "meti-v1", "metafold", "ecoinvent", "m3ter"] {
        let file = Path::new(EXAMPLES).join(format!("{name}.yaml"));
        let planned = apply(&folder, &file, &["--plan"]);
        assert!(
            planned.status.success() && text(&planned).contains("to create"),
            "{name}: {}",
            text(&planned)
        );
        let applied = apply(&folder, &file, &[]);
        assert!(applied.status.success() && text(&applied).contains("Done."), "{name}: {}", text(&applied));
        let again = apply(&folder, &file, &[]);
        assert!(text(&again).contains("Nothing to do"), "{name}: {}", text(&again));
    }
    let (_running, base) = serve(&folder);
    let json = ["-H", "Content-Type: application/json"];
    let token = |host: &str, path: &str, more: &[&str]| {
        let url = format!("{base}{path}");
        let host = format!("Host: {host}");
        let mut arguments = vec![url.as_str(), "-H", &host];
        arguments.extend(more);
        curl(&arguments)
    };
    let meti = r#"{"client_id":"kJ2nQmXw7Zr0aYb5Tc8VdEf1Gh3Li6Op","client_secret":"Q-8s_Zk3mT5vX9yB2nD6pF0rH4jL7wEaCg1iKoMuNqRtSxUzVbWdYfAhGeIlJcO","audience":"https://api.meti.example","grant_type":"client_credentials","scope":"read:sources"}"#;
    let answer = token("meti.eu.auth0.example", "/oauth/token", &[json[0], json[1], "-d", meti]);
    access_token(&answer);
    let v1 = r#"{"email":"data@custodian.example","password":"the password that this person already uses"}"#;
    let answer = token("v1.meti.example", "/token", &[json[0], json[1], "-d", v1]);
    assert!(answer.json()["token"].is_string(), "{answer:?}");
    let metafold = "grant_type=client_credentials&client_id=Yb5Tc8VdEf1Gh3Li6OpkJ2nQmXw7Zr0a&client_secret=mT5vX9yB2nD6pF0rH4jL7wEaCg1iKoMuNqRtSxUzVbWdYfAhGeIlJcOQ-8s_Zk3&audience=https://api.metafold.example";
    let answer = token("metafold3d.us.auth0.example", "/oauth/token", &["-d", metafold]);
    assert_eq!(answer.json()["expires_in"], 86_400);
    let path = "/realms/ecoinvent/protocol/openid-connect/token";
    let ecoinvent = "grant_type=client_credentials&client_id=lca-institute-beta&client_secret=yB2nD6pF0rH4jL7wEaCg1iKoMuNqRtSx";
    let answer = token("sso.ecoinvent.example", path, &["-d", ecoinvent]);
    assert!(answer.json()["session_state"].is_string(), "{answer:?}");
    let user = "AKb7c1e5d2a94f:xUzVbWdYfAhGeIlJcOQ-8s_Zk3mT5vX9";
    let basic = r#"{"grant_type":"client_credentials"}"#;
    let answer = token("api.m3ter.example", "/oauth/token", &["-u", user, json[0], json[1], "-d", basic]);
    assert_eq!(answer.json()["expires_in"], 18_000);
    for (host, issuer) in [
        ("meti.eu.auth0.example", "https://meti.eu.auth0.example/"),
        ("metafold3d.us.auth0.example", "https://metafold3d.us.auth0.example/"),
        ("sso.ecoinvent.example", "https://sso.ecoinvent.example/realms/ecoinvent"),
        ("api.m3ter.example:443", "https://api.m3ter.example"),
    ] {
        let answer = token(host, "/.well-known/openid-configuration", &[]);
        assert_eq!(answer.json()["issuer"], issuer);
    }
}

#[test]
fn made_secrets_are_told_once_or_written_to_a_private_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_kept, folder) = prepared();
    let file = folder.join("a.yaml");
    let yaml = "realms: [{id: default, organizations: [{id: o, clients: [{id: a, access_keys: [{}]}]}]}]";
    std::fs::write(&file, yaml).expect("a file");
    let secrets = folder.join("secrets.jsonl");
    let path = secrets.to_str().expect("a path").to_owned();
    let applied = apply(&folder, &file, &["--secrets", &path]);
    assert!(applied.status.success(), "{}", text(&applied));
    assert!(!text(&applied).contains("sym_sk_"), "the secret was printed");
    let made: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&secrets).expect("secrets")).expect("one line of JSON");
    assert!(made["client_secret"].as_str().expect("a secret").starts_with("sym_sk_"));
    let permissions = std::fs::metadata(&secrets).expect("the file").permissions().mode();
    assert_eq!(permissions & 0o777, 0o600);
    std::fs::write(&file, yaml.replace("id: a,", "id: b,")).expect("a file");
    let printed = apply(&folder, &file, &[]);
    assert_eq!(text(&printed).matches("sym_sk_").count(), 1, "{}", text(&printed));
    assert!(!text(&apply(&folder, &file, &[])).contains("sym_sk_"));
}

#[test]
fn a_mistake_in_the_file_changes_nothing_and_shows_no_secret() {
    let (_kept, folder) = prepared();
    let file = folder.join("a.yaml");
    let bad = "realms:\n  - id: default\n    organizations:\n      - id: o\n        clients:\n          - id: a\n            \
               access_keys:\n              - { secret: canary, status: ACTIVE }\n";
    std::fs::write(&file, bad).expect("a file");
    let refused = apply(&folder, &file, &[]);
    assert!(!refused.status.success());
    assert!(
        text(&refused).contains("weak: true") && !text(&refused).contains("canary"),
        "{}",
        text(&refused)
    );
    std::fs::write(&file, bad.replace("secret: canary", "secrt: canary-canary-canary")).expect("a file");
    let refused = apply(&folder, &file, &[]);
    assert!(
        text(&refused).contains("secrt") && !text(&refused).contains("canary-canary"),
        "{}",
        text(&refused)
    );
    std::fs::write(&file, "realms: []").expect("a file");
    let mut piped = Command::new(SYMBOLON);
    piped.args(["apply", "-", "--data"]).arg(&folder).stdin(std::fs::File::open(&file).expect("the file"));
    assert!(text(&piped.output().expect("apply")).contains("Nothing to do"));
    assert!(text(&apply(&folder, &file, &[])).contains("Nothing to do"));
}
