//! The phases of instances that are being watched by themselves, read from the log once for all watchers of an instance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::open::Open;
use crate::audit::{AuditLog, Indexed, ReadError, Topic};
use crate::ids::InstanceId;
use crate::record::{BootEvent, BootTimes, Event, Phase};

/// Phases of an instance that are held while it is watched: the newest. A boot has about ten; what goes on for days has
/// more, and whoever is further behind reads them from the log.
const HELD_MAX: usize = 128;

/// The phases of one instance, with or without a launch.
#[derive(Debug)]
pub(super) struct History {
    log: AuditLog,
    instance_id: InstanceId,
    read: Mutex<Read>,
}

/// One phase on record.
#[derive(Debug)]
pub(super) struct Told {
    /// The record's index.
    pub(super) index: u64,
    /// The event. Whether it is terminal depends on who watches since when.
    pub(super) event: Arc<BootEvent>,
    /// How the boot has gone up to it.
    pub(super) times: BootTimes,
}

impl Told {
    /// What it has come to.
    pub(super) fn phase(&self) -> Option<Phase> {
        self.event.phase
    }
}

#[derive(Debug)]
struct Read {
    /// Changes when there is more to read.
    changes: watch::Receiver<u64>,
    told: Vec<Arc<Told>>,
    /// Everything of the instance from here on that was read is in `told`.
    held_from: u64,
    /// Everything of the instance up to here has been read.
    next_index: u64,
    /// What retention had removed when it was read.
    whole_from: u64,
}

impl History {
    /// The phases of instances, in their order, as far as `size` records of the log tell at least. Blocks on files.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) fn open(
        open: &Open<InstanceId, Self>,
        log: &AuditLog,
        instance_ids: &[InstanceId],
        size: u64,
    ) -> Result<Vec<Arc<Self>>, ReadError> {
        let histories = instance_ids.iter().map(|instance_id| {
            open.get(instance_id).unwrap_or_else(|| {
                // Subscribed before reading, so that what is written in between is not missed.
                let changes = log.subscribe(Topic::Instance(instance_id.clone()));
                let whole_from = log.whole_from_index();
                let read = Read { changes, told: Vec::new(), held_from: 0, next_index: 0, whole_from };
                let history = Self { log: log.clone(), instance_id: instance_id.clone(), read: Mutex::new(read) };
                open.insert(instance_id.clone(), history)
            })
        });
        let histories: Vec<Arc<Self>> = histories.collect();
        // Those that nobody has read yet are read together, since those of one launch have their records in common.
        let fresh: BTreeSet<&InstanceId> =
            histories.iter().filter(|history| history.read().is_fresh()).map(|history| &history.instance_id).collect();
        let from_here = log.size();
        let mut entries = if fresh.is_empty() { BTreeMap::new() } else { log.entries_of_instances(&fresh, 0)? };
        for history in &histories {
            let mut read = history.read();
            if read.is_fresh() && fresh.contains(&history.instance_id) {
                read.extend(entries.remove(&history.instance_id).unwrap_or_default(), from_here);
            }
            read.catch_up(log, &history.instance_id, size)?;
        }
        Ok(histories)
    }

    /// The instance.
    pub(super) fn instance_id(&self) -> &InstanceId {
        &self.instance_id
    }

    /// What lies from index `from` to before `end` in the log, whose records have been announced up to there.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) fn between(&self, from: u64, end: u64) -> Result<Vec<Arc<Told>>, ReadError> {
        let mut read = self.read();
        if read.changes.has_changed().unwrap_or(true) {
            read.catch_up(&self.log, &self.instance_id, end)?;
        }
        if from < read.held_from {
            drop(read);
            let told = told(self.log.instance_entries(&self.instance_id, 0)?, BootTimes::default());
            return Ok(told.filter(|told| (from..end).contains(&told.index)).map(Arc::new).collect());
        }
        let first = read.told.partition_point(|told| told.index < from);
        Ok(read.told[first..].iter().take_while(|told| told.index < end).cloned().collect())
    }

    /// The last phase before `end`, if there is one.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) fn last_before(&self, end: u64) -> Result<Option<Arc<Told>>, ReadError> {
        let held = {
            let read = self.read();
            let place = read.told.partition_point(|told| told.index < end).checked_sub(1);
            place.map(|place| Arc::clone(&read.told[place]))
        };
        match held {
            Some(last) => Ok(Some(last)),
            None => Ok(self.between(0, end)?.pop()),
        }
    }

    fn read(&self) -> MutexGuard<'_, Read> {
        // It is consistent after every statement.
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read {
    fn is_fresh(&self) -> bool {
        self.next_index == 0
    }

    /// Reads what is new, up to `size` records of the log at least.
    fn catch_up(&mut self, log: &AuditLog, instance_id: &InstanceId, size: u64) -> Result<(), ReadError> {
        let whole_from = log.whole_from_index();
        if self.whole_from < whole_from {
            // What is removed from the log is not told from here, either.
            (self.next_index, self.held_from, self.whole_from) = (0, 0, whole_from);
            self.told.clear();
        }
        let is_changed = self.changes.has_changed().unwrap_or(true);
        if !is_changed && size <= self.next_index {
            return Ok(());
        }
        self.changes.mark_unchanged();
        let from_here = log.size();
        match log.instance_entries(instance_id, self.next_index) {
            Ok(entries) => self.extend(entries, from_here),
            Err(error) => {
                // Whoever comes next tries again.
                self.changes.mark_changed();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Takes what was read when the log had `size` records at least.
    fn extend(&mut self, entries: Vec<Indexed>, size: u64) {
        let times = self.told.last().map_or_else(BootTimes::default, |last| last.times);
        self.told.extend(told(entries, times).map(Arc::new));
        self.next_index = self.told.last().map_or(size, |last| size.max(last.index + 1));
        if let Some(over @ 1..) = self.told.len().checked_sub(HELD_MAX) {
            self.told.drain(..over);
            self.held_from = self.told.first().map_or(0, |first| first.index);
        }
    }
}

/// What entries tell of one instance, whose boot has gone as `times` say before them.
fn told(entries: Vec<Indexed>, mut times: BootTimes) -> impl Iterator<Item = Told> {
    entries.into_iter().filter_map(move |Indexed { index, entry }| {
        let Event::InstancePhase(phase) = &entry.event else { return None };
        times.note(entry.time, phase);
        let event = BootEvent::of_instance(entry.time, phase);
        let event = BootEvent { launch_id: entry.launch_id, terminal: false, ..event };
        Some(Told { index, event: Arc::new(event), times })
    })
}
