//! Rules about the documents that nobody would notice broken: links lead somewhere, pages that are named are there,
//! and decisions are numbered without a gap.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

fn root() -> Result<PathBuf> {
    Ok(Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in no workspace")?.to_path_buf())
}

/// The files of the repository with one of these extensions, relative to its root, and their text.
fn files(extensions: &[&str]) -> Result<Vec<(PathBuf, String)>> {
    let root = root()?;
    let mut waiting = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                if !name.starts_with('.') && !["target", "node_modules", "symbolon-data"].contains(&name) {
                    waiting.push(path);
                }
            } else if extensions.iter().any(|wanted| path.extension().is_some_and(|found| found == *wanted)) {
                let text = fs::read_to_string(&path)?;
                found.push((path.strip_prefix(&root)?.to_path_buf(), text));
            }
        }
    }
    assert!(!found.is_empty(), "no file ends in {extensions:?}");
    Ok(found)
}

/// What the links of a page lead to, without the place within a page.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    targets.map(|target| target.split_once('#').map_or(target, |(page, _)| page))
}

#[test]
fn every_link_between_documents_leads_to_a_file() -> Result<()> {
    let root = root()?;
    let mut broken = Vec::new();
    for (page, text) in files(&["md"])? {
        let folder =
            root.join(&page).parent().context("a page at the root of the file system")?.to_path_buf();
        for link in links(&text).filter(|link| !link.is_empty() && !link.contains("://")) {
            if !folder.join(link).exists() {
                broken.push(format!("{} -> {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "links that lead nowhere: {broken:#?}");
    Ok(())
}

#[test]
fn links_are_seen_with_and_without_a_place_in_the_page() {
    let text = "[a](pages/a.md), [b](../b.md#here) and [c](#there), not (d.md).";
    assert_eq!(links(text).collect::<Vec<_>>(), ["pages/a.md", "../b.md", ""]);
}

#[test]
fn every_page_that_code_names_is_there() -> Result<()> {
    let root = root()?;
    let mut broken = Vec::new();
    for (path, text) in files(&["rs", "toml", "service", "sql", "c", "py", "mjs"])? {
        for (at, _) in text.match_indices("docs/") {
            let name: String =
                text[at..].chars().take_while(|c| c.is_alphanumeric() || "/-_.".contains(*c)).collect();
            let name = name.trim_end_matches('.');
            // A decision is also named by its number alone.
            let numbered = name.strip_prefix("docs/decisions/").filter(|number| number.len() == 4);
            let there = match numbered {
                Some(number) => fs::read_dir(root.join("docs/decisions"))?
                    .flatten()
                    .any(|page| page.file_name().to_string_lossy().starts_with(number)),
                None => root.join(name).exists(),
            };
            if !there {
                broken.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "pages that are named and not there: {broken:#?}");
    Ok(())
}

#[test]
fn decisions_are_numbered_without_a_gap_as_their_headings_say() -> Result<()> {
    let mut pages: Vec<_> = files(&["md"])?
        .into_iter()
        .filter(|(page, _)| page.parent() == Some(Path::new("docs/decisions")))
        .collect();
    pages.sort();
    for (number, (page, text)) in (1..).zip(&pages) {
        let name = page.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        assert!(name.starts_with(&format!("{number:04}-")), "{name} should have the number {number:04}");
        assert!(text.starts_with(&format!("# {number:04} · ")), "the heading of {name} has another number");
    }
    Ok(())
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

/// A row that names a test which is gone promises what nobody proves.
#[test]
fn every_test_that_the_page_on_durability_names_is_there() -> Result<()> {
    let root = root()?;
    let text = fs::read_to_string(root.join("docs/durability.md"))?;
    let named: Vec<_> = text.split('`').filter(|word| is_rust(Path::new(word))).collect();
    assert!(named.len() > 5, "{named:?}");
    let places = ["", "crates/", "crates/symbolon/tests/"];
    let is_there = |name: &str| places.iter().any(|place| root.join(place).join(name).exists());
    let gone: Vec<_> = named.iter().filter(|name| !is_there(name)).collect();
    assert!(gone.is_empty(), "docs/durability.md names files that are not there: {gone:?}");
    Ok(())
}

/// Programs tell problems apart by their types, so that each has to be on the page for people who write such programs.
#[test]
fn every_type_of_problem_is_on_the_page_of_the_management_api() -> Result<()> {
    let root = root()?;
    let source = fs::read_to_string(root.join("crates/server/src/manage/error.rs"))?;
    let page = fs::read_to_string(root.join("docs/http/management.md"))?;
    let rows = source.split("(\"").filter(|row| row.split_once("\", StatusCode::").is_some());
    let types: Vec<_> = rows.filter_map(|row| row.split('"').next()).collect();
    assert!(types.len() > 15, "{types:?}");
    let missing: Vec<_> = types.iter().filter(|name| !page.contains(&format!("| `{name}` |"))).collect();
    assert!(missing.is_empty(), "docs/http/management.md does not tell of {missing:?}");
    Ok(())
}
