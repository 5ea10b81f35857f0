//! `cargo xtask keycloak`: the clients and the import against the real Keycloak, which is too heavy for every run of the
//! tests.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::clients;
use crate::debian::{self, FOR_KEYCLOAK};
use crate::shell::{Workspace, step};

/// The release that the test was written with.
const VERSION: &str = "26.7.3";

/// What unpacks it. Maven is the ordinary client of the registry that Keycloak is published in.
const UNPACK: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack";

const TEST: &str = "keycloak::the_real_keycloak_gives_our_clients_tokens_and_its_own_move_here";

/// Installs a Java runtime, Maven and Keycloak where they are missing, and runs the test.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let clients = clients::prepare(workspace)?;
    let keycloak = prepare(workspace)?;
    step(
        "cargo test",
        workspace
            .long_test("e2e", TEST)
            .env("SYMBOLON_TEST_PYTHON", &clients.python)
            .env("SYMBOLON_TEST_NODE", &clients.node)
            .env("SYMBOLON_TEST_NODE_MODULES", &clients.node_modules)
            .env("SYMBOLON_TEST_KEYCLOAK", &keycloak),
    )
}

/// Keycloak's folder below the target folder. A half unpacked one has another name.
fn prepare(workspace: &Workspace) -> Result<PathBuf> {
    let folder = workspace.target.join("keycloak");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let lock = File::create(folder.join(".lock")).context("cannot create the lock of Keycloak's folder")?;
    lock.lock().context("cannot lock Keycloak's folder")?;
    debian::install_programs(&FOR_KEYCLOAK, "Keycloak")?;
    let name = format!("keycloak-{VERSION}");
    let home = folder.join(&name);
    if !home.exists() {
        let half = folder.join("unpacking");
        remove(&half)?;
        fs::create_dir(&half).with_context(|| format!("cannot create {}", half.display()))?;
        step(
            &format!("Keycloak {VERSION}: fetching about 150 MB with Maven"),
            // What Maven notes of its unpacking lands where it runs, and a note of another time would be believed.
            Command::new("mvn")
                .current_dir(&half)
                .args(["--batch-mode", "--quiet", UNPACK])
                .arg(format!("-Dartifact=org.keycloak:keycloak-quarkus-dist:{VERSION}:zip"))
                .arg(format!("-DoutputDirectory={}", half.display())),
        )?;
        let unpacked = half.join(&name);
        ensure!(unpacked.join("bin/kc.sh").exists(), "{} has no bin/kc.sh", unpacked.display());
        fs::rename(&unpacked, &home).with_context(|| format!("cannot move {}", unpacked.display()))?;
        remove(&half)?;
    }
    Ok(home)
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}
