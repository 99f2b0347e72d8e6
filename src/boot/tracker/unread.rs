//! Launches whose records could not be read, to be read again after a pause.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::ids::LaunchId;

/// From one try to the next.
pub(super) const PAUSE: Duration = Duration::from_secs(10);

/// The launches, each once; there are never more of them than are open. All times are the clock's uptime.
#[derive(Debug, Default)]
pub(super) struct Unread {
    launches: BTreeSet<LaunchId>,
    at: Duration,
}

impl Unread {
    /// Notes a launch that could not be read now.
    pub(super) fn note(&mut self, launch_id: LaunchId, uptime: Duration) {
        if self.launches.is_empty() {
            self.at = uptime + PAUSE;
        }
        self.launches.insert(launch_id);
    }

    /// When they are to be read again; none while there are none.
    pub(super) fn due(&self) -> Option<Duration> {
        (!self.launches.is_empty()).then_some(self.at)
    }

    /// Those that are to be read again now.
    pub(super) fn take(&mut self, uptime: Duration) -> BTreeSet<LaunchId> {
        if uptime < self.at { BTreeSet::new() } else { std::mem::take(&mut self.launches) }
    }
}
