//! Watching one launch by the sequence of its events.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::watch;

use super::{HEARTBEAT_PERIOD, WatchError, Watched};
use crate::audit::{AuditLog, ReadError, Topic};
use crate::boot::Tracker;
use crate::clock::Clock;
use crate::ids::LaunchId;
use crate::record::{BootEvent, Launch};

/// The events of one launch after a sequence, ending with the first terminal event of the whole
/// launch.
#[derive(Debug)]
pub struct LaunchWatch {
    log: AuditLog,
    clock: Arc<dyn Clock>,
    tracker: Tracker,
    launch_id: LaunchId,
    after: u64,
    launch: Option<Launch>,
    next_index: u64,
    pending: VecDeque<BootEvent>,
    changes: watch::Receiver<u64>,
    ended: bool,
}

impl LaunchWatch {
    /// Watches `launch_id` from the event after sequence `after`; 0 is from the beginning.
    ///
    /// # Errors
    /// If there is no such launch or it has not come that far.
    pub fn open(
        log: AuditLog,
        clock: Arc<dyn Clock>,
        tracker: Tracker,
        launch_id: LaunchId,
        after: u64,
    ) -> Result<Self, WatchError> {
        // Subscribed before reading, so that what is written in between is not missed.
        let changes = log.subscribe(Topic::Launch(launch_id));
        let Some(launch) = log.launch(launch_id)? else {
            return Err(match log.pruned_launch(launch_id)? {
                Some(pruned) => WatchError::Pruned { launch_id, pruned },
                None => WatchError::NoSuchLaunch(launch_id),
            });
        };
        if after > launch.last_sequence {
            return Err(WatchError::AheadOfLaunch { after, last: launch.last_sequence });
        }
        let pending = VecDeque::new();
        Ok(Self { log, clock, tracker, launch_id, after, launch: None, next_index: 0, pending, changes, ended: false })
    }

    /// The launch as far as it has been read; what an event's expectations are made from.
    pub fn launch(&self) -> Option<&Launch> {
        self.launch.as_ref()
    }

    /// The next event or heartbeat; none after the last.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub async fn next(&mut self) -> Result<Option<Watched>, WatchError> {
        while !self.ended {
            if let Some(event) = self.pending.pop_front() {
                if event.sequence <= self.after {
                    continue;
                }
                self.ended = event.terminal && event.instance_id.is_none();
                return Ok(Some(Watched::Event { event: Box::new(event), cursor: None }));
            }
            self.changes.mark_unchanged();
            if self.read()? {
                continue;
            }
            if self.launch.as_ref().is_some_and(|launch| launch.state.is_settled()) {
                // The caller has seen the terminal event before: there is nothing to wait for.
                self.ended = true;
                break;
            }
            tokio::select! {
                changed = self.changes.changed() => self.ended = changed.is_err(),
                () = self.clock.sleep(HEARTBEAT_PERIOD) => {
                    let place = self.launch.as_ref().map(|launch| (launch.account_id.clone(), launch.region.clone()));
                    let observed = place.and_then(|place| self.tracker.observed(&place));
                    return Ok(Some(Watched::Heartbeat { observed }));
                }
            }
        }
        Ok(None)
    }

    /// Reads what is new in the log; false if nothing is.
    fn read(&mut self) -> Result<bool, WatchError> {
        let entries = self.log.launch_entries(self.launch_id, self.next_index)?;
        let any = !entries.is_empty();
        for indexed in entries {
            self.next_index = indexed.index + 1;
            let events = match &mut self.launch {
                Some(launch) => {
                    launch.apply(&indexed.entry).map_err(|_| ReadError::Damaged { index: indexed.index })?
                }
                None => {
                    let (launch, events) =
                        Launch::begin(&indexed.entry).map_err(|_| ReadError::Damaged { index: indexed.index })?;
                    self.launch = Some(launch);
                    events
                }
            };
            self.pending.extend(events);
        }
        Ok(any)
    }
}
