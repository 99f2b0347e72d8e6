//! Watching instances, also ones that Gantry did not launch, by position in the log.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use tokio::sync::watch;

use super::history::{History, Told};
use super::{HEARTBEAT_PERIOD, WatchError, Watched, Watches, heartbeat};
use crate::audit::{AuditLog, ReadError, Topic};
use crate::boot::{Interest, Tracker};
use crate::clock::Clock;
use crate::ec2::facts::InstanceState;
use crate::ids::{AccountId, InstanceId, MalformedId, Region};
use crate::record::{BootEvent, BootTimes, Phase};

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
    clock: Arc<dyn Clock>,
    tracker: Tracker,
    place: (AccountId, Region),
    _interest: Interest,
    /// Changes with each record of any of the instances.
    changes: watch::Receiver<u64>,
    /// How many records of the log have been looked at.
    end: u64,
    instances: Vec<Instance>,
    /// What has been read and not yielded, in the order of the log.
    pending: VecDeque<Pending>,
    /// Of the boot that was last told of.
    times: BootTimes,
}

#[derive(Debug)]
struct Instance {
    history: Arc<History>,
    /// How many phases of its history have been looked at.
    read: usize,
    /// Whether EC2 was shutting it down when the watch began, so that more will follow for sure.
    is_leaving: bool,
    /// Whether its terminal event was told.
    is_settled: bool,
}

#[derive(Debug)]
struct Pending {
    told: Arc<Told>,
    is_terminal: bool,
}

impl Instance {
    /// Takes the next phase of the instance, in the order of the log. The first that settles it is its terminal event;
    /// what follows while others are waited for is told too.
    fn take(&mut self, told: Arc<Told>) -> Pending {
        let was_settled = self.is_settled;
        let phase = told.event.phase;
        let is_over = matches!(phase, Some(Phase::Failed | Phase::Terminated));
        self.is_settled |= is_over || phase.is_some_and(Phase::is_terminal) && !self.is_leaving;
        self.read += 1;
        Pending { told, is_terminal: self.is_settled && !was_settled }
    }
}

impl InstancesWatch {
    pub(super) async fn open(
        watches: &Watches,
        place: (AccountId, Region),
        instance_ids: Vec<InstanceId>,
        cursor: Option<Cursor>,
    ) -> Result<Self, WatchError> {
        let Watches { log, clock, tracker, histories, .. } = watches.clone();
        if let Some(cursor) = cursor {
            check_cursor(&log, cursor, &instance_ids)?;
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
        // Subscribed before reading, so that what is written in between is not missed.
        let changes = log.subscribe_to_all(instance_ids.iter().cloned().map(Topic::Instance).collect());
        let end = log.size();
        let from = cursor.map_or(end, |cursor| cursor.0);
        let mut unknown = Vec::new();
        let mut instances = Vec::with_capacity(instance_ids.len());
        let mut pending = Vec::new();
        for id in instance_ids {
            let history = History::open(&histories, &log, &id)?;
            let mut before = history.after(0, end)?;
            if before.is_empty() && !shown.contains_key(&id) && log.launch_of_instance(&id)?.is_none() {
                unknown.push(id);
                continue;
            }
            before.retain(|told| told.index < from);
            let is_leaving = shown.get(&id).is_some_and(|state| *state == Some(InstanceState::ShuttingDown));
            let mut instance = Instance { history, read: 0, is_leaving, is_settled: false };
            if cursor.is_some() {
                // The caller has read it, and its terminal event was told: with nothing new the watch ends at once.
                for told in before {
                    instance.take(told);
                }
            } else if let Some(last) = before.last() {
                // What it is now, and nothing of how it came to that.
                instance.read = before.len() - 1;
                pending.push(instance.take(Arc::clone(last)));
            }
            instances.push(instance);
        }
        if !unknown.is_empty() {
            return Err(WatchError::NoSuchInstances(unknown));
        }
        let times = BootTimes::default();
        let mut watch = Self {
            clock,
            tracker,
            place,
            _interest: interest,
            changes,
            end,
            instances,
            pending: VecDeque::new(),
            times,
        };
        watch.push(pending);
        watch.read(end)?;
        Ok(watch)
    }

    /// Whether it is a watch over this instance among others.
    pub fn is_of(&self, instance_id: &InstanceId) -> bool {
        self.instances.iter().any(|instance| instance.history.instance_id() == instance_id)
    }

    /// When the instance of the last event had reached what by then.
    pub fn boot_times(&self) -> BootTimes {
        self.times
    }

    /// The next event or heartbeat; none after the last.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub async fn next(&mut self) -> Result<Option<Watched>, WatchError> {
        loop {
            if let Some(Pending { told, is_terminal }) = self.pending.pop_front() {
                self.times = told.times;
                let event = if is_terminal {
                    Arc::new(BootEvent { terminal: true, ..(*told.event).clone() })
                } else {
                    Arc::clone(&told.event)
                };
                return Ok(Some(Watched::Event { event, cursor: Some(Cursor(told.index + 1)) }));
            }
            if self.instances.iter().all(|instance| instance.is_settled) {
                return Ok(None);
            }
            let changed = tokio::select! {
                changed = self.changes.changed() => Some(changed.is_ok()),
                () = self.clock.sleep(HEARTBEAT_PERIOD) => None,
            };
            match changed {
                Some(true) => {
                    let size = *self.changes.borrow_and_update();
                    self.read(size)?;
                }
                Some(false) => return Ok(None),
                None => {
                    let waiting = self.instances.iter().filter(|instance| !instance.is_settled);
                    let ids = waiting.map(|instance| instance.history.instance_id());
                    return Ok(Some(heartbeat(&*self.clock, self.tracker.observed(&self.place, ids))));
                }
            }
        }
    }

    /// Reads what is new in the log up to `size`, in its order.
    fn read(&mut self, size: u64) -> Result<(), WatchError> {
        self.end = self.end.max(size);
        let mut new = Vec::new();
        for instance in &mut self.instances {
            for told in instance.history.after(instance.read, self.end)? {
                new.push(instance.take(told));
            }
        }
        self.push(new);
        Ok(())
    }

    /// In the order of the log, so that a cursor never skips what comes after it.
    fn push(&mut self, mut new: Vec<Pending>) {
        new.sort_by_key(|pending| pending.told.index);
        self.pending.extend(new);
    }
}

/// That a caller who has read up to `cursor` can be told everything of these instances since.
fn check_cursor(log: &AuditLog, cursor: Cursor, instance_ids: &[InstanceId]) -> Result<(), WatchError> {
    let (after, last) = (cursor.0, log.size());
    if last < after {
        return Err(WatchError::AheadOfLog { after, last });
    }
    let oldest = Cursor(log.whole_from_index());
    if cursor < oldest {
        for id in instance_ids {
            // Retention removes a launch as a whole or not at all: nothing is missing of one that is there.
            let of_launch = log.launch_of_instance(id)?;
            if of_launch.map(|launch_id| log.launch(launch_id)).transpose()?.flatten().is_none() {
                return Err(WatchError::Expired { after: cursor, oldest });
            }
        }
    }
    Ok(())
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
