//! Against a log on disk: what is read again, waited for and refused.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::super::boots::kind_of;
use super::super::tests::{Asked, EBS, at, entries};
use super::super::{Dimension, Estimates, Level};
use super::reading::{FOLLOW_PERIOD, RETRY_PAUSE};
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
    let limits = Limits { held: boots_max, read: 100 };
    let (measured, follower) = Measured::start_with(log, &clock, Arc::new(pace.clone()), &shutdown, limits);
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

/// Where the journal says of a launch that it is READY.
fn place_of_ready(dir: &Path, number: u32) -> (File, u64) {
    let path = dir.join("journal/00000000000000000000.seg");
    let bytes = std::fs::read(&path).unwrap();
    let launch_id = entries(Asked { number, ..EBS }, &[])[0].launch_id.unwrap().to_string();
    // In the last of its records.
    let place = bytes.windows(launch_id.len()).rposition(|bytes| bytes == launch_id.as_bytes()).unwrap();
    (OpenOptions::new().read(true).write(true).open(path).unwrap(), place as u64)
}

/// Writes a byte there that is none of JSON's, and says which it was.
fn damage(file: &File, place: u64) -> [u8; 1] {
    let mut byte = [0];
    file.read_exact_at(&mut byte, place).unwrap();
    file.write_all_at(&[!byte[0]], place).unwrap();
    byte
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_newer_than_a_damaged_launch_is_measured_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log, 0..30).await;
    let (file, place) = place_of_ready(dir.path(), 4);
    damage(&file, place);
    let (measured, _, end) = start(&log, 100);
    assert!(measured.read_to(log.size()).await);
    let since = |seconds| Question { start: Some(at(seconds)), ..Question::default() };
    assert_eq!(measured.statistics(since(20)).await.unwrap()[0].count, 10);
    let older = measured.statistics(since(0)).await;
    assert!(matches!(older, Err(StatisticsError::Read(ReadError::Damaged { .. }))), "{older:?}");
    end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_could_not_be_read_is_read_again_and_holds_no_stream_back() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log, 0..29).await;
    let (measured, pace, end) = start(&log, 100);
    assert!(measured.read_to(log.size()).await);
    // Nothing is read before it is damaged.
    let reading = Arc::clone(&measured.shared.reading).lock_owned().await;
    append(&log, 29..30).await;
    let (file, place) = place_of_ready(dir.path(), 29);
    let byte = damage(&file, place);
    drop(reading);
    pace.until_sleepers(1).await;
    if !measured.shared.failing.load(Ordering::Relaxed) {
        // The follower has seen that there is something new, and looks at it in a second.
        pace.advance(FOLLOW_PERIOD);
        pace.until_sleepers(1).await;
    }
    assert!(measured.shared.failing.load(Ordering::Relaxed), "the damage is not seen");
    let mut estimates = Estimates::new(measured.clone());
    let clock = SystemClock::new();
    assert_eq!(estimates.of(kind(2), at(10_000)).await, None);
    assert!(clock.uptime() < READ_WAIT_MAX, "there is nothing to wait for");

    file.write_all_at(&byte, place).unwrap();
    pace.advance(RETRY_PAUSE);
    let size = log.size();
    measured.shared.read.subscribe().wait_for(|read| read.is_some_and(|read| size <= read)).await.unwrap();
    let expected = estimates.of(kind(2), at(10_000)).await.unwrap();
    assert_eq!((expected.level, expected.boots), (Level::ImageAndType, 10));
    end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_waits_a_second_for_what_is_being_read_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log, 0..30).await;
    let (measured, _, end) = start(&log, 100);
    assert!(measured.read_to(log.size()).await);
    let reading = Arc::clone(&measured.shared.reading).lock_owned().await;
    append(&log, 30..31).await;
    let clock = SystemClock::new();
    let mut estimates = Estimates::new(measured.clone());
    assert_eq!(estimates.of(kind(1), at(10_000)).await, None);
    let waited = clock.uptime();
    assert!(READ_WAIT_MAX <= waited, "it is read in a moment, as a rule");
    assert_eq!(estimates.of(kind(2), at(10_000)).await, None);
    assert!(clock.uptime() - waited < READ_WAIT_MAX, "and once");
    drop(reading);
    end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_about_more_boots_than_are_read_for_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    append(&log, 0..110).await;
    let (measured, _, end) = start(&log, 10);
    assert!(measured.read_to(log.size()).await);
    let refused = measured.statistics(Question::default()).await;
    assert!(matches!(refused, Err(StatisticsError::TooManyBoots)), "{refused:?}");
    assert!(measured.statistics(Question { end: Some(at(90)), ..Question::default() }).await.is_ok());
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
