//! A store that takes nothing, and rows in all three places.

use std::sync::Mutex;

use super::*;
use crate::audit::store::LaunchAbout;
use crate::record::LaunchState;

/// A store in memory that may end in two ways.
#[derive(Debug, Default)]
struct Memory {
    rows: Mutex<Rows>,
    applied: Mutex<u64>,
    ends: Option<End>,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Error,
    Panic,
}

impl RecordStore for Memory {
    fn applied(&self) -> Result<u64, StoreError> {
        Ok(*self.applied.lock().unwrap())
    }

    fn apply(&self, rows: &Rows, applied: u64) -> Result<(), StoreError> {
        match self.ends {
            Some(End::Error) => return Err(StoreError::Broken("test".to_owned())),
            Some(End::Panic) => panic!("test"),
            None => {}
        }
        let mut mine = self.rows.lock().unwrap();
        mine.extend(Rows { launches: rows.launches.clone(), pruned: rows.pruned.clone(), ..Rows::default() });
        *self.applied.lock().unwrap() = applied;
        Ok(())
    }

    fn launch(&self, id: LaunchId) -> Result<Option<LaunchRow>, StoreError> {
        Ok(self.rows.lock().unwrap().launches.get(&id).cloned())
    }

    fn launches(
        &self,
        range: &LaunchRange,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(LaunchId, LaunchRow)>, StoreError> {
        let rows = self.rows.lock().unwrap();
        let found = rows.launches.range(range.bounds()).map(|(id, row)| (*id, row.clone()));
        Ok(match order {
            Order::OldestFirst => found.take(limit).collect(),
            Order::NewestFirst => found.rev().take(limit).collect(),
        })
    }

    fn pruned(&self, id: LaunchId) -> Result<Option<PrunedLaunch>, StoreError> {
        Ok(self.rows.lock().unwrap().pruned.get(&id).cloned())
    }

    fn each_instance(&self, _visit: &mut dyn FnMut(InstanceId, InstanceRow)) -> Result<(), StoreError> {
        Ok(())
    }

    fn listed(&self, list: List) -> Result<Vec<LaunchId>, StoreError> {
        let rows = self.rows.lock().unwrap();
        Ok(rows.launches.iter().filter(|(_, row)| row.is_on(list)).map(|(id, _)| *id).collect())
    }

    fn request(&self, _: &RequestKey) -> Result<Option<TakenBy>, StoreError> {
        Ok(None)
    }

    fn instance(&self, _: &InstanceId) -> Result<Option<InstanceRow>, StoreError> {
        Ok(None)
    }

    fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

fn id(number: u8) -> LaunchId {
    LaunchId::from_bytes([number; 16])
}

fn rows(numbers: impl IntoIterator<Item = u8>, is_open: bool) -> Rows {
    let row = LaunchRow {
        entries: vec![u64::from(is_open)],
        state: LaunchState::Launching,
        is_open,
        is_living: !is_open,
        about: Arc::new(LaunchAbout {
            principal: "local".parse().unwrap(),
            account_id: "123456789012".parse().unwrap(),
            region: "us-east-1".parse().unwrap(),
            image_id: None,
            create_time: jiff::Timestamp::UNIX_EPOCH,
        }),
    };
    Rows { launches: numbers.into_iter().map(|number| (id(number), row.clone())).collect(), ..Rows::default() }
}

#[test]
fn a_store_that_ends_lets_go_of_whoever_waits_and_is_still_read() {
    for end in [End::Error, End::Panic] {
        let (store, _) = StoreBehind::new(Box::new(Memory { ends: Some(end), ..Memory::default() })).unwrap();
        let store = Arc::new(store);
        let writing = Arc::clone(&store);
        let thread = std::thread::spawn(move || writing.write_behind());
        // More than may be in memory: without an end to it this would wait for ever.
        let refused = (0..=u8::MAX).find(|&number| store.extend(rows([number], true), u64::from(number) + 1).is_err());
        assert!(refused.is_some(), "{end:?}");
        assert_eq!(thread.join().is_err(), matches!(end, End::Panic));
        assert!(store.launch(id(0)).unwrap().is_some(), "what was taken in is there");
        // At the end it does not write what came later, which would hide what is missing.
        store.end();
        assert!(store.write_behind().is_some());
        assert_eq!(store.store.applied().unwrap(), 0);
    }
}

#[test]
fn the_latest_row_counts_wherever_the_others_are() {
    let (store, _) = StoreBehind::new(Box::new(Memory::default())).unwrap();
    store.write_through(&rows(0..20, true), 1).unwrap();
    store.lock().writing = Some(Arc::new(rows(10..30, false)));
    store.extend(rows([15, 25, 40], true), 3).unwrap();
    let open: Vec<_> = store.listed(List::Open).unwrap();
    assert_eq!(open, (0..10).chain([15, 25, 40]).map(id).collect::<Vec<_>>());
    let living = (10..15).chain(16..25).chain(26..30).map(id).collect::<Vec<_>>();
    assert_eq!(store.listed(List::Living).unwrap(), living);
    let range = LaunchRange { after: Some(id(8)), before: Some(id(41)) };
    for limit in [1, 3, 7, 100] {
        let ids = |order| -> Vec<_> {
            let found = store.launches(&range, order, limit).unwrap();
            assert!(found.iter().all(|(id, row)| row.is_open == open.contains(id)));
            found.into_iter().map(|(id, _)| id).collect()
        };
        let all: Vec<_> = (9..30).chain([40]).map(id).collect();
        assert_eq!(ids(Order::OldestFirst), all.iter().copied().take(limit).collect::<Vec<_>>());
        assert_eq!(ids(Order::NewestFirst), all.iter().copied().rev().take(limit).collect::<Vec<_>>());
    }
    assert_eq!(store.launch(id(41)).unwrap(), None);
}

#[test]
fn a_launch_that_was_removed_is_nowhere_wherever_its_row_was() {
    let pruned = |numbers: std::ops::Range<u8>| {
        let kept = PrunedLaunch {
            state: LaunchState::Ready,
            create_time: jiff::Timestamp::UNIX_EPOCH,
            instance_ids: Vec::new(),
            redacted: false,
        };
        Rows { pruned: numbers.map(|number| (id(number), kept.clone())).collect(), ..Rows::default() }
    };
    let (store, _) = StoreBehind::new(Box::new(Memory::default())).unwrap();
    store.write_through(&rows(0..10, true), 1).unwrap();
    store.lock().writing = Some(Arc::new(rows(10..20, true)));
    store.extend(rows(20..30, true), 3).unwrap();
    // Of each place the first few go, and all that is read says so, in memory and written.
    for removed in [0..5, 10..15, 20..25] {
        store.extend(pruned(removed), 4).unwrap();
    }
    let left: Vec<_> = (5..10).chain(15..20).chain(25..30).map(id).collect();
    for number in 0..30 {
        assert_eq!(store.launch(id(number)).unwrap().is_some(), left.contains(&id(number)), "{number}");
        assert_eq!(store.pruned(id(number)).unwrap().is_some(), !left.contains(&id(number)), "{number}");
    }
    assert_eq!(store.listed(List::Open).unwrap(), left);
    for limit in [1, 3, 7, 100] {
        let ids = |order| -> Vec<_> {
            let found = store.launches(&LaunchRange::default(), order, limit).unwrap();
            found.into_iter().map(|(id, _)| id).collect()
        };
        assert_eq!(ids(Order::OldestFirst), left.iter().copied().take(limit).collect::<Vec<_>>());
        assert_eq!(ids(Order::NewestFirst), left.iter().copied().rev().take(limit).collect::<Vec<_>>());
    }
}

#[test]
fn a_start_writes_what_it_replays_when_there_is_much_of_it_rows_or_records() {
    let (store, _) = StoreBehind::new(Box::new(Memory::default())).unwrap();
    let applied = || store.store.applied().unwrap();
    store.replay(rows(0..4, true), 7).unwrap();
    assert_eq!((applied(), store.launch(id(3)).unwrap().is_some()), (0, true), "few rows stay in memory");
    store.replay(rows(4..8, true), 9).unwrap();
    assert_eq!((applied(), store.store.launch(id(3)).unwrap().is_some()), (9, true));
    // Records that leave no rows, such as previews, are not read again at the next start either.
    store.replay(Rows::default(), 8 + RECORDS_WRITE).unwrap();
    assert_eq!(applied(), 9);
    store.replay(Rows::default(), 9 + RECORDS_WRITE).unwrap();
    assert_eq!(applied(), 9 + RECORDS_WRITE);
}
