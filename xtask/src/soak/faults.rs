//! `cargo xtask soak faults`: every call of the store and every operation on its files failed once, in turn, where the
//! tests take only some of them.

use anyhow::Result;
use clap::Args;

use crate::shell::{Workspace, step};

#[derive(Args)]
pub(crate) struct Options {
    /// Take only each N-th read and write
    #[arg(long, value_name = "N", default_value_t = 1)]
    stride: u32,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    step("soak faults: the store's calls", &mut workspace.long_test("it", "store_faults::soak_calls"))?;
    let mut command = workspace.long_test("e2e", "file_faults::soak_faults");
    command.env("SYMBOLON_SOAK_STRIDE", options.stride.to_string());
    step("soak faults: the operations on files", &mut command)
}
