//! A data directory read without opening it: for verifying, exporting and backing up, with or without
//! a server that has it open.
//!
//! Nothing is locked, written or repaired, and the store is not looked at. What is read ends with the
//! last checkpoint; the records before it do not change while a server runs, but for those that
//! retention removes.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::directory::{self, Owner};
use super::error::OpenError;
use super::journal::{FRAME_BYTES_MAX, FRAME_HEAD_BYTES, check_header, decode_frame, list_segments};
use super::retention::{self, SnapshotsDigest};
use super::transparency::{CheckpointSlots, HashFile, SignedCheckpoint, VerifierKeys};

/// Bytes of a segment that are read at a time.
const READ_BYTES: usize = 1 << 20;

/// A log at rest.
#[derive(Debug)]
pub struct OfflineLog {
    path: PathBuf,
    log_id: String,
    owner: Owner,
    log: [u8; 8],
    keys: VerifierKeys,
    checkpoint: SignedCheckpoint,
    hashes: HashFile,
    /// First index and path of each segment.
    segments: Vec<(u64, PathBuf)>,
    /// What each of them was before the checkpoint was read: the records which say what had been removed
    /// are below it.
    seen: Vec<Seen>,
}

/// A record at rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OfflineLeaf {
    /// Its leaf.
    Kept(Vec<u8>),
    /// Retention has removed it; its leaf hash, as it is on file.
    Pruned([u8; 32]),
}

/// Why a directory cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OfflineError {
    /// It is not a data directory, or a file of it is not what it should be.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is nothing to compare its records with.
    #[error("{} has no whole signed checkpoint: either no server has opened it yet, or tlog/checkpoint is damaged", path.display())]
    NoCheckpoint {
        /// The directory.
        path: PathBuf,
    },
    /// A record is missing or not what was written.
    #[error("record {index} of the journal is damaged or missing")]
    Damaged {
        /// The record.
        index: u64,
    },
    /// A power cut has taken the last checkpoints, which a start makes again.
    #[error(
        "its last whole checkpoint states {stated} records, and retention has come to record {end}: start the server on it once"
    )]
    CheckpointBehind {
        /// Records that it states.
        stated: u64,
        /// The record that retention has come to.
        end: u64,
    },
    /// Retention went on meanwhile, and the record that says so is not among those that are read.
    #[error("retention has removed records from record {index} on while the log was read: try again")]
    PrunedMeanwhile {
        /// The first record of the segment.
        index: u64,
    },
    /// A file could not be read.
    #[error("the data directory could not be read")]
    Io(#[from] io::Error),
}

impl OfflineLog {
    /// Looks at the log in `dir`.
    ///
    /// # Errors
    /// [`OfflineError`], if it is not one that this program can read.
    pub fn open(dir: &Path) -> Result<Arc<Self>, OfflineError> {
        Self::open_owned(dir, dir)
    }

    /// Looks at the log in `dir`, whose owner is written down in `owned` only: it is being restored.
    pub(super) fn open_owned(dir: &Path, owned: &Path) -> Result<Arc<Self>, OfflineError> {
        let (log_id, log, owner) = directory::read_owner_of(owned)?;
        let tlog = dir.join("tlog");
        let no_checkpoint = || OfflineError::NoCheckpoint { path: dir.to_owned() };
        let keys = VerifierKeys::read(&tlog)?.ok_or_else(no_checkpoint)?;
        let origin = keys.origin().to_owned();
        // In this order: a removal is on record, under a checkpoint, before the first segment is changed.
        let mut segments = list_segments(&dir.join("journal"))?;
        let finished = segments.len().saturating_sub(1);
        let look = |(place, (first, path)): (usize, &(u64, PathBuf))| Seen::at(path, log, *first, place < finished);
        let mut seen = segments.iter().enumerate().map(look).collect::<Result<Vec<_>, _>>()?;
        let checkpoint = CheckpointSlots::read(&tlog.join("checkpoint"), &origin)?.ok_or_else(no_checkpoint)?;
        let hashes = HashFile::read_only(&tlog.join("hashes"))?;
        // And those that were begun meanwhile, which are whole.
        let last = segments.last().map(|(first, _)| *first);
        segments.extend(list_segments(&dir.join("journal"))?.into_iter().filter(|(first, _)| last < Some(*first)));
        seen.resize(segments.len(), Seen::default());
        if let Some(end) = seen.iter().filter_map(|seen| seen.sparse_end).max()
            && checkpoint.size < end
        {
            return Err(OfflineError::CheckpointBehind { stated: checkpoint.size, end });
        }
        let path = dir.to_owned();
        Ok(Arc::new(Self { path, log_id, owner, log, keys, checkpoint, hashes, segments, seen }))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The log's id.
    pub fn log_id(&self) -> &str {
        &self.log_id
    }

    /// The same id as bytes.
    pub(super) fn number(&self) -> [u8; 8] {
        self.log
    }

    /// For whom it was made.
    pub fn owner(&self) -> &Owner {
        &self.owner
    }

    /// The first line of its checkpoints.
    pub fn origin(&self) -> &str {
        self.keys.origin()
    }

    /// The keys that have signed it, the last first.
    pub fn verifier_keys(&self) -> &VerifierKeys {
        &self.keys
    }

    /// The last checkpoint on file.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// The Merkle hashes on file.
    pub fn hashes(&self) -> &impl tlog_tiles::HashReader {
        &self.hashes
    }

    /// The segments of its journal: index of the first record, and file.
    pub fn segments(&self) -> &[(u64, PathBuf)] {
        &self.segments
    }

    /// What is on file of the launches that the pruning of the records below `end` removed; none if there
    /// is no such file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn snapshots(&self, end: u64) -> io::Result<Option<SnapshotsDigest>> {
        SnapshotsDigest::of_file(&retention::Files::in_dir(&self.path).snapshots(end))
    }

    /// Whether retention had removed records of a segment when the checkpoint was read.
    pub(super) fn is_sparse(&self, segment: usize) -> bool {
        self.seen[segment].sparse_end.is_some()
    }

    /// Whether a segment that was opened is the file that it was when the checkpoint was read.
    ///
    /// # Errors
    /// [`OfflineError::PrunedMeanwhile`] if not.
    pub(super) fn check_unpruned(&self, segment: usize, file: &File) -> Result<(), OfflineError> {
        match self.seen[segment].identity {
            // Retention puts another file in its place, and a shorter one.
            Some(seen) if identity(file)? != seen => {
                Err(OfflineError::PrunedMeanwhile { index: self.segments[segment].0 })
            }
            _ => Ok(()),
        }
    }

    /// The records of a range, which is cut to those that the checkpoint covers.
    pub fn leaves(self: &Arc<Self>, range: Range<u64>) -> OfflineLeaves {
        let end = range.end.min(self.checkpoint.size);
        OfflineLeaves { log: Arc::clone(self), next: range.start, end, reading: None, ahead: None }
    }
}

/// The records of a range, in order. Ends with the first that cannot be read.
#[derive(Debug)]
pub struct OfflineLeaves {
    log: Arc<OfflineLog>,
    next: u64,
    end: u64,
    reading: Option<Reading>,
    /// A record that was read while looking for one that was pruned.
    ahead: Option<(u64, Vec<u8>)>,
}

#[derive(Debug)]
struct Reading {
    file: BufReader<File>,
    /// Which of the segments.
    segment: usize,
    /// The index after its last record, if retention has removed records of it.
    sparse_end: Option<u64>,
}

impl Iterator for OfflineLeaves {
    type Item = Result<(u64, OfflineLeaf), OfflineError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.end <= self.next {
            return None;
        }
        let index = self.next;
        let leaf = self.read(index);
        self.next = if leaf.is_ok() { index + 1 } else { self.end };
        Some(leaf.map(|leaf| (index, leaf)))
    }
}

impl OfflineLeaves {
    fn read(&mut self, index: u64) -> Result<OfflineLeaf, OfflineError> {
        loop {
            match self.ahead.take() {
                Some((found, leaf)) if found == index => return Ok(OfflineLeaf::Kept(leaf)),
                Some((found, leaf)) if index < found => {
                    self.ahead = Some((found, leaf));
                    return self.pruned(index);
                }
                // One from before the range.
                Some(_) | None => {}
            }
            let segments = &self.log.segments;
            let Some(wanted) = segments.partition_point(|(first, _)| *first <= index).checked_sub(1) else {
                // Retention rewrites segments and removes none.
                return Err(OfflineError::Damaged { index });
            };
            match &mut self.reading {
                Some(reading) if reading.segment == wanted => match next_frame(&mut reading.file, index)? {
                    // Only a sparse segment may have holes. Whether the removal is on record is asked by
                    // whoever verifies.
                    Some((found, _)) if index < found && reading.sparse_end.is_none() => {
                        return Err(OfflineError::Damaged { index });
                    }
                    Some(frame) => self.ahead = Some(frame),
                    None if reading.sparse_end.is_some_and(|end| index < end) => return self.pruned(index),
                    None => return Err(OfflineError::Damaged { index }),
                },
                _ => self.reading = Some(self.begin(wanted)?),
            }
        }
    }

    fn begin(&self, segment: usize) -> Result<Reading, OfflineError> {
        let (first, path) = &self.log.segments[segment];
        let mut file = File::open(path)?;
        let mut head = vec![0; 128];
        file.read_exact(&mut head).map_err(|_| OfflineError::Damaged { index: *first })?;
        let header = check_header(&head, path, self.log.log, *first)?;
        self.log.check_unpruned(segment, &file)?;
        file.seek(SeekFrom::Start(header.bytes as u64))?;
        Ok(Reading { file: BufReader::with_capacity(READ_BYTES, file), segment, sparse_end: header.sparse_end })
    }

    fn pruned(&self, index: u64) -> Result<OfflineLeaf, OfflineError> {
        let hash = self.log.hashes.leaf_hash(index);
        Ok(OfflineLeaf::Pruned(hash.map_err(|_| OfflineError::Damaged { index })?.0))
    }
}

/// What a segment was when it was looked at.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// Which file it was, if it was finished: the last one grows.
    identity: Option<(u64, u64)>,
    /// Where it ends by name, if records were removed from it.
    sparse_end: Option<u64>,
}

impl Seen {
    fn at(path: &Path, log: [u8; 8], first: u64, is_finished: bool) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let identity = if is_finished { Some(identity(&file)?) } else { None };
        // What is wrong with a header is said once it is read.
        let mut head = [0; 128];
        let header = file.read_exact(&mut head).ok().and_then(|()| check_header(&head, path, log, first).ok());
        Ok(Self { identity, sparse_end: header.and_then(|header| header.sparse_end) })
    }
}

/// Inode and length.
fn identity(file: &File) -> io::Result<(u64, u64)> {
    let metadata = file.metadata()?;
    Ok((metadata.ino(), metadata.len()))
}

/// The next record of a segment; none at its end. What is no sound frame is damage at `index`.
fn next_frame(file: &mut impl Read, index: u64) -> Result<Option<(u64, Vec<u8>)>, OfflineError> {
    let damaged = || OfflineError::Damaged { index };
    let mut bytes = vec![0; FRAME_HEAD_BYTES];
    match file.read_exact(&mut bytes) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let leaf_bytes = u32::from_le_bytes(bytes[..4].try_into().expect("four bytes")) as usize;
    if leaf_bytes == 0 {
        // Room that was made and not used.
        return if bytes.iter().all(|&byte| byte == 0) { Ok(None) } else { Err(damaged()) };
    }
    if FRAME_BYTES_MAX < FRAME_HEAD_BYTES + leaf_bytes {
        return Err(damaged());
    }
    bytes.resize(FRAME_HEAD_BYTES + leaf_bytes, 0);
    file.read_exact(&mut bytes[FRAME_HEAD_BYTES..]).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => damaged(),
        _ => error.into(),
    })?;
    let found = decode_frame(&bytes).ok_or_else(damaged)?.index;
    bytes.drain(..FRAME_HEAD_BYTES);
    Ok(Some((found, bytes)))
}
