//! The published Python and Node clients that the tests run unmodified against Symbolon: installed into the target
//! folder, and only when the list of them has changed.

use std::env;
use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::debian::{self, version_of};
use crate::shell::{Workspace, output, step};

const MANIFESTS: &str = "crates/symbolon/tests/clients";
const STAMP: &str = ".installed";

/// Where the tests find what was installed.
pub(crate) struct TestClients {
    /// The interpreter of the virtual environment.
    pub(crate) python: PathBuf,
    /// Node, of the same version everywhere: it comes as a Python package into the same environment, because a
    /// Debian's own may be too old for the clients.
    pub(crate) node: PathBuf,
    /// The folder that Node resolves packages from.
    pub(crate) node_modules: PathBuf,
}

/// Installs whatever is missing. A lock keeps two runs over one target folder apart.
pub(crate) fn prepare(workspace: &Workspace) -> Result<TestClients> {
    let manifests = workspace.root.join(MANIFESTS);
    let folder = workspace.target.join("test-clients");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let lock = File::create(folder.join(".lock")).context("cannot create the lock of the test clients")?;
    lock.lock().context("cannot lock the test clients")?;

    debian::install_programs(&debian::FOR_TESTS, "the tests")?;
    let programs = folder.join("python/bin");
    Ok(TestClients {
        python: prepare_python(&manifests, &folder.join("python"))?,
        node_modules: prepare_node(&manifests, &folder.join("node"), &programs)?,
        node: programs.join("node"),
    })
}

fn prepare_python(manifests: &Path, folder: &Path) -> Result<PathBuf> {
    let requirements = manifests.join("requirements.txt");
    let python = folder.join("bin/python");
    let fingerprint = fingerprint(&mut version_of("python3"), folder, &[&requirements])?;
    if !is_installed(folder, &fingerprint) {
        step("python3 -m venv", Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder))?;
        step(
            "pip install",
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
                .arg(&requirements),
        )?;
        stamp(folder, &fingerprint)?;
    }
    Ok(python)
}

/// Installs the Node packages of a folder's manifest into another folder, by the npm of a third.
pub(crate) fn prepare_node(manifests: &Path, folder: &Path, programs: &Path) -> Result<PathBuf> {
    let package = manifests.join("package.json");
    let lockfile = manifests.join("package-lock.json");
    let node_modules = folder.join("node_modules");
    let locked = lockfile.exists();
    let mut files = vec![package.as_path()];
    if locked {
        files.push(&lockfile);
    }
    let fingerprint = fingerprint(Command::new(programs.join("node")).arg("--version"), folder, &files)?;
    if !is_installed(folder, &fingerprint) {
        if folder.exists() {
            fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
        for file in files {
            let name = file.file_name().context("a manifest without a name")?;
            fs::copy(file, folder.join(name)).with_context(|| format!("cannot copy {}", file.display()))?;
        }
        let how = if locked { "ci" } else { "install" };
        step(
            &format!("npm {how}"),
            Command::new(programs.join("npm"))
                .env("PATH", path_beginning_with(programs)?)
                .args([how, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
                .current_dir(folder),
        )?;
        fs::create_dir_all(&node_modules).context("cannot create node_modules")?;
        stamp(folder, &fingerprint)?;
    }
    Ok(node_modules)
}

/// The search path with a folder in front: what npm starts must be the Node that it came with.
fn path_beginning_with(folder: &Path) -> Result<OsString> {
    let known = env::var_os("PATH").unwrap_or_default();
    let folders = [folder.to_owned()].into_iter().chain(env::split_paths(&known));
    env::join_paths(folders).context("the target folder's name cannot stand in PATH")
}

/// What an installation depends on: the interpreter, the place (a virtual environment cannot be moved) and the
/// manifests. It is kept whole instead of hashed: equal text is equal for certain.
fn fingerprint(version: &mut Command, folder: &Path, manifests: &[&Path]) -> Result<String> {
    let mut text = format!("{}{}\n", output(version)?, folder.display());
    for manifest in manifests {
        text += &fs::read_to_string(manifest)
            .with_context(|| format!("cannot read the list of test clients {}", manifest.display()))?;
    }
    Ok(text)
}

fn is_installed(folder: &Path, fingerprint: &str) -> bool {
    fs::read_to_string(folder.join(STAMP)).is_ok_and(|found| found == fingerprint)
}

fn stamp(folder: &Path, fingerprint: &str) -> Result<()> {
    fs::write(folder.join(STAMP), fingerprint)
        .with_context(|| format!("cannot write {}/{STAMP}", folder.display()))
}
