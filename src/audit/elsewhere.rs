//! The log's checkpoint in a file elsewhere: what a data directory that was put back cannot forget.
//!
//! The file is on another disk, so that it is not put back with the directory. It is written after
//! the records that it states are durable, and compared at every start.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::directory::write_durably;
use super::log::AuditLog;
use super::transparency::{SignedCheckpoint, VerifierKeys};
use super::verify::{Trust, TrustError};

/// Bytes of the file that are read: a checkpoint with one signature has about 250.
const NOTE_BYTES_MAX: u64 = 1 << 16;

/// What a checkpoint says of a log that it is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// The log has grown from it, or is at it.
    Before,
    /// It states this many records, which the log does not have.
    Ahead(u64),
    /// It states this many records, and the log's first are others.
    Other(u64),
}

/// Why a checkpoint that was kept elsewhere says nothing.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// It cannot be read or written.
    #[error("{} cannot be read", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no checkpoint of this log, or none of its keys has signed it.
    #[error("{} is no good checkpoint of this log: {why}. If the file is another log's, name another; if it is damaged, move it away", path.display())]
    Bad {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The log's own keys cannot be read.
    #[error(transparent)]
    Keys(#[from] TrustError),
    /// The log's own hashes cannot be read.
    #[error("the hashes of the log cannot be read: {0}")]
    Hashes(String),
}

/// The checkpoint in the file at `path`, which one of `keys` must have signed; none if there is no file.
///
/// # Errors
/// [`KeptError`].
pub(super) fn read_kept(path: &Path, keys: &VerifierKeys) -> Result<Option<SignedCheckpoint>, KeptError> {
    let mut note = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(NOTE_BYTES_MAX).read_to_end(&mut note));
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(KeptError::Io { path: path.to_owned(), source }),
        Ok(_) => {}
    }
    let bad = |why| KeptError::Bad { path: path.to_owned(), why };
    // First, so that another log's is called that, and not unsigned.
    let checkpoint = SignedCheckpoint::parse(&note, keys.origin()).map_err(bad)?;
    Trust::new(keys.all(), Some(keys.origin()))?.signed(&note).map_err(bad)?;
    Ok(Some(checkpoint))
}

/// Holds `kept` against a log of `size` records with these hashes.
///
/// # Errors
/// If the hashes cannot be read.
pub(super) fn hold_against(
    kept: &SignedCheckpoint,
    size: u64,
    hashes: &impl tlog_tiles::HashReader,
) -> Result<Kept, KeptError> {
    if size < kept.size {
        return Ok(Kept::Ahead(kept.size));
    }
    let root = tlog_tiles::tree_hash(kept.size, hashes).map_err(|error| KeptError::Hashes(error.to_string()))?;
    Ok(if root.0 == kept.root_hash { Kept::Before } else { Kept::Other(kept.size) })
}

impl AuditLog {
    /// What the checkpoint in the file at `path` says of this log; [`Kept::Before`] if there is no file.
    ///
    /// # Errors
    /// [`KeptError`], if it is another log's, or not signed by a key of this one, or cannot be read.
    pub fn compare_with_kept(&self, path: &Path) -> Result<Kept, KeptError> {
        match read_kept(path, self.verifier_keys())? {
            Some(kept) => hold_against(&kept, self.checkpoint().size, &*self.shared.hashes),
            None => Ok(Kept::Before),
        }
    }

    /// Writes the latest checkpoint to the file at `path`, durably and whole; how many records it
    /// states. Blocks on a sync.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn keep_checkpoint(&self, path: &Path) -> io::Result<u64> {
        let checkpoint = self.checkpoint();
        write_durably(path, &checkpoint.note)?;
        Ok(checkpoint.size)
    }
}
