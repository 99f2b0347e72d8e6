//! The directory as a crash leaves it at every step of a pruning.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;

/// What is asked of a log, once it has been put in order.
fn answers(log: &AuditLog) -> Vec<String> {
    let mut answers = Vec::new();
    for index in 0..log.size() {
        let record = log.record(index).map(|record| record.map(|record| record.leaf));
        answers.push(match record {
            Ok(leaf) => format!("{index} {leaf:?}"),
            Err(ReadError::Pruned { .. }) => format!("{index} pruned"),
            Err(error) => panic!("{index}: {error:?}"),
        });
    }
    for number in 0..10 {
        let id = launch_id(number);
        answers.push(format!("{:?}", log.launch(id).unwrap()));
        answers.push(format!("{:?}", log.pruned_launch(id).unwrap()));
        let indexes: Vec<_> = log.launch_entries(id, 0).unwrap().iter().map(|indexed| indexed.index).collect();
        answers.push(format!("{indexes:?}"));
        for operation in [Operation::Launch, Operation::Terminate, Operation::Cancel] {
            answers.push(format!("{:?}", log.request(&request_key(operation, number)).unwrap()));
        }
        for instance in [instance_id(number, 0), instance_id(number, 1)] {
            answers.push(format!("{:?}", log.launch_of_instance(&instance).unwrap()));
            answers.push(format!("{:?}", log.instance_entries(&instance, 0).unwrap()));
        }
    }
    for order in [Order::OldestFirst, Order::NewestFirst] {
        let query = RecordQuery { order, limit: 100, ..RecordQuery::default() };
        let found: Vec<_> = log.records(&query).unwrap().records.iter().map(|record| record.index).collect();
        let of = RecordQuery { principal: Some("local".parse().unwrap()), ..query.clone() };
        let of: Vec<_> = log.records(&of).unwrap().records.iter().map(|record| record.index).collect();
        let late = RecordQuery { start: Some(at(22)), end: Some(at(24)), ..query };
        let late: Vec<_> = log.records(&late).unwrap().records.iter().map(|record| record.index).collect();
        answers.push(format!("{found:?} {of:?} {late:?}"));
    }
    answers.push(format!("{:?}", log.launches(&LaunchQuery { limit: 10, ..LaunchQuery::default() }).unwrap()));
    answers.push(format!("{:?}", log.open_launches().unwrap()));
    answers
}

/// Opens a copy of `dir` with the store as it is in `store`, or without one, and asks everything.
async fn reopened(dir: &Path, store: Option<&Path>) -> Vec<String> {
    let copy = crash_image(dir);
    let sled = copy.path().join("sled");
    fs::remove_dir_all(&sled).unwrap();
    if let Some(store) = store {
        copy_dir(&store.join("sled"), &sled);
    }
    let (log, _) = open_with_short_segments(copy.path());
    let found = answers(&log);
    log.close().await;
    assert_sound(copy.path());
    assert!(
        !fs::read_dir(copy.path().join("retention"))
            .is_ok_and(|mut files| { files.any(|file| file.unwrap().path().extension().unwrap() != "jsonl") })
    );
    // And once more, from what the first start has made.
    let (log, report) = open_with_short_segments(copy.path());
    assert_eq!((report.replayed, report.rebuilt), (0, false));
    assert_eq!(answers(&log), found);
    log.close().await;
    found
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir.join("journal")).unwrap().map(|item| item.unwrap().path());
    let mut paths: Vec<_> = paths.filter(|path| path.extension().unwrap() == "seg").collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn a_crash_at_any_step_leaves_the_log_as_it_was_or_pruned() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open_with_short_segments(dir.path());
    append(&log, whole_launch(5)).await;
    log.close().await;
    // A store that lags behind: it has seen one launch.
    let lagging = crash_image(dir.path());
    let (log, _) = open_with_short_segments(dir.path());
    history(&log).await;
    append(&log, [vec![started(12_000)], vec![decision(12_000, 7, Some(7), Verdict::Refused)]]).await;
    log.close().await;
    let before = crash_image(dir.path());
    let (log, _) = open_with_short_segments(dir.path());
    let old = answers(&log);

    let planner = log.clone();
    let plan = tokio::task::spawn_blocking(move || planner.next_plan(&since(1_000)).unwrap().unwrap());
    let plan = Arc::new(plan.await.unwrap());
    let planned = crash_image(dir.path());
    let name = format!("retention/{:020}", plan.record.end);
    let entry = Entry { event: Event::RecordsPruned(plan.record.clone()), ..started(12_002) };
    log.append_pruning(entry, plan).await.unwrap();
    let recorded = crash_image(dir.path());
    let finisher = log.clone();
    tokio::task::spawn_blocking(move || finisher.finish_pruning().unwrap()).await.unwrap();
    let new = answers(&log);
    assert_ne!(old, new[..old.len().min(new.len())]);
    log.close().await;
    let finished = crash_image(dir.path());

    // Not on record: nothing has happened, whatever files there are.
    let plan_only = crash_image(planned.path());
    fs::remove_file(plan_only.path().join(format!("{name}.jsonl"))).unwrap();
    let snapshots_half = crash_image(plan_only.path());
    fs::write(snapshots_half.path().join(format!("{name}.new")), "half").unwrap();
    for state in [&plan_only, &snapshots_half, &planned] {
        for store in [Some(planned.path()), Some(lagging.path()), None] {
            assert_eq!(reopened(state.path(), store).await, old);
        }
    }

    // On record: the segments up to some have been rewritten, and of the next one this much.
    let stores = [Some(recorded.path()), Some(finished.path()), Some(before.path()), Some(lagging.path()), None];
    let mut case = 0;
    let all = segments(finished.path());
    for rewritten in 0..=all.len() {
        for step in 0..4 {
            let state = crash_image(recorded.path());
            let take = |path: &Path| {
                let name = path.file_name().unwrap();
                fs::copy(finished.path().join("journal").join(name), state.path().join("journal").join(name)).unwrap()
            };
            for segment in &all[..rewritten] {
                take(segment);
                let index = segment.with_extension("idx");
                if index.exists() {
                    take(&index);
                }
            }
            if let Some(next) = all.get(rewritten) {
                let next = state.path().join("journal").join(next.file_name().unwrap());
                let index = next.with_extension("idx");
                match step {
                    0 => {}
                    1 => drop(fs::copy(&next, next.with_extension("seg.new")).unwrap()),
                    2 => drop(fs::remove_file(index)),
                    _ => {
                        drop(fs::remove_file(index));
                        take(&next);
                    }
                }
            }
            assert_eq!(reopened(state.path(), stores[case % stores.len()]).await, new, "{rewritten} {step}");
            case += 1;
        }
    }
    for store in stores {
        assert_eq!(reopened(recorded.path(), store).await, new);
        assert_eq!(reopened(finished.path(), store).await, new);
    }
}
