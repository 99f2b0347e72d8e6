//! Boot events, on their way out.

use super::time::{to_duration, to_timestamp};
use crate::api::pb;
use crate::record::{BootEvent, BootFailure, BootStage, LaunchState, Phase, Reason, ScheduledEvent};

impl From<&BootEvent> for pb::BootEvent {
    fn from(event: &BootEvent) -> Self {
        let BootEvent {
            launch_id,
            instance_id,
            sequence,
            phase,
            system_status,
            instance_status,
            ebs_status,
            application_status,
            performance_status,
            scheduled_events,
            state_reason,
            failure,
            observed_time,
            elapsed,
            launch_state,
            terminal,
        } = event;
        Self {
            launch_id: launch_id.map(|id| id.to_string()).unwrap_or_default(),
            instance_id: instance_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            sequence: *sequence,
            phase: phase.map_or(pb::BootPhase::Unspecified, Into::into).into(),
            system_status: system_status.clone().unwrap_or_default(),
            instance_status: instance_status.clone().unwrap_or_default(),
            ebs_status: ebs_status.clone().unwrap_or_default(),
            application_status: application_status.clone().unwrap_or_default(),
            performance_status: performance_status.clone().unwrap_or_default(),
            scheduled_events: scheduled_events.iter().map(Into::into).collect(),
            state_reason: state_reason.as_ref().map(Into::into),
            failure: failure.as_ref().map(Into::into),
            observed_time: Some(to_timestamp(*observed_time)),
            elapsed: Some(to_duration(*elapsed)),
            // Estimates and cursors are of the stream and not of the event; the stream adds them.
            progress: None,
            expected_remaining: None,
            terminal: *terminal,
            launch_state: launch_state.map_or(pb::LaunchState::Unspecified, Into::into).into(),
            cursor: String::new(),
            data_age: None,
        }
    }
}

impl From<Phase> for pb::BootPhase {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Requested => Self::Requested,
            Phase::Pending => Self::Pending,
            Phase::Running => Self::Running,
            Phase::Checking => Self::Checking,
            Phase::Ready => Self::Ready,
            Phase::Impaired => Self::Impaired,
            Phase::Stopped => Self::Stopped,
            Phase::Failed => Self::Failed,
            Phase::Terminated => Self::Terminated,
            Phase::TimedOut => Self::TimedOut,
        }
    }
}

impl From<LaunchState> for pb::LaunchState {
    fn from(state: LaunchState) -> Self {
        match state {
            LaunchState::Refused => Self::Refused,
            LaunchState::Launching => Self::Launching,
            LaunchState::Booting => Self::Booting,
            LaunchState::Ready => Self::Ready,
            LaunchState::Partial => Self::Partial,
            LaunchState::Failed => Self::Failed,
            LaunchState::Cancelled => Self::Cancelled,
            LaunchState::Terminating => Self::Terminating,
            LaunchState::Terminated => Self::Terminated,
        }
    }
}

impl From<&Reason> for pb::LaunchStateReason {
    fn from(reason: &Reason) -> Self {
        let Reason { code, message } = reason;
        Self { code: code.clone(), message: message.clone() }
    }
}

impl From<&ScheduledEvent> for pb::ScheduledEvent {
    fn from(event: &ScheduledEvent) -> Self {
        let ScheduledEvent { id, code, description, not_before, not_after } = event;
        Self {
            event_id: id.clone().unwrap_or_default(),
            code: code.clone(),
            description: description.clone().unwrap_or_default(),
            not_before: not_before.map(to_timestamp),
            not_after: not_after.map(to_timestamp),
        }
    }
}

impl From<&BootFailure> for pb::BootFailure {
    fn from(failure: &BootFailure) -> Self {
        let BootFailure { cause, stage, remedy, console } = failure;
        let stage = match stage {
            BootStage::Capacity => pb::BootStage::Capacity,
            BootStage::Volume => pb::BootStage::Volume,
            BootStage::Snapshot => pb::BootStage::Snapshot,
            BootStage::Kms => pb::BootStage::Kms,
            BootStage::System => pb::BootStage::System,
            BootStage::Instance => pb::BootStage::Instance,
            BootStage::Ebs => pb::BootStage::Ebs,
            BootStage::BootMode => pb::BootStage::BootMode,
            BootStage::Timeout => pb::BootStage::Timeout,
            BootStage::Ended => pb::BootStage::Ended,
            BootStage::Unknown => pb::BootStage::Unknown,
        };
        Self {
            cause: cause.clone(),
            stage: stage.into(),
            remedy: remedy.clone(),
            // Kept apart from the log, for a time; whoever has it adds it.
            console_tail: String::new(),
            console_sha256: console.as_ref().map(|console| console.sha256.to_string()).unwrap_or_default(),
        }
    }
}
