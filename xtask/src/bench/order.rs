//! `cargo xtask order`: which functions a server uses, for the linker to lay side by side (`crates/symbolon/build.rs`).
//!
//! Servers run under callgrind on both databases: start, tokens of each algorithm, the public keys, stop. Names are
//! written without what changes with every build: the hash that ends a Rust name, the one that tells crates apart.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use crate::bench::load::{Job, ask, usage, verify};
use crate::bench::programs;
use crate::bench::servers::{Backend, Installation, Programs, free_address, serve, under_callgrind};
use crate::debian;
use crate::shell::{Workspace, output};

const LIST: &str = "crates/symbolon/link/order.txt";
const REQUESTS: u32 = 500;
const CONNECTIONS: u32 = 16;
/// A name that stands for more functions than these brings mostly such as are not used.
const FEW: usize = 8;

/// Writes the list.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    debian::install_programs(&[debian::VALGRIND], "seeing which functions are used")?;
    let programs = programs(workspace)?;
    let count = functions_by_name(&programs.symbolon)?;
    let mut places: BTreeMap<String, Place> = BTreeMap::new();
    for backend in Backend::ALL {
        eprintln!("==> functions that a server uses on {}", backend.name());
        for name in functions(&programs, backend)? {
            let Some(count) = count.get(&name) else { continue };
            places.entry(name).or_insert_with(|| Place::of(*count)).backends.push(backend.name());
        }
    }
    let mut names: Vec<_> = places.into_iter().map(|(name, place)| (place, name)).collect();
    names.sort();
    let mut list =
        "# Functions that a server uses, from start to stop; made by `cargo xtask order`.\n".to_owned();
    for (_, name) in &names {
        list.push_str(name);
        list.push('\n');
    }
    fs::write(workspace.root.join(LIST), list).with_context(|| format!("cannot write {LIST}"))?;
    println!("{LIST}: {} names; the next release build goes by it", names.len());
    Ok(())
}

/// Where a name belongs: what is surely used comes first, and each database's own functions lie together.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    ambiguity: Ambiguity,
    /// The databases that use it.
    backends: Vec<&'static str>,
}

/// How many functions have a name.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Ambiguity {
    One,
    Few,
    Many,
}

impl Place {
    fn of(functions: usize) -> Self {
        let ambiguity = match functions {
            0 | 1 => Ambiguity::One,
            2..=FEW => Ambiguity::Few,
            _ => Ambiguity::Many,
        };
        Self { ambiguity, backends: Vec::new() }
    }
}

/// The names of all functions that ran.
fn functions(programs: &Programs, backend: Backend) -> Result<BTreeSet<String>> {
    let installation =
        Installation::make(programs, backend, &format!("order-{}", backend.name().to_lowercase()))?;
    let address = free_address()?;
    let command = serve(programs, &installation, address);
    let (server, file) = under_callgrind(programs, &command, address, &["--demangle=no"])?;
    for algorithm in ["ES256", "Ed25519", "RS256"] {
        verify(programs, &server, algorithm)?;
        ask(programs, &Job::new(&server, algorithm, CONNECTIONS), REQUESTS)?;
    }
    usage(programs, &server)?;
    server.stop()?;
    let text = fs::read_to_string(&file).with_context(|| format!("callgrind left no {}", file.display()))?;
    // A name stands behind its number where it is first mentioned: `fn=(12) name`, `cfn=(12) name`.
    let named = |line: &str| {
        let (_, rest) = line.split_once("fn=(")?;
        let (_, name) = rest.split_once(") ")?;
        // A function that calls itself is told apart by its depth: `name'2`.
        Some(stable(name.split('\'').next()?))
    };
    Ok(text.lines().filter_map(named).collect())
}

/// How many functions of the program have a name.
fn functions_by_name(program: &Path) -> Result<BTreeMap<String, usize>> {
    let symbols = output(Command::new("nm").arg("--defined-only").arg(program))?;
    let mut count = BTreeMap::new();
    for line in symbols.lines() {
        if let [_, "t" | "T" | "w" | "W", name] = line.split(' ').collect::<Vec<_>>()[..] {
            *count.entry(stable(name)).or_insert(0) += 1;
        }
    }
    Ok(count)
}

/// A name with `*` where the next build may have something else.
fn stable(name: &str) -> String {
    if let Some((path, hash)) = name.rsplit_once("17h")
        && hash.get(..16).is_some_and(|hash| hash.bytes().all(|digit| digit.is_ascii_hexdigit()))
    {
        return format!("{path}17h*");
    }
    if name.starts_with("_R") {
        return without_crate_hashes(name);
    }
    // The cryptographic library's version, then parts that a C compiler cut out: `name.part.0`, `name.constprop.0`.
    let versioned = |rest: &str| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_').to_owned();
    let name =
        name.strip_prefix("aws_lc_").map_or(name.to_owned(), |rest| format!("aws_lc_*_{}", versioned(rest)));
    match name.split_once('.') {
        Some((whole, _)) if !whole.is_empty() => format!("{whole}.*"),
        _ => name,
    }
}

/// Rust's newer names tell crates apart by `Cs…_` (RFC 2603).
fn without_crate_hashes(name: &str) -> String {
    let mut parts = name.split("Cs");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let hash = part.find('_').filter(|end| part[..*end].bytes().all(|byte| byte.is_ascii_alphanumeric()));
        text.push_str(if hash.is_some() { "Cs*" } else { "Cs" });
        text.push_str(&part[hash.unwrap_or_default()..]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_every_build() {
        let rust = "_ZN13symbolon_core5issue13make_constant17hf392f830bf835829E";
        assert_eq!(stable(rust), "_ZN13symbolon_core5issue13make_constant17h*");
        assert_eq!(stable(&format!("{rust}.llvm.12")), stable(rust));
        let newer = "_RNvXs2_NtCslNYArtu3iFV_5alloc3streNtNtB7_6borrow7ToOwned";
        assert_eq!(stable(newer), "_RNvXs2_NtCs*_5alloc3streNtNtB7_6borrow7ToOwned");
        assert_eq!(stable("sqlite3Update.constprop.0"), "sqlite3Update.*");
        assert_eq!(stable("sqlite3VdbeExec"), "sqlite3VdbeExec");
        assert_eq!(stable("aws_lc_0_47_0_SHA256_Update"), "aws_lc_*_SHA256_Update");
    }
}
