//! From the start of the process to the first token, on a database that is there.

use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::bench::Bench;
use crate::bench::servers::{Backend, Installation, LOAD_CORE, free_address, naive, pinned, serve};
use crate::bench::table::{Goal, Row, Table, median};
use crate::shell::output;

const START_MS: f64 = 80.0;

/// Starts each server several times, in turns.
pub(crate) fn measure(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    table.group("Start, to the first token answered");
    let mut starts = vec![None];
    for backend in Backend::ALL {
        let name = format!("start-{}", backend.name().to_lowercase());
        starts.push(Some(Installation::make(&bench.programs, backend, &name)?));
    }
    let mut times: Vec<Vec<f64>> = starts.iter().map(|_| Vec::new()).collect();
    // The first round reads the programs and files from the disk.
    for round in 0..=bench.plan.rounds * 2 {
        for (installation, times) in starts.iter().zip(&mut times) {
            let time = once(bench, installation.as_ref())?;
            if round > 0 {
                times.push(time);
            }
        }
    }
    let times: Vec<f64> = times.into_iter().map(median).collect();
    for (backend, time) in Backend::ALL.into_iter().zip(&times[1..]) {
        let row = Row::new(format!("ES256, {}", backend.name()), format!("{time:.0} ms"));
        let row = row.beside(format!("{:.0} ms", times[0]), time / times[0]);
        table.add(row.goal_of(*time, Goal::MostOf(START_MS, "ms")).judged_if(backend.is_judged()));
    }
    Ok(())
}

fn once(bench: &Bench<'_>, installation: Option<&Installation>) -> Result<f64> {
    let address = free_address()?;
    let server: Command = match installation {
        None => naive(&bench.programs, "ES256", address),
        Some(installation) => serve(&bench.programs, installation, address),
    };
    let mut command = pinned(LOAD_CORE, &bench.programs.bench);
    command.args(["start", "--algorithm", "ES256", "--address", &address.to_string(), "--"]);
    command.arg(server.get_program()).args(server.get_args());
    let seen: Value = serde_json::from_str(&output(&mut command)?).context("the start's report")?;
    seen["ms"].as_f64().context("the start told no time")
}
