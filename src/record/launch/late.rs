//! Instances that were not ready in time, and their termination where the launch asks for that.
//!
//! It ends the instances and not the launch: that they did not boot stays what became of it.

use jiff::Timestamp;

use super::{ApplyError, Launch, LaunchInstance};
use crate::ids::InstanceId;
use crate::record::{OnBootFailure, Phase, Reason, Termination, TerminationStage};

impl LaunchInstance {
    /// Whether it is TIMED_OUT, and nobody asked yet for it to be terminated for that.
    pub fn is_late(&self) -> bool {
        self.phase == Phase::TimedOut && self.late_end.is_none()
    }

    /// Whether EC2's answer to its termination for not having been ready in time is still out.
    pub fn awaits_late_end(&self) -> bool {
        self.late_end == Some(TerminationStage::Requested) && !self.has_ended()
    }

    /// Whether it is gone because it was not ready in time, as far as the log can say. One that came up after all
    /// was in use, and its end is an end like any other.
    pub(super) fn ended_late(&self) -> bool {
        let ended = matches!(self.late_end, Some(TerminationStage::Requested | TerminationStage::Accepted));
        ended && self.phase == Phase::Terminated && self.ready_time.is_none()
    }
}

impl Launch {
    /// When an instance that is not ready counts as TIMED_OUT; none once it was ready. It is measured from when the
    /// outcome of its attempt was recorded.
    pub fn ready_by(&self, instance: &LaunchInstance) -> Option<Timestamp> {
        if instance.ready_time.is_some() {
            return None;
        }
        let attempt = self.attempts.iter().find(|attempt| attempt.attempt_id == instance.attempt_id);
        let launched = attempt.and_then(|attempt| attempt.end_time).unwrap_or(self.create_time);
        launched.checked_add(self.spec.ready_timeout).ok()
    }

    /// Takes in a termination of instances that were not ready in time. Whoever watches the launch is told of their
    /// end by the instances' own events, and of nothing by this.
    pub(super) fn end_late(&mut self, termination: &Termination) -> Result<(), ApplyError> {
        let Termination { stage, instance_ids, error, .. } = termination;
        if *stage == TerminationStage::Requested {
            self.check_late(instance_ids)?;
        }
        let mut is_down = false;
        for instance in self.instances.iter_mut().filter(|it| instance_ids.contains(&it.place.instance_id)) {
            instance.late_end = Some(*stage);
            is_down |= instance.ready_time.is_none();
        }
        if let Some(error) = error.as_ref().filter(|_| is_down && *stage == TerminationStage::Failed) {
            self.state_reason = Some(Reason { code: error.code.clone(), message: error.message.clone() });
        }
        Ok(())
    }

    /// Only what is TIMED_OUT is ended for it, once, and only where the launch asks for that.
    fn check_late(&self, instance_ids: &[InstanceId]) -> Result<(), ApplyError> {
        if self.spec.on_boot_failure != OnBootFailure::Terminate || instance_ids.is_empty() {
            return Err(ApplyError::NothingToTerminate);
        }
        for id in instance_ids {
            let Some(instance) = self.instances.iter().find(|instance| instance.place.instance_id == *id) else {
                return Err(ApplyError::NoSuchInstance(id.clone()));
            };
            if !instance.is_late() {
                return Err(ApplyError::NotLate(id.clone()));
            }
        }
        Ok(())
    }
}
