//! What a tamperer may do to a small log, given one checkpoint that was kept.

use super::world::*;
use crate::audit::verify::Code;
use crate::record::Entry;

fn leaves() -> Vec<Vec<u8>> {
    ordinary().iter().map(Entry::to_leaf).collect()
}

#[test]
fn a_log_that_nobody_touched_is_sound_at_every_kept_checkpoint() {
    let leaves = leaves();
    let kept: Vec<_> = (0..=leaves.len()).map(|size| checkpoint(&leaves[..size])).collect();
    let report = verify_with(&leaves, &checkpoint(&leaves), &kept);
    assert_eq!(found(&report), [], "{report:?}");
    assert_eq!(report.root.as_bytes(), &root(&leaves));
    assert_eq!(report.kept_matched, (0..=leaves.len() as u64).collect::<Vec<_>>());
    assert_eq!((report.records, report.launches, report.pruned), (leaves.len() as u64, 7, 0));
    assert_eq!(report.bytes, leaves.iter().map(Vec::len).sum::<usize>() as u64);
    assert_eq!(report.checkpoint_size, Some(report.records));
    assert_eq!((report.first_time, report.last_time, report.step_back), (Some(at(0)), Some(at(0)), None));
    assert_eq!(report.warnings, []);
    let name = key(ORIGIN, 1).1.rsplit_once('+').unwrap().0.to_owned();
    assert_eq!(report.signed_by, [name]);
}

#[test]
fn an_empty_log_is_sound() {
    let report = verify_with(&[], &checkpoint(&[]), &[checkpoint(&[])]);
    assert_eq!(found(&report), []);
    assert_eq!((report.kept_matched.as_slice(), report.records), ([0].as_slice(), 0));
}

/// The server signs anew whatever is left, so that only the kept checkpoint can tell.
fn is_detected(leaves: &[Vec<u8>], kept: &[u8]) -> bool {
    let report = verify_with(leaves, &checkpoint(leaves), &[kept.to_vec()]);
    report
        .failures
        .iter()
        .any(|failure| matches!(failure.code, Code::KeptRootMismatch | Code::LogTruncated | Code::CheckpointRolledBack))
}

#[test]
fn every_change_is_detected_by_one_kept_checkpoint() {
    let whole = leaves();
    let kept = checkpoint(&whole);
    for place in 0..whole.len() {
        let mut dropped = whole.clone();
        dropped.remove(place);
        assert!(is_detected(&dropped, &kept), "dropped {place}");

        let mut twice = whole.clone();
        twice.insert(place, whole[place].clone());
        // The last one twice is a record more, which the checkpoint says nothing of; the rules do.
        let by_rule = place + 1 == whole.len() && !verify_with(&twice, &checkpoint(&twice), &[]).is_sound();
        assert!(by_rule || is_detected(&twice, &kept), "twice {place}");

        for other in place + 1..whole.len() {
            if whole[place] != whole[other] {
                let mut swapped = whole.clone();
                swapped.swap(place, other);
                assert!(is_detected(&swapped, &kept), "swapped {place} and {other}");
            }
        }
        assert!(is_detected(&whole[..place], &kept), "rolled back to {place}");
    }
}

#[test]
fn every_flipped_byte_is_detected_by_one_kept_checkpoint() {
    let whole = leaves();
    let kept = checkpoint(&whole);
    for place in 0..whole.len() {
        for byte in 0..whole[place].len() {
            let mut flipped = whole.clone();
            flipped[place][byte] ^= 1 << (byte % 8);
            // The log's own checkpoint is the old one: signing for each costs more than it tells.
            let report = verify_with(&flipped, &kept, std::slice::from_ref(&kept));
            let codes: Vec<_> = report.failures.iter().map(|failure| failure.code).collect();
            assert!(codes.contains(&Code::KeptRootMismatch), "byte {byte} of {place}");
            assert!(codes.contains(&Code::RootMismatch), "byte {byte} of {place}");
        }
    }
}

#[test]
fn a_log_cut_short_is_named_so() {
    let whole = leaves();
    let report = verify_with(&whole[..20], &checkpoint(&whole), &[]);
    assert_eq!(found(&report), [(Code::LogTruncated, None)]);
    assert!(report.failures[0].message.contains("truncated or rolled back"), "{report:?}");

    let report = verify_with(&whole[..20], &checkpoint(&whole[..20]), &[checkpoint(&whole)]);
    assert_eq!(found(&report), [(Code::LogTruncated, None), (Code::CheckpointRolledBack, None)]);

    // The records are there and the log's own checkpoint is an old one.
    let report = verify_with(&whole, &checkpoint(&whole[..20]), &[checkpoint(&whole)]);
    assert_eq!(found(&report), [(Code::CheckpointRolledBack, None)]);

    let report = verify_with(&whole, &checkpoint(&whole[..20]), &[]);
    assert_eq!(found(&report), [(Code::LogLongerThanCheckpoint, Some(20))]);
    assert_eq!(report.records, 20);
}
