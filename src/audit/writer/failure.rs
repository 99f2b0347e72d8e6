//! What ends a commit, and with it mostly the log.

use std::io;
use std::sync::Arc;

use super::super::error::ReadError;
use super::super::log::Shared;
use super::super::store::StoreError;
use super::super::transparency::SignError;

/// Why a group was not committed.
#[derive(Debug, thiserror::Error)]
pub(super) enum CommitError {
    #[error("there is no room for the journal to grow")]
    NoSpace(#[source] io::Error),
    #[error("the journal could not be written")]
    Journal(#[source] io::Error),
    #[error("the Merkle tree could not be written")]
    Tree(#[source] io::Error),
    #[error(transparent)]
    Sign(#[from] SignError),
    #[error("what came before could not be read")]
    Read(#[from] ReadError),
    #[error("the store could not be written")]
    Store(#[from] StoreError),
}

impl CommitError {
    /// Of a step before which nothing was written.
    pub(super) fn before_writing(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace(error),
            _ => Self::Journal(error),
        }
    }
}

/// Notes why a group was not committed. Unless nothing was written, the log takes no more.
pub(super) fn fail(shared: &Shared, error: &CommitError) {
    tracing::error!(error = error as &dyn std::error::Error, "audit group not committed");
    match error {
        CommitError::NoSpace(_) => return,
        CommitError::Read(ReadError::Store(error)) | CommitError::Store(error) => shared.note_if_broken(error),
        CommitError::Journal(_) | CommitError::Tree(_) | CommitError::Sign(_) | CommitError::Read(_) => {}
    }
    shared.poison();
}

/// A thread of the log that panicked leaves one that takes nothing more, and does not hang anybody.
pub(in crate::audit) struct PoisonOnPanic(pub(in crate::audit) Arc<Shared>);

impl Drop for PoisonOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // It is sled that panics, on what it has read: the next start makes it again.
            self.0.note_if_broken(&StoreError::Broken("panicked".to_owned()));
            self.0.poison();
            // Nobody else would let the other thread go.
            if let Some(store) = self.0.store().as_ref() {
                store.end();
            }
        }
    }
}
