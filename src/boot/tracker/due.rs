//! When an instance is to be looked at: often while it is young, and less often the longer nothing happens to it.
//!
//! The pace follows the time since something was last recorded of the instance, and not its age: one that is started
//! again after a month is young. All times are the clock's uptime.

use std::time::Duration;

use super::TrackerSettings;

/// How long nothing may have happened for each pace, and how many times the period of a young instance is waited then.
/// A boot from EBS takes a minute and one from S3 five (EC2 User Guide, "Root volumes"): both are watched at the first
/// two paces. The last is that of one that has been unfinished for an hour.
const PACES: [(Duration, u32); 3] =
    [(Duration::from_secs(2 * 60), 1), (Duration::from_secs(10 * 60), 2), (Duration::from_secs(60 * 60), 10)];

/// How many times the period is waited when nothing has happened for an hour, and at most while EC2 does not answer.
const PACE_LAST: u32 = 40;

/// The same for status checks, whose period is longer to begin with.
const STATUS_PACE_MAX: u32 = 6;

/// When an instance is looked at next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    /// When its state is to be asked for.
    pub(super) state: Duration,
    /// When its status checks are.
    pub(super) status: Duration,
    /// Since when nothing has happened.
    still_since: Duration,
    /// Whether EC2 is being asked for its state.
    pub(super) state_asked: bool,
    /// Whether EC2 is being asked for its status checks.
    pub(super) status_asked: bool,
}

impl Due {
    /// At once.
    pub(super) fn new(uptime: Duration) -> Self {
        Self { state: uptime, status: uptime, still_since: uptime, state_asked: false, status_asked: false }
    }

    /// Something happened to it, so more may follow soon.
    pub(super) fn moved(&mut self, uptime: Duration) {
        self.still_since = uptime;
    }

    /// It is to be looked at now: something is known to have happened.
    pub(super) fn hurry(&mut self, uptime: Duration) {
        self.moved(uptime);
        self.at_once(uptime);
    }

    /// It is to be looked at now, since nothing was seen for a time.
    pub(super) fn at_once(&mut self, uptime: Duration) {
        self.state = self.state.min(uptime);
        self.status = self.status.min(uptime);
    }

    /// EC2 has answered, or refused to for the `errors`th time in a row, about its state.
    pub(super) fn state_answered(&mut self, settings: &TrackerSettings, uptime: Duration, errors: u32) {
        self.state_asked = false;
        self.state = uptime + settings.state_period * (self.pace(uptime) << errors).min(PACE_LAST);
    }

    /// The same about its status checks.
    pub(super) fn status_answered(&mut self, settings: &TrackerSettings, uptime: Duration, errors: u32) {
        self.status_asked = false;
        self.status = uptime + settings.status_period * (self.pace(uptime) << errors).min(STATUS_PACE_MAX);
    }

    fn pace(&self, uptime: Duration) -> u32 {
        let still = uptime.saturating_sub(self.still_since);
        PACES.iter().find(|(limit, _)| still < *limit).map_or(PACE_LAST, |(_, times)| *times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_nothing_happens_the_rarer_are_the_looks() {
        let settings = TrackerSettings { state_period: Duration::from_secs(1), status_period: Duration::from_secs(10) };
        for (still, state, status) in [(0, 1, 10), (119, 1, 10), (120, 2, 20), (600, 10, 60), (3_600, 40, 60)] {
            let begun = Duration::from_secs(1_000);
            let now = begun + Duration::from_secs(still);
            let mut due = Due::new(begun);
            due.state_answered(&settings, now, 0);
            due.status_answered(&settings, now, 0);
            assert_eq!(due.state - now, Duration::from_secs(state), "after {still} s");
            assert_eq!(due.status - now, Duration::from_secs(status), "after {still} s");
            due.hurry(now);
            assert_eq!(due.state, now);
            due.state_answered(&settings, now, 3);
            assert_eq!(due.state - now, Duration::from_secs(8), "young again, and EC2 does not answer");
            due.state_answered(&settings, now + Duration::from_secs(700), 5);
            assert_eq!(due.state - now, Duration::from_secs(740), "never longer than the longest pace");
        }
    }
}
