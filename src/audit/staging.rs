//! What records change in the store: one function for the writer and for replay.
//!
//! [`Staging`] holds the rows of one commit group. It looks at the store and never writes it:
//! the writer does, once the records are durable.

use std::collections::HashMap;

use super::launch_time;
use super::store::{Changes, InstanceRow, LaunchRow, Operation, RecordStore, RequestKey, StoreError, TakenBy};
use super::topics::instances_of;
use crate::ids::{InstanceId, LaunchId, Sha256Digest};
use crate::record::{ApplyError, Entry, Event, Launch};

/// Launches the writer remembers, to spare the store the reading.
const CACHE_LAUNCHES_MAX: usize = 4096;

/// Why entries cannot be taken in. Nothing of them was.
#[derive(Debug)]
pub(super) enum StageError {
    /// They do not follow from the entries before them.
    Conflict(ApplyError),
    /// The launch id is not of the decision's day.
    MisdatedLaunch,
    /// The store could not be read.
    Store(StoreError),
}

impl From<ApplyError> for StageError {
    fn from(error: ApplyError) -> Self {
        Self::Conflict(error)
    }
}

impl From<StoreError> for StageError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The rows that a commit group changes.
#[derive(Debug)]
pub(super) struct Staging<'a> {
    store: &'a dyn RecordStore,
    cache: &'a mut LaunchCache,
    rows: Rows,
}

#[derive(Debug, Default)]
struct Rows {
    launches: HashMap<LaunchId, LaunchRow>,
    requests: HashMap<RequestKey, TakenBy>,
    instances: HashMap<InstanceId, InstanceRow>,
}

impl<'a> Staging<'a> {
    /// A group that changes nothing yet.
    pub(super) fn new(store: &'a dyn RecordStore, cache: &'a mut LaunchCache) -> Self {
        Self { store, cache, rows: Rows::default() }
    }

    /// What a request key was used for, by this group or before it.
    pub(super) fn request(&self, key: &RequestKey) -> Result<Option<TakenBy>, StoreError> {
        match self.rows.requests.get(key) {
            Some(taken_by) => Ok(Some(*taken_by)),
            None => self.store.request(key),
        }
    }

    /// Takes in all of `entries`, whose first has index `first`, or none of them.
    pub(super) fn take_in(&mut self, first: u64, entries: &[Entry]) -> Result<(), StageError> {
        let mut own = Rows::default();
        for (index, entry) in (first..).zip(entries) {
            match entry.launch_id {
                Some(id) => self.take_in_launch(&mut own, index, id, entry)?,
                None => self.take_in_other(&mut own, index, entry)?,
            }
        }
        self.rows.launches.extend(own.launches);
        self.rows.requests.extend(own.requests);
        self.rows.instances.extend(own.instances);
        Ok(())
    }

    /// The rows to write.
    pub(super) fn changes(&self) -> Changes<'_> {
        Changes {
            launches: self.rows.launches.values().collect(),
            requests: self.rows.requests.iter().collect(),
            instances: self.rows.instances.iter().collect(),
        }
    }

    /// Remembers the launches of a group that the store now has.
    pub(super) fn finish(self) {
        for (id, row) in self.rows.launches {
            self.cache.put(id, row);
        }
    }

    fn take_in_launch(&mut self, own: &mut Rows, index: u64, id: LaunchId, entry: &Entry) -> Result<(), StageError> {
        let row = match self.launch(own, id)? {
            // A record that the row has is being replayed for the sake of the other rows.
            Some(row) if row.entries.last().is_some_and(|&last| index <= last) => row,
            Some(mut row) => {
                row.launch.apply(entry)?;
                row.entries.push(index);
                row
            }
            None => {
                let (launch, _) = Launch::begin(entry)?;
                if !launch_time::agree(id, entry.time) {
                    return Err(StageError::MisdatedLaunch);
                }
                LaunchRow { entries: vec![index], launch }
            }
        };
        own.launches.insert(id, row);
        if let Some((key, body_sha256)) = request_of(entry)
            && !own.requests.contains_key(&key)
            && self.request(&key)?.is_none()
        {
            own.requests.insert(key, TakenBy { launch_id: id, body_sha256, index });
        }
        if matches!(entry.event, Event::AttemptSucceeded(_)) {
            for instance in instances_of(entry) {
                self.instance(own, instance)?.launch_id = Some(id);
            }
        }
        Ok(())
    }

    fn take_in_other(&mut self, own: &mut Rows, index: u64, entry: &Entry) -> Result<(), StageError> {
        match &entry.event {
            Event::ServiceStarted(_) => Ok(()),
            Event::InstancePhase(phase) => {
                let row = self.instance(own, &phase.instance_id)?;
                if row.entries.last().is_none_or(|&last| last < index) {
                    row.entries.push(index);
                }
                Ok(())
            }
            // A preview makes no launch and takes no request key.
            Event::Decision(decision) if decision.preview => Ok(()),
            Event::Decision(_) => Err(ApplyError::NotDecided.into()),
            Event::AttemptIntended(_)
            | Event::AttemptSucceeded(_)
            | Event::AttemptFailed(_)
            | Event::AttemptUnknown(_)
            | Event::LaunchEnded(_)
            | Event::Termination(_) => Err(ApplyError::OtherLaunch.into()),
        }
    }

    /// A launch as it is after what was taken in so far.
    fn launch(&mut self, own: &mut Rows, id: LaunchId) -> Result<Option<LaunchRow>, StoreError> {
        if let Some(row) = own.launches.remove(&id) {
            return Ok(Some(row));
        }
        if let Some(row) = self.rows.launches.get(&id) {
            return Ok(Some(row.clone()));
        }
        // A remembered row is what the store has, so nothing is lost if this append is refused.
        match self.cache.take(id) {
            Some(row) => Ok(Some(row)),
            None => self.store.launch(id),
        }
    }

    /// An instance as it is after what was taken in so far, to be changed.
    fn instance<'o>(&self, own: &'o mut Rows, id: &InstanceId) -> Result<&'o mut InstanceRow, StoreError> {
        if !own.instances.contains_key(id) {
            let row = match self.rows.instances.get(id) {
                Some(row) => row.clone(),
                None => self.store.instance(id)?.unwrap_or_default(),
            };
            own.instances.insert(id.clone(), row);
        }
        Ok(own.instances.get_mut(id).expect("it was inserted where it was missing"))
    }
}

/// The request key that an entry takes, and what "the same body" is for it. The first entry that
/// carries a key takes it; a preview takes none.
pub(super) fn request_of(entry: &Entry) -> Option<(RequestKey, Sha256Digest)> {
    let (operation, request_id, body_sha256) = match &entry.event {
        Event::Decision(decision) if decision.preview => return None,
        Event::Decision(decision) => (Operation::Launch, decision.request_id.clone()?, decision.body_sha256),
        Event::Termination(termination) => {
            (Operation::Terminate, termination.request_id.clone()?, termination.body_sha256?)
        }
        Event::AttemptIntended(_)
        | Event::AttemptSucceeded(_)
        | Event::AttemptFailed(_)
        | Event::AttemptUnknown(_)
        | Event::LaunchEnded(_)
        | Event::InstancePhase(_)
        | Event::ServiceStarted(_) => return None,
    };
    let (principal, account_id) = (entry.principal.clone()?, entry.account_id.clone()?);
    Some((RequestKey { operation, principal, account_id, request_id }, body_sha256))
}

/// The launches that were changed last. Two generations: when the younger is full the older is
/// forgotten, which keeps between half of the most and the most.
#[derive(Debug, Default)]
pub(super) struct LaunchCache {
    young: HashMap<LaunchId, LaunchRow>,
    old: HashMap<LaunchId, LaunchRow>,
}

impl LaunchCache {
    fn take(&mut self, id: LaunchId) -> Option<LaunchRow> {
        self.young.remove(&id).or_else(|| self.old.remove(&id))
    }

    fn put(&mut self, id: LaunchId, row: LaunchRow) {
        if CACHE_LAUNCHES_MAX / 2 <= self.young.len() {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id, row);
    }
}
