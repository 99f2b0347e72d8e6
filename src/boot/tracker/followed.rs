//! What a poller knows of an instance it follows, made from the log.
//!
//! It asks nobody: what EC2 shows is compared with this in [`crate::boot::observe`].

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::audit::{AuditLog, ReadError};
use crate::boot::observe::{ABSENT_LIMIT, Tracked};
use crate::ids::{InstanceId, LaunchId};
use crate::record::{Event, InstancePhase, Launch, LaunchInstance, Phase};

/// How long an instance that was not ready in time is still looked at.
const LATE_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// How often it must be looked for, beside [`ABSENT_LIMIT`].
const ABSENT_LOOKS: u32 = 10;

/// The status checks on record with a phase: system, instance, EBS.
pub(super) type Checks = [Option<String>; 3];

/// An instance and why it is followed.
pub(super) struct Followed {
    pub(super) tracked: Tracked,
    pub(super) launch_id: Option<LaunchId>,
    /// How many streams watch it directly.
    pub(super) watchers: usize,
    /// Whether its launch still waits for it.
    pub(super) awaited: bool,
    /// Whether nobody waits for it, and all that is to be known is whether it is still there.
    pub(super) is_checked: bool,
    /// Since when EC2 does not show it, on the clock's uptime, and how often it was looked for since.
    pub(super) absent: Option<(Duration, u32)>,
}

impl Followed {
    /// Keeps what was recorded, so that it is not recorded again.
    pub(super) fn recorded(&mut self, phase: InstancePhase) {
        self.tracked.phase = Some(phase.phase);
        if phase.phase == Phase::Ready {
            self.tracked.was_ready = true;
            self.tracked.ready_by = None;
        }
        self.tracked.checks = [phase.system_status, phase.instance_status, phase.ebs_status];
        if phase.place.is_some() {
            self.tracked.place = phase.place;
        }
    }

    /// Notes whether EC2 shows it.
    pub(super) fn seen(&mut self, is_shown: bool, uptime: Duration) {
        self.absent = match self.absent {
            _ if is_shown => None,
            Some((since, looks)) => Some((since, looks.saturating_add(1))),
            None => Some((uptime, 1)),
        };
        let is_absent = |(since, looks)| ABSENT_LOOKS <= looks && ABSENT_LIMIT <= uptime.saturating_sub(since);
        self.tracked.is_absent = self.absent.is_some_and(is_absent);
    }

    /// Whether its launch has nothing more to learn of it.
    pub(super) fn is_settled(&self, now: Timestamp) -> bool {
        let tracked = &self.tracked;
        if self.is_checked && !matches!(tracked.phase, Some(Phase::Failed | Phase::Terminated)) {
            return self.absent.is_none();
        }
        match tracked.phase {
            Some(Phase::Ready) => !tracked.terminating,
            Some(Phase::Failed | Phase::Terminated) => true,
            Some(Phase::TimedOut) => {
                let late = tracked.ready_by.is_some_and(|ready_by| is_past(ready_by, LATE_LIMIT, now));
                late && !tracked.terminating
            }
            _ => false,
        }
    }
}

/// A launch as the log has it.
pub(super) struct OnRecord {
    pub(super) launch: Launch,
    checks: HashMap<InstanceId, Checks>,
}

impl OnRecord {
    /// Reads a launch; none if there is no such launch.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) fn read(log: &AuditLog, launch_id: LaunchId) -> Result<Option<Self>, ReadError> {
        let Some(launch) = log.launch(launch_id)? else { return Ok(None) };
        let mut checks = HashMap::new();
        // Only the phase Checking is compared by its checks, so only then are the records of the
        // launch worth reading: once for all its instances.
        if launch.instances.iter().any(|instance| instance.phase == Phase::Checking) {
            for indexed in log.launch_entries(launch_id, 0)? {
                if let Event::InstancePhase(phase) = indexed.entry.event {
                    checks.insert(phase.instance_id, [phase.system_status, phase.instance_status, phase.ebs_status]);
                }
            }
        }
        Ok(Some(Self { launch, checks }))
    }

    /// The instances that the launch still waits for.
    pub(super) fn awaited(&self, now: Timestamp) -> impl Iterator<Item = Tracked> {
        let instances = self.launch.instances.iter().filter(move |instance| is_awaited(&self.launch, instance, now));
        instances.map(|instance| self.tracked(instance))
    }

    /// The instances that have not ended.
    pub(super) fn living(&self) -> impl Iterator<Item = Tracked> {
        let living = self.launch.instances.iter().filter(|instance| !instance.has_ended());
        living.map(|instance| self.tracked(instance))
    }

    /// One of its instances.
    pub(super) fn find(&self, instance_id: &InstanceId) -> Option<Tracked> {
        let instance = self.launch.instances.iter().find(|instance| instance.place.instance_id == *instance_id)?;
        Some(self.tracked(instance))
    }

    fn tracked(&self, instance: &LaunchInstance) -> Tracked {
        let launch = &self.launch;
        let launched = launch
            .attempts
            .iter()
            .find(|attempt| attempt.attempt_id == instance.attempt_id)
            .and_then(|attempt| attempt.end_time)
            .unwrap_or(launch.create_time);
        Tracked {
            instance_id: instance.place.instance_id.clone(),
            phase: Some(instance.phase),
            place: Some(instance.place.clone()),
            checks: self.checks.get(&instance.place.instance_id).cloned().unwrap_or_default(),
            since: launch.create_time,
            ready_by: match instance.ready_time {
                Some(_) => None,
                None => launched.checked_add(launch.spec.ready_timeout).ok(),
            },
            terminating: launch.terminating,
            was_ready: instance.ready_time.is_some(),
            is_absent: false,
        }
    }
}

/// An instance that no launch of Gantry made, as the log has it; `since` is what its boot is
/// measured from.
///
/// # Errors
/// If the log cannot be read.
pub(super) fn without_launch(log: &AuditLog, instance_id: &InstanceId, since: Timestamp) -> Result<Tracked, ReadError> {
    let last = log.instance_entries(instance_id, 0)?.pop();
    let (phase, place, checks) = match last.map(|indexed| indexed.entry.event) {
        Some(Event::InstancePhase(last)) => {
            (Some(last.phase), last.place, [last.system_status, last.instance_status, last.ebs_status])
        }
        _ => (None, None, [None, None, None]),
    };
    let instance_id = instance_id.clone();
    Ok(Tracked {
        instance_id,
        phase,
        place,
        checks,
        since,
        ready_by: None,
        terminating: false,
        was_ready: phase == Some(Phase::Ready),
        is_absent: false,
    })
}

/// Whether a launch still waits for an instance.
fn is_awaited(launch: &Launch, instance: &LaunchInstance, now: Timestamp) -> bool {
    if instance.ready_time.is_some() && !launch.terminating {
        return false;
    }
    match instance.phase {
        Phase::Failed | Phase::Terminated => false,
        Phase::Ready => launch.terminating,
        Phase::TimedOut => launch.terminating || !is_past(instance.phase_time, LATE_LIMIT, now),
        Phase::Requested | Phase::Pending | Phase::Running | Phase::Checking | Phase::Impaired | Phase::Stopped => true,
    }
}

fn is_past(time: Timestamp, limit: Duration, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(time)).is_ok_and(|age| age >= limit)
}
