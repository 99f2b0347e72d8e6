//! Backups of a log, made beside a server that writes it, and data directories made from them.
//!
//! ```text
//! BACKUP.json     the log, and how much of it is surely here: the last thing that is written
//! OWNER.json      as in the data directory
//! journal/        the segments, the last one cut to the records of the checkpoint
//! tlog/           hashes, the checkpoint, the verifier keys; the private key only if asked for
//! retention/      what retention has put on record
//! ```
//!
//! The last checkpoint says which records are copied, and what was copied has to have its root. The
//! store and the indexes are made from the journal and are not copied; user data and the private key are
//! secrets, and a backup is read by more people than a server's disk.
//!
//! A backup that is brought up to date stays the old one until its marker is replaced: segments are
//! replaced whole, hashes only grow, and a reader goes by the checkpoint, which comes second to last.

mod copy;
mod marker;
mod report;
mod restore;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::directory::{make_dir, sync_dir};
use super::elsewhere::KeptError;
use super::error::OpenError;
use super::offline::{OfflineError, OfflineLog};
use super::transparency::{CheckpointSlots, KeyError, VerifierKeys};
use crate::crash;

pub use self::report::{BackupReport, RestoreReport};
pub use self::restore::restore;

use self::marker::Marker;

/// Held by whoever writes to the directory.
const LOCK: &str = "LOCK";

/// The marker before it has its name.
const MARKER_UNFINISHED: &str = "BACKUP.new";

/// Why there is no backup, or no directory made from one.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] OfflineError),
    /// The directory cannot be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is something else there.
    #[error("{} is not empty and is no backup: name a directory that is empty, or new", path.display())]
    Occupied {
        /// The directory.
        path: PathBuf,
    },
    /// It was restored into before, or is in use.
    #[error("{} is not empty: restore into a directory that is empty, or new", path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// It is no backup.
    #[error("{} is no backup: it has no readable BACKUP.json", path.display())]
    NoBackup {
        /// The directory.
        path: PathBuf,
    },
    /// It was being made and never finished.
    #[error("{} is a backup that was never finished: make it again", path.display())]
    Unfinished {
        /// The directory.
        path: PathBuf,
    },
    /// It is of another log.
    #[error("{} is a backup of the log {found}, not of {wanted}", path.display())]
    OtherLog {
        /// The directory.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        wanted: String,
    },
    /// The backup knows more than the log.
    #[error(
        "the backup has {backup} records and the log only {log}: the log was set back. The backup was left as it is; \
         stop the server and restore from it, or back up to another directory"
    )]
    SetBack {
        /// Records of the backup.
        backup: u64,
        /// Records of the log.
        log: u64,
    },
    /// The backup knows something else than the log.
    #[error(
        "the {size} records of the backup are not the first {size} of the log: the log was set back or rewritten. The \
         backup was left as it is; `gantry audit verify` with a checkpoint kept elsewhere says which of them is true"
    )]
    Contradicts {
        /// Records of the backup.
        size: u64,
    },
    /// What was copied is not what was signed.
    #[error("what was copied is not what was signed: {why}. `gantry audit verify --data-dir` says more")]
    Unsound {
        /// What is wrong.
        why: String,
    },
    /// The checkpoint that was kept elsewhere cannot be used.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// The checkpoint that was kept elsewhere is of other records.
    #[error(
        "the checkpoint of {size} records that was kept elsewhere does not fit this backup: one of them was forged"
    )]
    KeptContradicts {
        /// Records that it states.
        size: u64,
    },
    /// There is no checkpoint in that file.
    #[error("{} is not there", path.display())]
    KeptMissing {
        /// The file.
        path: PathBuf,
    },
    /// There is no key to sign with.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A file could not be copied.
    #[error("a file could not be copied")]
    Io(#[from] io::Error),
}

/// How often a backup is begun again that retention has overtaken.
const TRIES: u32 = 5;

/// Copies the log in `data_dir` as far as its last checkpoint to `out`, whether a server has it open or
/// not; or brings the backup there up to date. With the private key only if `with_key`: whoever has that
/// can sign for this log, so a backup is better off without it, and a restore makes a new one. Whether
/// this ends or is killed at any point, what was a backup before still is one.
///
/// # Errors
/// [`BackupError`]. A backup that was there has what it had.
pub fn backup(data_dir: &Path, out: &Path, with_key: bool, now: Timestamp) -> Result<BackupReport, BackupError> {
    let mut tries = 1;
    loop {
        match back_up(data_dir, out, with_key, now) {
            Err(BackupError::Log(OfflineError::PrunedMeanwhile { .. })) if tries < TRIES => tries += 1,
            outcome => return outcome,
        }
    }
}

fn back_up(data_dir: &Path, out: &Path, with_key: bool, now: Timestamp) -> Result<BackupReport, BackupError> {
    let log = OfflineLog::open(data_dir)?;
    let (size, root) = (log.checkpoint().size, log.checkpoint().root_hash);
    // Before anything is put there: it may be somebody's directory.
    if Marker::read(out)?.is_none() && !is_empty(out)? {
        return Err(BackupError::Occupied { path: out.to_owned() });
    }
    make_dir(out)?;
    let _lock = lock(out)?;
    // Another run may have ended just now.
    let before = Marker::read(out)?;
    if let Some(before) = &before {
        check_fits(before, &log, out)?;
    }
    let known = before.as_ref().and_then(|before| before.size).unwrap_or(0);
    if before.is_none() {
        // First of all: from here on nobody takes it for a data directory, nor for a whole backup.
        Marker::begun(&log, now).write(out)?;
    }
    crash::point("backup.step");
    let mut copied = copy::records(&log, out, known)?;
    copy::beside(&log, out)?;
    copy::owner(&log, out)?;
    copy::keys(data_dir, out, with_key)?;
    crash::point("backup.step");
    // All records are durable here, so whoever reads by this checkpoint finds them.
    let (mut slots, _) = CheckpointSlots::open(&out.join("tlog/checkpoint"), log.origin())?;
    slots.write(log.checkpoint())?;
    slots.sync()?;
    sync_dir(&out.join("tlog"))?;
    sync_dir(out)?;
    crash::point("backup.step");
    copy::pruned(&log, out, &mut copied)?;
    copy::verify(out, out, &log, copied.from)?;
    Marker::whole(&log, now).write(out)?;
    crash::point("backup.step");
    Ok(BackupReport {
        path: out.to_owned(),
        log_id: log.log_id().to_owned(),
        size,
        root: hex::encode(root),
        size_before: before.and_then(|before| before.size),
        segments_copied: copied.segments,
        segments_kept: copied.segments_kept,
        bytes_copied: copied.bytes,
        with_key,
    })
}

/// Whether the backup that is there may be brought up to date from `log`.
fn check_fits(before: &Marker, log: &OfflineLog, out: &Path) -> Result<(), BackupError> {
    if before.log_id != log.log_id() {
        let (found, wanted) = (before.log_id.clone(), log.log_id().to_owned());
        return Err(BackupError::OtherLog { path: out.to_owned(), found, wanted });
    }
    let size = log.checkpoint().size;
    // A run that was killed may have come further than the marker says.
    let on_file = match VerifierKeys::read(&out.join("tlog"))? {
        Some(keys) => CheckpointSlots::read(&out.join("tlog/checkpoint"), keys.origin())?,
        None => None,
    };
    for (known, root) in on_file
        .map(|checkpoint| (checkpoint.size, checkpoint.root_hash))
        .into_iter()
        .chain(before.size.zip(before.root_hash()))
    {
        if size < known {
            return Err(BackupError::SetBack { backup: known, log: size });
        }
        let found = tlog_tiles::tree_hash(known, log.hashes())
            .map_err(|error| BackupError::Unsound { why: error.to_string() })?;
        if found.0 != root {
            return Err(BackupError::Contradicts { size: known });
        }
    }
    Ok(())
}

/// Whether there is nothing at `path`, or nothing in it but what was killed before it began.
fn is_empty(path: &Path) -> io::Result<bool> {
    let items = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        items => items?,
    };
    for item in items {
        let name = item?.file_name();
        if name != LOCK && name != MARKER_UNFINISHED {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Keeps others from writing to `path` while this is held.
fn lock(path: &Path) -> Result<File, BackupError> {
    let lock = OpenOptions::new().write(true).create(true).truncate(false).open(path.join(LOCK))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked.into()),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}
