//! Leaves that are no entries, and reading in place against reading by the book.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::*;
use crate::audit::verify::{Code, WarningCode};
use crate::record::{Entry, EntryHeader};

/// A start of the service, changed.
fn changed(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value = serde_json::to_value(started()).unwrap();
    change(&mut value);
    serde_json::to_vec(&value).unwrap()
}

#[test]
fn a_leaf_that_is_no_entry_is_named() {
    let leaf = started().to_leaf();
    let spread = [b"{\n", &leaf[1..]].concat();
    let table: Vec<(Vec<u8>, Option<Code>)> = vec![
        (leaf.clone(), None),
        ([b" ", leaf.as_slice(), b"\t"].concat(), None),
        (spread, Some(Code::NotOneLine)),
        ([&leaf[..], b"\n"].concat(), Some(Code::NotOneLine)),
        ([&leaf[..], b"\r"].concat(), Some(Code::NotOneLine)),
        ([&leaf[..], &leaf[..]].concat(), Some(Code::EntryUnreadable)),
        (Vec::new(), Some(Code::EntryUnreadable)),
        (b"[]".to_vec(), Some(Code::EntryUnreadable)),
        (vec![0xff, 0xfe], Some(Code::EntryUnreadable)),
        ([b"{\"v\":1,", &leaf[1..]].concat(), Some(Code::EntryUnreadable)),
        (changed(|entry| entry["regions"] = json!(["nowhere"])), Some(Code::EntryUnreadable)),
        (changed(|entry| entry["time"] = json!("yesterday")), Some(Code::EntryUnreadable)),
        (changed(|entry| drop(entry.as_object_mut().unwrap().remove("version"))), Some(Code::EntryUnreadable)),
        (changed(|entry| entry["added_later"] = json!({ "a": [1] })), None),
        (changed(|entry| entry["v"] = json!(0)), Some(Code::EntryVersionUnknown)),
        (changed(|entry| entry["v"] = json!(2)), Some(Code::EntryVersionUnknown)),
        (
            changed(|entry| {
                entry["v"] = json!(2);
                entry["regions"] = json!(7);
            }),
            Some(Code::EntryVersionUnknown),
        ),
    ];
    for (leaf, code) in table {
        let leaves = [started().to_leaf(), leaf];
        let report = verify_with(&leaves, &checkpoint(&leaves), &[]);
        let wanted: Vec<_> = code.iter().map(|code| (*code, Some(1))).collect();
        assert_eq!(found(&report), wanted, "{:?}", String::from_utf8_lossy(&leaves[1]));
    }
}

#[test]
fn kinds_of_later_versions_are_counted_and_no_failure() {
    let later = |v: u32, kind: &str| {
        changed(|entry| {
            entry["v"] = json!(v);
            entry["kind"] = json!(kind);
            entry["launch_id"] = json!(launch_id(7));
        })
    };
    let leaves = [started().to_leaf(), later(1, "policy_changed"), later(2, "quota_seen")];
    let report = verify_with(&leaves, &checkpoint(&leaves), &[]);
    assert_eq!(found(&report), []);
    let warning = &report.warnings[0];
    assert_eq!((warning.code, warning.index, warning.count), (WarningCode::UnknownKind, Some(1), 2));
    assert!(warning.message.contains("policy_changed"));
}

/// A leaf as Gantry writes it, or with members in another order, or with some bytes changed.
fn any_leaf() -> impl Strategy<Value = Vec<u8>> {
    let entries = ordinary();
    let which = 0..entries.len();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4u8), 0..3);
    (which, any::<bool>(), edits).prop_map(move |(which, sorted, edits)| {
        let mut leaf = if sorted {
            serde_json::to_vec(&serde_json::to_value(&entries[which]).unwrap()).unwrap()
        } else {
            entries[which].to_leaf()
        };
        for (place, byte, edit) in edits {
            let at = place.index(leaf.len());
            match edit {
                0 => leaf[at] = byte,
                1 => drop(leaf.remove(at)),
                2 => leaf.insert(at, leaf[at]),
                // A whole member twice, if the place is in one.
                _ => {
                    let text = String::from_utf8_lossy(&leaf[..at]).into_owned();
                    let member = text.rfind(",\"").map_or("", |start| &text[start..]).to_owned();
                    drop(leaf.splice(at..at, member.into_bytes()));
                }
            }
        }
        leaf
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn reading_in_place_reads_what_reading_by_the_book_does(leaf in any_leaf()) {
        // What is skipped is not looked at, so words in no known encoding may be in it.
        if std::str::from_utf8(&leaf).is_ok() {
            let (fast, book) = (Entry::from_leaf(&leaf).ok(), serde_json::from_slice::<Entry>(&leaf).ok());
            prop_assert_eq!(&fast, &book);
            if let Some(entry) = book {
                let kind = entry.kind();
                let Entry { time, launch_id, account_id, region, principal, .. } = entry;
                let header = EntryHeader { time, launch_id, account_id, region, principal, kind };
                prop_assert_eq!(EntryHeader::from_leaf(&leaf).ok(), Some(header));
            }
        }
    }
}
