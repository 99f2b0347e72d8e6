//! Boot progress: one poller a Region watches whatever is young, and any number of watchers read
//! what it wrote into the audit log.
//!
//! Every transition is an audit record, so a stream is: replay from the cursor, then follow. A
//! stream holds no state that a restart could lose, and a slow reader makes nobody wait. This room
//! never names `launch`: the server hands it launches on a channel.

pub mod console;
pub mod explain;
pub mod observe;
pub mod statistics;
mod tails;
mod tracker;
mod watch;

use std::time::Duration;

pub use tails::{Expired, TAILS_BYTES_MAX, TailLimits, Tails};
pub use tracker::{Hint, Interest, Interruption, Tracker, TrackerSettings};
pub use watch::{Cursor, InstancesWatch, LaunchWatch, WatchError, Watched, Watches};

/// How long an instance takes to become ready, until there are measured boots: what EC2's
/// documentation says of each kind of root device ("Root device type", EC2 User Guide).
pub fn expected_boot(root_device_type: Option<&str>) -> Duration {
    match root_device_type {
        Some("instance-store") => Duration::from_secs(5 * 60),
        _ => Duration::from_secs(60),
    }
}
