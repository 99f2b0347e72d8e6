//! Random histories pruned at random: against what the log held before, and a second account of the rule.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::ids::LaunchId;
use crate::record::{EntryKind, Launch};

const LAUNCHES: u8 = 12;

/// One step of a launch's life, or something else.
fn step() -> impl Strategy<Value = (u8, u8)> {
    (0..LAUNCHES, 0..12_u8)
}

fn entry_of(launch: u8, what: u8, seconds: i64) -> Entry {
    match what {
        0 | 1 => decision(seconds, launch, Some(launch), Verdict::Admitted),
        2 => decision(seconds, launch, Some(launch), Verdict::Refused),
        3 | 4 => intended(seconds, launch, 1),
        5 | 6 => succeeded(seconds, launch, 1),
        7 => failed(seconds, launch, 1),
        8 => ended(seconds, launch),
        9 => reached(seconds, Some(launch), launch, 0, Phase::Terminated),
        10 => reached(seconds, None, launch, 1, Phase::Ready),
        _ => preview(seconds, launch),
    }
}

#[derive(Debug, Default)]
struct Before {
    entries: Vec<Entry>,
    launches: BTreeMap<LaunchId, Launch>,
}

impl Before {
    fn of(log: &AuditLog) -> Self {
        let entries: Vec<_> = (0..log.size()).map(|index| log.record(index).unwrap().unwrap().entry).collect();
        let launches = (0..LAUNCHES).filter_map(|number| log.launch(launch_id(number)).unwrap());
        Self { entries, launches: launches.map(|launch| (launch.launch_id, launch)).collect() }
    }

    /// Whether retention takes a record, if it takes those below `end`.
    fn goes(&self, index: u64, end: u64) -> bool {
        let entry = &self.entries[index as usize];
        let is_later = |id| self.entries.iter().skip(end as usize).any(|entry| entry.launch_id == Some(id));
        index < end
            && match entry.launch_id {
                Some(id) => !self.launches[&id].is_open() && !is_later(id),
                None => !matches!(entry.kind(), EntryKind::ServiceStarted | EntryKind::RecordsPruned),
            }
    }

    fn check(&self, log: &AuditLog, end: u64) {
        let all = RecordQuery { order: Order::OldestFirst, limit: 1000, ..RecordQuery::default() };
        let found: Vec<_> = log.records(&all).unwrap().records.iter().map(|record| record.index).collect();
        for (index, entry) in (0..).zip(&self.entries) {
            let record = log.record(index);
            let goes = self.goes(index, end);
            match record {
                Err(ReadError::Pruned { .. }) => assert!(goes, "{index} {entry:?}"),
                record => assert!(!goes && record.unwrap().unwrap().entry == *entry, "{index} {entry:?}"),
            }
            assert_eq!(found.contains(&index), !goes);
            let proof = log.inclusion_proof(index, log.size()).unwrap();
            assert_eq!(proof.index, index);
        }
        for (id, launch) in &self.launches {
            let first = self.entries.iter().position(|entry| entry.launch_id == Some(*id)).unwrap() as u64;
            let goes = self.goes(first, end);
            assert_eq!(log.launch(*id).unwrap().as_ref(), Some(launch).filter(|_| !goes));
            let pruned = log.pruned_launch(*id).unwrap();
            assert_eq!(pruned.map(|pruned| pruned.state), goes.then_some(launch.state));
            assert_eq!(log.request(&request_key(Operation::Launch, id.as_bytes()[15])).unwrap().unwrap().index, first);
        }
        let open: Vec<_> = self.launches.values().filter(|launch| launch.is_open()).cloned().collect();
        assert_eq!(log.open_launches().unwrap(), open);
    }
}

async fn run(steps: Vec<(u8, u8)>, cutoffs: Vec<i64>) {
    let mut dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open_with_short_segments(dir.path());
    for (number, (launch, what)) in (0..).zip(&steps) {
        // Refused is what does not follow.
        let _ = log.append(vec![entry_of(*launch, *what, number * 10)]).await;
    }
    let before = Before::of(&log);
    let mut end = 0;
    for (round, cutoff) in cutoffs.into_iter().enumerate() {
        log.prune(since(cutoff)).await.unwrap();
        let kinds = vec![EntryKind::RecordsPruned];
        let of_prunings = RecordQuery { kinds, order: Order::NewestFirst, limit: 1, ..RecordQuery::default() };
        if let Some(last) = log.records(&of_prunings).unwrap().records.pop()
            && let Event::RecordsPruned(record) = last.entry.event
        {
            end = record.end;
        }
        before.check(&log, end);
        match round % 3 {
            0 => {
                dir = {
                    let copy = crash_image(dir.path());
                    log.close().await;
                    copy
                }
            }
            1 => log.close().await,
            _ => {
                log.close().await;
                std::fs::remove_dir_all(dir.path().join("sled")).unwrap();
            }
        }
        (log, _) = open_with_short_segments(dir.path());
        before.check(&log, end);
    }
    log.close().await;
    assert_sound(dir.path());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_kept_is_what_it_was_and_what_goes_is_what_the_rule_says(
        steps in vec(step(), 1..150),
        cutoffs in vec(0..2_000_i64, 1..5),
    ) {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap().block_on(run(steps, cutoffs));
    }
}
