//! A governed launch (facts asked, decided, recorded, attempted, recorded, answered over gRPC)
//! takes at most 25 ms more than RunInstances itself, by the same SDK against the same sandbox.
//! Real EC2 takes one to several seconds for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gantry::api::pb;
use gantry::api::pb::launch_service_client::LaunchServiceClient;
use gantry::clock::{Clock, SystemClock, Timestamp};
use gantry::config::{BUDGET_SCALE_MAX, BudgetConfig, Config, SandboxConfig};
use gantry::ec2::{BudgetSettings, Clients, RunInstances, Settings, StaticCredentials, Timeouts};
use gantry::ids::AttemptId;
use gantry::sandbox::{self, Options, Sandbox, landmarks};
use gantry::server;
use tokio_util::sync::CancellationToken;

use super::{Effort, Measured, median};

const LIMIT: Duration = Duration::from_millis(25);

pub(super) async fn measure(effort: Effort) -> Measured {
    let dir = tempfile::tempdir_in(".").unwrap();
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: dir.path().join("data"),
        sandbox: Some(SandboxConfig { speed: 1_000.0, ..SandboxConfig::default() }),
        // What is measured is what Gantry adds, not how long a launch waits for its share of EC2's rate.
        budget: BudgetConfig { share: 1.0, scale: BUDGET_SCALE_MAX },
        ..Config::default()
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let running = server::start(config, Arc::clone(&clock)).await.unwrap();
    let mut client = LaunchServiceClient::connect(format!("http://{}", running.address)).await.unwrap();

    let shutdown = CancellationToken::new();
    let direct = direct(&clock, &shutdown).await;
    let region = sandbox::DEFAULT_REGION.parse().unwrap();
    let ec2 = direct.get(&region).unwrap();
    let repetitions = effort.repetitions / 10;
    let (mut bare, mut governed) = (Vec::new(), Vec::new());
    for number in 0..repetitions {
        let token = AttemptId::new(Timestamp::UNIX_EPOCH).client_token();
        let image = landmarks::AMAZON_LINUX_2023_X86_64.parse().unwrap();
        let input = RunInstances::new(token, image, "m7i.large".parse().unwrap(), 1);
        let begun = Instant::now();
        ec2.run_instances(&input, None, false).await.unwrap();
        bare.push(begun.elapsed());
        let request = request(number);
        let begun = Instant::now();
        client.launch_instances(request).await.unwrap();
        governed.push(begun.elapsed());
    }
    shutdown.cancel();
    running.stop().await.unwrap();
    let (bare, governed) = (median(bare), median(governed));
    let added = governed.saturating_sub(bare);
    Measured {
        promise: "govern a launch",
        measured: format!("{governed:.1?}"),
        against: format!("RunInstances {bare:.1?} + {LIMIT:?}"),
        ratio: added.div_duration_f64(LIMIT),
        limit: 1.0,
    }
}

fn request(number: usize) -> pb::LaunchInstancesRequest {
    let image_id = landmarks::AMAZON_LINUX_2023_X86_64.to_owned();
    pb::LaunchInstancesRequest {
        region: sandbox::DEFAULT_REGION.to_owned(),
        request_id: format!("bench-{number}"),
        reason: "bench".to_owned(),
        spec: Some(pb::LaunchSpec {
            image: Some(pb::ImageReference { reference: Some(pb::image_reference::Reference::ImageId(image_id)) }),
            instance_types: vec!["m7i.large".to_owned()],
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// Clients of a sandbox of its own.
async fn direct(clock: &Arc<dyn Clock>, shutdown: &CancellationToken) -> Clients {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let options = Options { speed: 1_000.0, images: sandbox::IMAGES_MIN, ..Options::default() };
    tokio::spawn(Sandbox::open(options, Arc::clone(clock)).unwrap().serve(listener, shutdown.clone()));
    let settings = Settings {
        regions: vec![sandbox::DEFAULT_REGION.parse().unwrap()],
        endpoint: Some(endpoint),
        credentials: Some(StaticCredentials {
            access_key_id: "bench".to_owned(),
            secret_access_key: "bench".to_owned(),
            session_token: None,
        }),
        account_id: Some(sandbox::ACCOUNT_ID.parse().unwrap()),
        timeouts: Timeouts::default(),
        budget: BudgetSettings { share: 1.0, scale: 1_000.0 },
    };
    Clients::connect(&settings, clock).await.unwrap()
}
