//! `symbolon audit verify` from outside, beside another program that computes the chain by its documentation.

use std::path::Path;
use std::process::{Command, Output};

use crate::clients::{python, succeeds};
use crate::support::{SYMBOLON, prepared};

const WORLD: &str = r#"
realms:
  - id: default
    resource_servers: [{ identifier: "https://api.example" }]
    organizations:
      - id: o
        name: "Żółw & \"sons\""
        metadata: { odd: "\u0007\t" }
        clients: [{ id: machine, settings: { name: "a name" } }]
  - id: other
"#;

fn verify(folder: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(SYMBOLON);
    command.args(["audit", "verify", "--data"]).arg(folder).args(more);
    command.output().expect("verify")
}

#[test]
fn verification_finds_what_was_done_to_records_and_agrees_with_another_program() {
    let (_kept, folder) = prepared();
    let file = folder.join("world.yaml");
    std::fs::write(&file, WORLD).expect("a description");
    let mut apply = Command::new(SYMBOLON);
    apply.arg("apply").arg(&file).args(["--base-url", "https://auth.example", "--data"]).arg(&folder);
    assert!(apply.output().expect("apply").status.success());
    let on_records = |sql: Option<&str>| {
        let mut command = python("audit_chain.py");
        command.arg(folder.join("state.db")).args(sql);
        succeeds(command)
    };
    assert!(on_records(None).ends_with("of 2 realms"));

    let whole = verify(&folder, &[]);
    let text = String::from_utf8_lossy(&whole.stdout).into_owned();
    assert_eq!(whole.status.code(), Some(0), "{text}");
    assert!(text.contains("default: the chain holds") && text.contains("other: the chain holds"), "{text}");
    let head = text.lines().find_map(|line| line.trim().strip_prefix("head ")).expect("a head").to_owned();
    assert!(head.starts_with("default:"), "{head}");
    assert_eq!(verify(&folder, &["--known", &head]).status.code(), Some(0));
    assert_eq!(verify(&folder, &["--known", "default:1:xyz"]).status.code(), Some(2), "a wrong flag");

    on_records(Some("UPDATE audit SET actor_id = 'nobody' WHERE realm = 'default' AND number = 2"));
    let broken = verify(&folder, &[]);
    let text = String::from_utf8_lossy(&broken.stdout).into_owned();
    assert_eq!(broken.status.code(), Some(3), "{text}");
    assert!(
        text.contains("default: THE CHAIN IS BROKEN") && text.contains("! record 2 (change 2) was"),
        "{text}"
    );
    assert!(text.contains("other: the chain holds"), "{text}");
    let json: serde_json::Value = serde_json::from_slice(&verify(&folder, &["--json"]).stdout).expect("JSON");
    assert_eq!(json["realms"][0]["findings"][0]["finding"], "changed", "{json}");
    assert_eq!(json["realms"][0]["head"]["hash"].as_str().map(str::len), Some(64), "{json}");

    let nothing = verify(&folder.join("nowhere"), &[]);
    assert_eq!(nothing.status.code(), Some(1), "there is nothing to verify");
}
