//! From what EC2 shows of an instance to the phases it has reached. Pure.

use std::time::Duration;

use jiff::Timestamp;

use super::explain::{self, BootFacts};
use crate::ec2::facts::{Instance, InstanceState, InstanceStatus, StateReason, StatusSummary};
use crate::ids::InstanceId;
use crate::record::{InstancePhase, InstancePlace, Phase, Reason};

/// How long an instance that EC2 has never shown is waited for once its termination is wanted.
/// EC2 is eventually consistent: a new instance usually shows within seconds, and it may be a few
/// minutes (EC2 Developer Guide, "Eventual consistency"). One that has not shown by then was
/// terminated before it could be seen.
const UNSEEN_LIMIT: Duration = Duration::from_secs(10 * 60);

/// How long an instance that EC2 has shown may be missing from its answers before it is taken to be gone: long enough
/// that it is not one part of EC2 that lags behind another.
pub(super) const ABSENT_LIMIT: Duration = Duration::from_secs(10 * 60);

/// What is known of an instance that is being tracked.
#[derive(Debug, Clone, PartialEq)]
pub struct Tracked {
    /// The instance.
    pub instance_id: InstanceId,
    /// The last phase on record; none for an instance Gantry did not launch and has not seen yet.
    pub phase: Option<Phase>,
    /// The last place on record.
    pub place: Option<InstancePlace>,
    /// The checks on record with that phase: system, instance, EBS.
    pub checks: [Option<String>; 3],
    /// What boot durations are measured from.
    pub since: Timestamp,
    /// When waiting for it ends; none once it was ready, or where nobody set a limit.
    pub ready_by: Option<Timestamp>,
    /// Whether somebody asked for its termination.
    pub terminating: bool,
    /// Whether it was ready once: from then on what happens to it is no failure to boot.
    pub was_ready: bool,
    /// Whether EC2 has not shown it for ten minutes, although it was asked several times.
    pub is_absent: bool,
}

/// The phases that follow from one look, in order. Usually none or one; more when the instance
/// moved on between two looks.
///
/// `instance` is absent where EC2 does not show the instance: just after RunInstances that means
/// waiting (EC2 Developer Guide, "Eventual consistency"), after a termination that it is gone.
pub fn observe(
    tracked: &Tracked,
    instance: Option<&Instance>,
    status: Option<&InstanceStatus>,
    now: Timestamp,
) -> Vec<InstancePhase> {
    let mut phases = Vec::new();
    let seen = Seen::new(tracked, instance, status, now);
    match instance {
        None => {
            let gone = match tracked.phase {
                None => false,
                Some(Phase::Requested) => tracked.terminating && seen.elapsed >= UNSEEN_LIMIT,
                Some(Phase::Failed | Phase::Terminated) => false,
                // It was shown before, and EC2 shows what is terminated for about an hour.
                Some(_) => tracked.terminating || tracked.is_absent,
            };
            if gone {
                phases.extend(seen.enter(Phase::Terminated));
            }
        }
        Some(instance) => match instance.state {
            Some(InstanceState::Pending) => phases.extend(seen.enter(Phase::Pending)),
            Some(InstanceState::Running) => running(&seen, tracked, status, &mut phases),
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

/// What the instance says about booting.
fn boot_facts(instance: Option<&Instance>) -> BootFacts {
    BootFacts {
        boot_mode: instance.and_then(|instance| instance.boot_mode.clone()),
        current_boot_mode: instance.and_then(|instance| instance.current_instance_boot_mode.clone()),
        root_device_type: instance.and_then(|instance| instance.root_device_type.clone()),
    }
}

fn running(seen: &Seen<'_>, tracked: &Tracked, status: Option<&InstanceStatus>, phases: &mut Vec<InstancePhase>) {
    if matches!(tracked.phase, None | Some(Phase::Requested | Phase::Pending | Phase::Stopped)) {
        phases.extend(seen.enter_without_checks(Phase::Running));
    }
    let Some(status) = status else { return };
    let (Some(system), Some(instance)) = (word(status.system.as_ref()), word(status.instance.as_ref())) else {
        return;
    };
    let ebs = word(status.attached_ebs.as_ref());
    if system == "impaired" || instance == "impaired" || ebs == Some("impaired") {
        let failure = explain::impaired(status, &seen.boot);
        phases.extend(seen.enter(Phase::Impaired).map(|phase| InstancePhase { failure: Some(failure), ..phase }));
    } else if system == "ok" && instance == "ok" && matches!(ebs, None | Some("ok" | "not-applicable")) {
        phases.extend(seen.enter(Phase::Ready));
    } else if system != "not-applicable" || instance != "not-applicable" {
        // Between an impairment and the next good check EC2 says `insufficient-data` or
        // `initializing`; that is checking again.
        phases.extend(seen.enter(Phase::Checking));
    }
}

fn terminated(seen: &Seen<'_>, tracked: &Tracked, instance: &Instance, phases: &mut Vec<InstancePhase>) {
    let by_user = instance
        .state_reason
        .as_ref()
        .and_then(|reason| reason.code.as_deref())
        .is_some_and(|code| code == "Client.UserInitiatedShutdown" || code == "Client.InstanceInitiatedShutdown");
    let came_up = tracked.was_ready || matches!(tracked.phase, Some(Phase::Ready | Phase::Terminated));
    if tracked.terminating || by_user || came_up {
        phases.extend(seen.enter(Phase::Terminated));
    } else {
        let failure = explain::terminated(instance.state_reason.as_ref(), &seen.boot);
        phases.extend(seen.enter(Phase::Failed).map(|phase| InstancePhase { failure: Some(failure), ..phase }));
    }
}

fn timed_out(seen: &Seen<'_>, tracked: &Tracked, phases: &[InstancePhase], now: Timestamp) -> Option<InstancePhase> {
    if tracked.ready_by.is_none_or(|ready_by| now < ready_by)
        || tracked.terminating
        || matches!(tracked.phase, Some(Phase::TimedOut | Phase::Ready | Phase::Failed | Phase::Terminated))
    {
        return None;
    }
    let last = phases.last().map(|phase| phase.phase).or(tracked.phase);
    let failure = explain::timed_out(last, &seen.boot);
    seen.enter(Phase::TimedOut).map(|phase| InstancePhase { failure: Some(failure), ..phase })
}

fn word(summary: Option<&StatusSummary>) -> Option<&str> {
    summary.map(|summary| summary.status.as_str())
}

/// One look, ready to be turned into entries.
struct Seen<'a> {
    tracked: &'a Tracked,
    checks: [Option<String>; 3],
    state_reason: Option<Reason>,
    place: Option<InstancePlace>,
    elapsed: Duration,
    boot: BootFacts,
}

impl<'a> Seen<'a> {
    fn new(tracked: &'a Tracked, instance: Option<&Instance>, status: Option<&InstanceStatus>, now: Timestamp) -> Self {
        let check = |summary: Option<&StatusSummary>| summary.map(|summary| summary.status.clone());
        let place = instance.map(place_of).filter(|place| tracked.place.as_ref() != Some(place));
        Self {
            tracked,
            checks: status.map_or([None, None, None], |status| {
                [check(status.system.as_ref()), check(status.instance.as_ref()), check(status.attached_ebs.as_ref())]
            }),
            state_reason: instance.and_then(|instance| instance.state_reason.as_ref()).and_then(reason_of),
            place,
            boot: boot_facts(instance),
            elapsed: Duration::try_from(now.duration_since(tracked.since)).unwrap_or(Duration::ZERO),
        }
    }

    /// The phase, unless it is the one on record.
    fn enter(&self, phase: Phase) -> Option<InstancePhase> {
        let same_checks = phase != Phase::Checking || self.tracked.checks == self.checks;
        (self.tracked.phase != Some(phase) || !same_checks).then(|| self.phase(phase, self.checks.clone()))
    }

    fn enter_without_checks(&self, phase: Phase) -> Option<InstancePhase> {
        (self.tracked.phase != Some(phase)).then(|| self.phase(phase, [None, None, None]))
    }

    fn phase(&self, phase: Phase, [system_status, instance_status, ebs_status]: [Option<String>; 3]) -> InstancePhase {
        InstancePhase {
            instance_id: self.tracked.instance_id.clone(),
            phase,
            system_status,
            instance_status,
            ebs_status,
            application_status: None,
            performance_status: None,
            scheduled_events: Vec::new(),
            state_reason: self.state_reason.clone(),
            failure: None,
            elapsed: self.elapsed,
            place: self.place.clone(),
        }
    }
}

fn reason_of(reason: &StateReason) -> Option<Reason> {
    let (code, message) = (reason.code.clone().unwrap_or_default(), reason.message.clone().unwrap_or_default());
    (!code.is_empty() || !message.is_empty()).then_some(Reason { code, message })
}

fn place_of(instance: &Instance) -> InstancePlace {
    InstancePlace {
        instance_id: instance.instance_id.clone(),
        instance_type: instance.instance_type.clone(),
        availability_zone: instance.availability_zone.clone(),
        subnet_id: instance.subnet_id.clone(),
        private_ip: instance.private_ip.clone(),
        private_dns_name: instance.private_dns_name.clone().filter(|name| !name.is_empty()),
        public_dns_name: instance.public_dns_name.clone().filter(|name| !name.is_empty()),
        launch_time: instance.launch_time,
    }
}

#[cfg(test)]
mod tests;
