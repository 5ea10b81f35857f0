//! The command line: names, flags and the variables of the environment that stand for them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::Resettable;
use clap::{Arg, Args, Parser, Subcommand};
use symbolon_core::audit::verify::Known;
use symbolon_core::id::RealmId;

use crate::commands::call::CallOptions;
use crate::commands::completions::CompletionsOptions;
use crate::commands::decode::DecodeOptions;
use crate::commands::export::ExportOptions;
use crate::commands::import::ImportOptions;
use crate::commands::login::LoginOptions;
use crate::commands::proxy::ProxyOptions;
use crate::commands::scan::ScanOptions;
use crate::commands::token::TokenOptions;
use crate::manage::Listing;
use crate::manage::nouns::audit;
use crate::manage::place::Place;
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

/// The part of it that a server needs. To know every command takes a megabyte of the program, which a process that runs
/// for months would hold from its first millisecond on.
#[derive(Debug, Parser)]
struct Serving {
    #[command(flatten)]
    log: LogOptions,
    #[command(subcommand)]
    command: ServingCommand,
}

#[derive(Debug, Subcommand)]
enum ServingCommand {
    Serve(Box<ServeOptions>),
}

impl Cli {
    /// Reads what the process was started with. Ends it where that is a mistake or a question.
    pub fn of_the_process() -> Self {
        let serving = std::env::args_os().any(|argument| argument == "serve");
        match serving.then(parsed::<Serving>) {
            Some(Ok(Serving { log, command: ServingCommand::Serve(options) })) => {
                Self { log, command: Command::Serve(options) }
            }
            // Mistakes and questions are answered by the one that knows everything.
            _ => parsed().unwrap_or_else(|mistake: clap::Error| mistake.exit()),
        }
    }
}

/// The process's own arguments and variables.
fn parsed<C: Parser>() -> Result<C, clap::Error> {
    let mut matches = without_empty_variables(C::command()).try_get_matches()?;
    C::from_arg_matches_mut(&mut matches).map_err(|mistake| mistake.format(&mut C::command()))
}

/// An empty variable is one that is not set: compose files and units have no other way to leave it out.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty =
        |argument: &Arg| argument.get_env().and_then(std::env::var_os).is_some_and(|value| value.is_empty());
    command
        .mut_args(|argument| if is_empty(&argument) { argument.env(Resettable::Reset) } else { argument })
        .mut_subcommands(without_empty_variables)
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
    /// Look after the record of changes (docs/audit.md).
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Take clients over from another system's export (docs/import.md).
    Import(ImportOptions),
    /// Write what is stored as a description or as lines of JSON, without secrets.
    Export(ExportOptions),
    /// Find Symbolon's secrets in files and folders (docs/leaks.md).
    Scan(ScanOptions),
    /// Write a shell's script for completing this command line.
    Completions(CompletionsOptions),
    /// Keep a client's credentials in a profile, once the server has taken them (docs/calling/commands.md).
    Login(Box<LoginOptions>),
    /// Print a token.
    Token(Box<TokenOptions>),
    /// Send one request to an API, with a token.
    Call(Box<CallOptions>),
    /// Run a sidecar on this machine that gives tokens to the requests of programs that cannot.
    Proxy(Box<ProxyOptions>),
    /// Explain a token, and say whether it holds.
    Decode(Box<DecodeOptions>),
    /// Manage what is there.
    #[command(flatten)]
    Manage(crate::manage::Manage),
}

/// `symbolon audit`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check that no record was changed, removed, moved or put in. Exits with 3 where one was.
    Verify(Box<VerifyOptions>),
    /// List changes, by the management API.
    Changes(Box<Listing<audit::Changes>>),
    /// List tokens that were issued.
    Tokens(Box<Listing<audit::Tokens>>),
    /// List requests that were refused, and why.
    Refusals(Box<Listing<audit::Refusals>>),
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
    /// Make no link for the first operator, though there is none: for installations that are managed without the
    /// console.
    #[arg(long)]
    pub no_operator_link: bool,
    /// Everything that can also stand in a file.
    #[command(flatten)]
    pub settings: crate::config::Flags,
}

/// `symbolon apply`
#[derive(Debug, Args)]
pub struct ApplyOptions {
    /// The description, in YAML; `-` for standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Show what would be done, and do nothing.
    #[arg(long)]
    pub plan: bool,
    /// Append the secrets that are made to this file (mode 0600) instead of printing them.
    #[arg(long, value_name = "FILE")]
    pub secrets: Option<PathBuf>,
    /// The installation.
    #[command(flatten)]
    pub place: Place,
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

/// `symbolon audit verify`
#[derive(Debug, Args)]
pub struct VerifyOptions {
    /// A record that has to be there as it is known, for instance the head of an earlier verification; may be given
    /// several times.
    #[arg(long, value_name = "REALM:NUMBER:HASH")]
    pub known: Vec<KnownRecord>,
    /// Print JSON, for programs.
    #[arg(long)]
    pub json: bool,
    /// Where the installation is.
    #[command(flatten)]
    pub settings: crate::config::Flags,
}

/// A record of a realm, known from elsewhere.
#[derive(Clone, Debug)]
pub struct KnownRecord {
    /// The realm.
    pub realm: RealmId,
    /// The record.
    pub record: Known,
}

impl FromStr for KnownRecord {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FORM: &str = "give REALM:NUMBER:HASH, as an earlier verification printed it";
        let (rest, hash) = text.rsplit_once(':').ok_or(FORM)?;
        let (realm, number) = rest.rsplit_once(':').ok_or(FORM)?;
        let realm = RealmId::new(realm).map_err(|_| FORM)?;
        let number = number.parse().ok().filter(|number| *number > 0).ok_or(FORM)?;
        if hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(FORM);
        }
        Ok(Self { realm, record: Known { number, hash: hash.to_ascii_lowercase() } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_record_is_read_as_it_was_printed_and_nothing_else_is() {
        let hash = "0123456789abcdef".repeat(4);
        let known: KnownRecord = format!("a:b:12:{hash}").parse().unwrap();
        assert_eq!((known.realm.as_str(), known.record), ("a:b", Known { number: 12, hash: hash.clone() }));
        for wrong in
            ["", "a", "a:1", "a:1:ff", &format!("1:{hash}"), &format!("a:0:{hash}"), &format!("a:x:{hash}")]
        {
            assert!(wrong.parse::<KnownRecord>().is_err(), "{wrong}");
        }
    }
}
