//! A part of a snapshot: a table and its index, numbered newest first.

use jiff::Timestamp;

use super::decode::Table;
use super::encode::Encoder;
use super::gather;
use super::index::Index;
use super::row::PackedId;
use crate::ami::classify::Viewer;
use crate::ami::filter::Ec2FilterName;
use crate::ids::ImageId;

/// Images and what is known about where they are.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) table: Table,
    pub(super) index: Index,
    /// How many different texts there are, to make room for as many the next time.
    pub(super) texts: usize,
    /// When each image was seen; empty where all were seen at once.
    pub(super) seen: Vec<Timestamp>,
}

impl Segment {
    /// The segment of all images that were added. Of several with one id the last one counts.
    pub(super) fn new(mut encoder: Encoder, viewer: &Viewer) -> Self {
        let rows = &encoder.rows;
        let mut order: Vec<u32> = (0..rows.len() as u32).collect();
        let row = |at: u32| rows.get(at as usize);
        order.sort_unstable_by_key(|at| (row(*at).id(), std::cmp::Reverse(*at)));
        order.dedup_by_key(|at| row(*at).id());
        order.sort_unstable_by(|left, right| row(*left).newest_first(row(*right)));
        encoder.rows.rearrange(&mut order);
        drop(order);
        encoder.records.shrink();
        let index = gather::index(&mut encoder, viewer);
        let Encoder { texts, shapes, devices, records, rows } = encoder;
        let count = texts.count();
        let table = Table { texts: texts.finish(), shapes: shapes.finish(), devices: devices.finish(), records, rows };
        Self { table, index, texts: count, seen: Vec::new() }
    }

    pub(super) fn len(&self) -> u32 {
        self.table.rows.len() as u32
    }

    /// The place of an image.
    pub(super) fn find(&self, id: &ImageId) -> Option<u32> {
        let reader = self.table.reader();
        let wanted = PackedId::new(id);
        // Every image has an id of its own, so there is one image to each value.
        let ids = self.index.ec2(Ec2FilterName::ImageId).postings.list(0..self.len());
        ids.binary_search_by_key(&wanted, |doc| reader.row(*doc).id()).ok().map(|place| ids[place])
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.table.heap_bytes() + self.index.heap_bytes() + self.seen.capacity() * size_of::<Timestamp>()
    }
}
