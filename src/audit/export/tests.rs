//! Records for the tests of all formats: one of every kind, from the golden leaves.

use super::*;
use crate::record::Event;

/// A leaf and what it says.
pub(super) struct Golden {
    pub(super) name: &'static str,
    pub(super) leaf: Vec<u8>,
    pub(super) entry: Entry,
}

/// Leaves as version 1 wrote them, at least one of every kind.
pub(super) fn golden() -> Vec<Golden> {
    macro_rules! leaves {
        ($($name:literal),*) => {
            [$(($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/v1/", $name, ".json")))),*]
        };
    }
    let leaves = leaves![
        "decision",
        "decision.least",
        "decision.receipt",
        "decision.selector",
        "attempt_intended",
        "attempt_succeeded",
        "attempt_failed",
        "attempt_unknown",
        "launch_ended",
        "instance_phase",
        "termination",
        "termination.boot_failure",
        "service_started",
        "records_pruned",
        "decision.overridden",
        "attempt_intended.session",
        "attempt_intended.shared",
        "attempt_intended.following",
        "policy_loaded",
        "policy_loaded.none",
        "launch_switch",
        "cancellation"
    ];
    let golden = leaves.map(|(name, text)| {
        let leaf = text.trim_end().as_bytes().to_vec();
        let entry = Entry::from_leaf(&leaf).unwrap();
        Golden { name, leaf, entry }
    });
    golden.into()
}

/// These leaves as records, counted from 0.
pub(super) fn exported(golden: &[Golden]) -> Vec<Exported<'_>> {
    let record = |(index, golden)| {
        let Golden { leaf, entry, .. }: &Golden = golden;
        Exported { index, leaf, leaf_hash: tlog_tiles::record_hash(leaf).0, entry }
    };
    (0..).zip(golden).map(record).collect()
}

#[test]
fn a_line_is_the_leaf_and_words_are_the_leafs_own() {
    for record in exported(&golden()) {
        let mut line = Vec::new();
        write_json_line(&mut line, &record).unwrap();
        assert_eq!(line.strip_suffix(b"\n"), Some(record.leaf));
        let leaf: serde_json::Value = serde_json::from_slice(record.leaf).unwrap();
        assert_eq!(leaf["kind"], record.entry.kind().as_str());
        if let Event::Decision(decision) = &record.entry.event {
            assert_eq!(leaf["verdict"], decision.verdict.as_str());
        }
    }
}
