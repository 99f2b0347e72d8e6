//! Carrying out a pruning that is on record: segments are rewritten, and their indexes made again.

use std::fs::File;
use std::io;

use super::PruneError;
use super::files::{Files, PlanFile};
use crate::audit::error::OpenError;
use crate::audit::fold::leaf_at;
use crate::audit::journal::{LogNumber, Table, TableError, rewrite};
use crate::audit::log::AuditLog;
use crate::audit::recover::index_segment;
use crate::audit::{HashMap, ReadError};
use crate::record::{Entry, Event};

impl AuditLog {
    /// Finishes the prunings that are on record, and removes plans that are not. Only by whoever prunes,
    /// and while no record of a pruning is queued.
    pub(in crate::audit) fn finish_pruning(&self) -> Result<(), PruneError> {
        if self.shared.is_poisoned() {
            // What is on record is known once it is opened again.
            return Ok(());
        }
        let files = Files::in_dir(self.shared.directory.path());
        for end in files.plans().map_err(PruneError::Plan)? {
            let plan = files.read_plan(end).map_err(PruneError::Plan)?;
            let on_record = is_on_record(&plan, &self.shared.table, self.size()).map_err(|error| match error {
                OpenError::Io(error) => PruneError::Plan(error),
                _ => PruneError::Damaged { index: plan.size },
            })?;
            if on_record {
                self.rewrite_segments(&plan)?;
            }
            let _working = self.shared.retention.working();
            self.in_store(|_| Ok(()))?;
            let done = if on_record { files.finish(end) } else { files.discard(&plan) };
            done.map_err(PruneError::Rewrite)?;
        }
        Ok(())
    }

    fn rewrite_segments(&self, plan: &PlanFile) -> Result<(), PruneError> {
        let shared = &*self.shared;
        // So that whoever reads the files after a power cut finds the record of what was removed covered by
        // a checkpoint.
        shared.hashes.sync().map_err(PruneError::Rewrite)?;
        let checkpoint = File::open(shared.directory.tlog().join("checkpoint"));
        checkpoint.and_then(|file| file.sync_all()).map_err(PruneError::Rewrite)?;
        let mut images = HashMap::default();
        for segment in shared.table.segments() {
            if plan.end < segment.end() {
                break;
            }
            // Taken anew for each: whoever closes the log waits for one segment at most.
            let _working = shared.retention.working();
            let store = shared.store();
            let store = store.as_ref().ok_or(ReadError::Closed)?;
            if segment.kept().iter().all(|slot| plan.kept.contains(segment.first() + u64::from(slot))) {
                continue;
            }
            let log = shared.directory.log();
            let rewritten = rewrite(&segment, log, &|index| plan.kept.contains(index))
                .map_err(|error| PruneError::rewriting(error, segment.first()))?;
            // A search finds records by their rows, so it goes on with the old file until the new one has all.
            let Some(segment) = rewritten else { continue };
            index_segment(&segment, store, &mut images).map_err(|error| match error {
                OpenError::Io(error) => PruneError::Rewrite(error),
                OpenError::Store(error) => PruneError::Read(error.into()),
                _ => PruneError::Damaged { index: segment.first() },
            })?;
            if let Err(error) = segment.seal(log) {
                // It stays in memory until the next start, which makes it again.
                tracing::warn!(error = &error as &dyn std::error::Error, "index of a journal segment not written");
            }
            shared.table.replace(segment);
        }
        Ok(())
    }
}

/// Puts what a crash left of a pruning in order, before the store is replayed: a plan that is not among the
/// `size` records is removed, and one that is is carried out. The segments' indexes are to be made again.
///
/// # Errors
/// If a plan is damaged, or a file cannot be read or written. With a full disk the plan is left to be
/// carried out later.
pub(in crate::audit) fn settle(files: &Files, table: &Table, log: LogNumber, size: u64) -> Result<(), OpenError> {
    files.clean()?;
    for end in files.plans()? {
        let plan = files.read_plan(end)?;
        if !is_on_record(&plan, table, size)? {
            files.discard(&plan)?;
            continue;
        }
        match rewrite_all(&plan, table, log) {
            Ok(()) => files.finish(end)?,
            // A disk that is full must not keep the log from being read.
            Err(OpenError::Io(error)) if is_no_space(&error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "pruning not finished");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn rewrite_all(plan: &PlanFile, table: &Table, log: LogNumber) -> Result<(), OpenError> {
    for segment in table.segments().iter().filter(|segment| segment.end() <= plan.end) {
        let rewritten = rewrite(segment, log, &|index| plan.kept.contains(index)).map_err(|error| match error {
            TableError::Io(error) => OpenError::Io(error),
            TableError::Damaged => OpenError::Damaged { index: segment.first() },
        })?;
        rewritten.into_iter().for_each(|segment| table.replace(segment));
    }
    Ok(())
}

/// Whether the record of a pruning was written. It comes soon after its plan.
fn is_on_record(plan: &PlanFile, table: &Table, size: u64) -> Result<bool, OpenError> {
    for index in plan.size..size {
        let leaf = match leaf_at(table, index) {
            Ok(leaf) => leaf,
            Err(ReadError::Pruned { .. }) => continue,
            Err(ReadError::Io(error)) => return Err(error.into()),
            Err(_) => return Err(OpenError::Damaged { index }),
        };
        if is_of_pruning(&leaf)
            && let Ok(entry) = Entry::from_leaf(&leaf)
            && let Event::RecordsPruned(record) = entry.event
            && (record.end, record.snapshots_sha256) == (plan.end, plan.snapshots_sha256)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A quick look that passes all records of a pruning, and perhaps others.
pub(super) fn is_of_pruning(leaf: &[u8]) -> bool {
    const KIND: &[u8] = b"\"records_pruned\"";
    // It has few fields before its kind.
    leaf[..leaf.len().min(256)].windows(KIND.len()).any(|window| window == KIND)
}

fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
