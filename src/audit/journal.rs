//! The journal: the truth about what is durable.
//!
//! Append-only segment files of framed records. One owner writes; anybody reads through the
//! shared [`Table`]. What the records mean is not known here. An error in [`Writing::write`] or
//! [`Writing::sync`] leaves the end of the journal unknown: the owner must not write again, and
//! must never repeat a sync that failed, since the kernel forgets a failed page after saying so
//! once.

mod frame;
mod scan;
mod segment;
mod sparse;
mod table;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tlog_tiles::Hash;

pub(crate) use self::frame::{FRAME_BYTES_MAX, FRAME_HEAD_BYTES, decode as decode_frame};
pub(crate) use self::segment::{LogNumber, list as list_segments};
pub(crate) use self::sparse::rewrite;
pub(crate) use self::table::{Leaf, Segment, Table, TableError};

use self::frame::Frame;
use self::scan::Tail;
pub(crate) use self::segment::SEGMENT_BYTES_MAX;

pub(crate) use self::segment::Header;
use self::segment::{HeaderFault, Prepared, RESERVE_BYTES, ZERO_BYTES};
use super::error::OpenError;
use super::index::{SealedIndex, SegmentIndex};

/// Where the frames of a segment begin that this program made.
const HEADER_END: u64 = segment::HEADER_BYTES as u64;

/// The writing half.
#[derive(Debug)]
pub(crate) struct Journal {
    dir: PathBuf,
    log: LogNumber,
    table: Arc<Table>,
    /// The last segment.
    file: Arc<File>,
    /// Where the last frame ends that was synced or is being written.
    end: u64,
    /// Where the room made in it ends.
    reserved: u64,
    /// Where the zeros end that were written into that room.
    zeroed: u64,
    /// Index of the first record that is neither.
    next: u64,
    /// Frames staged for the next write, and where each begins in the buffer.
    buffer: Vec<u8>,
    starts: Vec<u32>,
    /// Room in memory for the group after that.
    spare: (Vec<u8>, Vec<u32>),
    /// A segment is followed by the next one before it grows beyond this many bytes.
    segment_bytes: u64,
}

/// A group of frames on its way to the disk.
#[derive(Debug)]
pub(crate) struct Writing {
    file: Arc<File>,
    /// Where in the file.
    at: u64,
    buffer: Vec<u8>,
    /// Where each frame begins in the buffer.
    starts: Vec<u32>,
}

impl Writing {
    /// Writes the frames. If it fails, the journal must not be used again.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(crate) fn write(&self) -> io::Result<()> {
        self.file.write_all_at(&self.buffer, self.at)
    }

    /// Writes the first half of the bytes, so that a test can end the process there.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub(crate) fn write_half(&self) -> io::Result<()> {
        self.file.write_all_at(&self.buffer[..self.buffer.len() / 2], self.at)
    }

    /// Makes what was written durable. If it fails, the journal must not be used again.
    ///
    /// # Errors
    /// If that fails.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// A journal that was read and not yet changed.
#[derive(Debug)]
pub(crate) struct Opened {
    journal: Journal,
    tail: Option<Tail>,
    /// Leaf hashes of the last segment's records.
    hashes: Vec<Hash>,
}

impl Opened {
    /// Records in whole appends.
    pub(crate) fn size(&self) -> u64 {
        self.journal.next
    }

    /// The leaf hashes of the last segment's records, as they are in the journal.
    pub(crate) fn last_hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Index of the last segment's first record. Everything before it had been synced, with its
    /// hashes, before that segment was begun.
    pub(crate) fn last_first(&self) -> u64 {
        self.journal.table.last().first()
    }

    /// Where records can be read already.
    pub(crate) fn table(&self) -> &Arc<Table> {
        &self.journal.table
    }

    /// Refuses a torn tail that reaches into the first `known` records: all of those had been synced,
    /// so it is damage, whatever it looks like.
    ///
    /// # Errors
    /// [`OpenError::Damaged`] in that case.
    pub(crate) fn check_tail(&self, known: u64) -> Result<(), OpenError> {
        match self.tail {
            Some(tail) if tail.index < known => Err(OpenError::Damaged { index: tail.index }),
            _ => Ok(()),
        }
    }

    /// Cuts a torn tail and makes what remains durable; the bytes that were cut.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub(crate) fn finish(self) -> Result<(Journal, u64), OpenError> {
        let Self { mut journal, tail, .. } = self;
        let mut cut = 0;
        if let Some(tail) = tail {
            // What is left of unfinished frames must not be found behind frames written later.
            journal.file.set_len(journal.end)?;
            (journal.reserved, journal.zeroed) = (journal.end, journal.end);
            cut = tail.bytes as u64;
        }
        // The process that wrote the last frames may have ended before it synced them.
        journal.file.sync_all()?;
        Ok((journal, cut))
    }
}

impl Journal {
    /// Reads the journal in `dir`, making its first segment if there is none. A finished segment is
    /// read only if it has no index; the last one always is.
    ///
    /// # Errors
    /// If a record that was read is damaged or missing, or a segment is not this log's or of a later
    /// version.
    pub(crate) fn open(dir: &Path, log: LogNumber, segment_bytes: u64) -> Result<Opened, OpenError> {
        segment::clean(dir)?;
        let mut segments = segment::list(dir)?;
        if segments.is_empty() {
            segment::prepare(dir, 0, log)?.place()?;
            segments.push((0, segment::path(dir, 0)));
        }
        let table = Arc::new(Table::default());
        let (mut next, mut last) = (0, None);
        for (number, (first, path)) in segments.iter().enumerate() {
            if *first != next {
                return Err(OpenError::Damaged { index: next.min(*first) });
            }
            let is_last = number + 1 == segments.len();
            let file = Arc::new(segment::open(path)?);
            if !is_last && let Some(index) = sealed_index(&file, path, log, next)? {
                let segment = Segment::new(*first, path.clone(), file, SegmentIndex::Sealed(index));
                next = segment.end();
                table.push(segment);
                continue;
            }
            let bytes = fs::read(path)?;
            let header = check_header(&bytes, path, log, next)?;
            if let Some(end) = header.sparse_end {
                // The record that says so is in a later segment, so the last one never is.
                let found =
                    if is_last { Err(end) } else { sparse::read(&bytes, header.bytes, (next, end), &mut |_| {}) };
                let found = found.map_err(|index| OpenError::Damaged { index })?;
                table.push(Segment::new(*first, path.clone(), file, sparse::located(found)));
                next = end;
                continue;
            }
            let mut hashes = Vec::new();
            let scan = scan::scan(&bytes, header.bytes, next, &mut |frame| {
                if is_last {
                    hashes.push(tlog_tiles::record_hash(frame.leaf));
                }
            });
            if let Some(tail) = scan.tail
                && (!tail.torn || !is_last)
            {
                return Err(OpenError::Damaged { index: tail.index });
            }
            // Frames of an append that is not whole were seen as well.
            hashes.truncate(scan.offsets.len());
            next += scan.offsets.len() as u64;
            let end = u32::try_from(scan.end).map_err(|_| OpenError::ForeignSegment { path: path.clone() })?;
            let index = table::located(scan.offsets, end);
            table.push(Segment::new(*first, path.clone(), Arc::clone(&file), index));
            last = Some((file, u64::from(end), bytes.len() as u64, scan.tail, hashes));
        }
        let (file, end, reserved, tail, hashes) = last.expect("the last segment was read, and is not sparse");
        let journal = Self {
            dir: dir.to_owned(),
            log,
            table,
            file,
            end,
            reserved,
            zeroed: end,
            next,
            buffer: Vec::new(),
            starts: Vec::new(),
            spare: (Vec::new(), Vec::new()),
            segment_bytes,
        };
        Ok(Opened { journal, tail, hashes })
    }

    /// Where records are read.
    pub(crate) fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// The index that the next staged record gets.
    pub(crate) fn next_index(&self) -> u64 {
        self.next + self.starts.len() as u64
    }

    /// Adds the records of one append to the group that is written next.
    pub(crate) fn stage(&mut self, leaves: &[Vec<u8>]) {
        let group_first = self.next;
        for (place, leaf) in leaves.iter().enumerate() {
            let index = self.next_index();
            self.starts.push(u32::try_from(self.buffer.len()).expect("a group is a few MiB"));
            let more = u32::try_from(leaves.len() - 1 - place).expect("an append is at most APPEND_ENTRIES_MAX");
            Frame { index, group_first, more, leaf }.encode(&mut self.buffer);
        }
    }

    /// Whether anything is staged.
    pub(crate) fn has_staged(&self) -> bool {
        !self.starts.is_empty()
    }

    /// Forgets what is staged.
    pub(crate) fn discard(&mut self) {
        self.buffer.clear();
        self.starts.clear();
    }

    /// Whether what is staged belongs into a new segment.
    pub(crate) fn is_full(&self) -> bool {
        self.segment_bytes < self.end + self.buffer.len() as u64 && self.end != HEADER_END
    }

    /// Whether the last segment has any record.
    pub(crate) fn has_records(&self) -> bool {
        self.end != HEADER_END
    }

    /// Makes the next segment ready to be begun. If it fails for want of space the journal is as it was,
    /// and may be used again.
    pub(crate) fn prepare(&self) -> io::Result<Prepared> {
        segment::prepare(&self.dir, self.next, self.log)
    }

    /// Begins the next segment, and finishes the last one. Everything that was made from that one
    /// must be durable. If it fails, the journal must not be used again.
    pub(crate) fn roll(&mut self, next: Prepared) -> io::Result<()> {
        let next = next.place()?;
        // The finished segment gives back the room it did not need. If that is lost in a crash, or
        // fails, it ends in zeros, which readers take for its end.
        let _ = self.file.set_len(self.end);
        if let Err(error) = self.table.last().seal(self.log) {
            // It stays in memory until the next start, which makes it again.
            tracing::warn!(error = &error as &dyn std::error::Error, "index of a journal segment not written");
        }
        self.file = Arc::new(next);
        self.end = HEADER_END;
        (self.reserved, self.zeroed) = (RESERVE_BYTES, HEADER_END);
        let end = u32::try_from(self.end).expect("a header is short");
        let path = segment::path(&self.dir, self.next);
        self.table.push(Segment::new(self.next, path, Arc::clone(&self.file), table::located(Vec::new(), end)));
        Ok(())
    }

    /// Makes room for what is staged. If it fails for want of space the journal is as it was, and may
    /// be used again.
    pub(crate) fn reserve(&mut self) -> io::Result<()> {
        let needed = self.end + self.buffer.len() as u64;
        if self.reserved < needed {
            let to = needed.next_multiple_of(RESERVE_BYTES);
            segment::reserve(&self.file, self.reserved, to)?;
            self.reserved = to;
        }
        if self.zeroed < needed {
            // They are synced with what is staged.
            let to = needed.next_multiple_of(ZERO_BYTES).min(self.segment_bytes.max(needed));
            segment::write_zeros(&self.file, self.zeroed, to)?;
            self.zeroed = to;
        }
        Ok(())
    }

    /// Takes what is staged, to be written into the room that [`Journal::reserve`] made. It must be
    /// synced before the next is begun.
    pub(crate) fn begin(&mut self) -> Writing {
        let (buffer, starts) = std::mem::take(&mut self.spare);
        let writing = Writing {
            file: Arc::clone(&self.file),
            at: self.end,
            buffer: std::mem::replace(&mut self.buffer, buffer),
            starts: std::mem::replace(&mut self.starts, starts),
        };
        self.end += writing.buffer.len() as u64;
        self.next += writing.starts.len() as u64;
        writing
    }

    /// Makes what was synced readable.
    pub(crate) fn finish(&mut self, mut synced: Writing) {
        let place = |at: u64| u32::try_from(at).expect("a segment is shorter than 4 GiB");
        let base = place(synced.at);
        synced.starts.iter_mut().for_each(|start| *start += base);
        self.table.extend(&synced.starts, place(synced.at + synced.buffer.len() as u64));
        synced.buffer.clear();
        synced.starts.clear();
        self.spare = (synced.buffer, synced.starts);
    }

    /// The log it belongs to.
    pub(crate) fn log(&self) -> LogNumber {
        self.log
    }

    /// Makes every later write fail, as a disk that went away does.
    #[cfg(test)]
    pub(crate) fn break_for_test(&mut self) {
        self.file = Arc::new(File::open(segment::path(&self.dir, 0)).unwrap());
    }
}

/// The index of a finished segment; none if it has none that can be used.
fn sealed_index(file: &File, path: &Path, log: LogNumber, first: u64) -> Result<Option<SealedIndex>, OpenError> {
    let Some(index) = SealedIndex::open(&segment::index_path(path), log, first)? else { return Ok(None) };
    let mut header = [0; segment::HEADER_BYTES];
    let length = file.metadata()?.len();
    if length < u64::from(index.end()) || length < header.len() as u64 {
        return Ok(None);
    }
    file.read_exact_at(&mut header, 0)?;
    let fits = match check_header(&header, path, log, first)?.sparse_end {
        None => !index.is_sparse(),
        Some(end) => index.is_sparse() && first + u64::from(index.count()) == end,
    };
    Ok(fits.then_some(index))
}

/// The header of a segment, if its bytes begin with the one that it should have.
pub(crate) fn check_header(bytes: &[u8], path: &Path, log: LogNumber, first: u64) -> Result<Header, OpenError> {
    let header = Header::decode(bytes).map_err(|fault| match fault {
        HeaderFault::Newer(version) => OpenError::NewerFormat { what: "journal segment", version },
        HeaderFault::Damaged => OpenError::Damaged { index: first },
    })?;
    if header.log != log || header.first != first {
        return Err(OpenError::ForeignSegment { path: path.to_owned() });
    }
    Ok(header)
}
