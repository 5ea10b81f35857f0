//! How lists and things are shown: in tables that people read, in parts, and as what the API answered.

use std::process::{Command, Stdio};

use super::desk::{Desk, Way};
use crate::support::SYMBOLON;

/// A text without its times.
fn timeless(text: &str) -> String {
    let is_time =
        |word: &str| word.len() >= 8 && word.chars().all(|c| c.is_ascii_digit() || "-:".contains(c));
    let line = |line: &str| {
        line.split(' ').map(|word| if is_time(word) { "*" } else { word }).collect::<Vec<_>>().join(" ")
    };
    text.lines().map(|text| line(text) + "\n").collect()
}

fn furnished() -> Desk {
    let desk = Desk::open();
    let scopes = "read:sources,write:sources,delete:sources";
    desk.run(&["resource-server", "create", "https://api.meti.io", "--name", "METI", "--scope", scopes])
        .done();
    let licensed = ["--requires-licence", "true", "--lifetime", "86400", "--scope", "read:versions"];
    desk.run(&[&["resource-server", "create", "https://api.ecoinvent.org"][..], &licensed].concat()).done();
    desk.run(&["organization", "create", "--id", "acme", "--name", "Acme \u{202e}[31m東京"]).done();
    let read = "https://api.meti.io=read:sources,write:sources";
    let at = ["--organization", "acme", "--no-key"];
    desk.run(
        &[&["client", "create", "--id", "importer", "--name", "Importer", "--grant", read][..], &at].concat(),
    )
    .done();
    desk.run(&[&["client", "create", "--id", "admin", "--policy", "Administrator"][..], &at].concat()).done();
    desk.run(&["client", "disable", "admin", "--organization", "acme", "--yes"]).done();
    desk
}

#[test]
fn tables_are_for_people() {
    let desk = furnished();
    let table = |arguments: &[&str]| timeless(desk.run(arguments).done());
    assert_eq!(
        table(&["resource-server", "list"]),
        "\
IDENTIFIER                 NAME  STATUS  LICENCE  LIFETIME  SCOPES
https://api.ecoinvent.org  -     active  needed   1 d       read:versions
https://api.meti.io        METI  active  -        -         delete:sources read:sources write:sources
"
    );
    assert_eq!(
        table(&["client", "list", "--organization", "acme"]),
        "\
ID        NAME      STATUS    GRANTS (SCOPES)          POLICIES       CREATED
admin     -         disabled  -                        Administrator  * *
importer  Importer  active    https://api.meti.io (2)  -              * *
"
    );
    let organizations = table(&["organization", "list"]);
    assert!(organizations.contains("acme       Acme \u{fffd}[31m東京  active  * *\n"), "{organizations}");
    let client = table(&["client", "show", "importer", "--organization", "acme"]);
    assert_eq!(
        client,
        "\
Id                importer
Name              Importer
Status            active
Organization      acme
Default audience  https://api.meti.io
Grants            https://api.meti.io
                    read:sources write:sources
Version           1
Created at        * * UTC (just now)
"
        .replace(
            "just now",
            client.rsplit_once('(').and_then(|(_, end)| end.split_once(')')).expect("a distance").0
        )
    );
}

#[test]
fn a_list_comes_whole_in_parts_or_as_json() {
    let desk = furnished();
    for count in 0..3 {
        desk.run(&["organization", "create", "--id", &format!("more-{count}"), "--name", "More"]).done();
    }
    let all = ["acme", "more-0", "more-1", "more-2", "operators"];
    for way in [Way::Server, Way::Local] {
        assert_eq!(desk.ids(way, &["organization", "list"]), all);
        let first = desk.ask(way, &["organization", "list", "--limit", "2"]);
        let next = first["next"].as_str().expect("a cursor");
        let rest = ["organization", "list", "--cursor", next];
        assert_eq!(desk.ids(way, &rest), all[2..]);
        let table = desk.go(way, &["organization", "list", "--limit", "2"]);
        assert_eq!(table.done().lines().count(), 3);
        assert!(table.err.contains(&format!("--cursor {next}")), "{table:?}");
        desk.go(way, &["organization", "list", "--limit", "0"]).failed(2, "--limit");
        let back = ["organization", "list", "--sort", "-created", "--limit", "3"];
        assert_eq!(desk.ids(way, &back), ["more-2", "more-1", "more-0"]);
        let next = desk.ask(way, &back)["next"].as_str().expect("a cursor").to_owned();
        let rest = ["organization", "list", "--sort", "-created", "--cursor", &next];
        assert_eq!(desk.ids(way, &rest).len(), 2);
        desk.go(way, &["organization", "list", "--sort=name", "--cursor", &next]).failed(1, "invalid-cursor");
        desk.go(way, &["organization", "list", "--sort=role"]).failed(1, "invalid-parameter");
        desk.go(way, &["organization", "list", "--cursor", "?&x=1"]).failed(1, "invalid-cursor");
        assert_eq!(desk.ids(way, &["resource-server", "list", "--limit", "1"]).len(), 1);
    }
    let empty = desk.ask(Way::Server, &["licence", "list", "--organization", "acme"]);
    assert_eq!(empty, serde_json::json!({"items": []}));
}

#[test]
fn output_that_nobody_reads_on_is_no_failure() {
    let desk = furnished();
    let mut child = Command::new(SYMBOLON)
        .args(["resource-server", "list"])
        .env("XDG_CONFIG_HOME", &desk.config)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("its end");
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
