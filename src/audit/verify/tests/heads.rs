//! Checkpoints: whose they are, who signed them, and what they say.

use super::world::*;
use crate::audit::verify::{Code, Report, SourceFault, Trust, TrustError, verify};
use crate::record::Entry;

fn leaves() -> Vec<Vec<u8>> {
    ordinary()[..8].iter().map(Entry::to_leaf).collect()
}

fn under(note: &[u8], kept_notes: &[Vec<u8>], trust: &Trust) -> Report {
    verify(&mut kept(&leaves()), note, kept_notes, trust)
}

#[test]
fn a_checkpoint_counts_if_a_trusted_key_signed_it_and_none_signed_it_badly() {
    let (old, new, other) = (key(ORIGIN, 1), key(ORIGIN, 2), key("witness.example.com", 3));
    let root = root(&leaves());
    let note = |signers: &[&signed_note::StandardSigner]| signed(8, root, signers);
    let good = note(&[&old.0]);
    let forged = {
        // The signature is of another root, and the key is the trusted one.
        let elsewhere = signed(8, [7; 32], &[&old.0]);
        let line = elsewhere.split(|byte| *byte == b'\n').rfind(|line| !line.is_empty()).unwrap();
        let text = &good[..good.windows(2).position(|pair| pair == b"\n\n").unwrap() + 2];
        [text, line, b"\n"].concat()
    };
    let trusts = [
        Trust::new(&[&old.1], None).unwrap(),
        Trust::new(&[&new.1, &old.1, &old.1], None).unwrap(),
        Trust::new(&[&new.1], None).unwrap(),
    ];
    let table: &[(&[u8], [Option<Code>; 3])] = &[
        (&good, [None, None, Some(Code::CheckpointNotSigned)]),
        (&note(&[&other.0, &old.0]), [None, None, Some(Code::CheckpointNotSigned)]),
        (&note(&[&old.0, &new.0]), [None, None, None]),
        (&note(&[&other.0]), [Some(Code::CheckpointNotSigned); 3]),
        (
            &forged,
            [
                Some(Code::CheckpointSignatureInvalid),
                Some(Code::CheckpointSignatureInvalid),
                Some(Code::CheckpointNotSigned),
            ],
        ),
        (&signed_for("elsewhere", 8, root, &[&old.0, &new.0]), [Some(Code::CheckpointOfOtherLog); 3]),
        (b"no note", [Some(Code::CheckpointMalformed); 3]),
        (b"", [Some(Code::CheckpointMalformed); 3]),
    ];
    for (row, (note, wanted)) in table.iter().enumerate() {
        for (trust, wanted) in trusts.iter().zip(wanted) {
            let report = under(note, &[], trust);
            let wanted: Vec<_> = wanted.iter().map(|code| (*code, None)).collect();
            assert_eq!(found(&report), wanted, "row {row} under {trust:?}");
            assert_eq!(report.checkpoint_size, wanted.is_empty().then_some(8));
        }
    }
    // One that was kept is held to the same.
    let trust = &trusts[0];
    assert_eq!(found(&under(&good, &[forged], trust)), [(Code::CheckpointSignatureInvalid, None)]);
}

#[test]
fn signatures_of_two_trusted_keys_are_both_reported() {
    let (old, new) = (key(ORIGIN, 1), key(ORIGIN, 2));
    let note = signed(8, root(&leaves()), &[&old.0, &new.0]);
    let report = under(&note, &[], &Trust::new(&[&old.1, &new.1], None).unwrap());
    assert_eq!(report.signed_by.len(), 2);
}

#[test]
fn keys_that_cannot_be_used_are_refused() {
    let vkey = key(ORIGIN, 1).1;
    assert!(matches!(Trust::new(&[] as &[&str], None), Err(TrustError::NoKey)));
    assert!(matches!(Trust::new(&["no key"], None), Err(TrustError::Malformed { .. })));
    assert!(matches!(Trust::new(&[vkey.replace("example", "exemple")], None), Err(TrustError::Malformed { .. })));
    let other = key("elsewhere", 2).1;
    assert!(matches!(Trust::new(&[&vkey, &other], None), Err(TrustError::ManyNames { .. })));
    assert_eq!(Trust::new(&[&vkey, &other], Some(ORIGIN)).unwrap().origin(), ORIGIN);
}

#[test]
fn two_checkpoints_of_one_size_cannot_both_be_right() {
    let leaves = leaves();
    let split = signed(5, [9; 32], &[&key(ORIGIN, 1).0]);
    let report = verify_with(&leaves, &checkpoint(&leaves), &[split, checkpoint(&leaves[..5])]);
    assert_eq!(found(&report), [(Code::KeptRootMismatch, None)]);
    assert_eq!(report.kept_matched, [5]);
}

#[test]
fn what_the_source_cannot_give_is_named_and_the_rest_is_verified() {
    let leaves = leaves();
    let fault = |index| SourceFault { index, reason: "segment 3 fails its checksum".to_owned() };
    for (index, named) in [(None, 5), (Some(6), 6)] {
        let mut source = kept(&leaves[..5]);
        source.fault = Some(fault(index));
        let report = verify(&mut source, &checkpoint(&leaves), &[checkpoint(&leaves[..4])], &trust());
        assert_eq!(found(&report), [(Code::RecordUnreadable, Some(named))]);
        assert!(report.failures[0].message.contains("segment 3 fails its checksum"));
        assert_eq!(report.kept_matched, [4]);
    }
}
