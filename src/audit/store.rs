//! The store: what is asked for by launch, request or instance, made from the journal.
//!
//! Everything in it can be made again from the records, so a store that is lost or broken costs
//! a rebuild and no data. It knows no journal; `staging` says what a record changes.

mod behind;
mod sled;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Bound;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub(super) use self::behind::StoreBehind;
pub(super) use self::sled::SledStore;

use super::HashMap;
use super::query::Order;
use crate::ids::{AccountId, ImageId, InstanceId, LaunchId, Principal, Region, RequestId, Sha256Digest};
use crate::record::{Launch, LaunchState};

/// The contract of a store.
///
/// - **Durability.** None is asked for when [`RecordStore::apply`] returns. After a restart the
///   store holds what a prefix of all row writes made, in their order, and the count of records is
///   written after the rows it covers: rows may be ahead of the count, never behind it. Applying
///   records again, in order and to the end of the log, gives the same rows as applying them once.
/// - **Order.** One caller applies, in the order of the records. What was applied is seen by
///   every read that begins afterwards, from any thread; a read meanwhile sees each row as it was
///   before or after.
/// - **Rows** are written whole and read back equal.
/// - **Removal.** A launch among [`Rows::pruned`] has no row of its own any more, is in no list, and none
///   comes again; what stays of it is read back equal. An instance whose row is the default one has none.
///   That a removed row cannot be found is asked for; when its bytes leave the disk is the store's affair.
/// - Every call may block on files or the network.
pub(super) trait RecordStore: fmt::Debug + Send + Sync {
    /// How many records the store has seen.
    fn applied(&self) -> Result<u64, StoreError>;

    /// Writes rows, and then that all records below `applied` have been seen.
    fn apply(&self, rows: &Rows, applied: u64) -> Result<(), StoreError>;

    /// One launch.
    fn launch(&self, id: LaunchId) -> Result<Option<LaunchRow>, StoreError>;

    /// At most `limit` launches in `range`, by id from its start, or from its end backwards.
    fn launches(
        &self,
        range: &LaunchRange,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(LaunchId, LaunchRow)>, StoreError>;

    /// The launches of a list, oldest first.
    fn listed(&self, list: List) -> Result<Vec<LaunchId>, StoreError>;

    /// What a request key was used for.
    fn request(&self, key: &RequestKey) -> Result<Option<TakenBy>, StoreError>;

    /// What stays of a launch whose records retention has removed.
    fn pruned(&self, id: LaunchId) -> Result<Option<PrunedLaunch>, StoreError>;

    /// Shows every instance to `visit`, in any order.
    fn each_instance(&self, visit: &mut dyn FnMut(InstanceId, InstanceRow)) -> Result<(), StoreError>;

    /// One instance.
    fn instance(&self, id: &InstanceId) -> Result<Option<InstanceRow>, StoreError>;

    /// Writes out what it holds in memory, before it is closed.
    fn flush(&self) -> Result<(), StoreError>;
}

/// Rows, as some records left them.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// Launches.
    pub(super) launches: BTreeMap<LaunchId, LaunchRow>,
    /// Request keys that were taken.
    pub(super) requests: HashMap<RequestKey, TakenBy>,
    /// Instances.
    pub(super) instances: HashMap<InstanceId, InstanceRow>,
    /// Launches whose rows go, and what stays of them. None of them is among `launches`.
    pub(super) pruned: BTreeMap<LaunchId, PrunedLaunch>,
}

impl Rows {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.launches.len() + self.requests.len() + self.instances.len() + self.pruned.len()
    }

    /// Takes in later rows.
    pub(super) fn extend(&mut self, later: Self) {
        self.launches.extend(later.launches);
        for (id, pruned) in later.pruned {
            self.launches.remove(&id);
            self.pruned.insert(id, pruned);
        }
        self.requests.extend(later.requests);
        self.instances.extend(later.instances);
    }
}

/// Where a launch's entries are, and what lists of launches are narrowed by. The launch itself is
/// folded from its entries when somebody wants it: a row with the whole of it cost a store nine
/// times the space, because it was written again with every entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct LaunchRow {
    /// Indexes of its entries, ascending.
    pub(super) entries: Vec<u64>,
    /// As [`Launch::state`].
    pub(super) state: LaunchState,
    /// As [`Launch::is_open`].
    pub(super) is_open: bool,
    /// Whether it has [`Launch::instances_held`].
    pub(super) is_living: bool,
    /// What does not change.
    pub(super) about: Arc<LaunchAbout>,
}

/// Lists of launches that are kept, because looking through all launches takes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum List {
    /// Those that [`Launch::is_open`].
    Open,
    /// Those that have [`Launch::instances_held`].
    Living,
}

impl LaunchRow {
    /// Whether the launch is on a list.
    pub(super) fn is_on(&self, list: List) -> bool {
        match list {
            List::Open => self.is_open,
            List::Living => self.is_living,
        }
    }
}

/// What of a launch is decided with it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct LaunchAbout {
    /// As [`Launch::principal`].
    pub(super) principal: Principal,
    /// As [`Launch::account_id`].
    pub(super) account_id: AccountId,
    /// As [`Launch::region`].
    pub(super) region: Region,
    /// As [`Launch::image_id`].
    pub(super) image_id: Option<ImageId>,
    /// As [`Launch::create_time`].
    pub(super) create_time: Timestamp,
}

impl LaunchAbout {
    /// What is decided with a launch.
    pub(super) fn of(launch: &Launch) -> Self {
        Self {
            principal: launch.principal.clone(),
            account_id: launch.account_id.clone(),
            region: launch.region.clone(),
            image_id: launch.image_id().cloned(),
            create_time: launch.create_time,
        }
    }
}

/// An instance that some record is about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct InstanceRow {
    /// The launch that made it; its entries are that launch's.
    pub(super) launch_id: Option<LaunchId>,
    /// Indexes of entries about it that do not belong to that launch, ascending.
    pub(super) entries: Vec<u64>,
}

impl InstanceRow {
    /// Takes in an entry that does not belong to the launch. One that is replayed is there already.
    pub(super) fn note(&mut self, index: u64) {
        if self.entries.last().is_none_or(|&last| last < index) {
            self.entries.push(index);
        }
    }
}

/// What stays of a launch whose records retention has removed, beside its request keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrunedLaunch {
    /// The state that it ended in.
    pub state: LaunchState,
    /// When it was decided.
    pub create_time: Timestamp,
    /// The instances that it launched.
    pub instance_ids: Vec<InstanceId>,
    /// Whether values of its spec were redacted: repeats are compared under a key then.
    pub redacted: bool,
}

/// A range of launch ids, without its bounds.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct LaunchRange {
    /// Only launches after this one.
    pub(super) after: Option<LaunchId>,
    /// Only launches before this one.
    pub(super) before: Option<LaunchId>,
}

impl LaunchRange {
    /// The same as the bounds of a map.
    pub(super) fn bounds(&self) -> (Bound<LaunchId>, Bound<LaunchId>) {
        match (self.after, self.before) {
            // A map's range may not end before it begins: nothing is after this and before the same.
            (Some(after), Some(before)) if before <= after => (Bound::Included(after), Bound::Excluded(after)),
            (after, before) => {
                let bound = |id: Option<LaunchId>| id.map_or(Bound::Unbounded, Bound::Excluded);
                (bound(after), bound(before))
            }
        }
    }
}

/// What a request asked for. The two never share a request id by accident.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// A launch.
    Launch,
    /// A termination.
    Terminate,
    /// A cancellation.
    Cancel,
}

/// The key under which a request is done once.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestKey {
    /// What was asked for.
    pub operation: Operation,
    /// Who asked.
    pub principal: Principal,
    /// In which account.
    pub account_id: AccountId,
    /// The caller's own key.
    pub request_id: RequestId,
}

/// What a request key was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenBy {
    /// The launch that was made, or terminated.
    pub launch_id: LaunchId,
    /// What "the same body" means.
    pub body_sha256: Sha256Digest,
    /// The record of the request.
    pub index: u64,
}

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// What it holds is not what was written. It can be made again from the journal.
    #[error("the store is damaged: {0}")]
    Broken(String),
    /// Its files could not be read or written.
    #[error("the files of the store could not be read or written")]
    Io(#[source] io::Error),
}
