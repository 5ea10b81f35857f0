//! The wall clock and the dice: the two things of the machine that this crate is told, so that tests can hold them
//! still. How long a token lives is counted by the monotonic clock of tokio alone.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Gives the wall clock's time.
pub(crate) type WallClock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Gives a number from 0 to below 1.
pub(crate) type Random = Arc<dyn Fn() -> f64 + Send + Sync>;

/// The machine's own.
#[expect(clippy::disallowed_methods, reason = "this is the clock that everything else is given")]
pub(crate) fn system_clock() -> WallClock {
    Arc::new(SystemTime::now)
}

/// Good enough to keep programs from doing the same at once; nothing secret is made from it.
pub(crate) fn system_random() -> Random {
    Arc::new(fastrand::f64)
}

/// Epoch milliseconds; a clock set before 1970 reads as 1970.
pub(crate) fn epoch_ms(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
