//! `cargo xtask soak`: runs that are too long for the tests, one file each.

mod faults;
mod kill;

use anyhow::Result;
use clap::Subcommand;

use crate::shell::Workspace;

#[derive(Subcommand)]
pub(crate) enum Soak {
    /// `kill -9` under load, again and again: nothing that was answered is lost, nothing revoked comes back
    Kill(kill::Options),
    /// Every call of the store and every operation on its files failed once, in turn
    Faults(faults::Options),
}

pub(crate) fn run(workspace: &Workspace, soak: &Soak) -> Result<()> {
    match soak {
        Soak::Kill(options) => kill::run(workspace, options),
        Soak::Faults(options) => faults::run(workspace, options),
    }
}
