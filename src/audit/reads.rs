//! Reading the log.
//!
//! Every call blocks on files, the ones that search for up to some tens of milliseconds: call
//! those on a thread that may block. None waits for the writer.

use std::collections::HashMap;

use super::error::ReadError;
use super::journal::TableError;
use super::launch_time;
use super::log::AuditLog;
use super::query::{Indexed, LaunchPage, LaunchQuery, Order, Record, RecordPage, RecordQuery};
use super::store::{LaunchRange, RecordStore, RequestKey, StoreError, TakenBy};
use super::times::CHUNK_RECORDS;
use super::{LAUNCH_SCAN_MAX, PAGE_MAX, RECORD_SCAN_MAX};
use crate::ids::{ImageId, InstanceId, LaunchId};
use crate::record::{Entry, Event, Launch};

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

    /// One launch.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot be read.
    pub fn launch(&self, id: LaunchId) -> Result<Option<Launch>, ReadError> {
        self.in_store(|store| Ok(store.launch(id)?.map(|row| row.launch)))
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
            for row in rows {
                if limit <= page.launches.len() {
                    return Ok(page);
                }
                page.next = Some(row.launch.launch_id);
                if query.matches(&row.launch) {
                    page.launches.push(row.launch);
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
        self.in_store(|store| {
            let rows = store.open_launches()?.into_iter().map(|id| store.launch(id));
            // A launch may settle between the two reads.
            let launches = rows.filter_map(|row| row.map(|row| row.map(|row| row.launch)).transpose());
            launches.filter(|launch| launch.as_ref().map_or(true, Launch::is_open)).collect()
        })
    }

    /// The launch that made an instance, if one did.
    ///
    /// # Errors
    /// [`ReadError`] if the store cannot be read.
    pub fn launch_of_instance(&self, id: &InstanceId) -> Result<Option<LaunchId>, ReadError> {
        self.in_store(|store| Ok(store.instance(id)?.and_then(|row| row.launch_id)))
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

    /// The instance-phase entries of one instance from index `from` on, in order, whether they
    /// are of a launch or not. Reads through all entries of its launch.
    ///
    /// # Errors
    /// [`ReadError`] if the store or a record cannot be read.
    pub fn instance_entries(&self, id: &InstanceId, from: u64) -> Result<Vec<Indexed>, ReadError> {
        let mut entries = self.entries_at(&self.indexes_of_instance(id)?, from)?;
        entries.retain(|indexed| match &indexed.entry.event {
            Event::InstancePhase(phase) => phase.instance_id == *id,
            _ => false,
        });
        Ok(entries)
    }

    /// One record, or none if there is none of that index.
    ///
    /// # Errors
    /// [`ReadError`] if it cannot be read.
    pub fn record(&self, index: u64) -> Result<Option<Record>, ReadError> {
        match self.leaf(index)? {
            Some(leaf) => Ok(Some(record_of(index, leaf)?)),
            None => Ok(None),
        }
    }

    /// The records that match. Reads no more than [`RECORD_SCAN_MAX`] in one call. A launch or an
    /// instance narrows the search to its own records, and times to the parts of the log where
    /// they occur; otherwise the log is read through.
    ///
    /// # Errors
    /// [`ReadError`] if the store or a record cannot be read.
    pub fn records(&self, query: &RecordQuery) -> Result<RecordPage, ReadError> {
        let size = self.size();
        let indexes = match (query.launch_id, &query.instance_id) {
            (Some(id), _) => {
                let row = self.in_store(|store| store.launch(id))?;
                Some(row.map(|row| row.entries).unwrap_or_default())
            }
            (None, Some(id)) => Some(self.indexes_of_instance(id)?),
            (None, None) => None,
        };
        let spans: Vec<_> = match indexes {
            Some(indexes) => indexes.into_iter().map(|index| (index, index + 1)).collect(),
            None => {
                let chunks = self.shared.times.chunks(size, query.start, query.end);
                chunks.into_iter().map(|chunk| (chunk * CHUNK_RECORDS, (chunk + 1) * CHUNK_RECORDS)).collect()
            }
        };
        let (first, last) = match query.order {
            Order::OldestFirst => (query.from.unwrap_or(0), u64::MAX),
            Order::NewestFirst => (0, query.from.unwrap_or(u64::MAX)),
        };
        let forwards =
            spans.iter().flat_map(|&(start, end)| start.max(first)..end.min(size).min(last.saturating_add(1)));
        match query.order {
            Order::OldestFirst => self.search(query, forwards),
            Order::NewestFirst => self.search(query, forwards.rev()),
        }
    }

    fn search(&self, query: &RecordQuery, indexes: impl Iterator<Item = u64>) -> Result<RecordPage, ReadError> {
        let limit = query.limit.min(PAGE_MAX);
        let mut images = HashMap::new();
        let mut records = Vec::new();
        for (looked_at, index) in indexes.enumerate() {
            if RECORD_SCAN_MAX <= looked_at || limit <= records.len() {
                return Ok(RecordPage { records, next: Some(index) });
            }
            let leaf = self.leaf(index)?.ok_or(ReadError::Damaged { index })?;
            if !query.may_match(&leaf) {
                continue;
            }
            let record = record_of(index, leaf)?;
            if query.matches(&record.entry) && self.is_of_image(query, &record.entry, &mut images)? {
                records.push(record);
            }
        }
        Ok(RecordPage { records, next: None })
    }

    fn is_of_image(
        &self,
        query: &RecordQuery,
        entry: &Entry,
        images: &mut HashMap<LaunchId, Option<ImageId>>,
    ) -> Result<bool, ReadError> {
        let Some(wanted) = &query.image_id else { return Ok(true) };
        if let Event::Decision(decision) = &entry.event {
            return Ok(decision.image_id() == Some(wanted));
        }
        let Some(id) = entry.launch_id else { return Ok(false) };
        if let Some(image) = images.get(&id) {
            return Ok(image.as_ref() == Some(wanted));
        }
        let image = self.in_store(|store| Ok(store.launch(id)?.and_then(|row| row.launch.image_id().cloned())))?;
        let matches = image.as_ref() == Some(wanted);
        images.insert(id, image);
        Ok(matches)
    }

    fn indexes_of_instance(&self, id: &InstanceId) -> Result<Vec<u64>, ReadError> {
        self.in_store(|store| {
            let Some(row) = store.instance(id)? else { return Ok(Vec::new()) };
            let mut indexes = row.entries;
            if let Some(launch) = row.launch_id.map(|id| store.launch(id)).transpose()?.flatten() {
                indexes.extend(launch.entries);
                indexes.sort_unstable();
            }
            Ok(indexes)
        })
    }

    fn entries_at(&self, indexes: &[u64], from: u64) -> Result<Vec<Indexed>, ReadError> {
        let wanted = &indexes[indexes.partition_point(|&index| index < from)..];
        let entries = wanted.iter().map(|&index| {
            let leaf = self.leaf(index)?.ok_or(ReadError::Damaged { index })?;
            Ok(Indexed { index, entry: entry_of(index, &leaf)? })
        });
        entries.collect()
    }

    fn leaf(&self, index: u64) -> Result<Option<Vec<u8>>, ReadError> {
        self.shared.table.leaf(index).map_err(|error| match error {
            TableError::Io(error) => ReadError::Io(error),
            TableError::Damaged => ReadError::Damaged { index },
        })
    }

    fn in_store<T>(&self, read: impl FnOnce(&dyn RecordStore) -> Result<T, StoreError>) -> Result<T, ReadError> {
        let store = self.shared.store();
        let store = store.as_deref().ok_or(ReadError::Closed)?;
        read(store).map_err(|error| {
            self.shared.note_if_broken(&error);
            ReadError::Store(error)
        })
    }
}

fn record_of(index: u64, leaf: Vec<u8>) -> Result<Record, ReadError> {
    let entry = entry_of(index, &leaf)?;
    let leaf_hash = tlog_tiles::record_hash(&leaf).0;
    Ok(Record { index, leaf, leaf_hash, entry })
}

fn entry_of(index: u64, leaf: &[u8]) -> Result<Entry, ReadError> {
    Entry::from_leaf(leaf).map_err(|_| ReadError::Damaged { index })
}
