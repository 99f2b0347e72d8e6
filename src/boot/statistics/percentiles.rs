//! Percentiles of lengths of time, by an HDR histogram: milliseconds to three significant digits, up to 24 hours.

use std::fmt;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::boots::BOOT_MILLIS_MAX;

/// A histogram of lengths of time. It takes some 150 KB whatever is in it, so it is emptied and used again.
pub(super) struct Percentiles(Histogram<u64>);

impl Percentiles {
    /// One with nothing in it.
    pub(super) fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, u64::from(BOOT_MILLIS_MAX), 3);
        Self(histogram.expect("the bounds are constants in order and three digits are allowed"))
    }

    /// Counts one more; what is longer than 24 hours counts as 24 hours.
    pub(super) fn record(&mut self, millis: u32) {
        self.0.saturating_record(u64::from(millis));
    }

    /// How many are counted.
    pub(super) fn count(&self) -> u64 {
        self.0.len()
    }

    /// The time within which this part of them, 0 to 1, were: at most a thousandth longer than it truly was.
    pub(super) fn within(&self, part: f64) -> Duration {
        Duration::from_millis(self.0.value_at_quantile(part).min(u64::from(BOOT_MILLIS_MAX)))
    }

    /// Takes out all.
    pub(super) fn clear(&mut self) {
        // Going through all of it takes longer than a small group does.
        if !self.0.is_empty() {
            self.0.reset();
        }
    }
}

impl fmt::Debug for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Percentiles").field("count", &self.count()).finish()
    }
}
