//! How the first operator comes to be, where its secret lies, and that nothing shows it.

use std::os::unix::fs::PermissionsExt as _;

use super::desk::{Desk, Way, mode};
use crate::support::{access_token, call};

#[test]
fn the_first_operator_is_made_at_the_machine_and_its_tokens_manage() {
    let desk = Desk::empty();
    let said = desk.bootstrap(&[]);
    assert!(said.done().contains("lets it in"), "{said:?}");
    let profile = desk.profile("default");
    let text = |name: &str| profile[name].as_str().expect("text");
    let token =
        access_token(&desk.token(text("client_id"), text("client_secret"), "urn:symbolon:management"));
    assert_eq!(call(&format!("{}/api/v1/realms", desk.base), &token).status, 200);
    assert_eq!(desk.ask(Way::Server, &["realm", "show", "default"])["settings"]["operators"], "operators");

    desk.bootstrap(&[]).failed(2, "there is a profile default already");
    desk.bootstrap(&["--profile", "second"]).failed(1, "--another");
    desk.bootstrap(&["--profile", "reader", "--another", "--role", "auditor"]).done();
    let list = ["organization", "list", "--profile", "reader"];
    desk.run(&list).done();
    let create = ["organization", "create", "--name", "x", "--profile", "reader"];
    desk.run(&create).failed(4, "write:organizations");
    assert_eq!(desk.ids(Way::Local, &["client", "list", "--organization", "operators"]).len(), 2);
}

#[test]
fn the_first_operators_data_folder_is_made_and_is_for_its_owner_alone() {
    let desk = Desk::empty();
    let folder = desk.data.join("installations/new");
    let path = |name: &str| desk.data.join(name).to_str().expect("a path").to_owned();
    let new = folder.to_str().expect("a path");
    let (master, pepper) = (path("master.key"), path("pepper.key"));
    let keys = ["--master-key-file", &master, "--pepper-file", &pepper];
    let base = ["bootstrap", "--url", "http://127.0.0.1:1", "--data", new];
    // Without keys it says how they are made, in the folder that is there now.
    desk.run(&base).failed(1, "openssl rand");
    assert_eq!(mode(&folder), 0o700);
    let said = desk.run(&[&base[..], &keys].concat());
    assert!(
        said.done().contains("Realm default was made.") && said.err.contains("No server answers"),
        "{said:?}"
    );
    assert_eq!(desk.profile("default")["url"].as_str(), Some("http://127.0.0.1:1"));
    // Nothing else makes a folder.
    let missing = path("nowhere");
    desk.run(&["realm", "list", "--local", "--data", &missing]).failed(1, "no data folder");
}

#[test]
fn a_customer_does_not_become_the_operator_by_its_name() {
    let desk = Desk::empty();
    desk.go(Way::Local, &["realm", "create", "default"]).done();
    desk.go(Way::Local, &["organization", "create", "--id", "operators", "--name", "A customer"]).done();
    desk.bootstrap(&[]).failed(2, "there is an organization operators already");
    desk.bootstrap(&["--operators", "staff"]).done();
    assert_eq!(desk.ids(Way::Server, &["client", "list", "--organization", "staff"]).len(), 1);
    desk.bootstrap(&["--operators", "operators", "--profile", "x"])
        .failed(2, "managed by the organization staff");
}

#[test]
fn flags_of_the_machines_own_installation_do_not_quietly_go_to_a_server() {
    let desk = Desk::open();
    for flag in ["--data", "--database-url", "--base-url", "--pepper-file"] {
        desk.run(&["realm", "list", flag, "canary"]).failed(2, "--local");
    }
}

#[test]
fn a_profile_is_for_its_owner_alone() {
    let desk = Desk::open();
    let path = desk.profiles();
    assert_eq!((mode(&path), mode(path.parent().expect("a folder"))), (0o600, 0o700));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("a mode");
    for arguments in [&["profile", "list"][..], &["realm", "list"]] {
        desk.run(arguments).failed(1, "chmod 600");
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    desk.run(&["realm", "list"]).done();
}

#[test]
fn a_secret_comes_by_a_file_or_standard_input_and_never_by_an_argument() {
    let desk = Desk::open();
    let profile = desk.profile("default");
    let text = |name: &str| profile[name].as_str().expect("text");
    let (id, secret) = (text("client_id"), text("client_secret"));
    let add = ["profile", "add", "copy", "--url", &desk.base, "--client-id", id];
    for flag in ["--secret", "--client-secret", "--password"] {
        desk.run(&[&add[..], &[flag, "canary"]].concat()).failed(2, "unexpected argument");
    }
    desk.run_with(&add, &format!("{secret}\n")).done();
    desk.run(&["realm", "list", "--profile", "copy"]).done();
    desk.run_with(&add, secret).failed(2, "or say --replace");
    let file = desk.file("secret", secret);
    desk.run(&[&add[..], &["--secret-file", &file, "--replace", "--realm", "default"]].concat()).done();
    desk.run(&["profile", "use", "copy"]).done();
    let list = desk.run(&["profile", "list"]);
    assert!(list.done().lines().any(|line| line.starts_with("copy     yes ")), "{list:?}");
    desk.run(&["profile", "remove", "copy"]).done();
    desk.run(&["realm", "list"]).failed(2, "--profile");
    desk.run(&["realm", "list", "--profile", "copy"]).failed(2, "there are: default");
    desk.run(&["profile", "remove", "copy"]).failed(2, "no profile copy");
    desk.run_with(&add, "").failed(2, "one line of text");
    let elsewhere = ["profile", "add", "far", "--url", "http://auth.example.com", "--client-id", id];
    desk.run_with(&elsewhere, secret).failed(2, "--allow-http");
}

#[test]
fn no_command_shows_the_secret_of_a_profile_not_even_at_its_most_talkative() {
    let desk = Desk::open();
    let profile = desk.profile("default");
    let secret = profile["client_secret"].as_str().expect("a secret");
    let commands: [&[&str]; 7] = [
        &["profile", "list"],
        &["realm", "list"],
        &["client", "list", "--organization", "operators", "--output", "json"],
        &["client", "show", "nobody", "--organization", "operators"],
        &[
            "key",
            "list",
            "--client",
            profile["client_id"].as_str().expect("an id"),
            "--organization",
            "operators",
        ],
        &["policy", "create"],
        &["realm", "frobnicate"],
    ];
    for command in commands {
        for way in [Way::Server, Way::Local] {
            let said = desk.go(way, &[command, &["--log", "trace"]].concat());
            assert!(!said.out.contains(secret) && !said.err.contains(secret), "{command:?}: {said:?}");
            assert!(!said.err.contains("eyJ"), "a token: {said:?}");
        }
    }
}
