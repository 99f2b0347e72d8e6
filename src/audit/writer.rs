//! The one writer: an OS thread that commits what is queued in groups.
//!
//! For each group: check every append against what came before, write all frames, sync once,
//! apply to the store, tell subscribers, answer everyone in order. An answer is given only when
//! the records are durable and can be queried.
//!
//! Failures are of two kinds. Where nothing was written (a conflict, no space), the appends are
//! refused and the log goes on. Where something was, or the store may disagree with the journal,
//! the log is poisoned: it takes nothing more until it is opened again, which settles what is in
//! it by reading.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{mpsc, oneshot};

use super::error::AppendError;
use super::journal::Journal;
use super::log::{Once, Shared};
use super::staging::{LaunchCache, StageError, Staging};
use super::store::{RequestKey, StoreError};
use crate::crash;
use crate::record::{Entry, EntryKind};

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
    /// Only if this key is free.
    pub(super) once: Option<RequestKey>,
    /// Where the answer goes. Nobody may be waiting for it any more.
    pub(super) reply: oneshot::Sender<Result<Once, AppendError>>,
}

impl Append {
    /// The name of its first entry's kind, for crash points.
    fn kind(&self) -> &'static str {
        match self.entries[0].kind() {
            EntryKind::Decision => "decision",
            EntryKind::AttemptIntended => "attempt_intended",
            EntryKind::AttemptSucceeded => "attempt_succeeded",
            EntryKind::AttemptFailed => "attempt_failed",
            EntryKind::AttemptUnknown => "attempt_unknown",
            EntryKind::LaunchEnded => "launch_ended",
            EntryKind::InstancePhase => "instance_phase",
            EntryKind::Termination => "termination",
            EntryKind::ServiceStarted => "service_started",
        }
    }
}

/// Why a group was not committed.
#[derive(Debug, thiserror::Error)]
enum CommitError {
    #[error("there is no room for the journal to grow")]
    NoSpace(#[source] io::Error),
    #[error("the journal could not be written")]
    Journal(#[source] io::Error),
    #[error("the store could not be read or written")]
    Store(#[from] StoreError),
}

/// The thread's own state.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    queue: mpsc::Receiver<Job>,
    journal: Journal,
    cache: LaunchCache,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, queue: mpsc::Receiver<Job>, journal: Journal) -> Self {
        Self { shared, queue, journal, cache: LaunchCache::default() }
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
        let outcomes = if self.shared.poisoned.load(Ordering::Acquire) {
            None
        } else {
            match self.try_commit(&group) {
                Ok(outcomes) => Some(outcomes),
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "audit group not committed");
                    match error {
                        CommitError::NoSpace(_) => self.journal.discard(),
                        CommitError::Journal(_) => self.shared.poisoned.store(true, Ordering::Release),
                        CommitError::Store(error) => {
                            self.shared.poisoned.store(true, Ordering::Release);
                            self.shared.note_if_broken(&error);
                        }
                    }
                    None
                }
            }
        };
        match outcomes {
            Some(outcomes) => {
                for (append, outcome) in group.into_iter().zip(outcomes) {
                    let _ = append.reply.send(outcome);
                }
            }
            // Even a conflict may have been with an append of this group, which did not happen.
            None => {
                for append in group {
                    let _ = append.reply.send(Err(AppendError::Unavailable));
                }
            }
        }
    }

    fn try_commit(&mut self, group: &[Append]) -> Result<Vec<Result<Once, AppendError>>, CommitError> {
        let Self { shared, journal, cache, .. } = self;
        let store = shared.store();
        let store = store.as_deref().expect("only the writer closes the store, and then it ends");
        let mut staging = Staging::new(store, cache);
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
        journal.reserve().map_err(|error| match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => CommitError::NoSpace(error),
            _ => CommitError::Journal(error),
        })?;
        // If we crash from here to the end of the sync, none, some or all of the group is found
        // at the next start, each append whole or not at all; nobody was told of any.
        journal.write().map_err(CommitError::Journal)?;
        crash_points("journal.before_sync", &written);
        journal.sync().map_err(CommitError::Journal)?;
        // If we crash from here on, all of the group is found, and replayed into the store.
        crash_points("journal.after_sync", &written);
        let size = journal.next_index();
        store.apply(&staging.changes(), size)?;
        staging.finish();
        let entries = || written.iter().flat_map(|append| &append.entries);
        let first = size - entries().count() as u64;
        (first..).zip(entries()).for_each(|(index, entry)| shared.times.note(index, Some(entry.time)));
        shared.size.store(size, Ordering::Release);
        crash_points("store.after_apply", &written);
        shared.topics.announce(entries(), size);
        Ok(outcomes)
    }

    /// Refuses what was queued too late, closes the store, lets go of the directory.
    fn end(mut self, mut closing: Vec<oneshot::Sender<()>>) {
        self.queue.close();
        while let Ok(job) = self.queue.try_recv() {
            match job {
                Job::Append(append) => drop(append.reply.send(Err(AppendError::Unavailable))),
                Job::Close(done) => closing.push(done),
                #[cfg(test)]
                Job::Break(_) => {}
            }
        }
        if let Some(store) = self.shared.take_store()
            && let Err(error) = store.flush()
        {
            // No loss: what the store has not kept is replayed from the journal.
            tracing::warn!(error = &error as &dyn std::error::Error, "audit store not flushed at close");
        }
        if let Err(error) = self.shared.directory.unlock() {
            tracing::warn!(error = &error as &dyn std::error::Error, "data directory not unlocked");
        }
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
) -> Result<Result<Once, AppendError>, StoreError> {
    if let Some(key) = &append.once
        && let Some(taken_by) = staging.request(key)?
    {
        return Ok(Ok(Once::Taken(taken_by)));
    }
    let index = journal.next_index();
    match staging.take_in(index, &append.entries) {
        Ok(()) => {
            crash::point_for("journal.before_append", append.kind());
            journal.stage(&append.leaves);
            Ok(Ok(Once::Written { index }))
        }
        Err(StageError::Conflict(error)) => Ok(Err(AppendError::Conflict(error))),
        Err(StageError::MisdatedLaunch) => Ok(Err(AppendError::MisdatedLaunch)),
        Err(StageError::Store(error)) => Err(error),
    }
}

fn crash_points(prefix: &str, appends: &[&Append]) {
    appends.iter().for_each(|append| crash::point_for(prefix, append.kind()));
}

/// A writer that panicked leaves a log that takes nothing more, and does not hang anybody.
struct PoisonOnPanic(Arc<Shared>);

impl Drop for PoisonOnPanic {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.poisoned.store(true, Ordering::Release);
        }
    }
}
