//! Five thousand instances that boot at once, under EC2's own token buckets and half of their rates: a watcher knows of a
//! transition within two ticks, in the middle. A tick is the time in which the budget lets all of them be asked about
//! once; for the checks it is half of the ten seconds that the tracker leaves between two looks at them.
//!
//! The instances are launched at once and not by Gantry, whose share of RunInstances would take an hour for so many;
//! they are watched by WatchInstances, each stream as many as it may. They stay watched when they are ready, until all of
//! their stream are, so that there is never less to ask about than there would be with launches of Gantry's own.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::try_join_all;
use gantry::api::pb;
use gantry::api::pb::launch_service_client::LaunchServiceClient;
use gantry::boot::TrackerSettings;
use gantry::clock::{SystemClock, Timestamp};
use gantry::config::{BUDGET_SHARE_DEFAULT, Config, SandboxConfig};
use gantry::ec2::{CALL_STATUS_IDS_MAX, FILTER_VALUES_MAX};
use gantry::sandbox::{Boot, DEFAULT_REGION, IMAGES_MIN, Sandbox, landmarks};
use gantry::server;
use tonic::transport::{Channel, Endpoint};

use super::{Effort, Measured};

const INSTANCES: usize = 5_000;
const INSTANCES_SMOKE: usize = 20;
/// So much faster boot the few that show that it runs.
const SPEED_SMOKE: f64 = 60.0;
/// Instances that one RunInstances asks for, the most that the sandbox takes.
const INSTANCES_PER_CALL: usize = 1_000;
/// Instances that one stream may watch.
const INSTANCES_PER_STREAM: usize = 100;
/// Streams of a connection.
const STREAMS_PER_CONNECTION: usize = 10;
/// Of DescribeInstances and of DescribeInstanceStatus, a second (EC2 Developer Guide, "Request throttling").
const READS_PER_SECOND: f64 = 20.0;
/// In the middle, from the transition to the event.
const TICKS_LIMIT: f64 = 2.0;
/// EC2's buckets, but for the launch of all at once.
const PLAN: &str = "[throttle]\n[throttle.actions.RunInstances]\nresources_maximum = 10000\n";
/// A subnet has four thousand addresses.
const ZONES: [char; 3] = ['a', 'b', 'c'];

pub(super) async fn measure(effort: Effort) -> Vec<Measured> {
    let (instances, speed) = if effort.is_smoke { (INSTANCES_SMOKE, SPEED_SMOKE) } else { (INSTANCES, 1.0) };
    let dir = tempfile::tempdir_in(".").unwrap();
    let plan = dir.path().join("plan.toml");
    std::fs::write(&plan, PLAN).unwrap();
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: dir.path().join("data"),
        sandbox: Some(SandboxConfig {
            images: IMAGES_MIN as u32,
            speed,
            faults: Some(plan),
            ..SandboxConfig::default()
        }),
        ..Config::default()
    };
    let running = server::start(config, std::sync::Arc::new(SystemClock::new())).await.unwrap();
    let sandbox = running.sandbox.clone().unwrap();
    let endpoint = Endpoint::from_shared(format!("http://{}", running.address)).unwrap().tcp_nodelay(true);

    run_instances(&sandbox, instances);
    let boots = sandbox.boots(DEFAULT_REGION);
    assert_eq!(boots.len(), instances);
    let mut watches = Vec::new();
    for of_connection in boots.chunks(INSTANCES_PER_STREAM * STREAMS_PER_CONNECTION) {
        let channel = endpoint.connect().await.unwrap();
        for of_stream in of_connection.chunks(INSTANCES_PER_STREAM) {
            watches.push(tokio::spawn(watch(channel.clone(), of_stream.to_vec())));
        }
    }
    let known: Vec<Known> = try_join_all(watches).await.unwrap().into_iter().flatten().collect();
    let calls = ["DescribeInstances", "DescribeInstanceStatus"].map(|action| {
        let refused = sandbox.refusals(action, "RequestLimitExceeded");
        (sandbox.calls(action), refused)
    });
    running.stop().await.unwrap();

    let TrackerSettings { state_period, status_period } = TrackerSettings::default();
    let tick = |ids_per_call: usize, period: Duration| {
        let calls = instances.div_ceil(ids_per_call) as f64;
        let bound = Duration::from_secs_f64(calls / (READS_PER_SECOND * BUDGET_SHARE_DEFAULT));
        // The budget would let a few be asked about far more often than anybody does.
        if effort.is_smoke { bound.max(period).div_f64(speed) } else { bound }
    };
    let refused = calls[0].1 + calls[1].1;
    vec![
        lag(
            "5,000 boots at once: until it is known that one runs",
            known.iter().map(|known| known.running).collect(),
            tick(FILTER_VALUES_MAX, state_period),
            format!("{} DescribeInstances", calls[0].0),
        ),
        lag(
            "5,000 boots at once: until it is known that one is ready",
            known.iter().map(|known| known.ready).collect(),
            tick(CALL_STATUS_IDS_MAX, status_period),
            format!("{} DescribeInstanceStatus", calls[1].0),
        ),
        Measured {
            promise: "5,000 boots at once: looks that EC2 refused for their rate",
            measured: refused.to_string(),
            against: format!("{} looks", calls[0].0 + calls[1].0),
            ratio: refused as f64,
            limit: 0.0,
        },
    ]
}

fn lag(promise: &'static str, mut lags: Vec<Duration>, tick: Duration, calls: String) -> Measured {
    lags.sort_unstable();
    let of = |part: f64| lags[((lags.len() - 1) as f64 * part) as usize];
    Measured {
        promise,
        measured: format!("p50 {:.1?}, p99 {:.1?}, at most {:.1?}; {calls}", of(0.5), of(0.99), of(1.0)),
        against: format!("a tick of {tick:.1?}, p50 in {:.2} of them", of(0.5).div_duration_f64(tick)),
        ratio: of(0.5).div_duration_f64(tick),
        limit: TICKS_LIMIT,
    }
}

/// Launches so many instances by EC2's own call.
fn run_instances(sandbox: &Sandbox, instances: usize) {
    let per_call = INSTANCES_PER_CALL.min(instances);
    for (_, zone) in (0..instances.div_ceil(per_call)).zip(ZONES.iter().cycle()) {
        let form = format!(
            "Action=RunInstances&Version=2016-11-15&ImageId={}&InstanceType=m7i.large&MinCount={per_call}\
             &MaxCount={per_call}&Placement.AvailabilityZone={DEFAULT_REGION}{zone}",
            landmarks::AMAZON_LINUX_2023_X86_64
        );
        let (status, body) = sandbox.call(&DEFAULT_REGION.parse().unwrap(), &form);
        assert_eq!(status, 200, "{body}");
    }
}

/// How long after it came about something was known of an instance.
struct Known {
    running: Duration,
    ready: Duration,
}

/// Watches instances until each is ready.
async fn watch(channel: Channel, boots: Vec<Boot>) -> Vec<Known> {
    let request = pb::WatchInstancesRequest {
        region: DEFAULT_REGION.to_owned(),
        instance_ids: boots.iter().map(|boot| boot.instance_id.clone()).collect(),
        ..Default::default()
    };
    let mut stream = LaunchServiceClient::new(channel).watch_instances(request).await.unwrap().into_inner();
    // What was seen first of each: it ran, whatever its checks said; and it was ready.
    let (mut running, mut ready) = (BTreeMap::new(), BTreeMap::new());
    while let Some(event) = stream.message().await.unwrap() {
        let now = Timestamp::now();
        let runs = [pb::BootPhase::Running, pb::BootPhase::Checking, pb::BootPhase::Ready].contains(&event.phase());
        if event.phase() == pb::BootPhase::Ready {
            ready.entry(event.instance_id.clone()).or_insert(now);
        }
        if runs {
            running.entry(event.instance_id).or_insert(now);
        }
    }
    let known = boots.iter().map(|boot| {
        let after = |known: &BTreeMap<String, Timestamp>, came: Option<Timestamp>| {
            Duration::try_from(known[&boot.instance_id].duration_since(came.unwrap())).unwrap_or_default()
        };
        Known { running: after(&running, boot.running), ready: after(&ready, boot.ready) }
    });
    known.collect()
}
