//! The phases of instances that are being watched by themselves, read from the log once for all watchers of an instance.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::open::Open;
use crate::audit::{AuditLog, ReadError, Topic};
use crate::ids::InstanceId;
use crate::record::{BootEvent, BootTimes, Event};

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

#[derive(Debug)]
struct Read {
    /// Changes when there is more to read.
    changes: watch::Receiver<u64>,
    told: Vec<Arc<Told>>,
    /// After the last record that was read.
    next_index: u64,
}

impl History {
    /// The phases of an instance, as far as they are on record.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) fn open(
        open: &Open<InstanceId, Self>,
        log: &AuditLog,
        instance_id: &InstanceId,
    ) -> Result<Arc<Self>, ReadError> {
        let history = open.get(instance_id).unwrap_or_else(|| {
            // Subscribed before reading, so that what is written in between is not missed.
            let changes = log.subscribe(Topic::Instance(instance_id.clone()));
            let read = Mutex::new(Read { changes, told: Vec::new(), next_index: 0 });
            open.insert(instance_id.clone(), Self { log: log.clone(), instance_id: instance_id.clone(), read })
        });
        // Also where no change is known: the log may have a record that is not announced yet.
        history.read().catch_up(&history.log, instance_id)?;
        Ok(history)
    }

    /// The instance.
    pub(super) fn instance_id(&self) -> &InstanceId {
        &self.instance_id
    }

    /// What was told after the first `read` phases and lies before `end` in the log, whose records have been announced
    /// up to there.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub(super) fn after(&self, read: usize, end: u64) -> Result<Vec<Arc<Told>>, ReadError> {
        let mut known = self.read();
        if known.changes.has_changed().unwrap_or(true) {
            known.catch_up(&self.log, &self.instance_id)?;
        }
        let new = known.told.get(read..).unwrap_or_default();
        Ok(new.iter().take_while(|told| told.index < end).cloned().collect())
    }

    fn read(&self) -> MutexGuard<'_, Read> {
        // It is consistent after every statement.
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Read {
    fn catch_up(&mut self, log: &AuditLog, instance_id: &InstanceId) -> Result<(), ReadError> {
        self.changes.mark_unchanged();
        let new = match log.instance_entries(instance_id, self.next_index) {
            Ok(new) => new,
            Err(error) => {
                // Whoever comes next tries again.
                self.changes.mark_changed();
                return Err(error);
            }
        };
        for indexed in new {
            let Event::InstancePhase(phase) = &indexed.entry.event else { continue };
            let mut times = self.told.last().map_or_else(BootTimes::default, |last| last.times);
            times.note(indexed.entry.time, phase);
            let event = BootEvent {
                launch_id: indexed.entry.launch_id,
                terminal: false,
                ..BootEvent::of_instance(indexed.entry.time, phase)
            };
            self.next_index = indexed.index + 1;
            self.told.push(Arc::new(Told { index: indexed.index, event: Arc::new(event), times }));
        }
        Ok(())
    }
}
