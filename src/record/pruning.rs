//! What the log says of itself when retention removes records.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::Sha256Digest;

/// Records below an index are removed: written before the first of them goes. Their leaf hashes stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordsPruned {
    /// The first record that this covers: always 0, so that the latest such entry covers all that was
    /// removed before it as well.
    pub first: u64,
    /// One more than the last record that this covers.
    pub end: u64,
    /// Records that are older than this are removed.
    pub before: Timestamp,
    /// How many records this removes.
    pub removed: u64,
    /// How many records below `end` stay: those of launches that are open or have later records, and what
    /// the log says of itself.
    pub kept: u64,
    /// How many launches this removes: the lines of the file of snapshots.
    pub snapshots: u64,
    /// SHA-256 of the file of snapshots, `retention/{end}.jsonl`: what stays of these launches, so that a
    /// repeated request is still known.
    pub snapshots_sha256: Sha256Digest,
}
