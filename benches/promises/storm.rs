//! A thousand launches of one instance each, asked for at once under EC2's own token buckets, have their instances
//! within one and a half times what the buckets allow, because launches that are alike and wait together share a call.
//!
//! The server's sandbox enforces EC2's buckets for every call, and says how many calls it refused. Beside it, in the
//! same run: launches that are like no other and so take one call each, under the same budget; and the half of the
//! rates that the budget takes unless told otherwise, with as many launches as its bucket of instances holds.
//!
//! A build without optimisation needs more processor time for a thousand launches than the bound is long. There
//! the server and its sandbox have a clock that is slower, the same for both; what is measured is seconds of that
//! clock, and the row says so.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use gantry::api::pb;
use gantry::api::pb::image_service_client::ImageServiceClient;
use gantry::api::pb::launch_service_client::LaunchServiceClient;
use gantry::clock::{Clock, Sleep, SystemClock, Timestamp};
use gantry::config::{BUDGET_SHARE_DEFAULT, BudgetConfig, Config, SandboxConfig};
use gantry::sandbox::{DEFAULT_REGION, IMAGES_MIN, landmarks};
use gantry::server::{self, Running};
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use super::{Effort, Measured};

const LAUNCHES: u32 = 1_000;
/// As many as half of EC2's bucket of instances holds; of more, each would wait for a second.
const LAUNCHES_HALF: u32 = 500;
/// Launches by one call each that fit into a run: two a second.
const LAUNCHES_ALONE: u32 = 60;
/// The part of each that is enough to show that it runs.
const SMOKE: u32 = 10;
/// The most launches that Gantry asks for in one call.
const LAUNCHES_PER_CALL: u32 = 100;
/// EC2's buckets for RunInstances (EC2 Developer Guide, "Request throttling"): requests and instances, each how many
/// at once and how many a second after that.
const REQUESTS: [f64; 2] = [5.0, 2.0];
const INSTANCES: [f64; 2] = [1_000.0, 2.0];
/// Times the bound in which all launches have their instances.
const BOUND_LIMIT: f64 = 1.5;
/// Seconds of the server and its EC2 in a real one.
const PACE: f64 = if cfg!(debug_assertions) { 0.1 } else { 1.0 };
/// Callers share connections as the clients of a busy service do.
const CALLERS_PER_CONNECTION: usize = 10;
/// In which EC2's bucket of DescribeImages recovers from the start's few calls.
const REST: Duration = Duration::from_secs(1);
/// Before a request is sent again that was told UNAVAILABLE, as its RetryInfo says.
const REPEAT_PAUSE: Duration = Duration::from_secs(1);
/// How long a caller waits for its answer: the longest that can be asked for.
const WAIT_SECONDS: i64 = 600;

/// The shortest time in which so many instances can be launched by calls of `per_call`.
fn bound(launches: u32, per_call: u32, share: f64) -> Duration {
    let seconds = |wanted: u32, [burst, refill]: [f64; 2]| (f64::from(wanted) - burst * share) / (refill * share);
    let requests = seconds(launches.div_ceil(per_call), REQUESTS);
    Duration::from_secs_f64(requests.max(seconds(launches, INSTANCES)).max(0.0))
}

pub(super) async fn measure(effort: Effort) -> Vec<Measured> {
    let [all, half, alone] = [LAUNCHES, LAUNCHES_HALF, LAUNCHES_ALONE]
        .map(|launches| if effort.is_smoke { launches / SMOKE } else { launches });
    let stormed = storm(PACE, 1.0, all, request).await;
    let stormed_half = storm(PACE, BUDGET_SHARE_DEFAULT, half, request).await;
    let each_alone = storm(1.0, 1.0, alone, unlike).await;

    let bound_all = bound(all, LAUNCHES_PER_CALL, 1.0);
    let bound_half = bound(half, LAUNCHES_PER_CALL, BUDGET_SHARE_DEFAULT);
    let bound_alone = bound(alone, 1, 1.0);
    // How many times as long a launch takes alone.
    let times = |all_of: Duration, alone_of: Duration| {
        (alone_of.as_secs_f64() / f64::from(alone)) / (all_of.as_secs_f64() / f64::from(all))
    };
    let (gain, gain_allowed) = (times(stormed.took, each_alone.took), times(bound_all, bound_alone));
    let pace = if PACE == 1.0 { String::new() } else { format!(", clock of server and EC2 × {PACE}") };
    vec![
        Measured {
            promise: "1,000 launches at once that are alike, all of EC2's rate",
            measured: format!("{stormed}{pace}"),
            against: format!("EC2's buckets allow {bound_all:.2?}"),
            ratio: stormed.took.div_duration_f64(bound_all),
            limit: BOUND_LIMIT,
        },
        Measured {
            promise: "the same beside one call a launch",
            measured: format!("{gain:.0} times as fast{pace}"),
            against: format!(
                "{alone} launches alone {each_alone} (buckets allow {bound_alone:.1?}; computed for {all}: {:.1?}); \
                 buckets allow {gain_allowed:.0} times",
                bound(all, 1, 1.0)
            ),
            ratio: gain_allowed / gain,
            limit: BOUND_LIMIT,
        },
        Measured {
            promise: "500 launches at once that are alike, half of EC2's rate",
            measured: format!("{stormed_half}{pace}"),
            against: format!(
                "half of EC2's buckets allows {bound_half:.2?} (computed for 1,000, for want of instances: {:.0?})",
                bound(LAUNCHES, LAUNCHES_PER_CALL, BUDGET_SHARE_DEFAULT)
            ),
            ratio: stormed_half.took.div_duration_f64(bound_half),
            limit: BOUND_LIMIT,
        },
    ]
}

/// What a storm took, and what its EC2 says of it.
struct Stormed {
    /// From the first request sent to the last answer with its instance, in seconds of the server's clock.
    took: Duration,
    calls: u64,
    refused: u64,
    /// Requests that were told that EC2 is too busy for its facts to be had, and were sent again.
    repeats: u32,
    image_calls: u64,
    image_calls_refused: u64,
}

impl std::fmt::Display for Stormed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { took, calls, refused, repeats, image_calls, image_calls_refused } = self;
        write!(
            f,
            "{took:.1?}, {calls} RunInstances ({refused} refused), {image_calls} DescribeImages ({image_calls_refused} \
             refused), {repeats} requests sent again"
        )
    }
}

/// All launches at once, of one server on a new sandbox.
async fn storm(pace: f64, share: f64, launches: u32, request: impl Fn(u32) -> pb::LaunchInstancesRequest) -> Stormed {
    let dir = tempfile::tempdir_in(".").unwrap();
    let plan = dir.path().join("plan.toml");
    std::fs::write(&plan, "[throttle]\n").unwrap();
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: dir.path().join("data"),
        sandbox: Some(SandboxConfig { images: IMAGES_MIN as u32, faults: Some(plan), ..SandboxConfig::default() }),
        budget: BudgetConfig { share, ..BudgetConfig::default() },
        ..Config::default()
    };
    let clock: Arc<dyn Clock> = Arc::new(Paced { clock: SystemClock::new(), pace, origin: Timestamp::now() });
    let running = server::start(config, Arc::clone(&clock)).await.unwrap();
    let clients = rested(&running, &*clock, launches as usize).await;
    let sandbox = running.sandbox.as_ref().unwrap();
    let images = |sandbox: &gantry::sandbox::Sandbox| {
        (sandbox.calls("DescribeImages"), sandbox.refusals("DescribeImages", "RequestLimitExceeded"))
    };
    let before = images(sandbox);
    let requests: Vec<_> = (0..launches).map(request).collect();
    let begun = clock.uptime();
    let tasks = clients
        .into_iter()
        .zip(requests)
        .map(|(client, request)| tokio::spawn(launched(client, request, Arc::clone(&clock))));
    let answers = try_join_all(tasks).await.unwrap();
    let took = clock.uptime() - begun;
    let repeats = answers.iter().map(|(_, repeats)| repeats).sum();

    let mut instances = BTreeSet::new();
    for (launch, _) in &answers {
        assert_eq!(launch.instances.len(), 1, "{:?} {:?}", launch.state(), launch.state_reason);
        instances.insert(launch.instances[0].instance_id.as_str());
    }
    let made = sandbox.instances(DEFAULT_REGION);
    assert_eq!((instances.len(), made), (launches as usize, launches as usize), "one instance each, and no others");
    let after = images(sandbox);
    let stormed = Stormed {
        took,
        calls: sandbox.calls("RunInstances"),
        refused: sandbox.refusals("RunInstances", "RequestLimitExceeded"),
        repeats,
        image_calls: after.0 - before.0,
        image_calls_refused: after.1 - before.1,
    };
    running.stop().await.unwrap();
    println!("storm, clock × {pace}, share {share}: {stormed}");
    stormed
}

/// A launch that has its instance, and how often its request was sent again.
async fn launched(
    mut client: LaunchServiceClient<Channel>,
    request: pb::LaunchInstancesRequest,
    clock: Arc<dyn Clock>,
) -> (pb::Launch, u32) {
    let mut repeats = 0;
    loop {
        match client.launch_instances(request.clone()).await {
            Ok(launch) => return (launch.into_inner(), repeats),
            Err(status) if status.code() == Code::Unavailable => {
                repeats += 1;
                clock.sleep(REPEAT_PAUSE).await;
            }
            Err(status) => panic!("{status:?}"),
        }
    }
}

/// Connected clients of a server that has been up for a while: it knows the Region's types, and its first crawl is
/// paid for.
async fn rested(running: &Running, clock: &dyn Clock, callers: usize) -> Vec<LaunchServiceClient<Channel>> {
    for mut standing in running.catalog.standings() {
        standing.wait_for(|standing| standing.observed_time.is_some()).await.unwrap();
    }
    let endpoint = Endpoint::from_shared(format!("http://{}", running.address)).unwrap().tcp_nodelay(true);
    let mut clients = Vec::new();
    while clients.len() < callers {
        let channel = endpoint.connect().await.unwrap();
        let more = (callers - clients.len()).min(CALLERS_PER_CONNECTION);
        clients.extend(std::iter::repeat_n(LaunchServiceClient::new(channel), more));
    }
    let types = pb::ListInstanceTypesRequest { region: DEFAULT_REGION.to_owned(), ..Default::default() };
    ImageServiceClient::new(endpoint.connect().await.unwrap()).list_instance_types(types).await.unwrap();
    clock.sleep(REST).await;
    clients
}

/// A launch like any other.
fn request(number: u32) -> pb::LaunchInstancesRequest {
    let image_id = landmarks::AMAZON_LINUX_2023_X86_64.to_owned();
    pb::LaunchInstancesRequest {
        region: DEFAULT_REGION.to_owned(),
        request_id: format!("storm-{number}"),
        reason: "bench".to_owned(),
        wait_timeout: Some(prost_types::Duration { seconds: WAIT_SECONDS, nanos: 0 }),
        spec: Some(pb::LaunchSpec {
            image: Some(pb::ImageReference { reference: Some(pb::image_reference::Reference::ImageId(image_id)) }),
            instance_types: vec!["m7i.large".to_owned()],
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// A launch that is like no other: it goes alone.
fn unlike(number: u32) -> pb::LaunchInstancesRequest {
    let mut request = request(number);
    request.spec.as_mut().unwrap().tags.insert("number".to_owned(), number.to_string());
    request
}

/// The machine's clock at another pace.
#[derive(Debug)]
struct Paced {
    clock: SystemClock,
    pace: f64,
    origin: Timestamp,
}

impl Clock for Paced {
    fn now(&self) -> Timestamp {
        let now = self.origin.as_microsecond() + self.uptime().as_micros() as i64;
        Timestamp::from_microsecond(now).unwrap()
    }

    fn uptime(&self) -> Duration {
        self.clock.uptime().mul_f64(self.pace)
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.clock.sleep(duration.div_f64(self.pace))
    }
}
