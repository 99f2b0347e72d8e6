//! Reading boots from the log: what there is at the start, what comes, and all of it where that is asked.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::Timestamp;

use super::super::boots::{Boot, Kind, boots_of};
use super::super::memory::{MEASURED_TIME_MAX, Memory};
use super::super::question::{Question, READ_TIME_MAX, StatisticsError};
use super::{Shared, blocking};
use crate::audit::{LAUNCH_ID_LAG_MAX, Order, ReadError, RecordQuery, Topic};
use crate::clock::{Clock, SystemClock};
use crate::ids::LaunchId;
use crate::record::{EntryKind, Event, Phase};

/// Launches, and records, that are read at a time.
const STEP_MAX: usize = 500;

/// Between two looks at the log while it grows.
pub(super) const FOLLOW_PERIOD: Duration = Duration::from_secs(1);

/// Before the log is read again that could not be read.
pub(super) const RETRY_PAUSE: Duration = Duration::from_secs(10);

/// Reads what there is, and then what comes, until the server ends or the log is closed. What cannot be read is tried
/// again: streams and questions do without until then.
pub(super) async fn follow(shared: Arc<Shared>) {
    let mut told = shared.log.subscribe(Topic::Log);
    loop {
        told.borrow_and_update();
        let pause = match shared.bring_up_to_date().await {
            Ok(()) => {
                shared.failing.store(false, Ordering::Relaxed);
                tokio::select! {
                    () = shared.shutdown.cancelled() => return,
                    changed = told.changed() => if changed.is_err() { return },
                }
                FOLLOW_PERIOD
            }
            Err(ReadError::Closed) => return,
            Err(error) => {
                shared.failing.store(true, Ordering::Relaxed);
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, "boots are not measured; the log is read again in a moment");
                RETRY_PAUSE
            }
        };
        tokio::select! {
            () = shared.shutdown.cancelled() => return,
            () = shared.pace.sleep(pause) => {}
        }
    }
}

impl Shared {
    /// The first reading if it is not done, and then what is new.
    async fn bring_up_to_date(self: &Arc<Self>) -> Result<(), ReadError> {
        if self.read.borrow().is_none() {
            let shared = Arc::clone(self);
            blocking(move || shared.read_held()).await?;
        }
        self.catch_up(self.log.size()).await
    }

    /// The first reading: the newest launches, as far back and as many as are held.
    fn read_held(&self) -> Result<(), ReadError> {
        // Whatever comes meanwhile is read again, and counts once.
        let end = self.log.size();
        let now = self.clock.now();
        let oldest = now.checked_sub(MEASURED_TIME_MAX).unwrap_or(Timestamp::MIN);
        let mut memory = Memory::new(self.limits.held);
        let mut boots: Vec<Boot> = Vec::new();
        let mut query = Question::default().launches(STEP_MAX);
        // Before this nothing is known of launches that have been read.
        let mut read_from = now;
        'reading: loop {
            if self.shutdown.is_cancelled() {
                return Err(ReadError::Closed);
            }
            let page = match self.log.launches(&query) {
                // What is newer than a launch that cannot be read is still to be measured, so it is found out which one.
                Err(ReadError::Damaged { .. }) if 1 < query.limit => {
                    query.limit /= 2;
                    continue;
                }
                Err(error @ ReadError::Damaged { .. }) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, before = %read_from, "older boots are not measured");
                    memory.whole_from(read_from);
                    break;
                }
                page => page?,
            };
            for launch in &page.launches {
                read_from = launch.create_time.checked_add(2 * LAUNCH_ID_LAG_MAX).unwrap_or(now);
                // Launches come by their ids, and an id may be older or younger than its decision.
                let is_past = |time: Timestamp| launch.create_time.checked_add(2 * LAUNCH_ID_LAG_MAX).map(|t| t < time);
                if is_past(oldest).unwrap_or(false) {
                    memory.whole_from(oldest);
                    break 'reading;
                }
                if self.limits.held <= boots.len() {
                    memory.whole_from(read_from);
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

    /// Reads what is new, up to `size` records of the log; nothing before the first reading is done. Whoever comes
    /// meanwhile waits, and finds it done.
    pub(super) async fn catch_up(self: &Arc<Self>, size: u64) -> Result<(), ReadError> {
        while self.read.borrow().is_some_and(|read| read < size) {
            let turn = Arc::clone(&self.reading).lock_owned().await;
            if self.read.borrow().is_some_and(|read| size <= read) {
                break;
            }
            let shared = Arc::clone(self);
            blocking(move || {
                // Given back when the reading ends, whether or not anybody still waits for it.
                let _turn = turn;
                shared.read_part()
            })
            .await?;
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
        let (mut boots, mut is_whole) = (Vec::new(), true);
        for launch_id in changed {
            match self.log.launch(launch_id) {
                Ok(launch) => boots.extend(launch.iter().flat_map(boots_of)),
                // The others are still to be measured.
                Err(error @ ReadError::Damaged { .. }) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(error, %launch_id, "boots of a launch are not measured");
                    is_whole = false;
                }
                Err(error) => return Err(error),
            }
        }
        let before = pruned.map(|before| self.memory().launches_before(before)).unwrap_or_default();
        let mut gone = HashSet::new();
        for launch_id in before {
            if self.log.pruned_launch(launch_id)?.is_some() {
                gone.insert(launch_id);
            }
        }
        let mut memory = self.memory();
        if !is_whole {
            memory.whole_from(self.clock.now());
        }
        boots.into_iter().for_each(|boot| memory.add(boot));
        memory.forget(&gone);
        let is_trimmed = memory.trim(self.clock.now());
        if is_trimmed || !gone.is_empty() {
            self.expectations().clear();
        }
        drop(memory);
        let after_last = page.records.last().map_or(0, |record| record.index + 1);
        self.read.send_replace(Some(page.next.unwrap_or_else(|| size.max(after_last)).max(from)));
        Ok(())
    }

    /// All boots that are asked about, from the log.
    pub(super) fn read_all(&self, question: &Question) -> Result<Vec<Boot>, StatisticsError> {
        // Real time, also where a test simulates it: it is about how long a core is busy.
        let clock = SystemClock::new();
        let mut query = question.launches(STEP_MAX);
        let mut boots = Vec::new();
        // There are few kinds, and each boot read has one of its own.
        let mut kinds: HashSet<Arc<Kind>> = HashSet::new();
        loop {
            if self.shutdown.is_cancelled() {
                return Err(StatisticsError::Stopped);
            }
            let page = self.log.launches(&query)?;
            for mut boot in page.launches.iter().flat_map(boots_of) {
                match kinds.get(&*boot.kind) {
                    Some(kind) => boot.kind = Arc::clone(kind),
                    None => {
                        kinds.insert(Arc::clone(&boot.kind));
                    }
                }
                boots.push(boot);
            }
            if self.limits.read < boots.len() || READ_TIME_MAX <= clock.uptime() {
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
