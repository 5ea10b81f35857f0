//! Logs: to standard error, as lines for people or as JSON for machines.

use clap::{Args, ValueEnum};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// How to log.
#[derive(Debug, Args)]
pub struct LogOptions {
    /// What to log: a level, or parts with levels (`info,symbolon_core=debug`).
    #[arg(
        long = "log",
        value_name = "FILTER",
        env = "SYMBOLON_LOG",
        default_value = "info",
        global = true,
        help_heading = "Logs"
    )]
    pub filter: String,
    /// The form of log lines.
    #[arg(
        long = "log-format",
        value_name = "FORM",
        env = "SYMBOLON_LOG_FORMAT",
        default_value = "pretty",
        global = true,
        help_heading = "Logs"
    )]
    pub format: LogFormat,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Pretty,
    /// One JSON object a line.
    Json,
}

/// Starts logging. A filter that cannot be read is said once, and `info` is used.
pub fn start(options: &LogOptions) {
    let parsed = options.filter.parse::<Targets>();
    let readable = parsed.is_ok();
    let filter = parsed.unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO));
    let registry = tracing_subscriber::registry().with(filter);
    let started = match options.format {
        LogFormat::Pretty => {
            let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
            let layer = tracing_subscriber::fmt::layer()
                .with_writer(std::io::stderr)
                .with_ansi(ansi)
                .with_target(false);
            registry.with(layer).try_init()
        }
        LogFormat::Json => {
            let layer =
                tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(std::io::stderr);
            registry.with(layer).try_init()
        }
    };
    if started.is_ok() && !readable {
        tracing::warn!(filter = options.filter, "the log filter cannot be read; logging at info");
    }
}
