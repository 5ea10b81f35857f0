//! The arrows between crates, as ARCHITECTURE.md draws them, held against what the manifests say. A crate that
//! takes a dependency against an arrow fails here, with the arrow's reason.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Normal,
    Dev,
    Build,
}

struct Dependency {
    name: String,
    kind: Kind,
    optional: bool,
    of_workspace: bool,
}

struct Package {
    name: String,
    /// The folder, relative to the root of the workspace.
    folder: PathBuf,
    dependencies: Vec<Dependency>,
}

impl Package {
    fn is_store(&self) -> bool {
        self.folder.starts_with("crates/store")
    }
}

fn packages() -> Result<Vec<Package>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let root = PathBuf::from(metadata["workspace_root"].as_str().context("no workspace_root")?);
    metadata["packages"]
        .as_array()
        .context("no packages")?
        .iter()
        .map(|package| read(package, &root))
        .collect()
}

fn read(package: &Value, root: &PathBuf) -> Result<Package> {
    let manifest = PathBuf::from(package["manifest_path"].as_str().context("no manifest_path")?);
    let folder = manifest.parent().context("a manifest at the root of the file system")?;
    let dependencies = package["dependencies"].as_array().context("no dependencies")?;
    Ok(Package {
        name: package["name"].as_str().context("no name")?.to_owned(),
        folder: folder.strip_prefix(root)?.to_path_buf(),
        dependencies: dependencies
            .iter()
            .map(|dependency| {
                Ok(Dependency {
                    name: dependency["name"].as_str().context("a dependency without a name")?.to_owned(),
                    kind: match dependency["kind"].as_str() {
                        None => Kind::Normal,
                        Some("dev") => Kind::Dev,
                        Some(_) => Kind::Build,
                    },
                    optional: dependency["optional"].as_bool().unwrap_or_default(),
                    of_workspace: !dependency["path"].is_null(),
                })
            })
            .collect::<Result<_>>()?,
    })
}

/// The workspace crates that a package may depend on; `None` for a package that the arrows do not know.
fn allowed(package: &Package) -> Option<Allowed> {
    if package.is_store() {
        return Some(Allowed::These(&["symbolon-core"]));
    }
    match package.name.as_str() {
        "symbolon-protocol" | "xtask" => Some(Allowed::These(&[])),
        "symbolon-core" | "symbolon-guard" | "symbolon-client" => {
            Some(Allowed::These(&["symbolon-protocol"]))
        }
        "symbolon-server" | "symbolon-sandbox" => {
            Some(Allowed::These(&["symbolon-core", "symbolon-protocol", "symbolon-guard"]))
        }
        // What is measured beside the binary is the guard and the client, and the public keys that tokens are checked
        // with.
        "symbolon-bench" => Some(Allowed::These(&["symbolon-client", "symbolon-guard", "symbolon-protocol"])),
        "symbolon" => Some(Allowed::All),
        _ => None,
    }
}

enum Allowed {
    All,
    These(&'static [&'static str]),
}

impl Allowed {
    fn includes(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::These(names) => names.contains(&name),
        }
    }
}

#[test]
fn every_crate_depends_only_along_the_arrows() -> Result<()> {
    let mut broken = Vec::new();
    for package in packages()? {
        let allowed = allowed(&package)
            .with_context(|| format!("{} is new: give it its arrows in this test", package.name))?;
        for dependency in package.dependencies.iter().filter(|dependency| dependency.of_workspace) {
            let suite_of_the_stores = package.is_store()
                && dependency.kind == Kind::Dev
                && dependency.name == "symbolon-store-contract";
            if !allowed.includes(&dependency.name) && !suite_of_the_stores {
                broken.push(format!("{} -> {}", package.name, dependency.name));
            }
        }
    }
    assert!(broken.is_empty(), "dependencies against the arrows: {broken:#?}");
    Ok(())
}

/// The packages that name an outside crate (or one of its family, `<family>-…`) and may not.
fn misuses(family: &str, may: impl Fn(&Package, &Dependency) -> bool) -> Result<Vec<String>> {
    let prefix = format!("{family}-");
    let mut found = Vec::new();
    for package in packages()? {
        for dependency in &package.dependencies {
            let named = dependency.name == family || dependency.name.starts_with(&prefix);
            if named && !may(&package, dependency) {
                found.push(format!("{} -> {}", package.name, dependency.name));
            }
        }
    }
    Ok(found)
}

#[test]
fn only_the_stores_name_sqlx() -> Result<()> {
    let found = misuses("sqlx", |package, _| package.is_store())?;
    assert!(found.is_empty(), "SQL lives in crates/store alone: {found:#?}");
    Ok(())
}

#[test]
fn only_servers_name_axum_and_the_guard_only_by_choice() -> Result<()> {
    let found = misuses("axum", |package, dependency| match package.name.as_str() {
        // The naive endpoint that Symbolon is compared with is a server, too.
        "symbolon-server" | "symbolon-sandbox" | "symbolon-bench" => true,
        "symbolon-guard" => dependency.optional || dependency.kind == Kind::Dev,
        _ => false,
    })?;
    assert!(found.is_empty(), "HTTP stays at the edge: {found:#?}");
    Ok(())
}

#[test]
fn only_the_binary_and_the_tasks_name_anyhow() -> Result<()> {
    let found = misuses("anyhow", |package, _| {
        matches!(package.name.as_str(), "symbolon" | "symbolon-bench" | "xtask")
    })?;
    assert!(found.is_empty(), "a library's errors are enums: {found:#?}");
    Ok(())
}
