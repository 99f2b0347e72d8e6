//! Crashes, damage, and directories that are not ours.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::fixture::*;
use crate::audit::{AuditLog, LogSettings, OpenError, OpenReport, Owner};
use crate::record::Launch;

fn segment(dir: &Path) -> PathBuf {
    dir.join("journal/00000000000000000000.seg")
}

/// Frames of the first segment: where each begins, and where the last ends. Read by the format's
/// description and not by the program's own code.
fn frames(bytes: &[u8]) -> Vec<usize> {
    let mut at = 128;
    let mut starts = vec![at];
    loop {
        let len = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        if len == 0 {
            return starts;
        }
        at += 24 + len;
        starts.push(at);
    }
}

async fn filled(dir: &Path, launches: u8) -> (AuditLog, Vec<Launch>) {
    let (log, _) = open(dir);
    for launch in 1..=launches {
        for entries in whole_launch(launch) {
            log.append(entries).await.unwrap();
        }
    }
    let launches = (1..=launches).map(|launch| log.launch(launch_id(launch)).unwrap().unwrap()).collect();
    (log, launches)
}

#[tokio::test]
async fn a_journal_cut_at_any_byte_of_its_last_group_keeps_what_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = filled(dir.path(), 2).await;
    log.close().await;
    // The store as it was before the last append, which holds two records.
    let before = tempfile::tempdir().unwrap();
    copy_dir(dir.path(), before.path());
    let (log, _) = open(dir.path());
    let last = vec![reached(20, None, 9, 0, crate::record::Phase::Running), started(20)];
    assert_eq!(log.append(last.clone()).await.unwrap(), 12);
    log.close().await;

    let bytes = fs::read(segment(dir.path())).unwrap();
    let starts = frames(&bytes);
    assert_eq!(starts.len(), 15);
    let (start, end) = (starts[12], starts[14]);
    // `scan` is tested at every byte; opening as often would take long.
    let cuts = (start..end).step_by(23).chain([starts[13] - 1, starts[13], starts[13] + 1, end - 1, end]);
    for (case, cut) in cuts.enumerate() {
        let case_dir = tempfile::tempdir().unwrap();
        copy_dir(before.path(), case_dir.path());
        // Half of the cases lose the end of the file, half find zeros there.
        let mut torn = bytes[..cut].to_vec();
        if case % 2 == 0 {
            torn.resize(bytes.len(), 0);
        }
        fs::write(segment(case_dir.path()), &torn).unwrap();
        let (log, report) = open(case_dir.path());
        let whole = cut == end;
        assert_eq!((log.size(), report.replayed), if whole { (14, 2) } else { (12, 0) }, "cut at {cut}");
        assert_eq!(report.torn_bytes == 0, whole || cut == start, "cut at {cut}");
        assert!(!report.rebuilt);
        assert_eq!(log.launches(&Default::default()).unwrap().launches.len(), 0, "limit 0 finds nothing");
        assert_eq!(log.launch_entries(launch_id(2), 0).unwrap().len(), 6);
        // What is written next takes the place of what was cut, and stays.
        let index = log.append(last.clone()).await.unwrap();
        log.close().await;
        let (log, report) = open(case_dir.path());
        assert_eq!((log.size(), report.torn_bytes), (index + 2, 0));
        assert_eq!(log.record(index).unwrap().unwrap().entry, last[0]);
        log.close().await;
    }
}

#[tokio::test]
async fn a_tail_that_the_store_has_seen_is_not_cut() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = filled(dir.path(), 1).await;
    log.close().await;
    let bytes = fs::read(segment(dir.path())).unwrap();
    let starts = frames(&bytes);
    let file = OpenOptions::new().write(true).open(segment(dir.path())).unwrap();
    // Cut at a boundary: the journal looks whole and is short.
    file.set_len(starts[4] as u64).unwrap();
    let error = AuditLog::open(dir.path(), owner(), LogSettings::default()).unwrap_err();
    assert!(matches!(error, OpenError::StoreAhead { applied: 6, size: 4 }), "{error:?}");
    // Cut within a frame: it looks torn.
    file.write_all_at(&bytes[starts[4]..starts[5] - 1], starts[4] as u64).unwrap();
    let error = AuditLog::open(dir.path(), owner(), LogSettings::default()).unwrap_err();
    assert!(matches!(error, OpenError::Damaged { index: 4 }), "{error:?}");
    assert_eq!(fs::metadata(segment(dir.path())).unwrap().len(), starts[5] as u64 - 1);
}

#[tokio::test]
async fn a_flipped_byte_in_an_acknowledged_record_is_refused_by_its_index() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = filled(dir.path(), 2).await;
    log.close().await;
    let bytes = fs::read(segment(dir.path())).unwrap();
    let starts = frames(&bytes);
    let file = OpenOptions::new().write(true).open(segment(dir.path())).unwrap();
    for at in (128..starts[12]).step_by(13) {
        let index = starts.iter().rposition(|&start| start <= at).unwrap() as u64;
        file.write_all_at(&[bytes[at] ^ 0x10], at as u64).unwrap();
        let error = AuditLog::open(dir.path(), owner(), LogSettings::default()).unwrap_err();
        // Records 10 and 11 are the last append: the tail begins where it begins.
        let named =
            matches!(error, OpenError::Damaged { index: found } if found == index || index == 11 && found == 10);
        assert!(named, "byte {at} of record {index}: {error:?}");
        file.write_all_at(&[bytes[at]], at as u64).unwrap();
    }
    // And while it is open, a reader is not shown it either.
    let (log, _) = open(dir.path());
    file.write_all_at(&[bytes[starts[3] + 40] ^ 0x10], starts[3] as u64 + 40).unwrap();
    assert!(log.record(3).unwrap_err().to_string().contains("record 3"));
    log.close().await;
}

#[tokio::test]
async fn a_store_that_is_lost_or_broken_is_made_again() {
    type Break = fn(&Path);
    let ways: [(&str, Break, bool); 5] = [
        ("gone", |sled| fs::remove_dir_all(sled).unwrap(), false),
        ("noise in place of its log", |sled| fs::write(sled.join("db"), [0xa5; 100_000]).unwrap(), false),
        ("noise in its snapshot", |sled| fs::write(sled.join("snap.0000000000000001"), [0xa5; 100]).unwrap(), true),
        (
            "another log's",
            |sled| {
                fs::remove_dir_all(sled).unwrap();
                let other = tempfile::tempdir().unwrap();
                drop(open(other.path()));
                copy_dir(&other.path().join("sled"), sled);
            },
            true,
        ),
        ("suspect", |sled| fs::write(sled.with_file_name("SUSPECT"), "").unwrap(), true),
    ];
    for (what, break_it, aside) in ways {
        let dir = tempfile::tempdir().unwrap();
        let (log, launches) = filled(dir.path(), 3).await;
        log.close().await;
        break_it(&dir.path().join("sled"));
        let (log, report) = open(dir.path());
        let wanted = OpenReport { replayed: 18, rebuilt: true, torn_bytes: 0, size: 18 };
        assert_eq!(report, wanted, "{what}");
        assert_eq!(dir.path().join("sled.broken-1").exists(), aside, "{what}");
        for launch in &launches {
            assert_eq!(log.launch(launch.launch_id).unwrap().as_ref(), Some(launch), "{what}");
        }
        assert!(log.append(whole_launch(9).remove(0)).await.is_ok());
        log.close().await;
        let (_, report) = open(dir.path());
        assert_eq!((report.rebuilt, report.replayed), (false, 0), "{what}");
    }
}

#[tokio::test]
async fn an_unfinished_snapshot_of_the_store_does_not_keep_it_from_opening() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = filled(dir.path(), 1).await;
    log.close().await;
    fs::write(dir.path().join("sled/snap.FFFFFFFFFFFFFFFF.generating"), [7; 50]).unwrap();
    let (_, report) = open(dir.path());
    assert!(!report.rebuilt);
}

#[tokio::test]
async fn only_one_process_of_the_same_owner_opens_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(&dir.path().join("new/data"));
    let dir = dir.path().join("new/data");
    assert!(matches!(AuditLog::open(&dir, owner(), LogSettings::default()), Err(OpenError::Locked)));
    log.close().await;
    let aws = Owner { sandbox: false, ..owner() };
    let error = AuditLog::open(&dir, aws, LogSettings::default()).unwrap_err();
    let text = "the data directory belongs to the sandbox account 123456789012, not to AWS account 123456789012";
    assert_eq!(error.to_string(), text);

    fs::rename(dir.join("OWNER.json"), dir.join("kept")).unwrap();
    assert!(matches!(AuditLog::open(&dir, owner(), LogSettings::default()), Err(OpenError::NoOwner)));
    let text = fs::read_to_string(dir.join("kept")).unwrap();
    fs::write(dir.join("OWNER.json"), text.replace("\"format\": 1", "\"format\": 2")).unwrap();
    assert!(matches!(
        AuditLog::open(&dir, owner(), LogSettings::default()),
        Err(OpenError::NewerFormat { version: 2, .. })
    ));
    fs::write(dir.join("OWNER.json"), text).unwrap();

    let mut bytes = fs::read(segment(&dir)).unwrap();
    bytes[8] = 9;
    fs::write(segment(&dir), &bytes).unwrap();
    assert!(matches!(
        AuditLog::open(&dir, owner(), LogSettings::default()),
        Err(OpenError::NewerFormat { version: 9, .. })
    ));
}
