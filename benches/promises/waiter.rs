//! A hundred boots, of which ten fail at once: what Gantry's watchers know, when, and at how many calls, beside
//! `wait_until_instance_status_ok` of the AWS SDK on the same instances of the same sandbox at the same time.
//!
//! The SDK's waiter asks for each instance by itself, 15 s apart at least, and knows no failure: it gives up when its
//! time is over. Its calls are counted by its own client, Gantry's are the others that the sandbox has answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_sdk_ec2::client::Waiters as _;
use aws_sdk_ec2::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_ec2::config::{BehaviorVersion, ConfigBag, Credentials, Intercept, Region, RuntimeComponents};
use aws_sdk_ec2::error::BoxError;
use aws_smithy_runtime_api::client::waiters::error::WaiterError;
use futures::future::try_join_all;
use gantry::api::pb;
use gantry::api::pb::launch_service_client::LaunchServiceClient;
use gantry::clock::{SystemClock, Timestamp};
use gantry::config::{Config, SandboxConfig};
use gantry::sandbox::{DEFAULT_REGION, IMAGES_MIN, Sandbox, landmarks};
use gantry::server;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use super::{Effort, Measured, median};

/// Boots that become ready, and boots that end at once.
const BOOTS: [usize; 2] = [90, 10];
const BOOTS_SMOKE: [usize; 2] = [4, 1];
/// So much faster boot the few that show that it runs.
const SPEED_SMOKE: f64 = 60.0;
/// What the waiter is given: more than three times what a boot takes.
const WAIT_MAX: Duration = Duration::from_secs(180);
/// Less than between two of its looks, so that it gives up after the first.
const WAIT_MAX_SMOKE: Duration = Duration::from_secs(2);
/// How long a launch waits for its instance: the longest that can be asked for.
const WAIT_SECONDS: i64 = 600;
/// By which it is asked how boots are doing.
const LOOKS: [&str; 3] = ["DescribeInstances", "DescribeInstanceStatus", "GetConsoleOutput"];

pub(super) async fn measure(effort: Effort) -> Vec<Measured> {
    let ([healthy, broken], speed, wait_max) =
        if effort.is_smoke { (BOOTS_SMOKE, SPEED_SMOKE, WAIT_MAX_SMOKE) } else { (BOOTS, 1.0, WAIT_MAX) };
    let dir = tempfile::tempdir_in(".").unwrap();
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: dir.path().join("data"),
        sandbox: Some(SandboxConfig { images: IMAGES_MIN as u32, speed, ..SandboxConfig::default() }),
        ..Config::default()
    };
    let running = server::start(config, Arc::new(SystemClock::new())).await.unwrap();
    let sandbox = running.sandbox.clone().unwrap();
    let channel = Channel::from_shared(format!("http://{}", running.address)).unwrap().connect().await.unwrap();
    let shutdown = CancellationToken::new();
    let waiter = Waiter::new(&sandbox, &shutdown).await;
    let images = std::iter::repeat_n(landmarks::AMAZON_LINUX_2023_X86_64, healthy)
        .chain(std::iter::repeat_n(landmarks::BROKEN_VOLUME, broken));
    let tasks = images.enumerate().map(|(number, image)| {
        let (channel, sandbox, waiter) = (channel.clone(), sandbox.clone(), waiter.clone());
        tokio::spawn(boot(channel, sandbox, waiter, request(image, number), wait_max))
    });
    let known = try_join_all(tasks).await.unwrap();
    let waited_calls = waiter.calls.load(Ordering::Relaxed);
    let calls = LOOKS.map(|action| sandbox.calls(action)).iter().sum::<u64>() - waited_calls;
    shutdown.cancel();
    running.stop().await.unwrap();
    assert!(effort.is_smoke || known.iter().all(|known| known.fails != known.waiter_is_sure), "the waiter knows");

    let of = |fails: bool, which: fn(&Known) -> Duration| {
        median(known.iter().filter(|known| known.fails == fails).map(which).collect())
    };
    let beside = |promise, fails: bool| {
        let (ours, theirs) = (of(fails, |known| known.gantry), of(fails, |known| known.waiter));
        let theirs_said = if fails { " (it gives up)" } else { "" };
        Measured {
            promise,
            measured: format!("{ours:.1?}"),
            against: format!("the SDK's waiter {theirs:.1?}{theirs_said}"),
            ratio: ours.as_secs_f64() / theirs.as_secs_f64(),
            limit: 1.0,
        }
    };
    let each = |calls: u64| calls as f64 / (healthy + broken) as f64;
    vec![
        beside("100 boots: until it is known that one is ready, in the middle", false),
        beside("100 boots: until it is known that one has failed, in the middle", true),
        Measured {
            promise: "100 boots: calls of EC2 for each",
            measured: format!("{:.2}", each(calls)),
            against: format!("the SDK's waiter {:.2}", each(waited_calls)),
            ratio: calls as f64 / waited_calls as f64,
            limit: 1.0,
        },
    ]
}

/// How long after a boot was over who knew of it.
struct Known {
    /// Whether it ended without being ready.
    fails: bool,
    /// A watcher of the launch.
    gantry: Duration,
    /// The SDK's waiter; where it gives up, when it does.
    waiter: Duration,
    /// Whether the waiter said that the instance is ready.
    waiter_is_sure: bool,
}

/// Launches an instance, and waits for its end in both ways at once.
async fn boot(
    channel: Channel,
    sandbox: Sandbox,
    waiter: Waiter,
    request: pb::LaunchInstancesRequest,
    wait_max: Duration,
) -> Known {
    let mut client = LaunchServiceClient::new(channel);
    let launch = client.launch_instances(request).await.unwrap().into_inner();
    let instance_id = launch.instances[0].instance_id.clone();
    let boots = sandbox.boots(DEFAULT_REGION);
    let boot = boots.into_iter().find(|boot| boot.instance_id == instance_id).unwrap();
    let over = boot.ready.or(boot.terminated).unwrap();
    let after = |known: Timestamp| Duration::try_from(known.duration_since(over)).unwrap_or_default();
    let watched = async {
        let request = pb::WatchLaunchRequest { launch_id: launch.launch_id, after_sequence: 0 };
        let mut stream = client.watch_launch(request).await.unwrap().into_inner();
        let end = if boot.ready.is_some() { pb::BootPhase::Ready } else { pb::BootPhase::Failed };
        while stream.message().await.unwrap().unwrap().phase() != end {}
        Timestamp::now()
    };
    let waited = async {
        let is_sure = waiter.wait(&instance_id, wait_max).await;
        (Timestamp::now(), is_sure)
    };
    let (watched, (waited, waiter_is_sure)) = tokio::join!(watched, waited);
    Known { fails: boot.terminated.is_some(), gantry: after(watched), waiter: after(waited), waiter_is_sure }
}

/// The SDK's waiters, and how many requests they send.
#[derive(Clone)]
struct Waiter {
    client: aws_sdk_ec2::Client,
    calls: Arc<AtomicU64>,
}

impl Waiter {
    async fn new(sandbox: &Sandbox, shutdown: &CancellationToken) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(sandbox.clone().serve(listener, shutdown.clone()));
        let calls = Arc::new(AtomicU64::new(0));
        let config = aws_sdk_ec2::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(DEFAULT_REGION))
            .endpoint_url(endpoint)
            .credentials_provider(Credentials::new("bench", "bench", None, None, "bench"))
            .interceptor(Count(Arc::clone(&calls)));
        Self { client: aws_sdk_ec2::Client::from_conf(config.build()), calls }
    }

    /// Whether the instance passes its checks in time.
    async fn wait(&self, instance_id: &str, wait_max: Duration) -> bool {
        let waiter = self.client.wait_until_instance_status_ok().instance_ids(instance_id);
        match waiter.wait(wait_max).await {
            Ok(_) => true,
            Err(WaiterError::ExceededMaxWait(_)) => false,
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Counts every request that is sent, repeats included.
#[derive(Debug)]
struct Count(Arc<AtomicU64>);

impl Intercept for Count {
    fn name(&self) -> &'static str {
        "Count"
    }

    fn read_before_attempt(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

fn request(image_id: &str, number: usize) -> pb::LaunchInstancesRequest {
    let image_id = image_id.to_owned();
    pb::LaunchInstancesRequest {
        region: DEFAULT_REGION.to_owned(),
        request_id: format!("waiter-{number}"),
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
