//! What a sandbox writes down while it runs: every change, and now and then everything anew.
//!
//! How the file looks is in `cloud/saved.rs`; what a change does is the Region's business.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cloud::{Cloud, Line, Saved};
use super::wire::errors::Ec2Error;
use super::{Sandbox, lock};
use crate::clock::{Clock as _, Timestamp};
use crate::ids::Region;

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
        if let Some((_, cloud)) = self.shared.regions.iter().find(|(region, _)| region.as_str() == line.region()) {
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
        let states: Vec<_> = self.shared.regions.iter().map(|(region, cloud)| (region, cloud.state())).collect();
        let mut saved = lock(&self.shared.saved);
        if let Some(file) = saved.as_mut().filter(|file| file.is_due()) {
            let now = self.shared.clock.now();
            let lines = states.iter().flat_map(|(region, state)| state.lines(region.as_str(), now));
            if let Err(error) = file.compact(std::iter::once(clock_line(self.shared.clock.ahead())).chain(lines)) {
                tracing::error!(error = &error as &dyn std::error::Error, "sandbox state not compacted");
            }
        }
    }
}

/// Everything that is kept of a sandbox at `now`, as lines.
pub(super) fn kept(clouds: &BTreeMap<Region, Cloud>, ahead: Duration, now: Timestamp) -> impl Iterator<Item = Line> {
    let lines = clouds.iter().flat_map(move |(region, cloud)| cloud.state().lines(region.as_str(), now));
    std::iter::once(clock_line(ahead)).chain(lines)
}

fn clock_line(ahead: Duration) -> Line {
    // At most ten years.
    Line::Clock { ahead_ms: u64::try_from(ahead.as_millis()).unwrap_or(u64::MAX) }
}

#[cfg(test)]
mod tests;
