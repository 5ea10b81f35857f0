//! `cargo xtask sqlx`: the query data that let the SQLite store be compiled without a database. They are made by
//! compiling it once against a database that the migrations have just built.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::shell::{Workspace, step};

/// On SQLite each of them builds a database file of its own; the queries are checked against one with all tables.
const MIGRATIONS: [&str; 3] =
    ["crates/store/migrations/state", "crates/store/migrations/journal", "crates/store/migrations/usage"];
const STORE: &str = "crates/store/sqlite";
const PACKAGE: &str = "symbolon-store-sqlite";

/// Applies the files named after the first argument to the database named by it.
const APPLY_MIGRATIONS: &str = r#"
import sqlite3, sys
database = sqlite3.connect(sys.argv[1])
for path in sys.argv[2:]:
    with open(path, encoding="utf-8") as migration:
        database.executescript(migration.read())
database.close()
"#;

/// Makes the data in a scratch folder, then compares them with the committed ones or puts them in their place.
pub(crate) fn run(workspace: &Workspace, check: bool) -> Result<()> {
    let scratch = workspace.target.join("sqlx");
    let fresh = scratch.join("queries");
    if scratch.exists() {
        fs::remove_dir_all(&scratch).with_context(|| format!("cannot remove {}", scratch.display()))?;
    }
    fs::create_dir_all(&fresh).with_context(|| format!("cannot create {}", fresh.display()))?;

    let database = scratch.join("schema.db");
    create_database(workspace, &database)?;
    compile_against(workspace, &database, &fresh)?;

    let committed = workspace.root.join(STORE).join(".sqlx");
    if check { compare(&committed, &fresh) } else { replace(&committed, &fresh) }
}

fn create_database(workspace: &Workspace, database: &Path) -> Result<()> {
    let mut migrations = Vec::new();
    for folder in MIGRATIONS {
        let folder = workspace.root.join(folder);
        let mut files = files_in(&folder, "sql")?;
        if files.is_empty() {
            bail!("no migration in {}", folder.display());
        }
        files.sort();
        migrations.append(&mut files);
    }
    step(
        &format!("{} migrations into {}", migrations.len(), database.display()),
        Command::new("python3").args(["-c", APPLY_MIGRATIONS]).arg(database).args(&migrations),
    )
}

fn compile_against(workspace: &Workspace, database: &Path, queries: &Path) -> Result<()> {
    touch(&workspace.root.join(STORE).join("src/lib.rs"))?;
    step(
        &format!("cargo check -p {PACKAGE}, against the database"),
        workspace
            .cargo()
            .args(["check", "--locked", "--package", PACKAGE])
            .env("SQLX_OFFLINE", "false")
            .env("SQLX_OFFLINE_DIR", queries)
            .env("SYMBOLON_SQLITE_URL", format!("sqlite://{}", database.display())),
    )
}

/// Cargo does not know that the query macros read the environment; a newer file makes it compile them again.
#[expect(
    clippy::disallowed_methods,
    reason = "a file's modification time is compared with the machine's clock"
)]
fn touch(file: &Path) -> Result<()> {
    File::options()
        .append(true)
        .open(file)
        .and_then(|open| open.set_modified(SystemTime::now()))
        .with_context(|| format!("cannot touch {}", file.display()))
}

fn compare(committed: &Path, fresh: &Path) -> Result<()> {
    let (committed, fresh) = (contents(committed)?, contents(fresh)?);
    let names: BTreeSet<_> = committed.keys().chain(fresh.keys()).collect();
    let mut differences = 0;
    for name in names {
        let difference = match (committed.get(name), fresh.get(name)) {
            (Some(old), Some(new)) if old == new => continue,
            (Some(_), Some(_)) => "differs",
            (Some(_), None) => "belongs to no query",
            (None, _) => "is missing",
        };
        eprintln!("{}: {difference}", name.display());
        differences += 1;
    }
    if differences > 0 {
        bail!("the committed query data are out of date ({differences} files): run `cargo xtask sqlx`");
    }
    Ok(())
}

fn replace(committed: &Path, fresh: &Path) -> Result<()> {
    fs::create_dir_all(committed).with_context(|| format!("cannot create {}", committed.display()))?;
    for old in files_in(committed, "json")? {
        fs::remove_file(&old).with_context(|| format!("cannot remove {}", old.display()))?;
    }
    let queries = contents(fresh)?;
    for (name, text) in &queries {
        let file = committed.join(name);
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
    }
    eprintln!("==> query data written: {} files in {}", queries.len(), committed.display());
    Ok(())
}

/// The query data of a folder, by file name.
fn contents(folder: &Path) -> Result<BTreeMap<PathBuf, String>> {
    files_in(folder, "json")?
        .into_iter()
        .map(|file| {
            let text =
                fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            let name = file.file_name().map(PathBuf::from).unwrap_or_default();
            Ok((name, text))
        })
        .collect()
}

/// The files of a folder with an extension; a folder that is not there has none.
fn files_in(folder: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new(extension)) {
            files.push(path);
        }
    }
    Ok(files)
}
