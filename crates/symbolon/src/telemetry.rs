//! Logs: to standard error, as lines for people or as JSON for machines.

use clap::{Args, ValueEnum};
use tracing_subscriber::filter::{LevelFilter, Targets};
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
        value_parser = checked_filter,
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

/// Checks a filter. A word alone is a level: as the name of a part, which it could be as well, a mistyped one would
/// silence everything.
fn checked_filter(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.split(',').map(str::trim).collect();
    for part in &parts {
        let level = part.split_once('=').map_or(*part, |(_, level)| level);
        // Nothing reads as a level, too.
        if level.is_empty() || level.parse::<LevelFilter>().is_err() || part.starts_with('=') {
            return Err(format!(
                "{part:?} is neither a level (off, error, warn, info, debug, trace) nor a part with one, such as \
                 symbolon_core=debug"
            ));
        }
    }
    let text = parts.join(",");
    text.parse::<Targets>().map(|_| text).map_err(|error| error.to_string())
}

/// Starts logging.
pub fn start(options: &LogOptions) {
    // It was checked when it was read.
    let filter = options.filter.parse().unwrap_or_else(|_| Targets::new().with_default(tracing::Level::INFO));
    let registry = tracing_subscriber::registry().with(filter);
    // It fails only where somebody logs already.
    let _ = match options.format {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_that_would_silence_everything_by_mistake_is_refused() {
        for good in ["info", "off", "WARN", "info,symbolon_core=debug", "symbolon_server=off, debug"] {
            assert!(checked_filter(good).is_ok(), "{good}");
        }
        for bad in ["warning", "verbose", "inof", "debug,", "", "nonsense=x", "=info", "symbolon_core"] {
            let error = checked_filter(bad).unwrap_err();
            assert!(error.contains("neither a level"), "{bad}: {error}");
        }
    }
}
