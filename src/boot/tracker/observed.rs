//! When EC2 last answered about each instance that is followed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::ids::InstanceId;

/// The times, written by one poller and read by any number of watchers.
#[derive(Debug, Default)]
pub(super) struct Observed {
    times: Mutex<HashMap<InstanceId, Timestamp>>,
}

impl Observed {
    pub(super) fn note<'a>(&self, instance_ids: impl Iterator<Item = &'a InstanceId>, time: Timestamp) {
        let mut times = self.times();
        for id in instance_ids {
            match times.get_mut(id) {
                // Answers may come in another order than the questions were asked.
                Some(known) => *known = time.max(*known),
                None => drop(times.insert(id.clone(), time)),
            }
        }
    }

    pub(super) fn forget(&self, instance_ids: &[InstanceId]) {
        if instance_ids.is_empty() {
            return;
        }
        let mut times = self.times();
        for id in instance_ids {
            times.remove(id);
        }
    }

    /// The earliest of the times of those that are followed.
    pub(super) fn oldest<'a>(&self, instance_ids: impl IntoIterator<Item = &'a InstanceId>) -> Option<Timestamp> {
        let times = self.times();
        instance_ids.into_iter().filter_map(|id| times.get(id)).min().copied()
    }

    fn times(&self) -> MutexGuard<'_, HashMap<InstanceId, Timestamp>> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
