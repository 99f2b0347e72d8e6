//! Opening: the journal is read, the Merkle tree and the store compared with it, and whatever
//! differs put right or refused.
//!
//! | found | done |
//! |---|---|
//! | the last commit group is not whole | its broken appends are cut: they were never acknowledged |
//! | a record that was acknowledged is damaged | refused, naming it |
//! | the last checkpoint states more records than the journal has | refused: records are lost |
//! | the records do not have the root that the last checkpoint states | refused, naming the first that differs |
//! | hashes behind the journal, or torn | made again from the records |
//! | a finished segment without a sound index | indexed again |
//! | a pruning that is planned and not on record | its plan is removed |
//! | a pruning that is on record and not finished | finished |
//! | the store has seen less than the journal | replayed from there |
//! | the store cannot be read, or sled panics | set aside, and made anew from the journal |
//! | the store has seen more than the journal | refused: the journal has lost records |

mod parallel;

use std::ops::Range;
use std::path::Path;
use std::thread;

use super::HashMap;
use super::directory::{self, Directory, Owner};
use super::error::{OpenError, ReadError};
use super::facet::IndexRow;
use super::fold::entry_at;
use super::journal::{Journal, Segment, Table, TableError};
use super::log::LogSettings;
use super::retention;
use super::staging::{LaunchCache, StageError, Staged, Staging};
use super::store::{Rows, SledStore, StoreBehind, StoreError};
use super::transparency::{CheckpointSigner, LogKey, VerifierKeys};
use super::tree::{self, Tree};
use crate::ids::{ImageId, LaunchId};
use crate::record::{Entry, EntryHeader, EntryKind, Event};

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
    pub(super) store: StoreBehind,
    pub(super) tree: Tree,
    pub(super) keys: VerifierKeys,
    pub(super) report: OpenReport,
}

/// Opens a data directory and puts it in order.
pub(super) fn recover(path: &Path, owner: &Owner, settings: &mut LogSettings) -> Result<Recovered, OpenError> {
    let directory = Directory::open(path, owner)?;
    let (signer, keys) = match settings.signer.take() {
        Some(signer) => {
            let keys = VerifierKeys::with_current(&directory.tlog(), signer.verifier_key())?;
            (signer, keys)
        }
        None => {
            let (key, keys) = LogKey::open(&directory.tlog(), &directory.origin())?;
            (Box::new(key) as Box<dyn CheckpointSigner>, keys)
        }
    };
    let (slots, kept) = tree::last_checkpoint(&directory.tlog(), signer.name())?;
    // Both take their time, and neither needs the other.
    let is_suspect = directory.store_is_suspect();
    let (opened, store_opened) = thread::scope(|scope| {
        let store = (!is_suspect).then(|| scope.spawn(|| contained(|| open_store(&directory))));
        let opened = Journal::open(&directory.journal(), directory.log(), settings.segment_bytes);
        (opened, store.map(|store| store.join().unwrap_or_else(|_| Err(StoreError::Broken("it panicked".to_owned())))))
    });
    let opened = opened?;

    let mut rebuilt = false;
    let mut store = None;
    match store_opened {
        None => {
            tracing::warn!("audit store gave a wrong answer before");
            directory.set_store_aside()?;
            rebuilt = true;
        }
        Some(Ok(opened)) => store = Some(opened),
        Some(Err(error @ StoreError::Io(_))) => return Err(OpenError::Store(error)),
        Some(Err(error @ StoreError::Broken(_))) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "audit store set aside");
            directory.set_store_aside()?;
            rebuilt = true;
        }
    }

    // sled takes some damage for the end of its log, and opens empty.
    let known = store.as_ref().map_or(0, |(_, applied)| *applied);
    rebuilt |= known == 0 && 0 < opened.size();
    let stated = kept.as_ref().map_or(0, |checkpoint| checkpoint.size);
    opened.check_tail(known.max(stated))?;
    if opened.size() < known {
        return Err(OpenError::StoreAhead { applied: known, size: opened.size() });
    }
    let tree = Tree::recover(&directory.tlog(), slots, kept, signer, &opened)?;
    let (journal, torn_bytes) = opened.finish()?;
    let size = journal.next_index();
    let files = retention::Files::in_dir(directory.path());
    retention::settle(&files, journal.table(), directory.log(), size)?;

    let mut ready = None;
    if let Some((store, applied)) = store {
        match contained(|| replay(store, journal.table(), &files, applied, size)) {
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
                replay(store, journal.table(), &files, applied, size)
            });
            (made.map_err(OpenError::Store)??, size)
        }
    };
    directory.trust_store()?;
    index_segments(&journal, &store)?;
    let report = OpenReport { replayed, rebuilt, torn_bytes, size };
    Ok(Recovered { directory, journal, store, tree, keys, report })
}

/// Puts a new key into the data directory at `path`, which must be nobody's then. The next start signs with
/// it, and records it.
///
/// # Errors
/// If the directory is open, is no data directory, or its keys cannot be written.
pub fn rotate_key(path: &Path) -> Result<VerifierKeys, OpenError> {
    let (_, _, owner) = directory::read_owner_of(path)?;
    let directory = Directory::open(path, &owner)?;
    let origin = match VerifierKeys::read(&directory.tlog())? {
        Some(keys) => keys.origin().to_owned(),
        None => directory.origin(),
    };
    Ok(LogKey::rotate(&directory.tlog(), &origin)?)
}

/// Runs `work` on a thread of its own: sled panics on some damaged files, and a panic there is a
/// broken store and not the end of the program.
fn contained<T: Send>(work: impl FnOnce() -> Result<T, StoreError> + Send) -> Result<T, StoreError> {
    thread::scope(|scope| {
        let outcome = scope.spawn(work).join();
        outcome.unwrap_or_else(|_| Err(StoreError::Broken("sled panicked".to_owned())))
    })
}

fn open_store(directory: &Directory) -> Result<(StoreBehind, u64), StoreError> {
    let store = SledStore::open(&directory.store(), directory.log_id())?;
    StoreBehind::new(Box::new(store))
}

/// Applies the records from `from` on, and gives the store back. The outer error is the store's,
/// the inner one the journal's.
fn replay(
    store: StoreBehind,
    table: &Table,
    files: &retention::Files,
    from: u64,
    size: u64,
) -> Result<Result<StoreBehind, OpenError>, StoreError> {
    retention::forget_pruned_entries(&store, table, from, size)?;
    let mut cache = LaunchCache::default();
    let read = |range: Range<u64>| range.map(|index| entry_at(table, index)).collect::<Vec<_>>();
    let replayed = parallel::in_batches(from..size, read, |range, entries| {
        replay_batch(&store, table, files, &mut cache, range, entries)
    });
    match replayed {
        Ok(()) => Ok(Ok(store)),
        Err(Stop::Journal(error)) => Ok(Err(error)),
        Err(Stop::Store(error)) => Err(error),
    }
}

/// Why replaying ends early.
enum Stop {
    Journal(OpenError),
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn replay_batch(
    store: &StoreBehind,
    table: &Table,
    files: &retention::Files,
    cache: &mut LaunchCache,
    range: Range<u64>,
    entries: Vec<Result<Entry, ReadError>>,
) -> Result<(), Stop> {
    let (mut group, mut own) = (Staged::default(), Staged::default());
    for (index, entry) in range.clone().zip(entries) {
        let entry = match entry {
            Ok(entry) => entry,
            // What it left in the store is in the snapshots of the pruning.
            Err(ReadError::Pruned { .. }) => continue,
            Err(error) => return Err(Stop::Journal(unreadable(error, index)?)),
        };
        if let Event::RecordsPruned(record) = entry.event {
            store.replay(std::mem::take(&mut group).finish(cache), index)?;
            store.write_out()?;
            *cache = LaunchCache::default();
            retention::apply_snapshots(files, store, &record, index)?.map_err(Stop::Journal)?;
            store.write_through(&Rows::default(), index + 1)?;
            continue;
        }
        let mut staging = Staging { store, table, cache, before: None, group: &mut group, own: &mut own };
        match staging.take_in(index, &[entry], None) {
            // Of a launch that is pruned, where rewriting its segment has not come off yet.
            Ok(()) | Err(StageError::Pruned) => {}
            Err(StageError::Conflict(error)) => {
                return Err(Stop::Journal(OpenError::Unexplained { index, source: Some(error) }));
            }
            Err(StageError::MisdatedLaunch) => {
                return Err(Stop::Journal(OpenError::Unexplained { index, source: None }));
            }
            Err(StageError::Read(error)) => return Err(Stop::Journal(unreadable(error, index)?)),
        }
    }
    Ok(store.replay(group.finish(cache), range.end)?)
}

/// What a failed read at opening means: the inner error is the journal's, the outer one the store's.
fn unreadable(error: ReadError, index: u64) -> Result<OpenError, StoreError> {
    match error {
        ReadError::Store(error) => Err(error),
        ReadError::Io(error) => Ok(error.into()),
        ReadError::Damaged { index } => Ok(OpenError::Damaged { index }),
        ReadError::Pruned { .. } | ReadError::Closed => Ok(OpenError::Unexplained { index, source: None }),
    }
}

/// Gives every record a row in its segment's index, and every finished segment its file.
fn index_segments(journal: &Journal, store: &StoreBehind) -> Result<(), OpenError> {
    let segments = journal.table().segments();
    let mut images = HashMap::default();
    for (number, segment) in segments.iter().enumerate() {
        index_segment(segment, store, &mut images)?;
        if number + 1 < segments.len()
            && let Err(error) = segment.seal(journal.log())
        {
            // It stays in memory. A disk that is full must not keep the log from being read.
            tracing::warn!(error = &error as &dyn std::error::Error, "index of a journal segment not written");
        }
    }
    Ok(())
}

/// Gives the records of a segment that have no row theirs; a removed one gets one that no search finds.
pub(super) fn index_segment(
    segment: &Segment,
    store: &StoreBehind,
    images: &mut HashMap<LaunchId, Option<ImageId>>,
) -> Result<(), OpenError> {
    let read = |range| {
        segment.leaves(range, Indexed::read).map_err(|(index, error)| match error {
            TableError::Damaged => OpenError::Damaged { index },
            TableError::Io(error) => error.into(),
        })
    };
    parallel::in_batches(segment.unindexed(), read, |_, batch| {
        for indexed in batch? {
            match indexed? {
                Indexed::Decision(entry) => {
                    let row = IndexRow::of(&entry, None);
                    segment.push_rows(std::iter::once(row));
                    if let (Some(id), Event::Decision(decision)) = (entry.launch_id, &entry.event) {
                        images.insert(id, decision.image_id().cloned());
                    }
                }
                Indexed::Other(header) => {
                    let image = match header.launch_id.map(|id| images.entry(id)) {
                        None => None,
                        Some(std::collections::hash_map::Entry::Occupied(known)) => known.into_mut().as_ref(),
                        Some(std::collections::hash_map::Entry::Vacant(unknown)) => {
                            let row = store.launch(*unknown.key()).map_err(OpenError::Store)?;
                            unknown.insert(row.and_then(|row| row.about.image_id.clone())).as_ref()
                        }
                    };
                    segment.push_rows(std::iter::once(IndexRow::of_header(&header, image)));
                }
                Indexed::Pruned => segment.push_pruned(),
            }
        }
        Ok(())
    })
}

/// As much of a record as the index needs.
enum Indexed {
    /// A decision, which says what is indexed of its launch's other records.
    Decision(Box<Entry>),
    /// Of what is no decision all that is needed stands in its header, and reading that takes a fraction. What
    /// it says is checked when somebody reads it.
    Other(EntryHeader),
    Pruned,
}

impl Indexed {
    fn read(index: u64, leaf: Option<&[u8]>) -> Result<Self, OpenError> {
        let Some(leaf) = leaf else { return Ok(Self::Pruned) };
        let damaged = |_| OpenError::Damaged { index };
        let header = EntryHeader::from_leaf(leaf).map_err(damaged)?;
        match header.kind {
            EntryKind::Decision => Ok(Self::Decision(Box::new(Entry::from_leaf(leaf).map_err(damaged)?))),
            _ => Ok(Self::Other(header)),
        }
    }
}
