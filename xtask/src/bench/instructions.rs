//! Instructions of a token, counted by callgrind: the one figure that a busy machine does not move.
//!
//! Two runs, one with twice the requests of the other: what their counts differ by is the requests' alone, without
//! start and end. Symbolon's count has everything in it, the counting of what was issued included.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::bench::Bench;
use crate::bench::load::{Job, ask, usage, verify};
use crate::bench::servers::{Backend, Installation, free_address, naive, serve, under_callgrind};
use crate::bench::table::{Goal, Row, Table, thousands};
use crate::debian;

const INSTRUCTIONS: f64 = 1.3;
const ALGORITHM: &str = "Ed25519";
const CONNECTIONS: u32 = 64;

/// Counts for the naive endpoint and for every backend.
pub(crate) fn measure(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    table.group("Instructions of an Ed25519 token (callgrind, put-off work included)");
    debian::install_programs(&[debian::VALGRIND], "counting instructions")?;
    let requests = if bench.quick { 1000 } else { 4000 };
    let of_naive = each(bench, requests, &mut |address| Ok(naive(&bench.programs, ALGORITHM, address)))?;
    for backend in Backend::ALL {
        let name = format!("instructions-{}", backend.name().to_lowercase());
        let installation = Installation::make(&bench.programs, backend, &name)?;
        let of_symbolon =
            each(bench, requests, &mut |address| Ok(serve(&bench.programs, &installation, address)))?;
        table.add(
            Row::new(backend.name(), thousands(of_symbolon))
                .beside(thousands(of_naive), of_symbolon / of_naive)
                .goal(Goal::Most(INSTRUCTIONS))
                .judged_if(backend.is_judged()),
        );
    }
    Ok(())
}

/// A command that serves at an address.
type Make<'a> = dyn FnMut(std::net::SocketAddr) -> Result<Command> + 'a;

/// The instructions that one more request takes.
fn each(bench: &Bench<'_>, requests: u32, make: &mut Make<'_>) -> Result<f64> {
    let once = count(bench, requests, make)?;
    let twice = count(bench, 2 * requests, make)?;
    Ok((twice - once) / f64::from(requests))
}

/// The instructions of a whole run with so many requests.
fn count(bench: &Bench<'_>, requests: u32, make: &mut Make<'_>) -> Result<f64> {
    let address = free_address()?;
    let (server, file) = under_callgrind(&bench.programs, &make(address)?, address, &[])?;
    verify(&bench.programs, &server, ALGORITHM)?;
    ask(&bench.programs, &Job::new(&server, ALGORITHM, CONNECTIONS), requests)?;
    usage(&bench.programs, &server)?;
    server.stop()?;
    let text = fs::read_to_string(&file).with_context(|| format!("callgrind left no {}", file.display()))?;
    let total = text.lines().rev().find_map(|line| line.strip_prefix("totals: "));
    total.context("callgrind told no total")?.trim().parse().context("callgrind's total")
}
