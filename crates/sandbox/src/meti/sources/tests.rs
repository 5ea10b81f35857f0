//! What accounts see and change, and what is left of it at the next start.

use std::fs;
use std::path::Path;

use serde_json::json;
use symbolon_core::clock::{FixedClock, Timestamp};

use super::*;
use crate::meti::samples;
use crate::tests::folder;

fn open(folder: &Path) -> Sources {
    let clock = Arc::new(FixedClock::at(Timestamp::from_seconds(1_800_000_000)));
    Sources::open(folder.join("sources.json"), samples::public(), clock).unwrap()
}

fn details(name: &str) -> Details {
    Details::read(json!({ "name": name, "methodology": "Agriculture" }).to_string().as_bytes()).unwrap()
}

#[test]
fn what_was_changed_is_there_at_the_next_start() {
    let folder = folder();
    let sources = open(folder.path());
    let kept = sources.insert("a", details("Kept")).unwrap();
    let changed = sources.insert("a", details("Before")).unwrap();
    let removed = sources.insert("a", details("Removed")).unwrap();
    let changed = sources.replace("a", &changed.id, details("After")).unwrap();
    sources.remove("a", &removed.id).unwrap();

    let again = open(folder.path());
    let own: Vec<Source> =
        again.list("a", None).into_iter().filter(|source| source.account_id.is_some()).collect();
    assert_eq!(own.len(), 2);
    assert!(own.contains(&kept) && own.contains(&changed));
    assert!(matches!(again.find("a", &removed.id), Err(SourceError::NotFound)));
}

#[test]
fn an_account_sees_and_changes_nothing_of_another() {
    let folder = folder();
    let sources = open(folder.path());
    let theirs = sources.insert("theirs", details("Secret")).unwrap();
    assert_eq!(sources.list("mine", None).len(), samples::public().len());
    assert!(matches!(sources.find("mine", &theirs.id), Err(SourceError::NotFound)));
    assert!(matches!(sources.replace("mine", &theirs.id, details("x")), Err(SourceError::NotFound)));
    assert!(matches!(sources.remove("mine", &theirs.id), Err(SourceError::NotFound)));
    assert_eq!(sources.find("theirs", &theirs.id).unwrap(), theirs);
}

#[test]
fn public_sources_are_seen_by_all_and_changed_by_nobody() {
    let folder = folder();
    let sources = open(folder.path());
    let public = &samples::public()[0];
    assert_eq!(&sources.find("anybody", &public.id).unwrap(), public);
    assert!(matches!(sources.replace("anybody", &public.id, details("x")), Err(SourceError::Public)));
    assert!(matches!(sources.remove("anybody", &public.id), Err(SourceError::Public)));
}

#[test]
fn the_methodology_filters_and_leaves_some_out() {
    let folder = folder();
    let sources = open(folder.path());
    let own = sources.insert("a", details("Own")).unwrap();
    let found = sources.list("a", Some("Agriculture"));
    assert!(found.contains(&own) && found.len() > 1 && found.len() < sources.list("a", None).len());
    assert!(found.iter().all(|source| source.details.methodology.as_deref() == Some("Agriculture")));
    assert!(sources.list("a", Some("Alchemy")).is_empty());
}

#[test]
fn a_change_that_cannot_be_written_is_not_made() {
    let folder = folder();
    let sources = open(folder.path());
    // A folder cannot be replaced by a file.
    fs::create_dir(folder.path().join("sources.json")).unwrap();
    assert!(matches!(sources.insert("a", details("Lost")), Err(SourceError::NotWritten(_))));
    assert_eq!(sources.list("a", None).len(), samples::public().len());
}

#[test]
fn a_damaged_file_is_named_with_its_line_and_not_overwritten() {
    let folder = folder();
    let path = folder.path().join("sources.json");
    fs::write(&path, "[\n{\"id\": 5}]").unwrap();
    let clock = Arc::new(FixedClock::default());
    let error = Sources::open(path.clone(), Vec::new(), clock).err().unwrap().to_string();
    assert!(error.contains("sources.json, line 2"), "{error}");
    assert_eq!(fs::read_to_string(path).unwrap(), "[\n{\"id\": 5}]");
}

#[test]
fn what_was_read_can_be_sent_back() {
    let folder = folder();
    let sources = open(folder.path());
    let mut sent = json!({ "name": "A", "region": { "code": "NL" }, "tags": [1, null], "id": "mine" });
    let made = sources.insert("a", Details::read(sent.to_string().as_bytes()).unwrap()).unwrap();
    assert_ne!(made.id, "mine");
    sent = made.view();
    assert_eq!(sent["region"]["code"], "NL");
    assert_eq!((&sent["public"], &sent["account_id"]), (&json!(false), &json!("a")));
    let back = sources.replace("a", &made.id, Details::read(sent.to_string().as_bytes()).unwrap()).unwrap();
    assert_eq!(back, made);
}

#[test]
fn bad_bodies_are_refused_with_what_to_send() {
    let long = format!(r#"{{"name": "{}"}}"#, "x".repeat(201));
    let bad = [
        ("", "not JSON"),
        ("name=x", "not JSON"),
        ("[]", "must be a JSON object"),
        (r#"{"methodology": "Agriculture"}"#, "\"name\" is missing"),
        (r#"{"name": null}"#, "\"name\" is missing"),
        (r#"{"name": " "}"#, "\"name\" is empty"),
        (r#"{"name": 5}"#, "\"name\" must be a text"),
        (r#"{"name": "a", "methodology": []}"#, "\"methodology\" must be a text"),
        (long.as_str(), "shorten it"),
    ];
    for (body, expected) in bad {
        let error = Details::read(body.as_bytes()).unwrap_err();
        assert!(error.contains(expected), "{body}: {error}");
    }
}

#[test]
#[cfg(unix)]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    open(folder.path()).insert("a", details("x")).unwrap();
    let mode = fs::metadata(folder.path().join("sources.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
