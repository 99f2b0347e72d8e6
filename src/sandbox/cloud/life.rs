//! What happens to an instance after its launch, asked for or planned.
//!
//! An instance keeps its deeds in order of time, also those still to come. Where it stands at a
//! moment follows from the deeds up to then; a deed that does not apply in the state it finds (a
//! start of a running instance, a reboot of a stopped one) has no effect.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Fate;
use crate::clock::Timestamp;

/// One thing that happens to an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deed {
    pub(crate) at: Timestamp,
    pub(crate) kind: DeedKind,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DeedKind {
    /// Stops it; `hibernate` saves its memory first, `force` leaves out the file system's flush.
    Stop { hibernate: bool, force: bool, by: Cause },
    /// Starts it again once it is stopped.
    Start,
    /// Restarts its operating system.
    Reboot,
    /// Ends it.
    Terminate { by: Cause },
    /// One of its checks fails for so many milliseconds, or until it is stopped and started.
    Impair { check: Check, for_ms: Option<u64> },
}

/// Who or what stopped or terminated an instance; EC2 says it in `StateReason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cause {
    /// A call of the API.
    User,
    /// The operating system shut itself down.
    Guest,
    /// EC2 took a Spot Instance back.
    Spot,
    /// A scheduled event.
    Schedule,
}

/// One of the status checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Check {
    System,
    Instance,
    AttachedEbs,
}

/// What a plan of faults has in store for one instance that is being launched.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Destiny {
    /// Instead of the fate that its image has.
    pub(crate) fate: Option<Fate>,
    /// What happens to it so long after its launch.
    pub(crate) later: Vec<(Duration, DeedKind)>,
    /// Scheduled events that DescribeInstanceStatus announces.
    pub(crate) events: Vec<Event>,
    /// How long other calls do not find it (eventual consistency).
    pub(crate) invisible_for: Option<Duration>,
    /// How many times as long as usual it takes to boot, if not once.
    pub(crate) slowness: Option<f64>,
}

/// A scheduled event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// `instance-reboot`, `system-reboot`, `system-maintenance`, `instance-retirement` or
    /// `instance-stop`.
    pub(crate) code: String,
    /// Milliseconds from launch to `NotBefore`.
    pub(crate) not_before_ms: u64,
    /// Milliseconds from launch to `NotAfter`, if it has one.
    pub(crate) not_after_ms: Option<u64>,
}

/// `duration` divided by `speed`, or the longest duration there is.
pub(super) fn hurried(duration: Duration, speed: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() / speed).unwrap_or(Duration::MAX)
}

impl Event {
    /// Divides its times by `speed`.
    pub(super) fn hurry(&mut self, speed: f64) {
        let hurry = |ms: &mut u64| {
            let hurried = hurried(Duration::from_millis(*ms), speed);
            *ms = u64::try_from(hurried.as_millis()).unwrap_or(u64::MAX);
        };
        hurry(&mut self.not_before_ms);
        self.not_after_ms.as_mut().map(hurry);
    }

    /// What EC2 does to the instance once the event begins; maintenance does nothing to it.
    pub(crate) fn deed(&self) -> Option<DeedKind> {
        match self.code.as_str() {
            "instance-stop" | "instance-retirement" => {
                Some(DeedKind::Stop { hibernate: false, force: false, by: Cause::Schedule })
            }
            "instance-reboot" | "system-reboot" => Some(DeedKind::Reboot),
            _ => None,
        }
    }

    /// EC2's sentence for it.
    pub(crate) fn description(&self) -> &'static str {
        match self.code.as_str() {
            "instance-stop" => "The instance is running on degraded hardware",
            "instance-retirement" => "The instance is running on degraded hardware and is scheduled for retirement",
            "instance-reboot" => "scheduled reboot",
            "system-reboot" => "Scheduled reboot of the host",
            _ => "Scheduled maintenance of the host",
        }
    }
}
