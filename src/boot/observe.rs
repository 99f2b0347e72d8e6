//! From what EC2 shows of an instance to the phases it has reached. Pure.
//!
//! EC2 is eventually consistent: an answer may show what was true some seconds ago, also after a newer one. A phase is
//! therefore never taken back on the word of a state alone: that an instance boots again is known by its launch time,
//! which EC2 moves with every start (API Reference, `Instance`: "the time that the instance was last launched").

mod look;

use std::time::Duration;

use jiff::Timestamp;

use super::explain::{self, Late};
use crate::ec2::facts::{Instance, InstanceState, InstanceStatus};
use crate::record::{InstancePhase, Phase};

use look::Seen;
pub(super) use look::is_possible_launch;
pub use look::{Checks, Look, Tracked};

/// How long an instance that EC2 has never shown is waited for once its termination is wanted.
/// EC2 is eventually consistent: a new instance usually shows within seconds, and it may be a few
/// minutes (EC2 Developer Guide, "Eventual consistency"). One that has not shown by then was
/// terminated before it could be seen.
const UNSEEN_LIMIT: Duration = Duration::from_secs(10 * 60);

/// How long an instance that EC2 has shown may be missing from its answers before it is taken to be gone: long enough
/// that it is not one part of EC2 that lags behind another.
pub(super) const ABSENT_LIMIT: Duration = Duration::from_secs(10 * 60);

/// The phases that follow from one look, in order. Usually none or one; more when the instance
/// moved on between two looks.
///
/// The instance is absent from a look where EC2 does not show it: just after RunInstances that means
/// waiting (EC2 Developer Guide, "Eventual consistency"), after a termination that it is gone.
pub fn observe(tracked: &Tracked, look: Look<'_>, now: Timestamp) -> Vec<InstancePhase> {
    if matches!(tracked.phase, Some(Phase::Failed | Phase::Terminated)) {
        return Vec::new();
    }
    let mut phases = Vec::new();
    let seen = Seen::new(tracked, look, now);
    match look.instance {
        None if is_gone(tracked, seen.elapsed) => phases.extend(seen.enter(Phase::Terminated)),
        None => {}
        // It shows the instance before it was stopped and started. What has ended is never started again.
        Some(instance) if seen.boot == Boot::Earlier && instance.state != Some(InstanceState::Terminated) => {}
        Some(instance) => match instance.state {
            Some(InstanceState::Pending) => pending(&seen, tracked, &mut phases),
            Some(InstanceState::Running) => running(&seen, tracked, look.status, &mut phases),
            Some(InstanceState::Stopping | InstanceState::Stopped) => phases.extend(seen.enter(Phase::Stopped)),
            // What it was doing is over, but how it ends is only said once it is terminated.
            Some(InstanceState::ShuttingDown) | Some(InstanceState::Other(_)) | None => {}
            Some(InstanceState::Terminated) => terminated(&seen, tracked, instance, &mut phases),
        },
    }
    if tracked.phase == Some(Phase::TimedOut) {
        // The watchers were told that it is over; what is on the way is no news to anybody then.
        phases.retain(|phase| phase.phase.is_terminal());
    } else if !phases.iter().any(|phase| phase.phase.is_terminal()) {
        let late = timed_out(&seen, tracked, &phases, now);
        phases.extend(late);
    }
    phases
}

/// That the instance is not ready in time, if so, by what is known of it: what there is to say while EC2 does not answer.
pub fn overdue(tracked: &Tracked, look: Look<'_>, now: Timestamp) -> Option<InstancePhase> {
    timed_out(&Seen::new(tracked, look, now), tracked, &[], now)
}

/// Which boot of an instance a look shows, by its launch time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Boot {
    /// The one on record, or it cannot be told.
    Same,
    /// It was stopped and started since.
    Later,
    /// One before the one on record: the answer is stale.
    Earlier,
}

/// Whether an instance that EC2 does not show has ended.
fn is_gone(tracked: &Tracked, elapsed: Duration) -> bool {
    match tracked.phase {
        None | Some(Phase::Failed | Phase::Terminated) => false,
        Some(Phase::Requested) => tracked.terminating && elapsed >= UNSEEN_LIMIT,
        // It was shown before, and EC2 shows what is terminated for about an hour.
        Some(_) => tracked.terminating && tracked.is_missing || tracked.is_absent,
    }
}

fn pending(seen: &Seen<'_>, tracked: &Tracked, phases: &mut Vec<InstancePhase>) {
    // From `running` there is no way back to `pending` but by a start.
    let is_before = match tracked.phase {
        None | Some(Phase::Requested | Phase::Pending) => true,
        // Where launch times do not tell, what was stopped is taken to be started.
        Some(Phase::Stopped) => !seen.knows_boot,
        Some(_) => false,
    };
    if is_before || seen.boot == Boot::Later {
        phases.extend(seen.enter(Phase::Pending));
    }
}

fn running(seen: &Seen<'_>, tracked: &Tracked, status: Option<&InstanceStatus>, phases: &mut Vec<InstancePhase>) {
    match tracked.phase {
        // What was stopped runs again only after a start.
        Some(Phase::Stopped) if seen.boot == Boot::Same && seen.knows_boot => return,
        None | Some(Phase::Requested | Phase::Pending | Phase::Stopped) => {
            phases.extend(seen.enter_without_checks(Phase::Running));
        }
        // It was stopped and started between two looks.
        Some(_) if seen.boot == Boot::Later => phases.push(seen.again(Phase::Running)),
        Some(_) => {}
    }
    let Some(status) = status else {
        // A warning is told at once where there is nothing to be told with it, and with the next checks otherwise.
        if phases.is_empty() && tracked.phase == Some(Phase::Running) && seen.is_warned() {
            phases.extend(seen.enter(Phase::Running));
        }
        return;
    };
    let (Some(system), Some(instance)) = (seen.checks.system.as_deref(), seen.checks.instance.as_deref()) else {
        return;
    };
    if status.is_impaired() {
        let failure = explain::impaired(status, &seen.facts, seen.console);
        phases.extend(
            seen.enter(Phase::Impaired).map(|phase| InstancePhase { failure: Some(Box::new(failure)), ..phase }),
        );
    } else if status.has_passed() {
        phases.extend(seen.enter(Phase::Ready));
    } else if system != "not-applicable" || instance != "not-applicable" {
        // Between an impairment and the next good check EC2 says `insufficient-data` or
        // `initializing`; that is checking again.
        phases.extend(seen.enter(Phase::Checking));
    }
}

fn terminated(seen: &Seen<'_>, tracked: &Tracked, instance: &Instance, phases: &mut Vec<InstancePhase>) {
    let by_user = explain::is_by_user(instance.state_reason.as_ref());
    let came_up = tracked.was_ready || matches!(tracked.phase, Some(Phase::Ready | Phase::Terminated));
    if tracked.terminating || by_user || came_up {
        phases.extend(seen.enter(Phase::Terminated));
    } else {
        let failure = explain::terminated(instance.state_reason.as_ref(), &seen.facts, seen.console);
        phases
            .extend(seen.enter(Phase::Failed).map(|phase| InstancePhase { failure: Some(Box::new(failure)), ..phase }));
    }
}

fn timed_out(seen: &Seen<'_>, tracked: &Tracked, phases: &[InstancePhase], now: Timestamp) -> Option<InstancePhase> {
    if tracked.ready_by.is_none_or(|ready_by| now < ready_by)
        || tracked.terminating
        || matches!(tracked.phase, Some(Phase::TimedOut | Phase::Ready | Phase::Failed | Phase::Terminated))
    {
        return None;
    }
    // What this look shows comes before what is on record.
    let new = phases.last();
    let late = Late {
        last: new.map(|phase| phase.phase).or(tracked.phase),
        reason: seen.reason,
        is_ending: seen.is_ending,
        impaired: new.map_or(tracked.failure.as_ref(), |phase| phase.failure.as_deref()),
        is_answering: seen.last_checks().instance.as_deref() == Some("ok"),
    };
    let failure = explain::timed_out(late, &seen.facts, seen.console);
    seen.enter(Phase::TimedOut).map(|phase| InstancePhase { failure: Some(Box::new(failure)), ..phase })
}

#[cfg(test)]
mod tests;
