//! Watching instances, also ones that Gantry did not launch, by position in the log.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use futures::future::select_all;
use jiff::Timestamp;
use tokio::sync::watch;

use super::{HEARTBEAT_PERIOD, WatchError, Watched, Watches, heartbeat};
use crate::audit::{AuditLog, Indexed, ReadError, Topic};
use crate::boot::{Interest, Tracker};
use crate::clock::Clock;
use crate::ec2::facts::InstanceState;
use crate::ids::{AccountId, InstanceId, LaunchId, MalformedId, Region};
use crate::record::{BootEvent, BootTimes, Event, InstancePhase, Phase};

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

/// The events of some instances, ending once each has had its terminal one: it is ready, or will not be. Ready is no
/// end while EC2 is shutting the instance down.
#[derive(Debug)]
pub struct InstancesWatch {
    log: AuditLog,
    clock: Arc<dyn Clock>,
    tracker: Tracker,
    place: (AccountId, Region),
    _interest: Interest,
    next_index: u64,
    /// Per instance: told of changes, and whether the last phase read ends it.
    instances: HashMap<InstanceId, Instance>,
    pending: VecDeque<(u64, BootEvent)>,
}

#[derive(Debug)]
struct Instance {
    changes: watch::Receiver<u64>,
    /// Whether EC2 was shutting it down when the watch began, so that more will follow for sure.
    leaving: bool,
    settled: bool,
    /// By all its records that were read, also those before the watch began.
    times: BootTimes,
}

impl Instance {
    /// Takes the next record of the instance, in the order of the log. The first that settles it is its terminal event;
    /// what follows while others are waited for is told too.
    fn event(&mut self, launch_id: Option<LaunchId>, time: Timestamp, phase: &InstancePhase) -> BootEvent {
        let had_settled = self.settled;
        let is_over = matches!(phase.phase, Phase::Failed | Phase::Terminated);
        self.settled |= is_over || phase.phase.is_terminal() && !self.leaving;
        BootEvent { launch_id, terminal: self.settled && !had_settled, ..BootEvent::of_instance(time, phase) }
    }
}

impl InstancesWatch {
    pub(super) async fn open(
        watches: &Watches,
        place: (AccountId, Region),
        instance_ids: Vec<InstanceId>,
        cursor: Option<Cursor>,
    ) -> Result<Self, WatchError> {
        let Watches { log, clock, tracker, feeds: _ } = watches.clone();
        if let Some(Cursor(after)) = cursor {
            let last = log.size();
            if last < after {
                return Err(WatchError::AheadOfLog { after, last });
            }
        }
        // Before anybody is asked: that another place does not show an instance would be taken for its end.
        let mut elsewhere = Vec::new();
        for id in &instance_ids {
            if is_elsewhere(&log, id, &place)? {
                elsewhere.push(id.clone());
            }
        }
        if !elsewhere.is_empty() {
            return Err(WatchError::NoSuchInstances(elsewhere));
        }
        // What EC2 says now is on record once this returns.
        let (interest, shown) = tracker.follow(&place, instance_ids.clone()).await?;
        let next_index = cursor.map_or_else(|| log.size(), |cursor| cursor.0);
        let mut unknown = Vec::new();
        let mut instances = HashMap::new();
        let mut first = Vec::new();
        for id in instance_ids {
            // Subscribed before reading, so that what is written in between is not missed.
            let changes = log.subscribe(Topic::Instance(id.clone()));
            let before = log.instance_entries(&id, 0)?;
            let of_launch = log.launch_of_instance(&id)?.is_some();
            if before.is_empty() && !of_launch && !shown.contains_key(&id) {
                unknown.push(id);
                continue;
            }
            let leaving = shown.get(&id).is_some_and(|state| *state == Some(InstanceState::ShuttingDown));
            let mut instance = Instance { changes, leaving, settled: false, times: BootTimes::default() };
            let read = before.into_iter().filter(|indexed| indexed.index < next_index);
            let mut last = None;
            for Indexed { index, entry } in read {
                let Event::InstancePhase(phase) = entry.event else { continue };
                instance.times.note(entry.time, &phase);
                if cursor.is_some() {
                    // The caller has read it, and its terminal event was told: with nothing new the watch ends at once.
                    instance.event(entry.launch_id, entry.time, &phase);
                } else {
                    last = Some((index, entry.launch_id, entry.time, phase));
                }
            }
            // What it is now, and nothing of how it came to that.
            if let Some((index, launch_id, time, phase)) = last {
                first.push((index, instance.event(launch_id, time, &phase)));
            }
            instances.insert(id, instance);
        }
        if !unknown.is_empty() {
            return Err(WatchError::NoSuchInstances(unknown));
        }
        // In the order of the log, so that a cursor never skips what comes after it.
        first.sort_by_key(|(index, _)| *index);
        let pending = first.into();
        Ok(Self { log, clock, tracker, place, _interest: interest, next_index, instances, pending })
    }

    /// Whether it is a watch over this instance among others.
    pub fn is_of(&self, instance_id: &InstanceId) -> bool {
        self.instances.contains_key(instance_id)
    }

    /// When an instance reached what, as far as the log has been read; nothing for one that is not watched.
    pub fn boot_times(&self, instance_id: &InstanceId) -> BootTimes {
        self.instances.get(instance_id).map_or_else(BootTimes::default, |instance| instance.times)
    }

    /// The next event or heartbeat; none after the last.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub async fn next(&mut self) -> Result<Option<Watched>, WatchError> {
        loop {
            if let Some((index, event)) = self.pending.pop_front() {
                let cursor = Some(Cursor(index + 1));
                return Ok(Some(Watched::Event { event: Arc::new(event), cursor }));
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
            let silence = self.clock.sleep(HEARTBEAT_PERIOD);
            let changes = self.instances.values_mut().map(|instance| Box::pin(instance.changes.changed()));
            let changed = tokio::select! {
                (changed, ..) = select_all(changes) => Some(changed.is_ok()),
                () = silence => None,
            };
            match changed {
                Some(true) => {}
                Some(false) => return Ok(None),
                None => {
                    let waiting = self.instances.iter().filter(|(_, instance)| !instance.settled);
                    let observed = self.tracker.observed(&self.place, waiting.map(|(id, _)| id));
                    return Ok(Some(heartbeat(&*self.clock, observed)));
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
                instance.times.note(indexed.entry.time, phase);
                let event = instance.event(indexed.entry.launch_id, indexed.entry.time, phase);
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

/// Whether an instance is on record as one of another account or Region.
fn is_elsewhere(log: &AuditLog, id: &InstanceId, place: &(AccountId, Region)) -> Result<bool, ReadError> {
    if let Some(launch) = log.launch_of_instance(id)?.map(|launch_id| log.launch(launch_id)).transpose()?.flatten() {
        return Ok((&launch.account_id, &launch.region) != (&place.0, &place.1));
    }
    let last = log.instance_entries(id, 0)?.pop().map(|indexed| indexed.entry);
    let recorded = last.and_then(|entry| entry.account_id.zip(entry.region));
    Ok(recorded.is_some_and(|recorded| recorded != *place))
}
