//! The client for Rust: a token that it holds already.

use anyhow::{Context, Result};

use crate::bench::Bench;
use crate::bench::table::{Goal, Row, Table};

const NANOSECONDS: f64 = 100.0;

/// The time of `token()` while the token is good.
pub(crate) fn measure(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    table.group("Client for Rust");
    let rounds = if bench.quick { "51" } else { "601" };
    let told = bench.part(&["client", "--rounds", rounds])?;
    let time = told["nanoseconds"].as_f64().context("no nanoseconds")?;
    let row = Row::new("a token from memory", format!("{time:.0} ns"));
    table.add(row.goal_of(time, Goal::MostOf(NANOSECONDS, "ns")));
    Ok(())
}
