//! The conformance vectors that the clients of all languages share (sdk/vectors), at a time that is moved by hand.

#![expect(clippy::expect_used, clippy::panic, reason = "a test's helpers may fail it")]

mod cache;
mod format;
mod run;
mod world;

use std::path::PathBuf;

use serde_json::Value;

/// A file of the vectors.
fn file(name: &str) -> Value {
    let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../vectors")).join(name);
    let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Runs all vectors of a file, and tells every one that fails.
fn run_file(name: &str) {
    let file: format::File = serde_json::from_value(file(name)).expect("the form of a file");
    assert!(!file.vectors.is_empty(), "{name} has no vectors");
    let faults: Vec<String> = file
        .vectors
        .iter()
        .filter_map(|vector| run::run(vector).err().map(|fault| format!("{}: {fault}", vector.name)))
        .collect();
    assert!(faults.is_empty(), "{name}:\n{}", faults.join("\n"));
}

#[test]
fn requests() {
    run_file("requests.json");
}

#[test]
fn answers() {
    run_file("answers.json");
}

#[test]
fn errors() {
    run_file("errors.json");
}

#[test]
fn discovery() {
    run_file("discovery.json");
}

#[test]
fn renewal() {
    run_file("renewal.json");
}

#[test]
fn waiting() {
    run_file("waiting.json");
}

#[test]
fn secrets() {
    run_file("secrets.json");
}

#[test]
fn calls() {
    run_file("calls.json");
}

#[test]
fn every_file_of_vectors_is_run() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../vectors");
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .expect("the vectors")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .map(|path| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    found.sort();
    let known = [
        "answers",
        "cache",
        "calls",
        "discovery",
        "errors",
        "renewal",
        "requests",
        "secrets",
        "urls",
        "waiting",
    ];
    assert_eq!(found, known);
}
