//! Records that retention has removed, and the records that say so.

use std::collections::BTreeMap;
use std::ops::Range;

/// The removed records that no later record has accounted for yet.
#[derive(Debug, Default)]
pub(super) struct PrunedRanges {
    count: u64,
    /// Runs of them: the first of each, and one more than its last.
    unrecorded: BTreeMap<u64, u64>,
}

impl PrunedRanges {
    /// The record at `index`, which is after all others so far, was removed.
    pub(super) fn leaf(&mut self, index: u64) {
        self.count += 1;
        match self.unrecorded.last_entry() {
            Some(mut last) if *last.get() == index => *last.get_mut() = index + 1,
            _ => drop(self.unrecorded.insert(index, index + 1)),
        }
    }

    /// The record after all others so far says that `covered` were removed.
    pub(super) fn record(&mut self, covered: &Range<u64>) {
        while let Some((&first, &end)) = self.unrecorded.range(..covered.end).next_back()
            && covered.start < end
        {
            self.unrecorded.remove(&first);
            if covered.end < end {
                self.unrecorded.insert(covered.end, end);
            }
            if first < covered.start {
                self.unrecorded.insert(first, covered.start);
            }
        }
    }

    /// How many records were removed.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// The first removed record that no later record accounts for.
    pub(super) fn unrecorded(&self) -> Option<u64> {
        self.unrecorded.first_key_value().map(|(first, _)| *first)
    }
}
