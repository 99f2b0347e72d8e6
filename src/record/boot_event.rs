//! Boot events: what a watcher sees, and the states it is told about.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::entry::Reason;
use crate::ids::{InstanceId, LaunchId, Sha256Digest};

/// How far an instance has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// EC2 accepted the launch; the instance may not be visible yet.
    Requested,
    /// EC2 prepares it.
    Pending,
    /// It runs; whether anything answers is not known.
    Running,
    /// Status checks are being made.
    Checking,
    /// It runs and its status checks passed.
    Ready,
    /// A status check failed; it may recover.
    Impaired,
    /// It is stopped or stopping.
    Stopped,
    /// It will not come up.
    Failed,
    /// It was terminated.
    Terminated,
    /// It was not ready in time; tracking goes on, watching ends.
    TimedOut,
}

impl Phase {
    /// Whether an event of this phase is the last a watcher of the instance waits for.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Ready | Self::Failed | Self::Terminated | Self::TimedOut => true,
            Self::Requested | Self::Pending | Self::Running | Self::Checking | Self::Impaired | Self::Stopped => false,
        }
    }
}

/// How far a launch has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaunchState {
    /// Not admitted.
    Refused,
    /// Instances are being asked for.
    Launching,
    /// Instances exist and are not all settled.
    Booting,
    /// Every instance is ready.
    Ready,
    /// Some are ready, some failed for good.
    Partial,
    /// No instance came up; `state_reason` says why.
    Failed,
    /// Cancelled before anything was launched.
    Cancelled,
    /// Its instances are being terminated.
    Terminating,
    /// Its instances are terminated.
    Terminated,
}

impl LaunchState {
    /// Whether nothing more is going to happen by itself.
    pub fn is_settled(self) -> bool {
        match self {
            Self::Refused | Self::Ready | Self::Partial | Self::Failed | Self::Cancelled | Self::Terminated => true,
            Self::Launching | Self::Booting | Self::Terminating => false,
        }
    }
}

/// Where a boot failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BootStage {
    /// There was no capacity.
    Capacity,
    /// A volume could not be made.
    Volume,
    /// A snapshot is missing or broken.
    Snapshot,
    /// A key could not be used.
    Kms,
    /// The host or its network.
    System,
    /// The instance does not answer.
    Instance,
    /// An attached EBS volume.
    Ebs,
    /// The AMI cannot boot the way the type boots.
    BootMode,
    /// It took too long.
    Timeout,
    /// Somebody or something ended it.
    Ended,
    /// Not known.
    Unknown,
}

/// Why an instance did not come up, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootFailure {
    /// One sentence.
    pub cause: String,
    /// Where it failed.
    pub stage: BootStage,
    /// What to do about it.
    pub remedy: String,
    /// What its console ended with, where that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub console: Option<ConsoleDigest>,
}

/// Which end of a console a failure was explained from. The text itself is kept apart from the log, for a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleDigest {
    /// SHA-256 of the tail as it is shown: its last 4 KiB, with secrets masked.
    pub sha256: Sha256Digest,
    /// Its length in bytes.
    pub bytes: u64,
    /// When EC2 took it, where EC2 says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken: Option<Timestamp>,
}

/// What EC2 has scheduled for an instance, or warned of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScheduledEvent {
    /// EC2's id of the event; a Spot interruption has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// EC2's code, such as `instance-retirement`; `spot-interruption` for a Spot Instance that EC2 takes back.
    pub code: String,
    /// EC2's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its earliest start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Its latest end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
}

/// One step of a launch, as a watcher sees it. An event about an instance has its `instance_id`
/// and `phase`; an event about the whole launch has neither, and has `launch_state`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BootEvent {
    /// The launch; absent for an instance that Gantry did not launch.
    pub launch_id: Option<LaunchId>,
    /// The instance, or none for the whole launch.
    pub instance_id: Option<InstanceId>,
    /// Position in the launch's events, from 1.
    pub sequence: u64,
    /// The instance's phase.
    pub phase: Option<Phase>,
    /// EC2's word for the system status check.
    pub system_status: Option<String>,
    /// EC2's word for the instance status check.
    pub instance_status: Option<String>,
    /// EC2's word for the attached EBS status check.
    pub ebs_status: Option<String>,
    /// EC2's word for the application status check.
    #[serde(default)]
    pub application_status: Option<String>,
    /// EC2's word for the performance status check.
    #[serde(default)]
    pub performance_status: Option<String>,
    /// What is scheduled for the instance.
    #[serde(default)]
    pub scheduled_events: Vec<ScheduledEvent>,
    /// EC2's or Gantry's reason.
    pub state_reason: Option<Reason>,
    /// Cause and remedy, when it failed.
    pub failure: Option<BootFailure>,
    /// When it was seen.
    pub observed_time: Timestamp,
    /// Since the launch was decided, or the instance was launched.
    pub elapsed: Duration,
    /// The launch's state, on events about the whole launch.
    pub launch_state: Option<LaunchState>,
    /// Whether nothing more follows: of the instance, or, on a launch event, of the stream.
    pub terminal: bool,
}
