//! One record in a segment: its frame.
//!
//! `len u32 | crc32c u32 | index u64 | group u32 | more u32 | leaf`, little endian. The checksum
//! covers everything behind it. `group` is how many records back the commit group began, and
//! `more` how many records of the same append follow. The two say after a power cut what a frame
//! alone cannot: whether the records before it had been synced, and whether an append is whole.
//! Nothing here does IO.

/// Bytes of a frame before its leaf.
pub(crate) const FRAME_HEAD_BYTES: usize = 24;

/// The longest leaf a frame may hold: an entry bundle of the C2SP tlog-tiles layout counts a
/// leaf's bytes in 16 bits. The writer's own limit is lower, and may change.
const LEAF_BYTES_MAX: usize = 65_535;

/// The longest frame.
pub(crate) const FRAME_BYTES_MAX: usize = FRAME_HEAD_BYTES + LEAF_BYTES_MAX;

/// A frame whose checksum holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// Index of the record.
    pub(crate) index: u64,
    /// Index of the first record of the commit group it was written in. Every record before that
    /// one had been synced when this frame was written.
    pub(crate) group_first: u64,
    /// Records of the same append that follow this one.
    pub(crate) more: u32,
    /// The leaf.
    pub(crate) leaf: &'a [u8],
}

impl Frame<'_> {
    /// Bytes of the frame on disk.
    pub(crate) fn size(&self) -> usize {
        FRAME_HEAD_BYTES + self.leaf.len()
    }

    /// Appends the frame to `buffer`.
    pub(crate) fn encode(&self, buffer: &mut Vec<u8>) {
        let leaf_bytes = u32::try_from(self.leaf.len()).expect("a leaf is at most RECORD_BYTES_MAX bytes");
        let group_back = u32::try_from(self.index - self.group_first).expect("a group is at most GROUP_ENTRIES_MAX");
        let start = buffer.len();
        buffer.extend_from_slice(&leaf_bytes.to_le_bytes());
        buffer.extend_from_slice(&[0; 4]);
        buffer.extend_from_slice(&self.index.to_le_bytes());
        buffer.extend_from_slice(&group_back.to_le_bytes());
        buffer.extend_from_slice(&self.more.to_le_bytes());
        buffer.extend_from_slice(self.leaf);
        let checksum = crc32c::crc32c(&buffer[start + 8..]);
        buffer[start + 4..start + 8].copy_from_slice(&checksum.to_le_bytes());
    }
}

/// The frame that `bytes` begin with, or none if they begin with no whole and sound frame.
pub(crate) fn decode(bytes: &[u8]) -> Option<Frame<'_>> {
    let leaf_bytes = read_u32(bytes, 0)? as usize;
    if leaf_bytes == 0 || LEAF_BYTES_MAX < leaf_bytes {
        return None;
    }
    let checked = bytes.get(8..FRAME_HEAD_BYTES + leaf_bytes)?;
    if crc32c::crc32c(checked) != read_u32(bytes, 4)? {
        return None;
    }
    let index = read_u64(bytes, 8)?;
    let group_first = index.checked_sub(u64::from(read_u32(bytes, 16)?))?;
    Some(Frame { index, group_first, more: read_u32(bytes, 20)?, leaf: &bytes[FRAME_HEAD_BYTES..][..leaf_bytes] })
}

/// The index that a frame at the start of `bytes` would have, sound or not: a cheap first look
/// when searching for frames byte by byte.
pub(crate) fn peek_index(bytes: &[u8]) -> Option<u64> {
    read_u64(bytes, 8)
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn read_u64(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_reads_back_and_no_single_flipped_bit_goes_unseen() {
        let frame = Frame { index: 7, group_first: 5, more: 2, leaf: b"{\"v\":1}" };
        let mut bytes = Vec::new();
        frame.encode(&mut bytes);
        assert_eq!(bytes.len(), frame.size());
        assert_eq!(decode(&bytes), Some(frame));
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(decode(&bytes), None, "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(decode(&bytes[..bytes.len() - 1]), None);
        assert_eq!(decode(&[0; 64]), None);
    }
}
