//! Which records of a segment have a facet's value or a time: a bitmap for each value, in memory
//! while the segment grows and in a file beside it once it is sealed.
//!
//! An index says where its records begin as well. It is made from the segment and made again when it
//! is lost or damaged.

mod growing;
mod sealed;

use std::io;

use roaring::RoaringBitmap;

pub(super) use self::growing::GrowingIndex;
pub(super) use self::sealed::SealedIndex;

use super::facet::Wanted;

/// Records to a chunk. Each chunk's first and last time are known without reading its times.
const CHUNK_RECORDS: usize = 1024;

/// Where a pruned record would begin.
pub(super) const PRUNED: u32 = u32::MAX;

/// The index of one segment. Records are counted from the segment's first: slots.
#[derive(Debug)]
pub(super) enum SegmentIndex {
    /// Of the segment that is written to, or of one whose index is being made again.
    Growing(GrowingIndex),
    /// Of a segment that is finished.
    Sealed(SealedIndex),
}

/// Where a record's frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// From the first byte to before the second.
    At(u32, u32),
    /// Retention has removed it.
    Pruned,
}

impl SegmentIndex {
    /// How many records the segment has, pruned ones included.
    pub(super) fn count(&self) -> u32 {
        match self {
            Self::Growing(index) => index.count(),
            Self::Sealed(index) => index.count(),
        }
    }

    /// First and last time of each chunk; the other way round if no record of it is left.
    fn bounds(&self) -> &[(i64, i64)] {
        match self {
            Self::Growing(index) => index.bounds(),
            Self::Sealed(index) => index.bounds(),
        }
    }

    /// Where a record is; none if there is no such slot.
    pub(super) fn place(&self, slot: u32) -> io::Result<Option<Place>> {
        match self {
            Self::Growing(index) => Ok(index.place(slot)),
            Self::Sealed(index) => index.place(slot),
        }
    }

    /// The slots that retention has left; none if it has removed nothing.
    pub(super) fn kept(&self) -> Option<&RoaringBitmap> {
        match self {
            Self::Growing(index) => index.kept.as_ref(),
            Self::Sealed(index) => index.kept(),
        }
    }

    /// The last time of any record that is left; none if none is.
    pub(super) fn last_time(&self) -> Option<i64> {
        self.bounds().iter().filter(|(first, last)| first <= last).map(|(_, last)| *last).max()
    }

    /// The first time of the first chunk, if it has a record.
    pub(super) fn first_time(&self) -> Option<i64> {
        self.bounds().first().filter(|(first, last)| first <= last).map(|(first, _)| *first)
    }

    /// The slots of all records that are wanted and that retention has left.
    pub(super) fn find(&self, wanted: &Wanted) -> io::Result<RoaringBitmap> {
        let found = self.find_any(wanted)?;
        Ok(match self.kept() {
            Some(kept) => found & kept,
            None => found,
        })
    }

    fn find_any(&self, wanted: &Wanted) -> io::Result<RoaringBitmap> {
        // Most segments are of another time, and this is known without reading anything.
        if !self.bounds().iter().any(|(first, last)| wanted.may_be_within(*first, *last)) {
            return Ok(RoaringBitmap::new());
        }
        let mut found: Option<RoaringBitmap> = None;
        for (facet, values) in &wanted.facets {
            let mut union = RoaringBitmap::new();
            for value in values {
                match self {
                    Self::Growing(index) => index.posting(*facet, value).into_iter().for_each(|one| union |= one),
                    Self::Sealed(index) => index.posting(*facet, value)?.into_iter().for_each(|one| union |= one),
                }
            }
            let both = match found {
                Some(found) => found & union,
                None => union,
            };
            if both.is_empty() {
                return Ok(both);
            }
            found = Some(both);
        }
        if wanted.start.is_some() || wanted.end.is_some() {
            let within = self.within(wanted)?;
            return Ok(found.map_or_else(|| within.clone(), |found| found & &within));
        }
        Ok(found.unwrap_or_else(|| {
            let mut all = RoaringBitmap::new();
            all.insert_range(0..self.count());
            all
        }))
    }

    /// The slots of all records whose times are wanted.
    fn within(&self, wanted: &Wanted) -> io::Result<RoaringBitmap> {
        let count = self.count();
        let mut within = RoaringBitmap::new();
        for (chunk, (first, last)) in (0..).zip(self.bounds()) {
            let start = chunk * CHUNK_RECORDS as u32;
            let end = count.min(start + CHUNK_RECORDS as u32);
            if wanted.covers(*first, *last) {
                within.insert_range(start..end);
            } else if wanted.may_be_within(*first, *last) {
                let times = match self {
                    Self::Growing(index) => index.times(start, end),
                    Self::Sealed(index) => index.times(chunk)?,
                };
                within
                    .extend((start..).zip(times).filter(|(_, time)| wanted.covers(*time, *time)).map(|(slot, _)| slot));
            }
        }
        Ok(within)
    }
}
