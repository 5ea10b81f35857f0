//! `cargo xtask sqlx`: the query data that let the stores be compiled without a database. They are made by compiling
//! each once against a database that the migrations have just built.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context, Result, bail};

use crate::postgres::Postgres;
use crate::shell::{Workspace, step};

/// The stores make two databases or one of them; the queries are checked against one with all tables.
const MIGRATIONS: [&str; 2] = ["crates/store/migrations/state", "crates/store/migrations/journal"];

/// A store, and the variable that its query macros read.
struct Backend {
    folder: &'static str,
    package: &'static str,
    variable: &'static str,
}

const SQLITE: Backend = Backend {
    folder: "crates/store/sqlite",
    package: "symbolon-store-sqlite",
    variable: "SYMBOLON_SQLITE_URL",
};
const POSTGRES: Backend = Backend {
    folder: "crates/store/postgres",
    package: "symbolon-store-postgres",
    variable: "SYMBOLON_POSTGRES_URL",
};

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
    if scratch.exists() {
        fs::remove_dir_all(&scratch).with_context(|| format!("cannot remove {}", scratch.display()))?;
    }
    fs::create_dir_all(&scratch).with_context(|| format!("cannot create {}", scratch.display()))?;
    let migrations = migrations(workspace)?;

    let database = scratch.join("schema.db");
    make_sqlite(&database, &migrations)?;
    let url = format!("sqlite://{}", database.display());
    let sqlite = renew(workspace, &SQLITE, &url, check);

    let server = Postgres::given_or_own()?;
    let database = PostgresDatabase::make(&server, &migrations)?;
    let postgres = renew(workspace, &POSTGRES, &database.url, check);
    // What differs is told of both.
    sqlite.and(postgres)
}

fn renew(workspace: &Workspace, backend: &Backend, url: &str, check: bool) -> Result<()> {
    let fresh = workspace.target.join("sqlx").join(backend.package);
    fs::create_dir_all(&fresh).with_context(|| format!("cannot create {}", fresh.display()))?;
    compile_against(workspace, backend, url, &fresh)?;
    let committed = workspace.root.join(backend.folder).join(".sqlx");
    if check { compare(&committed, &fresh) } else { replace(&committed, &fresh) }
}

fn migrations(workspace: &Workspace) -> Result<Vec<PathBuf>> {
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
    Ok(migrations)
}

fn make_sqlite(database: &Path, migrations: &[PathBuf]) -> Result<()> {
    step(
        &format!("{} migrations into {}", migrations.len(), database.display()),
        Command::new("python3").args(["-c", APPLY_MIGRATIONS]).arg(database).args(migrations),
    )
}

/// A database of a server, gone with its owner.
struct PostgresDatabase<'a> {
    server: &'a Postgres,
    name: String,
    url: String,
}

impl<'a> PostgresDatabase<'a> {
    fn make(server: &'a Postgres, migrations: &[PathBuf]) -> Result<Self> {
        let name = format!("symbolon_sqlx_{}", std::process::id());
        let url = server.url_of(&name)?;
        server.run(server.url(), &[&format!("--command=CREATE DATABASE {name}")])?;
        let made = Self { server, name, url };
        for file in migrations {
            eprintln!("==> {} into PostgreSQL", file.display());
            server.run(&made.url, &["--file", &file.to_string_lossy()])?;
        }
        Ok(made)
    }
}

impl Drop for PostgresDatabase<'_> {
    fn drop(&mut self) {
        let drop = format!("--command=DROP DATABASE {} WITH (FORCE)", self.name);
        if let Err(error) = self.server.run(self.server.url(), &[&drop]) {
            eprintln!("{error:#}");
        }
    }
}

fn compile_against(workspace: &Workspace, backend: &Backend, url: &str, queries: &Path) -> Result<()> {
    touch(&workspace.root.join(backend.folder).join("src/lib.rs"))?;
    step(
        &format!("cargo check -p {}, against the database", backend.package),
        workspace
            .cargo()
            .args(["check", "--locked", "--package", backend.package])
            .env("SQLX_OFFLINE", "false")
            .env("SQLX_OFFLINE_DIR", queries)
            .env(backend.variable, url),
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

fn compare(committed_in: &Path, fresh: &Path) -> Result<()> {
    let (committed, fresh) = (contents(committed_in)?, contents(fresh)?);
    let names: BTreeSet<_> = committed.keys().chain(fresh.keys()).collect();
    let mut differences = 0;
    for name in names {
        let difference = match (committed.get(name), fresh.get(name)) {
            (Some(old), Some(new)) if old == new => continue,
            (Some(_), Some(_)) => "differs",
            (Some(_), None) => "belongs to no query",
            (None, _) => "is missing",
        };
        eprintln!("{}: {difference}", committed_in.join(name).display());
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
