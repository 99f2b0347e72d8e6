//! Takes the images of a crawl, one after the other.

use std::sync::Arc;

use jiff::Timestamp;

use super::encode::Encoder;
use super::segment::Segment;
use super::{Observed, Snapshot};
use crate::ami::classify::Viewer;
use crate::ec2::facts::Image;

/// Most images in a snapshot: some eight thousand times a Region's.
const IMAGES_MAX: usize = 1 << 30;

/// Takes the images of a crawl.
#[derive(Debug)]
pub struct SnapshotBuilder {
    viewer: Viewer,
    observed_time: Timestamp,
    encoder: Encoder,
}

impl SnapshotBuilder {
    /// For a crawl that began at `observed_time`, as seen by `viewer`. `like` is the snapshot
    /// before: room is made for as many images, so that nothing is grown or copied on the way.
    pub fn new(viewer: Viewer, observed_time: Timestamp, like: Option<&Snapshot>) -> Self {
        let (texts, rows) = like.map_or((0, 0), |like| (like.base.texts, like.base.len() as usize));
        Self { viewer, observed_time, encoder: Encoder::with_room(texts, rows) }
    }

    /// Adds an image; of several with one id the last one counts. Beyond 2³⁰ images, or 4 GiB of
    /// different texts, images are left out, as [`SnapshotBuilder::len`] shows.
    pub fn push(&mut self, image: &Image) {
        if self.len() < IMAGES_MAX {
            self.encoder.push(image);
        }
    }

    /// How many were added, those with one id counted each.
    pub fn len(&self) -> usize {
        self.encoder.rows.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sorts and indexes what was added. Takes some microseconds for every image, so it does not
    /// belong on a thread that serves requests.
    pub fn finish(self) -> Snapshot {
        let Self { viewer, observed_time, encoder } = self;
        let base = Arc::new(Segment::new(encoder, &viewer));
        Snapshot { viewer, observed_time, visible: base.index.all.clone(), base, recent: None }
    }
}

/// A small segment, in which every image has its own time.
pub(super) fn recent<'a>(viewer: &Viewer, seen: impl Iterator<Item = &'a Observed> + Clone) -> Segment {
    let mut encoder = Encoder::with_room(0, 0);
    for seen in seen.clone() {
        encoder.push(&seen.image);
    }
    let mut segment = Segment::new(encoder, viewer);
    let mut times = vec![Timestamp::UNIX_EPOCH; segment.len() as usize];
    for seen in seen {
        if let Some(doc) = segment.find(&seen.image.image_id) {
            times[doc as usize] = seen.observed_time;
        }
    }
    segment.seen = times;
    segment
}
