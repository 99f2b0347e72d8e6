//! Logs that are behind: how that is known, that it lasts, and how it ends.

use std::fs;

use super::fixture::*;
use crate::audit::{
    AcceptError, AuditLog, BehindCause, Kept, KeptError, LogSettings, OpenError, accept, backup, restore,
};

#[tokio::test]
async fn a_restored_log_is_behind_until_that_is_accepted_and_then_remembers() {
    let (dir, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (out, kept, path) = (root.path().join("backup"), root.path().join("kept"), root.path().join("restored"));
    let (log, _) = open(dir.path());
    log.append(vec![started(1)]).await.unwrap();
    backup(dir.path(), &out, false, at(2)).unwrap();
    log.append(vec![started(3), started(4)]).await.unwrap();
    assert_eq!(log.keep_checkpoint(&kept).unwrap(), 3);
    let old_key = log.verifier_keys().current().to_owned();
    log.close().await;

    let report = restore(&out, &path, Some(&kept), at(5)).unwrap();
    assert_eq!((report.size, report.known_size), (1, Some(3)));
    let (log, _) = open(&path);
    let behind = log.behind().unwrap();
    assert_eq!((behind.cause, behind.size, behind.known_size), (BehindCause::Restored, 1, Some(3)));
    assert!(behind.to_string().contains("2 are missing"), "{behind}");
    assert_eq!(log.verifier_keys().all(), [report.new_key.unwrap(), old_key]);
    assert_eq!((log.acceptance_to_record(), log.doubtful_below()), (None, None));
    // It is a log like any other for what is no launch.
    log.append(vec![started(6)]).await.unwrap();
    log.acceptance_recorded(1);
    assert!(!log.note_behind(BehindCause::Checkpoint, 3, "kept", at(6)), "that was known");
    assert!(log.note_behind(BehindCause::Witness, 4, "w", at(6)), "that is one more");
    assert!(matches!(accept(&path, "it was looked into", at(7)), Err(AcceptError::Open(OpenError::Locked))));
    log.close().await;

    assert!(matches!(accept(&path, "  short    ", at(7)), Err(AcceptError::Reason { chars: 5 })));
    let accepted = accept(&path, " it was looked into ", at(7)).unwrap();
    assert_eq!((accepted.size, accepted.known_size, &*accepted.reason), (1, Some(4), "it was looked into"));
    assert!(matches!(accept(&path, "it was looked into", at(7)), Err(AcceptError::NotBehind)));

    // A start that ends before the record leaves it to the next.
    for _ in 0..2 {
        let (log, _) = open(&path);
        assert_eq!((log.behind(), log.doubtful_below()), (None, Some(2)));
        assert_eq!(log.acceptance_to_record().unwrap().known_size, Some(4));
        log.close().await;
    }
    let (log, _) = open(&path);
    let index = log.append(vec![started(8)]).await.unwrap();
    log.acceptance_recorded(index);
    log.append(vec![started(9)]).await.unwrap();
    log.close().await;
    let (log, _) = open(&path);
    assert_eq!((log.acceptance_to_record(), log.doubtful_below()), (None, Some(index)));
    assert!(!log.note_behind(BehindCause::Witness, 4, "w", at(9)), "it was accepted");
    assert_eq!(log.behind(), None);
    // Once the file elsewhere has been written over, it speaks of the log as it is, which may be set back again.
    assert!(!log.note_behind(BehindCause::Checkpoint, 3, "kept", at(9)), "it was accepted");
    log.checkpoint_was_kept();
    assert!(!log.note_behind(BehindCause::Witness, 4, "w", at(9)), "a witness repeats itself");
    assert!(log.note_behind(BehindCause::Checkpoint, 3, "kept", at(9)), "less than was accepted is news");
    assert!(log.note_behind(BehindCause::Witness, 9, "w", at(9)), "it was not accepted");
    log.close().await;
    let (log, _) = open(&path);
    assert_eq!(log.behind().unwrap().known_size, Some(9), "a restart knows it");
    log.close().await;

    fs::write(path.join("BEHIND.json"), b"{}").unwrap();
    let refused = AuditLog::open(&path, owner(), LogSettings::default());
    assert!(matches!(refused, Err(OpenError::BadMarker { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_checkpoint_kept_elsewhere_tells_growth_from_loss_and_from_another_past() {
    let (dir, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let kept = root.path().join("kept");
    let (log, _) = open(dir.path());
    assert_eq!(log.compare_with_kept(&kept).unwrap(), Kept::Before, "none is kept yet");
    log.append(vec![started(1)]).await.unwrap();
    log.keep_checkpoint(&kept).unwrap();
    log.append(vec![started(2)]).await.unwrap();
    assert_eq!(log.compare_with_kept(&kept).unwrap(), Kept::Before);
    let set_back = crash_image(dir.path());
    log.append(vec![started(3), started(4)]).await.unwrap();
    log.keep_checkpoint(&kept).unwrap();
    log.close().await;

    let (log, _) = open(set_back.path());
    assert_eq!(log.compare_with_kept(&kept).unwrap(), Kept::Ahead(4));
    log.append(vec![started(5), started(6), started(7)]).await.unwrap();
    assert_eq!(log.compare_with_kept(&kept).unwrap(), Kept::Other(4));
    let note = fs::read(&kept).unwrap();
    for at_byte in [0, 3, note.len() - 10] {
        let mut bytes = note.clone();
        bytes[at_byte] ^= 0x01;
        fs::write(&kept, &bytes).unwrap();
        let bad = log.compare_with_kept(&kept);
        assert!(matches!(bad, Err(KeptError::Bad { .. })), "byte {at_byte}: {bad:?}");
    }
    log.close().await;
}
