//! `cargo xtask soak`: what shows only under load or over time. Each prints figures, and fails where a promise was
//! broken; none belongs to the tests, because figures are the machine's as much as the server's.

mod clients;
mod connections;
mod faults;
mod floods;
mod kill;
mod server;

use anyhow::Result;
use clap::Subcommand;

use crate::shell::Workspace;

#[derive(Subcommand)]
pub(crate) enum Soak {
    /// Ordinary clients beside thousands of idle and slow connections
    Connections(connections::Options),
    /// Right clients beside floods of wrong secrets
    Floods(floods::Options),
    /// `kill -9` under load, again and again: nothing that was answered is lost, nothing revoked comes back
    Kill(kill::Options),
    /// Every call of the store and every operation on its files failed once, in turn
    Faults(faults::Options),
}

pub(crate) fn run(workspace: &Workspace, soak: &Soak) -> Result<()> {
    match soak {
        Soak::Connections(options) => connections::run(workspace, options),
        Soak::Floods(options) => floods::run(workspace, options),
        Soak::Kill(options) => kill::run(workspace, options),
        Soak::Faults(options) => faults::run(workspace, options),
    }
}
