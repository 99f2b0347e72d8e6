//! Against a log on disk: what is read again, waited for and refused.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Duration;

use super::super::boots::kind_of;
use super::super::tests::{Asked, EBS, at, entries};
use super::super::{Dimension, Estimates, Level};
use super::*;
use crate::audit::{LogSettings, Owner};
use crate::clock::SimClock;
use crate::record::{Launch, Phase};

fn open(dir: &Path) -> AuditLog {
    let owner = Owner { sandbox: true, accounts: vec!["123456789012".parse().unwrap()] };
    AuditLog::open(dir, owner, LogSettings::default()).unwrap().0
}

/// Appends a READY boot for each number, of three images in turn, one each second.
async fn append(log: &AuditLog, numbers: std::ops::Range<u32>) {
    let ready = [(Phase::Pending, 2.0), (Phase::Running, 6.0), (Phase::Ready, 39.0)];
    for number in numbers {
        let asked = Asked { number, seconds: i64::from(number), image: number % 3, ..EBS };
        log.append(entries(asked, &ready)).await.unwrap();
    }
}

/// Begins to measure, with a clock for the pauses between readings.
fn start(log: &AuditLog, boots_max: usize) -> (Measured, SimClock, impl AsyncFnOnce()) {
    let clock: Arc<dyn Clock> = Arc::new(SimClock::new(at(1_000)));
    let (pace, shutdown) = (SimClock::new(at(0)), CancellationToken::new());
    let (measured, follower) = Measured::start_with(log, &clock, Arc::new(pace.clone()), &shutdown, boots_max);
    let log = log.clone();
    let end = async move || {
        shutdown.cancel();
        follower.await.unwrap();
        log.close().await;
    };
    (measured, pace, end)
}

fn kind(image: u32) -> Kind {
    let entries = entries(Asked { image, ..EBS }, &[]);
    let (mut launch, _) = Launch::begin(&entries[0]).unwrap();
    entries[1..].iter().for_each(|entry| drop(launch.apply(entry).unwrap()));
    kind_of(&launch, &launch.instances[0]).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_held_is_read_from_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log, 0..20).await;
    let (measured, _, end) = start(&log, 10);
    assert!(measured.read_to(log.size()).await);
    append(&log, 20..30).await;
    let question = Question { by: vec![Dimension::Image], ..Question::default() };
    let counts = async |question: &Question| {
        let groups = measured.statistics(question.clone()).await.unwrap();
        groups.iter().map(|group| group.count).collect::<Vec<_>>()
    };
    assert_eq!(counts(&question).await, [10, 10, 10]);
    let within = Question { start: Some(at(2)), end: Some(at(9)), ..question.clone() };
    assert_eq!(counts(&within).await, [3, 2, 2]);
    let elsewhere = Question { region: Some("eu-west-1".parse().unwrap()), ..question };
    assert!(counts(&elsewhere).await.is_empty());
    let held = measured.of_images(["ami-00000000"].into_iter()).remove(0).unwrap();
    assert!(held.count < 10, "the memory has the newest ten boots at most, of all images");
    end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_could_not_be_read_is_read_again_and_holds_no_stream_back() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log, 0..30).await;
    let segment = dir.path().join("journal/00000000000000000000.seg");
    let segment = OpenOptions::new().read(true).write(true).open(segment).unwrap();
    // In one of the first launches: the file is longer than what is written in it.
    let (place, mut byte) = (3_000, [0]);
    segment.read_exact_at(&mut byte, place).unwrap();
    segment.write_all_at(&[!byte[0]], place).unwrap();

    let (measured, pace, end) = start(&log, 100);
    pace.until_sleepers(1).await;
    assert!(measured.shared.failing.load(Ordering::Relaxed), "the damage is not seen");
    let mut estimates = Estimates::new(measured.clone());
    let clock = SystemClock::new();
    assert_eq!(estimates.of(kind(1), at(10_000)).await, None);
    assert!(clock.uptime() < READ_WAIT_MAX, "there is nothing to wait for");

    segment.write_all_at(&byte, place).unwrap();
    pace.advance(Duration::from_secs(10));
    let mut read = measured.shared.read.subscribe();
    read.wait_for(Option::is_some).await.unwrap();
    let expected = estimates.of(kind(1), at(10_000)).await.unwrap();
    assert_eq!((expected.level, expected.boots), (Level::ImageAndType, 10));
    end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expectation_is_worked_out_once_and_again_when_its_boots_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log, 0..30).await;
    let (measured, _, end) = start(&log, 30);
    let stream = || Estimates::new(measured.clone());
    let (mut one, mut other) = (stream(), stream());
    let (first, second) = tokio::join!(one.of(kind(1), at(10_000)), other.of(kind(1), at(10_019)));
    let first = first.unwrap();
    assert!(Arc::ptr_eq(&first, &second.unwrap()), "boots of one minute share it");

    append(&log, 30..31).await;
    let later = stream().of(kind(1), at(10_000)).await.unwrap();
    assert_eq!((first.boots, later.boots), (10, 9), "the oldest boots had to go");
    let kept = one.of(kind(1), at(10_000)).await.unwrap();
    assert!(Arc::ptr_eq(&kept, &first), "a stream says the same of the same boot");
    end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_take_turns_and_are_refused_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log, 0..20).await;
    let (measured, pace, end) = start(&log, 10);
    assert!(measured.read_to(log.size()).await);
    let from_log = Question::default();
    let from_memory = Question { start: Some(at(15)), ..Question::default() };
    let shared = &measured.shared;
    for (places, question) in [(&shared.answers, from_memory), (&shared.readers, from_log)] {
        let all = Arc::clone(places).acquire_many_owned(2).await.unwrap();
        let passing = async {
            pace.until_sleepers(1).await;
            pace.advance(TURN_WAIT_MAX);
        };
        let (refused, ()) = tokio::join!(measured.statistics(question.clone()), passing);
        assert!(matches!(refused, Err(StatisticsError::Busy)), "{refused:?}");
        drop(all);
        assert!(measured.statistics(question).await.is_ok());
    }
    end().await;
}
