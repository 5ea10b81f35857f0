//! The journal: no token without a durable record.
//!
//! One bounded queue, one writer. Whoever issues a token appends its record and waits; the writer takes all that
//! wait, writes them as one batch in one statement, and wakes them once the database has synced. So a thousand
//! tokens share one sync. A full queue refuses at once; it never forgets.
//!
//! A batch stays as it was written, and its tokens are found in it. What they add up to (last use, usage) is
//! counted behind the scenes and is complete after a crash, because counting notes how far it came.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::clock::{Clock, Timestamp};
use crate::id::sortable;
use crate::metrics::JournalCounts;
use crate::random::{NoRandomness, Random};
use crate::record::{RefusalRecord, TokenRecord};
use crate::refusal::Reason;
use crate::store::{BatchPlace, Store, StoreError, Whose};

/// Tokens that may wait for the writer at once.
const QUEUE: usize = 16_384;
/// The most records of one batch.
const LARGEST_BATCH: usize = 2_048;
/// So long a batch gathers at most while records keep coming: a batch costs the same however many share it, and who is
/// the only one to ask does not wait at all.
const GATHERING: Duration = Duration::from_micros(250);
/// Refusals that are kept in one transaction: tokens wait for it to end, so it stays short.
const REFUSALS_AT_ONCE: usize = 256;
/// Refusals that may wait to be kept.
const REFUSAL_QUEUE: usize = 4_096;
/// How long after a batch its counting may begin.
const COUNTING_PAUSE: Duration = Duration::from_secs(1);
/// Under load the pause is as many times as long as the last counting read, which is about half of its work: the more
/// tokens are counted at once, the less each costs.
const PAUSE_SHARE: u32 = 50;
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// Counting rests so many times as long as it works, a little at a time: under load it takes this part of a
/// processor at most, and hardly a request meets it.
const COUNTING_REST: u32 = 20;
/// A counting that took longer has fallen behind, and the next rests half as much.
const LONG_COUNTING: Duration = Duration::from_secs(20);
/// A counting that was shorter has caught up, and the next rests twice as much.
const SHORT_COUNTING: Duration = Duration::from_secs(5);
/// A writer that has not counted for so long is gone, or has nothing to count.
const GONE: Duration = Duration::from_mins(2);
/// After refusals were kept, this many times as long passes before the next are.
const REFUSAL_SHARE: u32 = 9;
/// Shorter pauses are put together: a single refusal is kept, and can be found, at once.
const SHORTEST_REFUSAL_PAUSE: Duration = Duration::from_millis(20);
/// A slow disk does not make it longer than this.
const LONGEST_REFUSAL_PAUSE: Duration = Duration::from_millis(500);
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
    counts: Arc<JournalCounts>,
}

/// The writers' tasks; they end, everything written, when the last [`Journal`] is dropped.
pub struct JournalTasks {
    writer: JoinHandle<()>,
    refusals: JoinHandle<()>,
    counting: JoinHandle<()>,
}

impl JournalTasks {
    /// Waits until everything that was appended is written.
    pub async fn finish(self) {
        let _ = self.writer.await;
        let _ = self.refusals.await;
        let _ = self.counting.await;
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
        random: &dyn Random,
    ) -> Result<(Self, JournalTasks), NoRandomness> {
        let writer = sortable("jw", clock.now(), random)?;
        let (tokens, token_queue) = mpsc::channel(QUEUE);
        let (refusals, refusal_queue) = mpsc::channel(REFUSAL_QUEUE);
        // These senders live in the writer's task, and the counting ends with it.
        let (written, news) = mpsc::channel(1);
        let counts = Arc::<JournalCounts>::default();
        let (writing, stopped) = oneshot::channel();
        let tasks = JournalTasks {
            writer: tokio::spawn(write_tokens(
                Arc::clone(&store),
                writer.clone(),
                token_queue,
                (written, writing),
                Arc::clone(&counts),
            )),
            refusals: tokio::spawn(write_refusals(Arc::clone(&store), refusal_queue, Arc::clone(&counts))),
            counting: tokio::spawn(count(store, clock, writer, (news, stopped), Arc::clone(&counts))),
        };
        Ok((Self { tokens, refusals, dropped: Arc::default(), counts }, tasks))
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
            self.counts.refusals_dropped.increment();
        }
    }

    /// How many tokens wait for the writer.
    pub fn depth(&self) -> usize {
        self.tokens.max_capacity() - self.tokens.capacity()
    }

    /// What the writers did.
    pub(crate) fn counts(&self) -> &JournalCounts {
        &self.counts
    }
}

async fn write_tokens(
    store: Arc<dyn Store>,
    writer: String,
    mut queue: mpsc::Receiver<Entry>,
    (written, _writing): (mpsc::Sender<()>, oneshot::Sender<Infallible>),
    counts: Arc<JournalCounts>,
) {
    let mut place = BatchPlace { writer, sequence: 0 };
    let mut entries = Vec::with_capacity(LARGEST_BATCH);
    while queue.recv_many(&mut entries, LARGEST_BATCH).await > 0 {
        gather(&mut queue, &mut entries).await;
        let (records, waiting): (Vec<_>, Vec<_>) =
            entries.drain(..).map(|entry| (entry.record, entry.durable)).unzip();
        // A number is used once, also where nobody knows whether the batch was written.
        place.sequence += 1;
        let began = tokio::time::Instant::now();
        let outcome = store.append_tokens(&place, &records).await.map_err(|error| failed(&error));
        if let Some(oldest) = records.first() {
            counts.batch(records.len(), oldest.at, began.elapsed(), outcome.is_ok());
        }
        for durable in waiting {
            let _ = durable.send(outcome.clone());
        }
        // A full channel means that counting is already due.
        let _ = written.try_send(());
    }
}

/// Lets requests that are ready to run go first, whose records then share the sync, until none brings one.
async fn gather(queue: &mut mpsc::Receiver<Entry>, entries: &mut Vec<Entry>) {
    let began = Instant::now();
    let mut before = 0;
    while entries.len() > before && entries.len() < LARGEST_BATCH && began.elapsed() < GATHERING {
        before = entries.len();
        tokio::task::yield_now().await;
        while entries.len() < LARGEST_BATCH
            && let Ok(entry) = queue.try_recv()
        {
            entries.push(entry);
        }
    }
}

fn failed(error: &StoreError) -> Reason {
    tracing::error!(%error, "the journal could not be written; no token was answered");
    Reason::JournalFailed(error.to_string())
}

async fn write_refusals(
    store: Arc<dyn Store>,
    mut queue: mpsc::Receiver<RefusalRecord>,
    counts: Arc<JournalCounts>,
) {
    let (mut records, mut due) = (Vec::new(), Duration::ZERO);
    while queue.recv_many(&mut records, REFUSALS_AT_ONCE).await > 0 {
        let began = tokio::time::Instant::now();
        if let Err(error) = store.append_refusals(&records).await {
            tracing::warn!(%error, lost = records.len(), "refusals could not be kept");
            counts.refusals_dropped.add(records.len() as u64);
            // While the database is away every request is refused: they must not all be knocks at its door.
            tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
        }
        records.clear();
        // Whoever sends nothing but wrong secrets shall not keep the database busy with them; what finds no room
        // meanwhile is counted.
        due += began.elapsed() * REFUSAL_SHARE;
        if due >= SHORTEST_REFUSAL_PAUSE {
            tokio::time::sleep(due.min(LONGEST_REFUSAL_PAUSE)).await;
            due = Duration::ZERO;
        }
    }
}

async fn count(
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    writer: String,
    (mut news, mut stopped): (mpsc::Receiver<()>, oneshot::Receiver<Infallible>),
    counts: Arc<JournalCounts>,
) {
    // What was begun is cut off when the writer stops, and its own tokens are counted without rest: nobody who stops
    // it is kept waiting.
    let own = || async {
        count_some(&*store, Whose::Writer(&writer), 0, clock.now()).await;
    };
    // What a crash left behind comes first.
    tokio::select! {
        () = count_left(&*store, &*clock) => {}
        _ = &mut stopped => return own().await,
    }
    let (mut pause, mut rest) = (COUNTING_PAUSE, COUNTING_REST);
    while news.recv().await.is_some() {
        let leisurely = async {
            tokio::time::sleep(pause).await;
            let began = tokio::time::Instant::now();
            counts.counting_begins();
            if count_some(&*store, Whose::Writer(&writer), rest, clock.now()).await {
                counts.counted();
            }
            began.elapsed()
        };
        let took = tokio::select! {
            took = leisurely => took,
            _ = &mut stopped => return own().await,
        };
        pause = (took / (rest + 1) * PAUSE_SHARE).clamp(COUNTING_PAUSE, LONGEST_PAUSE);
        rest = match took {
            long if long > LONG_COUNTING => (rest / 2).max(1),
            short if short < SHORT_COUNTING => (rest * 2).min(COUNTING_REST),
            _ => rest,
        };
    }
}

/// Counts the batches of processes that are no more, of writers that have not counted for a while; and refusals.
pub(crate) async fn count_left(store: &dyn Store, clock: &dyn Clock) {
    count_some(store, Whose::Left(clock.now().minus(GONE)), COUNTING_REST, clock.now()).await;
    if let Err(error) = store.count_refusals(clock.now()).await {
        tracing::warn!(%error, "refusals could not be counted; they are counted later");
    }
}

/// Answers whether all were counted.
async fn count_some(store: &dyn Store, whose: Whose<'_>, rest: u32, now: Timestamp) -> bool {
    let counted = store.count_tokens(whose, rest, now).await;
    if let Err(error) = &counted {
        tracing::warn!(%error, "tokens could not be counted; they are counted later");
    }
    counted.is_ok()
}
