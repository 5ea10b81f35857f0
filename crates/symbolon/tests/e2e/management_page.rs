//! docs/http/management.md: every command on it is run as it stands, one after the other, and answers what the page says.

use std::process::Command;

use serde_json::Value;

use crate::schemathesis::{Api, SECRET};

const PAGE: &str = include_str!("../../../../docs/http/management.md");
/// Stands between what one block prints and what the next one does.
const BETWEEN: &str = "----- the next block -----";

/// The blocks of the page, with their language.
fn blocks() -> Vec<(&'static str, &'static str)> {
    PAGE.split("```").skip(1).step_by(2).filter_map(|block| block.split_once('\n')).collect()
}

/// Expects everything that is written to be there; `…` stands for any text.
#[track_caller]
fn says(answer: &Value, written: &Value) {
    match written {
        Value::Object(members) => {
            for (name, member) in members {
                says(answer.get(name).unwrap_or_else(|| panic!("no {name} in {answer}")), member);
            }
        }
        Value::String(text) if text == "…" => assert!(answer.is_string(), "{answer}"),
        _ => assert_eq!(answer, written),
    }
}

#[test]
fn every_command_on_the_page_of_the_management_api_works_as_it_is_pasted() {
    let api = Api::serve(None);
    let commands: Vec<&str> =
        blocks().into_iter().filter(|(kind, _)| *kind == "sh").map(|(_, text)| text).collect();
    assert!(commands.len() >= 6, "{commands:?}");
    let script = commands.join(&format!("\necho '{BETWEEN}'\n"));
    let script = script.replace("https://auth.example.com", api.base());
    let mut command = Command::new("sh");
    command.args(["-euc", &script]).env("CLIENT_ID", "owner").env("CLIENT_SECRET", SECRET);
    let output = command.output().expect("sh");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    let mut answers = printed.split(BETWEEN);
    let mut answer = "";
    let mut compared = 0;
    for (kind, text) in blocks() {
        match kind {
            "sh" => answer = answers.next().expect("what the block printed"),
            "json" => {
                let json = |text: &str| -> Value {
                    serde_json::from_str(text.trim()).unwrap_or_else(|error| panic!("{error}: {text}"))
                };
                says(&json(answer), &json(text));
                compared += 1;
            }
            _ => {}
        }
    }
    assert_eq!(compared, 3);
    // The pages of one: everybody was listed once.
    for organization in ["acme", "staff"] {
        assert_eq!(
            printed.matches(&format!(r#"{{"items":[{{"id":"{organization}","#)).count(),
            1,
            "{printed}"
        );
    }
}

#[test]
fn every_scope_is_in_the_table_of_the_page() {
    for permission in symbolon_core::permission::Permission::ALL {
        assert!(PAGE.contains(&format!("`{}`", permission.scope())), "{}", permission.scope());
    }
}
