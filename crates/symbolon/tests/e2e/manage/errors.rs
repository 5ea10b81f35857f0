//! What commands say when they cannot, and the codes that programs tell it by (docs/cli.md).

use serde_json::Value;

use super::desk::{Desk, Way};

#[test]
fn each_kind_of_failure_has_its_exit_code_and_says_what_to_do() {
    let desk = Desk::open();
    for way in [Way::Server, Way::Local] {
        desk.go(way, &["client", "show", "x"]).failed(2, "--organization");
        desk.go(way, &["organization", "delete", "x"]).failed(2, "unrecognized subcommand");
        desk.go(way, &["organization", "update", "operators"]).failed(2, "nothing to change");
        desk.go(way, &["organization", "disable", "operators"]).failed(2, "--yes");
        desk.go(way, &["organization", "show", "nobody"]).failed(3, "try ").failed(3, "request  req_");
        desk.go(way, &["organization", "show", ".."]).failed(2, "is no id");
        desk.go(way, &["organization", "create", "--id", "operators", "--name", "x"]).failed(6, "409 taken");
        desk.go(way, &["organization", "create", "--id", "no spaces", "--name", "x"])
            .failed(1, "422 invalid-change");
        let stale = ["organization", "update", "operators", "--name", "x", "--if-version", "7"];
        desk.go(way, &stale).failed(6, "412 precondition-failed");
        desk.go(way, &["organization", "list", "--realm", "nowhere"]).failed(3, "404 not-found");
    }
    let current = ["organization", "update", "operators", "--name", "Staff", "--if-version", "1"];
    assert_eq!(desk.ask(Way::Server, &current)["name"], "Staff");
    let problem = desk.run(&["organization", "show", "nobody", "--output", "json"]);
    let told: Value = serde_json::from_str(&problem.failed(3, "").err).expect("a problem");
    assert_eq!((told["type"].as_str(), problem.out.as_str()), (Some("urn:symbolon:problem:not-found"), ""));
}

#[test]
fn a_server_that_does_not_answer_and_one_that_does_not_let_in_are_told_apart() {
    let mut desk = Desk::open();
    let id = desk.profile("default")["client_id"].as_str().expect("an id").to_owned();
    let add = ["profile", "add", "wrong", "--url", &desk.base, "--client-id", &id];
    desk.run_with(&add, "not the secret").done();
    let refused = desk.run(&["realm", "list", "--profile", "wrong"]);
    refused.failed(4, "invalid_client").failed(4, "request explain req_");
    assert!(!refused.err.contains("not the secret"));
    // A client that was switched off in the meantime.
    let organization = ["--organization", "operators", "--yes"];
    desk.go(Way::Local, &[&["client", "disable", &id][..], &organization].concat()).done();
    desk.wait("refusal", || desk.run(&["realm", "list"]).code == 4);
    desk.running.stop();
    desk.run(&["realm", "list"]).failed(5, "cannot be reached: ");
    desk.go(Way::Local, &["realm", "list"]).done();
}

#[test]
fn a_command_on_the_machine_needs_its_data_and_keys() {
    let desk = Desk::empty();
    let elsewhere = desk.data.join("nothing");
    let path = elsewhere.to_str().expect("a path");
    desk.run(&["realm", "list", "--local", "--data", path]).failed(1, "no data folder");
    assert!(!elsewhere.exists());
    let data = desk.data.to_str().expect("a path");
    let invite = ["user", "invite", "--operator", "--email", "a@example.com", "--local", "--data", data];
    desk.run(&invite).failed(2, "--base-url");
    std::fs::remove_file(desk.data.join("pepper.key")).expect("a key");
    desk.go(Way::Local, &["realm", "list"]).failed(1, "there is no pepper");
}
