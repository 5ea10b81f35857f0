//! The commands, one file each, and what they share: putting an authority together and stopping in good order.

pub mod access;
pub mod apply;
pub mod audit;
pub mod call;
pub mod completions;
pub mod decode;
pub mod dev;
pub mod explain;
pub mod export;
mod first_operator;
pub mod import;
pub mod login;
pub mod proxy;
pub mod scan;
pub mod serve;
pub mod token;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use symbolon_core::authority::{Authority, Settings, Surroundings};
use symbolon_core::clock::SystemClock;
use symbolon_core::journal::JournalTasks;
use symbolon_core::quota;
use symbolon_core::random::SystemRandom;
use symbolon_core::rotation;
use symbolon_core::seal::MasterKeys;
use symbolon_core::secret::Peppers;
use tokio::task::JoinHandle;

use crate::cli::{AuditCommand, Command};
use crate::config::Config;
use crate::key_files;
use crate::manage::failure;
use crate::manage::nouns::audit as trail;
use crate::manage::render::Output;
use crate::open_store::{self, Database};

/// Runs a command.
pub async fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Dev(options) => dev::run(options).await,
        Command::Serve(options) => serve::run(*options).await,
        Command::Apply(options) => Ok(apply::run(options).await),
        Command::Explain(options) => explain::run(options).await,
        Command::Audit(AuditCommand::Verify(options)) => audit::verify(*options).await,
        Command::Audit(AuditCommand::Changes(list)) => Ok(list.run(trail::changes).await),
        Command::Audit(AuditCommand::Tokens(list)) => Ok(list.run(trail::tokens).await),
        Command::Audit(AuditCommand::Refusals(list)) => Ok(list.run(trail::refusals).await),
        Command::Import(options) => Ok(import::run(options).await),
        Command::Export(options) => Ok(export::run(options).await),
        Command::Scan(options) => Ok(scan::run(&options)),
        Command::Completions(options) => completions::run(&options),
        Command::Login(options) => Ok(failure::exit(login::run(*options).await, Output::Table)),
        Command::Token(options) => Ok(failure::exit(token::run(*options).await, Output::Table)),
        Command::Call(options) => Ok(call::run(*options).await),
        Command::Proxy(options) => Ok(proxy::run(*options).await),
        Command::Decode(options) => Ok(decode::run(*options).await),
        Command::Manage(command) => Ok(crate::manage::run(command).await),
    }
}

/// How often the change sequence is looked at: well within the second that a revocation may take.
const FOLLOW_PAUSE: Duration = Duration::from_millis(250);
/// How often keys are looked after.
const MAINTENANCE_PAUSE: Duration = Duration::from_secs(30);
/// How often the counts of clients with a quota are compared with usage.
const RECOUNT_PAUSE: Duration = Duration::from_secs(5);
/// How long the journal may take to finish.
const JOURNAL_GRACE: Duration = Duration::from_secs(5);

/// An authority over a store, with its writers.
pub struct Installation {
    /// What decides.
    pub authority: Arc<Authority>,
    journal: JournalTasks,
    background: Vec<JoinHandle<()>>,
}

impl Installation {
    /// Opens the store and the keys, which lie in the data folder unless files are named, and loads the directory.
    pub async fn open(
        database: &Database,
        data: &Path,
        master_key_file: Option<&PathBuf>,
        pepper_file: Option<&PathBuf>,
        settings: Settings,
    ) -> anyhow::Result<Self> {
        // Keys before the store: without them nothing is touched.
        let master_keys = key_files::read(key_files::master_keys(master_key_file), data, database)?;
        let master_keys = MasterKeys::new(master_keys)?;
        let peppers = Peppers::new(key_files::read(key_files::peppers(pepper_file), data, database)?)?;
        let surroundings = Surroundings {
            store: open_store::open(database.clone()).await?,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            master_keys: Arc::new(master_keys),
            peppers: Arc::new(peppers),
        };
        let (authority, journal) = Authority::start(surroundings, settings).await?;
        Ok(Self { authority: Arc::new(authority), journal, background: Vec::new() })
    }

    /// The one that the settings name.
    pub async fn of(config: &Config) -> anyhow::Result<Self> {
        let Config { database, data, master_key_file, pepper_file, authority, .. } = config;
        Self::open(database, data, master_key_file.as_ref(), pepper_file.as_ref(), authority.clone()).await
    }

    /// Starts following changes and looking after keys.
    pub fn keep(&mut self) {
        let follow = rotation::follow(Arc::clone(&self.authority), FOLLOW_PAUSE);
        let maintain = rotation::maintain(Arc::clone(&self.authority), MAINTENANCE_PAUSE);
        let recount = quota::keep(Arc::clone(&self.authority), RECOUNT_PAUSE);
        self.background.extend([tokio::spawn(follow), tokio::spawn(maintain), tokio::spawn(recount)]);
    }

    /// Stops in good order: everything that was appended to the journal is written.
    pub async fn close(self) {
        for task in self.background {
            task.abort();
            let _ = task.await;
        }
        let store = Arc::clone(self.authority.store());
        drop(self.authority);
        if tokio::time::timeout(JOURNAL_GRACE, self.journal.finish()).await.is_err() {
            tracing::warn!("the journal was still writing when the grace period ended");
        }
        store.close().await;
    }
}

/// Who runs the command, for the audit.
pub fn operator() -> String {
    std::env::var("SUDO_USER").or_else(|_| std::env::var("USER")).unwrap_or_else(|_| "unknown".to_owned())
}

/// Waits for the signal to stop: Ctrl-C, or what a service manager sends.
pub async fn stop_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// From here on a second signal ends the process at once: whoever sends it does not want to wait for running requests.
/// What was answered is durable before it is answered.
pub fn end_at_second_signal() {
    tokio::spawn(async {
        if stop_signal().await.is_ok() {
            tracing::warn!("stopped at once by a second signal");
            std::process::exit(1);
        }
    });
}
