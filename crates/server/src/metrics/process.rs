//! What the system says of the process, under the names that all programs use for it.

use std::sync::OnceLock;

use procfs::process::{LimitValue, Process};
use procfs::{ProcResult, WithCurrentSystemInfo as _};
use rustix::time::{ClockId, Timespec, clock_gettime};

/// The process at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProcessReading {
    /// Processor time, in seconds.
    pub(super) cpu: f64,
    /// Memory in use, in bytes.
    pub(super) resident: u64,
    /// Memory that addresses were given to, in bytes.
    pub(super) virtual_memory: u64,
    /// Open file descriptors.
    pub(super) descriptors: u64,
    /// How many there may be; `None` for no limit.
    pub(super) most_descriptors: Option<u64>,
    /// When it was started, in seconds since 1970.
    pub(super) started_at: f64,
}

/// Reads it; not possible where `/proc` is hidden.
#[expect(clippy::cast_precision_loss, reason = "seconds and ticks stay far below 2^52")]
pub(super) fn read() -> ProcResult<ProcessReading> {
    let process = Process::myself()?;
    let stat = process.stat()?;
    let ticks = procfs::ticks_per_second() as f64;
    Ok(ProcessReading {
        cpu: (stat.utime + stat.stime) as f64 / ticks,
        resident: stat.rss_bytes().get(),
        virtual_memory: stat.vsize,
        descriptors: process.fd_count()? as u64,
        most_descriptors: match process.limits()?.max_open_files.soft_limit {
            LimitValue::Value(limit) => Some(limit),
            LimitValue::Unlimited => None,
        },
        started_at: *STARTED_AT.get_or_init(|| booted_at() + stat.starttime as f64 / ticks),
    })
}

/// Worked out once, because a clock that is set later starts nothing anew.
static STARTED_AT: OnceLock<f64> = OnceLock::new();

/// `/proc/stat` would say it too, but a service is shown nothing but processes there (`ProcSubset=pid`).
fn booted_at() -> f64 {
    seconds(clock_gettime(ClockId::Realtime)) - seconds(clock_gettime(ClockId::Boottime))
}

#[expect(clippy::cast_precision_loss, reason = "seconds and nanoseconds stay far below 2^52")]
fn seconds(time: Timespec) -> f64 {
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_knows_when_it_was_started_without_the_systems_own_word() {
        let (first, second) = (read().unwrap(), read().unwrap());
        let told = procfs::boot_time_secs().unwrap();
        let stat = Process::myself().unwrap().stat().unwrap();
        let expected = told + stat.starttime / procfs::ticks_per_second();
        assert!((first.started_at - f64::from(u32::try_from(expected).unwrap())).abs() < 2.0, "{first:?}");
        assert!((first.started_at - second.started_at).abs() < f64::EPSILON);
    }
}
