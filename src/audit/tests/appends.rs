//! Several callers, limits, failures, subscribers.

use std::collections::HashSet;

use super::fixture::*;
use crate::audit::{
    APPEND_ENTRIES_MAX, AppendError, AuditLog, Once, Operation, RECORD_BYTES_MAX, ReadError, RecordQuery, Topic,
};
use crate::record::{ApplyError, EntryKind, Event, Phase, Verdict};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_requests_under_one_key_exactly_one_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let callers = (0..64).map(|launch| {
        let log = log.clone();
        tokio::spawn(async move {
            let entry = decision(0, launch, Some(launch % 2), Verdict::Admitted);
            log.append_once(request_key(Operation::Launch, launch % 2), entry).await.unwrap()
        })
    });
    let outcomes = futures::future::join_all(callers.collect::<Vec<_>>()).await;
    let (mut written, mut taken) = (Vec::new(), HashSet::new());
    for outcome in outcomes {
        match outcome.unwrap() {
            Once::Written { index } => written.push(index),
            Once::Taken(taken_by) => drop(taken.insert(taken_by.index)),
        }
    }
    assert_eq!((written.len(), log.size()), (2, 2));
    assert_eq!(taken, written.into_iter().collect());
    log.close().await;
}

/// Appends that nobody waits for: each follows from those before it, which are still on their way to the
/// disk, or only staged.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn appends_that_do_not_wait_for_each_other_follow_one_another() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    for round in 0..40_u8 {
        let (launch, other) = (2 * round, 2 * round + 1);
        let mut appends = Vec::new();
        let mut queue = |entries| {
            let mut append = Box::pin(futures::future::maybe_done(log.append(entries)));
            // Polled once it is queued, if it was not even answered.
            let _ = futures::FutureExt::now_or_never(&mut append);
            appends.push(append);
        };
        for (count, entries) in whole_launch(launch).into_iter().enumerate() {
            queue(entries);
            if count == 0 {
                queue(vec![decision(0, launch, Some(launch), Verdict::Admitted)]);
            }
            // Something else between them, so that groups end at different places.
            if usize::from(round) % 5 < count {
                queue(vec![started(0)]);
            }
        }
        let key = request_key(Operation::Launch, launch);
        let again = log.append_once(key, decision(0, other, Some(launch), Verdict::Admitted));
        let again = again.await;
        let mut outcomes = Vec::new();
        for mut append in appends {
            append.as_mut().await;
            outcomes.push(append.as_mut().take_output().unwrap());
        }
        let refused: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).collect();
        assert!(matches!(refused[..], [AppendError::Conflict(ApplyError::DecidedTwice)]), "{refused:?}");
        assert!(matches!(again, Ok(Once::Taken(taken_by)) if taken_by.launch_id == launch_id(launch)));
        assert!(!log.launch(launch_id(launch)).unwrap().unwrap().is_open());
        assert_eq!(log.launch(launch_id(other)).unwrap(), None);
    }
    let launches = |log: &AuditLog| (0..80).map(|launch| log.launch(launch_id(launch)).unwrap()).collect::<Vec<_>>();
    let expected = launches(&log);
    log.close().await;
    std::fs::remove_dir_all(dir.path().join("sled")).unwrap();
    let (log, report) = open(dir.path());
    assert!(report.rebuilt && launches(&log) == expected);
    log.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_acknowledged_is_found_at_once_while_others_write() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let callers = (0..32_u8).map(|launch| {
        let log = log.clone();
        tokio::spawn(async move {
            for (count, entries) in whole_launch(launch).into_iter().enumerate() {
                let last = entries.last().unwrap().clone();
                let index = log.append(entries).await.unwrap();
                let found = log.launch_entries(launch_id(launch), index).unwrap();
                assert_eq!(found.last().unwrap().entry, last);
                assert_eq!(log.request(&request_key(Operation::Launch, launch)).unwrap().is_some(), count < 100);
                assert!(index < log.size());
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    assert_eq!(log.size(), 32 * 6);
    assert_eq!(log.open_launches().unwrap(), Vec::new());
    let query = RecordQuery { kinds: vec![EntryKind::Decision], limit: 100, ..RecordQuery::default() };
    assert_eq!(log.records(&query).unwrap().records.len(), 32);
    log.close().await;
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_before_anything_is() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let mut large = decision(0, 1, None, Verdict::Admitted);
    if let Event::Decision(decision) = &mut large.event {
        decision.reason = "x".repeat(RECORD_BYTES_MAX);
    }
    let first = decision(0, 1, None, Verdict::Admitted);
    let mut misdated = first.clone();
    misdated.time = at(2 * 24 * 3600);
    let refused = [
        log.append(vec![first.clone(), large]).await.unwrap_err(),
        log.append(vec![started(0); APPEND_ENTRIES_MAX + 1]).await.unwrap_err(),
        log.append(vec![first.clone(), first.clone()]).await.unwrap_err(),
        log.append(vec![misdated]).await.unwrap_err(),
        log.append_once(request_key(Operation::Launch, 1), first).await.map(drop).unwrap_err(),
    ];
    assert!(matches!(refused[0], AppendError::TooLarge { .. }));
    assert!(matches!(refused[1], AppendError::TooMany { .. }));
    assert!(matches!(refused[2], AppendError::Conflict(ApplyError::DecidedTwice)));
    assert!(matches!(refused[3], AppendError::MisdatedLaunch));
    assert!(matches!(refused[4], AppendError::KeyMismatch));
    assert_eq!(log.append(Vec::new()).await.unwrap(), 0);
    assert_eq!((log.size(), log.launch(launch_id(1)).unwrap()), (0, None));
    log.close().await;
}

#[tokio::test]
async fn after_a_failed_write_nothing_more_is_taken_and_reads_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    log.append(whole_launch(1).remove(0)).await.unwrap();
    assert!(log.is_available());
    log.break_for_test().await;
    for _ in 0..2 {
        assert!(matches!(log.append(vec![started(1)]).await, Err(AppendError::Unavailable)));
        assert!(!log.is_available());
    }
    assert_eq!(log.size(), 1);
    assert!(log.launch(launch_id(1)).unwrap().is_some());
    log.close().await;
    let (log, report) = open(dir.path());
    assert_eq!((report.size, report.torn_bytes), (1, 0));
    assert_eq!(log.append(vec![started(1)]).await.unwrap(), 1);
    log.close().await;
}

#[tokio::test]
async fn a_closed_log_has_everything_that_was_queued_and_takes_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let appends = (0..100).map(|second| log.append(vec![started(second)]));
    let (outcomes, ()) = futures::join!(futures::future::join_all(appends), log.close());
    assert!(outcomes.iter().all(Result::is_ok));
    log.close().await;
    assert!(matches!(log.append(vec![started(0)]).await, Err(AppendError::Unavailable)));
    assert!(matches!(log.launch(launch_id(1)), Err(ReadError::Closed)));
    let (log, report) = open(dir.path());
    assert_eq!((report.size, report.replayed), (100, 0));
    log.close().await;
}

#[tokio::test]
async fn subscribers_hear_of_their_own_topic_and_can_read_it_then() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let mut all = log.subscribe(Topic::Log);
    let mut launch = log.subscribe(Topic::Launch(launch_id(1)));
    let mut instance = log.subscribe(Topic::Instance(instance_id(1, 0)));
    let mut other = log.subscribe(Topic::Launch(launch_id(2)));
    let mut either = log.subscribe_to_all(vec![Topic::Instance(instance_id(1, 0)), Topic::Instance(instance_id(9, 0))]);
    for entries in &whole_launch(1)[..3] {
        log.append(entries.clone()).await.unwrap();
    }
    for receiver in [&mut all, &mut launch, &mut instance, &mut either] {
        receiver.changed().await.unwrap();
        assert_eq!(*receiver.borrow_and_update(), 3);
    }
    log.append(vec![reached(1, None, 1, 0, Phase::Running)]).await.unwrap();
    assert!(instance.has_changed().unwrap() && all.has_changed().unwrap() && either.has_changed().unwrap());
    assert!(!launch.has_changed().unwrap() && !other.has_changed().unwrap());
    assert_eq!(*either.borrow_and_update(), 4);
    log.append(vec![reached(1, None, 9, 0, Phase::Running)]).await.unwrap();
    assert_eq!(*either.borrow_and_update(), 5);
    drop((all, launch));
    log.append(vec![decision(1, 2, None, Verdict::Refused)]).await.unwrap();
    assert!(other.changed().await.is_ok());
    log.close().await;
}

/// Records fill more than one segment, and one that is finished ends where its frames do.
#[tokio::test]
async fn segments_follow_one_another() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = open(dir.path());
    let entries: Vec<_> = (0..64).map(padded).collect();
    for _ in 0..20 {
        log.append(entries.clone()).await.unwrap();
    }
    check_segments(&log, &entries);
    log.close().await;
    let files = std::fs::read_dir(dir.path().join("journal")).unwrap().map(|item| item.unwrap().path());
    let mut kinds: Vec<_> = files.map(|path| path.extension().unwrap().to_owned()).collect();
    kinds.sort();
    assert_eq!(kinds, ["idx", "seg", "seg"]);
    let (log, report) = open(dir.path());
    assert_eq!((report.size, report.torn_bytes, report.replayed), (20 * 64, 0, 0));
    check_segments(&log, &entries);
    log.close().await;
}

fn check_segments(log: &AuditLog, entries: &[crate::record::Entry]) {
    for index in (0..log.size()).step_by(61) {
        assert_eq!(log.record(index).unwrap().unwrap().entry, entries[index as usize % entries.len()]);
    }
}

/// An entry of almost the greatest length.
fn padded(seconds: i64) -> crate::record::Entry {
    let mut entry = started(seconds);
    if let Event::ServiceStarted(started) = &mut entry.event {
        started.version = "x".repeat(RECORD_BYTES_MAX - 1000);
    }
    entry
}
