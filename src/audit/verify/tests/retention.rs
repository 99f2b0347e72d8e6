//! Logs of which retention has removed records.

use serde_json::json;

use super::world::*;
use crate::audit::verify::{Code, Leaf, Report, WarningCode, verify};
use crate::ids::Sha256Digest;
use crate::record::{Entry, Event, LaunchState, Phase};

/// The record that says which records were removed.
fn pruned_record(first: u64, end: u64) -> Vec<u8> {
    let entry = json!({
        "v": 1, "time": at(0), "kind": "records_pruned", "first": first, "end": end, "before": at(0),
        "removed": end.saturating_sub(first), "kept": 0, "snapshots": 0, "snapshots_sha256": Sha256Digest::of(b""), "why": "age",
    });
    serde_json::to_vec(&entry).unwrap()
}

/// What is found of `leaves` once the records `removed` are gone.
fn after_removal(leaves: &[Vec<u8>], removed: &[u64]) -> Report {
    let kept = (0..).zip(leaves).map(|(index, leaf)| {
        if removed.contains(&index) { Leaf::Pruned(leaf_hash(leaf)) } else { Leaf::Kept(leaf.clone()) }
    });
    verify(&mut Batches::of(kept), &checkpoint(leaves), &[checkpoint(&leaves[..3])], &trust())
}

#[test]
fn whatever_is_removed_and_recorded_leaves_a_sound_log() {
    let entries = ordinary();
    let mut leaves: Vec<_> = entries.iter().map(Entry::to_leaf).collect();
    let size = leaves.len() as u64;
    leaves.push(pruned_record(0, size));
    // What turns the switch is never removed.
    let may_go = |index: &u64| !matches!(entries[usize::try_from(*index).unwrap()].event, Event::LaunchSwitch(_));
    // Any one record, any beginning, and any record with one before it: a launch may then lack its
    // decision, an intent, an outcome, or all of them.
    for last in 0..size {
        for mut removed in [vec![last], (0..=last).collect(), vec![last / 2, last]] {
            removed.retain(may_go);
            let report = after_removal(&leaves, &removed);
            assert_eq!(found(&report), [], "without {removed:?}");
            let distinct = removed.iter().collect::<std::collections::BTreeSet<_>>().len() as u64;
            assert_eq!((report.pruned, report.kept_matched.as_slice()), (distinct, [3].as_slice()));
        }
    }
    let report = after_removal(&leaves, &(0..8).collect::<Vec<_>>());
    let skipped = report.warnings.iter().find(|warning| warning.code == WarningCode::RulesSkipped).unwrap();
    assert_eq!(skipped.count, 2, "launches 1 and 3 went on; launch 2 was over");
}

#[test]
fn a_removal_must_be_recorded_by_a_later_record() {
    let base: Vec<_> = (0..6).map(|_| started().to_leaf()).collect();
    type Row<'a> = (&'a [Vec<u8>], &'a [u64], Option<u64>);
    let table: &[Row<'_>] = &[
        (&[], &[], None),
        (&[], &[1, 2], Some(1)),
        (&[pruned_record(1, 3)], &[1, 2], None),
        (&[pruned_record(1, 2)], &[1, 2], Some(2)),
        (&[pruned_record(2, 6)], &[1, 2], Some(1)),
        (&[pruned_record(0, 2), pruned_record(3, 6)], &[0, 1, 2, 3, 4, 5], Some(2)),
        (&[pruned_record(3, 3)], &[3], Some(3)),
        // Record 6 says so itself, and was removed; record 7 says nothing of it.
        (&[pruned_record(0, 6), started().to_leaf()], &[2, 6], Some(2)),
        (&[pruned_record(0, 6), pruned_record(0, 7)], &[2, 6], None),
        // A record cannot speak of what comes after it.
        (&[pruned_record(0, 9), started().to_leaf()], &[7], Some(7)),
    ];
    for (row, (more, removed, first)) in table.iter().enumerate() {
        let leaves = [&base, *more].concat();
        let report = after_removal(&leaves, removed);
        let wanted: Vec<_> = first.iter().map(|first| (Code::PruningNotRecorded, Some(*first))).collect();
        assert_eq!(found(&report), wanted, "row {row}");
    }
}

#[test]
fn no_more_is_excused_than_the_records_of_prunings_say() {
    let mut leaves: Vec<_> = (0..6).map(|_| started().to_leaf()).collect();
    // It covers six records, and says that two went.
    let said = String::from_utf8(pruned_record(0, 6)).unwrap().replace("\"removed\":6", "\"removed\":2");
    leaves.push(said.into_bytes());
    assert_eq!(found(&after_removal(&leaves, &[1, 4])), []);
    assert_eq!(found(&after_removal(&leaves, &[1, 2, 4])), [(Code::PruningNotRecorded, None)]);

    // A launch that begins behind everything that was removed lacks its decision for another reason.
    for (end, wanted) in [(3, vec![(Code::LaunchNotDecided, Some(3))]), (4, vec![])] {
        let mut leaves: Vec<_> = (0..3).map(|_| started().to_leaf()).collect();
        leaves.extend([intended(1, 1, 0).to_leaf(), pruned_record(0, end)]);
        assert_eq!(found(&after_removal(&leaves, &[1])), wanted, "end {end}");
    }
}

#[test]
fn what_an_export_does_not_hold_is_no_removal() {
    let leaves: Vec<_> = ordinary().iter().map(Entry::to_leaf).collect();
    let held = (0..)
        .zip(&leaves)
        .map(|(index, leaf)| if index < 5 { Leaf::NotHeld(leaf_hash(leaf)) } else { Leaf::Kept(leaf.clone()) });
    let report = verify(&mut Batches::of(held), &checkpoint(&leaves), &[], &trust());
    assert_eq!((found(&report), report.pruned, report.not_held), (vec![], 0, 5));
    assert!(report.warnings.iter().any(|warning| (warning.code, warning.count) == (WarningCode::RecordsNotHeld, 5)));
}

#[test]
fn a_removed_record_excuses_nothing_that_contradicts_what_is_left() {
    let hidden = started();
    let table: &[(Code, &[Entry])] = &[
        (Code::EndedTwice, &[ended(1, LaunchState::Failed), ended(1, LaunchState::Failed)]),
        (Code::OutcomeTwice, &[succeeded(1, 1, "a"), failed(1, 1)]),
        (Code::AttemptAfterEnd, &[succeeded(1, 1, "a"), intended(1, 2, 1)]),
        (Code::DecidedTwice, &[intended(1, 1, 0), admitted(1)]),
        (Code::EndWithInstances, &[reached(1, 'a', Phase::Ready, None), ended(1, LaunchState::Failed)]),
        (Code::InstanceOfTwoLaunches, &[reached(1, 'a', Phase::Ready, None), reached(2, 'a', Phase::Ready, None)]),
    ];
    for (code, rest) in table {
        let mut leaves: Vec<_> = std::iter::once(&hidden).chain(*rest).map(Entry::to_leaf).collect();
        leaves.push(pruned_record(0, leaves.len() as u64));
        let report = after_removal(&leaves, &[0]);
        assert_eq!(found(&report), [(*code, Some(2))]);
    }
}
