//! Records that retention has removed, and the records that say so.

use std::collections::BTreeMap;
use std::ops::Range;

/// The removed records that no later record has accounted for yet.
#[derive(Debug, Default)]
pub(super) struct PrunedRanges {
    count: u64,
    /// How many were removed as the records say that do.
    recorded: u64,
    /// One more than the last record that any pruning may have removed.
    end: u64,
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

    /// The record after all others so far says that `removed` more of `covered` were removed.
    pub(super) fn record(&mut self, covered: &Range<u64>, removed: u64) {
        self.recorded = self.recorded.saturating_add(removed);
        self.end = self.end.max(covered.end);
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

    /// How many were removed by all prunings that are on record.
    pub(super) fn recorded(&self) -> u64 {
        self.recorded
    }

    /// One more than the last record that any pruning may have removed.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The first removed record that no later record accounts for.
    pub(super) fn unrecorded(&self) -> Option<u64> {
        self.unrecorded.first_key_value().map(|(first, _)| *first)
    }
}
