//! The audit log: what was decided, done and seen, on disk before anything rests on it.
//!
//! One writer appends entries to a journal, syncs it, and applies them to a store that answers
//! questions about launches, requests and instances. The journal is the truth; the store is made
//! from it, and made again when it is lost. Records are leaves of an RFC 6962 Merkle log, kept
//! byte for byte. This room stores and finds; what a record means, and whether anything may be
//! done, is decided elsewhere.

mod backup;
mod directory;
mod elsewhere;
mod error;
pub mod export;
mod facet;
mod fold;
mod index;
mod instances;
mod journal;
mod launch_time;
mod log;
mod offline;
mod proofs;
mod query;
mod reads;
mod recover;
mod retention;
mod search;
mod staging;
mod standing;
mod store;
mod topics;
mod transparency;
mod tree;
pub mod verify;
pub mod witness;
mod writer;

pub use self::backup::{BackupError, BackupReport, RestoreReport, backup, restore};
pub use self::directory::{Owner, REDACTION_KEY, make_dir};
pub use self::elsewhere::{Kept, KeptError};
pub use self::error::{AppendError, OpenError, ReadError};
pub use self::launch_time::LAUNCH_ID_LAG_MAX;
pub use self::log::{AuditLog, LogSettings, Once};
pub use self::offline::{OfflineError, OfflineLeaf, OfflineLeaves, OfflineLog};
pub use self::query::{Indexed, LaunchPage, LaunchQuery, Order, Record, RecordPage, RecordQuery};
pub use self::recover::{OpenReport, rotate_key};
pub use self::retention::{PruneError, PruneReport, Retention, SnapshotsDigest};
pub use self::standing::{ACCEPT_REASON_CHARS, AcceptError, Accepted, Behind, BehindCause, Claim, accept};
pub use self::store::{Operation, PrunedLaunch, RequestKey, StoreError, TakenBy};
pub use self::topics::Topic;
pub use self::transparency::{
    CheckpointSigner, ConsistencyProof, InclusionProof, KeyError, LogKey, ProofError, SignError, SignedCheckpoint,
    VerifierKeys,
};

/// A map by ids and other short keys. Callers choose some of them: the hasher's seed is random.
type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;

/// The longest record, in bytes of JSON. sled keeps a page of sixteen rows of this size in its
/// own log, and a leaf must stay below the 65,535 bytes of C2SP tlog-tiles.
pub const RECORD_BYTES_MAX: usize = 60 << 10;

/// Bytes of disk that appends leave free, unless it is set otherwise: sled writes segments of 4 MiB, and
/// ends with its first write that does not fit.
pub const FREE_SPACE_RESERVE: u64 = 64 << 20;

/// The most entries in one append.
pub const APPEND_ENTRIES_MAX: usize = 128;

/// The most appends that wait for the writer; more are refused.
pub const QUEUE_MAX: usize = 4096;

/// The most launches or records on one page.
pub const PAGE_MAX: usize = 1000;

/// The most launches that one search looks at.
pub const LAUNCH_SCAN_MAX: usize = 2000;

/// The most records that one search reads.
pub const RECORD_SCAN_MAX: usize = 10_000;

#[cfg(test)]
mod tests;
