//! Opening: the journal is read, the store compared with it, and whatever differs put right or
//! refused.
//!
//! | found | done |
//! |---|---|
//! | the last commit group is not whole | its broken appends are cut: they were never acknowledged |
//! | a record that was acknowledged is damaged | refused, naming it |
//! | the store has seen less than the journal | replayed from there |
//! | the store cannot be read, or sled panics | set aside, and made anew from the journal |
//! | the store has seen more than the journal | refused: the journal has lost records |

use std::path::Path;
use std::thread;

use super::directory::{Directory, Owner};
use super::error::OpenError;
use super::journal::{Journal, Table, TableError};
use super::staging::{LaunchCache, StageError, Staging};
use super::store::{RecordStore, SledStore, StoreError};
use super::times::{TimeIndex, leaf_time};
use crate::record::Entry;

/// Records that are replayed at a time.
const REPLAY_RECORDS: u64 = 1024;

/// What opening found and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenReport {
    /// Records that were applied to the store.
    pub replayed: u64,
    /// Whether the store was made anew: it was missing, empty, or could not be used.
    pub rebuilt: bool,
    /// Bytes of unacknowledged records that were cut.
    pub torn_bytes: u64,
    /// How many records there are.
    pub size: u64,
}

/// A log in order.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) directory: Directory,
    pub(super) journal: Journal,
    pub(super) store: Box<dyn RecordStore>,
    pub(super) times: TimeIndex,
    pub(super) report: OpenReport,
}

/// Opens a data directory and puts it in order.
pub(super) fn recover(path: &Path, owner: &Owner) -> Result<Recovered, OpenError> {
    let directory = Directory::open(path, owner)?;
    let times = TimeIndex::default();
    let opened = Journal::open(&directory.journal(), directory.log(), &mut |index, leaf| {
        times.note(index, leaf_time(leaf));
    })?;

    let mut rebuilt = false;
    let mut store = None;
    if directory.store_is_suspect() {
        tracing::warn!("audit store gave a wrong answer before");
        directory.set_store_aside()?;
        rebuilt = true;
    } else {
        match contained(|| open_store(&directory)) {
            Ok(opened) => store = Some(opened),
            Err(error @ StoreError::Io(_)) => return Err(OpenError::Store(error)),
            Err(error @ StoreError::Broken(_)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "audit store set aside");
                directory.set_store_aside()?;
                rebuilt = true;
            }
        }
    }

    // sled takes some damage for the end of its log, and opens empty.
    let known = store.as_ref().map_or(0, |(_, applied)| *applied);
    rebuilt |= known == 0 && 0 < opened.size();
    let (journal, torn_bytes) = opened.finish(known)?;
    let size = journal.next_index();
    if size < known {
        return Err(OpenError::StoreAhead { applied: known, size });
    }

    let mut ready = None;
    if let Some((store, applied)) = store {
        match contained(|| replay(store, journal.table(), applied, size)) {
            // What does not follow from the rows of the store may follow from the records.
            Ok(Err(error @ OpenError::Unexplained { .. })) if 0 < applied => {
                tracing::warn!(error = &error as &dyn std::error::Error, "audit store set aside");
                directory.set_store_aside()?;
                rebuilt = true;
            }
            Ok(replayed) => ready = Some((replayed?, size - applied)),
            Err(error @ StoreError::Io(_)) => return Err(OpenError::Store(error)),
            Err(error @ StoreError::Broken(_)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "audit store set aside");
                directory.set_store_aside()?;
                rebuilt = true;
            }
        }
    }
    let (store, replayed) = match ready {
        Some(ready) => ready,
        None => {
            let made = contained(|| {
                let (store, applied) = open_store(&directory)?;
                replay(store, journal.table(), applied, size)
            });
            (made.map_err(OpenError::Store)??, size)
        }
    };
    directory.trust_store()?;
    let report = OpenReport { replayed, rebuilt, torn_bytes, size };
    Ok(Recovered { directory, journal, store: Box::new(store), times, report })
}

/// Runs `work` on a thread of its own: sled panics on some damaged files, and a panic there is a
/// broken store and not the end of the program.
fn contained<T: Send>(work: impl FnOnce() -> Result<T, StoreError> + Send) -> Result<T, StoreError> {
    thread::scope(|scope| {
        let outcome = scope.spawn(work).join();
        outcome.unwrap_or_else(|_| Err(StoreError::Broken("sled panicked".to_owned())))
    })
}

fn open_store(directory: &Directory) -> Result<(SledStore, u64), StoreError> {
    let store = SledStore::open(&directory.store(), directory.log_id())?;
    let applied = store.applied()?;
    Ok((store, applied))
}

/// Applies the records from `from` on, and gives the store back. The outer error is the store's,
/// the inner one the journal's.
fn replay(store: SledStore, table: &Table, from: u64, size: u64) -> Result<Result<SledStore, OpenError>, StoreError> {
    let mut cache = LaunchCache::default();
    let mut first = from;
    while first < size {
        let end = size.min(first + REPLAY_RECORDS);
        let mut staging = Staging::new(&store, &mut cache);
        for index in first..end {
            let leaf = match table.leaf(index) {
                Ok(Some(leaf)) => leaf,
                Ok(None) | Err(TableError::Damaged) => return Ok(Err(OpenError::Damaged { index })),
                Err(TableError::Io(error)) => return Ok(Err(error.into())),
            };
            let Ok(entry) = Entry::from_leaf(&leaf) else {
                return Ok(Err(OpenError::Unexplained { index, source: None }));
            };
            match staging.take_in(index, &[entry]) {
                Ok(()) => {}
                Err(StageError::Conflict(error)) => {
                    return Ok(Err(OpenError::Unexplained { index, source: Some(error) }));
                }
                Err(StageError::MisdatedLaunch) => {
                    return Ok(Err(OpenError::Unexplained { index, source: None }));
                }
                Err(StageError::Store(error)) => return Err(error),
            }
        }
        store.apply(&staging.changes(), end)?;
        staging.finish();
        first = end;
    }
    Ok(Ok(store))
}
