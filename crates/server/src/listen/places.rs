//! The bound on connections. When every place is taken, those that have waited longest give theirs up: whoever opens
//! connections and leaves them lying, or feeds them slowly, closes his own and no ordinary client's.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use super::pace::Pace;
use crate::metrics::{ConnectionCounts, End};

/// Of so many that wait one goes at a time, so that looking for the longest waiting costs little.
const SHARE: usize = 64;
/// The same when the system has nothing left for a new one, which hurts more than a connection.
const SHARE_IN_NEED: usize = 8;
/// While every place is taken, look again after this long whether one waits. Those that were asked to go are mostly
/// gone by then; if they take their time, the next are asked, because no other connection is accepted meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What a connection is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// Finish what runs, and go at once otherwise: another one needs the place.
    MakeRoom,
    /// Finish what was begun: the server stops.
    Stopping,
}

struct Held {
    pace: Arc<Pace>,
    ask: oneshot::Sender<Leave>,
}

#[derive(Default)]
struct Register {
    next: u64,
    held: HashMap<u64, Held>,
}

/// All places of one listener.
pub(super) struct Places {
    all: u32,
    free: Arc<Semaphore>,
    counts: Arc<ConnectionCounts>,
    register: Mutex<Register>,
}

/// One of them, free again when this is dropped.
pub(super) struct Place {
    number: u64,
    places: Arc<Places>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new(connections: usize, counts: Arc<ConnectionCounts>) -> Arc<Self> {
        let all = u32::try_from(connections.clamp(1, 1 << 24)).unwrap_or(1 << 24);
        let free = Arc::new(Semaphore::new(all as usize));
        Arc::new(Self { all, free, counts, register: Mutex::default() })
    }

    /// A place for a connection, made free if need be. What it is asked to do comes through the second value.
    pub(super) async fn take(self: &Arc<Self>, pace: &Arc<Pace>) -> (Place, oneshot::Receiver<Leave>) {
        let permit = loop {
            if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
                break permit;
            }
            self.make_room(SHARE);
            let waiting = Arc::clone(&self.free).acquire_owned();
            if let Ok(Ok(permit)) = tokio::time::timeout(LOOK_AGAIN, waiting).await {
                break permit;
            }
        };
        let (ask, asked) = oneshot::channel();
        let mut register = self.register();
        let number = register.next;
        register.next += 1;
        register.held.insert(number, Held { pace: Arc::clone(pace), ask });
        (Place { number, places: Arc::clone(self), _permit: permit }, asked)
    }

    /// Makes room in the system, not only under the bound.
    pub(super) fn shrink(&self) {
        self.make_room(SHARE_IN_NEED);
    }

    /// Asks those that have waited longest to go: one of so many, the youngest never before an older one.
    fn make_room(&self, share: usize) {
        let mut register = self.register();
        let mut waiting: Vec<(Instant, u64)> = register
            .held
            .iter()
            .filter_map(|(number, held)| Some((held.pace.waits_since()?, *number)))
            .collect();
        let wanted = (waiting.len() / share).max(1);
        if waiting.len() > wanted {
            waiting.select_nth_unstable(wanted);
            waiting.truncate(wanted);
        }
        let asked = waiting.len();
        for (_, number) in waiting {
            if let Some(held) = register.held.remove(&number) {
                let _ = held.ask.send(Leave::MakeRoom);
                self.counts.closed(End::MadeRoom);
            }
        }
        drop(register);
        tracing::debug!(asked, places = self.all, "the connections that waited longest give up their places");
    }

    /// Asks all to go, and waits until they have.
    pub(super) async fn empty(&self) {
        let all = std::mem::take(&mut self.register().held);
        for held in all.into_values() {
            let _ = held.ask.send(Leave::Stopping);
        }
        let _ = self.free.acquire_many(self.all).await;
    }

    fn register(&self) -> MutexGuard<'_, Register> {
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.register().held.remove(&self.number);
    }
}
