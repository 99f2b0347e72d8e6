//! What is to be removed: decided from the journal and the store, and changed by nobody.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::files::lines_of;
use super::snapshot::{Snapshot, TakenRequest};
use super::{PruneError, Retention};
use crate::audit::error::ReadError;
use crate::audit::facet::nanos;
use crate::audit::fold::entry_of;
use crate::audit::journal::{Leaf, Segment, TableError};
use crate::audit::log::AuditLog;
use crate::audit::staging::request_of;
use crate::audit::store::RequestKey;
use crate::audit::topics::instances_of;
use crate::ids::{InstanceId, LaunchId};
use crate::record::{Entry, Event, RecordsPruned};

/// About how many records one pruning looks at beyond those before it: the writer looks at the row of
/// each launch among them within one commit, and all their snapshots are in memory.
const RECORDS_AT_ONCE: u64 = if cfg!(test) { 40 } else { 65_536 };

/// What one pruning removes.
#[derive(Debug)]
pub(in crate::audit) struct Plan {
    /// The record that says so.
    pub(in crate::audit) record: RecordsPruned,
    /// Records that the log had.
    pub(super) size: u64,
    /// Records below the end that stay.
    pub(super) kept: Kept,
    /// Launches that go: what stays of each, and the index of its last record.
    pub(in crate::audit) launches: Vec<(Snapshot, u64)>,
    /// Instances that records about no launch are about, which go.
    pub(in crate::audit) instances: BTreeSet<InstanceId>,
}

/// Records that stay: ranges in order, with gaps between.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Kept(Vec<(u64, u64)>);

impl Kept {
    fn of(indexes: impl Iterator<Item = u64>) -> Self {
        let mut ranges: Vec<(u64, u64)> = Vec::new();
        for index in indexes {
            match ranges.last_mut() {
                Some((_, end)) if *end == index => *end = index + 1,
                _ => ranges.push((index, index + 1)),
            }
        }
        Self(ranges)
    }

    /// Whether a record stays.
    pub(super) fn contains(&self, index: u64) -> bool {
        let place = self.0.partition_point(|(first, _)| *first <= index);
        place.checked_sub(1).is_some_and(|place| index < self.0[place].1)
    }
}

/// What the records of one launch say, as far as they lie before the end.
#[derive(Debug, Default)]
struct Seen {
    indexes: Vec<u64>,
    instances: Vec<InstanceId>,
    requests: Vec<(RequestKey, u64)>,
    redacted: bool,
}

/// The next pruning, and its file of snapshots; none if there is nothing to remove. `last_end` is the end
/// of the last one: between two with the same end nothing can have become removable, since what closes a
/// launch is a record behind it.
pub(super) fn next(
    log: &AuditLog,
    retention: &Retention,
    last_end: u64,
) -> Result<Option<(Plan, Vec<u8>)>, PruneError> {
    let size = log.size();
    let segments = log.shared.table.segments();
    let before = nanos(retention.before());
    // All but the last, which is written to.
    let finished = &segments[..segments.len() - 1];
    let is_old =
        |segment: &&Arc<Segment>| segment.end() <= last_end || segment.last_time().is_none_or(|last| last < before);
    let old = finished.iter().take_while(is_old).count();
    if let Some(first) = finished.get(old)
        && let Some(last) = first.last_time()
        && nanos(retention.now) < last
    {
        // As by a clock that was wrong once. Everything behind it waits as well, and somebody should know.
        let segment = first.first();
        tracing::warn!(segment, "retention stops at a segment of the journal with a record from the future");
    }
    let mut begun = last_end;
    for (number, segment) in finished[..old].iter().enumerate() {
        let end = segment.end();
        if end <= last_end || (end - begun < RECORDS_AT_ONCE && number + 1 < old) {
            continue;
        }
        let found = plan(log, retention, &finished[..=number], 0..end, size)?;
        if found.is_some() {
            return Ok(found);
        }
        begun = end;
    }
    Ok(None)
}

fn plan(
    log: &AuditLog,
    retention: &Retention,
    segments: &[Arc<Segment>],
    range: Range<u64>,
    size: u64,
) -> Result<Option<(Plan, Vec<u8>)>, PruneError> {
    let (mut kept, mut removed) = (BTreeSet::new(), 0);
    let mut launches: BTreeMap<LaunchId, Seen> = BTreeMap::new();
    let mut instances = BTreeSet::new();
    for segment in segments {
        for slot in segment.kept() {
            let index = segment.first() + u64::from(slot);
            let entry = entry_in(segment, index)?;
            match (entry.launch_id, &entry.event) {
                (Some(id), _) => launches.entry(id).or_default().take(index, &entry),
                // What the log says of itself stays: who began to sign, what was removed, by which policy was
                // decided, and whether launches are stopped, which holds until somebody lets them go on.
                (
                    None,
                    Event::ServiceStarted(_)
                    | Event::RecordsPruned(_)
                    | Event::PolicyLoaded(_)
                    | Event::LaunchSwitch(_),
                ) => drop(kept.insert(index)),
                (None, event) => {
                    if let Event::InstancePhase(phase) = event {
                        instances.insert(phase.instance_id.clone());
                    }
                    removed += 1;
                }
            }
        }
    }
    let mut gone = Vec::new();
    for (id, seen) in launches {
        match snapshot_of(log, id, &seen, range.end)? {
            Some(snapshot) => {
                removed += seen.indexes.len() as u64;
                gone.push((snapshot, seen.indexes.last().copied().unwrap_or(0)));
            }
            None => kept.extend(seen.indexes),
        }
    }
    if removed == 0 {
        return Ok(None);
    }
    let (lines, snapshots_sha256) = lines_of(gone.iter().map(|(snapshot, _)| snapshot));
    let record = RecordsPruned {
        first: range.start,
        end: range.end,
        before: retention.before(),
        removed,
        kept: kept.len() as u64,
        snapshots: gone.len() as u64,
        snapshots_sha256,
    };
    Ok(Some((Plan { record, size, kept: Kept::of(kept.into_iter()), launches: gone, instances }, lines)))
}

/// What stays of a launch, if it goes: it is not open, and has no record but those that were `seen`.
fn snapshot_of(log: &AuditLog, id: LaunchId, seen: &Seen, end: u64) -> Result<Option<Snapshot>, PruneError> {
    let Some(row) = log.in_store(|store| store.launch(id))? else {
        // What is not understood is not removed.
        tracing::warn!(launch_id = %id, "records of a launch that the store does not know are kept");
        return Ok(None);
    };
    if row.is_open || row.entries.last().is_none_or(|&last| end <= last) || row.entries != seen.indexes {
        return Ok(None);
    }
    let mut requests = Vec::new();
    for (key, index) in &seen.requests {
        // Another record may have taken the key before.
        if let Some(taken) = log.in_store(|store| store.request(key))?.filter(|taken| taken.index == *index) {
            requests.push(TakenRequest::of(key, &taken));
        }
    }
    let create_time = row.about.create_time;
    let instance_ids = seen.instances.clone();
    let redacted = seen.redacted;
    Ok(Some(Snapshot { launch_id: id, state: row.state, create_time, instance_ids, redacted, requests }))
}

impl Seen {
    fn take(&mut self, index: u64, entry: &Entry) {
        self.indexes.push(index);
        if let Event::Decision(decision) = &entry.event {
            self.redacted |= decision.spec.is_redacted();
        }
        if matches!(entry.event, Event::AttemptSucceeded(_)) {
            self.instances.extend(instances_of(entry).cloned());
        }
        self.requests.extend(request_of(entry).map(|(key, _)| (key, index)));
    }
}

fn entry_in(segment: &Segment, index: u64) -> Result<Entry, ReadError> {
    match segment.leaf(index) {
        Ok(Some(Leaf::Kept(leaf))) => entry_of(index, &leaf),
        Ok(Some(Leaf::Pruned) | None) | Err(TableError::Damaged) => Err(ReadError::Damaged { index }),
        Err(TableError::Io(error)) => Err(ReadError::Io(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_hold_what_they_were_made_of() {
        let indexes = [0, 1, 2, 5, 7, 8, 100];
        let kept = Kept::of(indexes.into_iter());
        assert_eq!(kept, Kept(vec![(0, 3), (5, 6), (7, 9), (100, 101)]));
        assert!((0..200).all(|index| kept.contains(index) == indexes.contains(&index)));
        assert!(!Kept::default().contains(0));
    }
}
