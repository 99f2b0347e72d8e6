//! Ten thousand watchers of a thousand booting instances, on one server, cost EC2 what one watcher costs; the last of
//! them has an event within a quarter of a second; each takes little memory while nothing happens; and none misses an
//! event or is told one twice. The same with a thousand of them cut off in the middle and resumed, and with watchers of
//! the instances instead of their launches.
//!
//! The server has a process of its own and EC2 is a sandbox in this one, with the watchers: both processes share the
//! machine. Each run has a new server and a new sandbox of the same seed, so that the boots are the same.

#[path = "watchers/idle.rs"]
mod idle;
#[path = "watchers/served.rs"]
mod served;

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use gantry::api::pb;
use gantry::api::pb::launch_service_client::LaunchServiceClient;
use gantry::clock::{Clock as _, SystemClock, Timestamp};
use gantry::sandbox::{DEFAULT_REGION, landmarks};
use tokio::sync::oneshot;
use tonic::Streaming;
use tonic::transport::Channel;

use self::idle::Memory;
use self::served::Served;
use super::{Effort, Measured};

/// Calls with all watchers over calls with one, a second of boot: a look more or less at the edges.
const CALLS_LIMIT: f64 = 1.05;
/// From when the server sees something to when the last watcher has it, for 99 of a hundred events.
const LATENCY_MAX: Duration = Duration::from_millis(250);
/// How long a launch waits for its instance: the longest that can be asked for.
const WAIT_SECONDS: i64 = 600;
/// Longer than anything here takes.
const READY_TIMEOUT_SECONDS: i64 = 24 * 60 * 60;
/// Connections over which the launches are asked for.
const LAUNCHING_CONNECTIONS: usize = 10;

/// What the streams watch.
#[derive(Debug, Clone, Copy)]
enum Over {
    /// A launch each.
    Launches,
    /// Instances, whoever launched them.
    Instances,
}

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
    let one = boot(Size { watchers: 1, ..size }, Over::Launches).await;
    let all = boot(size, Over::Launches).await;
    let resumed = boot(Size { cut, ..size }, Over::Launches).await;
    let by_instance = boot(Size { cut, ..size }, Over::Instances).await;
    let memory = Memory::of(size, effort, Over::Launches).await;
    let of_instances = Memory::of(size, effort, Over::Instances).await;
    let Size { launches, watchers, .. } = size;
    let calls = |promise, run: &Booted| Measured {
        promise,
        measured: format!("{} calls in {:.1?}", run.calls, run.took),
        against: format!("one watcher: {} calls in {:.1?}", one.calls, one.took),
        ratio: run.calls_a_second() / one.calls_a_second(),
        limit: CALLS_LIMIT,
    };
    let latency = |promise, run: &Booted| Measured {
        // In a boot as short as a smoke run's nothing may happen once all watch.
        promise: if effort.is_smoke || !run.latencies.is_empty() { promise } else { panic!("no event: {promise}") },
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
        calls("the same with WatchInstances, 1,000 of them cut off and resumed", &by_instance),
        latency("10,000 watchers of 1,000 boots: an event until the last has it, p99", &all),
        latency("the same, 1,000 of them cut off and resumed: p99", &resumed),
        latency("the same with WatchInstances, 1,000 of them cut off and resumed: p99", &by_instance),
        Measured {
            promise: "10,000 watchers of 1,000 boots, with 1,000 resumed, and with WatchInstances: streams with a gap or a repeat",
            measured: format!("0 of {watchers} each"),
            against: format!(
                "{}, {} and {} events told of {launches} launches",
                all.told, resumed.told, by_instance.told
            ),
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
async fn boot(size: Size, over: Over) -> Booted {
    let served = Served::start(size.speed).await;
    let watching = served.connect(size.connections.min(size.watchers)).await;
    let launch_ids = launch(&served, size, landmarks::AMAZON_LINUX_2023_X86_64).await;
    let boots = served.sandbox.boots(DEFAULT_REGION);
    assert_eq!(boots.len(), size.launches, "one instance each");
    let begun = Instant::now();
    let mut watches = Vec::new();
    for number in 0..size.watchers {
        let (channel, opened) = (watching[number % watching.len()].clone(), oneshot::channel());
        let of = number % size.launches;
        let watched = match over {
            Over::Launches => Watched::Launch(launch_ids[of].clone()),
            Over::Instances => Watched::Instance(boots[of].instance_id.clone()),
        };
        watches.push((tokio::spawn(watch(channel, watched, opened.0, number < size.cut)), opened.1));
    }
    let (watches, opened): (Vec<_>, Vec<_>) = watches.into_iter().unzip();
    let opened = try_join_all(opened).await.unwrap().into_iter().max().unwrap();
    println!("watchers: {} streams opened in {:.1?}", size.watchers, begun.elapsed());
    // From here on all launches are being followed, and the boots are those of every other run.
    let (before, begun) = (served.looks(), Instant::now());
    let last = boots.iter().filter_map(|boot| boot.ready).max().unwrap();
    let left = last.duration_since(Timestamp::now());
    SystemClock::new().sleep(Duration::try_from(left).unwrap_or_default()).await;
    let (calls, took) = (served.looks() - before, begun.elapsed());
    let (watched, left): (Vec<_>, Vec<bool>) = try_join_all(watches).await.unwrap().into_iter().unzip();
    let left = left.into_iter().filter(|is_left| *is_left).count();
    // A boot as short as a smoke run's may be over before its instance is watched.
    assert!(left == 0 || size.speed > 1.0, "{left} streams were never cut off");
    // The watchers number, number + launches, … are of the same launch.
    let of_launch = (0..size.launches).map(|number| watched.iter().skip(number).step_by(size.launches).collect());
    let mut latencies: Vec<Duration> = of_launch.flat_map(|told: Vec<_>| latencies_of(&told, opened)).collect();
    latencies.sort_unstable();
    let booted = Booted { calls, took, latencies, told: watched.iter().map(Vec::len).sum() };
    println!(
        "watchers: {} streams over {over:?}, {} cut: {calls} calls in {took:.1?}, latency p50 {:.1?} p90 {:.1?} p99 {:.1?} max {:.1?}",
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

/// What one stream watches.
#[derive(Debug)]
enum Watched {
    Launch(String),
    Instance(String),
}

/// Watches to the end. One that `is_cut` lets its stream go when its instance runs, and resumes; true with what was told
/// if that is still to come.
async fn watch(
    channel: Channel,
    watched: Watched,
    opened: oneshot::Sender<Timestamp>,
    mut is_cut: bool,
) -> (Vec<Told>, bool) {
    let mut last = pb::BootEvent::default();
    let mut stream = open(&channel, &watched, &last).await;
    opened.send(Timestamp::now()).unwrap();
    let mut told = Vec::new();
    while let Some(event) = stream.message().await.unwrap() {
        if is_heartbeat(&event) {
            continue;
        }
        let arrived = Timestamp::now();
        // Streams over instances are held against each other, in the end.
        let follows = matches!(watched, Watched::Instance(_)) || event.sequence == last.sequence + 1;
        assert!(follows, "{watched:?}: {event:?} after {last:?}");
        let observed = event.observed_time.unwrap();
        told.push((Timestamp::new(observed.seconds, observed.nanos).unwrap(), arrived));
        last = event;
        if is_cut && last.phase() == pb::BootPhase::Running {
            is_cut = false;
            drop(stream);
            stream = open(&channel, &watched, &last).await;
        }
    }
    let of_launch = matches!(watched, Watched::Launch(_));
    assert!(last.terminal && last.instance_id.is_empty() == of_launch, "{watched:?} ends with {last:?}");
    (told, is_cut)
}

/// A stream that goes on after `last`, or a new one.
async fn open(channel: &Channel, watched: &Watched, last: &pb::BootEvent) -> Streaming<pb::BootEvent> {
    let mut client = LaunchServiceClient::new(channel.clone());
    match watched {
        Watched::Launch(launch_id) => {
            let request = pb::WatchLaunchRequest { launch_id: launch_id.clone(), after_sequence: last.sequence };
            client.watch_launch(request).await.unwrap().into_inner()
        }
        Watched::Instance(instance_id) => {
            let request = pb::WatchInstancesRequest {
                region: DEFAULT_REGION.to_owned(),
                instance_ids: vec![instance_id.clone()],
                after_cursor: last.cursor.clone(),
                ..Default::default()
            };
            client.watch_instances(request).await.unwrap().into_inner()
        }
    }
}

fn is_heartbeat(event: &pb::BootEvent) -> bool {
    event.sequence == 0 && event.cursor.is_empty()
}

/// How long each event took to the last of those who watch the same, of the events that the server saw after `opened`.
/// One that began later than another was told less at the beginning, and the same from there on.
fn latencies_of(told: &[&Vec<Told>], opened: Timestamp) -> Vec<Duration> {
    let Some(longest) = told.iter().max_by_key(|told| told.len()) else { return Vec::new() };
    let observed = |told: &[Told]| told.iter().map(|(observed, _)| *observed).collect::<Vec<_>>();
    let all = observed(longest);
    for one in told {
        assert!(all.ends_with(&observed(one)), "{one:?} differs from {longest:?}");
    }
    let latency = |observed: Timestamp, left: usize| {
        // Who had begun by then has it as far from its end as all others.
        let arrived = told.iter().filter_map(|told| Some(told[told.len().checked_sub(left)?].1));
        Duration::try_from(arrived.max().unwrap().duration_since(observed)).unwrap_or_default()
    };
    let events = longest.iter().enumerate().filter(|(_, (observed, _))| opened <= *observed);
    events.map(|(nth, (observed, _))| latency(*observed, longest.len() - nth)).collect()
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
