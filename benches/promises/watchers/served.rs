//! A server in a process of its own, so that its memory is its own, on a sandbox in this process, so that its calls can be
//! counted and what it does is known.

use std::process::Stdio;
use std::sync::Arc;

use futures::future::try_join_all;
use gantry::clock::SystemClock;
use gantry::config::BUDGET_SCALE_MAX;
use gantry::sandbox::{DEFAULT_REGION, IMAGES_MIN, Options, Sandbox};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::{Channel, Endpoint};

/// The server and its sandbox. Both go with this value.
pub(super) struct Served {
    pub(super) sandbox: Sandbox,
    server: Child,
    address: String,
    _serving: DropGuard,
    _dir: tempfile::TempDir,
}

impl Served {
    /// A server whose instances boot `speed` times as fast as real ones. EC2's rates are no limit.
    pub(super) async fn start(speed: f64) -> Self {
        let dir = tempfile::tempdir_in(".").unwrap();
        let options = Options { speed, images: IMAGES_MIN, ..Options::default() };
        let sandbox = Sandbox::open(options, Arc::new(SystemClock::new())).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let shutdown = CancellationToken::new();
        tokio::spawn(sandbox.clone().serve(listener, shutdown.clone()));
        let settings = dir.path().join("gantry.toml");
        std::fs::write(&settings, format!("[budget]\nshare = 1.0\nscale = {BUDGET_SCALE_MAX:.1}\n")).unwrap();
        let mut server = Command::new(env!("CARGO_BIN_EXE_gantry"))
            .args(["serve", "--listen", "127.0.0.1:0", "--regions", DEFAULT_REGION, "--config"])
            .arg(&settings)
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            .envs([
                ("AWS_ENDPOINT_URL", endpoint.as_str()),
                ("AWS_ACCESS_KEY_ID", "bench"),
                ("AWS_SECRET_ACCESS_KEY", "bench"),
                // Nothing outside this machine is asked for credentials.
                ("AWS_EC2_METADATA_DISABLED", "true"),
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut line).await.unwrap();
        let address = line.trim().rsplit(' ').next().unwrap().to_owned();
        Self { sandbox, server, address, _serving: shutdown.drop_guard(), _dir: dir }
    }

    /// So many connections to it.
    pub(super) async fn connect(&self, connections: usize) -> Vec<Channel> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address)).unwrap().tcp_nodelay(true);
        try_join_all((0..connections).map(|_| endpoint.connect())).await.unwrap()
    }

    /// The server's resident memory.
    pub(super) fn resident_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.server.id().unwrap())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        resident.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// How often EC2 has been asked how instances are.
    pub(super) fn looks(&self) -> u64 {
        self.sandbox.calls("DescribeInstances") + self.sandbox.calls("DescribeInstanceStatus")
    }
}
