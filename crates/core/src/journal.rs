//! The journal: no token without a durable record.
//!
//! One bounded queue, one writer. Whoever issues a token appends its record and waits; the writer takes all that
//! wait, writes them as one batch in one statement, and wakes them once the database has synced. So a thousand
//! tokens share one sync. A full queue refuses at once; it never forgets.
//!
//! What people ask of the journal (by request id, last use, usage) is filled in from the batches behind the
//! scenes and is complete after a crash, because a batch stays until it was expanded.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::id::sortable;
use crate::random::Random;
use crate::record::{RefusalRecord, TokenRecord};
use crate::refusal::Reason;
use crate::store::{Store, StoreError};

/// Tokens that may wait for the writer at once.
const QUEUE: usize = 16_384;
/// The most records of one batch.
const LARGEST_BATCH: usize = 2_048;
/// Batches that are expanded in one transaction: tokens wait for it to end, so it stays short.
const EXPANDED_AT_ONCE: u32 = 4;
/// Refusals that may wait to be kept.
const REFUSAL_QUEUE: usize = 4_096;
/// How long after a batch its expansion may begin: under load, several batches are expanded together.
const EXPANSION_PAUSE: Duration = Duration::from_millis(200);
/// How long refusals gather after they could not be kept.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(250);

struct Entry {
    record: TokenRecord,
    durable: oneshot::Sender<Result<(), Reason>>,
}

/// Takes records of tokens and refusals. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    tokens: mpsc::Sender<Entry>,
    refusals: mpsc::Sender<RefusalRecord>,
    dropped: Arc<std::sync::atomic::AtomicU64>,
}

/// The writers' tasks; they end, everything written, when the last [`Journal`] is dropped.
pub struct JournalTasks {
    writer: JoinHandle<()>,
    refusals: JoinHandle<()>,
    expansion: JoinHandle<()>,
}

impl JournalTasks {
    /// Waits until everything that was appended is written.
    pub async fn finish(self) {
        let _ = self.writer.await;
        let _ = self.refusals.await;
        let _ = self.expansion.await;
    }
}

/// A record that is on its way to the disk.
pub struct Pending(oneshot::Receiver<Result<(), Reason>>);

impl Pending {
    /// Waits until the record is durable.
    pub async fn durable(self) -> Result<(), Reason> {
        self.0.await.unwrap_or_else(|_| Err(Reason::JournalFailed("the writer has stopped".to_owned())))
    }
}

impl Journal {
    /// Starts the writers.
    pub fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> (Self, JournalTasks) {
        let (tokens, token_queue) = mpsc::channel(QUEUE);
        let (refusals, refusal_queue) = mpsc::channel(REFUSAL_QUEUE);
        // Ends the expansion: the sender lives in the writer's task.
        let (written, expansion_queue) = mpsc::channel(1);
        let tasks = JournalTasks {
            writer: tokio::spawn(write_tokens(Arc::clone(&store), clock, random, token_queue, written)),
            refusals: tokio::spawn(write_refusals(Arc::clone(&store), refusal_queue)),
            expansion: tokio::spawn(expand(store, expansion_queue)),
        };
        (Self { tokens, refusals, dropped: Arc::default() }, tasks)
    }

    /// Puts a token's record in the queue, or refuses where there is no room.
    pub fn append(&self, record: TokenRecord) -> Result<Pending, Reason> {
        let (durable, pending) = oneshot::channel();
        self.tokens.try_send(Entry { record, durable }).map_err(|_| Reason::JournalFull)?;
        Ok(Pending(pending))
    }

    /// Keeps a refusal if there is room, and counts it otherwise. Never waits.
    pub fn note_refusal(&self, mut record: RefusalRecord) {
        use std::sync::atomic::Ordering::Relaxed;
        record.dropped_before = self.dropped.swap(0, Relaxed);
        if let Err(error) = self.refusals.try_send(record) {
            let lost = match error {
                mpsc::error::TrySendError::Full(record) | mpsc::error::TrySendError::Closed(record) => record,
            };
            self.dropped.fetch_add(lost.dropped_before + 1, Relaxed);
        }
    }

    /// How many tokens wait for the writer.
    pub fn depth(&self) -> usize {
        self.tokens.max_capacity() - self.tokens.capacity()
    }
}

async fn write_tokens(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    mut queue: mpsc::Receiver<Entry>,
    written: mpsc::Sender<()>,
) {
    let mut entries = Vec::with_capacity(LARGEST_BATCH);
    while queue.recv_many(&mut entries, LARGEST_BATCH).await > 0 {
        let (records, waiting): (Vec<_>, Vec<_>) =
            entries.drain(..).map(|entry| (entry.record, entry.durable)).unzip();
        let outcome = match sortable("jb", clock.now(), &*random) {
            Ok(id) => store.append_tokens(&id, &records).await.map_err(|error| failed(&error)),
            Err(error) => Err(Reason::JournalFailed(error.to_string())),
        };
        for durable in waiting {
            let _ = durable.send(outcome.clone());
        }
        // A full channel means that the expansion is already due.
        let _ = written.try_send(());
    }
}

fn failed(error: &StoreError) -> Reason {
    tracing::error!(%error, "the journal could not be written; no token was answered");
    Reason::JournalFailed(error.to_string())
}

async fn write_refusals(store: Arc<dyn Store>, mut queue: mpsc::Receiver<RefusalRecord>) {
    let mut records = Vec::new();
    while queue.recv_many(&mut records, LARGEST_BATCH).await > 0 {
        if let Err(error) = store.append_refusals(&records).await {
            tracing::warn!(%error, lost = records.len(), "refusals could not be kept");
            // While the database is away every request is refused: they must not all be knocks at its door.
            tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
        }
        records.clear();
    }
}

async fn expand(store: Arc<dyn Store>, mut written: mpsc::Receiver<()>) {
    // What a crash left behind comes first.
    catch_up(&*store).await;
    while written.recv().await.is_some() {
        tokio::time::sleep(EXPANSION_PAUSE).await;
        catch_up(&*store).await;
    }
}

async fn catch_up(store: &dyn Store) {
    loop {
        match store.expand_batches(EXPANDED_AT_ONCE).await {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "journal batches could not be expanded; they stay and are tried again");
                return;
            }
        }
    }
}
