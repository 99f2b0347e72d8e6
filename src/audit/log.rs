//! The log as the rest of the program holds it: appending, subscribing, closing.
//!
//! Reading is in `reads`, opening in `recover`, and the thread that does the writing in `writer`.

use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::thread::JoinHandle;

use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::directory::{Directory, Owner};
use super::error::{AppendError, OpenError};
use super::journal::{SEGMENT_BYTES_MAX, Table};
use super::recover::{self, OpenReport, Recovered};
use super::retention::{self, Plan};
use super::staging::request_of;
use super::standing::Standing;
use super::store::{List, RequestKey, StoreBehind, StoreError, TakenBy};
use super::topics::{Topic, Topics};
use super::transparency::{CheckpointSigner, HashFile, SignedCheckpoint, VerifierKeys};
use super::witness::CheckpointNote;
use super::writer::{Append, Job, PoisonOnPanic, Writer};
use super::{APPEND_ENTRIES_MAX, FREE_SPACE_RESERVE, QUEUE_MAX, RECORD_BYTES_MAX};
use crate::ids::AccountId;
use crate::record::Entry;

/// What of a log can be set.
#[derive(Debug)]
pub struct LogSettings {
    /// Bytes of disk that are left free: with fewer, appends are refused. sled needs room to write in,
    /// and takes an error for its end.
    pub free_space_reserve: u64,
    /// A journal segment is followed by the next one before it grows beyond this many bytes.
    pub segment_bytes: u64,
    /// Who signs checkpoints. None is the key file of the directory, made if there is none.
    pub signer: Option<Box<dyn CheckpointSigner>>,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { free_space_reserve: FREE_SPACE_RESERVE, segment_bytes: SEGMENT_BYTES_MAX, signer: None }
    }
}

/// The audit log of one data directory. Clones are cheap and share it.
#[derive(Clone)]
pub struct AuditLog {
    pub(super) shared: Arc<Shared>,
    pub(super) queue: mpsc::UnboundedSender<Job>,
    /// Taken by whoever closes first.
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

/// What the writer and all readers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) directory: Directory,
    pub(super) table: Arc<Table>,
    pub(super) hashes: Arc<HashFile>,
    pub(super) keys: VerifierKeys,
    pub(super) origin: String,
    pub(super) standing: Standing,
    pub(super) topics: Topics,
    /// Records that are durable and can be found. Only the writer changes it.
    pub(super) size: AtomicU64,
    /// The checkpoint of at most that many records that was signed last.
    pub(super) checkpoint: RwLock<Arc<SignedCheckpoint>>,
    /// The latest checkpoint that a witness has cosigned.
    pub(super) cosigned: RwLock<Option<CheckpointNote>>,
    /// Appends in the queue, at most [`QUEUE_MAX`]. The queue itself is not bounded: what is no append
    /// must get through.
    pub(super) queued: AtomicUsize,
    /// Bytes of disk to be left free.
    pub(super) reserve: AtomicU64,
    /// What retention needs.
    pub(super) retention: retention::Turn,
    /// Commits begun and ended, for whoever looks whether one is stuck.
    pub(super) begun: AtomicU64,
    pub(super) ended: AtomicU64,
    /// Set once, never cleared.
    poisoned: AtomicBool,
    /// Told when it is.
    failed: Notify,
    /// None once it is closed. Readers hold the lock while they read, so that closing waits.
    store: RwLock<Option<StoreBehind>>,
}

impl Shared {
    /// The thread that writes rows to the store.
    fn write_behind(self: Arc<Self>) {
        let _poison = PoisonOnPanic(Arc::clone(&self));
        let failed = self.store().as_ref().and_then(StoreBehind::write_behind);
        if let Some(error) = failed {
            tracing::error!(%error, "audit store takes no more rows");
            self.note_if_broken(&StoreError::Broken(error));
            self.poison();
        }
    }

    /// The store, if it is not closed. It is not closed while the guard is held.
    pub(super) fn store(&self) -> RwLockReadGuard<'_, Option<StoreBehind>> {
        self.store.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take_store(&self) -> Option<StoreBehind> {
        self.store.write().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Makes a commit known.
    pub(super) fn publish(&self, checkpoint: SignedCheckpoint) {
        // In this order: whoever sees the checkpoint finds all of its records.
        self.size.store(checkpoint.size, Ordering::Release);
        *self.checkpoint.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(checkpoint);
    }

    /// Takes no more records from now on.
    pub(super) fn poison(&self) {
        self.poisoned.store(true, Ordering::Release);
        self.failed.notify_waiters();
    }

    pub(super) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Ordering::Acquire)
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

/// Refuses to leave out an account while launches in it are open: nobody would see them through.
fn check_left_out(left_out: &[AccountId], store: &StoreBehind) -> Result<(), OpenError> {
    if left_out.is_empty() {
        return Ok(());
    }
    for launch_id in store.listed(List::Open).map_err(OpenError::Store)? {
        let Some(row) = store.launch(launch_id).map_err(OpenError::Store)? else { continue };
        if left_out.contains(&row.about.account_id) {
            let account_id = row.about.account_id.clone();
            return Err(OpenError::AccountInUse { account_id, launch_id });
        }
    }
    Ok(())
}

impl AuditLog {
    /// Opens the log in `dir` for `owner`, making it if there is none. Accounts may come to those that it was opened
    /// for before, and may be left out if no launch in them is open. Whatever a crash left is
    /// put in order; the report says what that took. Blocking: reads the last segment of the journal,
    /// and what the store has not seen.
    ///
    /// # Errors
    /// [`OpenError`]. No record was changed then; a store that cannot be used may have been set
    /// aside.
    pub fn open(dir: &Path, owner: Owner, mut settings: LogSettings) -> Result<(Self, OpenReport), OpenError> {
        let recovered = recover::recover(dir, &owner, &mut settings)?;
        let Recovered { mut directory, journal, store, mut tree, keys, report } = recovered;
        check_left_out(&directory.left_out(&owner), &store)?;
        directory.serve(&owner)?;
        let checkpoint = tree.checkpoint()?;
        let standing = Standing::read(dir, report.size)?;
        let whole_from = retention::Files::in_dir(directory.path()).last_end()?;
        let shared = Arc::new(Shared {
            directory,
            table: Arc::clone(journal.table()),
            hashes: Arc::clone(tree.hashes()),
            keys,
            origin: tree.origin().to_owned(),
            standing,
            topics: Topics::default(),
            size: AtomicU64::new(report.size),
            checkpoint: RwLock::new(Arc::new(checkpoint)),
            cosigned: RwLock::new(None),
            queued: AtomicUsize::new(0),
            reserve: AtomicU64::new(settings.free_space_reserve),
            retention: retention::Turn::new(whole_from),
            begun: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            poisoned: AtomicBool::new(false),
            failed: Notify::new(),
            store: RwLock::new(Some(store)),
        });
        let (queue, jobs) = mpsc::unbounded_channel();
        let writer = Writer::new(Arc::clone(&shared), (queue.downgrade(), jobs), journal, tree)?;
        let thread =
            |name: &str, work: Box<dyn FnOnce() + Send>| std::thread::Builder::new().name(name.to_owned()).spawn(work);
        let behind = Arc::clone(&shared);
        let threads = vec![
            thread("audit-writer", Box::new(move || writer.run()))?,
            thread("audit-store", Box::new(move || behind.write_behind()))?,
        ];
        Ok((Self { shared, queue, threads: Arc::new(Mutex::new(threads)) }, report))
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
        match self.enqueue(entries, None, None).await? {
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
        self.enqueue(vec![entry], Some(key), None).await
    }

    /// Appends the record of a pruning, unless one of the launches that it removes has changed. Their rows
    /// leave the store with it.
    pub(super) async fn append_pruning(&self, entry: Entry, plan: Arc<Plan>) -> Result<Once, AppendError> {
        self.enqueue(vec![entry], None, Some(plan)).await
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

    /// Whether its EC2 is the sandbox: nothing in it happened in AWS then.
    pub fn is_sandbox(&self) -> bool {
        self.shared.directory.is_sandbox()
    }

    /// Whether appends can succeed. Once false it stays so until the log is opened again.
    pub fn is_available(&self) -> bool {
        !self.shared.is_poisoned() && !self.queue.is_closed()
    }

    /// Ends when the log takes no records any more because a write or the store failed. The process
    /// should end then: whether the last appends are in the log is known only once it is opened again.
    pub async fn failed(&self) {
        let failed = self.shared.failed.notified();
        tokio::pin!(failed);
        failed.as_mut().enable();
        if !self.shared.is_poisoned() {
            failed.await;
        }
    }

    /// How many commits have begun, and how many have ended. The same first number, larger than the
    /// second, at two looks means that one commit took all the time between.
    pub fn commits(&self) -> (u64, u64) {
        // In this order: a commit that ends between the two reads does not look stuck.
        let ended = self.shared.ended.load(Ordering::Acquire);
        (self.shared.begun.load(Ordering::Acquire), ended)
    }

    /// A receiver that changes whenever an entry about `topic` has been committed and can be
    /// read; its value is the size of the log then. Subscribe first and read afterwards, and
    /// nothing is missed.
    pub fn subscribe(&self, topic: Topic) -> watch::Receiver<u64> {
        self.shared.topics.subscribe(topic, self.size())
    }

    /// A receiver whose value changes with each record of any of `topics`, as [`Self::subscribe`] says. Whoever has a
    /// receiver of one of them alone has been told by then.
    pub fn subscribe_to_all(&self, topics: Vec<Topic>) -> watch::Receiver<u64> {
        self.shared.topics.subscribe_to_all(topics, self.size())
    }

    /// Commits what is queued, writes out the store, and lets go of the directory. Later appends
    /// are refused and reads that need the store fail. Closing twice is harmless.
    pub async fn close(&self) {
        let (done, closed) = oneshot::channel();
        if self.queue.send(Job::Close(done)).is_ok() {
            // An error means that the writer panicked; then there is nothing to wait for.
            let _ = closed.await;
        }
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let joining = tokio::task::spawn_blocking(move || {
            let ended: Vec<_> = threads.into_iter().map(JoinHandle::join).collect();
            ended.iter().any(Result::is_err)
        });
        if joining.await.unwrap_or(true) {
            tracing::error!("a thread of the audit log panicked");
        }
    }

    async fn enqueue(
        &self,
        entries: Vec<Entry>,
        once: Option<RequestKey>,
        pruning: Option<Arc<Plan>>,
    ) -> Result<Once, AppendError> {
        if APPEND_ENTRIES_MAX < entries.len() {
            return Err(AppendError::TooMany { entries: entries.len() });
        }
        let leaves: Vec<_> = entries.iter().map(Entry::to_leaf).collect();
        if let Some(leaf) = leaves.iter().find(|leaf| RECORD_BYTES_MAX < leaf.len()) {
            return Err(AppendError::TooLarge { bytes: leaf.len() });
        }
        // Here and not in the writer: there are many callers and one writer.
        let leaf_hashes = leaves.iter().map(|leaf| tlog_tiles::record_hash(leaf)).collect();
        if self.shared.is_poisoned() {
            return Err(AppendError::Unavailable);
        }
        if QUEUE_MAX <= self.shared.queued.fetch_add(1, Ordering::AcqRel) {
            self.shared.queued.fetch_sub(1, Ordering::AcqRel);
            return Err(AppendError::Full);
        }
        let (reply, outcome) = oneshot::channel();
        let append = Append { entries, leaves, leaf_hashes, once, pruning, reply };
        self.queue.send(Job::Append(append)).map_err(|_| AppendError::Unavailable)?;
        outcome.await.map_or(Err(AppendError::Unavailable), |answer| answer.outcome)
    }

    /// Refuses appends for want of room, until there is some again.
    #[cfg(test)]
    pub(crate) fn set_full_for_test(&self, is_full: bool) {
        self.shared.reserve.store(if is_full { u64::MAX } else { 0 }, Ordering::Relaxed);
    }

    /// Makes every later write to the journal fail.
    #[cfg(test)]
    pub(crate) async fn break_for_test(&self) {
        let (done, broken) = oneshot::channel();
        self.queue.send(Job::Break(done)).unwrap();
        broken.await.unwrap();
    }
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("log_id", &self.log_id()).field("size", &self.size()).finish_non_exhaustive()
    }
}
