//! How long to wait after a failure: exponential, with full jitter, so that many programs that failed together do not
//! come back together.

use std::time::Duration;

/// Waiting times between attempts: after the n-th failure in a row anything up to `base` × 2ⁿ⁻¹, and never more than
/// `cap` ("full jitter"); a tenth of a second at least.
///
/// It is checked when it is made, so that no later moment can overflow or wait for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    base: u64,
    cap: u64,
}

/// Waiting times that make no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBackoff {
    /// Without a first time there is nothing to double.
    #[error("the first waiting time is less than a millisecond")]
    Zero,
    /// The first time is longer than the longest.
    #[error("the first waiting time is longer than the longest")]
    Reversed,
    /// Nobody waits for more than a day; it is most likely a mistake in the unit.
    #[error("the longest waiting time is more than a day")]
    TooLong,
}

/// The longest that a back-off may wait.
const DAY: u64 = 24 * 60 * 60 * 1000;

/// Nothing is tried again sooner, in milliseconds.
const LEAST: u64 = 100;

impl Backoff {
    /// Waiting times that begin with up to `base` and end at `cap`, which is at most a day. They count in whole
    /// milliseconds.
    pub fn new(base: Duration, cap: Duration) -> Result<Self, InvalidBackoff> {
        let whole = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let (base, cap) = (whole(base), whole(cap));
        if base == 0 {
            return Err(InvalidBackoff::Zero);
        }
        if base > cap {
            return Err(InvalidBackoff::Reversed);
        }
        if cap > DAY {
            return Err(InvalidBackoff::TooLong);
        }
        Ok(Self { base, cap })
    }

    /// The longest that is waited after the n-th failure in a row, counted from 1.
    pub fn ceiling(&self, failures: u32) -> Duration {
        Duration::from_millis(self.ceiling_ms(failures))
    }

    /// The time to wait after the n-th failure in a row: that part of the [ceiling](Self::ceiling) which `random`, from 0
    /// to 1, says.
    pub fn delay(&self, failures: u32, random: f64) -> Duration {
        Duration::from_millis(part(self.ceiling_ms(failures), random).max(LEAST))
    }

    fn ceiling_ms(self, failures: u32) -> u64 {
        let factor = 1_u64.checked_shl(failures.saturating_sub(1)).unwrap_or(u64::MAX);
        self.base.saturating_mul(factor).min(self.cap)
    }
}

impl Default for Backoff {
    /// From up to half a second to up to a minute.
    fn default() -> Self {
        Self { base: 500, cap: 60_000 }
    }
}

/// That part of some milliseconds which a number from 0 to 1 says, rounded down.
pub(crate) fn part(milliseconds: u64, random: f64) -> u64 {
    let random = if random.is_finite() { random.clamp(0.0, 1.0) } else { 1.0 };
    #[expect(
        clippy::cast_precision_loss,
        reason = "a year of milliseconds is far below the exact range of f64"
    )]
    let product = milliseconds as f64 * random;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "neither negative nor more than it was"
    )]
    let whole = product.floor() as u64;
    whole.min(milliseconds)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_duration() -> impl Strategy<Value = Duration> {
        (any::<u64>(), 0_u32..1_000_000_000).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos))
    }

    fn valid() -> impl Strategy<Value = Backoff> {
        (1..DAY, 0..DAY).prop_map(|(base, more)| {
            let cap = (base + more).min(DAY);
            Backoff::new(Duration::from_millis(base), Duration::from_millis(cap)).unwrap()
        })
    }

    #[test]
    fn what_makes_no_sense_is_refused_when_it_is_made() {
        let (second, day) = (Duration::from_secs(1), Duration::from_millis(DAY));
        assert_eq!(Backoff::new(Duration::from_micros(999), second), Err(InvalidBackoff::Zero));
        assert_eq!(Backoff::new(second * 2, second), Err(InvalidBackoff::Reversed));
        assert_eq!(Backoff::new(second, day + second), Err(InvalidBackoff::TooLong));
        assert!(Backoff::new(second, second).is_ok() && Backoff::new(second, day).is_ok());
        let usual = Backoff::new(Duration::from_millis(500), Duration::from_mins(1));
        assert_eq!(usual, Ok(Backoff::default()));
    }

    proptest! {
        #[test]
        fn whatever_was_accepted_never_waits_longer_than_it_was_told_to(
            base in any_duration(), cap in any_duration(), failures in any::<u32>(), random in any::<f64>()
        ) {
            if let Ok(backoff) = Backoff::new(base, cap) {
                let least = Duration::from_millis(LEAST);
                prop_assert!(backoff.delay(failures, random) <= backoff.ceiling(failures).max(least));
                prop_assert!(backoff.delay(failures, random) >= least);
                prop_assert!(backoff.ceiling(failures) <= cap);
            }
        }

        #[test]
        fn the_ceiling_doubles_until_it_is_reached(backoff in valid(), failures in 1_u32..100) {
            let (now, next) = (backoff.ceiling_ms(failures), backoff.ceiling_ms(failures + 1));
            prop_assert_eq!(next, now.saturating_mul(2).min(backoff.cap));
            prop_assert_eq!(backoff.ceiling_ms(1), backoff.base);
        }

        #[test]
        fn the_jitter_is_full(backoff in valid(), failures in 1_u32..100) {
            let ceiling = backoff.ceiling(failures).max(Duration::from_millis(LEAST));
            prop_assert_eq!(backoff.delay(failures, 0.0), Duration::from_millis(LEAST));
            prop_assert_eq!(backoff.delay(failures, 1.0), ceiling);
        }

        #[test]
        fn a_part_is_rounded_down_and_never_more_than_the_whole(whole in 0..DAY * 365, tenths in 0_u32..=10) {
            let exact = whole * u64::from(tenths) / 10;
            let seen = part(whole, f64::from(tenths) / 10.0);
            prop_assert!(seen <= whole && seen.abs_diff(exact) <= 1);
        }
    }
}
