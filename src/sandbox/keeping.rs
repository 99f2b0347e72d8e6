//! What a sandbox writes down while it runs: every change, and now and then everything anew.
//!
//! How the file looks is in `cloud/saved.rs`; what a change does is the Region's business.

use std::time::Duration;

use super::callers::Sessions;
use super::cloud::{Line, Saved};
use super::wire::errors::Ec2Error;
use super::{Clouds, Sandbox, lock};
use crate::clock::{Clock as _, Timestamp};

impl Sandbox {
    /// Writes a change down, if changes are written down.
    pub(super) fn save(&self, line: &Line) -> Result<(), Ec2Error> {
        match lock(&self.shared.saved).as_mut().map(|saved| saved.append(line)) {
            None | Some(Ok(())) => Ok(()),
            Some(Err(error)) => {
                tracing::error!(error = &error as &dyn std::error::Error, "sandbox state not saved");
                Err(Ec2Error::internal())
            }
        }
    }

    /// Makes a change that was saved by another sandbox, without saving it.
    pub(super) fn restore(&self, line: Line) {
        if let Line::Session { session } = line {
            self.shared.sessions.put(session);
        } else if let Some((_, cloud)) =
            self.shared.clouds.iter().find(|(_, cloud)| cloud.network.place() == line.region())
        {
            cloud.state().apply(line);
        }
    }

    /// Writes the file of changes anew if it has grown large, so that a sandbox that runs for
    /// months does not fill its disk. No lock may be held.
    pub(super) fn compact_if_due(&self) {
        if !lock(&self.shared.saved).as_ref().is_some_and(Saved::is_due) {
            return;
        }
        // A jump of time that is saved and not made yet would be lost.
        let _one_at_a_time = lock(&self.shared.doors);
        // In the order of their names. Whoever else holds one waits for no second one.
        let states: Vec<_> = self.shared.clouds.values().map(|cloud| (cloud.network.place(), cloud.state())).collect();
        let mut saved = lock(&self.shared.saved);
        if let Some(file) = saved.as_mut().filter(|file| file.is_due()) {
            let now = self.shared.clock.now();
            let lines = states.iter().flat_map(|(place, state)| state.lines(place, now));
            let whole = whole_lines(&self.shared.sessions, self.shared.clock.ahead(), now);
            if let Err(error) = file.compact(whole.into_iter().chain(lines)) {
                tracing::error!(error = &error as &dyn std::error::Error, "sandbox state not compacted");
            }
        }
    }
}

/// Everything that is kept of a sandbox at `now`, as lines.
pub(super) fn kept(
    clouds: &Clouds,
    sessions: &Sessions,
    ahead: Duration,
    now: Timestamp,
) -> impl Iterator<Item = Line> {
    let lines = clouds.values().flat_map(move |cloud| cloud.state().lines(&cloud.network.place(), now));
    whole_lines(sessions, ahead, now).into_iter().chain(lines)
}

/// What is the whole sandbox's.
fn whole_lines(sessions: &Sessions, ahead: Duration, now: Timestamp) -> Vec<Line> {
    let sessions = sessions.kept(now).into_iter().map(|session| Line::Session { session });
    std::iter::once(clock_line(ahead)).chain(sessions).collect()
}

fn clock_line(ahead: Duration) -> Line {
    // At most ten years.
    Line::Clock { ahead_ms: u64::try_from(ahead.as_millis()).unwrap_or(u64::MAX) }
}

#[cfg(test)]
mod tests;
