//! Putting servers under load in turns, so that whatever else the machine does meets all of them.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::bench::servers::{LOAD_CORE, Programs, Server, pinned};
use crate::bench::table::median;
use crate::shell::output;

/// How much is measured.
#[derive(Clone, Copy)]
pub(crate) struct Plan {
    /// Rounds, of which medians are taken.
    pub(crate) rounds: usize,
    /// Milliseconds of each round that count.
    pub(crate) time: u64,
    /// Milliseconds before that.
    pub(crate) warm_up: u64,
}

/// One kind of load on one server.
#[derive(Clone, Copy)]
pub(crate) struct Job<'a> {
    pub(crate) server: &'a Server,
    /// The algorithm's registered name.
    pub(crate) algorithm: &'a str,
    pub(crate) connections: u32,
    /// How many clients ask.
    pub(crate) clients: u32,
    /// Requests a second; as many as it takes where absent.
    pub(crate) rate: Option<u32>,
}

impl<'a> Job<'a> {
    /// A hundred clients that ask as fast as they are answered.
    pub(crate) const fn new(server: &'a Server, algorithm: &'a str, connections: u32) -> Self {
        Self { server, algorithm, connections, clients: 100, rate: None }
    }
}

/// What one round saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    /// Tokens a second.
    pub(crate) rate: f64,
    /// The 99th percentile of latencies, in milliseconds.
    pub(crate) p99_ms: f64,
    /// The server's processor time for a token, in microseconds, while it was under load.
    pub(crate) cpu_us: f64,
    /// The same, with everything that the server did for these tokens afterwards.
    pub(crate) whole_cpu_us: f64,
    /// The most memory that was seen, in MiB.
    pub(crate) peak_mib: f64,
}

impl Round {
    /// How much of its core the server got, where 1 is all of it.
    pub(crate) fn share_of_core(&self) -> f64 {
        self.rate * self.cpu_us / 1_000_000.0
    }
}

/// The rounds of one job.
#[derive(Default)]
pub(crate) struct Series(Vec<Round>);

impl Series {
    /// The median of something.
    pub(crate) fn median(&self, of: impl Fn(&Round) -> f64) -> f64 {
        median(self.0.iter().map(of).collect())
    }

    /// The median of the rounds' ratios: the two of a round were measured one right after the other, so a machine
    /// that is busy for a while leaves their ratio as it is.
    pub(crate) fn ratio(&self, to: &Self, of: impl Fn(&Round) -> f64) -> f64 {
        let pairs = self.0.iter().zip(&to.0).map(|(this, other)| (of(this), of(other)));
        median(pairs.filter(|(_, other)| *other > 0.0).map(|(this, other)| this / other).collect())
    }

    /// The most memory that was seen, in MiB.
    pub(crate) fn peak_mib(&self) -> f64 {
        self.0.iter().map(|round| round.peak_mib).fold(0.0, f64::max)
    }
}

/// Runs all jobs once a round, every other round in the opposite order.
pub(crate) fn take_turns(programs: &Programs, plan: Plan, jobs: &[Job<'_>]) -> Result<Vec<Series>> {
    let mut all: Vec<Series> = jobs.iter().map(|_| Series::default()).collect();
    for round in 0..plan.rounds {
        let turn: Vec<usize> =
            if round % 2 == 0 { (0..jobs.len()).collect() } else { (0..jobs.len()).rev().collect() };
        for index in turn {
            all[index].0.push(once(programs, plan, &jobs[index])?);
        }
    }
    Ok(all)
}

/// One round of one job. It ends when the server has nothing left to do: work that is put off must neither be lost
/// from its account nor fall into the next one's time.
pub(crate) fn once(programs: &Programs, plan: Plan, job: &Job<'_>) -> Result<Round> {
    let before = usage(programs, job.server)?;
    let rate = job.rate.map(|rate| rate.to_string());
    let (time, warm_up) = (plan.time.to_string(), plan.warm_up.to_string());
    let mut more = vec!["--time", &time, "--warm-up", &warm_up];
    if let Some(rate) = &rate {
        more.extend(["--rate", rate]);
    }
    let seen = run(programs, job, &more)?;
    let number = |name: &str| seen[name].as_f64().with_context(|| format!("the load told no {name}: {seen}"));
    let whole = usage(programs, job.server)?.cpu_us - before.cpu_us;
    Ok(Round {
        rate: number("rate")?,
        p99_ms: number("p99_us")? / 1000.0,
        cpu_us: number("cpu_us")?,
        whole_cpu_us: whole / number("answered")?.max(1.0),
        peak_mib: number("peak_kib")? / 1024.0,
    })
}

/// Asks for so many tokens, whatever time it takes.
pub(crate) fn ask(programs: &Programs, job: &Job<'_>, requests: u32) -> Result<()> {
    let requests = requests.to_string();
    let seen = run(programs, job, &["--requests", &requests, "--time", "120000", "--warm-up", "0"])?;
    ensure!(seen["answered"].as_u64() == requests.parse().ok(), "not every request was answered: {seen}");
    usage(programs, job.server).map(drop)
}

fn run(programs: &Programs, job: &Job<'_>, more: &[&str]) -> Result<Value> {
    let mut command = pinned(LOAD_CORE, &programs.bench);
    command.args(["load", "--algorithm", job.algorithm, "--path", job.server.path]);
    command.args(["--address", &job.server.address.to_string(), "--pid", &job.server.pid().to_string()]);
    command.args(["--connections", &job.connections.to_string(), "--clients", &job.clients.to_string()]);
    let seen: Value = serde_json::from_str(&output(command.args(more))?).context("the load's report")?;
    ensure!(seen["refused"].as_u64() == Some(0), "tokens were refused, so the rate says nothing: {seen}");
    Ok(seen)
}

/// Checks one token against the server's public keys, as soon as it gives one.
pub(crate) fn verify(programs: &Programs, server: &Server, algorithm: &str) -> Result<()> {
    const PATIENCE: Duration = Duration::from_secs(20);
    let began = Instant::now();
    loop {
        let mut command = pinned(LOAD_CORE, &programs.bench);
        command.args(["verify", "--algorithm", algorithm, "--path", server.path, "--keys", server.keys]);
        command.args(["--address", &server.address.to_string()]);
        let ran = command.output().context("cannot verify a token")?;
        if ran.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        ensure!(began.elapsed() < PATIENCE, "no good token: {said}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What a process has taken and holds.
pub(crate) struct Usage {
    /// Processor time so far, in microseconds.
    cpu_us: f64,
    /// Memory, in MiB.
    pub(crate) resident_mib: f64,
}

/// Looks at a server: at once, or when it has nothing left to do.
pub(crate) fn usage(programs: &Programs, server: &Server) -> Result<Usage> {
    let mut command = pinned(LOAD_CORE, &programs.bench);
    command.args(["process", "--pid", &server.pid().to_string()]);
    if server.works_on {
        command.arg("--quiet");
    }
    if let Some(metrics) = server.metrics {
        command.args(["--metrics", &metrics.to_string()]);
    }
    let seen: Value = serde_json::from_str(&output(&mut command)?).context("the process's report")?;
    let number = |name: &str| seen[name].as_f64().with_context(|| format!("no {name}: {seen}"));
    Ok(Usage { cpu_us: number("cpu_us")?, resident_mib: number("resident_kib")? / 1024.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(rates: &[f64]) -> Series {
        let round =
            |rate: &f64| Round { rate: *rate, p99_ms: 1.0, cpu_us: 1.0, whole_cpu_us: 1.0, peak_mib: *rate };
        Series(rates.iter().map(round).collect())
    }

    #[test]
    fn a_ratio_is_that_of_the_rounds_and_not_of_the_medians() {
        // The machine was busy in the second round, for both.
        let (this, other) = (series(&[80.0, 8.0, 80.0]), series(&[100.0, 10.0, 100.0]));
        assert!((this.ratio(&other, |round| round.rate) - 0.8).abs() < 1e-9);
        assert!((this.median(|round| round.rate) - 80.0).abs() < 1e-9);
        assert!((this.peak_mib() - 80.0).abs() < 1e-9);
    }
}
