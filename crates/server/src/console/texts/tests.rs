//! That names of texts and texts belong together.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::*;

fn files(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, ending, found);
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
}

fn console() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console")
}

/// Names in quotes that are texts' names, wherever they stand: `t.of(…)`, a table of names, a title.
fn quoted(source: &str) -> BTreeSet<String> {
    source.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

fn written() -> BTreeSet<String> {
    let mut found = Vec::new();
    files(&console().join("templates"), ".html", &mut found);
    files(&console(), ".rs", &mut found);
    found.iter().flat_map(|path| named(&fs::read_to_string(path).unwrap())).collect()
}

/// What stands between quotes; in templates attributes have quotes too, so both ways of counting are taken.
fn named(source: &str) -> BTreeSet<String> {
    source
        .lines()
        .flat_map(|line| {
            let mut names = quoted(line);
            names.extend(line.split('"').step_by(2).map(str::to_owned));
            names
        })
        .collect()
}

fn known() -> BTreeSet<String> {
    ENGLISH
        .iter()
        .flat_map(|text| text.lines())
        .filter(|line| line.starts_with(|c: char| c.is_ascii_alphabetic()))
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim().to_owned())
        .collect()
}

#[test]
fn every_file_of_texts_can_be_read_and_no_name_stands_twice() {
    let mut count = 0;
    for text in ENGLISH {
        assert!(FluentResource::try_new(text.to_owned()).is_ok(), "{text}");
        count += text.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_alphabetic())).count();
    }
    assert_eq!(count, known().len(), "a name stands twice");
    let mut found = Vec::new();
    files(&console().join("texts"), ".ftl", &mut found);
    assert_eq!(found.len(), ENGLISH.len(), "a file is not in the list");
}

#[test]
fn what_a_template_or_a_handler_asks_for_is_there() {
    let mut found = Vec::new();
    files(&console(), ".html", &mut found);
    files(&console(), ".rs", &mut found);
    for path in found {
        let source = fs::read_to_string(&path).unwrap();
        for call in ["t.of(\"", "t.one(\"", "t.with(\""] {
            for (at, _) in source.match_indices(call) {
                // `list.with("…")` ends like it, too.
                if source[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '[') {
                    continue;
                }
                let name = source[at + call.len()..].split('"').next().unwrap();
                assert!(Texts::has(name), "{}: {name}", path.display());
            }
        }
    }
}

#[test]
fn every_text_is_used() {
    let written = written();
    let inside: BTreeSet<String> = ENGLISH
        .iter()
        .flat_map(|text| text.split('{').skip(1))
        .filter_map(|rest| rest.split('}').next())
        .map(|name| name.trim().to_owned())
        .collect();
    // Composed names: `done-…` of what was done, `reason-…` of why a request was refused.
    let composed = ["done-", "reason-"];
    for name in known() {
        let is_used = written.contains(&name)
            || inside.contains(&name)
            || composed.iter().any(|beginning| name.starts_with(beginning));
        assert!(is_used, "{name}");
    }
}

#[test]
fn words_follow_the_realm() {
    let name = |words| Texts::of_words(words).of("clients").into_owned();
    assert_eq!(name(Vocabulary::Oauth), "Clients");
    assert_eq!(name(Vocabulary::ServiceUsers), "Service Users");
}

#[test]
fn what_is_not_there_shows_as_its_name() {
    assert_eq!(Texts::default().of("no-such-text"), "no-such-text");
}
