//! Every crash point of a launch: the process dies there, another takes over, and nothing that was
//! acknowledged is lost, nothing is launched twice, and the launch is finished.
//!
//! The cloud is a sandbox in this process, which outlives the killed server as AWS would.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use gantry::api::pb;
use gantry::api::pb::audit_service_client::AuditServiceClient;
use gantry::api::pb::launch_service_client::LaunchServiceClient;
use gantry::clock::SystemClock;
use gantry::sandbox::{Options, Sandbox, landmarks};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::world::{REGION, launch_request};

/// Boots a thousand times faster than EC2: forty seconds are forty milliseconds.
const SPEED: f64 = 1_000.0;

pub(crate) struct Cloud {
    pub(crate) sandbox: Sandbox,
    pub(crate) endpoint: String,
    shutdown: CancellationToken,
}

impl Cloud {
    pub(crate) async fn start() -> Self {
        let options = Options { images: gantry::sandbox::IMAGES_MIN, speed: SPEED, ..Options::default() };
        let sandbox = Sandbox::open(options, Arc::new(SystemClock::new())).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        tokio::spawn(sandbox.clone().serve(listener, shutdown.clone()));
        Self { sandbox, endpoint, shutdown }
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// `gantry serve` as its own process.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) address: String,
}

impl Server {
    /// Starts it and waits until it accepts connections; none if it died before.
    pub(crate) fn start(cloud: &Cloud, data_dir: &Path, crash_at: Option<&str>) -> Option<Self> {
        Self::start_with(cloud, data_dir, crash_at, |_| {})
    }

    /// The same, with more arguments, or another environment.
    pub(crate) fn start_with(
        cloud: &Cloud,
        data_dir: &Path,
        crash_at: Option<&str>,
        change: impl FnOnce(&mut Command),
    ) -> Option<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gantry"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--regions", REGION, "--data-dir"])
            .arg(data_dir)
            .env_clear()
            .envs([
                ("AWS_ENDPOINT_URL", cloud.endpoint.as_str()),
                ("AWS_ACCESS_KEY_ID", "test"),
                ("AWS_SECRET_ACCESS_KEY", "test"),
                ("AWS_REGION", REGION),
                ("AWS_EC2_METADATA_DISABLED", "true"),
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        if let Some(point) = crash_at {
            command.env("GANTRY_CRASH_AT", point);
        }
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").map(str::to_owned);
        match address {
            Some(address) => Some(Self { child, address }),
            None => {
                child.wait().unwrap();
                None
            }
        }
    }

    /// A connection; none if the server has died meanwhile.
    pub(crate) async fn channel(&self) -> Option<Channel> {
        Channel::from_shared(format!("http://{}", self.address)).unwrap().connect().await.ok()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the caller of the killed server was told before it died.
async fn ask(server: &Server) -> Option<pb::Launch> {
    let mut request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1");
    let spec = request.spec.as_mut().unwrap();
    spec.min_count = 2;
    spec.max_count = 2;
    spec.user_data = b"#!/bin/sh\necho secret".to_vec();
    let answer = LaunchServiceClient::new(server.channel().await?).launch_instances(request).await;
    answer.ok().map(tonic::Response::into_inner)
}

/// Watches until the end of the launch, or of the server.
async fn watch(server: &Server, launch_id: &str) -> Option<pb::LaunchState> {
    let mut client = LaunchServiceClient::new(server.channel().await?);
    let request = pb::WatchLaunchRequest { launch_id: launch_id.to_owned(), after_sequence: 0 };
    let mut stream = client.watch_launch(request).await.ok()?.into_inner();
    let mut last = None;
    while let Ok(Some(event)) = stream.message().await {
        if event.instance_id.is_empty() && event.sequence > 0 {
            last = Some(event.launch_state());
        }
    }
    last
}

async fn indexes(server: &Server) -> u64 {
    let mut client = AuditServiceClient::new(server.channel().await.unwrap());
    let request = pb::ListRecordsRequest { page_size: 1, ..Default::default() };
    client.list_records(request).await.map_or(0, |page| page.into_inner().records.first().map_or(0, |r| r.index + 1))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_point_neither_loses_nor_doubles_a_launch() {
    let mut reached = 0;
    for point in gantry::crash::POINTS.iter().filter(|point| !point.contains("terminat")) {
        let cloud = Cloud::start().await;
        let dir = tempfile::tempdir().unwrap();
        let data_dir = dir.path().join("data");

        let doomed = Server::start(&cloud, &data_dir, Some(point)).expect("the crash points are on a launch's way");
        let acknowledged = ask(&doomed).await;
        if let Some(launch) = &acknowledged {
            watch(&doomed, &launch.launch_id).await;
        }
        let mut doomed = doomed;
        let status = tokio::task::spawn_blocking(move || {
            let status = doomed.child.wait();
            (doomed, status)
        });
        let (doomed, status) = status.await.unwrap();
        assert!(!status.unwrap().success(), "{point}: the process died");
        drop(doomed);
        reached += 1;

        let server = Server::start(&cloud, &data_dir, None).unwrap_or_else(|| panic!("{point}: it starts again"));
        let launch = ask(&server).await.unwrap_or_else(|| panic!("{point}: the same request has an answer"));
        if let Some(before) = &acknowledged {
            assert_eq!(launch.launch_id, before.launch_id, "{point}: what was acknowledged is there");
        }
        assert_eq!(watch(&server, &launch.launch_id).await, Some(pb::LaunchState::Ready), "{point}: it is finished");
        assert_eq!(cloud.sandbox.instances(REGION), 2, "{point}: one set of instances");
        assert!(indexes(&server).await >= 5, "{point}: decision, intent, outcome and phases are on record");
        let kept: Vec<_> = std::fs::read_dir(data_dir.join("user-data")).unwrap().collect();
        assert!(kept.is_empty(), "{point}: user data is gone once no attempt needs it");
    }
    assert!(reached > 20, "{reached} crash points");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_point_of_a_termination_is_taken_up_again() {
    for point in gantry::crash::POINTS.iter().filter(|point| point.contains("terminat")) {
        let cloud = Cloud::start().await;
        let dir = tempfile::tempdir().unwrap();
        let data_dir = dir.path().join("data");
        let server = Server::start(&cloud, &data_dir, None).unwrap();
        let launch = ask(&server).await.unwrap();
        assert_eq!(watch(&server, &launch.launch_id).await, Some(pb::LaunchState::Ready));
        drop(server);

        let doomed = Server::start(&cloud, &data_dir, Some(point)).unwrap();
        let terminate = pb::TerminateLaunchRequest {
            launch_id: launch.launch_id.clone(),
            reason: "crash test".to_owned(),
            request_id: "t-1".to_owned(),
            ..Default::default()
        };
        let mut client = LaunchServiceClient::new(doomed.channel().await.unwrap());
        let _ = client.terminate_launch(terminate.clone()).await;
        let mut doomed = doomed;
        let died = tokio::task::spawn_blocking(move || doomed.child.wait().unwrap()).await.unwrap();
        assert!(!died.success(), "{point}: the process died");

        let server = Server::start(&cloud, &data_dir, None).unwrap();
        let mut client = LaunchServiceClient::new(server.channel().await.unwrap());
        let terminating = client.terminate_launch(terminate).await.unwrap().into_inner();
        let request =
            pb::WatchLaunchRequest { launch_id: terminating.launch_id.clone(), after_sequence: launch.last_sequence };
        let mut stream = client.watch_launch(request).await.unwrap().into_inner();
        let mut last = pb::LaunchState::Unspecified;
        while last != pb::LaunchState::Terminated {
            match stream.message().await.unwrap() {
                Some(event) if event.launch_state() != pb::LaunchState::Unspecified => last = event.launch_state(),
                Some(_) => {}
                None => {
                    // READY was terminal for a watcher who came from before it; the rest follows it.
                    let get = pb::GetLaunchRequest { launch_id: terminating.launch_id.clone() };
                    let now = client.get_launch(get).await.unwrap().into_inner();
                    let request = pb::WatchLaunchRequest {
                        launch_id: terminating.launch_id.clone(),
                        after_sequence: now.last_sequence.saturating_sub(1),
                    };
                    stream = client.watch_launch(request).await.unwrap().into_inner();
                }
            }
        }
        assert_eq!(cloud.sandbox.instances(REGION), 0, "{point}");
    }
}
