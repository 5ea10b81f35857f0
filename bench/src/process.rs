//! What the kernel knows of a process: the processor time that it took, and the memory that it holds.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

/// The options of `process`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The process
    #[arg(long)]
    pid: u32,
    /// Wait until it has nothing left to do
    #[arg(long)]
    quiet: bool,
    /// Where it tells how long its oldest token waits to be counted: until that is none
    #[arg(long, requires = "quiet")]
    metrics: Option<SocketAddr>,
}

/// Prints what a process has taken so far, and what it holds.
pub(crate) fn run(options: &Options) -> Result<()> {
    if options.quiet {
        wait_until_quiet(options.pid, options.metrics)?;
    }
    let (cpu, memory) = (cpu_micros(options.pid)?, resident_kib(options.pid)?);
    println!("{}", json!({ "cpu_us": cpu, "resident_kib": memory }));
    Ok(())
}

/// Waits until a process takes less than a fiftieth of a core and, where it tells, has no token left to count. What
/// Symbolon puts off begins after a second where it is little, so that one look cannot fall into the pause before it;
/// where it is much, the pause is longer.
fn wait_until_quiet(pid: u32, metrics: Option<SocketAddr>) -> Result<()> {
    const LOOK: Duration = Duration::from_millis(1500);
    const LITTLE_MICROS: u64 = 30_000;
    const PATIENCE: Duration = Duration::from_mins(2);
    let began = Instant::now();
    let mut before = cpu_micros(pid)?;
    loop {
        std::thread::sleep(LOOK);
        let now = cpu_micros(pid)?;
        let counted = metrics.map_or(Ok(true), has_counted)?;
        if counted && now - before <= LITTLE_MICROS {
            return Ok(());
        }
        before = now;
        ensure!(
            began.elapsed() < PATIENCE,
            "the process is still at work {PATIENCE:?} after it was last asked"
        );
    }
}

/// Whether a server has no token left to count.
fn has_counted(metrics: SocketAddr) -> Result<bool> {
    let mut stream = TcpStream::connect(metrics).context("the metrics")?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: {metrics}\r\nConnection: close\r\n\r\n")?;
    let mut page = String::new();
    stream.read_to_string(&mut page).context("the metrics")?;
    usage_lag(&page).map(|lag| lag == 0.0).with_context(|| format!("no {LAG} in the metrics"))
}

const LAG: &str = "symbolon_usage_lag_seconds";

fn usage_lag(page: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(LAG)?.strip_prefix(' ')?.trim().parse().ok())
}

/// The kernel counts processor time in hundredths of a second, on every Linux that programs see.
const TICKS_PER_SECOND: u64 = 100;

/// The processor time that a process has taken so far, in microseconds, by all its threads, living and gone.
pub(crate) fn cpu_micros(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/stat");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    ticks(&text).map(|ticks| ticks * 1_000_000 / TICKS_PER_SECOND).with_context(|| path)
}

/// User and system time. The name in the second field may hold anything, so fields are counted from its last brace.
fn ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// The memory that a process holds at present, in KiB.
pub(crate) fn resident_kib(pid: u32) -> Result<u64> {
    let path = format!("/proc/{pid}/status");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    resident(&text).with_context(|| path)
}

fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_any_name() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 120 30 0 0 20 0";
        assert_eq!(ticks(stat), Some(150));
        assert_eq!(ticks("7 (short) S 1"), None);
    }

    #[test]
    fn the_lag_is_found_among_the_metrics() {
        let page = "# TYPE symbolon_usage_lag_seconds gauge\nsymbolon_usage_lag_seconds 1.5\n# EOF\n";
        assert_eq!(usage_lag(page), Some(1.5));
        assert_eq!(usage_lag("# TYPE symbolon_usage_lag_seconds gauge\n"), None);
    }

    #[test]
    fn memory_is_read_in_kib() {
        assert_eq!(resident("VmHWM:\t  9 kB\nVmRSS:\t    1234 kB\n"), Some(1234));
        assert_eq!(resident("Name: x\n"), None);
    }

    #[test]
    fn this_process_is_known_to_the_kernel() {
        let pid = std::process::id();
        assert!(resident_kib(pid).unwrap() > 0);
        assert!(cpu_micros(pid).is_ok());
        assert!(cpu_micros(u32::MAX).is_err());
    }
}
