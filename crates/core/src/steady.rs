//! Whether the clock can be trusted with what cannot be undone.
//!
//! A time service that errs, or a virtual machine that wakes up, may set the clock a day ahead and take that back
//! minutes later. Tokens minted meanwhile are a nuisance; a revocation that was forgotten meanwhile lets a revoked
//! token live again, and a key that was removed kills tokens that are valid. So forgetting waits until the clock has
//! kept pace with the time that really passed for a good while.

use std::time::Duration;

use crate::clock::Timestamp;

/// For so long the clock must have kept pace.
const PROBATION: Duration = Duration::from_hours(1);
/// So much may a good clock be put right meanwhile.
const TOLERANCE: Duration = Duration::from_mins(1);

/// Compares a clock, which can be set, with the time that really passed.
#[derive(Clone, Copy, Debug)]
pub struct Steadiness {
    /// What the clock said…
    from: Timestamp,
    /// …when so much time had passed since the begin.
    at: Duration,
}

impl Steadiness {
    /// Begins, knowing nothing of the clock but what it says.
    pub const fn begin(now: Timestamp) -> Self {
        Self { from: now, at: Duration::ZERO }
    }

    /// Looks at the clock when so much time has really passed since the begin. Says whether it can be trusted.
    pub fn observe(&mut self, now: Timestamp, passed: Duration) -> bool {
        let really = passed.saturating_sub(self.at);
        let expected = self.from.plus(really);
        if now.since(expected).max(expected.since(now)) > TOLERANCE {
            *self = Self { from: now, at: passed };
            return false;
        }
        really >= PROBATION
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60;

    /// Looks at a clock every minute; each entry is how far it is off.
    fn verdicts(off: impl IntoIterator<Item = i64>) -> Vec<bool> {
        let mut steadiness = Steadiness::begin(Timestamp::from_seconds(0));
        let at = |minute: usize| i64::try_from(minute).unwrap() * MINUTE;
        off.into_iter()
            .enumerate()
            .map(|(minute, off)| {
                let passed = Duration::from_secs(at(minute).try_into().unwrap());
                steadiness.observe(Timestamp::from_seconds(at(minute) + off), passed)
            })
            .collect()
    }

    fn first_trust(verdicts: &[bool]) -> Option<usize> {
        verdicts.iter().position(|trusted| *trusted)
    }

    #[test]
    fn a_clock_that_keeps_pace_is_trusted_after_an_hour_and_from_then_on() {
        let verdicts = verdicts([0; 300]);
        assert_eq!(first_trust(&verdicts), Some(60));
        assert!(verdicts[60..].iter().all(|trusted| *trusted));
    }

    #[test]
    fn a_jump_in_either_direction_costs_the_trust_for_an_hour() {
        for jump in [3600, -3600, 86_400, -86_400, 120, -120] {
            let jumped = verdicts((0..300).map(|minute| if minute < 100 { 0 } else { jump }));
            assert!(jumped[99] && !jumped[100], "{jump}");
            assert_eq!(first_trust(&jumped[100..]), Some(60), "{jump}");
        }
    }

    #[test]
    fn a_jump_that_is_taken_back_within_the_hour_was_never_trusted() {
        let verdicts = verdicts((0..200).map(|minute| if (100..155).contains(&minute) { 86_400 } else { 0 }));
        assert!(verdicts[100..155].iter().all(|trusted| !trusted));
    }

    #[test]
    fn small_corrections_are_no_jump() {
        let verdicts = verdicts((0..120).map(|minute| (minute % 3) * 10));
        assert!(verdicts[60..].iter().all(|trusted| *trusted));
    }
}
