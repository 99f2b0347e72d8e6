//! Ten thousand watchers of a thousand booting instances, on one server, cost EC2 what one watcher costs; the last of
//! them has an event within a quarter of a second; each takes little memory while nothing happens; and none misses an
//! event or is told one twice. The same with a thousand of them cut off in the middle and resumed.
//!
//! The server has a process of its own and EC2 is a sandbox in this one, with the watchers: both processes share the
//! machine. Each run has a new server and a new sandbox of the same seed, so that the boots are the same.

#[path = "watchers/served.rs"]
mod served;

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use gantry::api::pb;
use gantry::api::pb::launch_service_client::LaunchServiceClient;
use gantry::clock::{Clock as _, SystemClock, Timestamp};
use gantry::sandbox::{DEFAULT_REGION, landmarks};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tonic::Streaming;
use tonic::transport::Channel;

use self::served::Served;
use super::{Effort, Measured};

/// Calls with all watchers over calls with one, a second of boot: a look more or less at the edges.
const CALLS_LIMIT: f64 = 1.05;
/// From when the server sees something to when the last watcher has it, for 99 of a hundred events.
const LATENCY_MAX: Duration = Duration::from_millis(250);
/// Resident memory of the server for one stream on which nothing happens.
const STREAM_BYTES_MAX: u64 = 24 << 10;
/// Instances that one stream may watch.
const INSTANCES_PER_STREAM: usize = 100;
/// The same for each further instance of a stream over instances, whose states it has been told when it rests.
const FURTHER_BYTES_MAX: u64 = 1 << 10;
/// How long a launch waits for its instance: the longest that can be asked for.
const WAIT_SECONDS: i64 = 600;
/// Longer than anything here takes.
const READY_TIMEOUT_SECONDS: i64 = 24 * 60 * 60;
/// Connections over which the launches are asked for.
const LAUNCHING_CONNECTIONS: usize = 10;

/// How much of it.
#[derive(Clone, Copy)]
struct Size {
    /// Of one instance each.
    launches: usize,
    /// Streams; each launch has as many as any other.
    watchers: usize,
    /// Of the streams, those that are cut off when they have seen their instance run, and resumed.
    cut: usize,
    /// That the streams share.
    connections: usize,
    /// Of the boots.
    speed: f64,
    /// In which a server comes to rest.
    rest: Duration,
}

const WHOLE: Size = Size {
    launches: 1_000,
    watchers: 10_000,
    cut: 0,
    connections: 100,
    speed: 1.0,
    // More than between two heartbeats.
    rest: Duration::from_secs(12),
};
const SMOKE: Size = Size {
    launches: 5,
    watchers: 10,
    cut: 0,
    connections: 2,
    // Ready at the first look: the next at the checks is ten seconds later.
    speed: 1_000_000.0,
    rest: Duration::from_millis(100),
};
/// Streams that are cut off in the second run.
const CUT: usize = 1_000;
const CUT_SMOKE: usize = 5;

pub(super) async fn measure(effort: Effort) -> Vec<Measured> {
    let (size, cut) = if effort.is_smoke { (SMOKE, CUT_SMOKE) } else { (WHOLE, CUT) };
    let one = boot(Size { watchers: 1, ..size }).await;
    let all = boot(size).await;
    let resumed = boot(Size { cut, ..size }).await;
    let memory = Memory::of(size, effort, Idle::OverLaunches).await;
    let of_instances = Memory::of(size, effort, Idle::OverInstances).await;
    let Size { launches, watchers, .. } = size;
    let calls = |promise, run: &Booted| Measured {
        promise,
        measured: format!("{} calls in {:.1?}", run.calls, run.took),
        against: format!("one watcher: {} calls in {:.1?}", one.calls, one.took),
        ratio: run.calls_a_second() / one.calls_a_second(),
        limit: CALLS_LIMIT,
    };
    let latency = |promise, run: &Booted| Measured {
        promise,
        measured: format!(
            "p50 {:.1?}, p99 {:.1?} of {} events",
            run.latency(0.5),
            run.latency(0.99),
            run.latencies.len()
        ),
        against: format!("{LATENCY_MAX:?}"),
        ratio: run.latency(0.99).div_duration_f64(LATENCY_MAX),
        limit: 1.0,
    };
    vec![
        calls("10,000 watchers of 1,000 boots: EC2 calls a second", &all),
        calls("the same, 1,000 of them cut off and resumed", &resumed),
        latency("10,000 watchers of 1,000 boots: an event until the last has it, p99", &all),
        latency("the same, 1,000 of them cut off and resumed: p99", &resumed),
        Measured {
            promise: "10,000 watchers of 1,000 boots, and with 1,000 resumed: sequences with a gap or a repeat",
            measured: format!("0 of {watchers} and {watchers}"),
            against: format!("{} and {} events told of {launches} launches", all.told, resumed.told),
            // A watcher that sees one fails the bench.
            ratio: 0.0,
            limit: 0.0,
        },
        memory.measured("10,000 idle watchers: the server's resident memory for each"),
        of_instances.measured("10,000 idle watchers of 100 of 1,000 instances each: the same"),
    ]
}

/// What a run took.
struct Booted {
    /// Looks at the instances from when all were launched and watched until the last is ready.
    calls: u64,
    /// That time.
    took: Duration,
    /// Of each event that came when all its watchers were there: until the last of them had it; in order.
    latencies: Vec<Duration>,
    /// Events told, over all watchers.
    told: usize,
}

impl Booted {
    fn calls_a_second(&self) -> f64 {
        self.calls as f64 / self.took.as_secs_f64()
    }

    fn latency(&self, part: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get((last as f64 * part) as usize).copied().unwrap_or_default()
    }
}

/// Launches all, and watches them to their end.
async fn boot(size: Size) -> Booted {
    let served = Served::start(size.speed).await;
    let watching = served.connect(size.connections.min(size.watchers)).await;
    let launch_ids = launch(&served, size, landmarks::AMAZON_LINUX_2023_X86_64).await;
    let begun = Instant::now();
    let mut watches = Vec::new();
    for number in 0..size.watchers {
        let (channel, opened) = (watching[number % watching.len()].clone(), oneshot::channel());
        let launch_id = launch_ids[number % size.launches].clone();
        watches.push((tokio::spawn(watch(channel, launch_id, opened.0, number < size.cut)), opened.1));
    }
    let (watches, opened): (Vec<_>, Vec<_>) = watches.into_iter().unzip();
    let opened = try_join_all(opened).await.unwrap().into_iter().max().unwrap();
    println!("watchers: {} streams opened in {:.1?}", size.watchers, begun.elapsed());
    // From here on all launches are being followed, and the boots are those of every other run.
    let (before, begun) = (served.looks(), Instant::now());
    let boots = served.sandbox.boots(DEFAULT_REGION);
    assert_eq!(boots.len(), size.launches, "one instance each");
    let last = boots.iter().filter_map(|boot| boot.ready).max().unwrap();
    let left = last.duration_since(Timestamp::now());
    SystemClock::new().sleep(Duration::try_from(left).unwrap_or_default()).await;
    let (calls, took) = (served.looks() - before, begun.elapsed());
    let watched = try_join_all(watches).await.unwrap();
    // The watchers number, number + launches, … are of the same launch.
    let of_launch = (0..size.launches).map(|number| watched.iter().skip(number).step_by(size.launches));
    let mut latencies: Vec<Duration> = of_launch.flat_map(|told| latencies_of(told, opened)).collect();
    latencies.sort_unstable();
    let booted = Booted { calls, took, latencies, told: watched.iter().map(Vec::len).sum() };
    println!(
        "watchers: {} streams, {} cut: {calls} calls in {took:.1?}, latency p50 {:.1?} p90 {:.1?} p99 {:.1?} max {:.1?}",
        size.watchers,
        size.cut,
        booted.latency(0.5),
        booted.latency(0.9),
        booted.latency(0.99),
        booted.latency(1.0)
    );
    booted
}

/// Launches all, each by a call of its own.
async fn launch(served: &Served, size: Size, image_id: &str) -> Vec<String> {
    let launching = served.connect(LAUNCHING_CONNECTIONS.min(size.launches)).await;
    let begun = Instant::now();
    let launches = (0..size.launches).map(|number| {
        let mut client = LaunchServiceClient::new(launching[number % launching.len()].clone());
        async move { client.launch_instances(request(image_id, number)).await }
    });
    let launches = try_join_all(launches).await.unwrap();
    println!("watchers: {} launched in {:.1?}", size.launches, begun.elapsed());
    launches.into_iter().map(|launch| launch.into_inner().launch_id).collect()
}

/// One event as a watcher had it: when the server saw it, and when it came here.
type Told = (Timestamp, Timestamp);

/// Watches a launch to its end. One that `is_cut` lets its stream go when its instance runs, and resumes.
async fn watch(channel: Channel, launch_id: String, opened: oneshot::Sender<Timestamp>, mut is_cut: bool) -> Vec<Told> {
    let mut stream = open(&channel, &launch_id, 0).await;
    opened.send(Timestamp::now()).unwrap();
    let (mut told, mut last) = (Vec::new(), pb::BootEvent::default());
    while let Some(event) = stream.message().await.unwrap() {
        if is_heartbeat(&event) {
            continue;
        }
        let arrived = Timestamp::now();
        assert_eq!(event.sequence, last.sequence + 1, "{launch_id}: {event:?} after {last:?}");
        let observed = event.observed_time.unwrap();
        told.push((Timestamp::new(observed.seconds, observed.nanos).unwrap(), arrived));
        if is_cut && event.phase() == pb::BootPhase::Running {
            is_cut = false;
            drop(stream);
            stream = open(&channel, &launch_id, event.sequence).await;
        }
        last = event;
    }
    assert!(last.terminal && last.instance_id.is_empty() && !is_cut, "{launch_id} ends with {last:?}");
    told
}

async fn open(channel: &Channel, launch_id: &str, after_sequence: u64) -> Streaming<pb::BootEvent> {
    let request = pb::WatchLaunchRequest { launch_id: launch_id.to_owned(), after_sequence };
    LaunchServiceClient::new(channel.clone()).watch_launch(request).await.unwrap().into_inner()
}

fn is_heartbeat(event: &pb::BootEvent) -> bool {
    event.sequence == 0 && event.cursor.is_empty()
}

async fn open_over(channel: &Channel, instance_ids: Vec<String>) -> Streaming<pb::BootEvent> {
    let request = pb::WatchInstancesRequest { region: DEFAULT_REGION.to_owned(), instance_ids, ..Default::default() };
    LaunchServiceClient::new(channel.clone()).watch_instances(request).await.unwrap().into_inner()
}

/// How long each event of a launch took to the last of its watchers, of those that the server saw after `opened`.
fn latencies_of<'a>(told: impl Iterator<Item = &'a Vec<Told>>, opened: Timestamp) -> Vec<Duration> {
    let told: Vec<&Vec<Told>> = told.collect();
    let Some(first) = told.first() else { return Vec::new() };
    let events = first.iter().enumerate().filter(|(_, (observed, _))| opened <= *observed);
    let latency = |(nth, (observed, _)): (usize, &Told)| {
        let last = told.iter().map(|told| told[nth].1).max().unwrap();
        Duration::try_from(last.duration_since(*observed)).unwrap_or_default()
    };
    events.map(latency).collect()
}

/// What idle streams watch.
#[derive(Clone, Copy)]
enum Idle {
    /// A launch of one instance each.
    OverLaunches,
    /// As many instances as a stream may.
    OverInstances,
}

impl Idle {
    /// What one of them may take.
    fn bytes_max(self) -> u64 {
        match self {
            Self::OverLaunches => STREAM_BYTES_MAX,
            Self::OverInstances => STREAM_BYTES_MAX + FURTHER_BYTES_MAX * (INSTANCES_PER_STREAM as u64 - 1),
        }
    }
}

/// What idle streams take.
struct Memory {
    /// What each may take.
    limit: u64,
    streams: usize,
    connections: usize,
    without: u64,
    with: u64,
}

impl Memory {
    /// Of streams over launches whose instances run and are never ready, so that nothing happens to them.
    async fn of(size: Size, effort: Effort, idle: Idle) -> Self {
        let served = Served::start(size.speed).await;
        let launch_ids = launch(&served, size, landmarks::NEVER_READY).await;
        let boots = served.sandbox.boots(DEFAULT_REGION);
        let instance_ids: Vec<String> = boots.into_iter().map(|boot| boot.instance_id).collect();
        // They run, and that is on record.
        SystemClock::new().sleep(size.rest).await;
        let watching = served.connect(size.connections).await;
        for channel in &watching {
            let of = pb::GetLaunchRequest { launch_id: launch_ids[0].clone() };
            LaunchServiceClient::new(channel.clone()).get_launch(of).await.unwrap();
        }
        SystemClock::new().sleep(size.rest).await;
        let without = served.resident_bytes();
        let streams = (0..size.watchers).map(|number| {
            let channel = watching[number % watching.len()].clone();
            let launch_id = launch_ids[number % launch_ids.len()].clone();
            // Each begins at another, so that all are watched by as many.
            let mut watched: Vec<String> =
                instance_ids.iter().cycle().skip(number).take(INSTANCES_PER_STREAM).cloned().collect();
            watched.truncate(instance_ids.len());
            tokio::spawn(async move {
                let mut stream = match idle {
                    Idle::OverLaunches => open(&channel, &launch_id, 0).await,
                    Idle::OverInstances => open_over(&channel, watched).await,
                };
                let (idle, is_idle) = oneshot::channel();
                // Read on, since what is left unread would fill the window that the streams of a connection share.
                let reading = tokio::spawn(async move {
                    // A heartbeat says that nothing has happened for a while.
                    while !effort.is_smoke && !is_heartbeat(&stream.message().await.unwrap().unwrap()) {}
                    idle.send(()).unwrap();
                    while stream.message().await.is_ok_and(|event| event.is_some()) {}
                });
                is_idle.await.unwrap();
                reading.abort_handle()
            })
        });
        let streams = try_join_all(streams).await.unwrap();
        let with = served.resident_bytes();
        streams.iter().for_each(AbortHandle::abort);
        let memory =
            Self { limit: idle.bytes_max(), streams: streams.len(), connections: watching.len(), without, with };
        println!("watchers: resident {} KiB, with {} idle streams {} KiB", without >> 10, memory.streams, with >> 10);
        memory
    }

    fn measured(&self, promise: &'static str) -> Measured {
        let each = self.with.saturating_sub(self.without) as f64 / self.streams as f64;
        Measured {
            promise,
            measured: format!("{:.1} KiB", each / 1024.0),
            against: format!(
                "{} KiB; {} MiB with {} connections, {} MiB with their streams",
                self.limit >> 10,
                self.without >> 20,
                self.connections,
                self.with >> 20
            ),
            ratio: each / self.limit as f64,
            limit: 1.0,
        }
    }
}

fn request(image_id: &str, number: usize) -> pb::LaunchInstancesRequest {
    let image_id = image_id.to_owned();
    let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
    pb::LaunchInstancesRequest {
        region: DEFAULT_REGION.to_owned(),
        request_id: format!("watched-{number}"),
        reason: "bench".to_owned(),
        wait_timeout: seconds(WAIT_SECONDS),
        spec: Some(pb::LaunchSpec {
            image: Some(pb::ImageReference { reference: Some(pb::image_reference::Reference::ImageId(image_id)) }),
            instance_types: vec!["m7i.large".to_owned()],
            ready_timeout: seconds(READY_TIMEOUT_SECONDS),
            ..Default::default()
        }),
        ..Default::default()
    }
}
