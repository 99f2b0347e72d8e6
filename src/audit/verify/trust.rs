//! What an auditor brings: the log's name and the keys that may sign for it.

use std::fmt;

use signed_note::{Note, NoteError, StandardVerifier, Verifier as _, VerifierList};
use tlog_tiles::Checkpoint;

use super::codes::Code;
use super::heads::Head;

/// The log's name and the keys that may sign its checkpoints. One that verifies is enough.
pub struct Trust {
    origin: String,
    keys: Vec<String>,
    verifiers: VerifierList,
}

/// Why keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// There is none.
    #[error("no verifier key is given (--key)")]
    NoKey,
    /// It is no verifier key (c2sp.org/signed-note), or not of Ed25519.
    #[error("{key:?} is no Ed25519 verifier key of the form name+hash+key: {why}")]
    Malformed {
        /// The key.
        key: String,
        /// Why not.
        why: String,
    },
    /// The keys have different names and no origin was given.
    #[error("the keys are named {first} and {second}; say which log is to be verified")]
    ManyNames {
        /// One name.
        first: String,
        /// Another.
        second: String,
    },
}

impl Trust {
    /// Trusts `keys`, verifier keys of the form `name+hash+key`: the log's present one and those
    /// before it. The origin is the name of the keys unless it is given; a log's key bears the
    /// log's name (c2sp.org/tlog-checkpoint).
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn new(keys: &[impl AsRef<str>], origin: Option<&str>) -> Result<Self, TrustError> {
        let mut distinct: Vec<&str> = keys.iter().map(|key| key.as_ref().trim()).collect();
        // A key given twice would be two keys of one name to the verifier, which takes neither.
        distinct.sort_unstable();
        distinct.dedup();
        let mut verifiers = Vec::with_capacity(distinct.len());
        for key in distinct {
            let verifier = StandardVerifier::new(key)
                .map_err(|error| TrustError::Malformed { key: key.to_owned(), why: error.to_string() })?;
            verifiers.push(verifier);
        }
        let Some(first) = verifiers.first().map(|verifier| verifier.name().to_owned()) else {
            return Err(TrustError::NoKey);
        };
        let origin = match origin {
            Some(origin) => origin.to_owned(),
            None => match verifiers.iter().find(|verifier| verifier.name() != first) {
                Some(other) => return Err(TrustError::ManyNames { first, second: other.name().to_owned() }),
                None => first,
            },
        };
        let names = verifiers.iter().map(|verifier| format!("{}+{:08x}", verifier.name(), verifier.key_id())).collect();
        let boxed = verifiers.into_iter().map(|verifier| Box::new(verifier) as Box<dyn signed_note::Verifier>);
        Ok(Self { origin, keys: names, verifiers: VerifierList::new(boxed.collect()) })
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Size and root of a signed checkpoint.
    ///
    /// # Errors
    /// A sentence, if it is none of this log, or no trusted key has signed it.
    pub fn signed(&self, note: &[u8]) -> Result<(u64, [u8; 32]), String> {
        self.check(note).map(|head| (head.size, head.root.0)).map_err(|(_, why)| why)
    }

    /// Reads a signed checkpoint. Signatures by keys that are not trusted are ignored; a bad one
    /// by a trusted key condemns the checkpoint, and so does the want of a good one.
    pub(super) fn check(&self, note: &[u8]) -> Result<Head, (Code, String)> {
        let parsed = Note::from_bytes(note).map_err(|error| (Code::CheckpointMalformed, error.to_string()))?;
        let (signatures, _) = parsed.verify(&self.verifiers).map_err(|error| {
            let code = match error {
                NoteError::InvalidSignature { .. } => Code::CheckpointSignatureInvalid,
                NoteError::UnverifiedNote => Code::CheckpointNotSigned,
                _ => Code::CheckpointMalformed,
            };
            (code, error.to_string())
        })?;
        let checkpoint =
            Checkpoint::from_bytes(parsed.text()).map_err(|error| (Code::CheckpointMalformed, error.to_string()))?;
        if checkpoint.origin() != self.origin {
            let message = format!("it is of {:?} and not of {:?}", checkpoint.origin(), self.origin);
            return Err((Code::CheckpointOfOtherLog, message));
        }
        let signed_by = signatures.iter().map(|signature| format!("{}+{:08x}", signature.name(), signature.id()));
        Ok(Head { size: checkpoint.size(), root: *checkpoint.hash(), signed_by: signed_by.collect() })
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("origin", &self.origin).field("keys", &self.keys).finish_non_exhaustive()
    }
}
