//! Symbolon, put together: the command line, configuration, and the one place that chooses a store.

pub mod cli;
pub mod commands;
pub mod config;
pub mod descriptors;
pub mod files;
pub mod key_files;
pub mod manage;
pub mod open_store;
mod progress;
pub mod service_manager;
mod serving_lock;
pub mod telemetry;
pub mod told;
pub mod traces;

use std::process::ExitCode;

/// Runs the command line to its end.
pub fn run() -> ExitCode {
    // The cryptographic library's first random number takes some 50 ms of gathering; it starts at once, beside
    // everything else.
    std::thread::spawn(|| {
        let _ = symbolon_core::random::Random::fill(&symbolon_core::random::SystemRandom, &mut [0]);
    });
    let mut cli = cli::Cli::of_the_process();
    let manages = match &cli.command {
        cli::Command::Manage(_)
        | cli::Command::Login(_)
        | cli::Command::Token(_)
        | cli::Command::Call(_)
        | cli::Command::Proxy(_)
        | cli::Command::Decode(_) => true,
        cli::Command::Audit(command) => !matches!(command, cli::AuditCommand::Verify(_)),
        _ => false,
    };
    if manages && cli.log.filter == "info" {
        // These commands say themselves what happened; only trouble beyond that is worth a line.
        "warn".clone_into(&mut cli.log.filter);
    }
    telemetry::start(&cli.log);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("symbolon: the runtime could not be started: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(commands::run(cli.command)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("symbolon: {}", told::told(&error));
            ExitCode::FAILURE
        }
    }
}
