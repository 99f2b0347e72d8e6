//! The log as the rest of the program holds it: appending, subscribing, closing.
//!
//! Reading is in `reads`, opening in `recover`, and the thread that does the writing in `writer`.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot, watch};

use super::directory::{Directory, Owner};
use super::error::{AppendError, OpenError};
use super::journal::Table;
use super::recover::{self, OpenReport, Recovered};
use super::staging::request_of;
use super::store::{RecordStore, RequestKey, StoreError, TakenBy};
use super::times::TimeIndex;
use super::topics::{Topic, Topics};
use super::writer::{Append, Job, Writer};
use super::{APPEND_ENTRIES_MAX, QUEUE_MAX, RECORD_BYTES_MAX};
use crate::record::Entry;

/// The audit log of one data directory. Clones are cheap and share it.
#[derive(Clone)]
pub struct AuditLog {
    pub(super) shared: Arc<Shared>,
    queue: mpsc::Sender<Job>,
    /// Taken by whoever closes first.
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// What the writer and all readers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) directory: Directory,
    pub(super) table: Arc<Table>,
    pub(super) times: TimeIndex,
    pub(super) topics: Topics,
    /// Records that are durable and applied. Only the writer changes it.
    pub(super) size: AtomicU64,
    /// Set once, never cleared.
    pub(super) poisoned: AtomicBool,
    /// None once it is closed. Readers hold the lock while they read, so that closing waits.
    store: RwLock<Option<Box<dyn RecordStore>>>,
}

impl Shared {
    /// The store, if it is not closed. It is not closed while the guard is held.
    pub(super) fn store(&self) -> RwLockReadGuard<'_, Option<Box<dyn RecordStore>>> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take_store(&self) -> Option<Box<dyn RecordStore>> {
        self.store.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Has the store made anew at the next start, if that is what the error calls for.
    pub(super) fn note_if_broken(&self, error: &StoreError) {
        match error {
            StoreError::Broken(_) => {
                if let Err(error) = self.directory.suspect_store() {
                    tracing::error!(error = &error as &dyn std::error::Error, "broken audit store not noted");
                }
            }
            StoreError::Io(_) => {}
        }
    }
}

/// What became of an append that was to happen once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Once {
    /// It happened.
    Written {
        /// The entry's index.
        index: u64,
    },
    /// The key had been taken; nothing was written.
    Taken(TakenBy),
}

impl AuditLog {
    /// Opens the log in `dir` for `owner`, making it if there is none. Whatever a crash left is
    /// put in order; the report says what that took. Reads the whole journal: blocking, about a
    /// second for each GB.
    ///
    /// # Errors
    /// [`OpenError`]. No record was changed then; a store that cannot be used may have been set
    /// aside.
    pub fn open(dir: &Path, owner: Owner) -> Result<(Self, OpenReport), OpenError> {
        let Recovered { directory, journal, store, times, report } = recover::recover(dir, &owner)?;
        let shared = Arc::new(Shared {
            directory,
            table: Arc::clone(journal.table()),
            times,
            topics: Topics::default(),
            size: AtomicU64::new(report.size),
            poisoned: AtomicBool::new(false),
            store: RwLock::new(Some(store)),
        });
        let (queue, jobs) = mpsc::channel(QUEUE_MAX);
        let writer = Writer::new(Arc::clone(&shared), jobs, journal);
        let thread = std::thread::Builder::new().name("audit-writer".to_owned()).spawn(move || writer.run())?;
        Ok((Self { shared, queue, thread: Arc::new(Mutex::new(Some(thread))) }, report))
    }

    /// Appends all entries, in order and with nothing between, or none. When it returns they are
    /// durable and every read finds them. The index of the first.
    ///
    /// Dropping the future does not take the append back. Appending nothing writes nothing.
    ///
    /// # Errors
    /// [`AppendError`]; only after [`AppendError::Unavailable`] is it open whether the entries
    /// are in the log.
    pub async fn append(&self, entries: Vec<Entry>) -> Result<u64, AppendError> {
        if entries.is_empty() {
            return Ok(self.size());
        }
        match self.enqueue(entries, None).await? {
            Once::Written { index } | Once::Taken(TakenBy { index, .. }) => Ok(index),
        }
    }

    /// Appends one decision or termination, unless its request key is taken: then nothing is
    /// written. Of any number of calls with one key, exactly one writes.
    ///
    /// # Errors
    /// As for [`AuditLog::append`], and [`AppendError::KeyMismatch`] if `entry` is not a request
    /// under `key`.
    pub async fn append_once(&self, key: RequestKey, entry: Entry) -> Result<Once, AppendError> {
        if request_of(&entry).is_none_or(|(carried, _)| carried != key) {
            return Err(AppendError::KeyMismatch);
        }
        self.enqueue(vec![entry], Some(key)).await
    }

    /// How many records there are: one more than the last index. All of them are durable and can
    /// be queried.
    pub fn size(&self) -> u64 {
        self.shared.size.load(Ordering::Acquire)
    }

    /// The id of this log: 16 hexadecimal digits, drawn when the directory was made.
    pub fn log_id(&self) -> &str {
        self.shared.directory.log_id()
    }

    /// Whether appends can succeed. Once false it stays so until the log is opened again.
    pub fn is_available(&self) -> bool {
        !self.shared.poisoned.load(Ordering::Acquire) && !self.queue.is_closed()
    }

    /// A receiver that changes whenever an entry about `topic` has been committed and can be
    /// read; its value is the size of the log then. Subscribe first and read afterwards, and
    /// nothing is missed.
    pub fn subscribe(&self, topic: Topic) -> watch::Receiver<u64> {
        self.shared.topics.subscribe(topic, self.size())
    }

    /// Commits what is queued, writes out the store, and lets go of the directory. Later appends
    /// are refused and reads that need the store fail. Closing twice is harmless.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Job::Close(done)).await.is_ok() {
            // An error means that the writer panicked; then there is nothing to wait for.
            let _ = closed.await;
        }
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("audit writer panicked");
        }
    }

    async fn enqueue(&self, entries: Vec<Entry>, once: Option<RequestKey>) -> Result<Once, AppendError> {
        if APPEND_ENTRIES_MAX < entries.len() {
            return Err(AppendError::TooMany { entries: entries.len() });
        }
        let leaves: Vec<_> = entries.iter().map(Entry::to_leaf).collect();
        if let Some(leaf) = leaves.iter().find(|leaf| RECORD_BYTES_MAX < leaf.len()) {
            return Err(AppendError::TooLarge { bytes: leaf.len() });
        }
        if self.shared.poisoned.load(Ordering::Acquire) {
            return Err(AppendError::Unavailable);
        }
        let (reply, outcome) = oneshot::channel();
        self.queue.try_send(Job::Append(Append { entries, leaves, once, reply })).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => AppendError::Full,
            mpsc::error::TrySendError::Closed(_) => AppendError::Unavailable,
        })?;
        outcome.await.unwrap_or(Err(AppendError::Unavailable))
    }

    /// Makes every later write to the journal fail.
    #[cfg(test)]
    pub(crate) async fn break_for_test(&self) {
        let (done, broken) = oneshot::channel();
        self.queue.try_send(Job::Break(done)).unwrap();
        broken.await.unwrap();
    }
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("log_id", &self.log_id()).field("size", &self.size()).finish_non_exhaustive()
    }
}
