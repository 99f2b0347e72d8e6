//! The store with the rows that have not come to it yet.
//!
//! A launch has about seven records, and each changes its row. Written with every commit, rows are
//! what limits the log; so they are kept in memory for some thousand changes, in which most launches
//! come to rest, and a thread of their own writes them then. Nothing is lost with them: the store
//! knows how many records it has seen, and the others are replayed at the next start. Readers see
//! rows in memory first, so it makes no difference to them where a row is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::{
    InstanceRow, LaunchRange, LaunchRow, List, PrunedLaunch, RecordStore, RequestKey, Rows, StoreError, TakenBy,
};
use crate::audit::query::Order;
use crate::ids::{InstanceId, LaunchId};

/// With this many rows in memory they begin to be written. Tests have few, and want both kinds.
const ROWS_WRITE: usize = if cfg!(test) { 8 } else { 8_192 };

/// After this many records the store is told that they were seen, however few rows they left: the next start
/// does not read them again.
const RECORDS_WRITE: u64 = 65_536;

/// With this many rows, the writer of the log waits until some are written.
const ROWS_MAX: usize = 8 * ROWS_WRITE;

/// A store and what it lags behind by.
#[derive(Debug)]
pub(in crate::audit) struct StoreBehind {
    store: Box<dyn RecordStore>,
    behind: Mutex<Behind>,
    /// Told when there is something to write, when it was written, and at the end.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Behind {
    /// Rows changed since the last writing began.
    fresh: Rows,
    /// Records that `fresh` and all before it reflect.
    size: u64,
    /// Records that the store has seen.
    written: u64,
    /// Rows being written.
    writing: Option<Arc<Rows>>,
    /// Why the store takes no more.
    failed: Option<StoreError>,
    ended: bool,
    /// The last launch there is: ids are made in the order of time, so most new ones come after it and
    /// need not be looked for.
    last_launch: Option<LaunchId>,
}

impl Behind {
    /// Whether there is enough to write.
    fn is_due(&self) -> bool {
        ROWS_WRITE <= self.fresh.len() || RECORDS_WRITE <= self.size - self.written
    }
}

impl StoreBehind {
    /// A store that lags behind by nothing, and how many records it has seen.
    pub(in crate::audit) fn new(store: Box<dyn RecordStore>) -> Result<(Self, u64), StoreError> {
        let size = store.applied()?;
        let last = store.launches(&LaunchRange::default(), Order::NewestFirst, 1)?;
        let last_launch = last.first().map(|(id, _)| *id);
        let behind = Mutex::new(Behind { size, written: size, last_launch, ..Behind::default() });
        Ok((Self { store, behind, changed: Condvar::new() }, size))
    }

    /// Takes in rows at a start, when no thread writes yet: writes them as they become many.
    pub(in crate::audit) fn replay(&self, rows: Rows, size: u64) -> Result<(), StoreError> {
        self.extend(rows, size)?;
        let is_due = self.lock().is_due();
        if is_due { self.write_out() } else { Ok(()) }
    }

    /// Writes what is in memory, when no thread writes yet.
    pub(in crate::audit) fn write_out(&self) -> Result<(), StoreError> {
        let mut behind = self.lock();
        let rows = std::mem::take(&mut behind.fresh);
        self.store.apply(&rows, behind.size)?;
        behind.written = behind.size;
        Ok(())
    }

    /// Writes rows through to the store, which lags behind by none, and lags behind by none then.
    pub(in crate::audit) fn write_through(&self, rows: &Rows, size: u64) -> Result<(), StoreError> {
        self.store.apply(rows, size)?;
        let mut behind = self.lock();
        behind.last_launch = behind.last_launch.max(rows.launches.last_key_value().map(|(id, _)| *id));
        (behind.size, behind.written) = (size, size);
        Ok(())
    }

    /// Takes in the rows that the records below `size` left. Waits while too many are not written.
    pub(in crate::audit) fn extend(&self, rows: Rows, size: u64) -> Result<(), StoreError> {
        let mut behind = self.lock();
        while ROWS_MAX < behind.fresh.len() && behind.failed.is_none() {
            behind = self.changed.wait(behind).unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(error) = &behind.failed {
            return Err(StoreError::Broken(error.to_string()));
        }
        behind.last_launch = behind.last_launch.max(rows.launches.last_key_value().map(|(id, _)| *id));
        behind.fresh.extend(rows);
        behind.size = size;
        if behind.is_due() && behind.writing.is_none() {
            self.changed.notify_all();
        }
        Ok(())
    }

    /// Writes rows as they become many, until [`StoreBehind::end`]; then what is left. Returns the
    /// error that the store ended with, if it did.
    pub(in crate::audit) fn write_behind(&self) -> Option<String> {
        let _panic = FailOnPanic(self);
        loop {
            let (rows, size) = {
                let mut behind = self.lock();
                while !behind.is_due() && !behind.ended && behind.failed.is_none() {
                    behind = self.changed.wait(behind).unwrap_or_else(PoisonError::into_inner);
                }
                // Later rows must not be said to be seen where earlier ones are not.
                if let Some(error) = &behind.failed {
                    return Some(error.to_string());
                }
                if behind.size == behind.written {
                    return None;
                }
                let rows = Arc::new(std::mem::take(&mut behind.fresh));
                behind.writing = Some(Arc::clone(&rows));
                (rows, behind.size)
            };
            let outcome = self.store.apply(&rows, size);
            let mut behind = self.lock();
            let failed = outcome.as_ref().err().map(ToString::to_string);
            match outcome {
                Ok(()) => (behind.writing, behind.written) = (None, size),
                // The rows stay where readers find them.
                Err(error) => behind.failed = Some(error),
            }
            self.changed.notify_all();
            if failed.is_some() {
                return failed;
            }
        }
    }

    /// Has [`StoreBehind::write_behind`] write what is left and return.
    pub(in crate::audit) fn end(&self) {
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Writes out what the store holds in memory.
    pub(in crate::audit) fn flush(&self) -> Result<(), StoreError> {
        self.store.flush()
    }

    /// One launch.
    pub(in crate::audit) fn launch(&self, id: LaunchId) -> Result<Option<LaunchRow>, StoreError> {
        if self.lock().last_launch < Some(id) {
            return Ok(None);
        }
        // In the latest rows that speak of it, it has a row or has lost it.
        let found = |rows: &Rows| match rows.launches.get(&id) {
            Some(row) => Some(Some(row.clone())),
            None => rows.pruned.contains_key(&id).then_some(None),
        };
        match self.in_memory(found) {
            Some(row) => Ok(row),
            None => self.store.launch(id),
        }
    }

    /// What stays of a launch whose records retention has removed.
    pub(in crate::audit) fn pruned(&self, id: LaunchId) -> Result<Option<PrunedLaunch>, StoreError> {
        match self.in_memory(|rows| rows.pruned.get(&id).cloned()) {
            Some(pruned) => Ok(Some(pruned)),
            None => self.store.pruned(id),
        }
    }

    /// Shows every instance of the store to `visit`. Only while no rows are in memory.
    pub(in crate::audit) fn each_instance(
        &self,
        visit: &mut dyn FnMut(InstanceId, InstanceRow),
    ) -> Result<(), StoreError> {
        self.store.each_instance(visit)
    }

    /// At most `limit` launches in `range`, by id from its start, or from its end backwards.
    pub(in crate::audit) fn launches(
        &self,
        range: &LaunchRange,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(LaunchId, LaunchRow)>, StoreError> {
        // First memory: what is written meanwhile is then found twice, and not missed.
        let (mut recent, mut pruned) = (BTreeMap::new(), BTreeSet::new());
        {
            let behind = self.lock();
            let in_memory = || behind.writing.as_deref().into_iter().chain([&behind.fresh]);
            in_memory().for_each(|rows| pruned.extend(rows.pruned.range(range.bounds()).map(|(id, _)| *id)));
            for rows in in_memory() {
                let rows = rows.launches.range(range.bounds()).filter(|(id, _)| !pruned.contains(id));
                let rows = rows.map(|(id, row)| (*id, row.clone()));
                match order {
                    Order::OldestFirst => recent.extend(rows.take(limit)),
                    Order::NewestFirst => recent.extend(rows.rev().take(limit)),
                }
            }
        }
        // Those that are about to go are left out, and others read for them.
        let (mut found, mut range) = (BTreeMap::new(), *range);
        loop {
            let rows = self.store.launches(&range, order, limit)?;
            let is_last = rows.len() < limit;
            match order {
                Order::OldestFirst => range.after = rows.last().map(|(id, _)| *id),
                Order::NewestFirst => range.before = rows.last().map(|(id, _)| *id),
            }
            found.extend(rows.into_iter().filter(|(id, _)| !pruned.contains(id)));
            if is_last || limit <= found.len() {
                break;
            }
        }
        found.extend(recent.into_iter().filter(|(id, _)| !pruned.contains(id)));
        Ok(match order {
            Order::OldestFirst => found.into_iter().take(limit).collect(),
            Order::NewestFirst => found.into_iter().rev().take(limit).collect(),
        })
    }

    /// The launches of a list, oldest first.
    pub(in crate::audit) fn listed(&self, list: List) -> Result<Vec<LaunchId>, StoreError> {
        let recent: Vec<(LaunchId, bool)> = {
            let behind = self.lock();
            let rows = behind.writing.as_deref().into_iter().chain([&behind.fresh]);
            let changed =
                |rows: &Rows| rows.launches.iter().map(|(id, row)| (*id, row.is_on(list))).collect::<Vec<_>>();
            let gone = |rows: &Rows| rows.pruned.keys().map(|id| (*id, false)).collect::<Vec<_>>();
            rows.flat_map(|rows| changed(rows).into_iter().chain(gone(rows))).collect()
        };
        let mut listed: BTreeSet<_> = self.store.listed(list)?.into_iter().collect();
        for (id, is_on) in recent {
            if is_on {
                listed.insert(id)
            } else {
                listed.remove(&id)
            };
        }
        Ok(listed.into_iter().collect())
    }

    /// What a request key was used for.
    pub(in crate::audit) fn request(&self, key: &RequestKey) -> Result<Option<TakenBy>, StoreError> {
        match self.in_memory(|rows| rows.requests.get(key).copied()) {
            Some(taken_by) => Ok(Some(taken_by)),
            None => self.store.request(key),
        }
    }

    /// One instance.
    pub(in crate::audit) fn instance(&self, id: &InstanceId) -> Result<Option<InstanceRow>, StoreError> {
        match self.in_memory(|rows| rows.instances.get(id).cloned()) {
            Some(row) => Ok(Some(row)),
            None => self.store.instance(id),
        }
    }

    /// What `read` finds in the rows in memory, the latest first.
    fn in_memory<T>(&self, read: impl Fn(&Rows) -> Option<T>) -> Option<T> {
        let behind = self.lock();
        read(&behind.fresh).or_else(|| behind.writing.as_deref().and_then(&read))
    }

    fn lock(&self) -> MutexGuard<'_, Behind> {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread that panicked in the store leaves one that takes nothing more, and does not hang the writer.
struct FailOnPanic<'a>(&'a StoreBehind);

impl Drop for FailOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().failed = Some(StoreError::Broken("sled panicked".to_owned()));
            self.0.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests;
