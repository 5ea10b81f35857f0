//! `cargo xtask`: the tasks of this repository, written once so that a developer and the CI run the same thing.

mod bench;
mod check;
mod clients;
mod debian;
mod keycloak;
mod postgres;
mod screens;
mod shell;
mod soak;
mod sqlx;
mod test;

use std::ffi::OsString;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::shell::Workspace;

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "The tasks of this repository")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Set up what the tests need, then run every test of the workspace
    Test {
        /// Handed to `cargo test` as they are
        #[arg(last = true)]
        cargo_args: Vec<OsString>,
    },
    /// Picture the console's main pages, light and dark, wide and narrow, into target/screens
    Screens,
    /// Run the clients and the import against the real Keycloak, which it fetches
    Keycloak,
    /// Formatting, lints, dependencies and documentation
    Check,
    /// Show what comes only with load or with time
    Soak {
        #[command(subcommand)]
        soak: soak::Soak,
    },
    /// Measure Symbolon against a naive endpoint and other servers, and print a table of ratios
    Bench(bench::Options),
    /// See which functions a server uses, for the linker to lay them side by side
    Order,
    /// Write the offline query data of the stores anew
    Sqlx {
        /// Write nothing; fail when the committed data are out of date
        #[arg(long)]
        check: bool,
    },
}

fn main() -> ExitCode {
    match run(&Cli::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> Result<()> {
    let workspace = Workspace::find()?;
    match task {
        Task::Test { cargo_args } => test::run(&workspace, cargo_args),
        Task::Screens => screens::run(&workspace),
        Task::Keycloak => keycloak::run(&workspace),
        Task::Check => check::run(&workspace),
        Task::Bench(options) => bench::run(&workspace, options),
        Task::Order => bench::order::run(&workspace),
        Task::Sqlx { check } => sqlx::run(&workspace, *check),
        Task::Soak { soak } => soak::run(&workspace, soak),
    }
}
