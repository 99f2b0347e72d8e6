//! The log as a transparency log: its Merkle tree, its signed checkpoints, its proofs.
//!
//! Formats are those of C2SP (signed-note, tlog-checkpoint, tlog-proof), so that other people's
//! tools check them; hashing and proving are `tlog_tiles`', notes and keys `signed_note`'s. Here is
//! what stands between: where hashes and checkpoints lie on disk, and which are read when.

mod checkpoint;
mod edge;
mod hashes;
mod key;
mod proof;
mod slots;

pub use self::checkpoint::{CheckpointSigner, SignError, SignedCheckpoint};
pub use self::key::{KeyError, LogKey, VerifierKeys};
pub use self::proof::{ConsistencyProof, InclusionProof, ProofError};

pub(super) use self::checkpoint::sign;
pub(super) use self::edge::Edge;
pub(super) use self::hashes::HashFile;
pub(super) use self::proof::{prove_consistency, prove_inclusion};
pub(super) use self::slots::CheckpointSlots;
