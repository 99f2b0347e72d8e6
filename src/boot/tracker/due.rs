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

/// How long EC2 may take to answer before it is taken to be silent; as a rule it takes a third of a second.
const SILENCE: Duration = Duration::from_secs(10);

/// When an instance is looked at next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Due {
    /// When its state is to be asked for.
    state: Duration,
    /// When its status checks are.
    status: Duration,
    /// Since when nothing has happened.
    still_since: Duration,
    /// Since when EC2 is being asked for its state.
    state_asked: Option<Duration>,
    /// Since when EC2 is being asked for its status checks.
    status_asked: Option<Duration>,
    /// Whether EC2 refused when it was asked last for its state.
    state_refused: bool,
    /// The same for its status checks.
    status_refused: bool,
}

impl Due {
    /// At once.
    pub(super) fn new(uptime: Duration) -> Self {
        Self {
            state: uptime,
            status: uptime,
            still_since: uptime,
            state_asked: None,
            status_asked: None,
            state_refused: false,
            status_refused: false,
        }
    }

    /// When its state is to be asked for; none while it is being asked for.
    pub(super) fn next_state(&self) -> Option<Duration> {
        self.state_asked.is_none().then_some(self.state)
    }

    /// The same for its status checks.
    pub(super) fn next_status(&self) -> Option<Duration> {
        self.status_asked.is_none().then_some(self.status)
    }

    /// EC2 is being asked for its state.
    pub(super) fn state_is_asked(&mut self, uptime: Duration) {
        self.state_asked = Some(uptime);
    }

    /// EC2 is being asked for its status checks.
    pub(super) fn status_is_asked(&mut self, uptime: Duration) {
        self.status_asked = Some(uptime);
    }

    /// Whether EC2 is being asked for its state since then.
    #[cfg(test)]
    pub(super) fn is_asked_since(&self, uptime: Duration) -> bool {
        self.state_asked == Some(uptime)
    }

    /// Whether EC2 has refused to say what its state is, or says nothing, be it because all questions that may be under
    /// way wait for an answer.
    pub(super) fn is_silent(&self, uptime: Duration) -> bool {
        let since = self.state_asked.unwrap_or(self.state);
        self.state_refused || SILENCE <= uptime.saturating_sub(since)
    }

    /// The same about its status checks.
    pub(super) fn is_silent_on_checks(&self, uptime: Duration) -> bool {
        let since = self.status_asked.unwrap_or(self.status);
        self.status_refused || SILENCE <= uptime.saturating_sub(since)
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

    /// It is to be looked at now, whatever its pace.
    pub(super) fn at_once(&mut self, uptime: Duration) {
        self.state = self.state.min(uptime);
        self.status = self.status.min(uptime);
    }

    /// EC2 answers again about states: what it refused to say is asked for now.
    pub(super) fn states_recovered(&mut self, uptime: Duration) {
        if self.state_refused {
            self.state = self.state.min(uptime);
        }
    }

    /// The same about status checks.
    pub(super) fn statuses_recovered(&mut self, uptime: Duration) {
        if self.status_refused {
            self.status = self.status.min(uptime);
        }
    }

    /// EC2 has answered, or refused to, about its state, and has refused for the `errors`th time in a row.
    pub(super) fn state_answered(&mut self, is_ok: bool, settings: &TrackerSettings, uptime: Duration, errors: u32) {
        self.state_asked = None;
        self.state_refused = !is_ok;
        self.state = uptime + settings.state_period * (self.pace(uptime) << errors).min(PACE_LAST);
    }

    /// The same about its status checks.
    pub(super) fn status_answered(&mut self, is_ok: bool, settings: &TrackerSettings, uptime: Duration, errors: u32) {
        self.status_asked = None;
        self.status_refused = !is_ok;
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
            due.state_answered(true, &settings, now, 0);
            due.status_answered(true, &settings, now, 0);
            assert_eq!(due.state - now, Duration::from_secs(state), "after {still} s");
            assert_eq!(due.status - now, Duration::from_secs(status), "after {still} s");
            due.hurry(now);
            assert_eq!(due.state, now);
            due.state_answered(false, &settings, now, 3);
            assert_eq!(due.state - now, Duration::from_secs(8), "young again, and EC2 does not answer");
            due.state_answered(false, &settings, now + Duration::from_secs(700), 5);
            assert_eq!(due.state - now, Duration::from_secs(740), "never longer than the longest pace");
        }
    }
}
