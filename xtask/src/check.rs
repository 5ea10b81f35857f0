//! `cargo xtask check`: what can be judged without running the product. The arrows between crates are a test and
//! run with the tests.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::shell::{Workspace, step, succeeds};

const CARGO_DENY: &str = "^0.20";

/// Runs every check, the cheapest first, and stops at the first that fails.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    step("cargo fmt", workspace.cargo().args(["fmt", "--all", "--", "--check"]))?;
    step(
        "cargo clippy",
        workspace.cargo().args([
            "clippy",
            "--workspace",
            "--all-targets",
            "--all-features",
            "--locked",
            "--",
            "-D",
            "warnings",
        ]),
    )?;
    step(
        "cargo doc",
        workspace
            .cargo()
            .args(["doc", "--no-deps", "--workspace", "--all-features", "--locked"])
            .env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    check_dependencies(workspace)
}

fn check_dependencies(workspace: &Workspace) -> Result<()> {
    let path = path_with_tools(workspace)?;
    let deny = |args: &[&str]| {
        let mut command = workspace.cargo();
        command.arg("deny").args(args).env("PATH", &path);
        command
    };
    if !succeeds(&mut deny(&["--version"]))
        && let Err(error) = install_cargo_deny(workspace)
    {
        eprintln!("==> cargo deny: skipped: {error:#}");
        return Ok(());
    }
    step(
        "cargo deny check bans licenses sources",
        &mut deny(&["--locked", "check", "--hide-inclusion-graph", "bans", "licenses", "sources"]),
    )?;
    // Fetching and judging are two commands, so that only an unreachable database is forgiven.
    if step("cargo deny fetch db", &mut deny(&["fetch", "db"])).is_err() {
        eprintln!("==> cargo deny check advisories: skipped: advisory database cannot be reached");
        return Ok(());
    }
    step("cargo deny check advisories", &mut deny(&["--frozen", "check", "advisories"]))
}

/// The search path with the folder of installed tools at its end: a tool that the developer has comes first.
fn path_with_tools(workspace: &Workspace) -> Result<OsString> {
    let known = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&known).chain([workspace.target.join("tools/bin")]);
    env::join_paths(folders).context("the target folder's name cannot stand in PATH")
}

fn install_cargo_deny(workspace: &Workspace) -> Result<()> {
    let tools = workspace.target.join("tools");
    let build = tools.join("build");
    let mut command: Command = workspace.cargo();
    command.args(["install", "--locked", "cargo-deny", "--version", CARGO_DENY, "--root"]).arg(&tools);
    command.arg("--target-dir").arg(&build);
    step("cargo deny is not installed: building it, which takes some minutes", &mut command)?;
    if build.exists() {
        fs::remove_dir_all(&build).with_context(|| format!("cannot remove {}", build.display()))?;
    }
    if !tools.join("bin/cargo-deny").exists() {
        bail!("cargo install left no cargo-deny in {}", tools.display());
    }
    Ok(())
}
