//! One round: so many appenders at one system for a moment.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gantry::audit::{AuditLog, Operation, Owner, RequestKey};
use gantry::clock::{Clock as _, SystemClock};
use gantry::ids::ImageId;
use gantry::record::{Entry, Event};
use tokio::sync::{Barrier, Notify, mpsc, oneshot};

use super::raw::Raw;
use super::{Job, Leaf, Peer as _, System};
use crate::workload::{LAUNCH_RECORDS, Workload};

/// A group's bounds and the queue's, as the log has them.
const GROUP_ENTRIES_MAX: usize = 8192;
const GROUP_BYTES_MAX: usize = 4 << 20;
const QUEUE_MAX: usize = 4096;
/// So many launches are made beforehand for each second. A round ends when a system has had all.
const LAUNCHES_A_SECOND: u64 = 25_000;
/// What one appender alone can use of them.
const LAUNCHES_A_SECOND_ALONE: u64 = 3_000;
/// Launches whose leaves a raw file is given, over and over.
const RAW_LAUNCHES: u64 = 256;

/// What a round came to.
pub(super) struct Round {
    pub(super) records_a_second: f64,
    /// Processor time of the whole process for each record, which others that are busy on the
    /// same machine change far less than the rate.
    pub(super) processor_micros: f64,
    /// From handing a record in to its acknowledgement, ascending.
    pub(super) latencies: Vec<Duration>,
}

/// A record about to be appended.
struct Record {
    leaf: Option<Arc<[u8]>>,
    entry: Option<Box<Entry>>,
    image: Option<ImageId>,
}

/// Where records are handed in.
#[derive(Clone)]
enum Target {
    Log(AuditLog),
    Queue(mpsc::Sender<Job>),
}

impl Target {
    async fn append(&self, record: Record) {
        match self {
            Self::Log(log) => {
                let entry = *record.entry.unwrap();
                match request_key(&entry) {
                    Some(key) => drop(log.append_once(key, entry).await.unwrap()),
                    None => drop(log.append(vec![entry]).await.unwrap()),
                }
            }
            Self::Queue(queue) => {
                let (reply, done) = oneshot::channel();
                let leaf = match (record.leaf, &record.entry) {
                    (Some(leaf), _) => Leaf::Shared(leaf),
                    (None, Some(entry)) => Leaf::Made(entry.to_leaf()),
                    (None, None) => unreachable!("a record is its leaf or its entry"),
                };
                let job = Job { leaf, entry: record.entry, image: record.image, reply: Some(reply) };
                queue.send(job).await.unwrap_or_else(|_| panic!("the committer ended early"));
                done.await.unwrap();
            }
        }
    }
}

/// When records count.
#[derive(Default)]
struct Window {
    is_open: AtomicBool,
    is_over: AtomicBool,
    /// Told by an appender that has nothing left.
    exhausted: Notify,
}

/// Runs a round in a directory of its own.
pub(super) async fn run(system: System, appenders: usize, lasting: Duration, workload: Workload) -> Round {
    let dir = tempfile::tempdir_in(".").unwrap();
    let shares = shares(system, appenders, lasting, workload);
    let (target, committer) = open(system, dir.path());
    let window = Arc::new(Window::default());
    let ready = Arc::new(Barrier::new(appenders + 1));
    let tasks: Vec<_> = (shares.into_iter().enumerate())
        .map(|(place, share)| {
            let appender = append_all(target.clone(), share, place, Arc::clone(&window), Arc::clone(&ready));
            tokio::spawn(appender)
        })
        .collect();
    let clock = SystemClock::new();
    ready.wait().await;
    clock.sleep(lasting / 10).await;
    let (begun, processor) = (Instant::now(), processor_time());
    window.is_open.store(true, Ordering::Release);
    tokio::select! {
        () = clock.sleep(lasting) => {}
        () = window.exhausted.notified() => {}
    }
    window.is_over.store(true, Ordering::Release);
    let (lasted, processor) = (begun.elapsed(), processor_time() - processor);
    assert!(lasting / 20 < lasted, "more records must be made beforehand");
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.append(&mut task.await.unwrap());
    }
    if let Target::Log(log) = &target {
        log.close().await;
    }
    drop(target);
    if let Some(committer) = committer {
        committer.join().unwrap();
    }
    latencies.sort_unstable();
    let count = latencies.len() as f64;
    Round {
        records_a_second: count / lasted.as_secs_f64(),
        processor_micros: processor.as_secs_f64() * 1e6 / count,
        latencies,
    }
}

/// Processor time of this process so far, to the hundredth of a second that Linux counts in
/// (proc_pid_stat(5): fields 14 and 15, which follow the name in parentheses).
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let ticks = fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// One appender alone: the times of one write and one fdatasync of a record, and of appending it to
/// the log, each ascending. The two take turns record by record, so that whatever else the machine
/// does meets both alike.
pub(super) async fn alone(lasting: Duration, workload: Workload) -> (Vec<Duration>, Vec<Duration>) {
    let dir = tempfile::tempdir_in(".").unwrap();
    let mut raw = Raw::create(dir.path());
    let (target, _) = open(System::Gantry, dir.path());
    let (mut written, mut appended) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    for entry in (0..).flat_map(|serial| workload.launch(serial)) {
        let leaf = Leaf::Made(entry.to_leaf());
        let job = [Job { leaf, entry: None, image: None, reply: None }];
        let before = Instant::now();
        raw.commit(0, &job);
        written.push(before.elapsed());
        let record = Record { leaf: None, entry: Some(Box::new(entry)), image: None };
        let before = Instant::now();
        target.append(record).await;
        appended.push(before.elapsed());
        if lasting < begun.elapsed() {
            break;
        }
    }
    if let Target::Log(log) = &target {
        log.close().await;
    }
    written.sort_unstable();
    appended.sort_unstable();
    (written, appended)
}

fn raw_leaves(workload: Workload) -> Vec<Arc<[u8]>> {
    (0..RAW_LAUNCHES).flat_map(|serial| workload.launch(serial)).map(|entry| entry.to_leaf().into()).collect()
}

type Share = Box<dyn Iterator<Item = Record> + Send>;

/// What each appender is going to append.
fn shares(system: System, appenders: usize, lasting: Duration, workload: Workload) -> Vec<Share> {
    if system == System::Raw {
        let leaves: Arc<[Arc<[u8]>]> = raw_leaves(workload).into();
        let share = |place: usize| -> Share {
            let leaves = Arc::clone(&leaves);
            let records = (place * LAUNCH_RECORDS..).map(move |at| leaves[at % leaves.len()].clone());
            Box::new(records.map(|leaf| Record { leaf: Some(leaf), entry: None, image: None }))
        };
        return (0..appenders).map(share).collect();
    }
    let a_second = if appenders == 1 { LAUNCHES_A_SECOND_ALONE } else { LAUNCHES_A_SECOND };
    let each = (a_second as f64 * lasting.as_secs_f64() * 1.2 / appenders as f64) as u64 + 2;
    let share = |place: usize| -> Share {
        let launches: Vec<_> =
            (0..each).map(|turn| workload.launch(turn * appenders as u64 + place as u64).map(Box::new)).collect();
        Box::new(launches.into_iter().flat_map(|launch| {
            let image = match &launch[0].event {
                Event::Decision(decision) => decision.image_id().cloned(),
                _ => None,
            };
            launch.map(|entry| Record { leaf: None, entry: Some(entry), image: image.clone() })
        }))
    };
    (0..appenders).map(share).collect()
}

async fn append_all(
    target: Target,
    mut share: Share,
    place: usize,
    window: Arc<Window>,
    ready: Arc<Barrier>,
) -> Vec<Duration> {
    let mut latencies = Vec::new();
    // Launches begun together would go on in step, and every group be of one kind of record.
    for record in share.by_ref().take(place % LAUNCH_RECORDS + 1) {
        target.append(record).await;
    }
    ready.wait().await;
    for record in share {
        let begun = Instant::now();
        target.append(record).await;
        let took = begun.elapsed();
        if window.is_over.load(Ordering::Acquire) {
            return latencies;
        }
        if window.is_open.load(Ordering::Acquire) {
            latencies.push(took);
        }
    }
    window.exhausted.notify_one();
    latencies
}

fn open(system: System, dir: &Path) -> (Target, Option<JoinHandle<()>>) {
    if system == System::Gantry {
        let owner = Owner { sandbox: true, accounts: Vec::new() };
        let (log, _) = AuditLog::open(&dir.join("log"), owner, gantry::audit::LogSettings::default()).unwrap();
        return (Target::Log(log), None);
    }
    let (sender, mut queue) = mpsc::channel::<Job>(QUEUE_MAX);
    let dir = dir.to_owned();
    let committer = std::thread::spawn(move || {
        system.with_peer(&dir, &mut |peer| {
            let mut size = 0;
            while let Some(job) = queue.blocking_recv() {
                let (mut group, mut bytes) = (Vec::new(), 0);
                let mut next = Some(job);
                while let Some(job) = next {
                    bytes += job.leaf().len();
                    group.push(job);
                    let is_full = GROUP_ENTRIES_MAX <= group.len() || GROUP_BYTES_MAX <= bytes;
                    next = if is_full { None } else { queue.try_recv().ok() };
                }
                peer.commit(size, &group);
                size += group.len() as u64;
                for job in group {
                    let _ = job.reply.unwrap().send(());
                }
            }
        });
    });
    (Target::Queue(sender), Some(committer))
}

fn request_key(entry: &Entry) -> Option<RequestKey> {
    let Event::Decision(decision) = &entry.event else { return None };
    Some(RequestKey {
        operation: Operation::Launch,
        principal: entry.principal.clone()?,
        account_id: entry.account_id.clone()?,
        request_id: decision.request_id.clone()?,
    })
}
