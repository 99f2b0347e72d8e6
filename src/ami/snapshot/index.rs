//! The index of one segment: a facet for everything that images can be filtered by.

use std::ops::Range;

use jiff::Timestamp;
use roaring::RoaringBitmap;

use super::arena::Symbol;
use super::decode::Reader;
use super::deprecation::Deprecations;
use super::facet::Facet;
use super::postings::bitmap_bytes;
use crate::ami::filter::{Ec2FilterName, GantryFilterName};

/// Everything that a query looks up.
#[derive(Debug)]
pub(super) struct Index {
    /// One for each of [`Ec2FilterName::ALL`], in its order.
    pub(super) ec2: Vec<Facet>,
    /// The values of all tags, in the order of their keys.
    pub(super) tags: Facet,
    /// The keys of tags in order, and where the values of each begin in `tags`.
    pub(super) tag_keys: Vec<(Symbol, u32)>,
    /// One for each of [`GantryFilterName::ALL`]; empty where the answer depends on the time or on
    /// instance types. Recommendations are those of a time before all deprecations.
    pub(super) gantry: Vec<Facet>,
    /// Images that boot on the same types: one of them, and all.
    pub(super) boots: Vec<(u32, RoaringBitmap)>,
    /// Images of the viewer.
    pub(super) own: RoaringBitmap,
    pub(super) deprecations: Deprecations,
    pub(super) disabled: RoaringBitmap,
    pub(super) all: RoaringBitmap,
}

impl Index {
    pub(super) fn ec2(&self, name: Ec2FilterName) -> &Facet {
        &self.ec2[name as usize]
    }

    pub(super) fn gantry(&self, name: GantryFilterName) -> &Facet {
        &self.gantry[name as usize]
    }

    /// The values in `tags` of one key.
    pub(super) fn tag_values(&self, reader: Reader<'_>, key: &str) -> Range<u32> {
        let text = |symbol: Symbol| reader.texts.text(symbol);
        match self.tag_keys.binary_search_by(|(known, _)| text(*known).cmp(key)) {
            Ok(place) => {
                let end = self.tag_keys.get(place + 1).map_or(self.tags.postings.len(), |(_, start)| *start);
                self.tag_keys[place].1..end
            }
            Err(_) => 0..0,
        }
    }

    /// Those of `images` that are deprecated at `now` and not the viewer's, who would see them all
    /// the same. Costs what `images` are, however many are deprecated.
    pub(super) fn hidden_by_deprecation(
        &self,
        reader: Reader<'_>,
        now: Timestamp,
        images: &RoaringBitmap,
    ) -> RoaringBitmap {
        (images & &*self.deprecations.at(reader, now)) - &self.own
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let facets = self.ec2.iter().chain(&self.gantry).chain([&self.tags]).map(Facet::heap_bytes).sum::<usize>();
        let lists = (self.ec2.capacity() + self.gantry.capacity()) * size_of::<Facet>()
            + self.tag_keys.capacity() * size_of::<(Symbol, u32)>()
            + self.boots.capacity() * size_of::<(u32, RoaringBitmap)>();
        let boots = self.boots.iter().map(|(_, bitmap)| bitmap);
        let bitmaps = boots.chain([&self.own, &self.disabled, &self.all]).map(bitmap_bytes).sum::<usize>();
        facets + lists + bitmaps + self.deprecations.heap_bytes()
    }
}
