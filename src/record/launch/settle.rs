//! What state follows from the instances, and the events that say so.

use std::time::Duration;

use jiff::Timestamp;

use super::Launch;
use crate::record::{BootEvent, InstancePhase, LaunchState, Phase};

impl Launch {
    /// Recomputes the state from the instances; the event, if it changed.
    pub(super) fn settle(&mut self, time: Timestamp) -> Option<BootEvent> {
        let state = self.state_of_instances();
        if state == self.state {
            return None;
        }
        self.state = state;
        self.settle_time = state.is_settled().then_some(time);
        Some(self.launch_event(time))
    }

    pub(super) fn state_of_instances(&self) -> LaunchState {
        let all = self.instances.len();
        if all == 0 {
            return self.state;
        }
        let up = self.instances.iter().filter(|instance| instance.is_up()).count();
        let ended = self.instances.iter().filter(|instance| instance.has_ended()).count();
        let late = self.instances.iter().filter(|i| i.phase == Phase::TimedOut && !i.is_up()).count();
        if self.terminating {
            return if ended == all { LaunchState::Terminated } else { LaunchState::Terminating };
        }
        if up + ended + late < all {
            return LaunchState::Booting;
        }
        if up == all {
            LaunchState::Ready
        } else if up > 0 {
            LaunchState::Partial
        } else if self.instances.iter().all(|it| it.phase == Phase::Terminated && !it.ended_late()) {
            LaunchState::Terminated
        } else {
            LaunchState::Failed
        }
    }

    pub(super) fn since(&self, time: Timestamp) -> Duration {
        Duration::try_from(time.duration_since(self.create_time)).unwrap_or(Duration::ZERO)
    }

    fn next_sequence(&mut self) -> u64 {
        self.last_sequence += 1;
        self.last_sequence
    }

    pub(super) fn launch_event(&mut self, time: Timestamp) -> BootEvent {
        BootEvent {
            launch_id: Some(self.launch_id),
            instance_id: None,
            sequence: self.next_sequence(),
            phase: None,
            system_status: None,
            instance_status: None,
            ebs_status: None,
            application_status: None,
            performance_status: None,
            scheduled_events: Vec::new(),
            state_reason: self.state_reason.clone(),
            failure: None,
            observed_time: time,
            elapsed: self.since(time),
            launch_state: Some(self.state),
            terminal: self.state.is_settled(),
        }
    }

    pub(super) fn instance_event(&mut self, time: Timestamp, phase: &InstancePhase) -> BootEvent {
        BootEvent {
            launch_id: Some(self.launch_id),
            sequence: self.next_sequence(),
            ..BootEvent::of_instance(time, phase)
        }
    }
}

impl BootEvent {
    /// The event of an instance reaching a phase, as of no launch: without a launch id, and with sequence 0. A launch
    /// puts its own in their place; a stream over instances keeps the 0, since it goes by a cursor.
    pub fn of_instance(time: Timestamp, phase: &InstancePhase) -> Self {
        Self {
            launch_id: None,
            instance_id: Some(phase.instance_id.clone()),
            sequence: 0,
            phase: Some(phase.phase),
            system_status: phase.system_status.clone(),
            instance_status: phase.instance_status.clone(),
            ebs_status: phase.ebs_status.clone(),
            application_status: phase.application_status.clone(),
            performance_status: phase.performance_status.clone(),
            scheduled_events: phase.scheduled_events.clone(),
            state_reason: phase.state_reason.clone(),
            failure: phase.failure.as_deref().cloned(),
            observed_time: time,
            elapsed: phase.elapsed,
            launch_state: None,
            terminal: phase.phase.is_terminal(),
        }
    }
}
