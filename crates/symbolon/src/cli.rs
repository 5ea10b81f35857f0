//! The command line: names, flags and the variables of the environment that stand for them.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::open_store::UrlText;
use crate::telemetry::LogOptions;

/// Service authentication for APIs, in one binary.
#[derive(Debug, Parser)]
#[command(name = "symbolon", version, about, max_term_width = 100)]
pub struct Cli {
    /// How to log.
    #[command(flatten)]
    pub log: LogOptions,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What Symbolon can be asked to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the sandbox: seeded realms, sample APIs, ready-made credentials. For trying out and for tests.
    Dev(DevOptions),
    /// Run the server.
    Serve(Box<ServeOptions>),
    /// Make what is stored as a file describes it (docs/apply.md).
    Apply(ApplyOptions),
    /// Say what happened to a request, and why it was refused.
    Explain(ExplainOptions),
    /// Manage what is there.
    #[command(flatten)]
    Manage(crate::manage::Manage),
}

/// `symbolon dev`
#[derive(Debug, Args)]
pub struct DevOptions {
    /// Where to listen; port 0 takes any free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// The folder that everything is kept in; it is made if it is not there.
    #[arg(long, value_name = "DIR", default_value = "symbolon-data")]
    pub data: PathBuf,
    /// The PostgreSQL database to use instead of files in that folder. (No variable stands for it: the one of a
    /// server should not lead the sandbox into that server's database.)
    #[arg(long, value_name = "URL")]
    pub database_url: Option<UrlText>,
    /// A file with that URL, for the owner's eyes alone.
    #[arg(long, value_name = "FILE")]
    pub database_url_file: Option<PathBuf>,
    /// Write the credentials to this file as JSON, for programs.
    #[arg(long, value_name = "FILE")]
    pub credentials: Option<PathBuf>,
    /// Listen for https too, with a certificate made on the spot.
    #[arg(long)]
    pub tls: bool,
    /// Where to listen for https; port 0 takes any free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8443", requires = "tls")]
    pub tls_listen: SocketAddr,
}

/// `symbolon serve`
#[derive(Debug, Args)]
pub struct ServeOptions {
    /// Everything that can also stand in a file.
    #[command(flatten)]
    pub settings: crate::config::Flags,
}

/// `symbolon apply`
#[derive(Debug, Args)]
pub struct ApplyOptions {
    /// The description, in YAML.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    pub plan: bool,
    /// Append the secrets that are made to this file (mode 0600) instead of printing them.
    #[arg(long, value_name = "FILE")]
    pub secrets: Option<PathBuf>,
    /// Where the installation is.
    #[command(flatten)]
    pub settings: crate::config::Flags,
}

/// `symbolon explain`
#[derive(Debug, Args)]
pub struct ExplainOptions {
    /// The `x-request-id` of the answer.
    #[arg(value_name = "REQUEST-ID")]
    pub request_id: String,
    /// Print JSON, for programs.
    #[arg(long)]
    pub json: bool,
    /// Where the installation is.
    #[command(flatten)]
    pub settings: crate::config::Flags,
}
