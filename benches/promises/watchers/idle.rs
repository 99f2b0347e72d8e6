//! What the server holds for a stream on which nothing happens.

use futures::future::try_join_all;
use gantry::api::pb;
use gantry::api::pb::launch_service_client::LaunchServiceClient;
use gantry::clock::{Clock as _, SystemClock};
use gantry::sandbox::{DEFAULT_REGION, landmarks};
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tonic::Streaming;
use tonic::transport::Channel;

use super::served::Served;
use super::{Effort, Measured, Over, Size, is_heartbeat, launch};

/// Resident memory of the server for one stream on which nothing happens.
const STREAM_BYTES_MAX: u64 = 24 << 10;
/// Instances that one stream may watch.
const INSTANCES_PER_STREAM: usize = 100;
/// The same for each further instance of a stream over instances, whose states it has been told when it rests.
const FURTHER_BYTES_MAX: u64 = 1 << 10;
/// What one stream may take.
fn bytes_max(over: Over) -> u64 {
    match over {
        Over::Launches => STREAM_BYTES_MAX,
        Over::Instances => STREAM_BYTES_MAX + FURTHER_BYTES_MAX * (INSTANCES_PER_STREAM as u64 - 1),
    }
}

async fn open(channel: &Channel, over: Over, launch_id: String, instance_ids: Vec<String>) -> Streaming<pb::BootEvent> {
    let mut client = LaunchServiceClient::new(channel.clone());
    let region = DEFAULT_REGION.to_owned();
    let answer = match over {
        Over::Launches => client.watch_launch(pb::WatchLaunchRequest { launch_id, after_sequence: 0 }).await,
        Over::Instances => {
            let request = pb::WatchInstancesRequest { region, instance_ids, ..Default::default() };
            client.watch_instances(request).await
        }
    };
    answer.unwrap().into_inner()
}

/// What idle streams take.
pub(super) struct Memory {
    /// What each may take.
    limit: u64,
    streams: usize,
    connections: usize,
    without: u64,
    with: u64,
}

impl Memory {
    /// Of streams over launches whose instances run and are never ready, so that nothing happens to them.
    pub(super) async fn of(size: Size, effort: Effort, over: Over) -> Self {
        let served = Served::start(size.speed).await;
        let launch_ids = launch(&served, size, landmarks::NEVER_READY).await;
        let boots = served.sandbox.boots(DEFAULT_REGION);
        let instance_ids: Vec<String> = boots.into_iter().map(|boot| boot.instance_id).collect();
        // They run, and that is on record.
        SystemClock::new().sleep(size.rest).await;
        let watching = served.connect(size.connections).await;
        for channel in &watching {
            let of = pb::GetLaunchRequest { launch_id: launch_ids[0].clone() };
            LaunchServiceClient::new(channel.clone()).get_launch(of).await.unwrap();
        }
        SystemClock::new().sleep(size.rest).await;
        let without = served.resident_bytes();
        let streams = (0..size.watchers).map(|number| {
            let channel = watching[number % watching.len()].clone();
            let launch_id = launch_ids[number % launch_ids.len()].clone();
            // Each begins at another, so that all are watched by as many.
            let mut watched: Vec<String> =
                instance_ids.iter().cycle().skip(number).take(INSTANCES_PER_STREAM).cloned().collect();
            watched.truncate(instance_ids.len());
            tokio::spawn(async move {
                let mut stream = open(&channel, over, launch_id, watched).await;
                let (idle, is_idle) = oneshot::channel();
                // Read on, since what is left unread would fill the window that the streams of a connection share.
                let reading = tokio::spawn(async move {
                    // A heartbeat says that nothing has happened for a while.
                    while !effort.is_smoke && !is_heartbeat(&stream.message().await.unwrap().unwrap()) {}
                    idle.send(()).unwrap();
                    while stream.message().await.is_ok_and(|event| event.is_some()) {}
                });
                is_idle.await.unwrap();
                reading.abort_handle()
            })
        });
        let streams = try_join_all(streams).await.unwrap();
        let with = served.resident_bytes();
        streams.iter().for_each(AbortHandle::abort);
        let memory =
            Self { limit: bytes_max(over), streams: streams.len(), connections: watching.len(), without, with };
        println!("watchers: resident {} KiB, with {} idle streams {} KiB", without >> 10, memory.streams, with >> 10);
        memory
    }

    pub(super) fn measured(&self, promise: &'static str) -> Measured {
        let each = self.with.saturating_sub(self.without) as f64 / self.streams as f64;
        Measured {
            promise,
            measured: format!("{:.1} KiB", each / 1024.0),
            against: format!(
                "{} KiB; {} MiB with {} connections, {} MiB with their streams",
                self.limit >> 10,
                self.without >> 20,
                self.connections,
                self.with >> 20
            ),
            ratio: each / self.limit as f64,
            limit: 1.0,
        }
    }
}
