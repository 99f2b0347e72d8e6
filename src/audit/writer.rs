//! The one writer: an OS thread that commits what is queued in groups.
//!
//! For each group: check every append against what came before, write all frames, sync once, add
//! the hashes to the tree and the rows to index and store, sign the checkpoint, tell subscribers,
//! answer everyone in order. An answer is given only when the records are durable, can be queried,
//! and are covered by a checkpoint.
//!
//! Failures are of two kinds. Where nothing was written (a conflict, no space), the appends are
//! refused and the log goes on. Where something was, or what was made from the journal may disagree
//! with it, the log is poisoned: it takes nothing more until it is opened again, which settles what
//! is in it by reading.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{mpsc, oneshot};

use tlog_tiles::Hash;

use super::error::{AppendError, ReadError};
use super::facet::IndexRow;
use super::journal::Journal;
use super::log::{Once, Shared};
use super::staging::{LaunchCache, StageError, Staging};
use super::store::{RequestKey, StoreError};
use super::transparency::SignError;
use super::tree::Tree;
use crate::crash;
use crate::record::Entry;

/// A group is closed when it holds this many bytes of leaves; what it held before may be less by
/// one append.
const GROUP_BYTES_MAX: usize = 4 << 20;

/// A group is closed when it holds this many entries.
const GROUP_ENTRIES_MAX: usize = 8192;

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Job {
    /// Append.
    Append(Append),
    /// Finish what was queued before, close the store, and say so.
    Close(oneshot::Sender<()>),
    /// Make every later write fail.
    #[cfg(test)]
    Break(oneshot::Sender<()>),
}

/// One append.
#[derive(Debug)]
pub(super) struct Append {
    /// At least one entry.
    pub(super) entries: Vec<Entry>,
    /// Their leaves.
    pub(super) leaves: Vec<Vec<u8>>,
    /// The hashes of these.
    pub(super) leaf_hashes: Vec<Hash>,
    /// Only if this key is free.
    pub(super) once: Option<RequestKey>,
    /// Where the answer goes. Nobody may be waiting for it any more.
    pub(super) reply: oneshot::Sender<Answer>,
}

/// What became of an append, and what it was made of: freeing that takes as long as writing it, and is
/// left to whoever asked.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) outcome: Result<Once, AppendError>,
    _spent: (Vec<Entry>, Vec<Vec<u8>>, Vec<Hash>),
}

impl Append {
    /// Answers whoever asked.
    fn answer(self, outcome: Result<Once, AppendError>) {
        let _ = self.reply.send(Answer { outcome, _spent: (self.entries, self.leaves, self.leaf_hashes) });
    }

    /// The name of its first entry's kind, for crash points.
    fn kind(&self) -> &'static str {
        self.entries[0].kind().as_str()
    }
}

/// Why a group was not committed.
#[derive(Debug, thiserror::Error)]
enum CommitError {
    #[error("there is no room for the journal to grow")]
    NoSpace(#[source] io::Error),
    #[error("the journal could not be written")]
    Journal(#[source] io::Error),
    #[error("the Merkle tree could not be written")]
    Tree(#[source] io::Error),
    #[error(transparent)]
    Sign(#[from] SignError),
    #[error("what came before could not be read")]
    Read(#[from] ReadError),
    #[error("the store could not be written")]
    Store(#[from] StoreError),
}

impl CommitError {
    /// Of a step before which nothing was written.
    fn before_writing(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace(error),
            _ => Self::Journal(error),
        }
    }
}

/// The thread's own state.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Job>,
    journal: Journal,
    tree: Tree,
    cache: LaunchCache,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, queue: mpsc::Receiver<Job>, journal: Journal, tree: Tree) -> Self {
        Self { shared, queue, journal, tree, cache: LaunchCache::default() }
    }

    /// Commits until the log is closed or every handle is gone.
    pub(super) fn run(mut self) {
        let _poison = PoisonOnPanic(Arc::clone(&self.shared));
        let mut closing = Vec::new();
        while closing.is_empty()
            && let Some(job) = self.queue.blocking_recv()
        {
            let (mut group, mut entries, mut bytes) = (Vec::new(), 0, 0);
            let mut next = Some(job);
            while let Some(job) = next {
                match job {
                    Job::Append(append) => {
                        entries += append.entries.len();
                        bytes += append.leaves.iter().map(Vec::len).sum::<usize>();
                        group.push(append);
                    }
                    Job::Close(done) => closing.push(done),
                    #[cfg(test)]
                    Job::Break(done) => {
                        self.journal.break_for_test();
                        let _ = done.send(());
                    }
                }
                let is_full = GROUP_ENTRIES_MAX <= entries || GROUP_BYTES_MAX <= bytes || !closing.is_empty();
                next = if is_full { None } else { self.queue.try_recv().ok() };
            }
            if !group.is_empty() {
                self.commit(group);
            }
        }
        self.end(closing);
    }

    fn commit(&mut self, group: Vec<Append>) {
        self.shared.begun.fetch_add(1, Ordering::AcqRel);
        let outcomes = if self.shared.is_poisoned() {
            Err(AppendError::Unavailable)
        } else {
            self.try_commit(&group).map_err(|error| {
                tracing::error!(error = &error as &dyn std::error::Error, "audit group not committed");
                match error {
                    CommitError::NoSpace(_) => {
                        self.journal.discard();
                        return AppendError::NoSpace;
                    }
                    CommitError::Read(ReadError::Store(error)) | CommitError::Store(error) => {
                        self.shared.note_if_broken(&error);
                    }
                    CommitError::Journal(_) | CommitError::Tree(_) | CommitError::Sign(_) | CommitError::Read(_) => {}
                }
                self.shared.poison();
                AppendError::Unavailable
            })
        };
        self.shared.ended.fetch_add(1, Ordering::AcqRel);
        match outcomes {
            Ok(outcomes) => {
                for (append, outcome) in group.into_iter().zip(outcomes) {
                    append.answer(outcome);
                }
            }
            // Even a conflict may have been with an append of this group, which did not happen.
            Err(AppendError::NoSpace) => {
                group.into_iter().for_each(|append| append.answer(Err(AppendError::NoSpace)));
            }
            Err(_) => group.into_iter().for_each(|append| append.answer(Err(AppendError::Unavailable))),
        }
    }

    fn try_commit(&mut self, group: &[Append]) -> Result<Vec<Result<Once, AppendError>>, CommitError> {
        let Self { shared, journal, tree, cache, .. } = self;
        let store = shared.store();
        let store = store.as_ref().expect("only the writer closes the store, and then it ends");
        let mut staging = Staging::new(store, &shared.table, cache);
        let mut outcomes = Vec::with_capacity(group.len());
        let mut written = Vec::with_capacity(group.len());
        for append in group {
            let outcome = stage(&mut staging, journal, append)?;
            if let Ok(Once::Written { .. }) = outcome {
                written.push(append);
            }
            outcomes.push(outcome);
        }
        if !journal.has_staged() {
            return Ok(outcomes);
        }
        check_room(shared.directory.path(), shared.reserve.load(Ordering::Relaxed))
            .map_err(CommitError::before_writing)?;
        if journal.is_full() {
            // What was made from a segment is durable before the next is begun, so that opening needs to
            // compare the last one only.
            let next = journal.prepare().map_err(CommitError::before_writing)?;
            tree.sync().map_err(CommitError::Tree)?;
            journal.roll(next).map_err(CommitError::Journal)?;
        }
        journal.reserve().map_err(CommitError::before_writing)?;
        // If we crash from here to the end of the sync, none, some or all of the group is found
        // at the next start, each append whole or not at all; nobody was told of any.
        journal.write().map_err(CommitError::Journal)?;
        crash_points("journal.before_sync", &written);
        journal.sync().map_err(CommitError::Journal)?;
        // If we crash from here on, all of the group is found, hashed and replayed into the store.
        crash_points("journal.after_sync", &written);
        let size = journal.next_index();
        tree.append(written.iter().flat_map(|append| append.leaf_hashes.iter().copied())).map_err(CommitError::Tree)?;
        let entries = || written.iter().flat_map(|append| &append.entries);
        shared.table.last().push_rows(entries().map(|entry| {
            let image = entry.launch_id.and_then(|id| staging.image_of(id));
            IndexRow::of(entry, image)
        }));
        store.extend(staging.finish(), size)?;
        crash_points("store.after_apply", &written);
        shared.publish(tree.checkpoint()?);
        shared.topics.announce(entries(), size);
        Ok(outcomes)
    }

    /// Refuses what was queued too late, closes the store, lets go of the directory. It may hang like a
    /// commit, and counts as one.
    fn end(mut self, mut closing: Vec<oneshot::Sender<()>>) {
        self.shared.begun.fetch_add(1, Ordering::AcqRel);
        self.queue.close();
        while let Ok(job) = self.queue.try_recv() {
            match job {
                Job::Append(append) => append.answer(Err(AppendError::Unavailable)),
                Job::Close(done) => closing.push(done),
                #[cfg(test)]
                Job::Break(_) => {}
            }
        }
        if let Err(error) = self.tree.sync() {
            // No loss: it is made again from the journal.
            tracing::warn!(error = &error as &dyn std::error::Error, "hashes of the audit log not synced at close");
        }
        // The thread that writes rows has the store until it has written all.
        if let Some(store) = self.shared.store().as_ref() {
            store.end();
        }
        if let Some(store) = self.shared.take_store() {
            // It may not have begun yet. No loss if this fails: what the store has not kept is replayed.
            if let Some(error) = store.write_behind() {
                tracing::warn!(%error, "audit store not written at close");
            } else if let Err(error) = store.flush() {
                tracing::warn!(error = &error as &dyn std::error::Error, "audit store not flushed at close");
            }
        }
        if let Err(error) = self.shared.directory.unlock() {
            tracing::warn!(error = &error as &dyn std::error::Error, "data directory not unlocked");
        }
        self.shared.ended.fetch_add(1, Ordering::AcqRel);
        for done in closing {
            let _ = done.send(());
        }
    }
}

/// Checks one append and stages it. The outcome holds if the group is committed.
fn stage(
    staging: &mut Staging<'_>,
    journal: &mut Journal,
    append: &Append,
) -> Result<Result<Once, AppendError>, ReadError> {
    if let Some(key) = &append.once
        && let Some(taken_by) = staging.request(key)?
    {
        return Ok(Ok(Once::Taken(taken_by)));
    }
    let index = journal.next_index();
    match staging.take_in(index, &append.entries, append.once.as_ref()) {
        Ok(()) => {
            crash::point_for("journal.before_append", append.kind());
            journal.stage(&append.leaves);
            Ok(Ok(Once::Written { index }))
        }
        Err(StageError::Conflict(error)) => Ok(Err(AppendError::Conflict(error))),
        Err(StageError::MisdatedLaunch) => Ok(Err(AppendError::MisdatedLaunch)),
        Err(StageError::Read(error)) => Err(error),
    }
}

/// Refuses before anything is written if less than the reserve is free. A file system that cannot say
/// has no reserve.
fn check_room(path: &Path, reserve: u64) -> io::Result<()> {
    let Ok(stat) = rustix::fs::statvfs(path) else { return Ok(()) };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    if free < reserve {
        let text = format!("{free} bytes are free, and {reserve} are to be left");
        return Err(io::Error::new(io::ErrorKind::StorageFull, text));
    }
    Ok(())
}

fn crash_points(prefix: &str, appends: &[&Append]) {
    appends.iter().for_each(|append| crash::point_for(prefix, append.kind()));
}

/// A thread of the log that panicked leaves one that takes nothing more, and does not hang anybody.
pub(super) struct PoisonOnPanic(pub(super) Arc<Shared>);

impl Drop for PoisonOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // It is sled that panics, on what it has read: the next start makes it again.
            self.0.note_if_broken(&StoreError::Broken("panicked".to_owned()));
            self.0.poison();
            // Nobody else would let the other thread go.
            if let Some(store) = self.0.store().as_ref() {
                store.end();
            }
        }
    }
}
