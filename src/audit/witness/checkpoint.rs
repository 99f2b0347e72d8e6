//! A checkpoint as the note that is sent and kept: its size, its text, its signatures.

use signed_note::{Note, Signature};
use tlog_tiles::Checkpoint;

use super::cosignature::Cosignature;
use crate::ids::Sha256Digest;

/// The most signatures on a checkpoint, the log's own included. Every verifier must accept as
/// many (C2SP signed-note, "Signatures"), and none must accept more.
pub const SIGNATURES_MAX: usize = 16;

/// The longest checkpoint, in bytes.
const CHECKPOINT_BYTES_MAX: usize = 64 << 10;

/// A checkpoint (C2SP tlog-checkpoint) in a signed note. Its signatures are well formed and need
/// not be valid: this is the log's own note, or one that is to be verified elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckpointNote {
    /// What is signed: everything before the blank line.
    text: Vec<u8>,
    size: u64,
    signatures: Vec<Signature>,
}

/// The bytes are no signed checkpoint.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("malformed signed checkpoint")]
pub struct MalformedCheckpoint;

/// Why a cosignature was not put on a checkpoint.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum AddError {
    /// It was made over another checkpoint.
    #[error("the cosignature is over another checkpoint")]
    OtherCheckpoint,
    /// There are [`SIGNATURES_MAX`] signatures of other keys.
    #[error("the checkpoint has {SIGNATURES_MAX} signatures already")]
    Full,
}

impl CheckpointNote {
    /// Reads a signed note.
    ///
    /// # Errors
    /// If it is no note, its text is no checkpoint, or there are more than [`SIGNATURES_MAX`]
    /// signatures.
    pub fn parse(note: &[u8]) -> Result<Self, MalformedCheckpoint> {
        if CHECKPOINT_BYTES_MAX < note.len() {
            return Err(MalformedCheckpoint);
        }
        let text = Note::from_bytes(note).map_err(|_| MalformedCheckpoint)?.text().to_vec();
        let checkpoint = Checkpoint::from_bytes(&text).map_err(|_| MalformedCheckpoint)?;
        let lines = note.strip_prefix(text.as_slice()).and_then(|rest| rest.strip_prefix(b"\n"));
        let signatures = signature_lines(lines.ok_or(MalformedCheckpoint)?).ok_or(MalformedCheckpoint)?;
        // What is written again must be what was read, or the signatures are over something else.
        if signatures.is_empty() || SIGNATURES_MAX < signatures.len() || checkpoint.to_bytes() != text {
            return Err(MalformedCheckpoint);
        }
        Ok(Self { text, size: checkpoint.size(), signatures })
    }

    /// How many records it is of.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The text that is signed, its last newline included.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Puts a cosignature on it, in place of an earlier one of the same key.
    ///
    /// # Errors
    /// See [`AddError`]. The checkpoint is then as it was.
    pub fn add(&mut self, cosignature: &Cosignature) -> Result<(), AddError> {
        if *cosignature.over() != Sha256Digest::of(&self.text) {
            return Err(AddError::OtherCheckpoint);
        }
        let new = cosignature.signature();
        let others = |old: &Signature| (old.name(), old.id()) != (new.name(), new.id());
        if SIGNATURES_MAX <= self.signatures.iter().filter(|old| others(old)).count() {
            return Err(AddError::Full);
        }
        self.signatures.retain(others);
        self.signatures.push(new.clone());
        Ok(())
    }

    /// The signed note.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut note = self.text.clone();
        note.push(b'\n');
        note.extend(self.signatures.iter().flat_map(Signature::to_bytes));
        note
    }
}

/// The signatures in `lines`, each of which ends with a newline; `None` if one is no signature.
pub(super) fn signature_lines(lines: &[u8]) -> Option<Vec<Signature>> {
    let Some(inner) = lines.strip_suffix(b"\n") else {
        return lines.is_empty().then(Vec::new);
    };
    inner.split(|&byte| byte == b'\n').map(|line| Signature::from_bytes(line).ok()).collect()
}
