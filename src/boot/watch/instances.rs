//! Watching instances, also ones that Gantry did not launch, by position in the log.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use futures::future::select_all;
use tokio::sync::watch;

use super::{HEARTBEAT_PERIOD, WatchError, Watched};
use crate::audit::{AuditLog, Topic};
use crate::boot::{Interest, Tracker};
use crate::clock::Clock;
use crate::ids::{InstanceId, MalformedId, Region};
use crate::record::{BootEvent, Event};

/// A position in the log: everything before it has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Cursor(u64);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl FromStr for Cursor {
    type Err = MalformedId;
    fn from_str(text: &str) -> Result<Self, MalformedId> {
        text.strip_prefix('r')
            .and_then(|digits| digits.parse().ok())
            .map(Self)
            .ok_or(MalformedId { kind: "cursor", expected: "a cursor from an earlier event" })
    }
}

/// The events of some instances, ending once the last known phase of each is terminal.
#[derive(Debug)]
pub struct InstancesWatch {
    log: AuditLog,
    clock: Arc<dyn Clock>,
    tracker: Tracker,
    region: Region,
    _interest: Interest,
    next_index: u64,
    /// Per instance: told of changes, and whether the last phase read is terminal.
    instances: HashMap<InstanceId, Instance>,
    pending: VecDeque<(u64, BootEvent)>,
}

#[derive(Debug)]
struct Instance {
    changes: watch::Receiver<u64>,
    settled: bool,
}

impl InstancesWatch {
    /// Watches `instance_ids` of a Region from `cursor`, or from their first record.
    ///
    /// # Errors
    /// If EC2 cannot be asked, or neither EC2 nor the log knows an instance.
    pub async fn open(
        log: AuditLog,
        clock: Arc<dyn Clock>,
        tracker: Tracker,
        region: Region,
        instance_ids: Vec<InstanceId>,
        cursor: Option<Cursor>,
    ) -> Result<Self, WatchError> {
        let next_index = cursor.unwrap_or_default().0;
        if next_index > log.size() {
            return Err(WatchError::AheadOfLog);
        }
        let (interest, shown) = tracker.follow(&region, instance_ids.clone()).await?;
        let mut unknown = Vec::new();
        let mut instances = HashMap::new();
        for id in instance_ids {
            // Subscribed before reading, so that what is written in between is not missed.
            let changes = log.subscribe(Topic::Instance(id.clone()));
            let before = log.instance_entries(&id, 0)?;
            let of_launch = log.launch_of_instance(&id)?.is_some();
            if before.is_empty() && !of_launch && !shown.contains(&id) {
                unknown.push(id);
                continue;
            }
            // What the caller has read already counts: with nothing new the watch ends at once.
            let settled = before.iter().rev().find(|indexed| indexed.index < next_index).is_some_and(
                |indexed| matches!(&indexed.entry.event, Event::InstancePhase(p) if p.phase.is_terminal()),
            );
            instances.insert(id, Instance { changes, settled });
        }
        if !unknown.is_empty() {
            return Err(WatchError::NoSuchInstances(unknown));
        }
        let pending = VecDeque::new();
        Ok(Self { log, clock, tracker, region, _interest: interest, next_index, instances, pending })
    }

    /// The next event or heartbeat; none after the last.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub async fn next(&mut self) -> Result<Option<Watched>, WatchError> {
        loop {
            if let Some((index, event)) = self.pending.pop_front() {
                let cursor = Some(Cursor(index + 1));
                return Ok(Some(Watched::Event { event: Box::new(event), cursor }));
            }
            for instance in self.instances.values_mut() {
                instance.changes.mark_unchanged();
            }
            if self.read()? {
                continue;
            }
            if self.instances.values().all(|instance| instance.settled) {
                return Ok(None);
            }
            let heartbeat = self.clock.sleep(HEARTBEAT_PERIOD);
            let changes = self.instances.values_mut().map(|instance| Box::pin(instance.changes.changed()));
            tokio::select! {
                (changed, ..) = select_all(changes) => {
                    if changed.is_err() {
                        return Ok(None);
                    }
                }
                () = heartbeat => {
                    return Ok(Some(Watched::Heartbeat { observed: self.tracker.observed(&self.region) }));
                }
            }
        }
    }

    /// Reads what is new in the log, in its order; false if nothing is.
    fn read(&mut self) -> Result<bool, WatchError> {
        let end = self.log.size();
        let mut new = Vec::new();
        for (id, instance) in &mut self.instances {
            for indexed in self.log.instance_entries(id, self.next_index)? {
                let Event::InstancePhase(phase) = &indexed.entry.event else { continue };
                if indexed.index >= end {
                    continue;
                }
                instance.settled = phase.phase.is_terminal();
                let event = BootEvent {
                    launch_id: indexed.entry.launch_id,
                    ..BootEvent::of_instance(indexed.entry.time, phase)
                };
                new.push((indexed.index, event));
            }
        }
        self.next_index = end;
        new.sort_by_key(|(index, _)| *index);
        let any = !new.is_empty();
        self.pending.extend(new);
        Ok(any)
    }
}
