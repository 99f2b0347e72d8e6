//! Backups beside a writer, brought up to date, and refused where they do not fit.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use super::fixture::*;
use crate::audit::{
    AuditLog, BackupError, BackupReport, KeptError, LogSettings, OfflineLeaf, OfflineLog, OpenError, backup, restore,
};

fn backed_up(from: &Path, to: &Path) -> Result<BackupReport, BackupError> {
    backup(from, to, false, at(100))
}

async fn fill(log: &AuditLog, launches: std::ops::RangeInclusive<u8>) {
    for launch in launches {
        for entries in whole_launch(launch) {
            log.append(entries).await.unwrap();
        }
    }
}

/// The leaves of the copy in `dir`, which has to have them all.
fn leaves(dir: &Path) -> Vec<Vec<u8>> {
    let log: Arc<OfflineLog> = OfflineLog::open(dir).unwrap();
    let leaf = |item| match item {
        Ok((_, OfflineLeaf::Kept(leaf))) => leaf,
        other => panic!("{other:?}"),
    };
    let leaves: Vec<_> = log.leaves(0..u64::MAX).map(leaf).collect();
    assert_eq!(leaves.len() as u64, log.checkpoint().size);
    leaves
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_beside_a_writer_is_whole_and_is_brought_up_to_date() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (log, _) = open_with_short_segments(dir.path());
    let writing = {
        let log = log.clone();
        tokio::spawn(async move { fill(&log, 1..=120).await })
    };
    let (mut size, mut runs) = (0, 0);
    let kept = loop {
        let last = writing.is_finished();
        let (from, to) = (dir.path().to_owned(), out.path().to_owned());
        let report = tokio::task::spawn_blocking(move || backed_up(&from, &to)).await.unwrap().unwrap();
        assert!(size <= report.size && report.size_before == (0 < runs).then_some(size), "{report:?}");
        let copy = leaves(out.path());
        assert_eq!(copy.len() as u64, report.size);
        for (index, leaf) in (0..).zip(&copy) {
            assert_eq!(log.record(index).unwrap().unwrap().leaf, *leaf);
        }
        (size, runs) = (report.size, runs + 1);
        if last {
            break report.segments_kept;
        }
    };
    writing.await.unwrap();
    assert_eq!(size, log.size(), "the last run found all");
    assert!(2 < runs && 2 < kept, "{runs} runs, {kept} segments were there");
    log.close().await;

    // What is made from it goes on as the log would have.
    let restored = tempfile::tempdir().unwrap();
    restore(out.path(), restored.path(), None, at(200)).unwrap();
    let (again, report) = open_with_short_segments(restored.path());
    assert_eq!((again.size(), again.log_id(), report.torn_bytes), (size, log.log_id(), 0));
    assert_eq!(again.launch(launch_id(7)).unwrap().unwrap().state, crate::record::LaunchState::Ready);
    fill(&again, 121..=125).await;
    again.close().await;
    assert_eq!(leaves(restored.path()).len() as u64, size + 30);
}

#[tokio::test]
async fn a_backup_is_written_to_by_its_own_log_only_and_never_served() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("backup");
    let (log, _) = open(dir.path());
    fill(&log, 1..=3).await;
    let before = crash_image(dir.path());
    fill(&log, 4..=5).await;
    log.close().await;
    let (stranger, _) = open(other.path());
    fill(&stranger, 1..=9).await;
    stranger.close().await;

    assert!(matches!(backed_up(dir.path(), other.path()), Err(BackupError::Occupied { .. })));
    let size = backed_up(dir.path(), &out).unwrap().size;
    let served = AuditLog::open(&out, owner(), LogSettings::default());
    assert!(matches!(served, Err(OpenError::Backup { .. })), "{served:?}");
    assert!(matches!(backed_up(other.path(), &out), Err(BackupError::OtherLog { .. })));
    let set_back = backed_up(before.path(), &out);
    assert!(matches!(set_back, Err(BackupError::SetBack { backup, log }) if backup == size && log < size));
    // The log that was set back goes on, and is as long in the end.
    let (log, _) = open(before.path());
    fill(&log, 6..=9).await;
    log.close().await;
    let contradicts = backed_up(before.path(), &out);
    assert!(matches!(contradicts, Err(BackupError::Contradicts { size: found }) if found == size), "{contradicts:?}");
    assert_eq!(leaves(&out), leaves(dir.path()), "the backup is what it was");

    // The key is there if it was asked for, and only then.
    let key = out.join("tlog/key");
    assert!(!key.exists());
    backup(dir.path(), &out, true, at(300)).unwrap();
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let restored = restore(&out, &root.path().join("with-key"), None, at(300)).unwrap();
    assert_eq!(restored.new_key, None);
    backed_up(dir.path(), &out).unwrap();
    assert!(!key.exists());

    assert!(matches!(restore(&out, dir.path(), None, at(300)), Err(BackupError::NotEmpty { .. })));
    assert!(matches!(restore(dir.path(), &root.path().join("x"), None, at(300)), Err(BackupError::NoBackup { .. })));
    let missing = restore(&out, &root.path().join("x"), Some(&root.path().join("none")), at(300));
    assert!(matches!(missing, Err(BackupError::KeptMissing { .. })));
    let foreign = root.path().join("foreign");
    fs::write(&foreign, &OfflineLog::open(other.path()).unwrap().checkpoint().note).unwrap();
    let refused = restore(&out, &root.path().join("x"), Some(&foreign), at(300));
    assert!(matches!(refused, Err(BackupError::Kept(KeptError::Bad { .. }))), "{refused:?}");
    fs::write(&foreign, &OfflineLog::open(before.path()).unwrap().checkpoint().note).unwrap();
    let refused = restore(&out, &root.path().join("x"), Some(&foreign), at(300));
    // It is longer than the backup, so that nothing contradicts it.
    assert!(matches!(&refused, Ok(report) if report.size < report.known_size.unwrap()), "{refused:?}");
}

#[tokio::test]
async fn a_backup_with_a_damaged_byte_is_not_restored() {
    let dir = tempfile::tempdir().unwrap();
    let root = tempfile::tempdir().unwrap();
    let out = root.path().join("backup");
    let (log, _) = open_with_short_segments(dir.path());
    fill(&log, 1..=4).await;
    log.close().await;
    backed_up(dir.path(), &out).unwrap();
    let mut damaged = 0;
    for name in
        ["journal/00000000000000000000.seg", "tlog/hashes", "tlog/verifier-keys", "tlog/checkpoint", "BACKUP.json"]
    {
        let path = out.join(name);
        let sound = fs::read(&path).unwrap();
        for place in 0..6 {
            let mut bytes = sound.clone();
            let at_byte = if name.contains("checkpoint") { 20 + place } else { place * (sound.len() / 6) + 3 };
            bytes[at_byte] ^= 0x04;
            fs::write(&path, &bytes).unwrap();
            let target = root.path().join(format!("{damaged}"));
            let restored = restore(&out, &target, None, at(300));
            // The time of the marker is nobody's matter, and the header's reserved bytes are checksummed.
            assert!(restored.is_err() || name == "BACKUP.json", "{name} byte {at_byte}: {restored:?}");
            if restored.is_err() {
                assert!(!target.join("OWNER.json").exists(), "{name} byte {at_byte}");
            }
            damaged += 1;
        }
        fs::write(&path, &sound).unwrap();
    }
    restore(&out, &root.path().join("sound"), None, at(300)).unwrap();
}
