//! Backups of a log in which retention goes on, and readers that it overtakes.

use super::*;
use crate::audit::{OfflineError, backup, restore};

#[tokio::test]
async fn a_backup_follows_retention_and_a_reader_that_it_overtakes_is_told() {
    let (dir, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (log, _) = open_with_short_segments(dir.path());
    history(&log).await;
    let out = root.path().join("backup");
    backup(dir.path(), &out, false, at(100)).unwrap();
    let early = OfflineLog::open(dir.path()).unwrap();
    let pruned = early.leaves(0..u64::MAX).filter(|leaf| matches!(leaf, Ok((_, OfflineLeaf::Pruned(_)))));
    assert_eq!(pruned.count(), 0);

    assert_eq!(log.prune(since(1_000)).await.unwrap().removed, 9);
    let overtaken = early.leaves(0..u64::MAX).find_map(Result::err);
    assert!(matches!(overtaken, Some(OfflineError::PrunedMeanwhile { .. })), "{overtaken:?}");

    for (prunings, cutoff) in [(0, None), (1, Some(10_000))] {
        if let Some(cutoff) = cutoff {
            append(&log, [vec![started(15_000)]]).await;
            log.prune(since(cutoff)).await.unwrap();
        }
        // What retention has left takes the place of what was copied before, and is whole as a log.
        backup(dir.path(), &out, false, at(100)).unwrap();
        assert_sound(&out);
        assert_eq!(verified(&out).pruned, if prunings == 0 { 9 } else { 18 });
        assert!(!is_somewhere(&out.join("journal"), "launch 1\""));

        let restored = root.path().join(format!("restored-{prunings}"));
        restore(&out, &restored, None, at(200)).unwrap();
        let (again, _) = open_with_short_segments(&restored);
        assert_eq!(again.size(), log.size());
        assert_eq!(again.pruned_launch(launch_id(1)).unwrap(), log.pruned_launch(launch_id(1)).unwrap());
        let key = request_key(Operation::Launch, 1);
        assert_eq!(again.request(&key).unwrap(), log.request(&key).unwrap());
        assert_eq!(again.launch(launch_id(3)).unwrap(), log.launch(launch_id(3)).unwrap());
        again.close().await;
        assert_sound(&restored);
    }
    log.close().await;
}
