//! What is kept, for how long, and what is never given out.

use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::boot::console::ConsoleTail;
use crate::clock::{SimClock, Timestamp};
use crate::ec2::facts::ConsoleOutput;

fn tail(text: &str) -> ConsoleTail {
    ConsoleTail::of(&ConsoleOutput { taken: None, text: text.to_owned() }).unwrap()
}

fn clock() -> SimClock {
    SimClock::new(Timestamp::from_second(1_795_000_000).unwrap())
}

fn open(dir: &Path, clock: &SimClock, bytes: u64) -> Tails {
    open_with(dir, clock, TailLimits { age: Duration::from_secs(60), bytes, free: 0 })
}

fn open_with(dir: &Path, clock: &SimClock, limits: TailLimits) -> Tails {
    Tails::open(&dir.join("console"), Arc::new(clock.clone()), limits).unwrap()
}

/// The names in the directory.
fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir.join("console")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn a_tail_is_kept_for_a_time_and_found_by_its_digest() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let tails = open(dir.path(), &clock, 1_000);
    let (first, second) = (tail("first"), tail("second"));
    tails.keep(&first).await.unwrap();
    clock.advance(Duration::from_secs(40));
    tails.keep(&second).await.unwrap();
    let file = dir.path().join("console").join(first.digest.sha256.to_string());
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(tails.get(&first.digest.sha256).await.as_deref(), Some("first"));
    clock.advance(Duration::from_secs(30));
    assert_eq!(tails.get(&first.digest.sha256).await, None, "too old, also before it is removed");
    // A second process, and a file that somebody else has put there.
    fs::write(dir.path().join("console/README"), "not a tail").unwrap();
    fs::create_dir(dir.path().join("console/backup.new")).unwrap();
    fs::create_dir(dir.path().join("console").join(Sha256Digest::of(b"a directory").to_string())).unwrap();
    fs::write(file.with_extension("new"), "of a crash").unwrap();
    let tails = open(dir.path(), &clock, 1_000);
    assert_eq!(tails.get(&second.digest.sha256).await.as_deref(), Some("second"));
    clock.advance(Duration::from_secs(60));
    assert_eq!(tails.expire().await.unwrap(), Expired { tails: 1, bytes: 6 });
    fs::remove_dir(dir.path().join("console").join(Sha256Digest::of(b"a directory").to_string())).unwrap();
    let mut left = names(dir.path());
    left.sort_unstable();
    assert_eq!(left, ["README", "backup.new"]);
}

#[tokio::test]
async fn a_secret_on_a_console_is_not_on_disk() {
    const CANARY: &str = "canary-hunter2";
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let tails = open(dir.path(), &clock, 1_000);
    let key = format!("-----BEGIN PRIVATE KEY-----\n{CANARY}\n-----END PRIVATE KEY-----");
    let tail = tail(&format!("root password: {CANARY}\n{key}\nKernel panic - not syncing: Fatal exception"));
    tails.keep(&tail).await.unwrap();
    let kept = fs::read_to_string(dir.path().join("console").join(tail.digest.sha256.to_string())).unwrap();
    assert!(kept.ends_with("Fatal exception") && !kept.contains(CANARY), "{kept}");
    assert!(!format!("{tail:?}").contains("Kernel panic"), "nor in the process's log: {tail:?}");
}

#[tokio::test]
async fn the_oldest_go_first_where_there_is_too_much() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let tails = open(dir.path(), &clock, 500);
    let all: Vec<_> = (0..6).map(|number| tail(&format!("{number}{}", "-".repeat(99)))).collect();
    for tail in &all {
        tails.keep(tail).await.unwrap();
        clock.advance(Duration::from_secs(1));
    }
    let mut kept = Vec::new();
    for tail in &all {
        kept.push(tails.get(&tail.digest.sha256).await.is_some());
    }
    assert_eq!(kept, [false, false, true, true, true, true], "down to nine tenths of the most");
}

#[tokio::test]
async fn what_is_not_the_tail_any_more_is_none() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let tails = open(dir.path(), &clock, 1_000);
    let tail = tail("Kernel panic");
    tails.keep(&tail).await.unwrap();
    fs::write(dir.path().join("console").join(tail.digest.sha256.to_string()), "Kernel picnic").unwrap();
    assert_eq!(tails.get(&tail.digest.sha256).await, None);
    tails.keep(&tail).await.unwrap();
    assert_eq!(tails.get(&tail.digest.sha256).await.as_deref(), Some("Kernel panic"), "written anew");
    assert_eq!(tails.get(&Sha256Digest::of(b"never kept")).await, None);
}

#[tokio::test]
async fn a_disk_that_is_nearly_full_is_left_to_the_log() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let (kept, refused) = (tail("kept"), tail("refused"));
    open(dir.path(), &clock, 1_000).keep(&kept).await.unwrap();
    let limits = TailLimits { age: Duration::from_secs(60), bytes: 1_000, free: u64::MAX };
    let tails = open_with(dir.path(), &clock, limits);
    assert_eq!(tails.keep(&refused).await.unwrap_err().kind(), io::ErrorKind::StorageFull);
    assert_eq!(tails.get(&kept.digest.sha256).await.as_deref(), Some("kept"), "what is there is shown");
    assert_eq!(names(dir.path()), [kept.digest.sha256.to_string()]);
}

#[tokio::test]
async fn what_cannot_be_kept_leaves_nothing_behind() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let tails = open(dir.path(), &clock, 1_000);
    let tail = tail("Kernel panic");
    // No file takes the place of a directory, so that what is written does not get its name.
    let name = tail.digest.sha256.to_string();
    fs::create_dir(dir.path().join("console").join(&name)).unwrap();
    tails.keep(&tail).await.unwrap_err();
    assert_eq!(names(dir.path()), [name]);
}
