//! One thing that images can be filtered by: its different values in the order of their texts, and
//! the images of each.

use std::ops::Range;

use roaring::RoaringBitmap;

use super::arena::{NONE, Symbol};
use super::decode::Reader;
use super::grams::Grams;
use super::millis;
use super::postings::Postings;
use super::wanted::Wanted;
use crate::ami::filter::Pattern;

/// The values of a dictionary, in the order of their texts.
#[derive(Debug)]
pub(super) enum Keys {
    /// Texts.
    Words(Vec<Symbol>),
    /// Times, in milliseconds.
    Times(Vec<i64>),
    /// Ids of images, each of which has its own.
    Ids,
    /// Locations, most of which are made of other facts.
    Locations,
}

/// A dictionary and its postings.
#[derive(Debug)]
pub(super) struct Facet {
    keys: Keys,
    pub(super) postings: Postings,
    /// For each image the place of its value, [`NONE`] without one; only where an image has at
    /// most one value and most values have one image.
    pub(super) ranks: Option<Vec<u32>>,
    /// Only where values are many and long.
    grams: Option<Grams>,
}

impl Facet {
    /// From pairs of a text and an image, in any order.
    pub(super) fn of_words(reader: Reader<'_>, pairs: impl IntoIterator<Item = (Symbol, u32)>) -> Self {
        // With the texts beside them, they need not be looked up for each comparison.
        let beside = pairs.into_iter().map(|(symbol, doc)| (reader.texts.text(symbol), symbol, doc));
        let mut beside: Vec<_> = beside.collect();
        beside.sort_unstable();
        beside.dedup();
        let pairs: Vec<_> = beside.into_iter().map(|(_, symbol, doc)| (symbol, doc)).collect();
        let (keys, postings) = group(&pairs);
        Self { keys: Keys::Words(keys), postings, ranks: None, grams: None }
    }

    /// From the images of each text.
    pub(super) fn of_bitmaps(reader: Reader<'_>, bitmaps: impl IntoIterator<Item = (Symbol, RoaringBitmap)>) -> Self {
        let mut bitmaps: Vec<_> = bitmaps.into_iter().collect();
        bitmaps.sort_unstable_by_key(|(symbol, _)| reader.texts.text(*symbol));
        let mut postings = Postings::with_room(bitmaps.len(), 0);
        bitmaps.iter().for_each(|(_, bitmap)| postings.push(Counted(bitmap.iter())));
        postings.shrink();
        Self {
            keys: Keys::Words(bitmaps.iter().map(|(symbol, _)| *symbol).collect()),
            postings,
            ranks: None,
            grams: None,
        }
    }

    /// From pairs of a time and an image, in any order.
    pub(super) fn of_times(mut pairs: Vec<(i64, u32)>) -> Self {
        pairs.sort_unstable_by(|left, right| millis::compare(left.0, right.0).then(left.1.cmp(&right.1)));
        pairs.dedup();
        let (keys, postings) = group(&pairs);
        Self { keys: Keys::Times(keys), postings, ranks: None, grams: None }
    }

    /// Over values that are not stored here, from pairs of such a value and an image, in order.
    pub(super) fn of_docs<T: PartialEq>(keys: Keys, pairs: &[(T, u32)]) -> Self {
        let mut postings = Postings::with_room(pairs.len(), pairs.len());
        let same = |left: &(T, u32), right: &(T, u32)| left.0 == right.0;
        pairs.chunk_by(same).for_each(|pairs| postings.push(pairs.iter().map(|pair| pair.1)));
        postings.shrink();
        Self { keys, postings, ranks: None, grams: None }
    }

    /// Keeps the place of each image's value too.
    pub(super) fn ranked(mut self, images: u32) -> Self {
        let mut ranks = vec![NONE; images as usize];
        self.postings.each(|value, doc| ranks[doc as usize] = value);
        self.ranks = Some(ranks);
        self
    }

    /// Keeps what finds texts in the middle of values too.
    pub(super) fn searchable(mut self, reader: Reader<'_>) -> Self {
        let mut buffer = String::new();
        self.grams = Grams::new(self.postings.len(), |value, each| each(self.text(reader, value, &mut buffer)));
        self
    }

    /// From values in the order of their texts, and their images.
    pub(super) fn of_sorted(values: Vec<Symbol>, postings: Postings) -> Self {
        Self { keys: Keys::Words(values), postings, ranks: None, grams: None }
    }

    /// Every value.
    pub(super) fn all(&self) -> Range<u32> {
        0..self.postings.len()
    }

    /// The text of a value, perhaps written to `buffer`.
    pub(super) fn text<'a>(&'a self, reader: Reader<'a>, value: u32, buffer: &'a mut String) -> &'a str {
        match &self.keys {
            Keys::Words(symbols) => return reader.texts.text(symbols[value as usize]),
            Keys::Times(times) => millis::write(times[value as usize], buffer),
            Keys::Ids => {
                if let Some(doc) = self.postings.first(value) {
                    buffer.clear();
                    reader.row(doc).id().with_text(|id| buffer.push_str(id));
                }
            }
            Keys::Locations => {
                if let Some(doc) = self.postings.first(value) {
                    reader.location(doc, buffer);
                }
            }
        }
        buffer
    }

    /// The values among `within` that patterns ask for.
    pub(super) fn wanted<'f>(&self, reader: Reader<'_>, within: Range<u32>, patterns: &'f [Pattern]) -> Wanted<'f> {
        let mut buffer = String::new();
        let mut wanted = Wanted::default();
        let mut patterns: Vec<&Pattern> = patterns.iter().collect();
        patterns.sort_unstable_by_key(|pattern| pattern.as_str());
        patterns.dedup();
        for pattern in patterns {
            let prefix = pattern.exact().unwrap_or(pattern.prefix());
            let begin = if prefix.is_empty() {
                within.start
            } else {
                self.first(reader, within.clone(), &mut buffer, |text| text >= prefix)
            };
            if pattern.exact().is_some() {
                if begin < within.end && self.text(reader, begin, &mut buffer) == prefix {
                    wanted.sure(begin..begin + 1);
                }
                continue;
            }
            let end = if prefix.is_empty() {
                within.end
            } else {
                self.first(reader, begin..within.end, &mut buffer, |text| !text.starts_with(prefix))
            };
            if pattern.is_prefix_only() {
                wanted.sure(begin..end);
            } else if let Some(grams) = &self.grams {
                grams.ranges(pattern, begin..end, |values| wanted.unsure(values, pattern));
            } else {
                wanted.unsure(begin..end, pattern);
            }
        }
        wanted.tidy();
        wanted
    }

    /// The place of a text, if it is a value.
    pub(super) fn find(&self, reader: Reader<'_>, text: &str) -> Option<u32> {
        let mut buffer = String::new();
        let place = self.first(reader, self.all(), &mut buffer, |value| value >= text);
        (place < self.postings.len() && self.text(reader, place, &mut buffer) == text).then_some(place)
    }

    /// The first value for which `holds`, which holds for all that follow.
    pub(super) fn first(
        &self,
        reader: Reader<'_>,
        within: Range<u32>,
        buffer: &mut String,
        holds: impl Fn(&str) -> bool,
    ) -> u32 {
        let Range { start: mut low, end: mut high } = within;
        while low < high {
            let middle = low + (high - low) / 2;
            if holds(self.text(reader, middle, buffer)) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }

    /// The images of a text.
    pub(super) fn docs_of(&self, reader: Reader<'_>, text: &str) -> RoaringBitmap {
        let Some(value) = self.find(reader, text) else { return RoaringBitmap::new() };
        let list = self.postings.list(value..value + 1).iter().copied().collect();
        self.postings.bitmaps_in(value..value + 1).fold(list, |all: RoaringBitmap, bitmap| all | bitmap)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let keys = match &self.keys {
            Keys::Words(words) => words.capacity() * size_of::<Symbol>(),
            Keys::Times(times) => times.capacity() * size_of::<i64>(),
            Keys::Ids | Keys::Locations => 0,
        };
        let ranks = self.ranks.as_ref().map_or(0, |ranks| ranks.capacity() * size_of::<u32>());
        let grams = self.grams.as_ref().map_or(0, Grams::heap_bytes);
        keys + ranks + grams + self.postings.heap_bytes()
    }
}

/// Parts sorted pairs into keys and the images of each.
fn group<K: Copy + PartialEq>(pairs: &[(K, u32)]) -> (Vec<K>, Postings) {
    let count = pairs.chunk_by(|left, right| left.0 == right.0).count();
    let mut keys = Vec::with_capacity(count);
    let mut postings = Postings::with_room(count, pairs.len());
    for pairs in pairs.chunk_by(|left, right| left.0 == right.0) {
        keys.extend(pairs.first().map(|pair| pair.0));
        postings.push(pairs.iter().map(|pair| pair.1));
    }
    postings.shrink();
    (keys, postings)
}

/// A bitmap's iterator knows its length and says so only by its hint.
struct Counted<I>(I);

impl<I: Iterator> Iterator for Counted<I> {
    type Item = I::Item;
    fn next(&mut self) -> Option<I::Item> {
        self.0.next()
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<I: Iterator> ExactSizeIterator for Counted<I> {}
