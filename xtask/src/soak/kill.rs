//! `cargo xtask soak kill`: the kills of `crates/symbolon/tests/e2e/kill.rs`, more of them than the tests take the time
//! for. One body of code checks both.

use anyhow::Result;
use clap::Args;

use crate::shell::{Workspace, step};

#[derive(Args)]
pub(crate) struct Options {
    /// How many kills
    #[arg(long, value_name = "N", default_value_t = 50)]
    runs: u32,
    /// Repeats the moments of an earlier soak, which printed its seed
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut command = workspace.long_test("e2e", "kill::soak_kill");
    command.env("SYMBOLON_SOAK_RUNS", options.runs.to_string());
    if let Some(seed) = options.seed {
        command.env("SYMBOLON_SOAK_SEED", seed.to_string());
    }
    step("soak kill", &mut command)
}
