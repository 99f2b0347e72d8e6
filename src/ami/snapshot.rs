//! The images of one Region as a crawl found them: immutable, compact, and searched by an index.
//!
//! A snapshot is a big segment, which never changes and is shared, and perhaps a small one with
//! what was seen since; an image in the small one hides the same image in the big one. Images are
//! numbered newest first, so that the order asked for most costs nothing. What is deliberately not
//! here: asking EC2, keeping snapshots on disk, and deciding when one is too old.

mod arena;
mod builder;
mod chunked;
mod decode;
mod deprecation;
mod distinct;
mod encode;
mod facet;
mod gather;
mod grams;
mod index;
mod millis;
mod page;
mod plan;
mod postings;
mod row;
mod segment;
mod wanted;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use roaring::RoaringBitmap;

use super::classify::Viewer;
use super::filter::Filters;
use super::order::OrderBy;
use crate::ec2::facts::{Image, InstanceTypeFacts};
use crate::ids::ImageId;

pub use builder::SnapshotBuilder;

use segment::Segment;

/// Which images. Borrowed; made per request.
#[derive(Debug, Clone, Copy)]
pub struct Query<'a> {
    /// Whose images; empty for all in the snapshot. EC2's words (`self`, `amazon`,
    /// `aws-marketplace`, `aws-backup-vault`), account ids, and `all`.
    pub owners: &'a [String],
    /// What has to hold.
    pub filters: &'a Filters,
    /// The facts of [`Filters::instance_types`].
    pub types: &'a [InstanceTypeFacts],
    /// Whether deprecated images of others count. Owners always see their own.
    pub include_deprecated: bool,
    /// Whether disabled images count.
    pub include_disabled: bool,
    /// The moment that deprecation is judged at.
    pub now: Timestamp,
}

/// An image and the start of the crawl or call that saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// What EC2 said.
    pub image: Image,
    /// When it was asked.
    pub observed_time: Timestamp,
}

/// The place of one image in its snapshot; it means nothing in another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u32);

impl Slot {
    /// The bit of places in the small segment.
    const RECENT: u32 = 1 << 31;

    fn base(doc: u32) -> Self {
        Self(doc)
    }

    fn recent(doc: u32) -> Self {
        Self(doc | Self::RECENT)
    }
}

/// The images that a query found.
#[derive(Debug, Clone, Default)]
pub struct Matches {
    base: RoaringBitmap,
    recent: RoaringBitmap,
}

impl Matches {
    /// How many.
    pub fn len(&self) -> usize {
        (self.base.len() + self.recent.len()) as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.base.is_empty() && self.recent.is_empty()
    }

    /// All of them, in no promised order.
    pub fn iter(&self) -> impl Iterator<Item = Slot> + '_ {
        self.base.iter().map(Slot::base).chain(self.recent.iter().map(Slot::recent))
    }
}

/// The images of a Region, at rest. Shared by `Arc`; nothing changes it.
pub struct Snapshot {
    viewer: Viewer,
    observed_time: Timestamp,
    base: Arc<Segment>,
    /// The images of the big segment that are not hidden.
    visible: RoaringBitmap,
    /// What was seen since the crawl.
    recent: Option<Segment>,
}

impl fmt::Debug for Snapshot {
    /// How much there is: written out it would be a hundred megabytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Snapshot of {} images of {}", self.len(), self.observed_time)
    }
}

impl Snapshot {
    /// Finds the images of a query.
    ///
    /// Costs about what is found: values of filters are looked up, and only patterns without a
    /// fixed beginning look at every different value of their filter.
    pub fn matches(&self, query: &Query<'_>) -> Matches {
        let mut base = plan::answer(&self.base, query);
        if self.visible.len() < u64::from(self.base.len()) {
            base &= &self.visible;
        }
        let recent = self.recent.as_ref().map_or_else(RoaringBitmap::new, |recent| plan::answer(recent, query));
        Matches { base, recent }
    }

    /// A page of what was found, in a total order: that of [`OrderBy::compare`]. Empty behind the
    /// last page.
    pub fn page(&self, matches: &Matches, order: &OrderBy, offset: usize, size: usize) -> Vec<Slot> {
        page::page(self, matches, order, offset, size)
    }

    /// The place of an image.
    pub fn find(&self, id: &ImageId) -> Option<Slot> {
        if let Some(doc) = self.recent.as_ref().and_then(|recent| recent.find(id)) {
            return Some(Slot::recent(doc));
        }
        self.base.find(id).filter(|doc| self.visible.contains(*doc)).map(Slot::base)
    }

    /// The image in a place, and when it was seen.
    ///
    /// # Panics
    /// On a place of another snapshot that has more images.
    pub fn image(&self, slot: Slot) -> Observed {
        let mut image = decode::blank();
        let observed_time = self.load(slot, &mut image);
        Observed { image, observed_time }
    }

    /// The same into an image that is used again: texts are written over those that are there, and
    /// only facts that the last image lacked are allocated.
    ///
    /// # Panics
    /// As [`Snapshot::image`].
    pub fn load(&self, slot: Slot, image: &mut Image) -> Timestamp {
        let (segment, doc) = self.locate(slot);
        segment.table.reader().load(doc, image);
        segment.seen.get(doc as usize).copied().unwrap_or(self.observed_time)
    }

    /// Every image, newest first.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        page::newest_first(self, &self.visible, self.recent.as_ref().map(|recent| &recent.index.all))
    }

    /// How many images.
    pub fn len(&self) -> usize {
        self.visible.len() as usize + self.recent.as_ref().map_or(0, |recent| recent.len() as usize)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The start of the full crawl.
    pub fn observed_time(&self) -> Timestamp {
        self.observed_time
    }

    /// Bytes on the heap, index included. The big segment is counted in every snapshot that
    /// shares it.
    pub fn heap_bytes(&self) -> usize {
        let recent = self.recent.as_ref().map_or(0, Segment::heap_bytes);
        size_of::<Segment>() + self.base.heap_bytes() + recent + postings::bitmap_bytes(&self.visible)
    }

    /// This snapshot with what was `seen` since, and without what is `gone`. Both are newer than
    /// this snapshot, and what was seen is newer than what is gone; an image that is known from a
    /// later time than it was seen at stays as it is.
    ///
    /// Costs what all images seen since the full crawl cost; the big segment is shared.
    #[must_use]
    pub fn with_recent(&self, seen: &[Observed], gone: &[ImageId]) -> Snapshot {
        let mut visible = self.visible.clone();
        let mut recent: HashMap<ImageId, Observed> = HashMap::new();
        if let Some(segment) = &self.recent {
            let all = (0..segment.len()).map(|doc| self.image(Slot::recent(doc)));
            recent.extend(all.map(|seen| (seen.image.image_id.clone(), seen)));
        }
        for id in gone {
            recent.remove(id);
            if let Some(doc) = self.base.find(id) {
                visible.remove(doc);
            }
        }
        for seen in seen {
            let id = &seen.image.image_id;
            let in_base = self.base.find(id);
            let known = match recent.get(id) {
                Some(known) => Some(known.observed_time),
                None => in_base.filter(|doc| visible.contains(*doc)).map(|_| self.observed_time),
            };
            if known.is_none_or(|known| known <= seen.observed_time) {
                recent.insert(id.clone(), seen.clone());
                if let Some(doc) = in_base {
                    visible.remove(doc);
                }
            }
        }
        Snapshot {
            viewer: self.viewer.clone(),
            observed_time: self.observed_time,
            base: Arc::clone(&self.base),
            visible: postings::compact(visible),
            recent: (!recent.is_empty()).then(|| builder::recent(&self.viewer, recent.values())),
        }
    }

    /// What was seen since the crawl, later than `time`.
    pub fn seen_after(&self, time: Timestamp) -> Vec<Observed> {
        let recent = self.recent.iter().flat_map(|segment| (0..segment.len()).map(Slot::recent));
        recent.map(|slot| self.image(slot)).filter(|seen| seen.observed_time > time).collect()
    }

    /// The segment of a place, and where in it that is.
    fn locate(&self, slot: Slot) -> (&Segment, u32) {
        match &self.recent {
            Some(recent) if slot.0 & Slot::RECENT != 0 => (recent, slot.0 & !Slot::RECENT),
            Some(_) | None => (&self.base, slot.0),
        }
    }
}

#[cfg(test)]
mod tests;
