//! Reading the log: launches, requests, single records. Instances are in `instances`, and searching is in `search`.
//!
//! Every call blocks on files, the ones that search for up to some tens of milliseconds: call
//! those on a thread that may block. None waits for the writer.

use super::error::ReadError;
use super::fold::{entry_at, fold};
use super::launch_time;
use super::log::AuditLog;
use super::query::{Indexed, LaunchPage, LaunchQuery, Order, Record};
use super::store::{LaunchRange, LaunchRow, List, PrunedLaunch, RequestKey, StoreBehind, StoreError, TakenBy};
use super::{LAUNCH_SCAN_MAX, PAGE_MAX};
use crate::ids::LaunchId;
use crate::record::Launch;

/// Launches that a search reads from the store at a time.
const SCAN_STEP_LAUNCHES: usize = 128;

impl AuditLog {
    /// What a request key was used for, or none if it is free.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot be read.
    pub fn request(&self, key: &RequestKey) -> Result<Option<TakenBy>, ReadError> {
        self.in_store(|store| store.request(key))
    }

    /// One launch. One whose records retention has removed is none; see [`AuditLog::pruned_launch`].
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot be read.
    pub fn launch(&self, id: LaunchId) -> Result<Option<Launch>, ReadError> {
        self.fold(self.in_store(|store| store.launch(id))?)
    }

    /// Whether a launch has instances that are not known to have ended, or may yet get some.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot be read.
    pub fn is_living(&self, id: LaunchId) -> Result<bool, ReadError> {
        self.in_store(|store| Ok(store.launch(id)?.is_some_and(|row| row.is_living)))
    }

    /// What stays of a launch whose records retention has removed; none of any other.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot be read.
    pub fn pruned_launch(&self, id: LaunchId) -> Result<Option<PrunedLaunch>, ReadError> {
        self.in_store(|store| store.pruned(id))
    }

    /// The launches that match. Looks at no more than [`LAUNCH_SCAN_MAX`] in one call.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot be read.
    pub fn launches(&self, query: &LaunchQuery) -> Result<LaunchPage, ReadError> {
        let mut range = LaunchRange {
            after: query.start.and_then(launch_time::before),
            before: query.end.and_then(launch_time::after),
        };
        let limit = query.limit.min(PAGE_MAX);
        let mut page = LaunchPage { launches: Vec::new(), next: query.after };
        let mut looked_at = 0;
        while looked_at < LAUNCH_SCAN_MAX && page.launches.len() < limit {
            if let Some(last) = page.next {
                match query.order {
                    Order::OldestFirst => range.after = Some(range.after.map_or(last, |after| after.max(last))),
                    Order::NewestFirst => range.before = Some(range.before.map_or(last, |before| before.min(last))),
                }
            }
            let step = SCAN_STEP_LAUNCHES.min(LAUNCH_SCAN_MAX - looked_at);
            let rows = self.in_store(|store| store.launches(&range, query.order, step))?;
            let is_last = rows.len() < step;
            looked_at += rows.len();
            for (id, row) in rows {
                if limit <= page.launches.len() {
                    return Ok(page);
                }
                page.next = Some(id);
                if query.matches(&row) {
                    page.launches.extend(self.fold(Some(row))?);
                }
            }
            if is_last {
                page.next = None;
                return Ok(page);
            }
        }
        Ok(page)
    }

    /// The launches for which something is still to be done or watched, oldest first.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot be read.
    pub fn open_launches(&self) -> Result<Vec<Launch>, ReadError> {
        self.listed(List::Open, Launch::is_open)
    }

    /// The launches that have instances which are not known to have ended, or may yet get some, oldest first.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot be read.
    pub fn living_launches(&self) -> Result<Vec<Launch>, ReadError> {
        self.listed(List::Living, |launch| launch.instances_held() > 0)
    }

    fn listed(&self, list: List, is_on: impl Fn(&Launch) -> bool) -> Result<Vec<Launch>, ReadError> {
        let ids = self.in_store(|store| store.listed(list))?;
        let rows = ids.into_iter().map(|id| self.in_store(|store| store.launch(id)));
        let launches = rows.filter_map(|row| row.and_then(|row| self.fold(row)).transpose());
        // A launch may leave the list between the two reads.
        launches.filter(|launch| launch.as_ref().map_or(true, &is_on)).collect()
    }

    /// The entries of one launch from index `from` on, in order; none of a launch that is not
    /// there.
    ///
    /// # Errors
    /// [`ReadError`] if the store or a record cannot be read.
    pub fn launch_entries(&self, id: LaunchId, from: u64) -> Result<Vec<Indexed>, ReadError> {
        let entries = self.in_store(|store| Ok(store.launch(id)?.map(|row| row.entries)))?.unwrap_or_default();
        self.entries_at(&entries, from)
    }

    /// One record, or none if there is none of that index.
    ///
    /// # Errors
    /// [`ReadError`] if it cannot be read; [`ReadError::Pruned`] if retention has removed it.
    pub fn record(&self, index: u64) -> Result<Option<Record>, ReadError> {
        if index < self.size() { self.record_at(index).map(Some) } else { Ok(None) }
    }

    pub(super) fn entries_at(&self, indexes: &[u64], from: u64) -> Result<Vec<Indexed>, ReadError> {
        let wanted = &indexes[indexes.partition_point(|&index| index < from)..];
        let entry = |&index: &u64| match entry_at(&self.shared.table, index) {
            // Retention has come in between.
            Err(ReadError::Pruned { .. }) => None,
            entry => Some(entry.map(|entry| Indexed { index, entry })),
        };
        wanted.iter().filter_map(entry).collect()
    }

    pub(super) fn in_store<T>(&self, read: impl FnOnce(&StoreBehind) -> Result<T, StoreError>) -> Result<T, ReadError> {
        let store = self.shared.store();
        let store = store.as_ref().ok_or(ReadError::Closed)?;
        read(store).map_err(|error| {
            self.shared.note_if_broken(&error);
            ReadError::Store(error)
        })
    }

    /// A launch, folded from its entries.
    fn fold(&self, row: Option<LaunchRow>) -> Result<Option<Launch>, ReadError> {
        match row.map(|row| fold(&self.shared.table, &row.entries)).transpose() {
            // A launch's records go all together, and its row before them.
            Err(ReadError::Pruned { .. }) => Ok(None),
            launch => launch,
        }
    }
}
