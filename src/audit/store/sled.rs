//! The store in sled 0.34.
//!
//! sled is not trusted with durability: on Linux its flush does not sync, and a kill while it
//! opens can leave a file that it then refuses. What it is asked for is order and lookup. Its
//! defects are contained here and in `recover`:
//!
//! - Few rows, a launch or a request each and never a record: a row per record and index cost
//!   gigabytes of memory at a million records.
//! - Rows are written one by one, by one caller. An `apply_batch` would be atomic, but it writes
//!   out sled's buffer twice and shuts readers out meanwhile. It is not needed: sled recovers a
//!   prefix of its log, and the count of records seen is written after the rows.
//! - There is no `flush_async`, which hangs when two wait for it, and no `generate_id`, which
//!   jumps.
//! - `segment_size` is part of the format on disk and must never change. At 4 MiB a page of
//!   sixteen rows stays inside the log up to about 60 KiB a row; beyond that sled moves it to
//!   files of their own, which it handles less well.

use std::fs::{self, File};
use std::io;
use std::ops::Bound;
use std::path::Path;

use ::sled::{Config, Db, IVec, Tree};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{
    InstanceRow, LaunchRange, LaunchRow, List, Operation, PrunedLaunch, RecordStore, RequestKey, Rows, StoreError,
    TakenBy,
};
use crate::audit::directory::sync_dir;
use crate::audit::query::Order;
use crate::ids::{InstanceId, LaunchId};

/// Version of keys and values. A store of another version is made again from the journal.
const LAYOUT_VERSION: &[u8] = b"4";

/// Bytes of pages that sled keeps in memory: a part of those there are when it is opened, but at least and at
/// most so many. At ten million records 256 MiB took 340 MiB more than 32 and made the slowest look-ups of a launch
/// a tenth faster: whatever is looked up there is hardly ever looked up again.
const CACHE_PART: u64 = 4;
const CACHE_BYTES_MIN: u64 = 16 << 20;
const CACHE_BYTES_MAX: u64 = 64 << 20;

/// Fixed for the life of a store.
const SEGMENT_BYTES: usize = 4 << 20;

/// How often sled writes to disk by itself. It is a backstop: what a crash loses is replayed.
const FLUSH_PERIOD_MS: u64 = 500;

/// The key of `meta` under which the count of records seen is.
const APPLIED: &str = "applied";

/// The store, open.
#[derive(Debug)]
pub(in crate::audit) struct SledStore {
    db: Db,
    /// Layout version, log id, count of records seen.
    meta: Tree,
    /// Launch id, 16 bytes in the order of time → [`LaunchRow`].
    launches: Tree,
    /// Launch id of every open launch → nothing.
    open: Tree,
    /// Launch id of every launch with instances, or with some to come → nothing.
    living: Tree,
    /// Request key → [`TakenBy`].
    requests: Tree,
    /// Instance id → [`InstanceRow`].
    instances: Tree,
    /// Launch id of every launch whose records were removed → [`PrunedLaunch`].
    pruned: Tree,
}

impl SledStore {
    /// Opens the store of the log `log_id` at `path`, making it if there is none.
    ///
    /// # Errors
    /// [`StoreError::Broken`] if what is there is not a store of this log and layout. sled may
    /// also panic on a damaged file; the caller must be ready for that.
    pub(in crate::audit) fn open(path: &Path, log_id: &str) -> Result<Self, StoreError> {
        let is_new = !path.exists();
        remove_unfinished_snapshots(path).map_err(StoreError::Io)?;
        let db = Config::new()
            .path(path)
            .cache_capacity(cache_bytes(path))
            .segment_size(SEGMENT_BYTES)
            .flush_every_ms(Some(FLUSH_PERIOD_MS))
            .use_compression(false)
            .open()?;
        let meta = db.open_tree("meta")?;
        for (key, wanted) in [("layout", LAYOUT_VERSION), ("log_id", log_id.as_bytes())] {
            match meta.get(key)? {
                Some(found) if found == wanted => {}
                Some(_) => return Err(StoreError::Broken(format!("its {key} is another"))),
                // Without both it has seen no record: they are written before the first.
                None => drop(meta.insert(key, wanted)?),
            }
        }
        let store = Self {
            launches: db.open_tree("launches")?,
            open: db.open_tree("open")?,
            living: db.open_tree("living")?,
            requests: db.open_tree("requests")?,
            instances: db.open_tree("instances")?,
            pruned: db.open_tree("pruned")?,
            meta,
            db,
        };
        if is_new {
            store.flush()?;
            sync_files(path).map_err(StoreError::Io)?;
        }
        Ok(store)
    }
}

impl SledStore {
    fn list(&self, list: List) -> &Tree {
        match list {
            List::Open => &self.open,
            List::Living => &self.living,
        }
    }
}

fn cache_bytes(path: &Path) -> u64 {
    // Pages and what was written over since are in one file. Where there is none the store is new.
    let bytes = fs::metadata(path.join("db")).map_or(0, |metadata| metadata.len());
    (bytes / CACHE_PART).clamp(CACHE_BYTES_MIN, CACHE_BYTES_MAX)
}

impl RecordStore for SledStore {
    fn applied(&self) -> Result<u64, StoreError> {
        let Some(bytes) = self.meta.get(APPLIED)? else { return Ok(0) };
        Ok(u64::from_be_bytes(bytes.as_ref().try_into().map_err(|_| broken("its count of records"))?))
    }

    fn apply(&self, rows: &Rows, applied: u64) -> Result<(), StoreError> {
        for (id, row) in &rows.instances {
            if *row == InstanceRow::default() {
                self.instances.remove(id.as_str())?;
            } else {
                self.instances.insert(id.as_str(), encode(row))?;
            }
        }
        for (id, pruned) in &rows.pruned {
            // What stays is there before the launch goes.
            self.pruned.insert(id.as_bytes(), encode(pruned))?;
            self.open.remove(id.as_bytes())?;
            self.living.remove(id.as_bytes())?;
            self.launches.remove(id.as_bytes())?;
        }
        for (id, row) in &rows.launches {
            let key = id.as_bytes();
            self.launches.insert(key, encode(row))?;
            for list in [List::Open, List::Living] {
                let tree = self.list(list);
                match (row.is_on(list), tree.contains_key(key)?) {
                    (true, false) => drop(tree.insert(key, &[])?),
                    (false, true) => drop(tree.remove(key)?),
                    (true, true) | (false, false) => {}
                }
            }
        }
        for (key, taken_by) in &rows.requests {
            self.requests.insert(request_bytes(key), encode(taken_by))?;
        }
        self.meta.insert(APPLIED, &applied.to_be_bytes())?;
        Ok(())
    }

    fn launch(&self, id: LaunchId) -> Result<Option<LaunchRow>, StoreError> {
        self.launches.get(id.as_bytes())?.map(|value| decode(&value)).transpose()
    }

    fn launches(
        &self,
        range: &LaunchRange,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(LaunchId, LaunchRow)>, StoreError> {
        let lower = match &range.after {
            Some(id) => Bound::Excluded(id.as_bytes().as_slice()),
            None => Bound::Unbounded,
        };
        let upper = match &range.before {
            Some(id) => Bound::Excluded(id.as_bytes().as_slice()),
            None => Bound::Unbounded,
        };
        if let (Some(after), Some(before)) = (range.after, range.before)
            && before <= after
        {
            return Ok(Vec::new());
        }
        let rows = self.launches.range::<&[u8], _>((lower, upper)).map(|item| {
            let (key, value) = item?;
            Ok((launch_id(&key)?, decode(&value)?))
        });
        match order {
            Order::OldestFirst => rows.take(limit).collect(),
            Order::NewestFirst => rows.rev().take(limit).collect(),
        }
    }

    fn listed(&self, list: List) -> Result<Vec<LaunchId>, StoreError> {
        let keys = self.list(list).iter().keys();
        keys.map(|key| launch_id(&key?)).collect()
    }

    fn request(&self, key: &RequestKey) -> Result<Option<TakenBy>, StoreError> {
        self.requests.get(request_bytes(key))?.map(|value| decode(&value)).transpose()
    }

    fn instance(&self, id: &InstanceId) -> Result<Option<InstanceRow>, StoreError> {
        self.instances.get(id.as_str())?.map(|value| decode(&value)).transpose()
    }

    fn pruned(&self, id: LaunchId) -> Result<Option<PrunedLaunch>, StoreError> {
        self.pruned.get(id.as_bytes())?.map(|value| decode(&value)).transpose()
    }

    fn each_instance(&self, visit: &mut dyn FnMut(InstanceId, InstanceRow)) -> Result<(), StoreError> {
        for item in &self.instances {
            let (key, value) = item?;
            let id = std::str::from_utf8(&key).ok().and_then(|id| id.parse().ok());
            visit(id.ok_or_else(|| broken("the id of an instance"))?, decode(&value)?);
        }
        Ok(())
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.db.flush()?;
        Ok(())
    }
}

impl From<::sled::Error> for StoreError {
    fn from(error: ::sled::Error) -> Self {
        match error {
            // sled reports a file shorter than it expects, or a missing one, as these.
            ::sled::Error::Io(error) => match error.kind() {
                io::ErrorKind::UnexpectedEof
                | io::ErrorKind::InvalidData
                | io::ErrorKind::InvalidInput
                | io::ErrorKind::NotFound
                | io::ErrorKind::Other => Self::Broken(error.to_string()),
                _ => Self::Io(error),
            },
            error => Self::Broken(error.to_string()),
        }
    }
}

fn encode<T: Serialize>(row: &T) -> Vec<u8> {
    postcard::to_stdvec(row).expect("rows have no failing serialiser and no length that is not known")
}

fn decode<T: DeserializeOwned>(value: &IVec) -> Result<T, StoreError> {
    postcard::from_bytes(value).map_err(|error| StoreError::Broken(error.to_string()))
}

fn launch_id(key: &IVec) -> Result<LaunchId, StoreError> {
    Ok(LaunchId::from_bytes(key.as_ref().try_into().map_err(|_| broken("the id of a launch"))?))
}

fn broken(what: &str) -> StoreError {
    StoreError::Broken(format!("{what} cannot be read"))
}

/// The operation's byte, then principal, account and request id with a zero byte between; none of
/// them can hold one.
fn request_bytes(key: &RequestKey) -> Vec<u8> {
    let operation = match key.operation {
        Operation::Launch => 1,
        Operation::Terminate => 2,
        Operation::Cancel => 3,
    };
    let mut bytes = vec![operation];
    bytes.extend_from_slice(key.principal.as_str().as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(key.account_id.as_str().as_bytes());
    bytes.push(0);
    bytes.extend_from_slice(key.request_id.as_str().as_bytes());
    bytes
}

/// A kill while sled writes a snapshot leaves `snap.<lsn>.generating`, which the next open would
/// read in place of the whole one, and refuse.
fn remove_unfinished_snapshots(path: &Path) -> io::Result<()> {
    let items = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        items => items?,
    };
    for item in items {
        let path = item?.path();
        let is_unfinished = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with("snap.") && name.ends_with(".generating"));
        if is_unfinished {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

/// Makes a new store's files durable; sled does not.
fn sync_files(path: &Path) -> io::Result<()> {
    for name in ["db", "conf"] {
        File::open(path.join(name))?.sync_all()?;
    }
    for dir in [path.join("blobs").as_path(), path] {
        sync_dir(dir)?;
    }
    path.parent().map_or(Ok(()), sync_dir)
}
