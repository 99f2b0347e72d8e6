//! What records change in the store: one function for the writer and for replay.
//!
//! [`Staged`] holds the rows of one commit group, and [`Staging`] fills it. That looks at the store and
//! never writes it: the writer does, once the records are durable.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::HashMap;
use super::error::ReadError;
use super::fold::fold;
use super::journal::Table;
use super::launch_time;
use super::retention::Plan;
use super::store::{
    InstanceRow, LaunchAbout, LaunchRow, Operation, PrunedLaunch, RequestKey, Rows, StoreBehind, TakenBy,
};
use super::topics::instances_of;
use crate::ids::{ImageId, InstanceId, LaunchId, Sha256Digest};
use crate::record::{ApplyError, Entry, Event, Launch};

/// Launches the writer remembers, to spare itself the folding.
const CACHE_LAUNCHES_MAX: usize = 2048;

/// Why entries cannot be taken in. Nothing of them was.
#[derive(Debug)]
pub(super) enum StageError {
    /// They do not follow from the entries before them.
    Conflict(ApplyError),
    /// The launch id is not of the decision's day.
    MisdatedLaunch,
    /// Retention has removed the launch.
    Pruned,
    /// What came before could not be read.
    Read(ReadError),
}

impl From<ApplyError> for StageError {
    fn from(error: ApplyError) -> Self {
        Self::Conflict(error)
    }
}

impl From<ReadError> for StageError {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// Takes entries into a commit group.
#[derive(Debug)]
pub(super) struct Staging<'a> {
    pub(super) store: &'a StoreBehind,
    pub(super) table: &'a Table,
    pub(super) cache: &'a mut LaunchCache,
    /// The group before, if its rows are not in the store yet.
    pub(super) before: Option<&'a Staged>,
    pub(super) group: &'a mut Staged,
    /// What the entries that are being taken in change, until all of them are. Empty between appends, and
    /// kept for the room that it has.
    pub(super) own: &'a mut Staged,
}

/// The rows that a commit group changes.
#[derive(Debug, Default)]
pub(super) struct Staged {
    /// Boxed, like those that are remembered: they are moved about more often than looked at.
    launches: HashMap<LaunchId, Box<Folded>>,
    requests: HashMap<RequestKey, TakenBy>,
    instances: HashMap<InstanceId, InstanceRow>,
    pruned: BTreeMap<LaunchId, PrunedLaunch>,
}

/// A launch and the indexes of the entries it is the fold of.
#[derive(Debug, Clone)]
struct Folded {
    launch: Launch,
    about: Arc<LaunchAbout>,
    entries: Vec<u64>,
}

impl Staged {
    /// The image of a launch that was taken in.
    pub(super) fn image_of(&self, id: LaunchId) -> Option<&ImageId> {
        self.launches.get(&id)?.about.image_id.as_ref()
    }

    /// The rows to write. Their launches are remembered.
    pub(super) fn finish(self, cache: &mut LaunchCache) -> Rows {
        let Self { launches, requests, instances, pruned } = self;
        let mut rows = Rows { requests, instances, pruned, ..Rows::default() };
        for (id, folded) in launches {
            let row = LaunchRow {
                entries: folded.entries.clone(),
                state: folded.launch.state,
                is_open: folded.launch.is_open(),
                is_living: folded.launch.instances_held() > 0,
                about: Arc::clone(&folded.about),
            };
            rows.launches.insert(id, row);
            cache.put(id, folded);
        }
        rows
    }
}

impl Staging<'_> {
    /// What a request key was used for, by this group or before it.
    pub(super) fn request(&self, key: &RequestKey) -> Result<Option<TakenBy>, ReadError> {
        match self.staged().find_map(|staged| staged.requests.get(key)) {
            Some(taken_by) => Ok(Some(*taken_by)),
            None => Ok(self.store.request(key)?),
        }
    }

    /// What the store does not have yet, the latest first.
    fn staged(&self) -> impl Iterator<Item = &Staged> {
        std::iter::once(&*self.group).chain(self.before)
    }

    /// Takes in all of `entries`, whose first has index `first`, or none of them. `free` is a request key
    /// that is known to be free.
    pub(super) fn take_in(
        &mut self,
        first: u64,
        entries: &[Entry],
        free: Option<&RequestKey>,
    ) -> Result<(), StageError> {
        let mut own = std::mem::take(self.own);
        let taken_in = (first..).zip(entries).try_for_each(|(index, entry)| match entry.launch_id {
            Some(id) => self.take_in_launch(&mut own, index, id, entry, free),
            None => self.take_in_other(&mut own, index, entry),
        });
        if taken_in.is_ok() {
            self.group.launches.extend(own.launches.drain());
            self.group.requests.extend(own.requests.drain());
            self.group.instances.extend(own.instances.drain());
        } else {
            own = Staged::default();
        }
        *self.own = own;
        taken_in
    }

    /// Takes the launches of a pruning out; false, and nothing was, if one of them has changed since it was
    /// planned. Its record is to be taken in next.
    pub(super) fn prune(&mut self, plan: &Plan) -> Result<bool, ReadError> {
        for (snapshot, last) in &plan.launches {
            let (id, _) = snapshot.launch();
            let row = self.store.launch(id)?;
            // Indexes only ever come to a row at its end.
            let is_same = row.is_some_and(|row| !row.is_open && row.entries.last() == Some(last));
            // Nor has a group that is under way changed it.
            if !is_same || self.staged().any(|staged| staged.launches.contains_key(&id)) {
                return Ok(false);
            }
        }
        let mut own = Staged::default();
        for (snapshot, _) in &plan.launches {
            let (id, pruned) = snapshot.launch();
            for instance in &pruned.instance_ids {
                let row = self.instance(&mut own, instance)?;
                if row.launch_id == Some(id) {
                    row.launch_id = None;
                }
            }
            self.cache.forget(id);
            own.pruned.insert(id, pruned);
        }
        for instance in &plan.instances {
            self.instance(&mut own, instance)?.entries.retain(|&index| plan.record.end <= index);
        }
        self.group.instances.extend(own.instances);
        self.group.pruned.extend(own.pruned);
        Ok(true)
    }

    fn take_in_launch(
        &mut self,
        own: &mut Staged,
        index: u64,
        id: LaunchId,
        entry: &Entry,
        free: Option<&RequestKey>,
    ) -> Result<(), StageError> {
        if self.staged().any(|staged| staged.pruned.contains_key(&id)) {
            return Err(StageError::Pruned);
        }
        let folded = match self.launch(own, id)? {
            // A record that the row has is being replayed for the sake of the other rows.
            Some(folded) if folded.entries.last().is_some_and(|&last| index <= last) => folded,
            Some(mut folded) => {
                folded.launch.apply(entry)?;
                folded.entries.push(index);
                folded
            }
            // A launch that was removed does not begin again, and its end is not its beginning.
            None if self.store.pruned(id).map_err(ReadError::from)?.is_some() => return Err(StageError::Pruned),
            None => {
                let (launch, _) = Launch::begin(entry)?;
                if !launch_time::agree(id, entry.time) {
                    return Err(StageError::MisdatedLaunch);
                }
                Box::new(Folded { entries: vec![index], about: Arc::new(LaunchAbout::of(&launch)), launch })
            }
        };
        own.launches.insert(id, folded);
        if let Some((key, body_sha256)) = request_of(entry)
            && !own.requests.contains_key(&key)
            && (free == Some(&key) || self.request(&key)?.is_none())
        {
            own.requests.insert(key, TakenBy { launch_id: id, body_sha256, index });
        }
        if matches!(entry.event, Event::AttemptSucceeded(_)) {
            for instance in instances_of(entry) {
                self.instance(own, instance)?.launch_id = Some(id);
            }
        }
        if let Event::Termination(termination) = &entry.event {
            // No launch's entries lead to it otherwise.
            for instance in &termination.others {
                self.instance(own, instance)?.note(index);
            }
        }
        Ok(())
    }

    fn take_in_other(&mut self, own: &mut Staged, index: u64, entry: &Entry) -> Result<(), StageError> {
        match &entry.event {
            Event::ServiceStarted(_) | Event::RecordsPruned(_) | Event::PolicyLoaded(_) | Event::LaunchSwitch(_) => {
                Ok(())
            }
            Event::InstancePhase(phase) => {
                self.instance(own, &phase.instance_id)?.note(index);
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
            | Event::Cancellation(_)
            | Event::Termination(_) => Err(ApplyError::OtherLaunch.into()),
        }
    }

    /// A launch as it is after what was taken in so far.
    fn launch(&mut self, own: &mut Staged, id: LaunchId) -> Result<Option<Box<Folded>>, ReadError> {
        if let Some(folded) = own.launches.remove(&id) {
            return Ok(Some(folded));
        }
        // What was taken in by a group is the later one, even if an earlier state is remembered.
        if let Some(folded) = self.staged().find_map(|staged| staged.launches.get(&id)) {
            return Ok(Some(folded.clone()));
        }
        // What is remembered can be folded again, so nothing is lost if this append is refused.
        if let Some(folded) = self.cache.take(id) {
            return Ok(Some(folded));
        }
        let Some(row) = self.store.launch(id)? else { return Ok(None) };
        let launch = fold(self.table, &row.entries)?;
        Ok(Some(Box::new(Folded { launch, about: row.about, entries: row.entries })))
    }

    /// An instance as it is after what was taken in so far, to be changed.
    fn instance<'o>(&self, own: &'o mut Staged, id: &InstanceId) -> Result<&'o mut InstanceRow, ReadError> {
        if !own.instances.contains_key(id) {
            let row = match self.staged().find_map(|staged| staged.instances.get(id)) {
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
        Event::Cancellation(cancellation) => {
            (Operation::Cancel, cancellation.request_id.clone(), cancellation.body_sha256)
        }
        Event::AttemptIntended(_)
        | Event::AttemptSucceeded(_)
        | Event::AttemptFailed(_)
        | Event::AttemptUnknown(_)
        | Event::LaunchEnded(_)
        | Event::InstancePhase(_)
        | Event::ServiceStarted(_)
        | Event::RecordsPruned(_)
        | Event::PolicyLoaded(_)
        | Event::LaunchSwitch(_) => return None,
    };
    let (principal, account_id) = (entry.principal.clone()?, entry.account_id.clone()?);
    Some((RequestKey { operation, principal, account_id, request_id }, body_sha256))
}

/// The launches that were changed last. Two generations: when the younger is full the older is
/// forgotten, which keeps between half of the most and the most.
#[derive(Debug, Default)]
pub(super) struct LaunchCache {
    young: HashMap<LaunchId, Box<Folded>>,
    old: HashMap<LaunchId, Box<Folded>>,
}

impl LaunchCache {
    fn forget(&mut self, id: LaunchId) {
        self.young.remove(&id);
        self.old.remove(&id);
    }

    fn take(&mut self, id: LaunchId) -> Option<Box<Folded>> {
        self.young.remove(&id).or_else(|| self.old.remove(&id))
    }

    fn put(&mut self, id: LaunchId, folded: Box<Folded>) {
        // An earlier state of it must not come up again once the later one is taken.
        self.old.remove(&id);
        if CACHE_LAUNCHES_MAX / 2 <= self.young.len() {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(id, folded);
    }
}
