//! The right edge of the Merkle tree: all that is needed to append to it and to state its root.
//!
//! The root of the last complete subtree of each height, at most 64 hashes. With it neither an
//! append nor a checkpoint reads the file of hashes.

use tlog_tiles::{Error, Hash, HashReader};

/// Heights that a tree of fewer than 2^64 records can have.
const LEVELS: usize = 64;

/// A tree's size and right edge.
#[derive(Debug, Clone)]
pub(crate) struct Edge {
    size: u64,
    /// By level, the hash of the last complete subtree of 2^level records.
    last: Box<[Hash; LEVELS]>,
}

impl Default for Edge {
    fn default() -> Self {
        Self { size: 0, last: Box::new([Hash::default(); LEVELS]) }
    }
}

impl Edge {
    /// The edge of a tree of `size` records whose hashes `reader` has.
    ///
    /// # Errors
    /// The reader's.
    pub(crate) fn load<R: HashReader>(size: u64, reader: &R) -> Result<Self, Error> {
        let mut edge = Self { size, ..Self::default() };
        let levels = (0..LEVELS as u8).take_while(|level| 0 < size >> level);
        let indexes: Vec<_> = levels.map(|level| tlog_tiles::stored_hash_index(level, (size >> level) - 1)).collect();
        for (slot, hash) in edge.last.iter_mut().zip(reader.read_hashes(&indexes)?) {
            *slot = hash;
        }
        Ok(edge)
    }

    /// Records in the tree.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a record by its leaf hash. The hashes to be stored, in the order of
    /// [`tlog_tiles::stored_hash_index`], go to the end of `stored`.
    pub(crate) fn push(&mut self, leaf_hash: Hash, stored: &mut Vec<Hash>) {
        let hashes = tlog_tiles::stored_hashes_for_record_hash(self.size, leaf_hash, self);
        let hashes = hashes.expect("appending reads complete subtrees on the right edge only");
        for (slot, hash) in self.last.iter_mut().zip(&hashes) {
            *slot = *hash;
        }
        stored.extend(hashes);
        self.size += 1;
    }

    /// The root hash.
    pub(crate) fn root(&self) -> Hash {
        tlog_tiles::tree_hash(self.size, self).expect("a root reads complete subtrees on the right edge only")
    }
}

impl HashReader for Edge {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let read = |&index: &u64| {
            let (level, number) = tlog_tiles::split_stored_hash_index(index);
            match (self.size >> level).checked_sub(1) {
                Some(last) if last == number => Ok(self.last[usize::from(level)]),
                _ => Err(Error::InvalidInput(format!("hash {number} of level {level} is not on the edge"))),
            }
        };
        indexes.iter().map(read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree kept whole in memory, as the crate's own documentation has it.
    #[derive(Default)]
    struct Whole(Vec<Hash>);

    impl HashReader for Whole {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
            Ok(indexes.iter().map(|&index| self.0[usize::try_from(index).unwrap()]).collect())
        }
    }

    #[test]
    fn the_edge_appends_and_roots_as_the_whole_tree_does_from_any_size_on() {
        let (mut whole, mut edge, mut stored) = (Whole::default(), Edge::default(), Vec::new());
        assert_eq!(edge.root(), tlog_tiles::EMPTY_HASH);
        for record in 0..600_u64 {
            let leaf = record.to_be_bytes();
            let hashes = tlog_tiles::stored_hashes(record, &leaf, &whole).unwrap();
            whole.0.extend(hashes);
            edge.push(tlog_tiles::record_hash(&leaf), &mut stored);
            assert_eq!(edge.root(), tlog_tiles::tree_hash(record + 1, &whole).unwrap(), "{record}");
            let loaded = Edge::load(record + 1, &whole).unwrap();
            assert_eq!((loaded.size(), loaded.root()), (record + 1, edge.root()));
            edge = loaded;
        }
        assert!(stored == whole.0);
        assert!(edge.read_hashes(&[0]).is_err(), "the first leaf is far from the edge");
    }
}
