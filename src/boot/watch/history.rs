//! The phases of instances that are being watched by themselves, read from the log once for all watchers of an instance.

use std::collections::BTreeSet;
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
    /// What retention had removed when it was looked at last.
    gone_below: u64,
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
                let gone_below = log.gone_below_index();
                let read = Read { changes, told: Vec::new(), held_from: 0, next_index: 0, gone_below };
                let history = Self { log: log.clone(), instance_id: instance_id.clone(), read: Mutex::new(read) };
                open.insert(instance_id.clone(), history)
            })
        });
        let histories: Vec<Arc<Self>> = histories.collect();
        Self::read_together(log, histories.iter(), |read| read.next_index < size)?;
        Ok(histories)
    }

    /// Reads what is new of several, whose records have been announced up to `announced`.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) fn catch_up<'a>(
        log: &AuditLog,
        histories: impl Iterator<Item = &'a Arc<Self>>,
        announced: u64,
    ) -> Result<(), ReadError> {
        Self::read_together(log, histories, |read| {
            let is_changed = read.changes.has_changed().unwrap_or(true);
            if !is_changed {
                // Nothing was announced of it up to there.
                read.next_index = read.next_index.max(announced);
            }
            is_changed
        })
    }

    /// Reads what is new of those that want it, together: those of one launch have their records in common.
    fn read_together<'a>(
        log: &AuditLog,
        histories: impl Iterator<Item = &'a Arc<Self>>,
        wants: impl Fn(&mut Read) -> bool,
    ) -> Result<(), ReadError> {
        let mut wanted = Vec::new();
        let mut from = u64::MAX;
        for history in histories {
            let mut read = history.read();
            read.forget_removed(log, &history.instance_id)?;
            if wants(&mut read) {
                from = from.min(read.next_index);
                let announced = *read.changes.borrow();
                wanted.push((history, announced));
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let ids: BTreeSet<&InstanceId> = wanted.iter().map(|(history, _)| &history.instance_id).collect();
        let size = log.size();
        let mut entries = log.entries_of_instances(&ids, from)?;
        for (history, announced) in wanted {
            let new = entries.remove(&history.instance_id).unwrap_or_default();
            let mut read = history.read();
            // Somebody else may have read further meanwhile.
            let next_index = read.next_index;
            read.extend(new.into_iter().filter(|indexed| next_index <= indexed.index), size);
            if *read.changes.borrow_and_update() != announced {
                // There is more since.
                read.changes.mark_changed();
            }
        }
        Ok(())
    }

    /// The instance.
    pub(super) fn instance_id(&self) -> &InstanceId {
        &self.instance_id
    }

    /// What has been read from index `from` to before `end`.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) fn between(&self, from: u64, end: u64) -> Result<Vec<Arc<Told>>, ReadError> {
        let read = self.read();
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
    /// Lets go of what is removed from the log: it is not told from here, either.
    fn forget_removed(&mut self, log: &AuditLog, instance_id: &InstanceId) -> Result<(), ReadError> {
        let gone_below = log.gone_below_index();
        if self.gone_below < gone_below {
            // The records of a launch go all together or not at all.
            if log.launch_of_instance(instance_id)?.is_none() {
                self.told.retain(|told| gone_below <= told.index);
            }
            self.gone_below = gone_below;
        }
        Ok(())
    }

    /// Takes what was read when the log had `size` records at least.
    fn extend(&mut self, entries: impl IntoIterator<Item = Indexed>, size: u64) {
        let times = self.told.last().map_or_else(BootTimes::default, |last| last.times);
        self.told.extend(told(entries, times).map(Arc::new));
        self.next_index = self.next_index.max(size).max(self.told.last().map_or(0, |last| last.index + 1));
        if let Some(over @ 1..) = self.told.len().checked_sub(HELD_MAX) {
            self.told.drain(..over);
            self.held_from = self.told.first().map_or(0, |first| first.index);
        }
    }
}

/// What entries tell of one instance, whose boot has gone as `times` say before them.
fn told(entries: impl IntoIterator<Item = Indexed>, mut times: BootTimes) -> impl Iterator<Item = Told> {
    entries.into_iter().filter_map(move |Indexed { index, entry }| {
        let Event::InstancePhase(phase) = &entry.event else { return None };
        times.note(entry.time, phase);
        let event = BootEvent::of_instance(entry.time, phase);
        let event = BootEvent { launch_id: entry.launch_id, terminal: false, ..event };
        Some(Told { index, event: Arc::new(event), times })
    })
}
