//! What is made from the journal, lost or torn; and records that are not those that were signed.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::fixture::*;
use crate::audit::{
    AppendError, AuditLog, LogSettings, OfflineLeaf, OfflineLog, OpenError, Order, RecordQuery, SignedCheckpoint,
    rotate_key,
};
use crate::record::{EntryKind, Phase};

const SEGMENT: &str = "journal/00000000000000000000.seg";

/// Ten whole launches in short segments, closed. The checkpoint.
async fn sixty_records(dir: &Path) -> SignedCheckpoint {
    let (log, _) = open_with_short_segments(dir);
    for launch in 1..=10 {
        for entries in whole_launch(launch) {
            log.append(entries).await.unwrap();
        }
    }
    let checkpoint = SignedCheckpoint::clone(&log.checkpoint());
    assert_eq!(checkpoint.size, 60);
    log.close().await;
    checkpoint
}

/// What the log says of itself, and what a search finds.
fn state(log: &AuditLog) -> (u64, [u8; 32], Vec<u64>) {
    let query = RecordQuery {
        kinds: vec![EntryKind::AttemptSucceeded],
        region: Some("us-east-1".parse().unwrap()),
        order: Order::OldestFirst,
        limit: 100,
        ..RecordQuery::default()
    };
    let found = log.records(&query).unwrap().records;
    let checkpoint = log.checkpoint();
    (checkpoint.size, checkpoint.root_hash, found.iter().map(|record| record.index).collect())
}

fn index_files(dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(dir.join("journal")).unwrap().map(|item| item.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "idx")).collect()
}

#[tokio::test]
async fn what_is_made_from_the_journal_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = sixty_records(dir.path()).await;
    let (log, _) = open_with_short_segments(dir.path());
    let wanted = state(&log);
    assert_eq!((wanted.0, wanted.1, wanted.2.len()), (60, checkpoint.root_hash, 5));
    log.close().await;
    assert!(3 < index_files(dir.path()).len());

    type Break = fn(&Path);
    let ways: [(&str, Break); 9] = [
        ("hashes gone", |dir| fs::remove_file(dir.join("tlog/hashes")).unwrap()),
        ("hashes cut within one", |dir| {
            fs::OpenOptions::new().write(true).open(dir.join("tlog/hashes")).unwrap().set_len(1001).unwrap();
        }),
        ("hashes of the last segment never written", |dir| {
            let file = fs::OpenOptions::new().write(true).open(dir.join("tlog/hashes")).unwrap();
            let bytes = file.metadata().unwrap().len();
            file.write_all_at(&[0; 64], bytes - 64).unwrap();
        }),
        ("hashes of records that were cut", |dir| {
            let mut bytes = fs::read(dir.join("tlog/hashes")).unwrap();
            bytes.extend([7; 500]);
            fs::write(dir.join("tlog/hashes"), bytes).unwrap();
        }),
        ("checkpoint gone", |dir| fs::remove_file(dir.join("tlog/checkpoint")).unwrap()),
        ("checkpoint torn", |dir| fs::write(dir.join("tlog/checkpoint"), [3; 5000]).unwrap()),
        ("indexes gone", |dir| index_files(dir).iter().for_each(|path| fs::remove_file(path).unwrap())),
        ("indexes cut", |dir| {
            for (number, path) in index_files(dir).iter().enumerate() {
                let file = fs::OpenOptions::new().write(true).open(path).unwrap();
                file.set_len(number as u64 * 40).unwrap();
            }
        }),
        ("an index of another segment", |dir| {
            let files = index_files(dir);
            fs::copy(&files[0], &files[1]).unwrap();
        }),
    ];
    for (what, break_it) in ways {
        break_it(dir.path());
        let (log, report) = open_with_short_segments(dir.path());
        assert_eq!(state(&log), wanted, "{what}");
        assert!(!report.rebuilt, "{what}");
        log.close().await;
        let (log, report) = open_with_short_segments(dir.path());
        assert_eq!((state(&log), report.replayed), (wanted.clone(), 0), "{what}");
        log.close().await;
    }
}

#[tokio::test]
async fn a_damaged_index_is_found_at_once_or_made_again_after_the_error() {
    let dir = tempfile::tempdir().unwrap();
    sixty_records(dir.path()).await;
    let (log, _) = open_with_short_segments(dir.path());
    let wanted = state(&log);
    log.close().await;
    let files = index_files(dir.path());
    let whole = fs::read(&files[0]).unwrap();
    for at in (0..whole.len()).step_by(37) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x10;
        fs::write(&files[0], &damaged).unwrap();
        let (log, _) = open_with_short_segments(dir.path());
        let query = RecordQuery { region: Some("us-east-1".parse().unwrap()), limit: 100, ..RecordQuery::default() };
        // Never a wrong answer: an error, and the file is gone for the next start; or all of it.
        match log.records(&RecordQuery { start: Some(at_first()), end: Some(at_last()), ..query }) {
            Ok(page) => assert!(!page.records.is_empty(), "byte {at}"),
            Err(_) => assert!(log.records(&RecordQuery { limit: 1, ..RecordQuery::default() }).is_ok(), "byte {at}"),
        }
        log.close().await;
        let (log, _) = open_with_short_segments(dir.path());
        match log.records(&RecordQuery { limit: 100, ..RecordQuery::default() }) {
            Ok(page) => assert_eq!(page.records.len(), 60, "byte {at}"),
            Err(error) => panic!("byte {at}: {error}"),
        }
        log.close().await;
        fs::write(&files[0], &whole).unwrap();
    }
    let (log, _) = open_with_short_segments(dir.path());
    assert_eq!(state(&log), wanted);
    log.close().await;
}

fn at_first() -> jiff::Timestamp {
    at(11)
}

fn at_last() -> jiff::Timestamp {
    at(13)
}

/// Writes another letter into the reason of a decision and makes the frame sound again: what somebody
/// would do who can write the disk and knows the format.
fn forge(path: &Path, from: &[u8], to: &[u8]) {
    let mut bytes = fs::read(path).unwrap();
    let place = bytes.windows(from.len()).position(|window| window == from).unwrap();
    bytes[place..place + to.len()].copy_from_slice(to);
    let mut start = 128;
    loop {
        let length = u32::from_le_bytes(bytes[start..start + 4].try_into().unwrap()) as usize;
        let end = start + 24 + length;
        if place < end {
            let checksum = crc32c::crc32c(&bytes[start + 8..end]);
            bytes[start + 4..start + 8].copy_from_slice(&checksum.to_le_bytes());
            break;
        }
        start = end;
    }
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_forged_record_is_refused_and_named() {
    // In the last segment: found at the start.
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    for launch in 1..=3 {
        for entries in whole_launch(launch) {
            log.append(entries).await.unwrap();
        }
    }
    log.close().await;
    forge(&dir.path().join(SEGMENT), b"launch 2", b"launch 9");
    let error = AuditLog::open(dir.path(), owner(), LogSettings::default()).unwrap_err();
    assert!(matches!(error, OpenError::RootMismatch { size: 18, index: Some(6) }), "{error:?}");
    assert!(error.to_string().contains("record 6 is not what was signed"));

    // In a finished segment: found by whoever reads it.
    let dir = tempfile::tempdir().unwrap();
    sixty_records(dir.path()).await;
    forge(&dir.path().join(SEGMENT), b"launch 1", b"launch 9");
    let (log, _) = open_with_short_segments(dir.path());
    assert!(log.record(0).unwrap_err().to_string().contains("record 0"));
    assert!(log.record(1).is_ok());
    log.close().await;
}

#[tokio::test]
async fn a_journal_shorter_than_its_last_checkpoint_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    log.append(vec![started(1)]).await.unwrap();
    log.close().await;
    let before = fs::read(dir.path().join(SEGMENT)).unwrap();
    let (log, _) = open(dir.path());
    log.append(vec![started(2)]).await.unwrap();
    log.close().await;
    // An older journal, and a store that has nothing to say.
    fs::write(dir.path().join(SEGMENT), before).unwrap();
    fs::remove_dir_all(dir.path().join("sled")).unwrap();
    let error = AuditLog::open(dir.path(), owner(), LogSettings::default()).unwrap_err();
    assert!(matches!(error, OpenError::CheckpointAhead { stated: 2, size: 1 }), "{error:?}");
}

#[tokio::test]
async fn a_nearly_full_disk_refuses_appends_and_serves_reads_until_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    log.append(vec![started(1)]).await.unwrap();
    log.shared.reserve.store(u64::MAX, Ordering::Relaxed);
    for _ in 0..3 {
        assert!(matches!(log.append(vec![started(2)]).await, Err(AppendError::NoSpace)));
        assert!(log.is_available() && log.record(0).unwrap().is_some());
    }
    log.shared.reserve.store(0, Ordering::Relaxed);
    assert_eq!(log.append(vec![started(3)]).await.unwrap(), 1);
    log.close().await;
}

#[tokio::test]
async fn a_log_at_rest_is_read_as_far_as_its_checkpoint_while_it_grows() {
    let dir = tempfile::tempdir().unwrap();
    let checkpoint = sixty_records(dir.path()).await;
    let (log, _) = open_with_short_segments(dir.path());
    let offline = OfflineLog::open(dir.path()).unwrap();
    log.append(vec![reached(20, None, 9, 0, Phase::Running)]).await.unwrap();
    assert_eq!((offline.checkpoint(), offline.log_id()), (&checkpoint, log.log_id()));
    let leaves: Vec<_> = offline.leaves(0..u64::MAX).map(|leaf| leaf.unwrap()).collect();
    assert_eq!(leaves.len(), 60);
    for (index, leaf) in &leaves {
        assert_eq!(*leaf, OfflineLeaf::Kept(log.record(*index).unwrap().unwrap().leaf));
    }
    let middle: Vec<_> = offline.leaves(17..31).map(|leaf| leaf.unwrap().0).collect();
    assert_eq!(middle, (17..31).collect::<Vec<_>>());
    assert_eq!(OfflineLog::open(dir.path()).unwrap().checkpoint().size, 61);
    log.close().await;
}

#[tokio::test]
async fn a_rotated_key_signs_from_the_next_start_on() {
    let dir = tempfile::tempdir().unwrap();
    sixty_records(dir.path()).await;
    let (log, _) = open_with_short_segments(dir.path());
    let old = log.verifier_keys().current().to_owned();
    assert!(matches!(rotate_key(dir.path()), Err(OpenError::Locked)));
    log.close().await;
    let keys = rotate_key(dir.path()).unwrap();
    let (log, _) = open_with_short_segments(dir.path());
    assert_eq!((log.verifier_keys(), log.verifier_keys().all().len()), (&keys, 2));
    assert_eq!(log.verifier_keys().all()[1], old);
    let signed = String::from_utf8(log.checkpoint().note.clone()).unwrap();
    assert_eq!(signed.lines().filter(|line| line.starts_with('\u{2014}')).count(), 1);
    log.close().await;
}
