//! The time from a server's start to its first token.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::json;

use crate::request::{Target, TokenRequest};
use crate::verify::fetch;

/// The options of `start`.
#[derive(clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    target: Target,
    /// The server's command
    #[arg(last = true, required = true)]
    command: Vec<String>,
}

/// Between two attempts to reach it: short beside what is measured, and long enough to leave the processor to it.
const PAUSE: Duration = Duration::from_micros(250);

/// A server that has not answered by then never will.
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts the server, waits for a token, and stops the server in good order, so that the next start finds its files
/// closed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let Some((program, arguments)) = options.command.split_first() else { bail!("no command") };
    let request = TokenRequest::new(&options.target);
    let began = Instant::now();
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let outcome = loop {
        match fetch(options.target.address, request.bytes()) {
            Ok(_) => break Ok(began.elapsed()),
            Err(error) if began.elapsed() > PATIENCE => break Err(error),
            Err(_) => std::thread::sleep(PAUSE),
        }
    };
    // The shell's own `kill`, which every Debian has; SIGTERM is not in the standard library.
    let stopped = Command::new("sh").arg("-c").arg(format!("kill -TERM {}", child.id())).status()?;
    if !stopped.success() {
        child.kill()?;
    }
    child.wait()?;
    let time = outcome.context("the server gave no token after its start")?;
    println!("{}", json!({ "ms": time.as_secs_f64() * 1000.0 }));
    Ok(())
}
