//! What the disk does: 4 KiB appended and synced. Beside a rate of durable tokens it says how much of the rate is the
//! machine's.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result};
use serde_json::json;

use crate::latencies::Latencies;

/// The options of `fsync`.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// The folder whose disk is measured
    folder: PathBuf,
    /// How often
    #[arg(long, default_value_t = 300)]
    times: u32,
}

/// Appends and syncs, and prints how long it takes.
pub(crate) fn run(options: &Options) -> Result<()> {
    let path = options.folder.join(".fsync");
    let file = OpenOptions::new().create(true).append(true).open(&path);
    let mut file = file.with_context(|| path.display().to_string())?;
    let mut latencies = Latencies::default();
    for _ in 0..options.times {
        let began = Instant::now();
        file.write_all(&[0x5a; 4096])?;
        file.sync_data()?;
        latencies.add(began.elapsed());
    }
    std::fs::remove_file(&path)?;
    let sorted = latencies.sorted();
    println!("{}", json!({ "p50_us": sorted.percentile(50), "p99_us": sorted.percentile(99) }));
    Ok(())
}
