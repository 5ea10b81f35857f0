//! `cargo xtask soak`: what shows only under load or over time. Each prints figures, and fails where a promise was
//! broken; none belongs to the tests, because figures are the machine's as much as the server's.

mod clients;
mod connections;
mod floods;
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
}

pub(crate) fn run(workspace: &Workspace, soak: &Soak) -> Result<()> {
    match soak {
        Soak::Connections(options) => connections::run(workspace, options),
        Soak::Floods(options) => floods::run(workspace, options),
    }
}
