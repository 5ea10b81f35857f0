//! `symbolon import`, `export` and `completions` from outside.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Running, SYMBOLON, access_token, curl, prepared};

const EXPORTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/exports");

/// Runs a command on a folder.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(SYMBOLON);
    command.args(arguments).arg("--data").arg(folder).args(["--base-url", "https://auth.example"]);
    command.output().expect("symbolon")
}

fn import(folder: &Path, system: &str, file: &str, more: &[&str]) -> Output {
    let file = format!("{EXPORTS}/{file}");
    run(folder, &[&["import", system, &file, "--organization", "moved"], more].concat())
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// What a command that ended well printed.
pub(crate) fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(output));
    String::from_utf8(output.stdout.clone()).expect("text")
}

fn export(folder: &Path, more: &[&str]) -> String {
    stdout(&run(folder, &[&["export"], more].concat()))
}

#[test]
fn both_systems_clients_move_into_one_process_and_get_tokens_at_its_endpoints() {
    let (_kept, folder) = prepared();
    let dry = import(&folder, "auth0", "auth0.yaml", &["--dry-run"]);
    let told = stdout(&dry);
    assert!(told.contains("+ default: client kJ2nQmXw7Zr0aYb5Tc8VdEf1Gh3Li6Op of moved"), "{told}");
    assert!(
        told.contains("Not taken over:")
            && told.contains("Browser app")
            && told.contains("Nothing was changed")
    );
    assert!(!text(&dry).contains("Q-8s_Zk3") && !text(&dry).contains("canary"), "{}", text(&dry));
    assert_eq!(export(&folder, &[]), "realms: []\n", "a dry run changed something");

    let told = stdout(&import(&folder, "auth0", "auth0.yaml", &[]));
    assert!(told.contains("Done.") && !told.contains("+ default"), "{told}");
    let refused = import(&folder, "keycloak", "keycloak.json", &[]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        text(&refused).contains("--allow-weak") && !text(&refused).contains("canary"),
        "{}",
        text(&refused)
    );
    let report = import(&folder, "keycloak", "keycloak.json", &["--allow-weak", "--output", "json"]);
    let report: Value = serde_json::from_str(&stdout(&report)).expect("JSON");
    assert_eq!((&report["plan"]["client"]["create"], &report["dry_run"]), (&3.into(), &false.into()));
    assert!(report["notes"].as_array().expect("notes").iter().any(|note| note["name"] == "dashboard"));
    let again = import(&folder, "keycloak", "keycloak.json", &["--allow-weak"]);
    assert!(stdout(&again).contains("Nothing to do"), "{}", text(&again));

    let (_running, base) = serve(&folder);
    let url = format!("{base}/oauth/token");
    let json = r#"{"client_id":"kJ2nQmXw7Zr0aYb5Tc8VdEf1Gh3Li6Op","client_secret":"Q-8s_Zk3mT5vX9yB2nD6pF0rH4jL7wEaCg1iKoMuNqRtSxUzVbWdYfAhGeIlJcO","audience":"https://api.acme.example","grant_type":"client_credentials"}"#;
    access_token(&curl(&[&url, "-H", "Content-Type: application/json", "-d", json]));
    let url = format!("{base}/realms/factory/protocol/openid-connect/token");
    let form =
        "grant_type=client_credentials&client_id=line-1&client_secret=pF0rH4jL7wEaCg1iKoMuNqRtSxUzVbWd";
    let answer = curl(&[&url, "-d", form]);
    access_token(&answer);
    assert_eq!(answer.json()["not-before-policy"], 0);
}

/// Serves a folder; the process, and its address.
pub(crate) fn serve(folder: &Path) -> (Running, String) {
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
fn a_folder_of_json_files_is_imported_and_missing_secrets_are_made_into_a_private_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_kept, folder) = prepared();
    stdout(&import(&folder, "auth0", "auth0", &["--realm", "tenant"]));
    assert!(export(&folder, &["--realm", "tenant"]).contains("FolderFolderFolderFolderFolderAa"));
    let secrets = folder.join("made.jsonl");
    let path = secrets.to_str().expect("a path");
    let made =
        stdout(&import(&folder, "auth0", "auth0.yaml", &["--realm", "tenant", "--make-secrets", path]));
    assert!(!made.contains("sym_sk_"), "the secret was printed");
    let made: Value =
        serde_json::from_str(&std::fs::read_to_string(&secrets).expect("secrets")).expect("one line of JSON");
    assert_eq!(made["client_id"], "NoSecretNoSecretNoSecretNoSecret");
    assert_eq!(std::fs::metadata(&secrets).expect("the file").permissions().mode() & 0o777, 0o600);
    // A realm's folder, with its users in a file of their own.
    let split: PathBuf = folder.join("keycloak");
    std::fs::create_dir(&split).expect("a folder");
    let whole = std::fs::read_to_string(format!("{EXPORTS}/keycloak.json")).expect("the export");
    let mut realm: Value = serde_json::from_str(&whole).expect("JSON");
    let users = realm["users"].take();
    std::fs::write(split.join("factory-realm.json"), realm.to_string()).expect("a file");
    let users = serde_json::json!({ "realm": "factory", "users": users }).to_string();
    std::fs::write(split.join("factory-users-0.json"), users).expect("a file");
    let split = split.to_str().expect("a path").to_owned();
    stdout(&run(&folder, &["import", "keycloak", &split, "--organization", "moved", "--allow-weak"]));
    assert!(
        export(&folder, &["--realm", "factory"]).contains("machines-api"),
        "roles of the service account"
    );
}

#[test]
fn an_export_is_a_file_for_apply_and_lines_of_json() {
    let (_kept, folder) = prepared();
    let (_elsewhere_kept, elsewhere) = prepared();
    stdout(&import(&folder, "auth0", "auth0.yaml", &[]));
    let yaml = export(&folder, &[]);
    let file = folder.join("export.yaml");
    std::fs::write(&file, &yaml).expect("a file");
    let file = file.to_str().expect("a path");
    let unchanged = stdout(&run(&folder, &["apply", file]));
    assert!(unchanged.contains("Nothing to do"), "{unchanged}");
    let made = stdout(&run(&elsewhere, &["apply", file]));
    assert_eq!(made.matches("sym_sk_").count(), 2, "keys without a secret get new ones: {made}");
    assert_eq!(export(&elsewhere, &[]), yaml);

    let lines = export(&folder, &["--output", "ndjson"]);
    let kinds: Vec<String> = lines
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).expect("JSON")["type"].as_str().expect("a type").to_owned()
        })
        .collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "client").count(), 3, "{lines}");
    assert_eq!(kinds[0], "realm");
    assert!(!yaml.contains("Q-8s_Zk3") && !lines.contains("Q-8s_Zk3"));
    let missing = run(&folder, &["export", "--realm", "nowhere"]);
    assert!(
        missing.status.code() == Some(1) && text(&missing).contains("no such realm"),
        "{}",
        text(&missing)
    );
}

#[test]
fn every_shell_gets_a_script_that_knows_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = Command::new(SYMBOLON).args(["completions", shell]).output().expect("completions");
        let script = stdout(&output);
        assert!(script.contains("symbolon") && script.contains("import"), "{shell}: {script}");
    }
    let unknown = Command::new(SYMBOLON).args(["completions", "tcsh"]).output().expect("completions");
    assert_eq!(unknown.status.code(), Some(2));
}
