//! Watching instances, also ones that Gantry did not launch, by position in the log.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use tokio::sync::watch;

use super::feed::Feed;
use super::history::{History, Told};
use super::{Cursor, HEARTBEAT_PERIOD, WatchError, Watched, Watches, heartbeat};
use crate::audit::{AuditLog, ReadError, Topic};
use crate::boot::tracker::{Interest, Shown};
use crate::ec2::facts::InstanceState;
use crate::ids::{AccountId, InstanceId, LaunchId, Region};
use crate::record::{BootEvent, BootTimes, Launch, Phase};

/// The events of some instances, ending once each has had its terminal one: it is ready, or will not be. Ready is no
/// end while EC2 is shutting the instance down.
#[derive(Debug)]
pub struct InstancesWatch {
    watches: Watches,
    place: (AccountId, Region),
    _interest: Interest,
    /// Changes with each record of any of the instances.
    changes: watch::Receiver<u64>,
    /// Records before this one have been looked at.
    end: u64,
    /// Nothing of the instances that is not read lies before this one.
    quiet_to: u64,
    /// How many records the log had when the watch began, however often it was broken off since.
    begun: u64,
    /// Those that EC2 was shutting down then, whose end was not told yet.
    leaving: Arc<BTreeSet<InstanceId>>,
    instances: Vec<Instance>,
    /// What has been read and not yielded, in the order of the log.
    pending: VecDeque<Pending>,
    /// The index and the boot of what was last told of.
    last: (u64, BootTimes),
    /// The launches of instances that were told of, shared with their other watchers.
    launches: Vec<(LaunchId, Arc<Feed>)>,
}

#[derive(Debug)]
struct Instance {
    history: Arc<History>,
    /// The first index of what is to be looked at next.
    next: u64,
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
        let is_over = matches!(told.phase(), Some(Phase::Failed | Phase::Terminated));
        self.is_settled |= is_over || told.phase().is_some_and(Phase::is_terminal) && !self.is_leaving;
        self.next = told.index + 1;
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
        let log = &watches.log;
        if let Some(cursor) = &cursor {
            check_cursor(log, cursor, &instance_ids)?;
        }
        // Before anybody is asked: that another place does not show an instance would be taken for its end.
        let mut elsewhere = Vec::new();
        for id in &instance_ids {
            if log.place_of_instance(id)?.is_some_and(|recorded| recorded != place) {
                elsewhere.push(id.clone());
            }
        }
        if !elsewhere.is_empty() {
            return Err(WatchError::NoSuchInstances(elsewhere));
        }
        // What EC2 says now is on record once this returns.
        let (interest, shown) = watches.tracker.follow(&place, instance_ids.clone()).await?;
        // The records of a launch may be thousands: they are read where that keeps nobody from the wire.
        let watches = watches.clone();
        let beginning = move || Self::begin(watches, place, (instance_ids, interest, shown), cursor);
        // What panics is a defect that a stream ends with.
        tokio::task::spawn_blocking(beginning).await.unwrap_or(Err(ReadError::Closed.into()))
    }

    /// A watch over instances that are followed. Blocks on files.
    fn begin(
        watches: Watches,
        place: (AccountId, Region),
        (instance_ids, interest, shown): (Vec<InstanceId>, Interest, Shown),
        cursor: Option<Cursor>,
    ) -> Result<Self, WatchError> {
        let log = &watches.log;
        // Subscribed before reading, so that what is written in between is not missed.
        let changes = log.subscribe_to_all(instance_ids.iter().cloned().map(Topic::Instance).collect());
        let end = log.size();
        let histories = History::open(&watches.histories, log, &instance_ids, end)?;
        let is_leaving = |id: &&InstanceId| shown.get(*id) == Some(&Some(InstanceState::ShuttingDown));
        let (after, begun, leaving) = match cursor.clone() {
            Some(Cursor { after, begun, leaving }) => (after, begun, leaving),
            None => (0, end, Arc::new(instance_ids.iter().filter(is_leaving).cloned().collect())),
        };
        let mut unknown = Vec::new();
        let mut instances = Vec::with_capacity(histories.len());
        for history in histories {
            let id = history.instance_id();
            // What it was when the watch began, and nothing of how it came to that.
            let first = history.last_before(begun)?.map(|first| first.index);
            let oldest = log.whole_from_index();
            if let Some(cursor) = &cursor
                && first.is_none()
                && ![0, cursor.begun].contains(&oldest)
                && log.launch_of_instance(id)?.is_none()
            {
                // What it was then is removed, and with it whether its terminal event was told.
                return Err(cursor.expired(oldest));
            }
            let is_known = shown.contains_key(id) || first.is_some() || history.last_before(end)?.is_some();
            if !is_known && log.launch_of_instance(id)?.is_none() {
                unknown.push(id.clone());
                continue;
            }
            let (first, is_leaving) = (first.unwrap_or(0), leaving.contains(id));
            let mut instance = Instance { history, next: first, is_leaving, is_settled: false };
            // The caller has read that, and its terminal event if it was there.
            for told in instance.history.between(first, after)? {
                instance.take(told);
            }
            instances.push(instance);
        }
        if let Some(cursor) = &cursor {
            // Again, since something may have been removed before it was read.
            check_cursor(log, cursor, instances.iter().map(|instance| instance.history.instance_id()))?;
        }
        if !unknown.is_empty() {
            return Err(WatchError::NoSuchInstances(unknown));
        }
        let mut watch = Self {
            watches,
            place,
            _interest: interest,
            changes,
            end,
            quiet_to: end,
            begun,
            leaving,
            instances,
            pending: VecDeque::new(),
            last: (0, BootTimes::default()),
            launches: Vec::new(),
        };
        watch.read()?;
        Ok(watch)
    }

    /// What `look` makes of the launch of the instance of the last event; none if the launch is not on record any more.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn with_launch<T>(
        &mut self,
        launch_id: LaunchId,
        look: impl FnOnce(&Launch) -> T,
    ) -> Result<Option<T>, WatchError> {
        let size = self.last.0 + 1;
        if let Some((_, feed)) = self.launches.iter().find(|(known, _)| *known == launch_id) {
            return Ok(Some(feed.with_launch_at(size, look)?));
        }
        match Feed::open(&self.watches.launches, &self.watches.log, launch_id, size) {
            Ok(feed) => {
                let seen = feed.with_launch(look);
                self.launches.push((launch_id, feed));
                Ok(Some(seen))
            }
            Err(WatchError::NoSuchLaunch(_) | WatchError::Pruned { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// When the instance of the last event had reached what by then.
    pub fn boot_times(&self) -> BootTimes {
        self.last.1
    }

    /// The next event or heartbeat; none after the last.
    ///
    /// # Errors
    /// If the log cannot be read; if retention has removed what was not read yet, since nobody has come for it in all
    /// that time.
    pub async fn next(&mut self) -> Result<Option<Watched>, WatchError> {
        loop {
            if let Some(Pending { told, is_terminal }) = self.pending.pop_front() {
                return Ok(Some(self.event(&told, is_terminal)));
            }
            if self.instances.iter().all(|instance| instance.is_settled) {
                return Ok(None);
            }
            let size = self.watches.log.size();
            if !self.changes.has_changed().unwrap_or(true) {
                self.quiet_to = size;
            }
            let clock = &self.watches.clock;
            let changed = tokio::select! {
                changed = self.changes.changed() => Some(changed.is_ok()),
                () = clock.sleep(HEARTBEAT_PERIOD) => None,
            };
            match changed {
                Some(true) => {
                    let announced = *self.changes.borrow_and_update();
                    let histories = self.instances.iter().map(|instance| &instance.history);
                    History::catch_up(&self.watches.log, histories, announced)?;
                    self.end = self.end.max(announced);
                    self.read()?;
                }
                Some(false) => return Ok(None),
                None => {
                    let waiting = self.instances.iter().filter(|instance| !instance.is_settled);
                    let ids = waiting.map(|instance| instance.history.instance_id());
                    return Ok(Some(heartbeat(&**clock, self.watches.tracker.observed(&self.place, ids))));
                }
            }
        }
    }

    fn event(&mut self, told: &Told, is_terminal: bool) -> Watched {
        self.last = (told.index, told.times);
        if let Some(id) = &told.event.instance_id
            && matches!(told.phase(), Some(Phase::Failed | Phase::Terminated))
            && self.leaving.contains(id)
        {
            Arc::make_mut(&mut self.leaving).remove(id);
        }
        let event = if is_terminal {
            Arc::new(BootEvent { terminal: true, ..(*told.event).clone() })
        } else {
            Arc::clone(&told.event)
        };
        let cursor = Cursor { after: told.index + 1, begun: self.begun, leaving: Arc::clone(&self.leaving) };
        Watched::Event { event, cursor: Some(cursor) }
    }

    /// Takes what has been read and not looked at yet, in the order of the log, so that a cursor never skips what comes
    /// after it.
    fn read(&mut self) -> Result<(), WatchError> {
        let mut new = Vec::new();
        for instance in &mut self.instances {
            for told in instance.history.between(instance.next, self.end)? {
                new.push(instance.take(told));
            }
        }
        let ids = self.instances.iter().map(|instance| instance.history.instance_id());
        if let Some(oldest) = missing_from(&self.watches.log, self.quiet_to, ids)? {
            let leaving = Arc::clone(&self.leaving);
            return Err(Cursor { after: oldest, begun: oldest, leaving }.expired(oldest));
        }
        self.quiet_to = self.end;
        new.sort_by_key(|pending| pending.told.index);
        self.pending.extend(new);
        Ok(())
    }
}

/// That a watch can be taken up at `cursor`: nothing is missing of what came after it had begun.
fn check_cursor<'a>(
    log: &AuditLog,
    cursor: &Cursor,
    instance_ids: impl IntoIterator<Item = &'a InstanceId>,
) -> Result<(), WatchError> {
    let (after, last) = (cursor.after.max(cursor.begun), log.size());
    if last < after {
        return Err(WatchError::AheadOfLog { after, last });
    }
    missing_from(log, cursor.begun, instance_ids)?.map_or(Ok(()), |oldest| Err(cursor.expired(oldest)))
}

/// Whether records of these instances from index `from` on may have been removed; then the index from which on none was.
fn missing_from<'a>(
    log: &AuditLog,
    from: u64,
    instance_ids: impl IntoIterator<Item = &'a InstanceId>,
) -> Result<Option<u64>, ReadError> {
    let oldest = log.whole_from_index();
    if from < oldest {
        for id in instance_ids {
            // Retention removes a launch as a whole or not at all: nothing is missing of one that is there.
            if log.launch_of_instance(id)?.is_none() {
                return Ok(Some(oldest));
            }
        }
    }
    Ok(None)
}
