//! Watching: replay from the log, then follow it.
//!
//! A watch is pulled by its reader and keeps nothing but a position in the log, so a slow reader
//! re-reads and nobody else waits for it. Between events it yields heartbeats that say how old what
//! is known is.

mod cursor;
mod feed;
mod history;
mod instances;
mod launch;
mod open;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Tracker;
use super::tracker::FollowError;
use crate::audit::{AuditLog, PrunedLaunch, ReadError};
use crate::clock::Clock;
use crate::ec2::Ec2Error;
use crate::ids::{AccountId, InstanceId, LaunchId, Region};
use crate::record::BootEvent;

use feed::Feed;
use history::History;
use open::Open;

pub use cursor::Cursor;
pub use instances::InstancesWatch;
pub use launch::LaunchWatch;

/// The longest time without an event or a heartbeat.
const HEARTBEAT_PERIOD: Duration = Duration::from_secs(10);

/// Where watches are opened. Clones are the same.
#[derive(Debug, Clone)]
pub struct Watches {
    log: AuditLog,
    clock: Arc<dyn Clock>,
    tracker: Tracker,
    launches: Open<LaunchId, Feed>,
    histories: Open<InstanceId, History>,
}

impl Watches {
    /// Watches over what `tracker` writes into `log`.
    pub fn new(log: AuditLog, clock: Arc<dyn Clock>, tracker: Tracker) -> Self {
        Self { log, clock, tracker, launches: Open::default(), histories: Open::default() }
    }

    /// Watches `launch_id` from the event after sequence `after`; 0 is from the beginning.
    ///
    /// # Errors
    /// If there is no such launch or it has not come that far.
    pub fn launch(&self, launch_id: LaunchId, after: u64) -> Result<LaunchWatch, WatchError> {
        LaunchWatch::open(self, launch_id, after)
    }

    /// Watches `instance_ids` of a Region of an account: everything after `cursor`, or, without one, from what
    /// each of them is now.
    ///
    /// # Errors
    /// If the cursor is ahead of the log or older than what is kept, EC2 cannot be asked, or neither EC2 nor the log
    /// knows an instance.
    pub async fn instances(
        &self,
        place: (AccountId, Region),
        instance_ids: Vec<InstanceId>,
        cursor: Option<Cursor>,
    ) -> Result<InstancesWatch, WatchError> {
        InstancesWatch::open(self, place, instance_ids, cursor).await
    }
}

/// What a watch yields.
#[derive(Debug, Clone, PartialEq)]
pub enum Watched {
    /// Something happened.
    Event {
        /// What.
        event: Arc<BootEvent>,
        /// Where to go on after it; only of a watch over instances.
        cursor: Option<Cursor>,
    },
    /// Nothing happened; this is when EC2 was last asked.
    Heartbeat {
        /// None before EC2 has answered for the first time.
        observed: Option<Timestamp>,
        /// How long ago that is.
        age: Option<Duration>,
    },
}

fn heartbeat(clock: &dyn Clock, observed: Option<Timestamp>) -> Watched {
    let age = observed.map(|observed| Duration::try_from(clock.now().duration_since(observed)).unwrap_or_default());
    Watched::Heartbeat { observed, age }
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
    /// The caller wants to go on after a record from a time of which records were removed, and some may have been
    /// about what it watches.
    #[error("records after the cursor were removed; from {oldest} on nothing was")]
    Expired {
        /// From here on nothing was removed.
        oldest: Cursor,
    },
    /// EC2 could not be asked.
    #[error("EC2 could not be asked")]
    Ec2(#[from] Ec2Error),
    /// The log could not be read.
    #[error("the audit log could not be read")]
    Read(#[from] ReadError),
}

impl From<FollowError> for WatchError {
    fn from(error: FollowError) -> Self {
        match error {
            FollowError::Ec2(error) => Self::Ec2(error),
            FollowError::Read(error) => Self::Read(error),
        }
    }
}
