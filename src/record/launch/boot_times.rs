//! When an instance reached what for the first time, and how its boot came out: what boots are measured by.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::record::{InstancePhase, Phase};

/// How long an instance took to what, counted from the request, and how its boot came out. The first time counts. Once
/// the boot has come out, nothing changes any more: what happens then is life and not boot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootTimes {
    /// PENDING. A phase that nobody saw has no time.
    #[serde(default)]
    pub pending: Option<Duration>,
    /// RUNNING.
    #[serde(default)]
    pub running: Option<Duration>,
    /// CHECKING.
    #[serde(default)]
    pub checking: Option<Duration>,
    /// READY.
    #[serde(default)]
    pub ready: Option<Duration>,
    /// How the boot came out; none while it is under way.
    #[serde(default)]
    pub outcome: Option<BootOutcome>,
    /// When that was.
    #[serde(default)]
    pub outcome_time: Option<Timestamp>,
}

/// How a boot came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BootOutcome {
    /// It was READY.
    Ready,
    /// It was FAILED or TIMED_OUT before it was READY. One that is READY later was late all the same.
    Failed,
    /// It was stopped or terminated before it was READY or failed. That says nothing about booting, and after a start
    /// the time it stood still would be counted too.
    Interrupted,
}

impl BootTimes {
    /// Takes in the next phase on record.
    pub(crate) fn note(&mut self, time: Timestamp, phase: &InstancePhase) {
        if self.outcome.is_some() {
            return;
        }
        let outcome = match phase.phase {
            Phase::Requested | Phase::Impaired => None,
            Phase::Pending => {
                self.pending.get_or_insert(phase.elapsed);
                None
            }
            Phase::Running => {
                self.running.get_or_insert(phase.elapsed);
                None
            }
            Phase::Checking => {
                self.checking.get_or_insert(phase.elapsed);
                None
            }
            Phase::Ready => {
                self.ready = Some(phase.elapsed);
                Some(BootOutcome::Ready)
            }
            Phase::Failed | Phase::TimedOut => Some(BootOutcome::Failed),
            Phase::Stopped | Phase::Terminated => Some(BootOutcome::Interrupted),
        };
        self.outcome = outcome;
        self.outcome_time = outcome.map(|_| time);
    }
}
