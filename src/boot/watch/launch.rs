//! Watching one launch by the sequence of its events.

use std::sync::Arc;

use tokio::sync::watch;

use super::feed::{Feed, Next};
use super::{HEARTBEAT_PERIOD, WatchError, Watched, Watches, heartbeat};
use crate::audit::Topic;
use crate::boot::Tracker;
use crate::clock::Clock;
use crate::ids::LaunchId;
use crate::record::Launch;

/// The events of one launch after a sequence, ending with the first terminal event of the whole
/// launch.
#[derive(Debug)]
pub struct LaunchWatch {
    clock: Arc<dyn Clock>,
    tracker: Tracker,
    feed: Arc<Feed>,
    after: u64,
    changes: watch::Receiver<u64>,
    ended: bool,
}

impl LaunchWatch {
    pub(super) fn open(watches: &Watches, launch_id: LaunchId, after: u64) -> Result<Self, WatchError> {
        let Watches { log, clock, tracker, launches, .. } = watches;
        // Subscribed before reading, so that what is written in between is not missed.
        let changes = log.subscribe(Topic::Launch(launch_id));
        let feed = Feed::open(launches, log, launch_id, log.size())?;
        let last = feed.with_launch(|launch| launch.last_sequence);
        if last < after {
            return Err(WatchError::AheadOfLaunch { after, last });
        }
        Ok(Self { clock: Arc::clone(clock), tracker: tracker.clone(), feed, after, changes, ended: false })
    }

    /// What `look` makes of the launch as far as it has been read; what an event's expectations are made from.
    pub fn with_launch<T>(&self, look: impl FnOnce(&Launch) -> T) -> T {
        self.feed.with_launch(look)
    }

    /// The next event or heartbeat; none after the last.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub async fn next(&mut self) -> Result<Option<Watched>, WatchError> {
        while !self.ended {
            let size = *self.changes.borrow_and_update();
            match self.feed.next(self.after, size)? {
                Next::Event(event) => {
                    self.after += 1;
                    self.ended = event.terminal && event.instance_id.is_none();
                    return Ok(Some(Watched::Event { event, cursor: None }));
                }
                // The caller has seen the terminal event before: there is nothing to wait for.
                Next::Settled => self.ended = true,
                Next::Nothing => {
                    tokio::select! {
                        changed = self.changes.changed() => self.ended = changed.is_err(),
                        () = self.clock.sleep(HEARTBEAT_PERIOD) => {
                            let observed = self.feed.with_launch(|launch| {
                                let place = (launch.account_id.clone(), launch.region.clone());
                                let ids = launch.instances.iter().map(|instance| &instance.place.instance_id);
                                self.tracker.observed(&place, ids)
                            });
                            return Ok(Some(heartbeat(&*self.clock, observed)));
                        }
                    }
                }
            }
        }
        Ok(None)
    }
}
