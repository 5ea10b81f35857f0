//! Memory as the kernel sees it: idle, under load, and with many clients known.

use std::fs;

use anyhow::{Context, Result};

use crate::bench::Bench;
use crate::bench::load::{Job, Plan, ask, take_turns, usage, verify};
use crate::bench::servers::{Backend, Installation, Server};
use crate::bench::table::{Goal, Row, Table};

const IDLE_MIB: f64 = 16.0;
const LOADED_MIB: f64 = 32.0;
const KNOWN_MIB: f64 = 120.0;
const KNOWN: u32 = 100_000;

/// Measures each in a process of its own.
pub(crate) fn measure(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    table.group("Memory (resident set)");
    for backend in Backend::ALL {
        let name = format!("memory-{}", backend.name().to_lowercase());
        let installation = Installation::make(&bench.programs, backend, &name)?;
        let mut add = |what: &str, mib: f64, goal: f64| {
            let row = Row::new(format!("{}, {what}", backend.name()), format!("{mib:.1} MiB"));
            table.add(row.goal_of(mib, Goal::MostOf(goal, "MiB")).judged_if(backend.is_judged()));
        };

        let server = Server::symbolon(&bench.programs, &installation, &[])?;
        verify(&bench.programs, &server, "ES256")?;
        add("idle after its first token", usage(&bench.programs, &server)?.resident_mib, IDLE_MIB);

        for connections in [64, 256] {
            let plan = Plan { rounds: 1, time: bench.plan.time * 2, ..bench.plan };
            let job = Job::new(&server, "Ed25519", connections);
            let peak = take_turns(&bench.programs, plan, &[job])?[0].peak_mib();
            add(&format!("{connections} connections"), peak, LOADED_MIB);
        }
        server.stop()?;

        installation.fill(&bench.programs, KNOWN)?;
        let settings = bench.programs.folder.join("all-clients-cached.toml");
        fs::write(&settings, format!("cached_clients = {KNOWN}\n")).context("cannot write the settings")?;
        let settings = settings.display().to_string();
        let server = Server::symbolon(&bench.programs, &installation, &["--config", &settings])?;
        verify(&bench.programs, &server, "ES256")?;
        ask(&bench.programs, &Job { clients: KNOWN, ..Job::new(&server, "Ed25519", 64) }, KNOWN)?;
        add("100,000 clients known", usage(&bench.programs, &server)?.resident_mib, KNOWN_MIB);
        server.stop()?;
        fs::remove_dir_all(&installation.data)?;
    }
    Ok(())
}
