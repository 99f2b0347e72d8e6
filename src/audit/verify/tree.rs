//! The Merkle tree, of which only the right edge is kept.

use tlog_tiles::{Error, Hash, HashReader, stored_hash_index, stored_hashes_for_record_hash, tree_hash};

/// A tree that grows leaf by leaf. It keeps the roots of its largest complete subtrees, at most
/// one for each bit of its size: nothing else is ever read again.
#[derive(Debug, Default)]
pub(super) struct RightEdge {
    size: u64,
    /// Storage index and hash, from the left.
    subtrees: Vec<(u64, Hash)>,
}

impl RightEdge {
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn push(&mut self, leaf: Hash) {
        let n = self.size;
        let hashes = stored_hashes_for_record_hash(n, leaf, self)
            .expect("the edge has the subtrees that the next leaf completes");
        // Each hash after the leaf's own has taken in one subtree of the edge.
        let completed = hashes.len() - 1;
        self.subtrees.truncate(self.subtrees.len() - completed);
        let last = hashes.last().expect("the leaf's own hash is among them");
        self.subtrees.push((stored_hash_index(0, n) + completed as u64, *last));
        self.size = n + 1;
    }

    pub(super) fn root(&self) -> Hash {
        tree_hash(self.size, self).expect("the edge has the subtrees that make the root")
    }
}

impl HashReader for RightEdge {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let find = |index: &u64| self.subtrees.iter().rev().find(|(at, _)| at == index).map(|(_, hash)| *hash);
        indexes.iter().map(|index| find(index).ok_or(Error::IndexesNotInTree)).collect()
    }
}
