//! Rules about source files that neither the compiler nor the manifests can hold: who names a database, which
//! parts of the server stay apart, and how long a file may grow.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

const LONGEST_FILE: usize = 550;
const BACKENDS: [&str; 2] = ["symbolon_store_sqlite", "symbolon_store_postgres"];
const EDGES: [&str; 3] = ["oauth", "manage", "console"];

fn root() -> Result<PathBuf> {
    Ok(Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in no workspace")?.to_path_buf())
}

struct Source {
    /// Relative to the root of the workspace.
    path: PathBuf,
    text: String,
}

/// The Rust files below a folder; none where there is no such folder.
fn sources(folder: &str) -> Result<Vec<Source>> {
    let root = root()?;
    let mut waiting = vec![root.join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = waiting.pop() {
        if !folder.exists() {
            continue;
        }
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                if !name.starts_with('.') && name != "target" && name != "node_modules" {
                    waiting.push(path);
                }
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path)?;
                found.push(Source { path: path.strip_prefix(&root)?.to_path_buf(), text });
            }
        }
    }
    Ok(found)
}

/// Code without the lines that are comments from their first character on.
fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn starts_with_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word).is_some_and(|rest| !rest.starts_with(is_word))
}

/// Whether code reaches a module by `crate::` or `super::`, alone or within a group of imports.
fn reaches(code: &str, module: &str) -> bool {
    ["crate::", "super::"].iter().any(|start| {
        code.match_indices(start).any(|(at, _)| {
            let rest = &code[at + start.len()..];
            match rest.strip_prefix('{') {
                Some(group) => members(group).iter().any(|member| starts_with_word(member, module)),
                None => starts_with_word(rest, module),
            }
        })
    })
}

/// The members of a group of imports, from behind its opening brace to its closing one.
fn members(group: &str) -> Vec<&str> {
    let mut members = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            ',' if depth == 0 => {
                members.push(group[start..at].trim());
                start = at + 1;
            }
            '}' if depth == 0 => {
                members.push(group[start..at].trim());
                break;
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    members
}

#[test]
fn a_backend_is_named_only_where_the_store_is_opened() -> Result<()> {
    let broken: Vec<_> = sources("crates")?
        .into_iter()
        .filter(|source| !source.path.starts_with("crates/store"))
        .filter(|source| source.path != Path::new("crates/symbolon/src/open_store.rs"))
        .filter(|source| {
            let code = without_comments(&source.text);
            BACKENDS.iter().any(|backend| code.contains(backend))
        })
        .map(|source| source.path)
        .collect();
    assert!(broken.is_empty(), "only crates/symbolon/src/open_store.rs chooses a database: {broken:#?}");
    Ok(())
}

#[test]
fn oauth_manage_and_console_never_import_one_another() -> Result<()> {
    let mut broken = Vec::new();
    for source in sources("crates/server/src")? {
        let inside = source.path.strip_prefix("crates/server/src")?;
        let Some(edge) = EDGES
            .iter()
            .find(|edge| inside.starts_with(edge) || inside.with_extension("") == Path::new(edge))
        else {
            continue;
        };
        let code = without_comments(&source.text);
        for other in EDGES.iter().filter(|other| *other != edge) {
            if reaches(&code, other) {
                broken.push(format!("{} reaches {other}", source.path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "what two of them share belongs to core: {broken:#?}");
    Ok(())
}

#[test]
fn an_import_is_seen_alone_in_a_group_and_from_a_parent() {
    assert!(reaches("use crate::manage::error;", "manage"));
    assert!(reaches("use crate::{state, manage as m};", "manage"));
    assert!(reaches("use crate::{\n    state::{a, b},\n    manage::{error, openapi},\n};", "manage"));
    assert!(reaches("let answer = super::super::manage::error();", "manage"));
    assert!(!reaches("use crate::manager;", "manage"));
    assert!(!reaches("use crate::{state::manage, router};", "manage"));
    assert!(!reaches("use symbolon_core::manage;", "manage"));
}

/// The lines of a file up to its inline tests.
fn lines_of_code(text: &str) -> usize {
    let lines: Vec<_> = text.lines().collect();
    let tests = lines.windows(2).position(|pair| {
        pair[0].trim() == "#[cfg(test)]" && pair[1].trim_start().starts_with("mod ") && pair[1].ends_with('{')
    });
    tests.unwrap_or(lines.len())
}

fn is_generated(text: &str) -> bool {
    text.lines().take(5).any(|line| line.contains("@generated"))
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
}

#[test]
fn no_file_of_code_is_too_long_to_read_at_once() -> Result<()> {
    let mut files = sources("crates")?;
    files.append(&mut sources("xtask/src")?);
    files.append(&mut sources("bench/src")?);
    let broken: Vec<_> = files
        .iter()
        .filter(|file| !is_test(&file.path) && !is_generated(&file.text))
        .map(|file| (file.path.display(), lines_of_code(&file.text)))
        .filter(|(_, lines)| *lines >= LONGEST_FILE)
        .map(|(path, lines)| format!("{path}: {lines} lines"))
        .collect();
    assert!(broken.is_empty(), "divide these along a seam of what they do: {broken:#?}");
    Ok(())
}

#[test]
fn inline_tests_do_not_count_as_code() {
    let code = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\n";
    assert_eq!(lines_of_code(code), 2);
    assert_eq!(lines_of_code("#[cfg(test)]\nmod tests;\n\nfn a() {}\n"), 4);
}
