//! Checkpoints and proofs of an open log.

use std::sync::{Arc, PoisonError};

use super::log::AuditLog;
use super::transparency::{
    ConsistencyProof, InclusionProof, ProofError, SignedCheckpoint, VerifierKeys, prove_consistency, prove_inclusion,
};
use super::witness::{CheckpointNote, Cosignature};

impl AuditLog {
    /// The latest checkpoint.
    pub fn checkpoint(&self) -> Arc<SignedCheckpoint> {
        Arc::clone(&self.shared.checkpoint.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The latest checkpoint that a witness has cosigned since the start, with all cosignatures of it.
    pub fn cosigned_checkpoint(&self) -> Option<CheckpointNote> {
        self.shared.cosigned.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps a cosignature of one of this log's checkpoints, unless a later one has been cosigned.
    pub fn add_cosignature(&self, checkpoint: CheckpointNote, cosignature: &Cosignature) {
        let mut cosigned = self.shared.cosigned.write().unwrap_or_else(PoisonError::into_inner);
        let mut note = match cosigned.take() {
            Some(kept) if checkpoint.size() < kept.size() => {
                *cosigned = Some(kept);
                return;
            }
            Some(kept) if kept.text() == checkpoint.text() => kept,
            Some(_) | None => checkpoint,
        };
        // Only so many fit, and no more witnesses than that can be configured.
        if let Err(error) = note.add(cosignature) {
            tracing::warn!(%error, "cosignature not kept");
        }
        *cosigned = Some(note);
    }

    /// The first line of the log's checkpoints, and the name of its key.
    pub fn origin(&self) -> &str {
        &self.shared.origin
    }

    /// The lowest index whose record is still kept; the size of the log if none is.
    pub fn first_kept_index(&self) -> u64 {
        self.shared.table.first_kept().unwrap_or_else(|| self.size())
    }

    /// The lowest index from which on retention has removed nothing: 0 if it has removed nothing at all. It is raised
    /// before anything is removed: looked at after a read, it says what that may have missed.
    pub fn whole_from_index(&self) -> u64 {
        self.shared.retention.whole_from()
    }

    /// The end of what retention has removed, 0 if it has removed nothing. It is raised after the removal: looked at before a
    /// read, it says what that can be free of.
    pub fn gone_below_index(&self) -> u64 {
        self.shared.retention.gone_below()
    }

    /// The keys to verify checkpoints with.
    pub fn verifier_keys(&self) -> &VerifierKeys {
        &self.shared.keys
    }

    /// Proves that a record is in the log of `tree_size` records. Blocks on some dozen reads.
    ///
    /// # Errors
    /// [`ProofError::OutOfRange`] if the record is not below `tree_size`, or that is more than the latest
    /// checkpoint states.
    pub fn inclusion_proof(&self, index: u64, tree_size: u64) -> Result<InclusionProof, ProofError> {
        self.check_size(tree_size)?;
        prove_inclusion(&*self.shared.hashes, index, tree_size)
    }

    /// Proves that the log of `old_size` records is the beginning of that of `new_size`. Blocks on some
    /// dozen reads.
    ///
    /// # Errors
    /// [`ProofError::OutOfRange`] if `new_size` is less, or more than the latest checkpoint states.
    pub fn consistency_proof(&self, old_size: u64, new_size: u64) -> Result<ConsistencyProof, ProofError> {
        self.check_size(new_size)?;
        prove_consistency(&*self.shared.hashes, old_size, new_size)
    }

    fn check_size(&self, wanted: u64) -> Result<(), ProofError> {
        let size = self.checkpoint().size;
        if size < wanted { Err(ProofError::OutOfRange { wanted, size }) } else { Ok(()) }
    }
}
