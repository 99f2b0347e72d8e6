//! Pages in a total order, over both segments.
//!
//! For every image found a number is made that stands like the first key of the order; where two
//! numbers are equal the rows are compared. A page is then selected and only it is sorted, so that
//! it costs what was found, and not what there is.

use std::cmp::Ordering;
use std::iter::Peekable;

use roaring::RoaringBitmap;

use super::row::{Moment, Row, SIZE_UNKNOWN};
use super::{Matches, Slot, Snapshot};
use crate::ami::filter::Ec2FilterName;
use crate::ami::order::{Direction, OrderBy, OrderField};

/// Images without the field come last, whichever way the key runs.
const ABSENT: u128 = (1 << 96) - 1;

/// Above every key of an image that has the field.
const PRESENT_MAX: u128 = (1 << 95) - 1;

/// No time is before this second, so that times can be counted from it.
const FIRST_SECOND: i64 = -400_000_000_000;

pub(super) fn page(snapshot: &Snapshot, matches: &Matches, order: &OrderBy, offset: usize, size: usize) -> Vec<Slot> {
    let count = matches.len();
    let end = offset.saturating_add(size).min(count);
    if offset >= end {
        return Vec::new();
    }
    if *order == OrderBy::default() {
        return newest(snapshot, matches, offset, size);
    }
    let compare = |left: &(u128, Slot), right: &(u128, Slot)| {
        left.0.cmp(&right.0).then_with(|| compare(snapshot, order, left.1, right.1))
    };
    let mut found = keyed(snapshot, matches, order);
    if end < count {
        found.select_nth_unstable_by(end - 1, compare);
        found.truncate(end);
    }
    if offset > 0 {
        found.select_nth_unstable_by(offset, compare);
    }
    let page = &mut found[offset..];
    page.sort_unstable_by(compare);
    page.iter().map(|(_, slot)| *slot).collect()
}

fn newest(snapshot: &Snapshot, matches: &Matches, offset: usize, size: usize) -> Vec<Slot> {
    if !matches.recent.is_empty() {
        return newest_first(snapshot, &matches.base, Some(&matches.recent)).skip(offset).take(size).collect();
    }
    let first = u32::try_from(offset).ok().and_then(|offset| matches.base.select(offset));
    first.map_or_else(Vec::new, |first| matches.base.range(first..).take(size).map(Slot::base).collect())
}

/// Both segments are numbered newest first, so they only have to be merged.
pub(super) fn newest_first<'a>(
    snapshot: &'a Snapshot,
    base: &'a RoaringBitmap,
    recent: Option<&'a RoaringBitmap>,
) -> impl Iterator<Item = Slot> + 'a {
    Merged { snapshot, base: base.iter().peekable(), recent: recent.into_iter().flatten().peekable() }
}

struct Merged<'a, B: Iterator<Item = u32>, R: Iterator<Item = u32>> {
    snapshot: &'a Snapshot,
    base: Peekable<B>,
    recent: Peekable<R>,
}

impl<B: Iterator<Item = u32>, R: Iterator<Item = u32>> Iterator for Merged<'_, B, R> {
    type Item = Slot;

    fn next(&mut self) -> Option<Slot> {
        let Some(recent) = self.recent.peek().map(|doc| Slot::recent(*doc)) else {
            return self.base.next().map(Slot::base);
        };
        let Some(base) = self.base.peek().map(|doc| Slot::base(*doc)) else {
            return self.recent.next().map(Slot::recent);
        };
        if row(self.snapshot, base).newest_first(row(self.snapshot, recent)).is_lt() {
            self.base.next().map(Slot::base)
        } else {
            self.recent.next().map(Slot::recent)
        }
    }
}

fn row(snapshot: &Snapshot, slot: Slot) -> &Row {
    let (segment, doc) = snapshot.locate(slot);
    segment.table.reader().row(doc)
}

/// Every image found, with the number that it is sorted by.
fn keyed(snapshot: &Snapshot, matches: &Matches, order: &OrderBy) -> Vec<(u128, Slot)> {
    let mut keys = order.keys();
    let (field, direction) = keys.next().unwrap_or((OrderField::ImageId, Direction::Ascending));
    let is_last = keys.next().is_none();
    let names = (field == OrderField::Name).then(|| Names::new(snapshot));
    let key = |slot: Slot| {
        let row = row(snapshot, slot);
        let (key, is_exact) = match &names {
            Some(names) => names.key(snapshot, slot, row),
            None => (number(field, row), true),
        };
        let key = match (key, direction) {
            (None, _) => ABSENT,
            (Some(key), Direction::Ascending) => key,
            (Some(key), Direction::Descending) => PRESENT_MAX - key,
        };
        // Behind the only key comes the id: its beginning spares nearly all looks at the rows.
        let id = if is_last && is_exact { u128::from(row.id_high >> 32) } else { 0 };
        key << 32 | id
    };
    matches.iter().map(|slot| (key(slot), slot)).collect()
}

fn number(field: OrderField, row: &Row) -> Option<u128> {
    match field {
        OrderField::CreationTime => of_moment(row.created()),
        OrderField::DeprecationTime => of_moment(row.deprecated()),
        OrderField::LastLaunchedTime => of_moment(row.launched()),
        OrderField::ImageId => Some(u128::from(row.id_high) << 8 | u128::from(row.id_low)),
        OrderField::TotalVolumeSize => (row.total_gib != SIZE_UNKNOWN).then(|| u128::from(row.total_gib)),
        // Names have `Names`.
        OrderField::Name => None,
    }
}

fn of_moment(moment: Moment) -> Option<u128> {
    let second = u128::try_from(moment.second - FIRST_SECOND).unwrap_or(0);
    (moment.nanosecond != Moment::ABSENT_NANOSECOND).then(|| second << 32 | u128::from(moment.nanosecond))
}

/// Names by their places in the big segment's dictionary.
struct Names<'a> {
    ranks: &'a [u32],
    facet: &'a super::facet::Facet,
}

impl<'a> Names<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let facet = snapshot.base.index.ec2(Ec2FilterName::Name);
        Self { ranks: facet.ranks.as_deref().unwrap_or_default(), facet }
    }

    /// The place of a name in the big segment's dictionary, for an image that is there.
    fn rank(&self, (slot, row): (Slot, &Row)) -> Option<u32> {
        self.ranks.get(slot.0 as usize).copied().filter(|_| row.name != super::arena::NONE)
    }

    /// Odd for a name in the dictionary, even for one between two of them, where the number is not
    /// the name's alone.
    fn key(&self, snapshot: &Snapshot, slot: Slot, row: &Row) -> (Option<u128>, bool) {
        if slot.0 & Slot::RECENT == 0 {
            return (self.rank((slot, row)).map(|rank| u128::from(rank) * 2 + 1), true);
        }
        let Some(name) = snapshot.locate(slot).0.table.texts.get(row.name) else { return (None, true) };
        let reader = snapshot.base.table.reader();
        let mut buffer = String::new();
        let place = self.facet.first(reader, self.facet.all(), &mut buffer, |known| known >= name);
        let is_there = place < self.facet.all().end && self.facet.text(reader, place, &mut buffer) == name;
        (Some(u128::from(place) * 2 + u128::from(is_there)), is_there)
    }
}

/// The order by the rows alone.
fn compare(snapshot: &Snapshot, order: &OrderBy, left: Slot, right: Slot) -> Ordering {
    let rows = (row(snapshot, left), row(snapshot, right));
    for (field, direction) in order.keys() {
        let ordering = if field == OrderField::Name {
            by_name(snapshot, direction, (left, rows.0), (right, rows.1))
        } else {
            direction.compare(number(field, rows.0), number(field, rows.1))
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
    rows.0.id().cmp(&rows.1.id())
}

/// Names within the big segment are compared by their ranks.
fn by_name(snapshot: &Snapshot, direction: Direction, left: (Slot, &Row), right: (Slot, &Row)) -> Ordering {
    if (left.0.0 | right.0.0) & Slot::RECENT == 0 {
        let names = Names::new(snapshot);
        return direction.compare(names.rank(left), names.rank(right));
    }
    let text = |(slot, row): (Slot, &Row)| snapshot.locate(slot).0.table.texts.get(row.name);
    direction.compare(text(left), text(right))
}
