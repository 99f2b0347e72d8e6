//! The one writer: an OS thread that commits what is queued in groups.
//!
//! For each group: check every append against what came before and stage its frames; have them
//! written and synced; add the hashes to the tree and the rows to index and store; sign the checkpoint;
//! tell subscribers; answer everyone in order. An answer is given only when the records are durable, can
//! be queried, and are covered by a checkpoint.
//!
//! While one group is on its way to the disk, for which a thread of its own waits ([`disk`]), the one before
//! it is made known and the one after it is staged. There is never more than one group of each, and the
//! one that is staged sees what the one under way has changed. A third thread to make groups known was
//! measured on two cores, and was slower.
//!
//! Failures are of two kinds. Where nothing was written (a conflict, no space), the appends are
//! refused and the log goes on. Where something was, or what was made from the journal may disagree
//! with it, the log is poisoned: it takes nothing more until it is opened again, which settles what
//! is in it by reading.

mod disk;
mod failure;
mod group;
mod known;

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{mpsc, oneshot};

pub(super) use self::failure::PoisonOnPanic;
pub(super) use self::group::Append;

use self::disk::Disk;
use self::failure::{CommitError, fail};
use self::group::Group;
use self::known::make_known;
use super::error::{AppendError, ReadError};
use super::journal::{Journal, Writing};
use super::log::{Once, Shared};
use super::staging::{LaunchCache, StageError, Staged, Staging};
use super::tree::Tree;
use crate::crash;
use crate::record::ApplyError;

/// What the writer is asked to do.
#[derive(Debug)]
pub(super) enum Job {
    /// Append.
    Append(Append),
    /// Have the segment that is written to followed by the next, so that it can be pruned one day.
    FinishSegment(oneshot::Sender<()>),
    /// The group that was on its way to the disk is durable, or nobody knows.
    Synced(io::Result<Writing>),
    /// Finish what was queued before, close the store, and say so.
    Close(oneshot::Sender<()>),
    /// Make every later write fail.
    #[cfg(test)]
    Break(oneshot::Sender<()>),
}

/// The thread's own state.
#[derive(Debug)]
pub(super) struct Writer {
    shared: Arc<Shared>,
    queue: mpsc::UnboundedReceiver<Job>,
    /// The other end, as long as anybody has it.
    own_queue: mpsc::WeakUnboundedSender<Job>,
    journal: Journal,
    tree: Tree,
    cache: LaunchCache,
    /// Room for [`Staging::own`].
    own: Staged,
    disk: Disk,
    /// What does not fit into the group that is being staged.
    waiting: VecDeque<Append>,
    /// The group that is being staged.
    staged: Group,
    /// The group that is on its way to the disk.
    writing: Option<Group>,
    /// Who wants the segment finished that is written to.
    finishing: Vec<oneshot::Sender<()>>,
    closing: Vec<oneshot::Sender<()>>,
}

impl Writer {
    /// # Errors
    /// If the thread that waits for the disk cannot be started.
    pub(super) fn new(
        shared: Arc<Shared>,
        (own_queue, queue): (mpsc::WeakUnboundedSender<Job>, mpsc::UnboundedReceiver<Job>),
        journal: Journal,
        tree: Tree,
    ) -> io::Result<Self> {
        Ok(Self {
            disk: Disk::start()?,
            shared,
            queue,
            own_queue,
            journal,
            tree,
            cache: LaunchCache::default(),
            own: Staged::default(),
            waiting: VecDeque::new(),
            staged: Group::default(),
            writing: None,
            finishing: Vec::new(),
            closing: Vec::new(),
        })
    }

    /// Commits until the log is closed or every handle is gone.
    pub(super) fn run(mut self) {
        let _poison = PoisonOnPanic(Arc::clone(&self.shared));
        loop {
            let is_idle = self.writing.is_none() && self.staged.is_empty();
            if is_idle {
                self.finish_segment();
                if !self.closing.is_empty() {
                    break;
                }
            }
            if is_idle || self.writing.is_some() {
                // While a group is being written there is a handle: with whoever writes it.
                let Some(job) = self.queue.blocking_recv() else { break };
                self.take(job);
            }
            while self.writing.is_none() && self.closing.is_empty() && !self.staged.is_full() {
                let Ok(job) = self.queue.try_recv() else { break };
                self.take(job);
            }
            if self.writing.is_none() {
                self.send_on();
            }
            self.stage_waiting();
        }
        self.end();
    }

    fn take(&mut self, job: Job) {
        match job {
            Job::Append(append) if !self.closing.is_empty() => {
                self.shared.queued.fetch_sub(1, Ordering::AcqRel);
                append.answer(Err(AppendError::Unavailable));
            }
            Job::Append(append) => {
                self.waiting.push_back(append);
                self.stage_waiting();
            }
            Job::Synced(outcome) => self.go_on(outcome),
            Job::FinishSegment(done) => self.finishing.push(done),
            Job::Close(done) => self.closing.push(done),
            #[cfg(test)]
            Job::Break(done) => {
                self.journal.break_for_test();
                let _ = done.send(());
            }
        }
    }

    /// Stages what waits, as far as it fits into the group.
    fn stage_waiting(&mut self) {
        while !self.staged.is_full()
            && let Some(append) = self.waiting.pop_front()
        {
            self.shared.queued.fetch_sub(1, Ordering::AcqRel);
            if self.shared.is_poisoned() {
                append.answer(Err(AppendError::Unavailable));
                continue;
            }
            match self.stage(&append) {
                Ok(outcome) => self.staged.push(append, outcome),
                Err(error) => {
                    append.answer(Err(AppendError::Unavailable));
                    fail(&self.shared, &error.into());
                }
            }
        }
    }

    /// Checks one append and stages it. The outcome holds if the group is committed.
    fn stage(&mut self, append: &Append) -> Result<Result<Once, AppendError>, ReadError> {
        let store = self.shared.store();
        let store = store.as_ref().expect("only the writer closes the store, and then it ends");
        let mut staging = Staging {
            store,
            table: &self.shared.table,
            cache: &mut self.cache,
            before: self.writing.as_ref().map(|group| &group.rows),
            group: &mut self.staged.rows,
            own: &mut self.own,
        };
        if let Some(key) = &append.once
            && let Some(taken_by) = staging.request(key)?
        {
            return Ok(Ok(Once::Taken(taken_by)));
        }
        if let Some(plan) = &append.pruning
            && !staging.prune(plan)?
        {
            return Ok(Err(AppendError::PruningStale));
        }
        let index = self.journal.next_index();
        match staging.take_in(index, &append.entries, append.once.as_ref()) {
            Ok(()) => {
                crash::point_for("journal.before_append", append.kind());
                self.journal.stage(&append.leaves);
                Ok(Ok(Once::Written { index }))
            }
            Err(StageError::Conflict(error)) => Ok(Err(AppendError::Conflict(error))),
            // Nothing happens to a launch that is over.
            Err(StageError::Pruned) => Ok(Err(AppendError::Conflict(ApplyError::Ended))),
            Err(StageError::MisdatedLaunch) => Ok(Err(AppendError::MisdatedLaunch)),
            Err(StageError::Read(error)) => Err(error),
        }
    }

    /// Commits the staged group; nothing is on its way to the disk. A single append that nobody comes
    /// behind is written on this thread: to hand it over would take it longer.
    fn send_on(&mut self) {
        let is_alone = self.staged.len() == 1 && self.queue.is_empty();
        let Some(writing) = self.begin() else { return };
        let kinds = self.writing.as_ref().map(Group::kinds).unwrap_or_default();
        match self.own_queue.upgrade() {
            Some(queue) if !is_alone => self.disk.write(writing, kinds, queue),
            _ => {
                let outcome = disk::make_durable(&writing, &kinds);
                self.go_on(outcome.map(|()| writing));
            }
        }
    }

    /// The group that was on its way to the disk is durable, or nobody knows. The next one follows it before
    /// this one is made known.
    fn go_on(&mut self, outcome: io::Result<Writing>) {
        let mut group = self.writing.take().expect("a group comes back once, after it was begun");
        match outcome {
            Ok(writing) => self.journal.finish(writing),
            Err(error) => fail(&self.shared, &CommitError::Journal(error)),
        }
        // What was made from a segment is durable before the next is begun: then this one goes first.
        if self.journal.has_staged()
            && !self.is_to_roll()
            && let Some(queue) = self.own_queue.upgrade()
            && let Some(writing) = self.begin()
        {
            let kinds = self.writing.as_ref().map(Group::kinds).unwrap_or_default();
            self.disk.write(writing, kinds, queue);
        }
        let known = if self.shared.is_poisoned() {
            false
        } else {
            let known = make_known(&self.shared, &mut self.tree, &mut self.cache, &mut group);
            known.inspect_err(|error| fail(&self.shared, error)).is_ok()
        };
        self.shared.ended.fetch_add(1, Ordering::AcqRel);
        if known { group.answer() } else { group.refuse(|| AppendError::Unavailable) }
    }

    /// Takes the staged group for writing, if any of it is to be written; nothing else is being. Answers
    /// it if not.
    fn begin(&mut self) -> Option<Writing> {
        let mut group = std::mem::take(&mut self.staged);
        if self.shared.is_poisoned() {
            self.journal.discard();
            group.refuse(|| AppendError::Unavailable);
            return None;
        }
        if !self.journal.has_staged() {
            group.answer();
            return None;
        }
        self.shared.begun.fetch_add(1, Ordering::AcqRel);
        match self.make_room() {
            Ok(()) => {
                let writing = self.journal.begin();
                group.end = self.journal.next_index();
                self.writing = Some(group);
                Some(writing)
            }
            Err(error) => {
                self.journal.discard();
                let is_full = matches!(error, CommitError::NoSpace(_));
                fail(&self.shared, &error);
                self.shared.ended.fetch_add(1, Ordering::AcqRel);
                group.refuse(|| if is_full { AppendError::NoSpace } else { AppendError::Unavailable });
                None
            }
        }
    }

    /// Makes room for what is staged.
    fn make_room(&mut self) -> Result<(), CommitError> {
        let is_to_roll = self.is_to_roll();
        let Self { shared, journal, tree, finishing, .. } = self;
        check_room(shared.directory.path(), shared.reserve.load(Ordering::Relaxed))
            .map_err(CommitError::before_writing)?;
        if is_to_roll {
            // What was made from a segment is durable before the next is begun, so that opening needs to
            // compare the last one only.
            let next = journal.prepare().map_err(CommitError::before_writing)?;
            tree.sync().map_err(CommitError::Tree)?;
            journal.roll(next).map_err(CommitError::Journal)?;
            for done in finishing.drain(..) {
                let _ = done.send(());
            }
        }
        journal.reserve().map_err(CommitError::before_writing)
    }

    /// Whether what is staged belongs into a new segment.
    fn is_to_roll(&self) -> bool {
        self.journal.is_full() || !self.finishing.is_empty() && self.journal.has_records()
    }

    /// Begins the next segment if that is asked for and the last one has records. Nothing is staged, nor
    /// on its way to the disk.
    fn finish_segment(&mut self) {
        if !self.finishing.is_empty() && self.journal.has_records() && !self.shared.is_poisoned() {
            self.shared.begun.fetch_add(1, Ordering::AcqRel);
            // If there is no room nothing has changed; it is asked for again.
            if let Err(error) = self.make_room() {
                fail(&self.shared, &error);
            }
            self.shared.ended.fetch_add(1, Ordering::AcqRel);
        }
        for done in self.finishing.drain(..) {
            let _ = done.send(());
        }
    }

    /// Refuses what was queued too late, closes the store, lets go of the directory. It may hang like a
    /// commit, and counts as one.
    fn end(mut self) {
        self.shared.begun.fetch_add(1, Ordering::AcqRel);
        self.queue.close();
        while let Ok(job) = self.queue.try_recv() {
            self.take(job);
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
        // A segment that is being rewritten is finished; the next is not begun.
        let _working = self.shared.retention.working();
        if let Err(error) = self.shared.directory.unlock() {
            tracing::warn!(error = &error as &dyn std::error::Error, "data directory not unlocked");
        }
        self.shared.ended.fetch_add(1, Ordering::AcqRel);
        for done in self.closing {
            let _ = done.send(());
        }
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
