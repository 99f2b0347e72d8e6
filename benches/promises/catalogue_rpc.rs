//! ListImages and ClassifyImages over gRPC on loopback, against a bare tonic service that holds the
//! same prost values ready and does nothing but send them.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{Stream, StreamExt as _};
use gantry::api::pb;
use gantry::api::pb::image_service_client::ImageServiceClient;
use gantry::api::pb::image_service_server::{ImageService, ImageServiceServer};
use gantry::clock::SystemClock;
use gantry::config::{Config, SandboxConfig};
use gantry::sandbox::DEFAULT_REGION;
use gantry::server;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

use super::catalogue::{FILTERS, PAGE_SIZE};
use super::region;
use super::{Effort, Measured};

/// Of the bare service's throughput, ListImages reaches at least 0.7 and ClassifyImages 0.5.
const LIST_LIMIT: f64 = 1.0 / 0.7;
const CLASSIFY_LIMIT: f64 = 1.0 / 0.5;
/// Answers that the bare stream repeats: enough kinds of images, and not all of a Region in memory
/// twice.
const STREAM_ANSWERS: usize = 2_000;
/// Callers share connections as the clients of a busy service do.
const CALLERS_PER_CONNECTION: usize = 8;

pub(super) async fn measure(effort: Effort) -> Vec<Measured> {
    let dir = tempfile::tempdir_in(".").unwrap();
    let images = region::images(effort) as u32;
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: dir.path().join("data"),
        owners: vec!["all".to_owned()],
        sandbox: Some(SandboxConfig { images, ..SandboxConfig::default() }),
        ..Config::default()
    };
    let running = server::start(config, Arc::new(SystemClock::new())).await.unwrap();
    let mut standing = running.catalog.standings().remove(0);
    standing.wait_for(|standing| standing.observed_time.is_some()).await.unwrap();

    let mut client = connect(running.address, 1).await.remove(0);
    let page = client.list_images(list_request()).await.unwrap().into_inner();
    assert_eq!(page.answered_from(), pb::AnsweredFrom::Catalogue);
    let mut answers = Vec::new();
    let mut stream = client.classify_images(classify_request()).await.unwrap().into_inner();
    while let Some(answer) = stream.message().await.unwrap() {
        answers.push(answer);
    }
    let total = answers.len();
    answers.truncate(STREAM_ANSWERS);
    let bare = bare(Bare { page, answers, total }).await;

    let mut rows = Vec::new();
    for (promise, callers) in [("ListImages over gRPC, 1 caller", 1), ("ListImages over gRPC, 64 callers at once", 64)]
    {
        let calls = if effort.is_smoke { callers * 2 } else { 2_000 };
        // In turns, and the turn whose ratio is the median: what else the machine does hits both.
        let mut turns = Vec::new();
        for _ in 0..if effort.is_smoke { 1 } else { 5 } {
            let theirs = list_rate(bare, callers, calls).await;
            turns.push((theirs, list_rate(running.address, callers, calls).await));
        }
        turns.sort_by(|(theirs, ours), (other_theirs, other)| (theirs / ours).total_cmp(&(other_theirs / other)));
        let (theirs, ours) = turns[turns.len() / 2];
        rows.push(Measured {
            promise,
            measured: format!("{ours:.0} calls/s"),
            against: format!("bare tonic {theirs:.0} calls/s"),
            ratio: theirs / ours,
            limit: LIST_LIMIT,
        });
    }
    let (mut ours, mut theirs) = (Duration::MAX, Duration::MAX);
    for _ in 0..if effort.is_smoke { 1 } else { 3 } {
        theirs = theirs.min(stream_time(bare).await);
        ours = ours.min(stream_time(running.address).await);
    }
    rows.push(Measured {
        promise: "ClassifyImages of the whole catalogue, streamed",
        measured: format!("{:.0} images/s", total as f64 / ours.as_secs_f64()),
        against: format!("bare tonic stream {:.0} images/s", total as f64 / theirs.as_secs_f64()),
        ratio: ours.div_duration_f64(theirs),
        limit: CLASSIFY_LIMIT,
    });
    running.stop().await.unwrap();
    rows
}

pub(super) fn list_request() -> pb::ListImagesRequest {
    let filter = |(name, value): (&str, &str)| pb::Filter { name: name.to_owned(), values: vec![value.to_owned()] };
    pb::ListImagesRequest {
        region: DEFAULT_REGION.to_owned(),
        filters: FILTERS.map(filter).to_vec(),
        page_size: PAGE_SIZE as i32,
        ..Default::default()
    }
}

fn classify_request() -> pb::ClassifyImagesRequest {
    let owners = vec!["all".to_owned()];
    pb::ClassifyImagesRequest {
        region: DEFAULT_REGION.to_owned(),
        owners,
        include_deprecated: true,
        include_disabled: true,
        ..Default::default()
    }
}

async fn connect(address: SocketAddr, callers: usize) -> Vec<ImageServiceClient<Channel>> {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap().tcp_nodelay(true);
    let mut clients = Vec::new();
    while clients.len() < callers {
        let channel = endpoint.connect().await.unwrap();
        let more = (callers - clients.len()).min(CALLERS_PER_CONNECTION);
        let client = ImageServiceClient::new(channel).max_decoding_message_size(64 << 20);
        clients.extend(std::iter::repeat_n(client, more));
    }
    clients
}

/// Calls a second.
async fn list_rate(address: SocketAddr, callers: usize, calls: usize) -> f64 {
    let clients = connect(address, callers).await;
    let begun = Instant::now();
    let tasks = clients.into_iter().map(|mut client| {
        tokio::spawn(async move {
            for _ in 0..calls / callers {
                client.list_images(list_request()).await.unwrap();
            }
        })
    });
    futures::future::try_join_all(tasks).await.unwrap();
    calls as f64 / begun.elapsed().as_secs_f64()
}

async fn stream_time(address: SocketAddr) -> Duration {
    let mut client = connect(address, 1).await.remove(0);
    let begun = Instant::now();
    let mut stream = client.classify_images(classify_request()).await.unwrap().into_inner();
    while stream.message().await.unwrap().is_some() {}
    begun.elapsed()
}

/// The service without the work.
struct Bare {
    page: pb::ListImagesResponse,
    answers: Vec<pb::ClassifyImagesResponse>,
    /// How many answers the stream has.
    total: usize,
}

async fn bare(service: Bare) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let incoming = tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
    let service = ImageServiceServer::new(service).max_encoding_message_size(64 << 20);
    tokio::spawn(Server::builder().add_service(service).serve_with_incoming(incoming));
    address
}

#[tonic::async_trait]
impl ImageService for Bare {
    type ClassifyImagesStream = Pin<Box<dyn Stream<Item = Result<pb::ClassifyImagesResponse, Status>> + Send>>;

    async fn list_images(&self, _: Request<pb::ListImagesRequest>) -> Result<Response<pb::ListImagesResponse>, Status> {
        Ok(Response::new(self.page.clone()))
    }

    async fn classify_images(
        &self,
        _: Request<pb::ClassifyImagesRequest>,
    ) -> Result<Response<Self::ClassifyImagesStream>, Status> {
        let answers: Arc<[pb::ClassifyImagesResponse]> = self.answers.clone().into();
        let all = (0..self.total).map(move |number| Ok(answers[number % answers.len()].clone()));
        Ok(Response::new(futures::stream::iter(all).boxed()))
    }

    async fn get_image(&self, _: Request<pb::GetImageRequest>) -> Result<Response<pb::Image>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn check_compatibility(
        &self,
        _: Request<pb::CheckCompatibilityRequest>,
    ) -> Result<Response<pb::CheckCompatibilityResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn list_instance_types(
        &self,
        _: Request<pb::ListInstanceTypesRequest>,
    ) -> Result<Response<pb::ListInstanceTypesResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn resolve_image(
        &self,
        _: Request<pb::ResolveImageRequest>,
    ) -> Result<Response<pb::ResolveImageResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }
}
