//! Finding records: by launch or instance through the store, by everything else through the indexes
//! of the segments.

use std::collections::BTreeSet;

use super::error::ReadError;
use super::facet::Wanted;
use super::fold::leaf_at;
use super::log::AuditLog;
use super::query::{Order, Record, RecordPage, RecordQuery};
use super::{PAGE_MAX, RECORD_SCAN_MAX};

impl AuditLog {
    /// The records that match. A launch or an instance narrows the search to its own records, of which
    /// no more than [`RECORD_SCAN_MAX`] are read in one call; everything else is found by index.
    ///
    /// # Errors
    /// [`ReadError`] if the store, an index or a record cannot be read.
    pub fn records(&self, query: &RecordQuery) -> Result<RecordPage, ReadError> {
        let indexes = match (query.launch_id, &query.instance_id) {
            (Some(id), _) => self.in_store(|store| store.launch(id))?.map(|row| row.entries).unwrap_or_default(),
            (None, Some(id)) => self.indexes_of_instances(&BTreeSet::from([id]), 0)?,
            (None, None) => return self.search(query),
        };
        // What is not durable for others yet is not shown.
        let size = self.size();
        let mut wanted: Vec<_> = indexes.into_iter().filter(|&index| index < size && is_due(query, index)).collect();
        if query.order == Order::NewestFirst {
            wanted.reverse();
        }
        let limit = query.limit.min(PAGE_MAX);
        let image_matches = match (&query.image_id, query.launch_id) {
            (Some(image), Some(id)) => {
                self.in_store(|store| store.launch(id))?.is_some_and(|row| row.about.image_id.as_ref() == Some(image))
            }
            _ => true,
        };
        let mut records = Vec::new();
        for (looked_at, index) in wanted.into_iter().enumerate() {
            if RECORD_SCAN_MAX <= looked_at || limit <= records.len() {
                return Ok(RecordPage { records, next: Some(index) });
            }
            let record = match self.record_at(index) {
                Err(ReadError::Pruned { .. }) => continue,
                record => record?,
            };
            if query.matches(&record.entry) && image_matches && self.is_of_image(query, &record)? {
                records.push(record);
            }
        }
        Ok(RecordPage { records, next: None })
    }

    /// Goes through the segments in order, and in each through the records that its index finds.
    fn search(&self, query: &RecordQuery) -> Result<RecordPage, ReadError> {
        let (size, limit) = (self.size(), query.limit.min(PAGE_MAX));
        let wanted = Wanted::by(query);
        let mut segments = self.shared.table.segments();
        if query.order == Order::NewestFirst {
            segments.reverse();
        }
        let mut records = Vec::new();
        for segment in segments {
            let (first, end) = (segment.first(), segment.end().min(size));
            let is_before = match query.order {
                Order::OldestFirst => query.from.is_some_and(|from| end <= from),
                Order::NewestFirst => query.from.is_some_and(|from| from < first),
            };
            if is_before || end <= first {
                continue;
            }
            let slots = segment.find(&wanted).map_err(ReadError::Io)?;
            let indexes = slots.iter().map(|slot| first + u64::from(slot));
            let indexes = indexes.filter(|&index| index < size && is_due(query, index));
            let more = match query.order {
                Order::OldestFirst => self.take(indexes, limit, &mut records)?,
                // A bitmap's iterator can go backwards; a filter keeps that.
                Order::NewestFirst => self.take(indexes.rev(), limit, &mut records)?,
            };
            if more.is_some() {
                return Ok(RecordPage { records, next: more });
            }
        }
        Ok(RecordPage { records, next: None })
    }

    /// Reads records until there are `limit`; the index of the next one, if there is one. A record that
    /// retention has removed is left out.
    fn take(
        &self,
        indexes: impl Iterator<Item = u64>,
        limit: usize,
        records: &mut Vec<Record>,
    ) -> Result<Option<u64>, ReadError> {
        for index in indexes {
            if limit <= records.len() {
                return Ok(Some(index));
            }
            match self.record_at(index) {
                Ok(record) => records.push(record),
                Err(ReadError::Pruned { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// A record that is known to be there, if it is what the tree says.
    pub(super) fn record_at(&self, index: u64) -> Result<Record, ReadError> {
        let leaf = leaf_at(&self.shared.table, index)?;
        let record = Record::read(index, leaf)?;
        if self.shared.hashes.leaf_hash(index).map_err(ReadError::Io)?.0 != record.leaf_hash {
            return Err(ReadError::Damaged { index });
        }
        Ok(record)
    }

    /// Whether a record of an instance belongs to a launch of the image that is wanted.
    fn is_of_image(&self, query: &RecordQuery, record: &Record) -> Result<bool, ReadError> {
        let (Some(image), None) = (&query.image_id, query.launch_id) else { return Ok(true) };
        let Some(id) = record.entry.launch_id else { return Ok(false) };
        Ok(self.in_store(|store| store.launch(id))?.is_some_and(|row| row.about.image_id.as_ref() == Some(image)))
    }
}

/// Whether a record comes at or after the place to go on from.
fn is_due(query: &RecordQuery, index: u64) -> bool {
    match query.order {
        Order::OldestFirst => query.from.is_none_or(|from| from <= index),
        Order::NewestFirst => query.from.is_none_or(|from| index <= from),
    }
}
