//! Watching: replay from the log, then follow it.
//!
//! A watch is pulled by its reader and keeps nothing but a position in the log, so a slow reader
//! re-reads and nobody else waits for it. Between events it yields heartbeats that say how old what
//! is known is.

mod instances;
mod launch;

use std::time::Duration;

use jiff::Timestamp;

use crate::audit::{PrunedLaunch, ReadError};
use crate::ec2::Ec2Error;
use crate::ids::{InstanceId, LaunchId};
use crate::record::BootEvent;

pub use instances::{Cursor, InstancesWatch};
pub use launch::LaunchWatch;

/// The longest time without an event or a heartbeat.
const HEARTBEAT_PERIOD: Duration = Duration::from_secs(10);

/// What a watch yields.
#[derive(Debug, Clone, PartialEq)]
pub enum Watched {
    /// Something happened.
    Event {
        /// What.
        event: Box<BootEvent>,
        /// Where to go on after it; only of a watch over instances.
        cursor: Option<Cursor>,
    },
    /// Nothing happened; this is when EC2 was last asked.
    Heartbeat {
        /// None before EC2 has answered for the first time.
        observed: Option<Timestamp>,
    },
}

/// Why a watch ends without a terminal event.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// There is no such launch.
    #[error("there is no launch {0}")]
    NoSuchLaunch(LaunchId),
    /// Retention has removed the launch's records.
    #[error("the records of launch {launch_id} were removed")]
    Pruned {
        /// The launch.
        launch_id: LaunchId,
        /// What stays of it.
        pruned: PrunedLaunch,
    },
    /// Neither the log nor EC2 knows these instances.
    #[error("there are no instances {0:?}")]
    NoSuchInstances(Vec<InstanceId>),
    /// The caller wants to go on after an event that has not happened.
    #[error("sequence {after} is ahead of the launch, whose last event is {last}")]
    AheadOfLaunch {
        /// What the caller said.
        after: u64,
        /// The sequence of the last event.
        last: u64,
    },
    /// The caller wants to go on after a record that does not exist.
    #[error("the cursor is after record {after} of the log, which has {last}")]
    AheadOfLog {
        /// How many records the caller says to have read past.
        after: u64,
        /// How many records there are.
        last: u64,
    },
    /// EC2 could not be asked.
    #[error("EC2 could not be asked")]
    Ec2(#[from] Ec2Error),
    /// The log could not be read.
    #[error("the audit log could not be read")]
    Read(#[from] ReadError),
}
