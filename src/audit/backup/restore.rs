//! A data directory made from a backup.
//!
//! | killed after | what is there |
//! |---|---|
//! | the journal's directory was made | records without an owner: refused by every server |
//! | `BEHIND.json` was written | the same |
//! | the records were copied | the same |
//! | `OWNER.json` was written | a data directory that is behind |
//!
//! Whoever is refused removes the directory and restores again. There is no point at which a server
//! would launch.

use std::path::Path;

use jiff::Timestamp;

use super::super::directory::{make_dir, sync_dir};
use super::super::elsewhere::{Kept, hold_against, read_kept};
use super::super::offline::OfflineLog;
use super::super::standing::{Behind, BehindCause, Claim, mark_restored};
use super::super::transparency::{CheckpointSlots, LogKey};
use super::copy;
use super::marker::Marker;
use super::report::RestoreReport;
use super::{BackupError, is_empty, lock};
use crate::crash;

/// Makes the data directory `data_dir`, which must not exist or be empty, from the backup at `from`, and
/// says how far it is behind `checkpoint`, a signed checkpoint that was kept elsewhere. A server on it
/// serves reads, and launches nothing until [`super::super::accept`].
///
/// # Errors
/// [`BackupError`]. What is in `data_dir` then is no data directory, and is to be removed.
pub fn restore(
    from: &Path,
    data_dir: &Path,
    checkpoint: Option<&Path>,
    now: Timestamp,
) -> Result<RestoreReport, BackupError> {
    let marker = Marker::read(from)?.ok_or_else(|| BackupError::NoBackup { path: from.to_owned() })?;
    let Some((marked, marked_root)) = marker.size.zip(marker.root_hash()) else {
        return Err(BackupError::Unfinished { path: from.to_owned() });
    };
    if !is_empty(data_dir)? {
        return Err(BackupError::NotEmpty { path: data_dir.to_owned() });
    }
    let log = OfflineLog::open(from)?;
    if log.log_id() != marker.log_id {
        let (found, wanted) = (log.log_id().to_owned(), marker.log_id);
        return Err(BackupError::OtherLog { path: from.to_owned(), found, wanted });
    }
    let size = log.checkpoint().size;
    let root = |size| {
        tlog_tiles::tree_hash(size, log.hashes()).map_err(|error| BackupError::Unsound { why: error.to_string() })
    };
    // A run that was killed behind its checkpoint may have come further than the marker says.
    if size < marked || root(marked)?.0 != marked_root {
        return Err(BackupError::Unsound {
            why: format!("the backup is not the one of {marked} records that was made"),
        });
    }
    let known_size = match checkpoint {
        Some(path) => Some(known_size(&log, path)?),
        None => None,
    };

    make_dir(data_dir)?;
    let _lock = lock(data_dir)?;
    // First, so that a server takes what is not finished for a log that has lost its owner.
    make_dir(&data_dir.join("journal"))?;
    crash::point("restore.step");
    let told_by = checkpoint.map(|path| path.display().to_string()).unwrap_or_default();
    let cause = BehindCause::Restored;
    let claims = known_size.map(|size| Claim { cause, size }).into_iter().collect();
    mark_restored(data_dir, &Behind { cause, size, known_size, told_by, time: now, claims })?;
    crash::point("restore.step");
    copy::records(&log, data_dir, 0)?;
    crash::point("restore.step");
    let tlog = data_dir.join("tlog");
    let (mut slots, _) = CheckpointSlots::open(&tlog.join("checkpoint"), log.origin())?;
    slots.write(log.checkpoint())?;
    slots.sync()?;
    sync_dir(&tlog)?;
    let has_key = from.join("tlog/key").exists();
    copy::keys(from, data_dir, has_key)?;
    copy::redaction_key(from, data_dir)?;
    copy::beside(&log, data_dir)?;
    crash::point("restore.step");
    copy::verify(data_dir, from, &log, 0)?;
    let new_key = if has_key { None } else { Some(LogKey::rotate(&tlog, log.origin())?.current().to_owned()) };
    sync_dir(data_dir)?;
    crash::point("restore.step");
    copy::owner(&log, data_dir)?;
    crash::point("restore.step");
    Ok(RestoreReport {
        path: data_dir.to_owned(),
        log_id: log.log_id().to_owned(),
        size,
        root: hex::encode(log.checkpoint().root_hash),
        known_size,
        new_key,
    })
}

/// Records that the checkpoint in the file at `path` states.
fn known_size(log: &OfflineLog, path: &Path) -> Result<u64, BackupError> {
    let kept = read_kept(path, log.verifier_keys())?;
    let kept = kept.ok_or_else(|| BackupError::KeptMissing { path: path.to_owned() })?;
    match hold_against(&kept, log.checkpoint().size, log.hashes())? {
        Kept::Before | Kept::Ahead(_) => Ok(kept.size),
        Kept::Other(size) => Err(BackupError::KeptContradicts { size }),
    }
}
