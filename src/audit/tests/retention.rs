//! Retention: what goes, what stays, and a crash at every step between.

mod backed_up;
mod crashes;
mod random;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::fixture::*;
use crate::audit::verify::{Code, Leaf, Leaves, Report, Snapshots, SourceFault, Trust, verify};
use crate::audit::{
    AppendError, AuditLog, LaunchQuery, LogSettings, OfflineLeaf, OfflineLog, OpenError, Operation, Order, PruneReport,
    ReadError, RecordQuery, Retention,
};
use crate::record::{Entry, Event, LaunchState, Phase, Verdict};

/// Keeps what happened from the `seconds`-th second on.
fn since(seconds: i64) -> Retention {
    let keep = Duration::from_secs(20_000);
    Retention { now: at(seconds + 20_000), keep }
}

async fn append(log: &AuditLog, appends: impl IntoIterator<Item = Vec<Entry>>) {
    for entries in appends {
        log.append(entries).await.unwrap();
    }
}

/// What `gantry audit verify --data-dir` finds.
fn verified(dir: &Path) -> Report {
    struct Directory(Arc<OfflineLog>, u64);
    impl Leaves for Directory {
        fn next_batch(&mut self) -> Result<Vec<Leaf>, SourceFault> {
            let fault = |error: crate::audit::OfflineError| SourceFault { index: None, reason: error.to_string() };
            let leaf = |leaf| match leaf {
                Ok((_, OfflineLeaf::Kept(leaf))) => Ok(Leaf::Kept(leaf)),
                Ok((_, OfflineLeaf::Pruned(hash))) => Ok(Leaf::Pruned(hash)),
                Err(error) => Err(fault(error)),
            };
            let batch: Vec<_> = self.0.leaves(self.1..self.1 + 7).map(leaf).collect::<Result<_, _>>()?;
            self.1 += batch.len() as u64;
            Ok(batch)
        }

        fn snapshots(&mut self, end: u64) -> Result<Snapshots, SourceFault> {
            Ok(match self.0.snapshots(end).unwrap() {
                Some(found) => Snapshots::Found { sha256: found.sha256, lines: found.lines },
                None => Snapshots::Missing,
            })
        }
    }
    let log = OfflineLog::open(dir).unwrap();
    let trust = Trust::new(log.verifier_keys().all(), None).unwrap();
    let checkpoint = log.checkpoint().note.clone();
    verify(&mut Directory(log, 0), &checkpoint, &[], &trust)
}

fn assert_sound(dir: &Path) {
    let report = verified(dir);
    assert!(report.is_sound(), "{:?}", report.failures);
}

/// Whether a text is in any file below a directory.
fn is_somewhere(dir: &Path, text: &str) -> bool {
    std::fs::read_dir(dir).unwrap().any(|item| {
        let path = item.unwrap().path();
        match path.is_dir() {
            true => is_somewhere(&path, text),
            false => std::fs::read(&path).unwrap().windows(text.len()).any(|window| window == text.as_bytes()),
        }
    })
}

fn is_pruned(log: &AuditLog, index: u64) -> bool {
    matches!(log.record(index), Err(ReadError::Pruned { .. }))
}

/// Launch 1 comes up, 2 is refused, 3 stays open, 4 goes on later; a preview and an instance of nobody's.
async fn history(log: &AuditLog) {
    append(log, [vec![started(5)]]).await;
    append(log, whole_launch(1)).await;
    append(log, [vec![decision(20, 2, Some(2), Verdict::Refused)]]).await;
    append(log, [vec![decision(21, 3, Some(3), Verdict::Admitted)], vec![intended(22, 3, 1)]]).await;
    append(log, whole_launch(4)).await;
    let mut preview = preview(23, 9);
    preview.principal = Some("canary".parse().unwrap());
    append(log, [vec![preview], vec![reached(24, None, 8, 0, Phase::Running)]]).await;
    // Finishes the segment, and removes nothing yet.
    assert_eq!(log.prune(since(1)).await.unwrap(), PruneReport::default());
    let gone = |number| reached(9_001, Some(4), 4, number, Phase::Terminated);
    append(log, [vec![termination(9_000, 4, Some(4))], vec![gone(0), gone(1)]]).await;
}

#[tokio::test]
async fn old_records_go_and_their_hashes_requests_and_open_launches_stay() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open_with_short_segments(dir.path());
    history(&log).await;
    let size = log.size();
    let roots: Vec<_> = (1..=size).map(|size| log.inclusion_proof(0, size).unwrap()).collect();
    let key = request_key(Operation::Launch, 1);
    let taken = log.request(&key).unwrap();
    assert!(taken.is_some() && is_somewhere(&dir.path().join("journal"), "canary"));

    let report = log.prune(since(1_000)).await.unwrap();
    // Six records of launch 1, the refusal, the preview and the phase.
    assert_eq!((report.removed, report.launches), (9, 2));
    let gone = |index| is_pruned(&log, index);
    assert_eq!((0..log.size()).filter(|&index| gone(index)).count(), 9);
    assert!(!gone(0), "what the log says of itself stays");
    for text in ["canary", "launch 1\"", "launch 2\""] {
        assert!(!is_somewhere(&dir.path().join("journal"), text), "{text}");
    }

    assert_eq!(log.launch(launch_id(1)).unwrap(), None);
    let pruned = log.pruned_launch(launch_id(1)).unwrap().unwrap();
    assert_eq!((pruned.state, pruned.instance_ids), (LaunchState::Ready, vec![instance_id(1, 0), instance_id(1, 1)]));
    assert_eq!(log.pruned_launch(launch_id(2)).unwrap().unwrap().state, LaunchState::Refused);
    assert_eq!(log.request(&key).unwrap(), taken);
    let again = decision(9_500, 1, Some(1), Verdict::Admitted);
    assert!(
        matches!(log.append_once(key.clone(), again.clone()).await, Ok(crate::audit::Once::Taken(by)) if Some(by) == taken)
    );
    assert!(matches!(log.append(vec![again]).await, Err(AppendError::Conflict(_))), "nor does it begin again");
    assert!(matches!(
        log.append(vec![reached(9_500, Some(1), 1, 0, Phase::Failed)]).await,
        Err(AppendError::Conflict(_))
    ));
    assert_eq!(log.launch_of_instance(&instance_id(1, 0)).unwrap(), None);
    assert_eq!(log.launch_of_instance(&instance_id(4, 0)).unwrap(), Some(launch_id(4)));
    assert!(log.instance_entries(&instance_id(8, 0), 0).unwrap().is_empty());
    for number in [3, 4] {
        assert!(log.launch(launch_id(number)).unwrap().is_some(), "launch {number} is whole");
    }
    assert_eq!(log.launch_entries(launch_id(4), 0).unwrap().len(), 9);
    let all = LaunchQuery { limit: 10, ..LaunchQuery::default() };
    assert_eq!(log.launches(&all).unwrap().launches.len(), 2);
    for (before, index) in roots.iter().zip(0..) {
        let leaf = log.inclusion_proof(index, size).unwrap();
        assert_eq!(log.inclusion_proof(0, index + 1).unwrap(), *before);
        assert_eq!(leaf.tree_size, size);
    }

    // What is left goes once it is over and old. The launch that is open never does.
    append(&log, [vec![started(15_000)]]).await;
    let report = log.prune(since(10_000)).await.unwrap();
    assert_eq!((report.removed, report.launches), (9, 1), "launch 4");
    assert_eq!(log.launch(launch_id(4)).unwrap(), None);
    assert!(log.request(&request_key(Operation::Terminate, 4)).unwrap().is_some());
    assert!(log.launch(launch_id(3)).unwrap().unwrap().is_open());
    assert_eq!(log.prune(since(10_000)).await.unwrap(), PruneReport::default());
    log.close().await;
    assert_sound(dir.path());
    assert_eq!(verified(dir.path()).pruned, 18);
}

#[tokio::test]
async fn a_plan_that_the_log_has_overtaken_is_refused_and_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open_with_short_segments(dir.path());
    history(&log).await;
    append(&log, [vec![started(12_000)], vec![started(12_000)]]).await;
    let plan = {
        let log = log.clone();
        tokio::task::spawn_blocking(move || log.next_plan(&since(1_000)).unwrap().unwrap()).await.unwrap()
    };
    append(&log, [vec![termination(12_001, 1, Some(1))]]).await;
    let size = log.size();
    let plan = Arc::new(plan);
    let entry = Entry { event: Event::RecordsPruned(plan.record.clone()), ..started(12_002) };
    let refused = log.append_pruning(entry, plan).await;
    assert!(matches!(refused, Err(AppendError::PruningStale)), "{refused:?}");
    assert_eq!(log.size(), size);
    assert!((0..size).all(|index| !is_pruned(&log, index)));

    let report = log.prune(since(1_000)).await.unwrap();
    assert_eq!(report.launches, 1, "launch 2 and no longer launch 1");
    assert_eq!(log.launch_entries(launch_id(1), 0).unwrap().len(), 7);
    log.close().await;
    assert_sound(dir.path());
}

#[tokio::test]
async fn snapshots_that_are_lost_or_altered_are_found_and_nothing_is_guessed() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open_with_short_segments(dir.path());
    history(&log).await;
    log.prune(since(1_000)).await.unwrap();
    log.close().await;
    let retention = dir.path().join("retention");
    let files: Vec<_> = std::fs::read_dir(&retention).unwrap().map(|item| item.unwrap().path()).collect();
    assert!(!files.is_empty() && files.iter().all(|path| path.extension().unwrap() == "jsonl"), "{files:?}");
    let with_lines = files.iter().find(|path| 0 < std::fs::metadata(path).unwrap().len()).unwrap();
    let text = std::fs::read(with_lines).unwrap();
    for altered in [None, Some(&text[..text.len() - 1]), Some(&b"{}\n"[..])] {
        match altered {
            None => std::fs::remove_file(with_lines).unwrap(),
            Some(bytes) => std::fs::write(with_lines, bytes).unwrap(),
        }
        let found: Vec<_> = verified(dir.path()).failures.iter().map(|failure| failure.code).collect();
        assert_eq!(found, [Code::SnapshotsAltered]);
        // The store has seen them, and does without.
        let (log, _) = open_with_short_segments(dir.path());
        log.close().await;
        let rebuilt = crash_image(dir.path());
        std::fs::remove_dir_all(rebuilt.path().join("sled")).unwrap();
        let settings = LogSettings { segment_bytes: 3000, ..LogSettings::default() };
        let error = AuditLog::open(rebuilt.path(), owner(), settings).unwrap_err();
        assert!(matches!(error, OpenError::SnapshotsLost { .. }), "{error:?}");
    }
    std::fs::write(with_lines, text).unwrap();
    assert_sound(dir.path());
}

#[tokio::test]
async fn a_segment_that_is_missing_is_damage_and_no_pruning() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open_with_short_segments(dir.path());
    history(&log).await;
    log.prune(since(1_000)).await.unwrap();
    log.close().await;
    let mut segments: Vec<_> = std::fs::read_dir(dir.path().join("journal"))
        .unwrap()
        .map(|item| item.unwrap().path())
        .filter(|path| path.extension().unwrap() == "seg")
        .collect();
    segments.sort();
    assert!(3 < segments.len());
    for segment in &segments {
        let damaged = crash_image(dir.path());
        std::fs::remove_file(damaged.path().join("journal").join(segment.file_name().unwrap())).unwrap();
        assert!(!verified(damaged.path()).is_sound(), "{segment:?}");
        let settings = LogSettings { segment_bytes: 3000, ..LogSettings::default() };
        let error = AuditLog::open(damaged.path(), owner(), settings).unwrap_err();
        assert!(
            matches!(
                error,
                OpenError::Damaged { .. } | OpenError::CheckpointAhead { .. } | OpenError::StoreAhead { .. }
            ),
            "{error:?}"
        );
    }
}
