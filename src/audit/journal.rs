//! The journal: the truth about what is durable.
//!
//! Append-only segment files of framed records. One owner writes; anybody reads through the
//! shared [`Table`]. What the records mean is not known here. An error in [`Journal::write`] or
//! [`Journal::sync`] leaves the end of the journal unknown: the owner must not write again, and
//! must never repeat a sync that failed, since the kernel forgets a failed page after saying so
//! once.

mod frame;
mod scan;
mod segment;
mod table;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use self::segment::LogNumber;
pub(crate) use self::table::{Table, TableError};

use self::frame::Frame;
use self::scan::Tail;
use self::segment::{Header, HeaderFault, RESERVE_BYTES, SEGMENT_BYTES_MAX};
use self::table::Segment;
use super::error::OpenError;

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
    /// Where its last synced frame ends.
    end: u64,
    /// Where the room made in it ends.
    reserved: u64,
    /// Index of the first record that is not synced.
    next: u64,
    /// Frames staged for the next write, and where each begins in the buffer.
    buffer: Vec<u8>,
    starts: Vec<u32>,
}

/// A journal that was read and not yet changed.
#[derive(Debug)]
pub(crate) struct Opened {
    journal: Journal,
    tail: Option<Tail>,
}

impl Opened {
    /// Records in whole appends.
    pub(crate) fn size(&self) -> u64 {
        self.journal.next
    }

    /// Cuts a torn tail and makes what remains durable; the bytes that were cut.
    ///
    /// `known` is how many records the store has seen, all of which had been synced: a tail that
    /// reaches into them is damage, whatever it looks like.
    ///
    /// # Errors
    /// [`OpenError::Damaged`] in that case, or if the file cannot be written.
    pub(crate) fn finish(self, known: u64) -> Result<(Journal, u64), OpenError> {
        let Self { mut journal, tail } = self;
        let mut cut = 0;
        if let Some(tail) = tail {
            if tail.index < known {
                return Err(OpenError::Damaged { index: tail.index });
            }
            // What is left of unfinished frames must not be found behind frames written later.
            journal.file.set_len(journal.end)?;
            journal.reserved = journal.end;
            cut = tail.bytes as u64;
        }
        // The process that wrote the last frames may have ended before it synced them.
        journal.file.sync_all()?;
        Ok((journal, cut))
    }
}

impl Journal {
    /// Reads the journal in `dir`, making its first segment if there is none. `visit` sees every
    /// sound record in order.
    ///
    /// # Errors
    /// If a record is damaged or missing, or a segment is not this log's or of a later version.
    pub(crate) fn open(dir: &Path, log: LogNumber, visit: &mut dyn FnMut(u64, &[u8])) -> Result<Opened, OpenError> {
        let mut segments = segment::list(dir)?;
        if segments.is_empty() {
            segment::create(dir, 0, log)?;
            segments.push((0, segment::path(dir, 0)));
        }
        let table = Arc::new(Table::default());
        let (mut next, mut last) = (0, None);
        for (number, (first, path)) in segments.iter().enumerate() {
            if *first != next {
                return Err(OpenError::Damaged { index: next.min(*first) });
            }
            let file = Arc::new(segment::open(path)?);
            let bytes = fs::read(path)?;
            let header = Header::decode(&bytes).map_err(|fault| match fault {
                HeaderFault::Newer(version) => OpenError::NewerFormat { what: "journal segment", version },
                HeaderFault::Damaged => OpenError::Damaged { index: next },
            })?;
            if header.log != log || header.first != next {
                return Err(OpenError::ForeignSegment { path: path.clone() });
            }
            let scan = scan::scan(&bytes, header.bytes, next, &mut |frame| visit(frame.index, frame.leaf));
            if let Some(tail) = scan.tail
                && (!tail.torn || number + 1 < segments.len())
            {
                return Err(OpenError::Damaged { index: tail.index });
            }
            next += scan.offsets.len() as u64;
            let end = u32::try_from(scan.end).map_err(|_| OpenError::ForeignSegment { path: path.clone() })?;
            table.push(Segment { first: *first, file: Arc::clone(&file), offsets: scan.offsets, end });
            last = Some((file, u64::from(end), bytes.len() as u64, scan.tail));
        }
        let (file, end, reserved, tail) = last.expect("there is at least one segment");
        let (buffer, starts) = (Vec::new(), Vec::new());
        let journal = Self { dir: dir.to_owned(), log, table, file, end, reserved, next, buffer, starts };
        Ok(Opened { journal, tail })
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

    /// Makes room for what is staged, in a new segment if need be. If it fails for want of space
    /// the journal is as it was, and may be used again.
    pub(crate) fn reserve(&mut self) -> io::Result<()> {
        let staged = self.buffer.len() as u64;
        if SEGMENT_BYTES_MAX < self.end + staged && self.end != HEADER_END {
            let next = segment::create(&self.dir, self.next, self.log)?;
            // The finished segment gives back the room it did not need. If that is lost in a
            // crash, or fails, it ends in zeros, which readers take for its end.
            let _ = self.file.set_len(self.end);
            self.file = Arc::new(next);
            self.end = HEADER_END;
            self.reserved = RESERVE_BYTES;
            let end = u32::try_from(self.end).expect("a header is short");
            self.table.push(Segment { first: self.next, file: Arc::clone(&self.file), offsets: Vec::new(), end });
        }
        let needed = self.end + staged;
        if self.reserved < needed {
            let to = needed.next_multiple_of(RESERVE_BYTES);
            segment::reserve(&self.file, self.reserved, to)?;
            self.reserved = to;
        }
        Ok(())
    }

    /// Writes what is staged into the room that [`Journal::reserve`] made.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        self.file.write_all_at(&self.buffer, self.end)
    }

    /// Makes what was written durable, and readable.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        let base = u32::try_from(self.end).expect("a segment is shorter than 4 GiB");
        self.starts.iter_mut().for_each(|start| *start += base);
        self.end += self.buffer.len() as u64;
        self.next += self.starts.len() as u64;
        self.table.extend(&self.starts, u32::try_from(self.end).expect("a segment is shorter than 4 GiB"));
        self.discard();
        Ok(())
    }

    /// Makes every later write fail, as a disk that went away does.
    #[cfg(test)]
    pub(crate) fn break_for_test(&mut self) {
        self.file = Arc::new(File::open(segment::path(&self.dir, 0)).unwrap());
    }
}
