//! `cargo xtask bench`: what Symbolon costs, as ratios within one run on one machine (docs/benchmarks.md).
//!
//! Server and load generator have a processor core each. The naive endpoint is the measure of nearly everything: it
//! does what any token endpoint must, and nothing else.

mod client;
mod guard;
mod instructions;
mod load;
mod memory;
pub(crate) mod order;
mod peers;
mod scale;
mod servers;
mod start;
mod table;
mod tokens;

use std::cell::OnceCell;
use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::bench::load::Plan;
use crate::bench::servers::{LOAD_CORE, Programs, pinned};
use crate::bench::table::{Row, Table};
use crate::shell::{Workspace, output, step, succeeds};

/// The options of the task.
#[derive(Args)]
pub(crate) struct Options {
    /// A short run, to see that it works: too short for the numbers to be held against the goals
    #[arg(long)]
    quick: bool,
    /// Measure these alone; can be given several times
    #[arg(long, value_name = "GROUP")]
    only: Vec<Group>,
    /// Count instructions too, by valgrind, which is slow
    #[arg(long)]
    instructions: bool,
}

/// A group of rows.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Group {
    /// Tokens a second against the naive endpoint
    Tokens,
    /// Latency at 32 connections and at a steady rate
    Latency,
    /// The guard against bare signature checks
    Guard,
    /// The client's token from memory
    Client,
    /// Memory: idle, under load, with many clients
    Memory,
    /// Start on an existing database
    Start,
    /// Many clients against few
    Scale,
    /// Other servers
    Peers,
    /// Instructions of a token
    Instructions,
}

/// Everything that a group needs.
pub(crate) struct Bench<'a> {
    workspace: &'a Workspace,
    programs: Programs,
    plan: Plan,
    quick: bool,
}

/// Builds, measures, and prints the table.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let cores = std::thread::available_parallelism()?.get();
    ensure!(cores >= 2, "server and load generator need a processor core each; this process has {cores}");
    ensure!(
        succeeds(Command::new("taskset").arg("--version")),
        "taskset is needed; install util-linux (Debian's name)"
    );
    let bench = Bench {
        workspace,
        programs: programs(workspace)?,
        plan: if options.quick {
            Plan { rounds: 1, time: 700, warm_up: 200 }
        } else {
            Plan { rounds: 5, time: 2000, warm_up: 400 }
        },
        quick: options.quick,
    };
    let head = bench.head()?;
    let mut table = Table::default();
    let mut failed = Vec::new();
    for group in Group::value_variants() {
        let wanted = match options.only.as_slice() {
            [] => *group != Group::Instructions || options.instructions,
            only => only.contains(group) || (*group == Group::Instructions && options.instructions),
        };
        if !wanted {
            continue;
        }
        let name = group.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        eprintln!("==> measuring: {name}");
        if let Err(error) = bench.measure(*group, &mut table) {
            eprintln!("error: {name}: {error:#}");
            table.add(Row::new("the rest of this group", "not measured").note("see the error above"));
            failed.push(name);
        }
    }
    let (met, missed) = table.verdicts();
    println!("{head}\n\n{table}\n{met} goals met, {missed} missed");
    if options.quick {
        println!("This was a quick run: rounds are too few and too short to be held against the goals.");
    }
    if !failed.is_empty() {
        bail!("not everything could be measured: {}", failed.join(", "));
    }
    Ok(())
}

/// Builds what is measured, and makes an empty folder for the run.
fn programs(workspace: &Workspace) -> Result<Programs> {
    step(
        "cargo build --release",
        workspace.cargo().args(["build", "--release", "--locked", "-p", "symbolon", "-p", "symbolon-bench"]),
    )?;
    let folder = workspace.target.join("bench");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let release = workspace.target.join("release");
    let (symbolon, bench) = (release.join("symbolon"), release.join("symbolon-bench"));
    Ok(Programs { symbolon, bench, folder, postgres: OnceCell::new() })
}

impl Bench<'_> {
    fn measure(&self, group: Group, table: &mut Table) -> Result<()> {
        match group {
            Group::Tokens => tokens::rates(self, table),
            Group::Latency => tokens::latency(self, table),
            Group::Guard => guard::measure(self, table),
            Group::Client => client::measure(self, table),
            Group::Memory => memory::measure(self, table),
            Group::Start => start::measure(self, table),
            Group::Scale => scale::measure(self, table),
            Group::Peers => peers::measure(self, table),
            Group::Instructions => instructions::measure(self, table),
        }
    }

    /// The machine and the day, and how long its disk takes to sync.
    fn head(&self) -> Result<String> {
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = processors
            .lines()
            .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
            .map_or("unknown processor", |(_, model)| model);
        let date = output(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]))?;
        let kernel = output(Command::new("uname").arg("-sr"))?;
        let busy = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let busy = busy.split(' ').next().unwrap_or("?");
        let fsync = self.part(&["fsync", &self.programs.folder.display().to_string()])?;
        let micros = |name: &str| fsync[name].as_u64().unwrap_or_default();
        let cores = std::thread::available_parallelism()?;
        Ok(format!(
            "Symbolon against its measures, {}\n{model}, {cores} cores, {}; load average before: {busy}\n\
             4 KiB appended and synced: p50 {} µs, p99 {} µs\n\
             Server on core 0, load generator on core 1; medians of {} rounds of {} ms that take turns",
            date.trim(),
            kernel.trim(),
            micros("p50_us"),
            micros("p99_us"),
            self.plan.rounds,
            self.plan.time,
        ))
    }

    /// Runs a part of the benchmark that prints one JSON object.
    fn part(&self, arguments: &[&str]) -> Result<Value> {
        let text = output(pinned(LOAD_CORE, &self.programs.bench).args(arguments))?;
        serde_json::from_str(&text).with_context(|| format!("symbolon-bench {arguments:?}"))
    }
}
