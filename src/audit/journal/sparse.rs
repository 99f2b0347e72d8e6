//! Segments from which retention has removed records.
//!
//! Such a segment has the name and the first index that it had, a header that says where it ends, and of
//! its frames those that are left, byte for byte. One from which everything went is a header: it stays, so
//! that a segment that is missing is damage all the same. Holes are allowed here and nowhere else.

use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use super::super::directory::sync_dir;
use super::super::index::{GrowingIndex, PRUNED, SegmentIndex};
use super::frame::{self, Frame};
use super::scan;
use super::segment::{self, Header, LogNumber};
use super::table::{Segment, TableError};

/// The frames of a sparse segment.
#[derive(Debug)]
pub(super) struct Frames {
    /// Where each record's frame begins, or [`PRUNED`].
    pub(super) offsets: Vec<u32>,
    /// Where the last frame ends.
    pub(super) end: u32,
}

/// Reads the frames of the sparse segment of the records from `first` to before `end`, from
/// `bytes[start..]`, showing each to `visit` in order. Nothing is ever appended to such a segment, so what
/// is no sound frame is damage; then the index after that of the last sound frame.
pub(super) fn read(
    bytes: &[u8],
    start: usize,
    (first, end): (u64, u64),
    visit: &mut dyn FnMut(Frame<'_>),
) -> Result<Frames, u64> {
    let (mut at, mut next) = (start, first);
    let records = usize::try_from(end - first).map_err(|_| first)?;
    let mut offsets = vec![PRUNED; records];
    while at < bytes.len() {
        let frame = frame::decode(&bytes[at..]).filter(|frame| (next..end).contains(&frame.index)).ok_or(next)?;
        let slot = usize::try_from(frame.index - first).map_err(|_| next)?;
        offsets[slot] = u32::try_from(at).map_err(|_| next)?;
        next = frame.index + 1;
        at += frame.size();
        visit(frame);
    }
    Ok(Frames { offsets, end: u32::try_from(at).map_err(|_| next)? })
}

/// Rewrites `segment`, which is finished, without the records for which `is_kept` is false; the segment as
/// it is then, and none if there was nothing to remove. Its index is to be made, it has no row for any
/// record yet, and it is to take the place of `segment` in the table.
///
/// Whoever reads the segment meanwhile reads the file as it was. A crash leaves the segment as it was or
/// as it is to be, in either case perhaps without its index, which a start makes again; a start also
/// removes the unfinished file, and goes on with the pruning by its plan.
///
/// # Errors
/// [`TableError::Damaged`] if a record of the segment is not what was written: nothing is removed from
/// it then. [`TableError::Io`] if a file cannot be read or written.
pub(crate) fn rewrite(
    segment: &Segment,
    log: LogNumber,
    is_kept: &dyn Fn(u64) -> bool,
) -> Result<Option<Arc<Segment>>, TableError> {
    let bytes = fs::read(segment.path())?;
    let header = Header::decode(&bytes).map_err(|_| TableError::Damaged)?;
    let (first, end) = (segment.first(), segment.end());
    if header.log != log || header.first != first {
        return Err(TableError::Damaged);
    }
    let mut left = Header::encode_sparse(first, end, log).to_vec();
    let mut offsets = vec![PRUNED; usize::try_from(end - first).map_err(|_| TableError::Damaged)?];
    let (mut seen, mut removed) = (0, 0_u64);
    let mut take = |frame: Frame<'_>| {
        seen += 1;
        // A frame has an index of the segment, or reading it ends.
        let slot = usize::try_from(frame.index - first).unwrap_or(usize::MAX);
        match (is_kept(frame.index), offsets.get_mut(slot), u32::try_from(left.len())) {
            (true, Some(offset), Ok(at)) => {
                *offset = at;
                frame.encode(&mut left);
            }
            _ => removed += 1,
        }
    };
    match header.sparse_end {
        Some(stated) => {
            read(&bytes, header.bytes, (first, stated), &mut take).map_err(|_| TableError::Damaged)?;
        }
        None => {
            let scan = scan::scan(&bytes, header.bytes, first, &mut take);
            if scan.tail.is_some() || seen != end - first {
                return Err(TableError::Damaged);
            }
        }
    }
    if removed == 0 {
        return Ok(None);
    }
    let path = segment.path();
    let unfinished = path.with_extension("seg.new");
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&unfinished)?;
    if let Err(error) = file.write_all_at(&left, 0).and_then(|()| file.sync_all()) {
        // A disk that is full is not to be kept so.
        let _ = fs::remove_file(&unfinished);
        return Err(error.into());
    }
    // First: it speaks of records that go, and nothing would remove it after a crash behind the rename.
    match fs::remove_file(segment::index_path(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    fs::rename(&unfinished, path)?;
    path.parent().map_or(Ok(()), sync_dir)?;
    let index = SegmentIndex::Growing(GrowingIndex::sparse(offsets, u32::try_from(left.len()).unwrap_or(u32::MAX)));
    Ok(Some(Arc::new(Segment::new(first, path.to_owned(), Arc::new(file), index))))
}

/// The index of a sparse segment that was read, and of which nothing is known but where its records are.
pub(super) fn located(frames: Frames) -> SegmentIndex {
    SegmentIndex::Growing(GrowingIndex::sparse(frames.offsets, frames.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holes_are_read_as_such_and_every_other_gap_is_damage() {
        let (mut bytes, mut starts) = (vec![0; 128], Vec::new());
        for index in [11, 14, 15] {
            starts.push(u32::try_from(bytes.len()).unwrap());
            Frame { index, group_first: 11, more: 0, leaf: b"{}" }.encode(&mut bytes);
        }
        let read_all = |bytes: &[u8], range| read(bytes, 128, range, &mut |_| {}).map(|frames| frames.offsets);
        let whole = vec![PRUNED, starts[0], PRUNED, PRUNED, starts[1], starts[2], PRUNED];
        assert_eq!(read_all(&bytes, (10, 17)), Ok(whole));
        assert_eq!(read_all(&bytes[..128], (10, 12)), Ok(vec![PRUNED; 2]));
        assert_eq!(read_all(&bytes, (10, 15)), Err(15), "a record behind the end");
        assert_eq!(read_all(&bytes, (12, 17)), Err(12), "a record before the beginning");
        for at in 128..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            assert!(read_all(&damaged, (10, 17)).is_err(), "byte {at}");
            assert_eq!(read_all(&bytes[..at], (10, 17)).is_ok(), starts.contains(&(at as u32)), "cut at {at}");
        }
        bytes.extend_from_slice(&[0; 64]);
        assert!(read_all(&bytes, (10, 17)).is_err(), "zeros are no frames");
    }
}
