//! The parts of `cargo xtask bench` that must be compiled with optimisation: what Symbolon is compared with, what
//! puts it under load, and what is measured without a network. Each part prints one JSON object; the task puts
//! them together (docs/benchmarks.md).

mod answer;
mod client;
mod fsync;
mod guard;
mod latencies;
mod load;
mod naive;
mod process;
mod request;
mod seed;
mod start;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "symbolon-bench", about = "The parts of `cargo xtask bench`", max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// Serve the naive token endpoint
    Naive(naive::Options),
    /// Put a token endpoint under load for a while
    Load(load::Options),
    /// Get one token and check its signature against the server's public keys
    Verify(verify::Options),
    /// Start a server and wait for its first token
    Start(start::Options),
    /// Compare the guard with bare signature checks
    Guard(guard::Options),
    /// Measure the client's token from memory
    Client(client::Options),
    /// Print what a process takes and holds
    Process(process::Options),
    /// Append 4 KiB and sync, again and again
    Fsync(fsync::Options),
    /// Print the description of the realm that is measured, for `symbolon apply`
    Describe(seed::Options),
    /// Print SQL that makes copies of the described clients
    Copies(seed::CopyOptions),
}

fn main() -> ExitCode {
    match run(Cli::parse().part) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("symbolon-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(part: Part) -> anyhow::Result<()> {
    match part {
        Part::Naive(options) => naive::run(&options),
        Part::Load(options) => load::run(&options),
        Part::Verify(options) => verify::run(&options),
        Part::Start(options) => start::run(&options),
        Part::Guard(options) => guard::run(&options),
        Part::Client(options) => client::run(&options),
        Part::Process(options) => process::run(&options),
        Part::Fsync(options) => fsync::run(&options),
        Part::Describe(options) => {
            seed::describe(&options);
            Ok(())
        }
        Part::Copies(options) => {
            seed::copies(&options);
            Ok(())
        }
    }
}
