//! The snapshots of a Region that are held: the newest, and those that page tokens still name.
//!
//! A refresh makes a new snapshot that shares its body with the one before, so that many of them
//! cost little. A full crawl makes a new body, and a Region never holds more than two: while a third
//! is being made, only the newest is kept.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::ami::snapshot::Snapshot;
use crate::ids::{MalformedId, random_bytes};

/// How long a snapshot can still be paged through after it was replaced.
pub const REPLACED_LIFE: Duration = Duration::from_secs(10 * 60);

/// The most snapshots held at once, which is what refreshes once a minute leave in
/// [`REPLACED_LIFE`] and a few more; the oldest goes first.
const SNAPSHOTS_MAX: usize = 16;

/// Names a snapshot in a page token. Drawn at random: it says nothing and cannot be guessed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SnapshotId([u8; 8]);

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SnapshotId {
    type Err = MalformedId;
    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let mut bytes = [0; 8];
        hex::decode_to_slice(text, &mut bytes)
            .map(|()| Self(bytes))
            .map_err(|_| MalformedId { kind: "snapshot id", expected: "16 hexadecimal digits" })
    }
}

/// A snapshot and its name.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its name in page tokens.
    pub id: SnapshotId,
    /// What is in it.
    pub snapshot: Arc<Snapshot>,
}

#[derive(Debug, Default)]
pub(super) struct Shelf {
    /// The newest is at the back.
    held: VecDeque<(Held, Option<Duration>)>,
}

impl Shelf {
    /// The newest snapshot; none before the first.
    pub(super) fn newest(&self) -> Option<Held> {
        self.held.back().map(|(held, _)| held.clone())
    }

    /// The snapshot of that name, if it is still held.
    pub(super) fn get(&mut self, id: SnapshotId, uptime: Duration) -> Option<Arc<Snapshot>> {
        self.drop_old(uptime);
        self.held.iter().find(|(held, _)| held.id == id).map(|(held, _)| Arc::clone(&held.snapshot))
    }

    /// Makes `snapshot` the newest.
    pub(super) fn put(&mut self, snapshot: Arc<Snapshot>, uptime: Duration) {
        if let Some((_, replaced)) = self.held.back_mut() {
            *replaced = Some(uptime);
        }
        self.held.push_back((Held { id: SnapshotId(random_bytes()), snapshot }, None));
        self.drop_old(uptime);
    }

    /// Lets go of every body but the newest, before another one is made.
    pub(super) fn make_room(&mut self) {
        let Some(body) = self.held.back().map(|(newest, _)| body_of(newest)) else { return };
        self.held.retain(|(held, _)| body_of(held) == body);
    }

    fn drop_old(&mut self, uptime: Duration) {
        let is_old = |replaced: Option<Duration>| {
            replaced.is_some_and(|replaced| uptime.saturating_sub(replaced) >= REPLACED_LIFE)
        };
        self.held.retain(|(_, replaced)| !is_old(*replaced));
        while self.held.len() > SNAPSHOTS_MAX {
            self.held.pop_front();
        }
    }
}

/// What tells one body from another: when its crawl began.
fn body_of(held: &Held) -> Timestamp {
    held.snapshot.observed_time()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ami::classify::Viewer;
    use crate::ami::snapshot::SnapshotBuilder;

    fn snapshot(second: i64) -> Arc<Snapshot> {
        let viewer = Viewer::of("111122223333".parse().unwrap());
        Arc::new(SnapshotBuilder::new(viewer, Timestamp::from_second(second).unwrap(), None).finish())
    }

    #[test]
    fn a_replaced_snapshot_stays_for_its_life_and_no_longer() {
        let mut shelf = Shelf::default();
        let at = Duration::from_secs;
        shelf.put(snapshot(1), at(0));
        let first = shelf.newest().unwrap().id;
        shelf.put(snapshot(1), at(60));
        assert_ne!(shelf.newest().unwrap().id, first);
        let end = at(60) + REPLACED_LIFE;
        assert!(shelf.get(first, end - at(1)).is_some());
        assert!(shelf.get(first, end).is_none());
        assert!(shelf.newest().is_some(), "the newest has no end");
    }

    #[test]
    fn bodies_but_the_newest_go_before_another_is_made() {
        let mut shelf = Shelf::default();
        let at = Duration::from_secs;
        for (second, uptime) in [(1, 0), (2, 1), (2, 2)] {
            shelf.put(snapshot(second), at(uptime));
        }
        let ids: Vec<SnapshotId> = shelf.held.iter().map(|(held, _)| held.id).collect();
        shelf.make_room();
        let still = |shelf: &mut Shelf, id| shelf.get(id, at(3)).is_some();
        assert!(!still(&mut shelf, ids[0]));
        assert!(still(&mut shelf, ids[1]) && still(&mut shelf, ids[2]));
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let mut shelf = Shelf::default();
        for second in 0..40 {
            shelf.put(snapshot(1), Duration::from_secs(second));
        }
        assert_eq!(shelf.held.len(), SNAPSHOTS_MAX);
    }
}
