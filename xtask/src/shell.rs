//! What every task shares: where the workspace lies, and how a program is run and its failure reported.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The folders that tasks read and write.
pub(crate) struct Workspace {
    /// The repository.
    pub(crate) root: PathBuf,
    /// Cargo's target folder, wherever the environment or the configuration put it.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Asks cargo, because only cargo knows every way in which the target folder can be set.
    pub(crate) fn find() -> Result<Self> {
        let text =
            output(Command::new(cargo_program()).args(["metadata", "--format-version", "1", "--no-deps"]))?;
        let metadata: Value = serde_json::from_str(&text).context("cargo metadata is not JSON")?;
        let folder = |name: &str| {
            metadata[name]
                .as_str()
                .map(PathBuf::from)
                .with_context(|| format!("cargo metadata has no `{name}`"))
        };
        Ok(Self { root: folder("workspace_root")?, target: folder("target_directory")? })
    }

    /// A cargo command that runs at the root of the workspace.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(cargo_program());
        command.current_dir(&self.root);
        command
    }

    /// A test of the binary that is too long to run with the others, its output shown.
    pub(crate) fn long_test(&self, target: &str, name: &str) -> Command {
        let mut command = self.cargo();
        command.args(["test", "--package", "symbolon", "--test", target, "--locked", "--"]);
        command.args([name, "--exact", "--ignored", "--nocapture"]);
        command
    }
}

fn cargo_program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Runs a command with its output shown, under a heading.
pub(crate) fn step(heading: &str, command: &mut Command) -> Result<()> {
    eprintln!("==> {heading}");
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    if !status.success() {
        bail!("{heading}: failed ({status})");
    }
    Ok(())
}

/// What a command prints on its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?} failed ({})", output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("{command:?} did not print UTF-8"))
}

/// Whether a command can be started and succeeds; its output is not shown.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
