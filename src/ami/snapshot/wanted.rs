//! Which values of a dictionary a filter asks for: some for sure, some still to be matched.

use std::ops::Range;

use roaring::RoaringBitmap;

use super::arena::NONE;
use super::decode::Reader;
use super::facet::Facet;
use super::postings;
use crate::ami::filter::{Pattern, Signature};

/// What one match of a pattern is reckoned at, in nanoseconds.
const MATCH_COST: u64 = 40;
/// What one image in a list is reckoned at.
const LISTED_COST: u64 = 3;
/// What a bitmap is reckoned at, at most: with few candidates it is each of them that counts.
const BITMAP_COST: u64 = 3_000;
/// What looking at one candidate is reckoned at.
const CANDIDATE_COST: u64 = 4;

/// From this many patterns on it pays to sum up a value before it is matched.
const SIGNATURE_MIN: usize = 3;

/// The values that a filter asks for.
#[derive(Debug, Default)]
pub(super) struct Wanted<'f> {
    sure: Vec<Range<u32>>,
    unsure: Vec<(Range<u32>, &'f Pattern)>,
}

impl<'f> Wanted<'f> {
    pub(super) fn sure(&mut self, values: Range<u32>) {
        if !values.is_empty() {
            self.sure.push(values);
        }
    }

    pub(super) fn unsure(&mut self, values: Range<u32>, pattern: &'f Pattern) {
        if !values.is_empty() {
            self.unsure.push((values, pattern));
        }
    }

    /// Joins ranges that touch, drops those that are there for nothing, and sorts the others.
    pub(super) fn tidy(&mut self) {
        join(&mut self.sure);
        let sure = &self.sure;
        self.unsure.retain(|(values, _)| {
            let place = sure.partition_point(|known| known.end < values.end);
            sure.get(place).is_none_or(|known| known.start > values.start)
        });
        self.unsure.sort_by_key(|(values, _)| values.start);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sure.is_empty() && self.unsure.is_empty()
    }

    fn matches(&self) -> u64 {
        self.unsure.iter().map(|(values, _)| u64::from(values.end - values.start)).sum()
    }

    /// What it costs to find those of `candidates` images through the dictionary.
    pub(super) fn dictionary_cost(&self, facet: &Facet, candidates: u64) -> u64 {
        let bitmap = candidates.saturating_mul(2 * LISTED_COST).saturating_add(100).min(BITMAP_COST);
        let listed = |values: &Range<u32>| facet.postings.list(values.clone()).len() as u64 * LISTED_COST;
        let maps = |values: &Range<u32>| facet.postings.bitmaps_in(values.clone()).count() as u64 * bitmap;
        let values = || self.sure.iter().chain(self.unsure.iter().map(|(values, _)| values));
        self.matches() * MATCH_COST + values().map(|values| listed(values) + maps(values)).sum::<u64>()
    }

    /// What it costs to look at each of `count` candidates by its rank.
    pub(super) fn candidates_cost(&self, facet: &Facet, count: u64) -> u64 {
        let values = u64::from(facet.postings.len()).max(1);
        // Finding the ranges that hold a rank takes a look at each.
        count * (CANDIDATE_COST + self.unsure.len() as u64) + count * self.matches() / values * MATCH_COST
    }

    /// How many images it can be at most, roughly.
    pub(super) fn images_max(&self, facet: &Facet) -> u64 {
        let listed = |values: &Range<u32>| facet.postings.list(values.clone()).len() as u64;
        let mapped =
            |values: &Range<u32>| facet.postings.bitmaps_in(values.clone()).map(RoaringBitmap::len).sum::<u64>();
        let values = self.sure.iter().chain(self.unsure.iter().map(|(values, _)| values));
        values.map(|values| listed(values) + mapped(values)).sum()
    }

    /// The images, through the dictionary: each value is matched at most once with each pattern.
    pub(super) fn by_dictionary(
        mut self,
        facet: &Facet,
        reader: Reader<'_>,
        candidates: Option<&RoaringBitmap>,
    ) -> RoaringBitmap {
        self.settle(facet, reader);
        let values = &self.sure;
        postings::union(
            values.iter().map(|values| facet.postings.list(values.clone())),
            values.iter().flat_map(|values| facet.postings.bitmaps_in(values.clone())),
            candidates,
            reader.rows.len() as u32,
        )
    }

    /// Matches what is unsure.
    fn settle(&mut self, facet: &Facet, reader: Reader<'_>) {
        let unsure = std::mem::take(&mut self.unsure);
        let mut bounds: Vec<u32> = unsure.iter().flat_map(|(values, _)| [values.start, values.end]).collect();
        bounds.extend(self.sure.iter().flat_map(|values| [values.start, values.end]));
        bounds.sort_unstable();
        bounds.dedup();
        let mut buffer = String::new();
        let mut found: Vec<Range<u32>> = Vec::new();
        let mut next = unsure.iter().peekable();
        let mut open: Vec<&(Range<u32>, &Pattern)> = Vec::new();
        let mut patterns: Vec<&Pattern> = Vec::new();
        // Between two bounds the patterns that may match are the same.
        for bounds in bounds.windows(2) {
            let &[start, end] = bounds else { continue };
            open.retain(|(values, _)| values.end > start);
            while let Some(begun) = next.next_if(|(values, _)| values.start <= start) {
                open.push(begun);
            }
            if open.is_empty() || holds(&self.sure, start) {
                continue;
            }
            patterns.clear();
            patterns.extend(open.iter().map(|(_, pattern)| *pattern));
            for value in start..end {
                if any_matches(&patterns, facet.text(reader, value, &mut buffer)) {
                    match found.last_mut().filter(|last| last.end == value) {
                        Some(last) => last.end += 1,
                        None => found.push(value..value + 1),
                    }
                }
            }
        }
        self.sure.append(&mut found);
        join(&mut self.sure);
    }

    /// The candidates among the images, each by the rank of its value.
    pub(super) fn by_ranks(
        &self,
        facet: &Facet,
        ranks: &[u32],
        reader: Reader<'_>,
        candidates: &RoaringBitmap,
    ) -> RoaringBitmap {
        let images = reader.rows.len() as u32;
        if let ([sure], []) = (self.sure.as_slice(), self.unsure.as_slice()) {
            return postings::collect(candidates.iter().filter(|doc| sure.contains(&ranks[*doc as usize])), images);
        }
        let mut buffer = String::new();
        let mut patterns: Vec<&Pattern> = Vec::new();
        let wanted = candidates.iter().filter(|doc| {
            let rank = ranks[*doc as usize];
            if rank == NONE {
                return false;
            }
            if holds(&self.sure, rank) {
                return true;
            }
            patterns.clear();
            patterns.extend(self.unsure.iter().filter(|(values, _)| values.contains(&rank)).map(|(_, found)| *found));
            !patterns.is_empty() && any_matches(&patterns, facet.text(reader, rank, &mut buffer))
        });
        postings::collect(wanted, images)
    }
}

fn any_matches(patterns: &[&Pattern], text: &str) -> bool {
    if patterns.len() < SIGNATURE_MIN {
        return patterns.iter().any(|pattern| pattern.matches(text));
    }
    let signature = Signature::of(text);
    patterns.iter().any(|pattern| pattern.matches_signed(text, signature))
}

/// Whether one of sorted ranges holds a value.
fn holds(ranges: &[Range<u32>], value: u32) -> bool {
    match ranges {
        [] => false,
        [only] => only.contains(&value),
        _ => ranges.get(ranges.partition_point(|range| range.end <= value)).is_some_and(|range| range.start <= value),
    }
}

/// Sorts ranges and joins those that touch.
fn join(ranges: &mut Vec<Range<u32>>) {
    ranges.sort_unstable_by_key(|range| range.start);
    ranges.dedup_by(|next, kept| {
        let touches = next.start <= kept.end;
        if touches {
            kept.end = kept.end.max(next.end);
        }
        touches
    });
}
