//! The file of Merkle hashes: 32 bytes each, dense, in the order of
//! [`tlog_tiles::stored_hash_index`], so just under two for a record.
//!
//! It is made from the journal and written after it. Only what is said to be synced is; the rest is
//! made again at the next start. A hash outlives its record: retention removes payloads and never
//! hashes.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use tlog_tiles::{Error, HASH_SIZE, Hash, HashReader};

/// The file, read at offsets and never through its cursor.
#[derive(Debug)]
pub(crate) struct HashFile {
    file: File,
}

impl HashFile {
    /// Opens the file at `path`, making it if there is none.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        Ok(Self { file })
    }

    /// Opens the file at `path` to read only.
    ///
    /// # Errors
    /// If it cannot be opened.
    pub(crate) fn read_only(path: &Path) -> io::Result<Self> {
        Ok(Self { file: File::open(path)? })
    }

    /// How many records all of whose hashes are there.
    ///
    /// # Errors
    /// If the file cannot be looked at.
    pub(crate) fn records(&self) -> io::Result<u64> {
        let hashes = self.file.metadata()?.len() / HASH_SIZE as u64;
        // A record has at least one hash and at most two on average, so it is within this range.
        let (mut low, mut high) = (hashes / 2, hashes);
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            if tlog_tiles::stored_hash_count(middle) <= hashes { low = middle } else { high = middle - 1 }
        }
        Ok(low)
    }

    /// Writes the hashes that record `first` and those after it add.
    ///
    /// # Errors
    /// If they cannot be written.
    pub(crate) fn write(&self, first: u64, stored: &[Hash]) -> io::Result<()> {
        let bytes: Vec<u8> = stored.iter().flat_map(|hash| hash.0).collect();
        self.file.write_all_at(&bytes, tlog_tiles::stored_hash_count(first) * HASH_SIZE as u64)
    }

    /// Forgets the hashes of record `size` and all after it.
    ///
    /// # Errors
    /// If the file cannot be cut.
    pub(crate) fn cut(&self, size: u64) -> io::Result<()> {
        let bytes = tlog_tiles::stored_hash_count(size) * HASH_SIZE as u64;
        if bytes < self.file.metadata()?.len() { self.file.set_len(bytes) } else { Ok(()) }
    }

    /// Makes what was written durable.
    ///
    /// # Errors
    /// If that fails; it must not be tried again.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// The leaf hash of a record.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(crate) fn leaf_hash(&self, index: u64) -> io::Result<Hash> {
        self.hash(tlog_tiles::stored_hash_index(0, index))
    }

    fn hash(&self, stored_index: u64) -> io::Result<Hash> {
        let mut bytes = [0; HASH_SIZE];
        self.file.read_exact_at(&mut bytes, stored_index * HASH_SIZE as u64)?;
        Ok(Hash(bytes))
    }
}

impl HashReader for HashFile {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let read = |&index: &u64| self.hash(index).map_err(|error| Error::InvalidInput(error.to_string()));
        indexes.iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Edge;
    use super::*;

    #[test]
    fn a_file_cut_anywhere_knows_how_many_records_it_has_whole() {
        let dir = tempfile::tempdir().unwrap();
        let file = HashFile::open(&dir.path().join("hashes")).unwrap();
        let (mut edge, mut ends) = (Edge::default(), vec![0]);
        for record in 0..70_u64 {
            let mut stored = Vec::new();
            edge.push(tlog_tiles::record_hash(&record.to_be_bytes()), &mut stored);
            file.write(record, &stored).unwrap();
            ends.push(ends.last().unwrap() + stored.len() as u64 * 32);
            assert_eq!(file.records().unwrap(), record + 1);
            assert_eq!(tlog_tiles::tree_hash(record + 1, &file).unwrap(), edge.root());
        }
        for bytes in (0..*ends.last().unwrap()).rev().step_by(7) {
            file.file.set_len(bytes).unwrap();
            let whole = ends.iter().filter(|&&end| end <= bytes).count() as u64 - 1;
            assert_eq!(file.records().unwrap(), whole, "{bytes} bytes");
        }
        file.cut(0).unwrap();
        assert_eq!(file.records().unwrap(), 0);
    }
}
