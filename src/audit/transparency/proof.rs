//! Proofs of RFC 6962 about the log, for whoever does not trust it.

use std::fmt::Write;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tlog_tiles::{Hash, HashReader};

use super::checkpoint::SignedCheckpoint;

/// That a record is in the log of a given size (RFC 6962, section 2.1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// The record.
    pub index: u64,
    /// The size.
    pub tree_size: u64,
    /// The record's leaf hash.
    pub leaf_hash: [u8; 32],
    /// From the leaf's sibling up to the root's child.
    pub hashes: Vec<[u8; 32]>,
    /// The root at that size.
    pub root_hash: [u8; 32],
}

/// That the log of one size is the beginning of the log of another (RFC 6962, section 2.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsistencyProof {
    /// The earlier size.
    pub old_size: u64,
    /// The later size.
    pub new_size: u64,
    /// In the order of the RFC.
    pub hashes: Vec<[u8; 32]>,
    /// The root at the earlier size.
    pub old_root_hash: [u8; 32],
    /// The root at the later size.
    pub new_root_hash: [u8; 32],
}

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
pub enum ProofError {
    /// The log is not as long as that.
    #[error("the log has {size} records, and {wanted} were asked for")]
    OutOfRange {
        /// What was asked for.
        wanted: u64,
        /// What there is.
        size: u64,
    },
    /// The hashes could not be read.
    #[error("the hashes of the log could not be read: {0}")]
    Hashes(String),
}

impl From<tlog_tiles::Error> for ProofError {
    fn from(error: tlog_tiles::Error) -> Self {
        Self::Hashes(error.to_string())
    }
}

impl InclusionProof {
    /// The proof as a text that can be checked alone (c2sp.org/tlog-proof), with a checkpoint of
    /// exactly its size; none if `checkpoint` is of another.
    pub fn to_text(&self, checkpoint: &SignedCheckpoint) -> Option<String> {
        if checkpoint.size != self.tree_size {
            return None;
        }
        let mut text = format!("c2sp.org/tlog-proof@v1\nindex {}\n", self.index);
        for hash in &self.hashes {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{}", BASE64_STANDARD.encode(hash));
        }
        text.push('\n');
        text.push_str(std::str::from_utf8(&checkpoint.note).ok()?);
        Some(text)
    }
}

/// Proves that record `index` is in the tree of `tree_size` records.
pub(crate) fn prove_inclusion<R: HashReader>(
    reader: &R,
    index: u64,
    tree_size: u64,
) -> Result<InclusionProof, ProofError> {
    if tree_size <= index {
        return Err(ProofError::OutOfRange { wanted: index.saturating_add(1), size: tree_size });
    }
    let leaf = reader.read_hashes(&[tlog_tiles::stored_hash_index(0, index)])?;
    Ok(InclusionProof {
        index,
        tree_size,
        leaf_hash: leaf[0].0,
        hashes: bytes(&tlog_tiles::prove_record(tree_size, index, reader)?),
        root_hash: tlog_tiles::tree_hash(tree_size, reader)?.0,
    })
}

/// Proves that the tree of `old_size` records is the beginning of that of `new_size`. Nothing needs
/// to be shown of an empty tree, nor of a tree and itself.
pub(crate) fn prove_consistency<R: HashReader>(
    reader: &R,
    old_size: u64,
    new_size: u64,
) -> Result<ConsistencyProof, ProofError> {
    if new_size < old_size {
        return Err(ProofError::OutOfRange { wanted: old_size, size: new_size });
    }
    let hashes = if old_size == 0 { Vec::new() } else { bytes(&tlog_tiles::prove_tree(new_size, old_size, reader)?) };
    Ok(ConsistencyProof {
        old_size,
        new_size,
        hashes,
        old_root_hash: tlog_tiles::tree_hash(old_size, reader)?.0,
        new_root_hash: tlog_tiles::tree_hash(new_size, reader)?.0,
    })
}

fn bytes(hashes: &[Hash]) -> Vec<[u8; 32]> {
    hashes.iter().map(|hash| hash.0).collect()
}
