//! What is known of an instance, and what one look adds to it.

use std::time::Duration;

use jiff::Timestamp;

use super::Boot;
use crate::boot::console::ConsoleTail;
use crate::boot::explain::BootFacts;
use crate::ec2::facts::{self, Instance, InstanceState, InstanceStatus, StateReason, StatusSummary};
use crate::ids::InstanceId;
use crate::record::bounded::{self, EVENTS_MAX};
use crate::record::{BootFailure, InstancePhase, InstancePlace, Phase, Reason, ScheduledEvent};

/// How far two launch times may lie apart and still be that of one boot: some of EC2's answers leave the fraction of
/// the second out.
const SAME_BOOT: Duration = Duration::from_secs(2);

/// How the description of a scheduled event begins that has happened or will not (EC2 User Guide, "Scheduled events
/// for your instances").
const OVER: [&str; 2] = ["[Completed]", "[Canceled]"];

/// How far ahead of now a launch time may be: clocks differ, and by less. One that is further ahead is none: taken for a
/// later boot, it would make each true answer that follows an earlier one, which is no news, for as long as there is a
/// record of it.
const LAUNCH_AHEAD_MAX: Duration = Duration::from_secs(5 * 60);

/// What is known of an instance that is being tracked.
#[derive(Debug, Clone, PartialEq)]
pub struct Tracked {
    /// The instance.
    pub instance_id: InstanceId,
    /// The last phase on record; none for an instance Gantry did not launch and has not seen yet.
    pub phase: Option<Phase>,
    /// The last place on record.
    pub place: Option<InstancePlace>,
    /// The checks on record with that phase.
    pub checks: Checks,
    /// Why that phase is a failure, if it is one.
    pub failure: Option<BootFailure>,
    /// The scheduled events on record with that phase.
    pub scheduled: Vec<ScheduledEvent>,
    /// What boot durations are measured from.
    pub since: Timestamp,
    /// When waiting for it ends; none once it was ready, or where nobody set a limit.
    pub ready_by: Option<Timestamp>,
    /// Whether somebody asked for its termination.
    pub terminating: bool,
    /// Whether it was ready once: from then on what happens to it is no failure to boot.
    pub was_ready: bool,
    /// Whether EC2 has not shown it in several looks in a row.
    pub is_missing: bool,
    /// Whether that is so for ten minutes.
    pub is_absent: bool,
}

/// EC2's words for its status checks of an instance.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Checks {
    /// The host and its network.
    pub system: Option<String>,
    /// The instance's network interface.
    pub instance: Option<String>,
    /// The attached EBS volumes; on Nitro only.
    pub ebs: Option<String>,
    /// The application, where a check of it is configured.
    pub application: Option<String>,
    /// The performance, where it is checked.
    pub performance: Option<String>,
}

impl Checks {
    fn of(status: &InstanceStatus) -> Self {
        let word = |summary: &Option<StatusSummary>| summary.as_ref().map(|summary| bounded::name(&summary.status));
        Self {
            system: word(&status.system),
            instance: word(&status.instance),
            ebs: word(&status.attached_ebs),
            application: word(&status.application),
            performance: word(&status.performance),
        }
    }

    /// Those on record with a phase.
    pub fn recorded(phase: &InstancePhase) -> Self {
        Self {
            system: phase.system_status.clone(),
            instance: phase.instance_status.clone(),
            ebs: phase.ebs_status.clone(),
            application: phase.application_status.clone(),
            performance: phase.performance_status.clone(),
        }
    }
}

/// What EC2 shows of an instance.
#[derive(Debug, Clone, Copy, Default)]
pub struct Look<'a> {
    /// The instance; absent where EC2 does not show it.
    pub instance: Option<&'a Instance>,
    /// Its status checks; absent where EC2 was not asked.
    pub status: Option<&'a InstanceStatus>,
    /// What EC2 has warned of by other ways than its status.
    pub warned: Option<&'a ScheduledEvent>,
    /// What its console ends with, if that was read.
    pub console: Option<&'a ConsoleTail>,
}

/// One look, ready to be turned into entries.
pub(super) struct Seen<'a> {
    tracked: &'a Tracked,
    pub(super) checks: Checks,
    /// What was scheduled for the host that it is on.
    known: &'a [ScheduledEvent],
    /// What is scheduled, where this look tells.
    scheduled: Option<Vec<ScheduledEvent>>,
    state_reason: Option<Reason>,
    pub(super) reason: Option<&'a StateReason>,
    place: Option<InstancePlace>,
    pub(super) elapsed: Duration,
    pub(super) facts: BootFacts,
    pub(super) boot: Boot,
    /// Whether EC2 shows it shutting down.
    pub(super) is_ending: bool,
    /// Whether the launch time is known on both sides.
    pub(super) knows_boot: bool,
    pub(super) console: Option<&'a ConsoleTail>,
}

/// Whether an instance can have been launched at `time`: EC2's clock may be ahead of this one, and not by much.
pub(in crate::boot) fn is_possible_launch(time: Timestamp, now: Timestamp) -> bool {
    time <= now.checked_add(LAUNCH_AHEAD_MAX).unwrap_or(Timestamp::MAX)
}

impl<'a> Seen<'a> {
    pub(super) fn new(tracked: &'a Tracked, look: Look<'a>, now: Timestamp) -> Self {
        let Look { instance, status, warned, console } = look;
        let launched = instance.and_then(|instance| instance.launch_time).filter(|time| is_possible_launch(*time, now));
        // A record may have one that was not looked at so.
        let recorded = tracked.place.as_ref().and_then(|place| place.launch_time);
        let recorded = recorded.filter(|time| is_possible_launch(*time, now));
        let boot = boot(recorded, launched);
        // Where it was before it was stopped and started is not where it is.
        let place =
            instance.filter(|_| boot != Boot::Earlier).map(|instance| place_of(instance, launched.or(recorded)));
        // What was scheduled for the host before a start is not for the one after it.
        let is_other_host = tracked.phase == Some(Phase::Stopped) || boot == Boot::Later;
        let known = if is_other_host { &[][..] } else { &tracked.scheduled };
        Self {
            tracked,
            checks: status.map(Checks::of).unwrap_or_default(),
            known,
            scheduled: (status.is_some() || warned.is_some()).then(|| {
                // A look without the status leaves what was known of it.
                let mut announced = status.map_or_else(|| known.to_vec(), |status| announced(&status.events));
                announced.truncate(EVENTS_MAX);
                let warning = warned.filter(|warned| !announced.contains(warned)).cloned();
                announced.into_iter().chain(warning).collect()
            }),
            reason: instance.and_then(|instance| instance.state_reason.as_ref()),
            state_reason: instance.and_then(|instance| instance.state_reason.as_ref()).and_then(reason_of),
            place: place.filter(|place| tracked.place.as_ref() != Some(place)),
            facts: boot_facts(instance),
            elapsed: Duration::try_from(now.duration_since(tracked.since)).unwrap_or(Duration::ZERO),
            boot,
            is_ending: instance.is_some_and(|instance| instance.state == Some(InstanceState::ShuttingDown)),
            knows_boot: recorded.is_some() && launched.is_some(),
            console,
        }
    }

    /// The phase, unless it is the one on record and nothing about it is new.
    pub(super) fn enter(&self, phase: Phase) -> Option<InstancePhase> {
        let is_new = self.tracked.phase != Some(phase)
            || matches!(phase, Phase::Checking | Phase::Impaired)
                && self.has_checks()
                && self.tracked.checks != self.checks
            || !phase.is_terminal() && self.has_new_schedule();
        // What is not ready in time is told with the checks that were known last.
        let checks = if phase == Phase::TimedOut { self.last_checks() } else { &self.checks };
        is_new.then(|| self.phase(phase, checks.clone()))
    }

    pub(super) fn enter_without_checks(&self, phase: Phase) -> Option<InstancePhase> {
        (self.tracked.phase != Some(phase)).then(|| self.again(phase))
    }

    /// The phase, also if it is the one on record.
    pub(super) fn again(&self, phase: Phase) -> InstancePhase {
        self.phase(phase, Checks::default())
    }

    /// Whether EC2 has warned of something that is not on record.
    pub(super) fn is_warned(&self) -> bool {
        self.has_new_schedule()
    }

    /// The checks that this look shows, or else those on record.
    pub(super) fn last_checks(&self) -> &Checks {
        if self.has_checks() { &self.checks } else { &self.tracked.checks }
    }

    fn has_checks(&self) -> bool {
        self.checks != Checks::default()
    }

    fn has_new_schedule(&self) -> bool {
        self.scheduled.as_ref().is_some_and(|scheduled| *scheduled != self.tracked.scheduled)
    }

    fn phase(&self, phase: Phase, checks: Checks) -> InstancePhase {
        let Checks { system, instance, ebs, application, performance } = checks;
        InstancePhase {
            instance_id: self.tracked.instance_id.clone(),
            phase,
            system_status: system,
            instance_status: instance,
            ebs_status: ebs,
            application_status: application,
            performance_status: performance,
            scheduled_events: self.scheduled.clone().unwrap_or_else(|| self.known.to_vec()),
            state_reason: self.state_reason.clone(),
            failure: None,
            elapsed: self.elapsed,
            place: self.place.clone(),
        }
    }
}

/// Which boot `shown` is the launch time of, where `recorded` is that of the one on record.
fn boot(recorded: Option<Timestamp>, shown: Option<Timestamp>) -> Boot {
    let (Some(recorded), Some(shown)) = (recorded, shown) else { return Boot::Same };
    let apart = shown.duration_since(recorded).unsigned_abs();
    match shown.cmp(&recorded) {
        _ if apart <= SAME_BOOT => Boot::Same,
        std::cmp::Ordering::Less => Boot::Earlier,
        std::cmp::Ordering::Equal | std::cmp::Ordering::Greater => Boot::Later,
    }
}

/// What EC2 has scheduled and not done yet, in a fixed order: that of its answers means nothing.
fn announced(events: &[facts::ScheduledEvent]) -> Vec<ScheduledEvent> {
    let is_over = |description: &str| OVER.iter().any(|word| description.starts_with(word));
    let mut pending: Vec<&facts::ScheduledEvent> =
        events.iter().filter(|event| !event.description.as_deref().is_some_and(is_over)).collect();
    // Before some are left out, so that each look leaves out the same.
    pending.sort_by(|a, b| (a.not_before, &a.id, &a.code).cmp(&(b.not_before, &b.id, &b.code)));
    let told = pending.into_iter().take(EVENTS_MAX).map(|event| ScheduledEvent {
        id: event.id.as_deref().map(bounded::name),
        code: bounded::name(event.code.as_deref().unwrap_or_default()),
        description: event.description.as_deref().map(bounded::sentence),
        not_before: event.not_before,
        not_after: event.not_after,
    });
    told.collect()
}

/// What the instance says about booting.
fn boot_facts(instance: Option<&Instance>) -> BootFacts {
    BootFacts {
        boot_mode: instance.and_then(|instance| instance.boot_mode.clone()),
        current_boot_mode: instance.and_then(|instance| instance.current_instance_boot_mode.clone()),
        root_device_type: instance.and_then(|instance| instance.root_device_type.clone()),
    }
}

fn reason_of(reason: &StateReason) -> Option<Reason> {
    let code = bounded::name(reason.code.as_deref().unwrap_or_default());
    let message = bounded::sentence(reason.message.as_deref().unwrap_or_default());
    (!code.is_empty() || !message.is_empty()).then_some(Reason { code, message })
}

/// Where the instance is, with what is known of when it was launched.
fn place_of(instance: &Instance, launch_time: Option<Timestamp>) -> InstancePlace {
    let name = |text: &Option<String>| text.as_deref().map(bounded::name);
    InstancePlace {
        instance_id: instance.instance_id.clone(),
        instance_type: name(&instance.instance_type),
        availability_zone: name(&instance.availability_zone),
        subnet_id: name(&instance.subnet_id),
        private_ip: name(&instance.private_ip),
        private_dns_name: name(&instance.private_dns_name).filter(|name| !name.is_empty()),
        public_dns_name: name(&instance.public_dns_name).filter(|name| !name.is_empty()),
        launch_time,
    }
}
