//! Launches a second through the whole service (gRPC, facts, Cedar, durable decision, durable intention, RunInstances,
//! durable outcome), with an EC2 that answers at once, against the rate at which a bare audit log takes the records
//! that they made.
//!
//! The server is a process of its own, as people run it. Afterwards its records are read back from its journal and
//! appended to an empty log on the same disk, those together that were appended together and as many appends at once
//! as there were callers. What is left of the ratio is everything that is no journal, and nearly all of it is
//! processor time of the server's, which is measured too: four requests over sockets (one of the caller's, three to
//! EC2), their XML, JSON and signatures, and the policy.

#[path = "decide/ec2.rs"]
mod ec2;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use futures::future::try_join_all;
use gantry::api::pb;
use gantry::api::pb::launch_service_client::LaunchServiceClient;
use gantry::audit::{AuditLog, LogSettings, OfflineLeaf, OfflineLog, Owner};
use gantry::config::BUDGET_SCALE_MAX;
use gantry::ids::{AttemptId, LaunchId};
use gantry::record::{Entry, EntryKind, Event};
use gantry::sandbox::{ACCOUNT_ID, DEFAULT_REGION, landmarks};
use tonic::transport::{Channel, Endpoint};

use super::{Effort, Measured, policy};

/// As many as are at work in a busy service.
const CALLERS: usize = 64;
const CALLERS_PER_CONNECTION: usize = 8;
const LAUNCHES: usize = 3_000;
const LAUNCHES_SMOKE: usize = 64;
/// Launches before the clock runs, so that connections, types and pages are there.
const WARM: usize = 128;
/// How many times as many launches' records a bare log may take. Nothing says what this must be: EC2's buckets let
/// through four hundred launches a second for two and a half seconds, and two a second after that, and the log has
/// room for all of them. It is twice what an unoptimised build needed, so that a launch which costs twice as much
/// is noticed.
const LIMIT: f64 = 40.0;
/// Clock ticks a second in which Linux counts processor time (`getconf CLK_TCK`).
const TICKS_PER_SECOND: f64 = 100.0;

pub(super) async fn measure(effort: Effort) -> Vec<Measured> {
    let endpoint = ec2::serve().await;
    let mut rows = Vec::new();
    for (promise, is_default, alike) in [
        ("launches/s decided and recorded, 64 callers, default policy, none alike", true, false),
        ("the same, all alike", true, true),
        ("the same, none alike, fifty policies", false, false),
    ] {
        let dir = tempfile::tempdir_in(".").unwrap();
        let fifty = dir.path().join("fifty.cedar");
        std::fs::write(&fifty, policy::text()).unwrap();
        let policy = if is_default { Path::new("default") } else { &fifty };
        let launches = if effort.is_smoke { LAUNCHES_SMOKE } else { LAUNCHES };
        let through = through(dir.path(), &endpoint, policy, launches, alike).await;
        let records = Records::of(&dir.path().join("data"), launches);
        let bare = records.append(&dir.path().join("bare")).await;
        rows.push(Measured {
            promise,
            measured: format!("{:.0}/s, {:.2?} of the server's processor each", through.rate, through.processor),
            against: format!(
                "bare log {:.0}/s ({} records, {:.0} bytes each, in {} appends)",
                launches as f64 / bare.as_secs_f64(),
                records.count,
                records.bytes as f64 / records.count as f64,
                records.appends.len(),
            ),
            ratio: launches as f64 / bare.as_secs_f64() / through.rate,
            limit: LIMIT,
        });
    }
    rows
}

/// What the service did.
struct Through {
    /// Launches a second.
    rate: f64,
    /// Processor time of the server for each.
    processor: Duration,
}

async fn through(dir: &Path, endpoint: &str, policy: &Path, launches: usize, alike: bool) -> Through {
    let server = Server::start(dir, endpoint, policy);
    let channel = Endpoint::from_shared(format!("http://{}", server.address)).unwrap().tcp_nodelay(true);
    let mut clients = Vec::new();
    while clients.len() < CALLERS {
        let client = LaunchServiceClient::new(channel.connect().await.unwrap());
        clients.extend(std::iter::repeat_n(client, CALLERS_PER_CONNECTION.min(CALLERS - clients.len())));
    }
    run(&clients, "warm", WARM, alike).await;
    let (begun, before) = (Instant::now(), server.processor());
    run(&clients, "timed", launches, alike).await;
    let (took, processor) = (begun.elapsed(), server.processor() - before);
    server.stop();
    Through { rate: launches as f64 / took.as_secs_f64(), processor: processor.div_f64(launches as f64) }
}

/// So many launches, each caller with one after the other.
async fn run(clients: &[LaunchServiceClient<Channel>], round: &'static str, launches: usize, alike: bool) {
    let tasks = clients.iter().enumerate().map(|(caller, client)| {
        let mut client = client.clone();
        tokio::spawn(async move {
            for number in (caller..launches).step_by(CALLERS) {
                let launch = client.launch_instances(request(round, number, alike)).await.unwrap().into_inner();
                assert_eq!(launch.instances.len(), 1, "{launch:?}");
            }
        })
    });
    try_join_all(tasks).await.unwrap();
}

fn request(round: &str, number: usize, alike: bool) -> pb::LaunchInstancesRequest {
    let image_id = landmarks::AMAZON_LINUX_2023_X86_64.to_owned();
    let mut tags = [("team", "web".to_owned()), ("cost-centre", "cc-1".to_owned())].to_vec();
    if !alike {
        tags.push(("number", format!("{round}-{number}")));
    }
    pb::LaunchInstancesRequest {
        region: DEFAULT_REGION.to_owned(),
        request_id: format!("{round}-{number}"),
        reason: "bench".to_owned(),
        spec: Some(pb::LaunchSpec {
            image: Some(pb::ImageReference { reference: Some(pb::image_reference::Reference::ImageId(image_id)) }),
            instance_types: vec!["m7i.large".to_owned()],
            tags: tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

/// `gantry serve` against an EC2.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(dir: &Path, endpoint: &str, policy: &Path) -> Self {
        let settings = dir.join("gantry.toml");
        // What is measured is what Gantry does, not how long a launch waits for its share of EC2's rate.
        std::fs::write(&settings, format!("[budget]\nshare = 1.0\nscale = {BUDGET_SCALE_MAX:?}\n")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_gantry"))
            .args(["serve", "--listen", "127.0.0.1:0", "--log-filter", "error", "--regions", DEFAULT_REGION])
            .arg("--config")
            .arg(settings)
            .arg("--data-dir")
            .arg(dir.join("data"))
            .arg("--policy")
            .arg(policy)
            .env("AWS_ENDPOINT_URL", endpoint)
            .envs([("AWS_ACCESS_KEY_ID", "bench"), ("AWS_SECRET_ACCESS_KEY", "bench")])
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap().to_owned();
        Self { child, address }
    }

    /// The processor time that it has had: fields 14 and 15 of proc(5)'s stat, behind the name in brackets.
    fn processor(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: f64 = fields[11..13].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum();
        Duration::from_secs_f64(ticks / TICKS_PER_SECOND)
    }

    /// Ends it as an operator would, so that its log is whole.
    fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Only a server that was not stopped is still there.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The records of the timed launches as the server appended them.
struct Records {
    appends: Vec<Vec<Entry>>,
    count: usize,
    bytes: usize,
}

/// What was appended at once: the same kind of record about the same attempt.
type Together = (EntryKind, Option<AttemptId>);

impl Records {
    fn of(data: &Path, launches: usize) -> Self {
        let log = OfflineLog::open(data).unwrap();
        let (mut appends, mut count, mut bytes): (Vec<Vec<Entry>>, _, _) = (Vec::new(), 0, 0);
        let mut timed: BTreeMap<LaunchId, ()> = BTreeMap::new();
        let mut last: Option<Together> = None;
        for leaf in log.leaves(0..u64::MAX) {
            let (_, OfflineLeaf::Kept(leaf)) = leaf.unwrap() else { panic!("nothing was removed") };
            let entry = Entry::from_leaf(&leaf).unwrap();
            let (Some(launch_id), attempt_id) = (entry.launch_id, attempt(&entry.event)) else { continue };
            if let Event::Decision(decision) = &entry.event
                && decision.request_id.as_ref().is_some_and(|id| id.as_str().starts_with("timed-"))
            {
                timed.insert(launch_id, ());
            }
            // How instances boot is seen later, and is no part of what was measured.
            if !timed.contains_key(&launch_id) || matches!(entry.event, Event::InstancePhase(_)) {
                continue;
            }
            (count, bytes) = (count + 1, bytes + leaf.len());
            let together = Some((entry.kind(), attempt_id));
            match appends.last_mut().filter(|_| attempt_id.is_some() && last == together) {
                Some(append) => append.push(entry),
                None => appends.push(vec![entry]),
            }
            last = together;
        }
        assert_eq!(timed.len(), launches);
        Self { appends, count, bytes }
    }

    /// How long an empty log takes for them.
    async fn append(&self, dir: &Path) -> Duration {
        let owner = Owner { sandbox: false, accounts: vec![ACCOUNT_ID.parse().unwrap()] };
        let (log, _) = AuditLog::open(dir, owner, LogSettings::default()).unwrap();
        let appends = self.appends.clone();
        let begun = Instant::now();
        let mut appending = futures::stream::iter(appends).map(|entries| log.append(entries)).buffer_unordered(CALLERS);
        while let Some(appended) = appending.next().await {
            appended.unwrap();
        }
        let took = begun.elapsed();
        drop(appending);
        log.close().await;
        took
    }
}

fn attempt(event: &Event) -> Option<AttemptId> {
    match event {
        Event::AttemptIntended(intended) => Some(intended.attempt_id),
        Event::AttemptSucceeded(succeeded) => Some(succeeded.attempt_id),
        _ => None,
    }
}
