//! A launch, folded from its entries in the journal.

use super::error::ReadError;
use super::journal::{Leaf, Table, TableError};
use crate::record::{Entry, Launch};

/// The entry of a record.
///
/// # Errors
/// [`ReadError::Damaged`] if it is not there or cannot be read, [`ReadError::Pruned`] if retention has
/// removed it.
pub(super) fn entry_at(table: &Table, index: u64) -> Result<Entry, ReadError> {
    entry_of(index, &leaf_at(table, index)?)
}

/// The leaf of a record that is known to be there.
///
/// # Errors
/// As [`entry_at`].
pub(super) fn leaf_at(table: &Table, index: u64) -> Result<Vec<u8>, ReadError> {
    match table.leaf(index) {
        Ok(Some(Leaf::Kept(leaf))) => Ok(leaf),
        Ok(Some(Leaf::Pruned)) => Err(ReadError::Pruned { index }),
        Ok(None) | Err(TableError::Damaged) => Err(ReadError::Damaged { index }),
        Err(TableError::Io(error)) => Err(ReadError::Io(error)),
    }
}

/// The entry that a leaf holds.
pub(super) fn entry_of(index: u64, leaf: &[u8]) -> Result<Entry, ReadError> {
    Entry::from_leaf(leaf).map_err(|_| ReadError::Damaged { index })
}

/// The launch whose entries have these indexes.
///
/// # Errors
/// As [`entry_at`]; an entry that does not follow from those before it is damaged too.
pub(super) fn fold(table: &Table, entries: &[u64]) -> Result<Launch, ReadError> {
    let (&first, rest) = entries.split_first().ok_or(ReadError::Damaged { index: 0 })?;
    let (mut launch, _) = Launch::begin(&entry_at(table, first)?).map_err(|_| ReadError::Damaged { index: first })?;
    for &index in rest {
        launch.apply(&entry_at(table, index)?).map_err(|_| ReadError::Damaged { index })?;
    }
    Ok(launch)
}
