//! What the log has of instances, from which a poller goes on.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::audit::{AuditLog, ReadError};
use crate::boot::observe::{Checks, Tracked};
use crate::ids::{InstanceId, LaunchId};
use crate::record::{Event, InstancePhase, Launch, LaunchInstance, Phase};

/// How long an instance that was not ready in time is still looked at.
const LATE_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// A launch as the log has it.
pub(super) struct OnRecord {
    pub(super) launch: Launch,
    /// The last phase of the instances, of those launches where more of it is needed than its name.
    last: HashMap<InstanceId, InstancePhase>,
}

impl OnRecord {
    /// Reads a launch; none if there is no such launch.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) fn read(log: &AuditLog, launch_id: LaunchId) -> Result<Option<Self>, ReadError> {
        let Some(launch) = log.launch(launch_id)? else { return Ok(None) };
        let mut last = HashMap::new();
        // Only then are the records of the launch worth reading, once for all its instances: others have neither
        // checks nor scheduled events.
        let is_compared = |phase| matches!(phase, Phase::Pending | Phase::Running | Phase::Checking | Phase::Impaired);
        if launch.instances.iter().any(|instance| is_compared(instance.phase)) {
            for indexed in log.launch_entries(launch_id, 0)? {
                if let Event::InstancePhase(phase) = indexed.entry.event {
                    last.insert(phase.instance_id.clone(), phase);
                }
            }
        }
        Ok(Some(Self { launch, last }))
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
        let last = self.last.get(&instance.place.instance_id);
        Tracked {
            instance_id: instance.place.instance_id.clone(),
            phase: Some(instance.phase),
            place: Some(instance.place.clone()),
            checks: last.map(Checks::recorded).unwrap_or_default(),
            failure: last.and_then(|last| last.failure.as_deref().cloned()),
            scheduled: last.map(|last| last.scheduled_events.clone()).unwrap_or_default(),
            since: launch.create_time,
            ready_by: launch.ready_by(instance),
            terminating: launch.terminating,
            was_ready: instance.ready_time.is_some(),
            is_missing: false,
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
    let mut place = None;
    let mut last = None;
    let mut was_ready = false;
    for indexed in log.instance_entries(instance_id, 0)? {
        if let Event::InstancePhase(phase) = indexed.entry.event {
            place = phase.place.clone().or(place);
            was_ready |= phase.phase == Phase::Ready;
            last = Some(phase);
        }
    }
    let phase = last.as_ref().map(|last| last.phase);
    Ok(Tracked {
        instance_id: instance_id.clone(),
        phase,
        place,
        checks: last.as_ref().map(Checks::recorded).unwrap_or_default(),
        failure: last.as_ref().and_then(|last| last.failure.as_deref().cloned()),
        scheduled: last.map(|last| last.scheduled_events).unwrap_or_default(),
        since,
        ready_by: None,
        terminating: false,
        was_ready,
        is_missing: false,
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
        Phase::TimedOut => launch.terminating || !is_long_past(instance.phase_time, now),
        Phase::Requested | Phase::Pending | Phase::Running | Phase::Checking | Phase::Impaired | Phase::Stopped => true,
    }
}

/// Whether an instance that was not ready at `time` has been looked at for long enough since.
pub(super) fn is_long_past(time: Timestamp, now: Timestamp) -> bool {
    Duration::try_from(now.duration_since(time)).is_ok_and(|age| age >= LATE_LIMIT)
}
