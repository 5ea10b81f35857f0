//! How many requests that came to nothing are logged, and how much of each: whoever sends nothing but rubbish, or goes
//! on asking while the database is away, must not fill the disk with our log, nor keep the processor busy with writing
//! it. Each of them is counted, and the records of refusals have their reasons.

use std::sync::Mutex;

use tokio::time::{Duration, Instant};

/// So many lines a second.
const LINES: u64 = 100;
/// So many bytes of a text that a stranger chose.
const LENGTH: usize = 256;
const SECOND: Duration = Duration::from_secs(1);

/// What a line has of a text.
pub(crate) fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(LENGTH)]
}

/// The shares of an app. Strangers who are refused must not hide that requests cannot be served.
#[derive(Debug, Default)]
pub(crate) struct LogShares {
    /// Of requests that were refused.
    pub(crate) refused: LogShare,
    /// Of requests that could not be served.
    pub(crate) failed: LogShare,
}

/// The lines of the present second.
#[derive(Debug, Default)]
pub(crate) struct LogShare(Mutex<Option<(Instant, u64)>>);

/// What is to be logged of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// It, and that so many before it were not.
    Written {
        /// How many.
        left_out: u64,
    },
    /// Nothing.
    LeftOut,
}

impl LogShare {
    /// Takes a line, if there is one left.
    pub(crate) fn take(&self, now: Instant) -> Line {
        let mut current = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match &mut *current {
            Some((began, seen)) if now.duration_since(*began) < SECOND => {
                *seen += 1;
                if *seen > LINES { Line::LeftOut } else { Line::Written { left_out: 0 } }
            }
            over => {
                let seen = over.map_or(0, |(_, seen)| seen);
                *over = Some((now, 1));
                Line::Written { left_out: seen.saturating_sub(LINES) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        assert_eq!(cut("/oauth/token"), "/oauth/token");
        let long = format!("{}é{}", "x".repeat(LENGTH - 1), "y".repeat(LENGTH));
        assert_eq!(cut(&long), "x".repeat(LENGTH - 1));
    }

    #[test]
    fn a_flood_is_cut_to_its_share_and_counted() {
        let (share, now) = (LogShare::default(), Instant::now());
        for _ in 0..LINES {
            assert_eq!(share.take(now), Line::Written { left_out: 0 });
        }
        for _ in 0..7 {
            assert_eq!(share.take(now + SECOND / 2), Line::LeftOut);
        }
        assert_eq!(share.take(now + SECOND), Line::Written { left_out: 7 });
        assert_eq!(share.take(now + SECOND * 2), Line::Written { left_out: 0 });
    }
}
