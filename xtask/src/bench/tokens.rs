//! Rates and latencies against the naive endpoint.

use anyhow::Result;

use crate::bench::Bench;
use crate::bench::load::{Job, Plan, Round, Series, take_turns, usage, verify};
use crate::bench::servers::{Backend, Installation, Server};
use crate::bench::table::{Goal, Row, Table, thousands};

/// The algorithms, and the share of the naive rate that is to be reached with a durable journal. A signature of RSA
/// costs so much that the rest hardly shows.
const RATES: [(&str, f64); 3] = [("ES256", 0.75), ("Ed25519", 0.65), ("RS256", 0.92)];
const CONNECTIONS: [u32; 2] = [64, 256];

/// Against the naive endpoint, at 32 connections.
const LATENCY: f64 = 2.0;
/// At a steady rate, in milliseconds.
const STEADY_MS: f64 = 5.0;
const STEADY_RATE: u32 = 2000;

/// The share of its core that a naive endpoint under full load gets when nothing else runs there.
const ALONE: f64 = 0.9;

/// Rate and processor time, as they stand in a cell.
pub(crate) fn cell(series: &Series) -> String {
    let (rate, cpu) = (series.median(|round| round.rate), series.median(|round| round.cpu_us));
    format!("{}/s  {cpu:.1} µs", thousands(rate))
}

/// An installation on every backend, served and quiet.
fn served(bench: &Bench<'_>, name: &str) -> Result<Vec<(Backend, Server)>> {
    let mut servers = Vec::new();
    for backend in Backend::ALL {
        let name = format!("{name}-{}", backend.name().to_lowercase());
        let installation = Installation::make(&bench.programs, backend, &name)?;
        let server = Server::symbolon(&bench.programs, &installation, &[])?;
        for (algorithm, _) in RATES {
            verify(&bench.programs, &server, algorithm)?;
        }
        usage(&bench.programs, &server)?;
        servers.push((backend, server));
    }
    Ok(servers)
}

fn naive(bench: &Bench<'_>, algorithm: &str) -> Result<Server> {
    let server = Server::naive(&bench.programs, algorithm)?;
    verify(&bench.programs, &server, algorithm)?;
    Ok(server)
}

/// Tokens a second, for every algorithm, backend and number of connections.
pub(crate) fn rates(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    table.group(
        "Tokens a second, durable, against the naive endpoint (with processor time of the server a token)",
    );
    let servers = served(bench, "tokens")?;
    let mut alone = true;
    for (algorithm, goal) in RATES {
        let naive = naive(bench, algorithm)?;
        let mut jobs = Vec::new();
        for connections in CONNECTIONS {
            jobs.push(Job::new(&naive, algorithm, connections));
            jobs.extend(servers.iter().map(|(_, server)| Job::new(server, algorithm, connections)));
        }
        let seen = take_turns(&bench.programs, bench.plan, &jobs)?;
        let of_connections: Vec<&[Series]> = seen.chunks(servers.len() + 1).collect();
        alone &= of_connections.iter().all(|series| series[0].median(Round::share_of_core) > ALONE);
        for (index, (backend, _)) in servers.iter().enumerate() {
            add_rates(table, (algorithm, goal, *backend), &of_connections, index + 1);
        }
    }
    if !alone {
        table.add(Row::new("THE CORE WAS SHARED with other programs:", "").note("read by CPU"));
    }
    Ok(())
}

/// The rows of one algorithm on one backend. The goal is for the best rate of each side, whatever number of
/// connections it takes. Where other programs share the core, the one with more threads gets more of it; so the worse
/// of the two ratios is judged, that of rates and that of processor times.
fn add_rates(
    table: &mut Table,
    (algorithm, goal, backend): (&str, f64, Backend),
    of_connections: &[&[Series]],
    index: usize,
) {
    let what = format!("{algorithm}, {}", backend.name());
    let rate = |series: &Series| series.median(|round| round.rate);
    for (series, connections) in of_connections.iter().zip(CONNECTIONS) {
        let ratio = series[index].ratio(&series[0], |round| round.rate);
        table.add(
            Row::new(format!("{what}, {connections} connections"), cell(&series[index]))
                .beside(cell(&series[0]), ratio)
                .by_cpu(series[0].ratio(&series[index], |round| round.cpu_us))
                .judged_if(backend.is_judged()),
        );
    }
    let best = |place: usize| of_connections.iter().map(|series| rate(&series[place])).fold(0.0, f64::max);
    let by_cpu = of_connections.iter().map(|series| series[0].ratio(&series[index], |round| round.cpu_us));
    let (measured, naive, by_cpu) = (best(index), best(0), by_cpu.fold(0.0, f64::max));
    let [measured_text, naive_text] = [measured, naive].map(|rate| format!("{}/s", thousands(rate)));
    let ratio = measured / naive.max(1.0);
    table.add(
        Row::new(format!("{what}, best"), measured_text)
            .beside(naive_text, ratio)
            .by_cpu(by_cpu)
            .goal_of(ratio.min(by_cpu), Goal::Least(goal))
            .judged_if(backend.is_judged()),
    );
    if let Some(series) = of_connections.first() {
        let whole = |series: &Series| series.median(|round| round.whole_cpu_us);
        let [measured, naive] = [index, 0].map(|index| format!("{:.1} µs", whole(&series[index])));
        let ratio = series[index].ratio(&series[0], |round| round.whole_cpu_us);
        let row = Row::new(format!("{what}, put-off work too"), measured).beside(naive, ratio);
        let row = row.by_cpu(series[0].ratio(&series[index], |round| round.whole_cpu_us));
        table.add(row.judged_if(backend.is_judged()));
    }
}

/// The 99th percentile at 32 connections, and at a steady rate.
pub(crate) fn latency(bench: &Bench<'_>, table: &mut Table) -> Result<()> {
    table.group(
        "Latency, 99th percentile, against the naive endpoint (and the server's processor time for a token)",
    );
    let cell = |series: &Series| {
        let (p99, cpu) = (series.median(|round| round.p99_ms), series.median(|round| round.cpu_us));
        format!("{p99:.2} ms  {cpu:.1} µs")
    };
    let p99 = |series: &Series| series.median(|round| round.p99_ms);
    let servers = served(bench, "latency")?;
    let naives = [("ES256", naive(bench, "ES256")?), ("Ed25519", naive(bench, "Ed25519")?)];
    for (algorithm, naive) in &naives {
        let mut jobs = vec![Job::new(naive, algorithm, 32)];
        jobs.extend(servers.iter().map(|(_, server)| Job::new(server, algorithm, 32)));
        let seen = take_turns(&bench.programs, bench.plan, &jobs)?;
        for ((backend, _), series) in servers.iter().zip(&seen[1..]) {
            let what = format!("{algorithm}, {}, 32 connections", backend.name());
            let ratio = series.ratio(&seen[0], |round| round.p99_ms);
            table.add(Row::new(what, cell(series)).beside(cell(&seen[0]), ratio).goal(Goal::Most(LATENCY)));
        }
    }
    let steady = |server| Job { rate: Some(STEADY_RATE), ..Job::new(server, "ES256", 64) };
    let plan = Plan { time: bench.plan.time * 2, ..bench.plan };
    let mut jobs = vec![steady(&naives[0].1)];
    jobs.extend(servers.iter().map(|(_, server)| steady(server)));
    let seen = take_turns(&bench.programs, plan, &jobs)?;
    for ((backend, _), series) in servers.iter().zip(&seen[1..]) {
        let what = format!("ES256, {}, steady 2,000/s", backend.name());
        let ratio = series.ratio(&seen[0], |round| round.p99_ms);
        let row = Row::new(what, cell(series)).beside(cell(&seen[0]), ratio);
        let row = row.goal_of(p99(series), Goal::MostOf(STEADY_MS, "ms"));
        table.add(row.judged_if(backend.is_judged()));
    }
    Ok(())
}
