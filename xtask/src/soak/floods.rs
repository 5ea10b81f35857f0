//! Wrong secrets from the right clients' own address: for one of the clients, and for ids that come to mind. Only
//! failures are ever held back, so the right ones must not notice more than the work.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use super::clients::{Client, Figures, Pace, ordinary, token_request};
use super::server::{KNOWN, Server};
use crate::shell::Workspace;

#[derive(Args)]
pub(crate) struct Options {
    /// Right clients
    #[arg(long, default_value_t = 16)]
    clients: usize,
    /// Connections on which wrong secrets are sent without a pause
    #[arg(long, default_value_t = 64)]
    attackers: usize,
    /// Seconds of each phase
    #[arg(long, default_value_t = 15)]
    seconds: u64,
}

pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let server = Server::start(workspace, "floods", "")?;
    let pace = Pace {
        clients: options.clients,
        every: Duration::from_millis(20),
        lasts: Duration::from_secs(options.seconds),
    };
    let quiet = ordinary(&server.address, &KNOWN, pace);
    println!("{}", quiet.row("quiet"));
    let one = flooded(&server, options.attackers, pace, |_| KNOWN[0].to_owned())?;
    report("wrong secrets for one client", &one);
    let many = flooded(&server, options.attackers, pace, |number| format!("id{}", number % 100_000))?;
    report("wrong secrets for 100,000 ids", &many);
    let after = ordinary(&server.address, &KNOWN, pace);
    println!("{}", after.row("quiet again"));
    println!("memory {} MiB", server.memory()?);
    for figures in [&quiet, &one.right, &many.right, &after] {
        ensure!(figures.failures.is_empty(), "right clients were refused: {:?}", figures.failures);
    }
    for flood in [&one, &many] {
        ensure!(flood.other == 0, "{} wrong requests were answered by neither 401 nor 429", flood.other);
    }
    ensure!(one.held_back > 0, "no failure was held back");
    Ok(())
}

struct Flood {
    right: Figures,
    refused: u64,
    held_back: u64,
    other: u64,
    processor_time: Duration,
}

fn report(phase: &str, flood: &Flood) {
    println!("{}", flood.right.row(phase));
    let all = flood.refused + flood.held_back + flood.other + flood.right.tokens();
    println!(
        "    of the flood {} were answered 401 and {} 429; the server used {:.0?} of processor time for each request",
        flood.refused,
        flood.held_back,
        flood.processor_time / u32::try_from(all).unwrap_or(u32::MAX).max(1)
    );
}

fn flooded(
    server: &Server,
    attackers: usize,
    pace: Pace,
    id: impl Fn(u64) -> String + Sync,
) -> Result<Flood> {
    let before = server.processor_time()?;
    let done = AtomicBool::new(false);
    let [number, refused, held_back, other] = [const { AtomicU64::new(0) }; 4];
    let right = std::thread::scope(|threads| {
        for _ in 0..attackers {
            threads.spawn(|| {
                let mut client = Client::new(&server.address);
                while !done.load(Ordering::Relaxed) {
                    let id = id(number.fetch_add(1, Ordering::Relaxed));
                    let answer = client.ask(&token_request(&id, "a-wrong-secret-of-some-length"));
                    let count = match answer {
                        Ok(401) => &refused,
                        Ok(429) => &held_back,
                        _ => &other,
                    };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let right = ordinary(&server.address, &KNOWN, pace);
        done.store(true, Ordering::Relaxed);
        right
    });
    Ok(Flood {
        right,
        refused: refused.into_inner(),
        held_back: held_back.into_inner(),
        other: other.into_inner(),
        processor_time: server.processor_time()?.saturating_sub(before),
    })
}
