//! Where every record is: index to segment and offset, shared by the writer and all readers.
//!
//! Four bytes of memory a record. Rebuilt at every start from the segments themselves.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, PoisonError, RwLock};

use super::frame;

/// The durable records of a journal. Only records that were synced are in it.
#[derive(Debug, Default)]
pub(crate) struct Table {
    segments: RwLock<Vec<Segment>>,
}

#[derive(Debug)]
pub(super) struct Segment {
    /// Index of its first record.
    pub(super) first: u64,
    /// The file, read at offsets and never through its cursor.
    pub(super) file: Arc<File>,
    /// Where each record's frame begins.
    pub(super) offsets: Vec<u32>,
    /// Where the last frame ends.
    pub(super) end: u32,
}

/// Why a record could not be read.
#[derive(Debug)]
pub(crate) enum TableError {
    /// The file could not be read.
    Io(io::Error),
    /// What is there is not the record.
    Damaged,
}

impl Table {
    /// Adds a segment that has no records beyond `segment.offsets` yet.
    pub(super) fn push(&self, segment: Segment) {
        self.segments.write().unwrap_or_else(PoisonError::into_inner).push(segment);
    }

    /// Makes synced records of the last segment readable.
    pub(super) fn extend(&self, offsets: &[u32], end: u32) {
        let mut segments = self.segments.write().unwrap_or_else(PoisonError::into_inner);
        let last = segments.last_mut().expect("a journal has a segment before it has records");
        last.offsets.extend_from_slice(offsets);
        last.end = end;
    }

    /// The leaf of a record; none if there is no such record.
    pub(crate) fn leaf(&self, index: u64) -> Result<Option<Vec<u8>>, TableError> {
        let Some((file, start, end)) = self.locate(index) else { return Ok(None) };
        let mut bytes = vec![0; end.checked_sub(start).ok_or(TableError::Damaged)? as usize];
        file.read_exact_at(&mut bytes, u64::from(start)).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => TableError::Damaged,
            _ => TableError::Io(error),
        })?;
        match frame::decode(&bytes) {
            Some(frame) if frame.index == index && frame.size() == bytes.len() => {
                bytes.drain(..frame::FRAME_HEAD_BYTES);
                Ok(Some(bytes))
            }
            _ => Err(TableError::Damaged),
        }
    }

    fn locate(&self, index: u64) -> Option<(Arc<File>, u32, u32)> {
        let segments = self.segments.read().unwrap_or_else(PoisonError::into_inner);
        let segment = segments.get(segments.partition_point(|segment| segment.first <= index).checked_sub(1)?)?;
        let slot = usize::try_from(index - segment.first).ok()?;
        let start = *segment.offsets.get(slot)?;
        Some((Arc::clone(&segment.file), start, segment.offsets.get(slot + 1).copied().unwrap_or(segment.end)))
    }
}
