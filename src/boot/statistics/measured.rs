//! Measured boots as they come: read from the log at the start, and followed.
//!
//! Serving does not wait for the first reading. Until it is done questions are answered by reading the log, and so are
//! those that go further back than what is held. What the log gets to know is read when somebody asks, and at least
//! every second; what is held is always what the log says, and a restart makes it again.

mod reading;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinError, JoinHandle};
use tokio_util::sync::CancellationToken;

use super::boots::Kind;
use super::expectation::Expectation;
use super::expectations::Expectations;
use super::groups::{Group, group};
use super::memory::{ImageBoots, MEASURED_BOOTS_MAX, Memory};
use super::question::{BOOTS_READ_MAX, Question, StatisticsError};
use crate::audit::{AuditLog, ReadError};
use crate::clock::{Clock, SystemClock, within};

/// How long a stream waits, in real time, until what was measured before is known. After that there is what EC2's
/// documentation says.
const READ_WAIT_MAX: Duration = Duration::from_secs(1);

/// Questions for which the log is read at once: each takes a core.
const READERS_MAX: usize = 2;

/// Questions that are answered from memory at once.
const ANSWERS_MAX: usize = 2;

/// How long a question waits for its turn before it is refused.
const TURN_WAIT_MAX: Duration = Duration::from_secs(1);

/// Boots count for a launch if they had come out a minute before the minute in which it was decided. So launches of one
/// minute share an expectation; and whatever the log was about to get to know then does not count, so that the same
/// launch has the same expectation again, whenever it is asked for.
const SETTLED_BEFORE: Duration = Duration::from_secs(60);

/// The measured boots of a server. Clones share them.
#[derive(Debug, Clone)]
pub struct Measured {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    log: AuditLog,
    clock: Arc<dyn Clock>,
    /// What pauses between readings and waiting questions are by: real time.
    pace: Arc<dyn Clock>,
    shutdown: CancellationToken,
    memory: Mutex<Memory>,
    expectations: Mutex<Expectations>,
    /// How far the log has been read; none before the first reading is done.
    read: watch::Sender<Option<u64>>,
    /// Whether the last reading has failed, so that there is nothing to wait for now.
    failing: AtomicBool,
    /// Held by whoever reads what is new.
    reading: Arc<tokio::sync::Mutex<()>>,
    readers: Arc<Semaphore>,
    answers: Arc<Semaphore>,
    limits: Limits,
}

/// How many boots there may be; fewer in tests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// That are held.
    pub(super) held: usize,
    /// That are read from the log for one question.
    pub(super) read: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { held: MEASURED_BOOTS_MAX, read: BOOTS_READ_MAX }
    }
}

impl Measured {
    /// Begins to measure what is in the log, and what will be, until `shutdown`. `clock` is what the log's times are by.
    pub fn start(log: &AuditLog, clock: &Arc<dyn Clock>, shutdown: &CancellationToken) -> (Self, JoinHandle<()>) {
        Self::start_with(log, clock, Arc::new(SystemClock::new()), shutdown, Limits::default())
    }

    pub(super) fn start_with(
        log: &AuditLog,
        clock: &Arc<dyn Clock>,
        pace: Arc<dyn Clock>,
        shutdown: &CancellationToken,
        limits: Limits,
    ) -> (Self, JoinHandle<()>) {
        let shared = Arc::new(Shared {
            log: log.clone(),
            clock: Arc::clone(clock),
            pace,
            shutdown: shutdown.clone(),
            memory: Mutex::new(Memory::new(limits.held)),
            expectations: Mutex::default(),
            read: watch::Sender::new(None),
            failing: AtomicBool::new(false),
            reading: Arc::default(),
            readers: Arc::new(Semaphore::new(READERS_MAX)),
            answers: Arc::new(Semaphore::new(ANSWERS_MAX)),
            limits,
        });
        let follower = tokio::spawn(reading::follow(Arc::clone(&shared)));
        (Self { shared }, follower)
    }

    /// The groups of the boots that are asked about, the largest first. Whatever was on record when this was called is
    /// in it.
    ///
    /// # Errors
    /// [`StatisticsError`].
    pub async fn statistics(&self, question: Question) -> Result<Vec<Group>, StatisticsError> {
        let shared = &self.shared;
        let size = shared.log.size();
        // A log that cannot be followed is read, and then says why.
        // What is new is read within a turn, so that no more than so many wait for that.
        let turn = if shared.is_read(0) { Some(shared.turn(&shared.answers).await?) } else { None };
        if let (Some(turn), true) = (turn, shared.catch_up(size).await.is_ok()) {
            let (held, asked) = (Arc::clone(shared), question.clone());
            let groups = blocking(move || {
                // Given back when the work ends, whether or not anybody still waits for it.
                let _turn = turn;
                // In a statement of its own: the memory is free again while they are grouped.
                let boots = held.memory().whole(&asked);
                let Some(mut boots) = boots else { return Ok(None) };
                boots.retain(|boot| asked.is_about(boot));
                Ok::<_, StatisticsError>(Some(group(&boots, &asked.by)?))
            });
            if let Some(groups) = groups.await? {
                return Ok(groups);
            }
        }
        let turn = shared.turn(&shared.readers).await?;
        let shared = Arc::clone(shared);
        blocking(move || {
            let _turn = turn;
            Ok(group(&shared.read_all(&question)?, &question.by)?)
        })
        .await
    }

    /// What is measured of images, in the order of their ids; none where there is nothing.
    pub fn of_images<'a>(&self, image_ids: impl Iterator<Item = &'a str>) -> Vec<Option<ImageBoots>> {
        let mut memory = self.shared.memory();
        image_ids.map(|image_id| memory.of_image(image_id)).collect()
    }

    /// How many records the log has.
    pub(super) fn log_size(&self) -> u64 {
        self.shared.log.size()
    }

    /// Whether so many records of the log have been read.
    pub(super) fn is_read(&self, size: u64) -> bool {
        self.shared.is_read(size)
    }

    /// Waits until so many records of the log have been read, [`READ_WAIT_MAX`] at most and not at all while the log
    /// cannot be read; says whether they have.
    pub(super) async fn read_to(&self, size: u64) -> bool {
        let shared = &self.shared;
        let reading = async {
            let mut read = shared.read.subscribe();
            if read.wait_for(Option::is_some).await.is_ok() {
                // The follower says what is wrong.
                let _ = shared.catch_up(size).await;
            }
        };
        if !shared.failing.load(Ordering::Relaxed) {
            within(&SystemClock::new(), READ_WAIT_MAX, reading).await;
        }
        shared.is_read(size)
    }

    /// What to expect of a boot of this kind by the boots that had come out before a time; none if they are too few.
    /// Whoever asks sees to it that these have been read. It is worked out once for all who ask for the same.
    ///
    /// # Errors
    /// If working it out panicked, which has said so itself; it is tried again for the next one.
    pub(super) async fn expect(
        &self,
        kind: &Arc<Kind>,
        before: Timestamp,
    ) -> Result<Option<Arc<Expectation>>, JoinError> {
        let cell = self.shared.expectations().cell(kind, before);
        let (shared, kind) = (Arc::clone(&self.shared), Arc::clone(kind));
        // On a thread that may wait: whoever lets go of old boots holds the memory for a while.
        let work = || tokio::task::spawn_blocking(move || shared.memory().expect(&kind, before).map(Arc::new));
        cell.get_or_try_init(work).await.cloned()
    }
}

/// The beginning of the minute, less [`SETTLED_BEFORE`].
pub(super) fn settled_before(asked: Timestamp) -> Option<Timestamp> {
    let minute = asked.as_second().div_euclid(60).checked_mul(60)?;
    Timestamp::from_second(minute).ok()?.checked_sub(SETTLED_BEFORE).ok()
}

/// Runs what takes a while or waits for the disk. A panic, which has said so itself, is an error like another.
async fn blocking<T: Send + 'static, E: From<ReadError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| Err(ReadError::Io(panic.into()).into()))
}

impl Shared {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn expectations(&self) -> MutexGuard<'_, Expectations> {
        self.expectations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the first reading is done, and so many records of the log have been read.
    fn is_read(&self, size: u64) -> bool {
        self.read.borrow().is_some_and(|read| size <= read)
    }

    /// A place among those that are being answered.
    async fn turn(&self, places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, StatisticsError> {
        let place = within(&*self.pace, TURN_WAIT_MAX, Arc::clone(places).acquire_owned()).await;
        place.and_then(Result::ok).ok_or(StatisticsError::Busy)
    }
}
