//! The index of the segment that is written to, in memory.

use roaring::RoaringBitmap;

use super::super::HashMap;
use super::super::facet::{FACETS, Facet, IndexRow};
use super::{CHUNK_RECORDS, PRUNED, Place};

/// The records of a segment whose postings are whole, and those after them that are only located.
#[derive(Debug, Default)]
pub(in crate::audit) struct GrowingIndex {
    /// Where each record's frame begins.
    pub(super) offsets: Vec<u32>,
    /// Where the last frame ends.
    pub(super) end: u32,
    /// When each record happened.
    pub(super) times: Vec<i64>,
    /// First and last time of each chunk.
    pub(super) bounds: Vec<(i64, i64)>,
    /// The records that retention has left, in a segment from which it has removed some.
    pub(super) kept: Option<RoaringBitmap>,
    /// By the facet's number: which records have which value.
    pub(super) postings: [HashMap<Box<str>, RoaringBitmap>; FACETS.len()],
}

impl GrowingIndex {
    /// An index of records whose frames begin at `offsets`, the last of which ends at `end`. Nothing
    /// is known of them yet but where they are.
    pub(in crate::audit) fn located(offsets: Vec<u32>, end: u32) -> Self {
        Self { offsets, end, ..Self::default() }
    }

    /// The same of a segment from which retention has removed records: those begin at [`PRUNED`].
    pub(in crate::audit) fn sparse(offsets: Vec<u32>, end: u32) -> Self {
        let kept = (0..).zip(&offsets).filter(|(_, offset)| **offset != PRUNED).map(|(slot, _)| slot).collect();
        Self { offsets, end, kept: Some(kept), ..Self::default() }
    }

    /// Adds where frames begin, and where the last of them ends.
    pub(in crate::audit) fn extend(&mut self, offsets: &[u32], end: u32) {
        self.offsets.extend_from_slice(offsets);
        self.end = end;
    }

    /// Adds the row of the first record that has none yet.
    pub(in crate::audit) fn push(&mut self, row: &IndexRow<'_>) {
        let slot = u32::try_from(self.times.len()).expect("a segment holds fewer than 2^32 records");
        self.begin_chunk();
        let (first, last) = self.bounds.last_mut().expect("the first record of a chunk makes it");
        *first = (*first).min(row.nanos);
        *last = (*last).max(row.nanos);
        self.times.push(row.nanos);
        for (postings, value) in self.postings.iter_mut().zip(row.values) {
            let Some(value) = value else { continue };
            match postings.get_mut(value) {
                Some(posting) => drop(posting.insert(slot)),
                None => drop(postings.insert(value.into(), RoaringBitmap::from_iter([slot]))),
            }
        }
    }

    /// Adds the row of the first record that has none yet, which was removed: no search finds it.
    pub(in crate::audit) fn push_pruned(&mut self) {
        self.begin_chunk();
        self.times.push(0);
    }

    /// A chunk of which all records were removed has bounds within which there is no time.
    fn begin_chunk(&mut self) {
        if self.times.len().is_multiple_of(CHUNK_RECORDS) {
            self.bounds.push((i64::MAX, i64::MIN));
        }
    }

    /// How many records have rows.
    pub(in crate::audit) fn indexed(&self) -> usize {
        self.times.len()
    }

    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.offsets.len()).expect("a segment holds fewer than 2^32 records")
    }

    pub(super) fn place(&self, slot: u32) -> Option<Place> {
        let start = *self.offsets.get(slot as usize)?;
        if start == PRUNED {
            return Some(Place::Pruned);
        }
        let next = self.offsets[slot as usize + 1..].iter().find(|&&offset| offset != PRUNED);
        Some(Place::At(start, next.copied().unwrap_or(self.end)))
    }

    pub(super) fn posting(&self, facet: Facet, value: &str) -> Option<&RoaringBitmap> {
        self.postings[facet as usize].get(value)
    }

    pub(super) fn bounds(&self) -> &[(i64, i64)] {
        &self.bounds
    }

    pub(super) fn times(&self, start: u32, end: u32) -> Vec<i64> {
        self.times[start as usize..(end as usize).min(self.times.len())].to_vec()
    }
}
