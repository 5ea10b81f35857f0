//! How long a token is used, from what the server said of its life. The arithmetic is that of the conformance vectors:
//! whole milliseconds, rounded down.

use std::time::Duration;

use crate::backoff::part;

/// No token is believed to live longer, in seconds.
pub(crate) const LONGEST_SECONDS: u64 = 365 * 24 * 60 * 60;

/// The part of a token's life in which it is used, counted from the moment before it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Life {
    /// Up to here.
    pub(crate) whole: Duration,
    /// From here on a new one is fetched in the background.
    pub(crate) renew_after: Duration,
}

impl Life {
    /// Of a token that expires in so many milliseconds. A second is taken off, because servers write `exp` in whole
    /// seconds: up to one of them is gone when a token is issued.
    pub(crate) fn new(expires_in_ms: u64, random: f64) -> Self {
        Self::of_whole(expires_in_ms.saturating_sub(1000).max(expires_in_ms / 2), random)
    }

    /// Of a token that is used for so many milliseconds.
    pub(crate) fn of_whole(whole: u64, random: f64) -> Self {
        let mut base = whole / 5 * 4 + whole % 5 * 4 / 5;
        if whole >= 60_000 {
            base = base.min(whole - 30_000);
        }
        let renew_after = base - (part(whole - base, random) / 10).min(base);
        Self { whole: Duration::from_millis(whole), renew_after: Duration::from_millis(renew_after) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_token_of_an_hour_is_renewed_at_four_fifths_and_one_of_a_minute_half_a_minute_ahead() {
        let of = |seconds: u64| Life::new(seconds * 1000, 0.0);
        assert_eq!(of(3600).whole, Duration::from_secs(3599));
        assert_eq!(of(3600).renew_after, Duration::from_millis(2_879_200));
        assert_eq!(of(61).renew_after, Duration::from_secs(30));
        assert_eq!(
            (of(1).whole, of(1).renew_after),
            (Duration::from_millis(500), Duration::from_millis(400))
        );
    }

    proptest! {
        #[test]
        fn renewal_lies_within_the_life_and_jitter_only_makes_it_earlier(
            ms in 1000..LONGEST_SECONDS * 1000, random in 0.0..1.0_f64
        ) {
            let life = Life::new(ms, random);
            prop_assert!(life.renew_after <= life.whole && life.whole <= Duration::from_millis(ms));
            prop_assert!(life.renew_after <= Life::new(ms, 0.0).renew_after);
            prop_assert!(life.renew_after >= life.whole / 3);
        }
    }
}
