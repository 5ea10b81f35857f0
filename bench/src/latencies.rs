//! How long requests took: every one is kept, so that a percentile is a request that happened.

use std::time::Duration;

/// The durations of a run, in microseconds.
#[derive(Debug, Default)]
pub(crate) struct Latencies(Vec<u32>);

impl Latencies {
    /// Adds one.
    pub(crate) fn add(&mut self, latency: Duration) {
        self.0.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
    }

    /// Takes those of another part of the run.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// Puts them in order for percentiles.
    pub(crate) fn sorted(mut self) -> SortedLatencies {
        self.0.sort_unstable();
        SortedLatencies(self.0)
    }
}

/// Durations in order.
pub(crate) struct SortedLatencies(Vec<u32>);

impl SortedLatencies {
    /// The smallest duration that so many hundredths are not longer than (nearest rank), in microseconds; 0 if
    /// there are none.
    pub(crate) fn percentile(&self, hundredths: usize) -> u32 {
        let rank = (self.0.len() * hundredths).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default()
    }

    /// The longest, in microseconds.
    pub(crate) fn longest(&self) -> u32 {
        self.0.last().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(micros: impl IntoIterator<Item = u64>) -> SortedLatencies {
        let mut latencies = Latencies::default();
        for micros in micros {
            latencies.add(Duration::from_micros(micros));
        }
        latencies.sorted()
    }

    #[test]
    fn a_percentile_is_the_nearest_rank() {
        let hundred = of((1..=100).rev());
        assert_eq!((hundred.percentile(50), hundred.percentile(99), hundred.longest()), (50, 99, 100));
        let three = of([10, 30, 20]);
        assert_eq!((three.percentile(50), three.percentile(99)), (20, 30));
    }

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!((of([]).percentile(99), of([]).longest()), (0, 0));
    }
}
