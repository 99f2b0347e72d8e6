//! Checkpoints: the size and root of the log, signed (c2sp.org/tlog-checkpoint).

use std::fmt;

use signed_note::Note;
use tlog_tiles::{Checkpoint, Hash};

/// Who signs checkpoints: the key file of the data directory, or a key that never leaves a KMS or
/// HSM.
///
/// A checkpoint is signed in every commit, before anybody is answered, so a signer's latency is
/// added to every append, and its error ends the log as a failed write does. It must sign with
/// Ed25519 over the note's text (c2sp.org/signed-note, type 0x01), under a name that is the log's
/// origin.
pub trait CheckpointSigner: signed_note::Signer + Send + Sync + fmt::Debug {
    /// The verifier key, `name+hash+key`.
    fn verifier_key(&self) -> &str;
}

/// Why a checkpoint was not signed.
#[derive(Debug, thiserror::Error)]
#[error("the checkpoint of {size} records could not be signed: {why}")]
pub struct SignError {
    /// Of how many records.
    pub size: u64,
    /// What the signer said.
    pub why: String,
}

/// A signed checkpoint of this log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// Records in the log.
    pub size: u64,
    /// RFC 6962 root hash over them.
    pub root_hash: [u8; 32],
    /// The signed note, byte for byte.
    pub note: Vec<u8>,
}

impl SignedCheckpoint {
    /// Reads a signed note. Its signatures are not looked at.
    ///
    /// # Errors
    /// A sentence, if the bytes are no note, or its text is no checkpoint of `origin`.
    pub fn parse(note: &[u8], origin: &str) -> Result<Self, String> {
        let parsed = Note::from_bytes(note).map_err(|error| error.to_string())?;
        let checkpoint = Checkpoint::from_bytes(parsed.text()).map_err(|error| error.to_string())?;
        if checkpoint.origin() != origin {
            return Err(format!("it is of the log {}, not of {origin}", checkpoint.origin()));
        }
        Ok(Self { size: checkpoint.size(), root_hash: checkpoint.hash().0, note: note.to_owned() })
    }
}

/// Signs the checkpoint of a tree.
///
/// # Errors
/// If the signer fails, or its name is not one that a note can carry.
pub(crate) fn sign(signer: &dyn CheckpointSigner, size: u64, root: Hash) -> Result<SignedCheckpoint, SignError> {
    let failed = |why: String| SignError { size, why };
    let checkpoint = Checkpoint::new(signer.name(), size, root, "").map_err(|error| failed(error.to_string()))?;
    let mut note = Note::new(&checkpoint.to_bytes(), &[]).map_err(|error| failed(error.to_string()))?;
    note.add_sigs(&[signer as &dyn signed_note::Signer]).map_err(|error| failed(error.to_string()))?;
    Ok(SignedCheckpoint { size, root_hash: root.0, note: note.to_bytes() })
}
