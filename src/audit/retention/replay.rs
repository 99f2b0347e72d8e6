//! Prunings replayed into a store that has not seen them, or not all of one.
//!
//! A store may lag behind the journal, or be made from it anew: then records that left rows are gone. Their
//! snapshots say what the rows were to become.

use super::files::Files;
use super::finish::is_of_pruning;
use super::snapshot::{self, Snapshot, SnapshotsDigest};
use crate::audit::error::OpenError;
use crate::audit::fold::leaf_at;
use crate::audit::journal::{Leaf, Table};
use crate::audit::store::{InstanceRow, Rows, StoreBehind, StoreError};
use crate::record::RecordsPruned;

/// Snapshots that are applied at a time.
const BATCH_SNAPSHOTS: usize = 1024;

/// Applies what stays of the launches that `record`, of index `index`, removed: the outer error is the
/// store's.
pub(in crate::audit) fn apply_snapshots(
    files: &Files,
    store: &StoreBehind,
    record: &RecordsPruned,
    index: u64,
) -> Result<Result<(), OpenError>, StoreError> {
    let path = files.snapshots(record.end);
    let lost = || OpenError::SnapshotsLost { index, path: path.clone() };
    match SnapshotsDigest::of_file(&path) {
        Ok(Some(digest)) if digest.sha256 == record.snapshots_sha256 => {}
        Ok(_) => return Ok(Err(lost())),
        Err(error) => return Ok(Err(error.into())),
    }
    let mut snapshots = match snapshot::read(&path) {
        Ok(snapshots) => snapshots,
        Err(error) => return Ok(Err(error.into())),
    };
    loop {
        let batch: Result<Vec<Snapshot>, _> = snapshots.by_ref().take(BATCH_SNAPSHOTS).collect();
        let Ok(batch) = batch else { return Ok(Err(lost())) };
        if batch.is_empty() {
            return Ok(Ok(()));
        }
        let mut rows = Rows::default();
        for snapshot in &batch {
            let (id, pruned) = snapshot.launch();
            for instance in &pruned.instance_ids {
                let row = store.instance(instance)?.filter(|row| row.launch_id == Some(id));
                if let Some(row) = row {
                    rows.instances.insert(instance.clone(), InstanceRow { launch_id: None, ..row });
                }
            }
            rows.pruned.insert(id, pruned);
            for (key, taken) in snapshot.requests() {
                // The first record that carries a key takes it, also where a later one is replayed first.
                if store.request(&key)?.is_none_or(|found| taken.index < found.index) {
                    rows.requests.insert(key, taken);
                }
            }
        }
        // The count says what was seen before.
        store.write_through(&rows, index)?;
    }
}

/// Takes removed records out of the rows of instances, if a pruning is among the records from `from` to
/// before `size`, which the store has not seen.
pub(in crate::audit) fn forget_pruned_entries(
    store: &StoreBehind,
    table: &Table,
    from: u64,
    size: u64,
) -> Result<(), StoreError> {
    let any_sparse = table.segments().iter().any(|segment| segment.is_sparse());
    let is_pruning = |index| leaf_at(table, index).is_ok_and(|leaf| is_of_pruning(&leaf));
    if from == 0 || !any_sparse || !(from..size).any(is_pruning) {
        return Ok(());
    }
    let mut changed = Rows::default();
    store.each_instance(&mut |id, mut row| {
        let entries = row.entries.len();
        row.entries.retain(|&index| !matches!(table.leaf(index), Ok(Some(Leaf::Pruned))));
        if row.entries.len() != entries {
            changed.instances.insert(id, row);
        }
    })?;
    store.write_through(&changed, from)
}
