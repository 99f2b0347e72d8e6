//! Quotas: how many launches and instances a principal, and all together, may have.
//!
//! A launch takes its part before its decision is recorded, and gives it back if that did not happen, so that no two
//! launches at the same moment take the same part. What is counted is the log's: at a start the count is made from
//! the launches of the last hour and from those that have instances, and afterwards it follows the records. It is
//! brought up to date before anybody is refused.

mod ledger;
mod limits;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ledger::{Ledger, Ticket};

use super::Launcher;
use crate::audit::{AuditLog, Order, ReadError, RecordQuery, RequestKey};
use crate::clock::Timestamp;
use crate::ids::{LaunchId, Principal};
use crate::record::{EntryKind, Event, Verdict};

pub use ledger::{Excess, QUOTA_HOUR, Whose};
pub use limits::{Limits, Quota, QuotaLimits};

/// The count is brought up to date before it is more than this many records behind.
const BEHIND_MAX: u64 = 1_024;

/// Records that are read at a time.
const STEP_RECORDS: usize = 500;

/// The quotas of one server, and what is taken of them. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Quotas {
    /// None if nothing is limited: then nothing is counted.
    limited: Option<Arc<Limited>>,
}

#[derive(Debug)]
struct Limited {
    limits: QuotaLimits,
    log: AuditLog,
    /// Held by whoever brings the count up to date.
    reading: tokio::sync::Mutex<()>,
    /// Held for moments only.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    ledger: Ledger,
    /// The records below this are counted.
    seen: u64,
}

/// A part of the quotas that is taken for one launch, until its decision is recorded or this is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    limited: Arc<Limited>,
    ticket: Option<Ticket>,
}

impl Quotas {
    /// The quotas, with what the log says is taken of them. Blocking.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn open(limits: QuotaLimits, log: &AuditLog, now: Timestamp) -> Result<Self, ReadError> {
        if limits.is_unlimited() {
            return Ok(Self::default());
        }
        let seen = log.size();
        let mut ledger = Ledger::default();
        for launch in log.living_launches()? {
            ledger.take_in_launch(&launch, now);
        }
        let mut query = RecordQuery {
            kinds: vec![EntryKind::Decision],
            verdict: Some(Verdict::Admitted),
            start: now.checked_sub(QUOTA_HOUR).ok(),
            order: Order::OldestFirst,
            limit: STEP_RECORDS,
            ..RecordQuery::default()
        };
        loop {
            let page = log.records(&query)?;
            for id in page.records.iter().filter_map(|record| record.entry.launch_id) {
                if let Some(launch) = log.launch(id)? {
                    ledger.take_in_launch(&launch, now);
                }
            }
            match page.next {
                Some(next) => query.from = Some(next),
                None => break,
            }
        }
        let state = Mutex::new(State { ledger, seen });
        Ok(Self {
            limited: Some(Arc::new(Limited {
                limits,
                log: log.clone(),
                reading: tokio::sync::Mutex::default(),
                state,
            })),
        })
    }

    /// Takes the part of a launch of `count` instances, if there is room for it; what there is no room for
    /// otherwise. Two requests under one key and of one size take one part: at most one of them becomes a launch.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) async fn reserve(
        &self,
        key: &RequestKey,
        count: u32,
        now: Timestamp,
    ) -> Result<Result<Option<Reservation>, Vec<Excess>>, ReadError> {
        let Some(limited) = &self.limited else { return Ok(Ok(None)) };
        if BEHIND_MAX < limited.behind() {
            limited.catch_up().await?;
        }
        let take = || {
            let mut state = limited.lock();
            let ticket = state.ledger.reserve(key, count, &limited.limits, now)?;
            Ok(Some(Reservation { limited: Arc::clone(limited), ticket: Some(ticket) }))
        };
        match take() {
            // Instances may have ended since.
            Err(_) if 0 < limited.behind() => {
                limited.catch_up().await?;
                Ok(take())
            }
            taken => Ok(taken),
        }
    }

    /// Counts the records that are new, so that whoever asks next finds few.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) async fn catch_up(&self) -> Result<(), ReadError> {
        match &self.limited {
            Some(limited) => limited.catch_up().await,
            None => Ok(()),
        }
    }

    /// What there would be no room for.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) async fn excesses(
        &self,
        principal: &Principal,
        count: u32,
        now: Timestamp,
    ) -> Result<Vec<Excess>, ReadError> {
        let Some(limited) = &self.limited else { return Ok(Vec::new()) };
        limited.catch_up().await?;
        Ok(limited.lock().ledger.excesses(principal, count, &limited.limits, now))
    }
}

impl Limited {
    fn behind(&self) -> u64 {
        self.log.size().saturating_sub(self.lock().seen)
    }

    /// Counts the records that are new. Whoever comes meanwhile waits, and finds it done.
    async fn catch_up(self: &Arc<Self>) -> Result<(), ReadError> {
        let _one_at_a_time = self.reading.lock().await;
        while 0 < self.behind() {
            let limited = Arc::clone(self);
            let reading = tokio::task::spawn_blocking(move || limited.read_part());
            // A panic there is a defect that was reported; the count is behind then, and refuses rather than admits.
            reading.await.unwrap_or(Err(ReadError::Closed))?;
        }
        Ok(())
    }

    /// Reads some records, and then counts them: nobody waits for the reading.
    fn read_part(&self) -> Result<(), ReadError> {
        let first = self.lock().seen;
        let end = self.log.size().min(first + STEP_RECORDS as u64);
        let (mut entries, mut gone) = (Vec::new(), Vec::new());
        for index in first..end {
            match self.log.record(index) {
                Ok(Some(record)) => entries.push(record.entry),
                // Retention removes no launch that is under way, and has said so in a later record.
                Ok(None) | Err(ReadError::Pruned { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        if entries.iter().any(|entry| matches!(entry.event, Event::RecordsPruned(_))) {
            let held = self.lock().ledger.launch_ids();
            for id in held {
                if self.log.pruned_launch(id)?.is_some() {
                    gone.push(id);
                }
            }
        }
        let mut state = self.lock();
        entries.iter().for_each(|entry| state.ledger.take_in(entry));
        state.ledger.forget(&gone);
        state.seen = end;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reservation {
    /// The decision is on record: what was taken belongs to the launch.
    pub(super) fn recorded(mut self, launch_id: LaunchId, time: Timestamp) {
        if let Some(ticket) = self.ticket.take() {
            self.limited.lock().ledger.recorded(ticket, launch_id, time);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.limited.lock().ledger.give_back(ticket);
        }
    }
}

impl Launcher {
    /// Brings the count of quotas up to date, outside of any launch's path.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub async fn catch_up(&self) -> Result<(), ReadError> {
        self.shared.quotas.catch_up().await
    }
}
