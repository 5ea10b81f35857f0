//! `cargo xtask soak kill`: the kills of `crates/symbolon/tests/e2e/kill.rs`, more of them than the tests take the time
//! for. One body of code checks both.

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::postgres::Postgres;
use crate::shell::{Workspace, step};

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
    /// SQLite, and instead of the process the power ends: only what was synced is left
    Power,
}

#[derive(Args)]
pub(crate) struct Options {
    /// How many kills
    #[arg(long, value_name = "N", default_value_t = 50)]
    runs: u32,
    /// Which database; PostgreSQL's own server is killed as well, in each second run
    #[arg(long, value_enum, default_value = "sqlite")]
    database: Database,
    /// Repeats the moments of an earlier soak, which printed its seed
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let mut command = workspace.long_test("e2e", "kill::soak_kill");
    command.env("SYMBOLON_SOAK_RUNS", options.runs.to_string());
    // The test makes a server of its own, of the same programs.
    let postgres = (options.database == Database::Postgres).then(Postgres::own).transpose()?;
    if let Some(postgres) = &postgres {
        command.env("SYMBOLON_SOAK_DATABASE", "postgres").env("SYMBOLON_TEST_PSQL", postgres.psql());
    }
    if options.database == Database::Power {
        command.env("SYMBOLON_SOAK_DATABASE", "power");
    }
    if let Some(seed) = options.seed {
        command.env("SYMBOLON_SOAK_SEED", seed.to_string());
    }
    step("soak kill", &mut command)
}
