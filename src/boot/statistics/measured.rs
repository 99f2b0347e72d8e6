//! Measured boots as they come: read from the log at the start, and followed.
//!
//! Serving does not wait for the first reading. Until it is done questions are answered by reading the log, and so are
//! those that go further back than what is held. What the log gets to know is read when somebody asks, and at least
//! every second; what is held is always what the log says, and a restart makes it again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::boots::{Boot, Kind, boots_of};
use super::expectation::Expectation;
use super::groups::{Group, group};
use super::memory::{ImageBoots, MEASURED_BOOTS_MAX, MEASURED_TIME_MAX, Memory};
use super::question::{BOOTS_READ_MAX, Question, READ_TIME_MAX, StatisticsError};
use crate::audit::{AuditLog, LAUNCH_ID_LAG_MAX, Order, ReadError, RecordQuery, Topic};
use crate::clock::{Clock, SystemClock, within};
use crate::ids::LaunchId;
use crate::record::{EntryKind, Event, Phase};

/// Launches, and records, that are read at a time.
const STEP_MAX: usize = 500;

/// Between two looks at the log while it grows, in real time.
const FOLLOW_PERIOD: Duration = Duration::from_secs(1);

/// How long an estimate waits, in real time, until what was measured before is known.
const READ_WAIT_MAX: Duration = Duration::from_secs(10);

/// Questions for which the log is read at once: each takes a core.
const READERS_MAX: usize = 2;

/// Boots count for a launch if they had come out a minute before the minute in which it was decided. So launches of one
/// minute share an expectation; and whatever the log was about to get to know then does not count, so that the same
/// launch has the same expectation again, whenever it is asked for.
const SETTLED_BEFORE: Duration = Duration::from_secs(60);

/// Expectations that are kept; each takes some kilobytes.
const EXPECTATIONS_MAX: usize = 256;

/// What is expected of a kind by the boots that came out before a time; none where they are too few.
type Expectations = HashMap<(Kind, Timestamp), Option<Arc<Expectation>>>;

/// The measured boots of a server. Clones share them.
#[derive(Debug, Clone)]
pub struct Measured {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    log: AuditLog,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
    memory: Mutex<Memory>,
    expectations: Mutex<Expectations>,
    /// How far the log has been read; none before the first reading is done. Ends with the follower.
    read: watch::Sender<Option<u64>>,
    /// Held by whoever reads what is new.
    reading: tokio::sync::Mutex<()>,
    readers: Arc<Semaphore>,
    /// Boots that are held; fewer in tests.
    boots_max: usize,
}

impl Measured {
    /// Begins to measure what is in the log, and what will be, until `shutdown`. `clock` is what the log's times are by.
    pub fn start(log: &AuditLog, clock: &Arc<dyn Clock>, shutdown: &CancellationToken) -> (Self, JoinHandle<()>) {
        Self::start_with(log, clock, shutdown, MEASURED_BOOTS_MAX)
    }

    pub(super) fn start_with(
        log: &AuditLog,
        clock: &Arc<dyn Clock>,
        shutdown: &CancellationToken,
        boots_max: usize,
    ) -> (Self, JoinHandle<()>) {
        let shared = Arc::new(Shared {
            log: log.clone(),
            clock: Arc::clone(clock),
            shutdown: shutdown.clone(),
            memory: Mutex::new(Memory::new(boots_max)),
            expectations: Mutex::default(),
            read: watch::Sender::new(None),
            reading: tokio::sync::Mutex::default(),
            readers: Arc::new(Semaphore::new(READERS_MAX)),
            boots_max,
        });
        let follower = tokio::spawn(follow(Arc::clone(&shared)));
        (Self { shared }, follower)
    }

    /// The groups of the boots that are asked about, the largest first. Whatever was on record when this was called is
    /// in it.
    ///
    /// # Errors
    /// [`StatisticsError`].
    pub async fn statistics(&self, question: Question) -> Result<Vec<Group>, StatisticsError> {
        let shared = Arc::clone(&self.shared);
        // A log that cannot be followed is read, and then says why.
        let is_held = shared.is_read() && shared.catch_up().await.is_ok() && shared.memory().covers(&question);
        let reader = if is_held {
            None
        } else {
            Some(Arc::clone(&self.shared.readers).try_acquire_owned().map_err(|_| StatisticsError::Busy)?)
        };
        let work = move || {
            // Given back when the reading ends, whether or not anybody still waits for it.
            let _reader = reader;
            let boots = if is_held { shared.memory().find(&question) } else { shared.read_all(&question)? };
            Ok(group(&boots, &question.by)?)
        };
        // The panic has said so itself.
        tokio::task::spawn_blocking(work).await.unwrap_or(Err(StatisticsError::Read(ReadError::Closed)))
    }

    /// What is measured of images, in the order of their ids; none where there is nothing.
    pub fn of_images<'a>(&self, image_ids: impl Iterator<Item = &'a str>) -> Vec<Option<ImageBoots>> {
        let mut memory = self.shared.memory();
        image_ids.map(|image_id| memory.of_image(image_id)).collect()
    }

    /// Waits until what is on record now is measured; ten seconds at most, and no longer than the log can be read.
    pub async fn up_to_date(&self) {
        let catching_up = async {
            let mut read = self.shared.read.subscribe();
            if read.wait_for(Option::is_some).await.is_ok() {
                // The follower says what is wrong.
                let _ = self.shared.catch_up().await;
            }
        };
        within(&SystemClock::new(), READ_WAIT_MAX, catching_up).await;
    }

    /// What to expect of a boot of this kind that was asked for at `asked`, by the boots that had come out before; none
    /// if they are too few. As long as the log keeps these, the answer is always the same.
    pub fn expect(&self, kind: &Kind, asked: Timestamp) -> Option<Arc<Expectation>> {
        let before = settled_before(asked)?;
        let key = (kind.clone(), before);
        if let Some(known) = self.shared.expectations().get(&key) {
            return known.clone();
        }
        let expectation = self.shared.memory().expect(kind, before).map(Arc::new);
        if self.shared.is_read() {
            let mut expectations = self.shared.expectations();
            if EXPECTATIONS_MAX <= expectations.len() {
                expectations.clear();
            }
            expectations.insert(key, expectation.clone());
        }
        expectation
    }
}

/// The beginning of the minute, less [`SETTLED_BEFORE`].
fn settled_before(asked: Timestamp) -> Option<Timestamp> {
    let minute = asked.as_second().div_euclid(60).checked_mul(60)?;
    Timestamp::from_second(minute).ok()?.checked_sub(SETTLED_BEFORE).ok()
}

/// Reads what there is, and then what comes.
async fn follow(shared: Arc<Shared>) {
    let clock = SystemClock::new();
    let mut told = shared.log.subscribe(Topic::Log);
    let first = Arc::clone(&shared);
    let reading = tokio::task::spawn_blocking(move || first.read_held());
    match reading.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return lost(&error),
        // The panic has said so itself.
        Err(_) => return,
    }
    loop {
        told.borrow_and_update();
        if let Err(error) = shared.catch_up().await {
            return lost(&error);
        }
        tokio::select! {
            () = shared.shutdown.cancelled() => return,
            changed = told.changed() => if changed.is_err() { return },
        }
        tokio::select! {
            () = shared.shutdown.cancelled() => return,
            () = clock.sleep(FOLLOW_PERIOD) => {}
        }
    }
}

fn lost(error: &ReadError) {
    if !matches!(error, ReadError::Closed) {
        tracing::error!(error = error as &dyn std::error::Error, "boots are not measured any more");
    }
}

impl Shared {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn expectations(&self) -> MutexGuard<'_, Expectations> {
        self.expectations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the first reading is done.
    fn is_read(&self) -> bool {
        self.read.borrow().is_some()
    }

    /// The first reading: the newest launches, as far back and as many as are held.
    fn read_held(&self) -> Result<(), ReadError> {
        // Whatever comes meanwhile is read again, and counts once.
        let end = self.log.size();
        let now = self.clock.now();
        let oldest = now.checked_sub(MEASURED_TIME_MAX).unwrap_or(Timestamp::MIN);
        let mut memory = Memory::new(self.boots_max);
        let mut boots: Vec<Boot> = Vec::new();
        let mut query = Question::default().launches(STEP_MAX);
        'reading: loop {
            if self.shutdown.is_cancelled() {
                return Err(ReadError::Closed);
            }
            let page = self.log.launches(&query)?;
            for launch in &page.launches {
                // Launches come by their ids, and an id may be older or younger than its decision.
                let is_past = |time: Timestamp| launch.create_time.checked_add(2 * LAUNCH_ID_LAG_MAX).map(|t| t < time);
                if is_past(oldest).unwrap_or(false) {
                    memory.whole_from(oldest);
                    break 'reading;
                }
                if self.boots_max <= boots.len() {
                    memory.whole_from(launch.create_time.checked_add(2 * LAUNCH_ID_LAG_MAX).unwrap_or(now));
                    break 'reading;
                }
                boots.extend(boots_of(launch));
            }
            query.after = page.next;
            if query.after.is_none() {
                break;
            }
        }
        boots.sort_by_key(|boot| boot.settled);
        boots.into_iter().for_each(|boot| memory.add(boot));
        memory.trim(now);
        tracing::info!(boots = memory.len(), "boots measured");
        *self.memory() = memory;
        self.read.send_replace(Some(end));
        Ok(())
    }

    /// Reads what is new. Whoever comes meanwhile waits, and finds it done.
    async fn catch_up(self: &Arc<Self>) -> Result<(), ReadError> {
        let size = self.log.size();
        if self.read.borrow().is_some_and(|read| size <= read) {
            return Ok(());
        }
        let _one_at_a_time = self.reading.lock().await;
        while self.read.borrow().is_some_and(|read| read < size) {
            let shared = Arc::clone(self);
            // The panic has said so itself.
            tokio::task::spawn_blocking(move || shared.read_part()).await.unwrap_or(Err(ReadError::Closed))?;
        }
        Ok(())
    }

    /// Reads some records, and then counts what they say: nobody waits for the reading.
    fn read_part(&self) -> Result<(), ReadError> {
        let from = self.read.borrow().unwrap_or_default();
        // Before the search: it may see more, and must not be taken to have seen less.
        let size = self.log.size();
        let page = self.log.records(&RecordQuery {
            kinds: vec![EntryKind::InstancePhase, EntryKind::RecordsPruned],
            order: Order::OldestFirst,
            from: Some(from),
            limit: STEP_MAX,
            ..RecordQuery::default()
        })?;
        let (mut changed, mut pruned): (HashSet<LaunchId>, Option<Timestamp>) = (HashSet::new(), None);
        for record in &page.records {
            match (&record.entry.event, record.entry.launch_id) {
                (Event::RecordsPruned(pruning), _) => pruned = pruned.max(Some(pruning.before)),
                (Event::InstancePhase(phase), Some(launch_id)) if is_outcome(phase.phase) => {
                    changed.insert(launch_id);
                }
                _ => {}
            }
        }
        let mut boots = Vec::new();
        for launch_id in changed {
            boots.extend(self.log.launch(launch_id)?.iter().flat_map(boots_of));
        }
        let before = pruned.map(|before| self.memory().launches_before(before)).unwrap_or_default();
        let mut gone = HashSet::new();
        for launch_id in before {
            if self.log.pruned_launch(launch_id)?.is_some() {
                gone.insert(launch_id);
            }
        }
        let mut memory = self.memory();
        boots.into_iter().for_each(|boot| memory.add(boot));
        memory.forget(&gone);
        memory.trim(self.clock.now());
        if !gone.is_empty() {
            self.expectations().clear();
        }
        drop(memory);
        let after_last = page.records.last().map_or(0, |record| record.index + 1);
        self.read.send_replace(Some(page.next.unwrap_or_else(|| size.max(after_last)).max(from)));
        Ok(())
    }

    /// All boots that are asked about, from the log.
    fn read_all(&self, question: &Question) -> Result<Vec<Boot>, StatisticsError> {
        // Real time, also where a test simulates it: it is about how long a core is busy.
        let clock = SystemClock::new();
        let mut query = question.launches(STEP_MAX);
        let mut boots = Vec::new();
        loop {
            if self.shutdown.is_cancelled() {
                return Err(StatisticsError::Stopped);
            }
            let page = self.log.launches(&query)?;
            boots.extend(page.launches.iter().flat_map(boots_of));
            if BOOTS_READ_MAX < boots.len() || READ_TIME_MAX <= clock.uptime() {
                return Err(StatisticsError::TooManyBoots);
            }
            query.after = page.next;
            if query.after.is_none() {
                return Ok(boots);
            }
        }
    }
}

/// Whether a boot may have come out with this phase so that it counts.
fn is_outcome(phase: Phase) -> bool {
    match phase {
        Phase::Ready | Phase::Failed | Phase::TimedOut => true,
        Phase::Requested
        | Phase::Pending
        | Phase::Running
        | Phase::Checking
        | Phase::Impaired
        | Phase::Stopped
        | Phase::Terminated => false,
    }
}
