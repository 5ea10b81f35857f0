//! What concerns an installation as a whole (`apply`, `export`, `import`), by a server's API and beside it.

use std::fs::File;
use std::process::Stdio;
use std::time::Instant;

use super::desk::{Desk, Way, mode};
use crate::import_killed::{acknowledged, realm_with_clients};
use crate::installation::SECRET;
use crate::support::PATIENCE;

const YAML: &str = r#"
realms:
  - id: default
    resource_servers: [{ identifier: "https://api.example", settings: { scopes: [read] } }]
    organizations:
      - id: acme
        clients:
          - id: job
            settings: { grants: [{ audience: "https://api.example", scopes: [read] }] }
            access_keys: [{ id: job-key }]
"#;

#[test]
fn apply_goes_to_the_profiles_server_and_tells_what_it_makes() {
    let desk = Desk::open();
    let file = desk.file("a.yaml", YAML);
    let planned = desk.run(&["apply", &file, "--plan"]);
    assert!(planned.done().contains("+ default: client job of acme\n"), "{planned:?}");
    assert!(planned.done().ends_with("4 to create, 0 to change.\n"), "{planned:?}");
    desk.run(&["organization", "show", "acme"]).failed(3, "no such");
    let secrets = desk.data.join("made.jsonl");
    let applied = desk.run(&["apply", &file, "--secrets", secrets.to_str().expect("a path")]);
    assert!(applied.done().ends_with("4 to create, 0 to change.\nDone.\n"), "{applied:?}");
    assert!(!applied.out.contains("sym_sk_"), "{applied:?}");
    assert_eq!(mode(&secrets), 0o600);
    let made: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(&secrets).expect("secrets")).expect("one line of JSON");
    let secret = made["client_secret"].as_str().expect("a secret");
    assert_eq!(desk.token("job", secret, "https://api.example").status, 200);
    let again = desk.run(&["apply", &file]);
    assert_eq!(again.done(), "Nothing to do: everything is as described.\n");
    let changes = desk.ask(Way::Server, &["audit", "changes", "--limit", "5"]);
    assert!(changes.to_string().contains("cli_"), "the actor is the profile's client: {changes}");
    // A mistake is told by its line, before anything is sent; a rule that is broken, by the server.
    let bad = desk.file(
        "bad.yaml",
        &YAML.replace("access_keys: [{ id: job-key }]", "acess_keys: [{ secret: canary }]"),
    );
    let said = desk.run(&["apply", &bad]);
    assert!(said.failed(1, "line 10").err.contains("acess_keys") && !said.err.contains("canary"), "{said:?}");
    let weak = desk.file("weak.yaml", &YAML.replace("{ id: job-key }", "{ id: job-key, secret: canary }"));
    let said = desk.run(&["apply", &weak]);
    assert!(
        said.failed(1, "weak: true").err.contains("request  req_") && !said.err.contains("canary"),
        "{said:?}"
    );
}

#[test]
fn whoever_names_a_folder_or_a_variable_means_this_machine_unless_a_profile_is_named() {
    let desk = Desk::empty();
    let file = desk.file("a.yaml", YAML);
    let data = desk.data.to_str().expect("a path").to_owned();
    // A first set-up has no profile.
    desk.run(&["apply", &file]).failed(2, "--profile");
    let here = ["--data", &data, "--base-url", &desk.base];
    assert!(desk.run(&[&["apply", &file][..], &here].concat()).done().contains("Done."));
    desk.bootstrap(&[]).done();
    let by_variable = |arguments: &[&str]| {
        let mut command = desk.command(arguments);
        let output = command.env("SYMBOLON_DATA", &data).env("SYMBOLON_BASE_URL", &desk.base).output();
        String::from_utf8(output.expect("the binary").stdout).expect("text")
    };
    let local = by_variable(&["export"]);
    assert!(local.contains("id: acme") && local.contains("id: operators"), "{local}");
    assert_eq!(desk.run(&[&["export"][..], &here].concat()).done(), local);
    assert_eq!(desk.run(&["export"]).done(), local);
    assert_eq!(desk.run(&["export", "--realm", "default"]).done(), local);
    let items = desk.run(&["export", "--output", "ndjson"]);
    assert_eq!(items.done(), by_variable(&["export", "--output", "ndjson"]));
    desk.run(&["export", "--realm", "nowhere"]).failed(3, "realm");
    // What was exported changes nothing where it came from, whichever way it goes back.
    let whole = desk.file("whole.yaml", &local);
    assert!(desk.run(&["apply", &whole]).done().starts_with("Nothing to do"));
    assert!(by_variable(&["apply", &whole]).starts_with("Nothing to do"));
    assert_eq!(by_variable(&["export", "--profile", "default"]), local);
    desk.run(&["export", "--profile", "nobody"]).failed(2, "no profile nobody");
}

#[test]
fn an_import_goes_to_the_profiles_server_and_reports_as_it_does_here() {
    let desk = Desk::open();
    let export = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/exports/auth0.yaml");
    let import = |more: &[&str]| {
        let arguments = ["import", "auth0", export, "--organization", "moved", "--allow-weak"];
        desk.run(&[&arguments[..], more].concat())
    };
    let dry = import(&["--dry-run"]);
    assert!(dry.done().contains("Not taken over:") && dry.out.ends_with("Nothing was changed.\n"), "{dry:?}");
    assert!(dry.out.contains("+ default: client kJ2nQmXw7Zr0aYb5Tc8VdEf1Gh3Li6Op of moved\n"), "{dry:?}");
    let secrets = desk.data.join("made.jsonl");
    let secrets = secrets.to_str().expect("a path");
    let done = import(&["--make-secrets", secrets, "--output", "json"]).json();
    assert_eq!(
        (&done["dry_run"], done["plan"]["client"]["change"].as_u64()),
        (&false.into(), Some(0)),
        "{done}"
    );
    assert_eq!(std::fs::read_to_string(secrets).expect("secrets").lines().count(), 1);
    let secret = "Q-8s_Zk3mT5vX9yB2nD6pF0rH4jL7wEaCg1iKoMuNqRtSxUzVbWdYfAhGeIlJcO";
    let token = desk.token("kJ2nQmXw7Zr0aYb5Tc8VdEf1Gh3Li6Op", secret, "https://api.acme.example");
    assert_eq!(token.status, 200, "{token:?}");
    // What is there keeps its settings, and a second run finds nothing to do.
    let again = import(&["--make-secrets", secrets]);
    assert!(again.done().contains("Nothing to do: everything is as in the export."), "{again:?}");
    assert!(again.out.contains("it is there already, and keeps its settings"), "{again:?}");
    assert_eq!(std::fs::read_to_string(secrets).expect("secrets").lines().count(), 1);
}

/// More than are sent at once.
const CLIENTS: usize = 2500;

#[test]
fn an_import_whose_server_is_killed_loses_nothing_it_told_of_and_converges_when_it_is_repeated() {
    let mut desk = Desk::open();
    let folder = desk.data.clone();
    let file = realm_with_clients(CLIENTS, &folder);
    let file = file.to_str().expect("a path");
    let arguments = ["import", "keycloak", file, "--organization", "moved", "--realm", "default"];
    let arguments = [&arguments[..], &["--audience", "https://machines.example", "--log", "debug"]].concat();
    let clients = |desk: &Desk| desk.ids(Way::Local, &["client", "list", "--organization", "moved"]).len();
    let mut before = 0;
    for kill in 1..=2 {
        let log = folder.join(format!("import-{kill}.log"));
        let mut command = desk.command(&arguments);
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(&log).expect("a log"));
        let mut child = child.spawn().expect("an import");
        let began = Instant::now();
        let told = || std::fs::read_to_string(&log).expect("a log");
        // Some transactions into it, and somewhere in one.
        while acknowledged(&log) < 400 * kill && child.try_wait().expect("its state").is_none() {
            assert!(began.elapsed() < PATIENCE, "no progress: {}", told());
            std::thread::park_timeout(std::time::Duration::from_millis(1));
        }
        desk.kill_and_restart();
        let ended = child.wait().expect("its end");
        assert!(ended.success() || ended.code() == Some(5), "{ended}: {}", told());
        let now = clients(&desk);
        println!("kill {kill}: {} steps told, {} clients done", acknowledged(&log), now - before);
        assert!(ended.success() || told().contains("running it again goes on from there"), "{}", told());
        assert!(2 + 2 * (now - before) >= acknowledged(&log), "{}", told());
        before = now;
    }
    desk.run(&arguments).done();
    assert_eq!(clients(&desk), CLIENTS);
    assert!(desk.run(&arguments).done().contains("Nothing to do"));
    let last = format!("machine-{:05}", CLIENTS - 1);
    assert_eq!(desk.token(&last, SECRET, "https://machines.example").status, 200);
}
