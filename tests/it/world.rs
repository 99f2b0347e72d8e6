//! A world for one test: a server, its sandbox, and a clock that moves when told.
//!
//! Time passes only inside [`World::while_time_passes`], a little at a time with a real call in
//! between, so that whatever a step wakes has its turn before the next.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use gantry::api::pb;
use gantry::api::pb::audit_service_client::AuditServiceClient;
use gantry::api::pb::image_service_client::ImageServiceClient;
use gantry::api::pb::launch_service_client::LaunchServiceClient;
use gantry::api::pb::policy_service_client::PolicyServiceClient;
use gantry::clock::{Clock, SimClock, Timestamp};
use gantry::config::{BUDGET_SCALE_MAX, BudgetConfig, Config, SandboxConfig};
use gantry::sandbox::Sandbox;
use gantry::server::{self, Running};
use tonic::transport::Channel;

/// The Region of every world.
pub(crate) const REGION: &str = "sandbox-1";

/// How far the clock moves at a time.
const STEP: Duration = Duration::from_millis(500);

/// The most steps a test may wait for something: an hour and a half.
const STEPS_MAX: usize = 10_800;

pub(crate) struct World {
    pub(crate) running: Running,
    pub(crate) clock: SimClock,
    pub(crate) channel: Channel,
    pub(crate) data_dir: PathBuf,
    pub(crate) _dir: Option<tempfile::TempDir>,
}

/// The smallest catalogue that has every class.
pub(crate) fn sandbox_config() -> SandboxConfig {
    SandboxConfig { images: u32::try_from(gantry::sandbox::IMAGES_MIN).unwrap(), ..SandboxConfig::default() }
}

impl World {
    pub(crate) async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
        let path = dir.path().join("data");
        Self { _dir: Some(dir), ..Self::start_in(&path, clock).await }
    }

    pub(crate) async fn start_in(data_dir: &Path, clock: SimClock) -> Self {
        Self::start_with(data_dir, clock, |_| {}).await
    }

    pub(crate) async fn start_with(data_dir: &Path, clock: SimClock, change: impl FnOnce(&mut Config)) -> Self {
        let world = Self::start_at_once(data_dir, clock, change).await;
        // What is asked first should not depend on how fast the first crawl is.
        for mut standing in world.running.catalog.standings() {
            standing.wait_for(|standing| standing.observed_time.is_some() || standing.failure.is_some()).await.unwrap();
        }
        world
    }

    /// A world whose catalogue may not have been read yet.
    pub(crate) async fn start_at_once(data_dir: &Path, clock: SimClock, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            data_dir: data_dir.to_owned(),
            sandbox: Some(sandbox_config()),
            // Nobody waits for a rate while time stands still; who tests rates sets them.
            budget: BudgetConfig { share: 1.0, scale: BUDGET_SCALE_MAX },
            ..Config::default()
        };
        change(&mut config);
        let running = server::start(config, Arc::new(clock.clone())).await.unwrap();
        let channel = Channel::from_shared(format!("http://{}", running.address)).unwrap().connect().await.unwrap();
        Self { running, clock, channel, data_dir: data_dir.to_owned(), _dir: None }
    }

    /// Stops the server and starts another over the same directory, at the same time.
    pub(crate) async fn restart(self) -> Self {
        let Self { running, clock, channel, data_dir, _dir } = self;
        drop(channel);
        running.stop().await.unwrap();
        Self { _dir, ..Self::start_in(&data_dir, clock).await }
    }

    pub(crate) fn sandbox(&self) -> &Sandbox {
        self.running.sandbox.as_ref().expect("every world has a sandbox")
    }

    pub(crate) fn images(&self) -> ImageServiceClient<Channel> {
        ImageServiceClient::new(self.channel.clone()).max_decoding_message_size(64 << 20)
    }

    pub(crate) fn launches(&self) -> LaunchServiceClient<Channel> {
        LaunchServiceClient::new(self.channel.clone())
    }

    pub(crate) fn audit(&self) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.channel.clone())
    }

    pub(crate) fn policy(&self) -> PolicyServiceClient<Channel> {
        PolicyServiceClient::new(self.channel.clone())
    }

    /// Waits for `done` while simulated time passes.
    pub(crate) async fn while_time_passes<T>(&self, done: impl Future<Output = T>) -> T {
        self.while_time_passes_by(STEP, done).await
    }

    /// The same with time that passes by other steps: small ones where the SDK repeats calls, whose pauses are of real
    /// time.
    pub(crate) async fn while_time_passes_by<T>(&self, step: Duration, done: impl Future<Output = T>) -> T {
        tokio::pin!(done);
        let longest = STEP * u32::try_from(STEPS_MAX).unwrap();
        for _ in 0..longest.as_nanos() / step.as_nanos() {
            tokio::select! {
                biased;
                value = &mut done => return value,
                () = self.step(step) => {}
            }
        }
        panic!("nothing happened in {longest:?}, until {}", self.clock.now());
    }

    /// One step of time, and a real call over a real socket to give everybody else a turn.
    async fn step(&self, step: Duration) {
        let _ = self.audit().list_records(pb::ListRecordsRequest { page_size: 1, ..Default::default() }).await;
        self.clock.advance(step);
    }

    /// Reads a stream to its end while time passes.
    pub(crate) async fn read_to_end(&self, mut stream: tonic::Streaming<pb::BootEvent>) -> Vec<pb::BootEvent> {
        self.while_time_passes(async {
            let mut events = Vec::new();
            while let Some(event) = stream.message().await.unwrap() {
                events.push(event);
            }
            events
        })
        .await
    }
}

/// A launch of one instance of an image.
pub(crate) fn launch_request(image_id: &str, instance_type: &str, request_id: &str) -> pb::LaunchInstancesRequest {
    pb::LaunchInstancesRequest {
        region: REGION.to_owned(),
        request_id: request_id.to_owned(),
        reason: "integration test".to_owned(),
        spec: Some(pb::LaunchSpec {
            image: Some(pb::ImageReference {
                reference: Some(pb::image_reference::Reference::ImageId(image_id.to_owned())),
            }),
            instance_types: vec![instance_type.to_owned()],
            min_count: 1,
            max_count: 1,
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// What a watcher reads, without heartbeats.
pub(crate) fn transitions(events: &[pb::BootEvent]) -> Vec<&pb::BootEvent> {
    events.iter().filter(|event| event.sequence > 0 || !event.cursor.is_empty()).collect()
}

/// What EC2 answers to a form.
pub(crate) fn ec2(world: &World, form: &str) -> String {
    let (status, body) = world.sandbox().call(&REGION.parse().unwrap(), form);
    assert_eq!(status, 200, "{form}: {body}");
    body
}

/// The texts of an element, wherever it is.
pub(crate) fn texts<'a>(xml: &'a str, element: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    xml.split(&open).skip(1).map(|rest| rest.split(&close).next().unwrap()).collect()
}
