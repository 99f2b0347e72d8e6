//! Retention: records that are older than is wanted are removed, and their leaf hashes stay.
//!
//! What goes are whole finished segments from the beginning of the log, all of whose records are old
//! enough; what stays of them are the records of launches that are open or have later records, and what
//! the log says of itself (`service_started`, `records_pruned`). A launch's records go all together or not
//! at all. In this order, each step durable before the next:
//!
//! | step | a crash after it leaves | who mends it |
//! |---|---|---|
//! | 1. a plan, `retention/{end}.plan` | a plan that is not on record | the next start removes it |
//! | 2. snapshots, `retention/{end}.jsonl` | the same, and a file | the next start removes both |
//! | 3. a record, `records_pruned`; with it the rows leave the store | a plan that is on record | the next start carries it out before anybody is served |
//! | 4. the segments, one by one | the same | the same |
//! | 5. the plan is removed | nothing to do | |
//!
//! The writer takes the record only if no launch of the plan has changed since. Snapshots stay for ever, as
//! idempotency is promised for ever.

mod files;
mod finish;
mod plan;
mod replay;
mod snapshot;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::error::{AppendError, ReadError};
use super::journal::TableError;
use super::log::AuditLog;
use super::writer::Job;
use crate::record::{ENTRY_VERSION, Entry, Event};

pub(super) use self::files::Files;
pub(super) use self::finish::settle;
pub(super) use self::plan::Plan;
pub(super) use self::replay::{apply_snapshots, forget_pruned_entries};
pub use self::snapshot::SnapshotsDigest;

/// How often a pruning is planned again because a launch went on meanwhile.
const PLANS_MAX: u32 = 4;

/// The segment that is written to is finished once its first record is older than this part of what
/// retention keeps, so that records go that much late at most.
const SEGMENT_PART: u32 = 10;

/// What is kept, as seen at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Now; what the record of a pruning says.
    pub now: Timestamp,
    /// Records older than this are removed.
    pub keep: Duration,
}

impl Retention {
    /// Records from before this go.
    pub(super) fn before(&self) -> Timestamp {
        self.now.checked_sub(self.keep).unwrap_or(Timestamp::MIN)
    }

    /// A segment with a record from before this is finished.
    fn segment_before(&self) -> Timestamp {
        self.now.checked_sub(self.keep / SEGMENT_PART).unwrap_or(Timestamp::MIN)
    }
}

/// What one call of [`AuditLog::prune`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PruneReport {
    /// Prunings that were recorded.
    pub prunings: u64,
    /// Records that were removed.
    pub removed: u64,
    /// Launches among them.
    pub launches: u64,
}

/// Why not everything was removed that is old enough.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The log could not be read, so nothing was removed.
    #[error("the log could not be read")]
    Read(#[from] ReadError),
    /// The plan could not be written, so nothing was removed.
    #[error("the plan of what is to be removed could not be written")]
    Plan(#[source] std::io::Error),
    /// The record of the pruning was not taken, so nothing was removed.
    #[error("the pruning could not be recorded")]
    Append(#[from] AppendError),
    /// It is on record and not carried out. The next call, or the next start, goes on with it.
    #[error("a segment of the journal could not be rewritten")]
    Rewrite(#[source] std::io::Error),
    /// It is on record and not carried out: a segment is damaged and was left as it is.
    #[error("the segment of record {index} is damaged and was not rewritten")]
    Damaged {
        /// The first record of the segment.
        index: u64,
    },
    /// A task panicked.
    #[error("a task panicked")]
    Panicked,
}

impl PruneError {
    fn rewriting(error: TableError, index: u64) -> Self {
        match error {
            TableError::Io(error) => Self::Rewrite(error),
            TableError::Damaged => Self::Damaged { index },
        }
    }
}

impl AuditLog {
    /// Removes the records that `retention` does not keep, in as many steps as it takes; first what an
    /// earlier call has left undone. Appends and reads go on meanwhile. Of several calls at once each waits
    /// for the one before.
    ///
    /// Dropping the future stops nothing.
    ///
    /// # Errors
    /// [`PruneError`]. The log is sound and can be used then, unless it says that it is not.
    pub async fn prune(&self, retention: Retention) -> Result<PruneReport, PruneError> {
        // In a task of its own: between a record that is queued and its answer nobody may take its plan
        // for one that came to nothing.
        let log = self.clone();
        tokio::spawn(async move { log.prune_in_turn(retention).await }).await.map_err(|_| PruneError::Panicked)?
    }

    async fn prune_in_turn(&self, retention: Retention) -> Result<PruneReport, PruneError> {
        let _turn = self.shared.retention.turn.lock().await;
        self.finish_segment(retention.segment_before()).await?;
        let mut report = PruneReport::default();
        let mut plans = 0;
        loop {
            let Some(plan) = self.work(move |log| log.next_plan(&retention)).await? else { return Ok(report) };
            let plan = Arc::new(plan);
            let entry = Entry {
                v: ENTRY_VERSION,
                time: retention.now,
                launch_id: None,
                account_id: None,
                region: None,
                principal: None,
                event: Event::RecordsPruned(plan.record.clone()),
            };
            match self.append_pruning(entry, Arc::clone(&plan)).await {
                Ok(_) => {}
                // It may be on record, which the next start finds out.
                Err(AppendError::Unavailable) => return Err(AppendError::Unavailable.into()),
                Err(error) => {
                    self.work(move |log| log.discard_plan(plan.record.end)).await?;
                    plans += 1;
                    if matches!(error, AppendError::PruningStale) && plans < PLANS_MAX {
                        continue;
                    }
                    return Err(error.into());
                }
            }
            report.prunings += 1;
            report.removed += plan.record.removed;
            report.launches += plan.record.snapshots;
            self.work(AuditLog::finish_pruning).await?;
        }
    }

    /// Has the segment that is written to followed by the next if its records are from before `before`:
    /// only finished segments are pruned.
    async fn finish_segment(&self, before: Timestamp) -> Result<(), PruneError> {
        let first = self.shared.table.last().first_time();
        if first.is_some_and(|first| first < super::facet::nanos(before)) {
            let (done, begun) = oneshot::channel();
            self.queue.send(Job::FinishSegment(done)).map_err(|_| AppendError::Unavailable)?;
            // Whether it was is seen by the plan.
            let _ = begun.await;
        }
        Ok(())
    }

    /// Finishes what is left of the last pruning, and writes down what is to be removed next; none if
    /// nothing is.
    pub(super) fn next_plan(&self, retention: &Retention) -> Result<Option<Plan>, PruneError> {
        self.finish_pruning()?;
        let files = Files::in_dir(self.shared.directory.path());
        let Some((plan, snapshots)) = plan::next(self, retention, files.last_end().map_err(PruneError::Plan)?)? else {
            return Ok(None);
        };
        let _working = self.shared.retention.working();
        // A closed log is somebody else's perhaps.
        self.in_store(|_| Ok(()))?;
        files.write_plan(&plan).map_err(PruneError::Plan)?;
        files.write_snapshots(plan.record.end, &snapshots).map_err(PruneError::Plan)?;
        Ok(Some(plan))
    }

    fn discard_plan(&self, end: u64) -> Result<(), PruneError> {
        let _working = self.shared.retention.working();
        self.in_store(|_| Ok(()))?;
        let files = Files::in_dir(self.shared.directory.path());
        files.read_plan(end).and_then(|plan| files.discard(&plan)).map_err(PruneError::Plan)
    }

    /// Work that blocks.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, PruneError> + Send + 'static,
    ) -> Result<T, PruneError> {
        let log = self.clone();
        tokio::task::spawn_blocking(move || work(&log)).await.map_err(|_| PruneError::Panicked)?
    }
}

/// What retention needs of an open log.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Held by the call that prunes.
    turn: tokio::sync::Mutex<()>,
    /// Held while files are changed: the directory is not let go of meanwhile.
    working: std::sync::Mutex<()>,
    /// From this index on nothing was removed, nor is being removed.
    whole_from: AtomicU64,
    /// Below this index everything has been removed that is removed.
    removed_below: AtomicU64,
}

impl Turn {
    /// `whole_from` is the end of the last pruning that is on record, finished or not; 0 if there is none.
    pub(super) fn new(whole_from: u64) -> Self {
        let mark = || AtomicU64::new(whole_from);
        Self { whole_from: mark(), removed_below: mark(), ..Self::default() }
    }

    /// The lowest index from which on nothing was removed. Whoever has read something, and looks then, knows whether
    /// something may have been missing.
    pub(super) fn whole_from(&self) -> u64 {
        self.whole_from.load(Ordering::Acquire)
    }

    /// The end of what has been removed. Whoever looks, and reads something then, reads nothing that is removed by then.
    pub(super) fn gone_below(&self) -> u64 {
        self.removed_below.load(Ordering::Acquire)
    }

    /// Rows of records below `end` are about to go.
    pub(super) fn removes_below(&self, end: u64) {
        self.whole_from.fetch_max(end, Ordering::AcqRel);
    }

    /// They are gone.
    pub(super) fn removed_below(&self, end: u64) {
        self.removed_below.fetch_max(end, Ordering::AcqRel);
    }

    /// Nobody else changes files of retention, or lets go of the directory, while the guard is held.
    pub(super) fn working(&self) -> std::sync::MutexGuard<'_, ()> {
        self.working.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
