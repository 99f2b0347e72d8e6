//! The events of launches that are being watched, read from the log once for all watchers of a launch.
//!
//! A watcher keeps its position and nothing else. Whoever comes first after a record was written reads it, folds it
//! and leaves the event for the others, so that ten thousand watchers cost the log what one costs. What nobody watches
//! any more is forgotten: the log has it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::WatchError;
use super::open::Open;
use crate::audit::{AuditLog, ReadError};
use crate::ids::LaunchId;
use crate::record::{BootEvent, Launch};

/// The events of one launch.
#[derive(Debug)]
pub(super) struct Feed {
    log: AuditLog,
    launch_id: LaunchId,
    read: Mutex<Read>,
}

/// What comes after a position.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Next {
    /// This event.
    Event(Arc<BootEvent>),
    /// Nothing yet.
    Nothing,
    /// Nothing, and nothing more by itself.
    Settled,
}

impl Feed {
    /// The events of a launch, as far as `size` records of the log tell at least.
    ///
    /// # Errors
    /// If there is no such launch, or the log cannot be read.
    pub(super) fn open(
        open: &Open<LaunchId, Self>,
        log: &AuditLog,
        launch_id: LaunchId,
        size: u64,
    ) -> Result<Arc<Self>, WatchError> {
        if let Some(feed) = open.get(&launch_id) {
            feed.read().catch_up(log, launch_id, size)?;
            return Ok(feed);
        }
        // Not under the lock: two that open the same launch at once may both read it.
        let Some(read) = Read::begin(log, launch_id, size)? else {
            return Err(match log.pruned_launch(launch_id)? {
                Some(pruned) => WatchError::Pruned { launch_id, pruned },
                None => WatchError::NoSuchLaunch(launch_id),
            });
        };
        Ok(open.insert(launch_id, Self { log: log.clone(), launch_id, read: Mutex::new(read) }))
    }

    /// The event with the sequence after `after`, once `size` records of the log are read.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) fn next(&self, after: u64, size: u64) -> Result<Next, ReadError> {
        let mut read = self.read();
        read.catch_up(&self.log, self.launch_id, size)?;
        Ok(match usize::try_from(after).ok().and_then(|after| read.events.get(after)) {
            Some(event) => Next::Event(Arc::clone(event)),
            None if read.launch.state.is_settled() => Next::Settled,
            None => Next::Nothing,
        })
    }

    /// What `look` makes of the launch as far as it has been read.
    pub(super) fn with_launch<T>(&self, look: impl FnOnce(&Launch) -> T) -> T {
        look(&self.read().launch)
    }

    /// The same, once `size` records of the log are read.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) fn with_launch_at<T>(&self, size: u64, look: impl FnOnce(&Launch) -> T) -> Result<T, ReadError> {
        let mut read = self.read();
        read.catch_up(&self.log, self.launch_id, size)?;
        Ok(look(&read.launch))
    }

    fn read(&self) -> MutexGuard<'_, Read> {
        // It is consistent after every statement: a record that cannot be applied leaves the launch unchanged.
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A launch as far as it has been read from the log.
#[derive(Debug)]
struct Read {
    launch: Launch,
    /// The event with sequence n is at n - 1.
    events: Vec<Arc<BootEvent>>,
    /// After the last record of the launch that was read.
    next_index: u64,
    /// How many records of the log have been looked at.
    size: u64,
}

impl Read {
    /// None if the log has no such launch.
    fn begin(log: &AuditLog, launch_id: LaunchId, size: u64) -> Result<Option<Self>, ReadError> {
        if log.launch(launch_id)?.is_none() {
            return Ok(None);
        }
        let entries = log.launch_entries(launch_id, 0)?;
        let Some((first, rest)) = entries.split_first() else { return Ok(None) };
        let damaged = |index| ReadError::Damaged { index };
        let (launch, events) = Launch::begin(&first.entry).map_err(|_| damaged(first.index))?;
        let events = events.into_iter().map(Arc::new).collect();
        let mut read = Self { launch, events, next_index: first.index + 1, size };
        for indexed in rest {
            read.apply(indexed)?;
        }
        Ok(Some(read))
    }

    fn catch_up(&mut self, log: &AuditLog, launch_id: LaunchId, size: u64) -> Result<(), ReadError> {
        if size <= self.size {
            return Ok(());
        }
        for indexed in log.launch_entries(launch_id, self.next_index)? {
            self.apply(&indexed)?;
        }
        self.size = size;
        Ok(())
    }

    fn apply(&mut self, indexed: &crate::audit::Indexed) -> Result<(), ReadError> {
        let events = self.launch.apply(&indexed.entry).map_err(|_| ReadError::Damaged { index: indexed.index })?;
        self.next_index = indexed.index + 1;
        self.events.extend(events.into_iter().map(Arc::new));
        Ok(())
    }
}
