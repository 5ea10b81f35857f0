//! Word of other nodes' changes, by LISTEN and NOTIFY.
//!
//! It makes changes known sooner and nothing else: whoever waits for it looks at the change sequence anyway, several
//! times a second. So while the connection that listens is away nothing is lost but time.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Executor as _;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::{Mutex, Notify};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::backend::CHANNEL;

/// After a connection was lost: this long at first, then twice as long each time.
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A connection on which nothing was heard for so long is asked whether it is alive.
const SILENCE: Duration = Duration::from_secs(15);

/// The task that listens.
#[derive(Debug)]
pub(crate) struct Listener {
    word: Arc<Notify>,
    task: Mutex<Option<JoinHandle<()>>>,
}

impl Listener {
    pub(crate) fn start(connect: PgConnectOptions, patience: Duration) -> Self {
        let word = Arc::new(Notify::new());
        let task = tokio::spawn(listen_on(connect, patience, Arc::clone(&word)));
        Self { word, task: Mutex::new(Some(task)) }
    }

    /// Returns at once if something was heard since the last call.
    pub(crate) async fn wait(&self) {
        self.word.notified().await;
    }

    pub(crate) async fn stop(&self) {
        if let Some(task) = self.task.lock().await.take() {
            task.abort();
            let _ = task.await;
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Some(task) = self.task.get_mut().take() {
            task.abort();
        }
    }
}

async fn listen_on(connect: PgConnectOptions, patience: Duration, word: Arc<Notify>) {
    let mut pause = SHORTEST_PAUSE;
    let mut heard_before = true;
    loop {
        match begin(&connect, patience).await {
            Some(listener) => {
                if !heard_before {
                    tracing::info!("changes of other nodes are heard at once again");
                }
                (heard_before, pause) = (true, SHORTEST_PAUSE);
                // What was said before somebody listened.
                word.notify_one();
                hear(listener, patience, &word).await;
            }
            None if heard_before => {
                heard_before = false;
                tracing::warn!(
                    "no connection to hear changes of other nodes on: they are asked for meanwhile"
                );
            }
            None => {}
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A pool of its own each time, so that no attempt waits for what an earlier one left.
async fn begin(connect: &PgConnectOptions, patience: Duration) -> Option<PgListener> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(patience)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(connect.clone());
    let beginning = async {
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(CHANNEL).await?;
        Ok::<_, sqlx::Error>(listener)
    };
    timeout(patience * 2, beginning).await.ok()?.ok()
}

/// Passes on what is heard, until the connection is lost.
async fn hear(mut listener: PgListener, patience: Duration, word: &Notify) {
    loop {
        match timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(_))) => word.notify_one(),
            Ok(Ok(None) | Err(_)) => return,
            Err(_) => {
                let alive = timeout(patience, listener.execute("SELECT 1")).await;
                if !matches!(alive, Ok(Ok(_))) {
                    return;
                }
            }
        }
    }
}
