//! The last checkpoint on disk: two slots, written in turn.
//!
//! `crc32c u32 | length u32 | note`, little endian, 4 KiB each. A checkpoint is written after its
//! records are durable and is itself not synced, so what is found says at least how far the log had
//! come: fewer records than that are a loss, or a directory that was put back. A slot that a crash
//! tore leaves the other.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::checkpoint::SignedCheckpoint;

/// Bytes of a slot. A note of this log with its one signature has about 250.
const SLOT_BYTES: u64 = 4096;

/// Bytes of a slot before its note.
const HEAD_BYTES: usize = 8;

/// The file of both slots.
#[derive(Debug)]
pub(crate) struct CheckpointSlots {
    file: File,
    /// Which slot is written next.
    next: u64,
}

impl CheckpointSlots {
    /// Opens the file at `path`, making it if there is none, and gives the checkpoint of the most
    /// records in it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn open(path: &Path, origin: &str) -> io::Result<(Self, Option<SignedCheckpoint>)> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let newest = newest(&file, origin)?;
        let next = newest.as_ref().map_or(0, |(slot, _)| 1 - slot);
        Ok((Self { file, next }, newest.map(|(_, checkpoint)| checkpoint)))
    }

    /// The newest checkpoint in the file at `path`, which somebody else may be writing; none if
    /// there is no file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn read(path: &Path, origin: &str) -> io::Result<Option<SignedCheckpoint>> {
        match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            file => Ok(newest(&file?, origin)?.map(|(_, checkpoint)| checkpoint)),
        }
    }

    /// Writes a checkpoint over the older slot.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(crate) fn write(&mut self, checkpoint: &SignedCheckpoint) -> io::Result<()> {
        let mut bytes = vec![0; HEAD_BYTES];
        bytes.extend_from_slice(&checkpoint.note);
        if SLOT_BYTES < bytes.len() as u64 {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a checkpoint is longer than its slot"));
        }
        let length = u32::try_from(checkpoint.note.len()).expect("shorter than a slot");
        bytes[4..HEAD_BYTES].copy_from_slice(&length.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[4..]);
        bytes[..4].copy_from_slice(&checksum.to_le_bytes());
        self.file.write_all_at(&bytes, self.next * SLOT_BYTES)?;
        self.next = 1 - self.next;
        Ok(())
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// If that fails.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// The checkpoint of the most records, and its slot.
fn newest(file: &File, origin: &str) -> io::Result<Option<(u64, SignedCheckpoint)>> {
    let mut newest: Option<(u64, SignedCheckpoint)> = None;
    for slot in 0..2 {
        if let Some(checkpoint) = read_slot(file, slot, origin)?
            && newest.as_ref().is_none_or(|(_, other)| other.size < checkpoint.size)
        {
            newest = Some((slot, checkpoint));
        }
    }
    Ok(newest)
}

/// The checkpoint in a slot; none if it is empty or torn.
fn read_slot(file: &File, slot: u64, origin: &str) -> io::Result<Option<SignedCheckpoint>> {
    let mut bytes = vec![0; SLOT_BYTES as usize];
    let mut read = 0;
    while read < bytes.len() {
        match file.read_at(&mut bytes[read..], slot * SLOT_BYTES + read as u64)? {
            0 => break,
            more => read += more,
        }
    }
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    let end = (HEAD_BYTES + word(4) as usize).min(bytes.len());
    if end == HEAD_BYTES || crc32c::crc32c(&bytes[4..end]) != word(0) {
        return Ok(None);
    }
    Ok(SignedCheckpoint::parse(&bytes[HEAD_BYTES..end], origin).ok())
}

#[cfg(test)]
mod tests {
    use super::super::{LogKey, sign};
    use super::*;

    #[test]
    fn the_newest_whole_checkpoint_is_found_however_the_other_is_torn() {
        let dir = tempfile::tempdir().unwrap();
        let (key, _) = LogKey::open(dir.path(), "o").unwrap();
        let path = dir.path().join("checkpoint");
        let (mut slots, none) = CheckpointSlots::open(&path, "o").unwrap();
        assert_eq!(none, None);
        let checkpoint = |size: u64| sign(&key, size, tlog_tiles::record_hash(&size.to_be_bytes())).unwrap();
        for size in 1..4 {
            slots.write(&checkpoint(size)).unwrap();
            assert_eq!(CheckpointSlots::read(&path, "o").unwrap(), Some(checkpoint(size)));
        }
        // Number 3 is in the first slot.
        let whole = std::fs::read(&path).unwrap();
        for at in 0..300 {
            let mut torn = whole.clone();
            torn[at] ^= 0x20;
            std::fs::write(&path, &torn).unwrap();
            let found = CheckpointSlots::open(&path, "o").unwrap().1;
            let is_note = at < HEAD_BYTES + checkpoint(3).note.len();
            assert_eq!(found, Some(checkpoint(if is_note { 2 } else { 3 })), "byte {at}");
        }
        // After opening, the older one is written over.
        std::fs::write(&path, &whole).unwrap();
        let (mut slots, _) = CheckpointSlots::open(&path, "o").unwrap();
        slots.write(&checkpoint(4)).unwrap();
        std::fs::write(&path, &std::fs::read(&path).unwrap()[..4096]).unwrap();
        assert_eq!(CheckpointSlots::read(&path, "o").unwrap(), Some(checkpoint(3)));
    }
}
