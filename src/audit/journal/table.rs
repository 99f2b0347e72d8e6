//! The durable records of a journal: where every one is, and which have what, shared by the writer
//! and all readers. Only records that were synced are in it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use roaring::RoaringBitmap;

use super::super::facet::{IndexRow, Wanted};
use super::super::index::{GrowingIndex, Place, SealedIndex, SegmentIndex};
use super::segment::{self, LogNumber};
use super::{frame, scan, sparse};

/// The segments of a journal, oldest first. There is always one; the last is written to.
#[derive(Debug, Default)]
pub(crate) struct Table {
    segments: RwLock<Vec<Arc<Segment>>>,
}

/// One segment.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Index of its first record.
    first: u64,
    path: PathBuf,
    /// Read at offsets and never through its cursor.
    file: Arc<File>,
    index: RwLock<SegmentIndex>,
}

/// Frames that are read at once. More are read one by one: what stands in an index is not to be trusted with
/// memory.
const FRAMES_BYTES_MAX: usize = 4 << 20;

/// What is at an index of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Leaf {
    /// The leaf.
    Kept(Vec<u8>),
    /// Retention has removed it. Its hash is still there.
    Pruned,
}

/// Why a record could not be read.
#[derive(Debug)]
pub(crate) enum TableError {
    /// The file could not be read.
    Io(io::Error),
    /// What is there is not the record.
    Damaged,
}

impl From<io::Error> for TableError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Damaged,
            _ => Self::Io(error),
        }
    }
}

impl Segment {
    pub(super) fn new(first: u64, path: PathBuf, file: Arc<File>, index: SegmentIndex) -> Self {
        Self { first, path, file, index: RwLock::new(index) }
    }

    /// Index of its first record.
    pub(crate) fn first(&self) -> u64 {
        self.first
    }

    /// Index of the record after its last.
    pub(crate) fn end(&self) -> u64 {
        self.first + u64::from(self.index().count())
    }

    /// Its file.
    pub(super) fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// The records of it that retention has left.
    pub(crate) fn kept(&self) -> RoaringBitmap {
        let index = self.index();
        index.kept().cloned().unwrap_or_else(|| {
            let mut all = RoaringBitmap::new();
            all.insert_range(0..index.count());
            all
        })
    }

    /// Whether retention has removed records of it.
    pub(crate) fn is_sparse(&self) -> bool {
        self.index().kept().is_some()
    }

    /// The last time of any record that is left, in nanoseconds since 1970; none if none is.
    pub(crate) fn last_time(&self) -> Option<i64> {
        self.index().last_time()
    }

    /// A time among those of its first records, the first of them, in nanoseconds since 1970.
    pub(crate) fn first_time(&self) -> Option<i64> {
        self.index().first_time()
    }

    /// The indexes of all records of it that are wanted, ascending.
    ///
    /// # Errors
    /// If its index cannot be read. One that is damaged is removed, so that the next start makes it
    /// again.
    pub(crate) fn find(&self, wanted: &Wanted) -> io::Result<RoaringBitmap> {
        self.index().find(wanted).inspect_err(|error| {
            if error.kind() == io::ErrorKind::InvalidData {
                self.forget_index();
            }
        })
    }

    /// Removes an index that was found damaged, so that the next start makes it again.
    fn forget_index(&self) {
        tracing::error!(segment = %self.path.display(), "index of a journal segment is damaged; a restart makes it again");
        let _ = std::fs::remove_file(segment::index_path(&self.path));
    }

    /// Records without a row, which are to be given with [`Segment::push_rows`].
    pub(crate) fn unindexed(&self) -> std::ops::Range<u64> {
        match &*self.index() {
            SegmentIndex::Growing(index) => self.first + index.indexed() as u64..self.end(),
            SegmentIndex::Sealed(_) => self.end()..self.end(),
        }
    }

    /// Gives rows to the first records that have none.
    pub(crate) fn push_rows<'a>(&self, rows: impl Iterator<Item = IndexRow<'a>>) {
        match &mut *self.index_mut() {
            SegmentIndex::Growing(index) => rows.for_each(|row| index.push(&row)),
            SegmentIndex::Sealed(_) => unreachable!("a sealed segment has a row for every record"),
        }
    }

    /// Says of the first record without a row that retention has removed it.
    pub(crate) fn push_pruned(&self) {
        match &mut *self.index_mut() {
            SegmentIndex::Growing(index) => index.push_pruned(),
            SegmentIndex::Sealed(_) => unreachable!("a sealed segment has a row for every record"),
        }
    }

    /// Writes the index to its file, once no more records will come and all have rows.
    ///
    /// # Errors
    /// If that fails; the index stays in memory.
    pub(crate) fn seal(&self, log: LogNumber) -> io::Result<()> {
        let sealed = match &*self.index() {
            SegmentIndex::Growing(index) => {
                SealedIndex::write(&segment::index_path(&self.path), log, self.first, index)?
            }
            SegmentIndex::Sealed(_) => return Ok(()),
        };
        *self.index_mut() = SegmentIndex::Sealed(sealed);
        Ok(())
    }

    /// A leaf of it; none if it has no such record.
    pub(crate) fn leaf(&self, index: u64) -> Result<Option<Leaf>, TableError> {
        match self.leaf_by_index(index) {
            // The index may be what is damaged: it has no checksum for where a record begins.
            found @ Err(TableError::Damaged) if self.is_sealed() => match self.leaf_by_reading(index) {
                Ok(leaf) => {
                    self.forget_index();
                    Ok(Some(Leaf::Kept(leaf)))
                }
                Err(TableError::Damaged) => found,
                Err(error) => Err(error),
            },
            leaf => leaf,
        }
    }

    /// What `read` makes of each leaf of a range that the segment has, in order; of none where retention has
    /// removed it. One read of the file takes the place of one for each record where it can.
    ///
    /// # Errors
    /// As [`Segment::leaf`], with the index of the record; one that is not there is damaged.
    pub(crate) fn leaves<T>(
        &self,
        range: std::ops::Range<u64>,
        mut read: impl FnMut(u64, Option<&[u8]>) -> T,
    ) -> Result<Vec<T>, (u64, TableError)> {
        // What cannot be read at once is read one by one, and named if that fails too.
        let frames = self.frames(&range).unwrap_or_default();
        let mut frames = frames.as_slice();
        let mut all = Vec::new();
        for index in range {
            match frame::decode(frames).filter(|frame| frame.index == index) {
                Some(frame) => {
                    all.push(read(index, Some(frame.leaf)));
                    frames = &frames[frame.size()..];
                }
                // Not read at once, or damaged, or behind something that is.
                None => match self.leaf(index) {
                    Ok(Some(Leaf::Kept(leaf))) => all.push(read(index, Some(&leaf))),
                    Ok(Some(Leaf::Pruned)) => all.push(read(index, None)),
                    Ok(None) => return Err((index, TableError::Damaged)),
                    Err(error) => return Err((index, error)),
                },
            }
        }
        Ok(all)
    }

    /// The bytes from the first record of a range to its last, if the index says that nothing else is there.
    fn frames(&self, range: &std::ops::Range<u64>) -> io::Result<Vec<u8>> {
        let place = |index: u64| match u32::try_from(index.saturating_sub(self.first)) {
            Ok(slot) => self.index().place(slot),
            Err(_) => Ok(None),
        };
        if range.is_empty() || self.is_sparse() {
            return Ok(Vec::new());
        }
        let (Some(Place::At(start, _)), Some(Place::At(_, end))) = (place(range.start)?, place(range.end - 1)?) else {
            return Ok(Vec::new());
        };
        let bytes = end.checked_sub(start).filter(|&bytes| bytes as usize <= FRAMES_BYTES_MAX);
        let mut bytes = vec![0; bytes.unwrap_or_default() as usize];
        self.file.read_exact_at(&mut bytes, u64::from(start))?;
        Ok(bytes)
    }

    fn is_sealed(&self) -> bool {
        matches!(*self.index(), SegmentIndex::Sealed(_))
    }

    /// Reads through the segment for a record.
    fn leaf_by_reading(&self, index: u64) -> Result<Vec<u8>, TableError> {
        let bytes = std::fs::read(&self.path)?;
        let header = segment::Header::decode(&bytes).map_err(|_| TableError::Damaged)?;
        let mut found = None;
        let mut visit = |frame: frame::Frame<'_>| {
            if frame.index == index {
                found = Some(frame.leaf.to_vec());
            }
        };
        match header.sparse_end {
            None => drop(scan::scan(&bytes, header.bytes, self.first, &mut visit)),
            // What was seen before the damage is sound.
            Some(end) => drop(sparse::read(&bytes, header.bytes, (self.first, end), &mut visit)),
        }
        found.ok_or(TableError::Damaged)
    }

    fn leaf_by_index(&self, index: u64) -> Result<Option<Leaf>, TableError> {
        let Ok(slot) = u32::try_from(index - self.first) else { return Ok(None) };
        let (start, end) = match self.index().place(slot)? {
            None => return Ok(None),
            Some(Place::Pruned) => return Ok(Some(Leaf::Pruned)),
            Some(Place::At(start, end)) => (start, end),
        };
        let bytes = end.checked_sub(start).filter(|&bytes| bytes as usize <= frame::FRAME_BYTES_MAX);
        let mut bytes = vec![0; bytes.ok_or(TableError::Damaged)? as usize];
        self.file.read_exact_at(&mut bytes, u64::from(start))?;
        match frame::decode(&bytes) {
            Some(frame) if frame.index == index && frame.size() == bytes.len() => {
                bytes.drain(..frame::FRAME_HEAD_BYTES);
                Ok(Some(Leaf::Kept(bytes)))
            }
            _ => Err(TableError::Damaged),
        }
    }

    fn index(&self) -> RwLockReadGuard<'_, SegmentIndex> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, SegmentIndex> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Adds the next segment.
    pub(super) fn push(&self, segment: Segment) {
        self.segments.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(segment));
    }

    /// Makes synced records of the last segment readable by index.
    pub(super) fn extend(&self, offsets: &[u32], end: u32) {
        match &mut *self.last().index_mut() {
            SegmentIndex::Growing(index) => index.extend(offsets, end),
            SegmentIndex::Sealed(_) => unreachable!("the last segment is not sealed"),
        }
    }

    /// Puts `segment` in the place of the one that begins with the same record. Whoever has that one goes
    /// on with it.
    pub(crate) fn replace(&self, segment: Arc<Segment>) {
        let mut segments = self.segments.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = segments.iter().position(|old| old.first == segment.first) {
            segments[place] = segment;
        }
    }

    /// The segment that is written to.
    pub(crate) fn last(&self) -> Arc<Segment> {
        Arc::clone(self.read().last().expect("a journal has a segment before it has records"))
    }

    /// All segments, oldest first.
    pub(crate) fn segments(&self) -> Vec<Arc<Segment>> {
        self.read().clone()
    }

    /// The lowest index whose record is kept; none if none is.
    pub(crate) fn first_kept(&self) -> Option<u64> {
        self.segments().iter().find_map(|segment| segment.kept().min().map(|slot| segment.first + u64::from(slot)))
    }

    /// The leaf of a record; none if there is no such record.
    pub(crate) fn leaf(&self, index: u64) -> Result<Option<Leaf>, TableError> {
        let segment = {
            let segments = self.read();
            match segments.partition_point(|segment| segment.first <= index).checked_sub(1) {
                Some(place) => Arc::clone(&segments[place]),
                None => return Ok(None),
            }
        };
        segment.leaf(index)
    }

    fn read(&self) -> RwLockReadGuard<'_, Vec<Arc<Segment>>> {
        self.segments.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The index of a segment of which only the places are known.
pub(super) fn located(offsets: Vec<u32>, end: u32) -> SegmentIndex {
    SegmentIndex::Growing(GrowingIndex::located(offsets, end))
}
