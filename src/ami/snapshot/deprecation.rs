//! Which images are deprecated, which changes with the time and nothing else.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use roaring::RoaringBitmap;

use super::decode::Reader;
use super::postings::bitmap_bytes;
use super::row::Moment;

/// The images that have a deprecation time, in the order of these times.
#[derive(Debug)]
pub(super) struct Deprecations {
    docs: Vec<u32>,
    /// How many of them had passed when this was asked last, and those: good until the next one
    /// passes.
    known: Mutex<(usize, Arc<RoaringBitmap>)>,
}

impl Deprecations {
    pub(super) fn new(reader: Reader<'_>) -> Self {
        let deprecated = |doc: &u32| reader.row(*doc).deprecated().nanosecond != Moment::ABSENT_NANOSECOND;
        let count = (0..reader.rows.len() as u32).filter(deprecated).count();
        let mut docs = Vec::with_capacity(count);
        docs.extend((0..reader.rows.len() as u32).filter(deprecated));
        docs.sort_unstable_by_key(|doc| {
            let time = reader.row(*doc).deprecated();
            (time.second, time.nanosecond)
        });
        Self { docs, known: Mutex::default() }
    }

    /// The images whose time has come at `now`.
    pub(super) fn at(&self, reader: Reader<'_>, now: Timestamp) -> Arc<RoaringBitmap> {
        let now = Moment::new(Some(now));
        let passed = self.docs.partition_point(|doc| {
            let time = reader.row(*doc).deprecated();
            (time.second, time.nanosecond) <= (now.second, now.nanosecond)
        });
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.0 != passed {
            let bitmap = if known.0 < passed {
                let mut bitmap = RoaringBitmap::clone(&known.1);
                bitmap.extend(&self.docs[known.0..passed]);
                bitmap
            } else {
                self.docs[..passed].iter().collect()
            };
            *known = (passed, Arc::new(bitmap));
        }
        Arc::clone(&known.1)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        self.docs.capacity() * size_of::<u32>() + bitmap_bytes(&known.1) + size_of::<RoaringBitmap>()
    }
}
