//! When records happened, coarsely: the first and last time of every thousand records.
//!
//! A search by time skips what it cannot find there. Times need not ascend with the indexes (an
//! observation is recorded after it was made, and clocks are set back), so both bounds are kept
//! and nothing is assumed.

use std::sync::{PoisonError, RwLock};

use jiff::Timestamp;
use serde::Deserialize;

/// Records to a chunk.
pub(super) const CHUNK_RECORDS: u64 = 1024;

/// Bounds on the times of each chunk of records, from record 0 on.
#[derive(Debug, Default)]
pub(super) struct TimeIndex {
    chunks: RwLock<Vec<(Timestamp, Timestamp)>>,
}

impl TimeIndex {
    /// Takes in the time of a record; `None` where it is not known, which excludes nothing. A
    /// record may be taken in twice, or taken in and cut later: that only widens the bounds.
    pub(super) fn note(&self, index: u64, time: Option<Timestamp>) {
        let (first, last) = time.map_or((Timestamp::MIN, Timestamp::MAX), |time| (time, time));
        let chunk = usize::try_from(index / CHUNK_RECORDS).expect("as many chunks as fit in memory");
        let mut chunks = self.chunks.write().unwrap_or_else(PoisonError::into_inner);
        if chunks.len() <= chunk {
            chunks.resize(chunk + 1, (Timestamp::MAX, Timestamp::MIN));
        }
        let bounds = &mut chunks[chunk];
        *bounds = (bounds.0.min(first), bounds.1.max(last));
    }

    /// The chunks of `0..size` that may hold a record from `start` on and before `end`.
    pub(super) fn chunks(&self, size: u64, start: Option<Timestamp>, end: Option<Timestamp>) -> Vec<u64> {
        let chunks = self.chunks.read().unwrap_or_else(PoisonError::into_inner);
        (0..size.div_ceil(CHUNK_RECORDS))
            .zip(chunks.iter())
            .filter(|(_, (first, last))| start.is_none_or(|start| start <= *last) && end.is_none_or(|end| *first < end))
            .map(|(chunk, _)| chunk)
            .collect()
    }
}

/// The time of the entry that a leaf holds. Our own leaves begin with it; only others are parsed.
pub(super) fn leaf_time(leaf: &[u8]) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Timed {
        time: Timestamp,
    }
    let quoted = leaf.strip_prefix(b"{\"v\":1,\"time\":\"").and_then(|rest| rest.split(|&byte| byte == b'"').next());
    quoted
        .and_then(|text| std::str::from_utf8(text).ok()?.parse().ok())
        .or_else(|| Some(serde_json::from_slice::<Timed>(leaf).ok()?.time))
}
