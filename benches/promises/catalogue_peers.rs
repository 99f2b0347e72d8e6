//! The same question asked of EC2's own call, on the sandbox with as many images and on moto with
//! its 1,301: what a program without Gantry would wait for on this machine.
//!
//! Real EC2 adds its network and its throttle to that. moto ignores MaxResults and has no name of
//! Amazon Linux 2023, so it is asked for Amazon Linux 2; it is left out where it is not installed
//! (`tests/interop/run` installs it).

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gantry::api::pb::image_service_client::ImageServiceClient;
use gantry::clock::{Clock as _, SystemClock};
use gantry::config::{Config, SandboxConfig};
use gantry::ec2::{Client, ImageQuestion};
use gantry::server;

use super::catalogue::FILTERS;
use super::catalogue_rpc::list_request;
use super::region::{self, OtherProcess, clients};
use super::{Effort, Measured, median};

/// At most as long as the peer, on answers of their own size.
const LIMIT: f64 = 1.0;
/// Calls that are timed: a peer takes up to a second.
const CALLS: usize = 10;

pub(super) async fn measure(effort: Effort) -> Vec<Measured> {
    let images = region::images(effort);
    let calls = if effort.is_smoke { 2 } else { CALLS };
    let ours = gantry_time(images, calls).await;
    let question = |filters: &[(&str, &str)]| ImageQuestion {
        filters: filters.iter().map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()])).collect(),
        ..ImageQuestion::everything()
    };
    let row = |promise, peer: &str, theirs: Duration| Measured {
        promise,
        measured: format!("{ours:.1?} over gRPC"),
        against: format!("{peer} {theirs:.1?}"),
        ratio: ours.div_duration_f64(theirs),
        limit: LIMIT,
    };
    let sandbox = OtherProcess::start(images);
    let theirs = ec2_time(&sandbox.endpoint, gantry::sandbox::DEFAULT_REGION, &question(&FILTERS), calls).await;
    let mut rows = vec![row("the same question, beside DescribeImages on the sandbox", "SDK", theirs)];
    drop(sandbox);
    match Moto::start() {
        None => println!("moto_server is not installed: its row is left out"),
        Some(moto) => {
            moto.until_ready().await;
            let filters = [("architecture", "x86_64"), ("state", "available"), ("name", "amzn2-ami-*")];
            let theirs = ec2_time(&moto.endpoint, "us-east-1", &question(&filters), calls).await;
            rows.push(row("the same question, beside DescribeImages on moto", "SDK, 1,301 images,", theirs));
        }
    }
    rows
}

async fn gantry_time(images: usize, calls: usize) -> Duration {
    let dir = tempfile::tempdir_in(".").unwrap();
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: dir.path().join("data"),
        owners: vec!["all".to_owned()],
        sandbox: Some(SandboxConfig { images: images as u32, ..SandboxConfig::default() }),
        ..Config::default()
    };
    let running = server::start(config, std::sync::Arc::new(SystemClock::new())).await.unwrap();
    let mut standing = running.catalog.standings().remove(0);
    standing.wait_for(|standing| standing.observed_time.is_some()).await.unwrap();
    let mut client = ImageServiceClient::connect(format!("http://{}", running.address)).await.unwrap();
    let mut times = Vec::new();
    for _ in 0..calls * 10 {
        let begun = Instant::now();
        client.list_images(list_request()).await.unwrap();
        times.push(begun.elapsed());
    }
    drop(client);
    running.stop().await.unwrap();
    median(times)
}

async fn ec2_time(endpoint: &str, region: &str, question: &ImageQuestion, calls: usize) -> Duration {
    let region = region.parse().unwrap();
    let clients = clients(endpoint, &region).await;
    let client: &Client = clients.get(&region).unwrap();
    let mut times = Vec::new();
    for _ in 0..calls {
        let begun = Instant::now();
        assert!(!client.describe_images(question, usize::MAX).await.unwrap().is_empty());
        times.push(begun.elapsed());
    }
    median(times)
}

/// A moto_server of its own. It goes with this value.
struct Moto {
    child: Child,
    endpoint: String,
}

impl Moto {
    fn start() -> Option<Self> {
        let installed = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/interop/venv/bin/moto_server"));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(installed)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        Some(Self { child, endpoint: format!("http://127.0.0.1:{port}") })
    }

    async fn until_ready(&self) {
        let address = self.endpoint.trim_start_matches("http://").to_owned();
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(&address).await.is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "moto_server does not come up");
            SystemClock::new().sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
