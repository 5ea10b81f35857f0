//! What the system says of the process, under the names that all programs use for it.

use procfs::process::{LimitValue, Process};
use procfs::{ProcResult, WithCurrentSystemInfo as _};

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
    let booted_at = procfs::boot_time_secs()? as f64;
    Ok(ProcessReading {
        cpu: (stat.utime + stat.stime) as f64 / ticks,
        resident: stat.rss_bytes().get(),
        virtual_memory: stat.vsize,
        descriptors: process.fd_count()? as u64,
        most_descriptors: match process.limits()?.max_open_files.soft_limit {
            LimitValue::Value(limit) => Some(limit),
            LimitValue::Unlimited => None,
        },
        started_at: booted_at + stat.starttime as f64 / ticks,
    })
}
