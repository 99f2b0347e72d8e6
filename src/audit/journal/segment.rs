//! A segment file: its name, its header, and room made ahead of the writer.
//!
//! What stands behind the header is `frame`'s and `scan`'s.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use rustix::fs::FallocateFlags;
use rustix::io::Errno;

use super::super::directory::sync_dir;

/// A segment is followed by the next one before it grows beyond this many bytes.
pub(crate) const SEGMENT_BYTES_MAX: u64 = 64 << 20;

/// Room is made in steps of this many bytes, so that an ordinary sync need not write file
/// metadata.
pub(super) const RESERVE_BYTES: u64 = 4 << 20;

/// Zeros are written into that room in steps of this many bytes. A sync of bytes in room that was never
/// written costs a write of the file system's own journal, half as much again as the sync itself.
pub(super) const ZERO_BYTES: u64 = 1 << 20;

/// Version of the segment format that this program writes.
const FORMAT_VERSION: u32 = 1;

/// Version of a segment from which retention has removed records.
const SPARSE_VERSION: u32 = 2;

/// More records than this fit into no segment: the largest has a GiB, and the shortest frame 25 bytes.
const SEGMENT_RECORDS_MAX: u64 = 1 << 26;

const MAGIC: &[u8; 8] = b"GANTRYJ\n";
/// Bytes of a header of this version.
pub(super) const HEADER_BYTES: usize = 128;

/// Bytes of a header that the checksum at its end covers.
const HEADER_CHECKED_BYTES: usize = HEADER_BYTES - 4;

/// The eight random bytes that tell one log from every other.
pub(crate) type LogNumber = [u8; 8];

/// What a segment's header says: `magic 8 | version u32 | header bytes u32 | first index u64 |
/// log 8 | SHA-256 of the previous segment 32, zero where it was not taken | end u64 | zero 52 | crc32c
/// u32`. `end` is zero in version 1. A segment of version 2 is sparse: retention has removed records of it,
/// and `end` is the index after its last record. A later version may make the header longer; its length is
/// in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Where the frames begin.
    pub(crate) bytes: usize,
    /// Index of the segment's first record.
    pub(super) first: u64,
    /// The log it belongs to.
    pub(super) log: LogNumber,
    /// The index after its last record, where records were removed.
    pub(crate) sparse_end: Option<u64>,
}

/// Why a header cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeaderFault {
    /// A later program wrote it.
    Newer(u32),
    /// It is damaged, or is no header.
    Damaged,
}

impl Header {
    fn encode(first: u64, log: LogNumber) -> [u8; HEADER_BYTES] {
        Self::encode_with(first, log, None)
    }

    /// The header of the segment from which records were removed.
    pub(super) fn encode_sparse(first: u64, end: u64, log: LogNumber) -> [u8; HEADER_BYTES] {
        Self::encode_with(first, log, Some(end))
    }

    fn encode_with(first: u64, log: LogNumber, sparse_end: Option<u64>) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(MAGIC);
        let version = if sparse_end.is_some() { SPARSE_VERSION } else { FORMAT_VERSION };
        bytes[8..12].copy_from_slice(&version.to_le_bytes());
        bytes[64..72].copy_from_slice(&sparse_end.unwrap_or(0).to_le_bytes());
        bytes[12..16].copy_from_slice(&(HEADER_BYTES as u32).to_le_bytes());
        bytes[16..24].copy_from_slice(&first.to_le_bytes());
        bytes[24..32].copy_from_slice(&log);
        let checksum = crc32c::crc32c(&bytes[..HEADER_CHECKED_BYTES]);
        bytes[HEADER_CHECKED_BYTES..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// Reads the header at the start of a segment's bytes.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let word = |at: usize| bytes.get(at..at + 4).and_then(|b| Some(u32::from_le_bytes(b.try_into().ok()?)));
        if bytes.get(..8) != Some(MAGIC) {
            return Err(HeaderFault::Damaged);
        }
        let version = word(8).ok_or(HeaderFault::Damaged)?;
        if SPARSE_VERSION < version {
            return Err(HeaderFault::Newer(version));
        }
        let checked = bytes.get(..HEADER_CHECKED_BYTES).ok_or(HeaderFault::Damaged)?;
        if word(HEADER_CHECKED_BYTES) != Some(crc32c::crc32c(checked)) || word(12) != Some(HEADER_BYTES as u32) {
            return Err(HeaderFault::Damaged);
        }
        let eight = |at: usize| <[u8; 8]>::try_from(&checked[at..at + 8]).expect("eight bytes were taken");
        let (first, end) = (u64::from_le_bytes(eight(16)), u64::from_le_bytes(eight(64)));
        let is_sparse = version == SPARSE_VERSION;
        if is_sparse && !(first < end && end - first <= SEGMENT_RECORDS_MAX) {
            return Err(HeaderFault::Damaged);
        }
        Ok(Self { bytes: HEADER_BYTES, first, log: eight(24), sparse_end: is_sparse.then_some(end) })
    }
}

/// The path of the segment that begins with record `first`.
pub(super) fn path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("{first:020}.seg"))
}

/// The path of the index of the segment at `segment`.
pub(super) fn index_path(segment: &Path) -> PathBuf {
    segment.with_extension("idx")
}

/// The segments of a journal directory, by their first index.
pub(crate) fn list(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut segments = Vec::new();
    for item in fs::read_dir(dir)? {
        let path = item?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if let Some(digits) = name.strip_suffix(".seg")
            && digits.len() == 20
            && let Ok(first) = digits.parse()
        {
            segments.push((first, path));
        }
    }
    segments.sort();
    Ok(segments)
}

/// Removes what a crash left of a segment or an index that was being made.
pub(super) fn clean(dir: &Path) -> io::Result<()> {
    for item in fs::read_dir(dir)? {
        let path = item?.path();
        if path.extension().is_some_and(|extension| extension == "new") {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Opens a segment for reading and writing.
pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

/// A segment that is whole on disk and has not got its name yet.
#[derive(Debug)]
pub(crate) struct Prepared {
    file: File,
    unfinished: PathBuf,
    path: PathBuf,
}

/// Makes the segment that begins with record `first`, with room for the first frames, under another
/// name. If this fails, nothing has changed.
pub(super) fn prepare(dir: &Path, first: u64, log: LogNumber) -> io::Result<Prepared> {
    let path = path(dir, first);
    let unfinished = path.with_extension("seg.new");
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&unfinished)?;
    let made = reserve(&file, 0, RESERVE_BYTES)
        .and_then(|()| file.write_all_at(&Header::encode(first, log), 0))
        .and_then(|()| file.sync_all());
    if let Err(error) = made {
        // Nobody has seen the file; if it stays, the next start removes it.
        let _ = fs::remove_file(&unfinished);
        return Err(error);
    }
    Ok(Prepared { file, unfinished, path })
}

impl Prepared {
    /// Gives the segment its name, durably. It appears under it only with a whole header, so a segment
    /// with a broken header is always damage. If this fails, the name may be there or not: no record may
    /// be written to any segment then.
    pub(super) fn place(self) -> io::Result<File> {
        fs::rename(&self.unfinished, &self.path)?;
        self.path.parent().map_or(Ok(()), sync_dir)?;
        Ok(self.file)
    }
}

/// Makes room from byte `from` to byte `to`, reading as zeros. A file system that cannot
/// allocate gets a longer file with a hole instead.
pub(super) fn reserve(file: &File, from: u64, to: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, FallocateFlags::empty(), from, to - from) {
        Ok(()) => Ok(()),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => file.set_len(to),
        Err(error) => Err(error.into()),
    }
}

/// Writes zeros from byte `from` to byte `to`, into room that was made.
pub(super) fn write_zeros(file: &File, from: u64, to: u64) -> io::Result<()> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    let mut at = from;
    while at < to {
        let step = (to - at).min(ZEROS.len() as u64);
        file.write_all_at(&ZEROS[..step as usize], at)?;
        at += step;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_reads_back_and_says_when_it_is_damaged_or_newer() {
        let bytes = Header::encode(42, *b"deadbeef");
        assert_eq!(Header::decode(&bytes), Ok(Header { bytes: 128, first: 42, log: *b"deadbeef", sparse_end: None }));
        for at in 0..bytes.len() {
            let mut damaged = bytes;
            damaged[at] ^= 0x40;
            assert!(Header::decode(&damaged).is_err(), "byte {at}");
        }
        let mut newer = bytes;
        newer[8] = 3;
        assert_eq!(Header::decode(&newer), Err(HeaderFault::Newer(3)));
        let sparse = Header::encode_sparse(42, 50, *b"deadbeef");
        assert_eq!(Header::decode(&sparse).unwrap().sparse_end, Some(50));
        assert!(Header::decode(&Header::encode_sparse(42, 42, *b"deadbeef")).is_err(), "it would have no record");
        assert_eq!(Header::decode(&bytes[..100]), Err(HeaderFault::Damaged));
    }
}
