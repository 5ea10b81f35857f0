//! Putting servers under load in turns, so that whatever else the machine does meets all of them.

use std::fs;
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
    let before = cpu_ticks(job.server.pid())?;
    let rate = job.rate.map(|rate| rate.to_string());
    let (time, warm_up) = (plan.time.to_string(), plan.warm_up.to_string());
    let mut more = vec!["--time", &time, "--warm-up", &warm_up];
    if let Some(rate) = &rate {
        more.extend(["--rate", rate]);
    }
    let seen = run(programs, job, &more)?;
    let number = |name: &str| seen[name].as_f64().with_context(|| format!("the load told no {name}: {seen}"));
    if job.server.works_on {
        wait_until_quiet(job.server)?;
    }
    let ticks = cpu_ticks(job.server.pid())? - before;
    #[expect(clippy::cast_precision_loss, reason = "hundredths of seconds of a run of minutes")]
    let whole_cpu_us = ticks as f64 * 10_000.0 / number("answered")?.max(1.0);
    Ok(Round {
        rate: number("rate")?,
        p99_ms: number("p99_us")? / 1000.0,
        cpu_us: number("cpu_us")?,
        whole_cpu_us,
        peak_mib: number("peak_kib")? / 1024.0,
    })
}

/// Asks for so many tokens, whatever time it takes.
pub(crate) fn ask(programs: &Programs, job: &Job<'_>, requests: u32) -> Result<()> {
    let requests = requests.to_string();
    let seen = run(programs, job, &["--requests", &requests, "--time", "120000", "--warm-up", "0"])?;
    ensure!(seen["answered"].as_u64() == requests.parse().ok(), "not every request was answered: {seen}");
    if job.server.works_on { wait_until_quiet(job.server) } else { Ok(()) }
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

/// Waits until a server takes less than a twentieth of its core.
pub(crate) fn wait_until_quiet(server: &Server) -> Result<()> {
    const LOOK: Duration = Duration::from_millis(400);
    const PATIENCE: Duration = Duration::from_mins(2);
    let began = Instant::now();
    let mut before = cpu_ticks(server.pid())?;
    loop {
        std::thread::sleep(LOOK);
        let now = cpu_ticks(server.pid())?;
        if now - before <= 2 {
            return Ok(());
        }
        before = now;
        ensure!(began.elapsed() < PATIENCE, "the server is still at work {PATIENCE:?} after its last answer");
    }
}

/// User and system time of a process so far, in hundredths of a second.
fn cpu_ticks(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    let fields: Vec<&str> =
        text.rsplit_once(") ").map(|(_, rest)| rest.split(' ').collect()).unwrap_or_default();
    let field = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    Ok(field(11).context("no user time")? + field(12).context("no system time")?)
}

/// The memory that a process holds, in MiB.
pub(crate) fn resident_mib(pid: u32) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().context("VmRSS")?;
    Ok(kib / 1024.0)
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

    #[test]
    fn the_kernel_tells_time_and_memory_of_this_process() {
        assert!(cpu_ticks(std::process::id()).is_ok());
        assert!(resident_mib(std::process::id()).unwrap() > 0.0);
    }
}
