//! The Merkle tree of an open log: appended to by the writer, read by whoever asks for a proof.

use std::path::Path;
use std::sync::Arc;

use tlog_tiles::Hash;

use super::directory::sync_dir;
use super::error::OpenError;
use super::fold::leaf_at;
use super::journal::{Opened, Table};
use super::transparency::{CheckpointSigner, CheckpointSlots, Edge, HashFile, SignError, SignedCheckpoint, sign};

/// Hashes that are made again at a time.
const BATCH_RECORDS: u64 = 4096;

/// The tree as the writer has it.
#[derive(Debug)]
pub(super) struct Tree {
    edge: Edge,
    hashes: Arc<HashFile>,
    slots: CheckpointSlots,
    signer: Box<dyn CheckpointSigner>,
}

/// The checkpoint that was written last in `dir`, and the file it is in.
pub(super) fn last_checkpoint(
    dir: &Path,
    origin: &str,
) -> Result<(CheckpointSlots, Option<SignedCheckpoint>), OpenError> {
    Ok(CheckpointSlots::open(&dir.join("checkpoint"), origin)?)
}

impl Tree {
    /// Reads the tree in `dir`, compares it with the journal and `kept`, the last checkpoint, and
    /// makes again what a crash left unwritten.
    ///
    /// # Errors
    /// If the journal's records are not those that were signed.
    pub(super) fn recover(
        dir: &Path,
        slots: CheckpointSlots,
        kept: Option<SignedCheckpoint>,
        signer: Box<dyn CheckpointSigner>,
        opened: &Opened,
    ) -> Result<Self, OpenError> {
        let size = opened.size();
        if let Some(kept) = &kept
            && size < kept.size
        {
            return Err(OpenError::CheckpointAhead { stated: kept.size, size });
        }
        let hashes = HashFile::open(&dir.join("hashes"))?;
        // What belongs to finished segments was synced before the last one was begun. If it is gone all
        // the same, it is made again from the records.
        let trusted = hashes.records()?.min(opened.last_first());
        let mut edge = Edge::load(trusted, &hashes).map_err(unreadable)?;
        let mut differs = None;
        let on_file = hashes.records()?;
        if edge.size() < opened.last_first() {
            rehash_segments(&mut edge, &hashes, opened.table(), opened.last_first())?;
            // The next start takes for granted that what belongs to finished segments is on disk.
            hashes.sync()?;
        }
        sync_dir(dir)?;
        let first = edge.size();
        let mut stored = Vec::new();
        let early = kept.as_ref().filter(|kept| kept.size <= first);
        let mut found = early.map(|kept| tlog_tiles::tree_hash(kept.size, &hashes).map_err(unreadable)).transpose()?;
        for (index, hash) in (first..).zip(opened.last_hashes()) {
            if differs.is_none() && index < on_file && hashes.leaf_hash(index)? != *hash {
                differs = Some(index);
            }
            edge.push(*hash, &mut stored);
            if kept.as_ref().is_some_and(|kept| kept.size == edge.size()) {
                found = Some(edge.root());
            }
        }
        if let (Some(kept), Some(found)) = (&kept, found)
            && found.0 != kept.root_hash
        {
            let index = match differs {
                Some(index) => Some(index),
                None => first_difference(&hashes, opened.table(), first)?,
            };
            return Err(OpenError::RootMismatch { size: kept.size, index });
        }
        hashes.write(first, &stored)?;
        hashes.cut(size)?;
        Ok(Self { edge, hashes: Arc::new(hashes), slots, signer })
    }

    /// Where proofs read hashes.
    pub(super) fn hashes(&self) -> &Arc<HashFile> {
        &self.hashes
    }

    /// The name of the log on its checkpoints.
    pub(super) fn origin(&self) -> &str {
        self.signer.name()
    }

    /// Adds the leaf hashes of records that are durable in the journal.
    pub(super) fn append(&mut self, leaf_hashes: impl Iterator<Item = Hash>) -> std::io::Result<()> {
        let (first, mut stored) = (self.edge.size(), Vec::new());
        leaf_hashes.for_each(|hash| self.edge.push(hash, &mut stored));
        self.hashes.write(first, &stored)
    }

    /// Signs the checkpoint of all records.
    pub(super) fn checkpoint(&mut self) -> Result<SignedCheckpoint, SignError> {
        let size = self.edge.size();
        let checkpoint = sign(&*self.signer, size, self.edge.root())?;
        self.slots.write(&checkpoint).map_err(|error| SignError { size, why: error.to_string() })?;
        Ok(checkpoint)
    }

    /// Makes hashes and checkpoint durable.
    pub(super) fn sync(&self) -> std::io::Result<()> {
        self.hashes.sync()?;
        self.slots.sync()
    }
}

/// Makes the hashes of finished segments again, up to record `end`.
fn rehash_segments(edge: &mut Edge, hashes: &HashFile, table: &Table, end: u64) -> Result<(), OpenError> {
    while edge.size() < end {
        let (first, mut stored) = (edge.size(), Vec::new());
        for index in first..end.min(first + BATCH_RECORDS) {
            let leaf = leaf_at(table, index).map_err(|error| match error {
                super::ReadError::Io(error) => OpenError::Io(error),
                super::ReadError::Pruned { index } => OpenError::HashLost { index },
                _ => OpenError::Damaged { index },
            })?;
            edge.push(tlog_tiles::record_hash(&leaf), &mut stored);
        }
        hashes.write(first, &stored)?;
    }
    Ok(())
}

/// The first record below `end` whose leaf does not have the hash on file.
fn first_difference(hashes: &HashFile, table: &Table, end: u64) -> Result<Option<u64>, OpenError> {
    for index in 0..end {
        match leaf_at(table, index) {
            Ok(leaf) if tlog_tiles::record_hash(&leaf) == hashes.leaf_hash(index)? => {}
            Err(super::ReadError::Pruned { .. }) => {}
            Err(super::ReadError::Io(error)) => return Err(error.into()),
            Ok(_) | Err(_) => return Ok(Some(index)),
        }
    }
    Ok(None)
}

fn unreadable(error: tlog_tiles::Error) -> OpenError {
    OpenError::Io(std::io::Error::other(error.to_string()))
}
