//! Reading a segment from its start, and telling a torn tail from damage.
//!
//! A crash may leave the frames of the last commit group in any state: pages reach the disk in
//! any order, so that a later frame may be whole where an earlier one is not. All of that is a
//! torn tail, never acknowledged, and may be cut. A sound frame of a later group says otherwise:
//! it was begun only after everything before it had been synced. Pure; cutting is the journal's.

use super::frame::{self, FRAME_HEAD_BYTES, Frame};

/// What a segment holds.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Where each whole append's frames begin, from the segment's first record on.
    pub(super) offsets: Vec<u32>,
    /// Where the last of them ends.
    pub(super) end: usize,
    /// What stands between there and the zeros, if anything does.
    pub(super) tail: Option<Tail>,
}

/// Bytes behind the last whole append that are not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    /// The index of the first record that is missing or not whole.
    pub(super) index: u64,
    /// How many bytes, up to the last that is not zero.
    pub(super) bytes: usize,
    /// Whether a crash in the middle of a commit explains it. If not, it is damage.
    pub(super) torn: bool,
}

/// Reads the frames of a segment whose first record is `first` from `bytes[start..]`, showing
/// `visit` every sound one in order (also those of an append that turns out not to be whole).
pub(super) fn scan(bytes: &[u8], start: usize, first: u64, visit: &mut dyn FnMut(Frame<'_>)) -> Scan {
    let used = bytes.iter().rposition(|&byte| byte != 0).map_or(start, |last| (last + 1).max(start));
    let mut scan = Scan { offsets: Vec::new(), end: start, tail: None };
    let (mut at, mut next) = (start, first);
    // Frames of an append that has begun and not ended.
    let mut unfinished = Vec::new();
    while at < used {
        // A leaf ends in a bracket, never in a zero, so a sound frame ends within `used`.
        let Some(frame) = frame::decode(&bytes[at..used]).filter(|frame| frame.index == next) else { break };
        visit(frame);
        unfinished.push(u32::try_from(at).expect("a segment is shorter than 4 GiB"));
        at += frame.size();
        next += 1;
        if frame.more == 0 {
            scan.offsets.append(&mut unfinished);
            scan.end = at;
        }
    }
    if scan.end < used {
        let torn = is_torn(&bytes[at..used], next);
        // Damage is where the frames stop being sound; a torn append is missing from its start.
        let index = if torn { next - unfinished.len() as u64 } else { next };
        scan.tail = Some(Tail { index, bytes: used - scan.end, torn });
    }
    scan
}

/// Whether what follows the last sound frame is of one commit group with record `missing`: no
/// sound frame follows that was written later, or that has an index it cannot have.
fn is_torn(bytes: &[u8], missing: u64) -> bool {
    let index_max = missing + (bytes.len() / FRAME_HEAD_BYTES) as u64;
    let mut at = 0;
    while at < bytes.len() {
        // Any index from 0 on is looked at: an old record in this place is damage as well.
        if frame::peek_index(&bytes[at..]).is_some_and(|index| index <= index_max)
            && let Some(frame) = frame::decode(&bytes[at..])
        {
            if frame.index <= missing || missing < frame.group_first {
                return false;
            }
            at += frame.size();
        } else {
            at += 1;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of three groups: record 0; records 1 to 3, of which 2 and 3 are one append; 4.
    fn segment() -> (Vec<u8>, Vec<usize>) {
        let (mut bytes, mut starts) = (Vec::new(), Vec::new());
        for (index, group_first, more) in [(10, 10, 0), (11, 11, 0), (12, 11, 1), (13, 11, 0), (14, 14, 0)] {
            starts.push(bytes.len());
            Frame { index, group_first, more, leaf: format!("{{\"record\":{index}}}").as_bytes() }.encode(&mut bytes);
        }
        (bytes, starts)
    }

    fn scanned(bytes: &[u8]) -> (usize, Option<Tail>) {
        let mut padded = bytes.to_vec();
        padded.resize(bytes.len() + 1000, 0);
        let scan = scan(&padded, 0, 10, &mut |_| {});
        (scan.offsets.len(), scan.tail)
    }

    #[test]
    fn a_cut_anywhere_keeps_every_whole_append_and_is_torn() {
        let (bytes, starts) = segment();
        assert_eq!(scanned(&bytes), (5, None));
        for cut in 0..bytes.len() {
            // A cut may happen to end in zeros of the head; then less is seen, and it is whole.
            let whole = starts[1..].iter().filter(|&&end| end <= cut).count();
            let kept = if whole == 3 { 2 } else { whole };
            let (found, tail) = scanned(&bytes[..cut]);
            assert_eq!(found, kept, "cut at {cut}");
            assert!(tail.is_none_or(|tail| tail.torn && tail.index == 10 + kept as u64), "cut at {cut}: {tail:?}");
        }
    }

    #[test]
    fn damage_before_a_later_group_is_named_and_damage_within_the_last_group_is_torn() {
        let (bytes, starts) = segment();
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x08;
            let record = starts.iter().rposition(|&start| start <= at).unwrap();
            let (found, tail) = scanned(&damaged);
            let tail = tail.unwrap();
            if record == 4 {
                assert_eq!((found, tail.index, tail.torn), (4, 14, true), "byte {at}");
            } else {
                assert_eq!((tail.index, tail.torn), (10 + record as u64, false), "byte {at}");
            }
        }
        // Without the last group, the group of three is the last, and a hole in it is a torn page.
        let mut torn = bytes[..starts[4]].to_vec();
        torn[starts[1]..starts[2]].fill(0);
        let (found, tail) = scanned(&torn);
        assert_eq!((found, tail.unwrap().index, tail.unwrap().torn), (1, 11, true));
    }
}
