//! Records in the order in which a busy log has them: launches woven into each other.

use std::collections::VecDeque;

use gantry::record::Entry;

use super::workload::{LAGS, LAUNCH_RECORDS, Workload};

/// One launch in so many is followed by one that is refused, which is a single record.
const REFUSED_ONE_IN: u64 = 200;

/// Records without end, one launch begun at a time.
pub(crate) struct Woven {
    workload: Workload,
    next: u64,
    /// What is still to come of the last launches, the newest first.
    open: VecDeque<[Option<Entry>; LAUNCH_RECORDS]>,
}

impl Woven {
    /// The records from launch `first` on.
    pub(crate) fn new(workload: Workload, first: u64) -> Self {
        Self { workload, next: first, open: VecDeque::new() }
    }

    /// The launch that will be begun next.
    pub(crate) fn next_serial(&self) -> u64 {
        self.next
    }

    /// Begins a launch, and adds what is written before another one is.
    pub(crate) fn begin(&mut self, records: &mut Vec<Entry>) {
        let serial = self.next;
        self.next += 1;
        if serial == 0 {
            records.push(self.workload.started());
        }
        self.open.push_front(self.workload.launch(serial).map(Some));
        for (place, lag) in LAGS.into_iter().enumerate() {
            let launch = self.open.get_mut(lag as usize);
            records.extend(launch.and_then(|launch| launch[place].take()));
        }
        self.open.truncate(LAGS[LAUNCH_RECORDS - 1] as usize);
        if serial % REFUSED_ONE_IN == REFUSED_ONE_IN - 1 {
            records.push(self.workload.refusal(serial));
        }
    }
}
