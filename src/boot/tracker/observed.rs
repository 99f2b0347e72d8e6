//! When EC2 last answered about each instance that is followed.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::ids::InstanceId;

/// The times, written by one poller and read by any number of watchers.
#[derive(Debug, Default)]
pub(super) struct Observed {
    times: Mutex<Times>,
}

#[derive(Debug, Default)]
struct Times {
    of: HashMap<InstanceId, Timestamp>,
    /// Since when EC2 has not answered about status checks, while it does not.
    without_checks: Option<Timestamp>,
}

impl Observed {
    pub(super) fn note<'a>(&self, instance_ids: impl Iterator<Item = &'a InstanceId>, time: Timestamp) {
        let mut times = self.times();
        for id in instance_ids {
            match times.of.get_mut(id) {
                // Answers may come in another order than the questions were asked.
                Some(known) => *known = time.max(*known),
                None => drop(times.of.insert(id.clone(), time)),
            }
        }
    }

    /// Notes whether EC2 answers about status checks.
    pub(super) fn note_checks(&self, is_ok: bool, now: Timestamp) {
        let mut times = self.times();
        times.without_checks = if is_ok { None } else { times.without_checks.or(Some(now)) };
    }

    pub(super) fn forget(&self, instance_ids: &[InstanceId]) {
        if instance_ids.is_empty() {
            return;
        }
        let mut times = self.times();
        for id in instance_ids {
            times.of.remove(id);
        }
    }

    /// The earliest of the times of those that are followed, and of when EC2 ceased to answer about checks.
    pub(super) fn oldest<'a>(&self, instance_ids: impl IntoIterator<Item = &'a InstanceId>) -> Option<Timestamp> {
        let times = self.times();
        let oldest = instance_ids.into_iter().filter_map(|id| times.of.get(id)).min().copied()?;
        Some(times.without_checks.map_or(oldest, |since| since.min(oldest)))
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        self.times.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
