//! Other servers at the same work, on the same core, for the same generator.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::bench::Bench;
use crate::bench::load::{Job, Plan, once, take_turns, usage, verify};
use crate::bench::servers::{Backend, Installation, SERVER_CORE, Server, free_address, pinned};
use crate::bench::table::{Goal, Row, Table, thousands};
use crate::bench::tokens::cell;
use crate::clients;
use crate::shell::output;

/// Against node oidc-provider, which keeps everything in memory.
const OIDC_PROVIDER: [(&str, f64); 3] = [("ES256", 6.0), ("Ed25519", 6.0), ("RS256", 1.5)];

/// What Rauthy was seen to do on one core of another machine, with its store; the goals are 11 and 4.6 times as much.
/// No package registry that this task uses has it, so it is not run.
const RAUTHY: [(&str, u32); 2] = [("Ed25519", 2165), ("RS256", 455)];

const CONNECTIONS: u32 = 64;

/// Compares with every peer that can be had.
pub(crate) fn measure(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    table.group("Other servers, tokens a second on one core (Symbolon durable on SQLite)");
    for (algorithm, rate) in RAUTHY {
        let note = format!("{}/s elsewhere", thousands(rate.into()));
        table.add(Row::new(format!("{algorithm}, Rauthy (with its store)"), "not run here").note(note));
    }
    let (node, modules) = install(bench)?;
    let installation = Installation::make(&bench.programs, Backend::Sqlite, "peers")?;
    let symbolon = Server::symbolon(&bench.programs, &installation, &[])?;
    for (algorithm, goal) in OIDC_PROVIDER {
        let peer = oidc_provider(bench, (&node, &modules), algorithm)?;
        for server in [&peer, &symbolon] {
            verify(&bench.programs, server, algorithm)?;
        }
        usage(&bench.programs, &symbolon)?;
        let peer = Job::new(&peer, algorithm, CONNECTIONS);
        // Its code is compiled while it runs.
        let warm_up = Plan { rounds: 1, time: if bench.quick { 1000 } else { 4000 }, warm_up: 0 };
        once(&bench.programs, warm_up, &peer)?;
        let plan = Plan { time: bench.plan.time * 3 / 2, ..bench.plan };
        let jobs = [peer, Job::new(&symbolon, algorithm, CONNECTIONS)];
        let seen = take_turns(&bench.programs, plan, &jobs)?;
        let rates = seen[1].ratio(&seen[0], |round| round.rate);
        let by_cpu = seen[0].ratio(&seen[1], |round| round.cpu_us);
        table.add(
            Row::new(format!("{algorithm}, oidc-provider (memory)"), cell(&seen[1]))
                .beside(cell(&seen[0]), rates)
                .by_cpu(by_cpu)
                .goal_of(rates.min(by_cpu), Goal::Least(goal)),
        );
    }
    symbolon.stop()
}

/// Node, and the folder of the packages of bench/peers.
fn install(bench: &Bench<'_>) -> Result<(PathBuf, PathBuf)> {
    let workspace = bench.workspace;
    let node = clients::prepare(workspace)?.node;
    let programs = node.parent().context("node lies in no folder")?;
    let folder = workspace.target.join("bench-peers");
    let modules = clients::prepare_node(&workspace.root.join("bench/peers"), &folder, programs)?;
    // What was installed under that name only starts the program, and would outlive its own end.
    let itself = output(Command::new(&node).args(["-p", "process.execPath"]))?;
    Ok((itself.trim().into(), modules))
}

fn oidc_provider(bench: &Bench<'_>, (node, modules): (&Path, &Path), algorithm: &str) -> Result<Server> {
    let address = free_address()?;
    let mut command = pinned(SERVER_CORE, node);
    command.arg(bench.workspace.root.join("bench/peers/oidc_provider.mjs"));
    command.args([&address.port().to_string(), algorithm]);
    command.env("BENCH_NODE_MODULES", modules).env("NODE_ENV", "production");
    let mut server = Server::start(&bench.programs, command, address)?;
    (server.path, server.keys) = ("/token", "/jwks");
    Ok(server)
}
