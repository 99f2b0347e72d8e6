//! The index of a finished segment, in a file beside it.
//!
//! `magic 8 | version u32 | head bytes u32 | crc32c of the head u32 | head | offsets u32 each |
//! times i64 each | postings`, little endian. The head is held in memory: it says which values there
//! are, where their postings lie, and the checksum of each part that is read alone. Where a record
//! begins needs none: the frame there says its own index, and has its own. The index of a segment from
//! which retention has removed records is of version 2, and its head also says which are left.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use roaring::RoaringBitmap;
use serde::{Deserialize, Serialize};

use super::super::facet::{FACETS, Facet};
use super::super::journal::LogNumber;
use super::{CHUNK_RECORDS, GrowingIndex, Place};

const MAGIC: &[u8; 8] = b"GANTRYI\n";

/// Versions of the format: of a whole segment, and of one from which records were removed. An index of
/// another version is made again from its segment.
const FORMAT_VERSION: u32 = 1;
const SPARSE_VERSION: u32 = 2;

/// Bytes before the head.
const FIXED_BYTES: usize = 20;

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    log: LogNumber,
    first: u64,
    count: u32,
    /// Where the last frame of the segment ends.
    end: u32,
    /// First and last time of each chunk.
    bounds: Vec<(i64, i64)>,
    /// Checksum of each chunk's times.
    time_checksums: Vec<u32>,
    /// By the facet's number, in the order of the values.
    postings: Vec<Vec<Posting>>,
}

/// Where the bitmap of a value lies, from the start of the postings.
#[derive(Debug, Serialize, Deserialize)]
struct Posting {
    value: Box<str>,
    start: u32,
    bytes: u32,
    checksum: u32,
}

/// An index on disk.
#[derive(Debug)]
pub(in crate::audit) struct SealedIndex {
    file: File,
    head: Head,
    /// The records that are left, where retention has removed some.
    kept: Option<RoaringBitmap>,
    /// Where the offsets, the times and the postings begin.
    offsets_at: u64,
    times_at: u64,
    postings_at: u64,
}

impl SealedIndex {
    /// Writes the index of the segment of `log` that begins with record `first` to `path`, and opens
    /// it. It is not synced: what a power cut leaves of it is found by its checksums.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(in crate::audit) fn write(path: &Path, log: LogNumber, first: u64, index: &GrowingIndex) -> io::Result<Self> {
        let mut times = Vec::with_capacity(index.times.len() * 8);
        index.times.iter().for_each(|time| times.extend_from_slice(&time.to_le_bytes()));
        let mut bitmaps = Vec::new();
        let mut postings = Vec::with_capacity(FACETS.len());
        for of_facet in &index.postings {
            let mut values: Vec<_> = of_facet.iter().collect();
            values.sort_by_key(|(value, _)| *value);
            let mut list = Vec::with_capacity(values.len());
            for (value, bitmap) in values {
                let start = bitmaps.len();
                bitmap.serialize_into(&mut bitmaps)?;
                let checksum = crc32c::crc32c(&bitmaps[start..]);
                let bytes = place_of(bitmaps.len() - start)?;
                list.push(Posting { value: value.clone(), start: place_of(start)?, bytes, checksum });
            }
            postings.push(list);
        }
        let head = Head {
            log,
            first,
            count: index.count(),
            end: index.end,
            bounds: index.bounds.clone(),
            time_checksums: times.chunks(CHUNK_RECORDS * 8).map(crc32c::crc32c).collect(),
            postings,
        };
        let mut head_bytes = postcard::to_stdvec(&head).map_err(io::Error::other)?;
        let version = match &index.kept {
            None => FORMAT_VERSION,
            Some(kept) => {
                kept.serialize_into(&mut head_bytes)?;
                SPARSE_VERSION
            }
        };
        let mut bytes = Vec::with_capacity(head_bytes.len() + bitmaps.len() + index.times.len() * 12 + 32);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&version.to_le_bytes());
        bytes.extend_from_slice(&place_of(head_bytes.len())?.to_le_bytes());
        bytes.extend_from_slice(&crc32c::crc32c(&head_bytes).to_le_bytes());
        bytes.extend_from_slice(&head_bytes);
        index.offsets.iter().for_each(|offset| bytes.extend_from_slice(&offset.to_le_bytes()));
        bytes.extend_from_slice(&times);
        bytes.extend_from_slice(&bitmaps);
        let unfinished = path.with_extension("idx.new");
        fs::write(&unfinished, &bytes)?;
        fs::rename(&unfinished, path)?;
        Self::open(path, log, first)?
            .ok_or_else(|| io::Error::other("an index that was just written reads differently"))
    }

    /// Opens the index at `path`; none if there is none, or what is there is damaged, of another
    /// segment or of another version.
    ///
    /// # Errors
    /// If it is there and cannot be read.
    pub(in crate::audit) fn open(path: &Path, log: LogNumber, first: u64) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file?,
        };
        let length = file.metadata()?.len();
        let mut fixed = [0; FIXED_BYTES];
        if length < FIXED_BYTES as u64 {
            return Ok(None);
        }
        file.read_exact_at(&mut fixed, 0)?;
        let word = |at: usize| u32::from_le_bytes(fixed[at..at + 4].try_into().expect("four bytes"));
        let offsets_at = FIXED_BYTES as u64 + u64::from(word(12));
        let is_sparse = word(8) == SPARSE_VERSION;
        if fixed[..8] != *MAGIC || (word(8) != FORMAT_VERSION && !is_sparse) || length < offsets_at {
            return Ok(None);
        }
        let mut head_bytes = vec![0; word(12) as usize];
        file.read_exact_at(&mut head_bytes, FIXED_BYTES as u64)?;
        if crc32c::crc32c(&head_bytes) != word(16) {
            return Ok(None);
        }
        let Ok((head, rest)) = postcard::take_from_bytes::<Head>(&head_bytes) else { return Ok(None) };
        let kept = match is_sparse.then(|| RoaringBitmap::deserialize_from(rest)) {
            None => None,
            Some(Ok(kept)) => Some(kept),
            Some(Err(_)) => return Ok(None),
        };
        let count = u64::from(head.count);
        let (times_at, postings_at) = (offsets_at + count * 4, offsets_at + count * 12);
        let postings_end =
            head.postings.iter().flatten().map(|posting| u64::from(posting.start) + u64::from(posting.bytes));
        let is_whole = head.log == log
            && head.first == first
            && head.postings.len() == FACETS.len()
            && head.bounds.len() == (head.count as usize).div_ceil(CHUNK_RECORDS)
            && head.time_checksums.len() == head.bounds.len()
            && postings_at + postings_end.max().unwrap_or(0) <= length;
        Ok(is_whole.then_some(Self { file, head, kept, offsets_at, times_at, postings_at }))
    }

    /// Where the last frame of the segment ends.
    pub(in crate::audit) fn end(&self) -> u32 {
        self.head.end
    }

    /// Whether it is of a segment from which retention has removed records.
    pub(in crate::audit) fn is_sparse(&self) -> bool {
        self.kept.is_some()
    }

    pub(in crate::audit) fn count(&self) -> u32 {
        self.head.count
    }

    pub(super) fn kept(&self) -> Option<&RoaringBitmap> {
        self.kept.as_ref()
    }

    pub(super) fn place(&self, slot: u32) -> io::Result<Option<Place>> {
        if self.head.count <= slot {
            return Ok(None);
        }
        let Some(kept) = &self.kept else {
            // With the offset of the next record, to know where this one ends.
            let both = slot + 1 < self.head.count;
            let mut bytes = [0; 8];
            self.file.read_exact_at(
                if both { &mut bytes } else { &mut bytes[..4] },
                self.offsets_at + u64::from(slot) * 4,
            )?;
            let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
            return Ok(Some(Place::At(word(0), if both { word(4) } else { self.head.end })));
        };
        if !kept.contains(slot) {
            return Ok(Some(Place::Pruned));
        }
        let end = match kept.range(slot + 1..).next() {
            Some(next) => self.offset(next)?,
            None => self.head.end,
        };
        Ok(Some(Place::At(self.offset(slot)?, end)))
    }

    fn offset(&self, slot: u32) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.file.read_exact_at(&mut bytes, self.offsets_at + u64::from(slot) * 4)?;
        Ok(u32::from_le_bytes(bytes))
    }

    pub(super) fn posting(&self, facet: Facet, value: &str) -> io::Result<Option<RoaringBitmap>> {
        let list = &self.head.postings[facet as usize];
        let Ok(number) = list.binary_search_by(|posting| (*posting.value).cmp(value)) else { return Ok(None) };
        let posting = &list[number];
        let mut bytes = vec![0; posting.bytes as usize];
        self.file.read_exact_at(&mut bytes, self.postings_at + u64::from(posting.start))?;
        if crc32c::crc32c(&bytes) != posting.checksum {
            return Err(damaged());
        }
        RoaringBitmap::deserialize_from(&bytes[..]).map(Some)
    }

    pub(super) fn bounds(&self) -> &[(i64, i64)] {
        &self.head.bounds
    }

    pub(super) fn times(&self, chunk: u32) -> io::Result<Vec<i64>> {
        let start = chunk as usize * CHUNK_RECORDS;
        let records = CHUNK_RECORDS.min((self.head.count as usize).saturating_sub(start));
        let mut bytes = vec![0; records * 8];
        self.file.read_exact_at(&mut bytes, self.times_at + start as u64 * 8)?;
        if self.head.time_checksums.get(chunk as usize) != Some(&crc32c::crc32c(&bytes)) {
            return Err(damaged());
        }
        let time = |bytes: &[u8]| i64::from_le_bytes(bytes.try_into().expect("eight bytes"));
        Ok(bytes.chunks_exact(8).map(time).collect())
    }
}

/// An index part that is not what was written. The index is made again at the next start.
fn damaged() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the index of a journal segment is damaged")
}

fn place_of(bytes: usize) -> io::Result<u32> {
    u32::try_from(bytes).map_err(|_| io::Error::other("the index of a segment is longer than 4 GiB"))
}
