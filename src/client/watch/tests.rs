//! A watch against a server that breaks off in every way there is.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use futures::stream::{self, Stream};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

use super::*;
use crate::api::pb::launch_service_server::{LaunchService, LaunchServiceServer};
use crate::client::ConnectOptions;
use crate::clock::{Clock, SimClock, Timestamp};

type Script = Vec<Result<pb::BootEvent, Status>>;
type Events = Pin<Box<dyn Stream<Item = Result<pb::BootEvent, Status>> + Send>>;

/// Plays one script per call, and notes where each call wanted to go on.
#[derive(Clone, Default)]
struct Scripted {
    scripts: Arc<Mutex<VecDeque<Script>>>,
    asked: Arc<Mutex<Vec<u64>>>,
    /// The launch, where it can be asked for.
    launch: Arc<Mutex<Option<pb::Launch>>>,
}

fn no<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("not part of this test"))
}

#[tonic::async_trait]
impl LaunchService for Scripted {
    type WatchLaunchStream = Events;
    type WatchInstancesStream = Events;

    async fn watch_launch(&self, request: Request<pb::WatchLaunchRequest>) -> Result<Response<Events>, Status> {
        self.asked.lock().unwrap().push(request.into_inner().after_sequence);
        let script = self.scripts.lock().unwrap().pop_front().unwrap();
        Ok(Response::new(Box::pin(stream::iter(script))))
    }

    async fn watch_instances(&self, _: Request<pb::WatchInstancesRequest>) -> Result<Response<Events>, Status> {
        no()
    }

    async fn launch_instances(&self, _: Request<pb::LaunchInstancesRequest>) -> Result<Response<pb::Launch>, Status> {
        no()
    }

    async fn get_launch(&self, _: Request<pb::GetLaunchRequest>) -> Result<Response<pb::Launch>, Status> {
        self.launch.lock().unwrap().clone().map_or_else(no, |launch| Ok(Response::new(launch)))
    }

    async fn list_launches(
        &self,
        _: Request<pb::ListLaunchesRequest>,
    ) -> Result<Response<pb::ListLaunchesResponse>, Status> {
        no()
    }

    async fn cancel_launch(&self, _: Request<pb::CancelLaunchRequest>) -> Result<Response<pb::Launch>, Status> {
        no()
    }

    async fn terminate_launch(&self, _: Request<pb::TerminateLaunchRequest>) -> Result<Response<pb::Launch>, Status> {
        no()
    }

    async fn get_boot_statistics(
        &self,
        _: Request<pb::GetBootStatisticsRequest>,
    ) -> Result<Response<pb::GetBootStatisticsResponse>, Status> {
        no()
    }

    async fn list_orphans(
        &self,
        _: Request<pb::ListOrphansRequest>,
    ) -> Result<Response<pb::ListOrphansResponse>, Status> {
        no()
    }
}

fn event(sequence: u64) -> Result<pb::BootEvent, Status> {
    Ok(pb::BootEvent { sequence, instance_id: "i-12345678".to_owned(), ..pb::BootEvent::default() })
}

fn last(sequence: u64) -> Result<pb::BootEvent, Status> {
    Ok(pb::BootEvent { sequence, terminal: true, ..pb::BootEvent::default() })
}

/// A watch over these scripts, and the server that plays them.
async fn watch(scripts: Vec<Script>) -> (BootWatch, Scripted, SimClock) {
    let service = Scripted::default();
    service.scripts.lock().unwrap().extend(scripts);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let incoming = TcpListenerStream::new(listener);
    let router = tonic::transport::Server::builder().add_service(LaunchServiceServer::new(service.clone()));
    tokio::spawn(router.serve_with_incoming(incoming));
    let clock = SimClock::new(Timestamp::UNIX_EPOCH);
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let client = Client::connect(ConnectOptions { server, ..ConnectOptions::default() }, shared).await.unwrap();
    let request = pb::WatchLaunchRequest { launch_id: "a launch".to_owned(), after_sequence: 0 };
    (client.follow_launch(request), service, clock)
}

/// The sequences that come, and how often the stream broke.
async fn follow(mut watch: BootWatch, clock: SimClock) -> (Vec<u64>, u32, Option<ClientError>) {
    let (mut sequences, mut interruptions) = (Vec::new(), 0);
    loop {
        let next = tokio::select! {
            biased;
            next = watch.next() => next,
            () = wake(&clock) => unreachable!("the clock never stops waking"),
        };
        match next {
            Ok(Some(Watched::Event(event))) => sequences.push(event.sequence),
            Ok(Some(Watched::Interrupted { .. })) => interruptions += 1,
            Ok(None) => return (sequences, interruptions, None),
            Err(error) => return (sequences, interruptions, Some(error)),
        }
    }
}

async fn wake(clock: &SimClock) {
    loop {
        clock.until_sleepers(1).await;
        clock.advance(RESUME_DELAY_MAX);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_broken_watch_goes_on_after_the_last_event_and_repeats_none() {
    let (watch, service, clock) = watch(vec![
        vec![event(1), event(2), Err(Status::unavailable("restarting"))],
        vec![Err(Status::unknown("transport error"))],
        // Ends without a terminal event, after a heartbeat.
        vec![event(3), event(0)],
        // A server that goes further back than it was asked to.
        vec![event(2), event(3), event(4), last(5)],
    ])
    .await;
    let (sequences, interruptions, error) = follow(watch, clock).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(sequences, [1, 2, 3, 0, 4, 5]);
    assert_eq!(interruptions, 3);
    assert_eq!(*service.asked.lock().unwrap(), [0, 2, 2, 3]);
}

#[tokio::test]
async fn a_watch_after_the_last_event_of_a_launch_at_rest_is_at_its_end() {
    // Nothing, and what happened to an instance after the launch had ended.
    for script in [vec![], vec![event(1)]] {
        let (watch, service, clock) = watch(vec![script.clone(), vec![]]).await;
        let launch = pb::Launch { last_sequence: script.len() as u64, ..Default::default() };
        let failed = pb::Launch { state: pb::LaunchState::Failed.into(), ..launch.clone() };
        *service.launch.lock().unwrap() = Some(failed);
        let (sequences, interruptions, error) = follow(watch, clock).await;
        assert_eq!((sequences.len(), interruptions), (script.len(), 0), "{error:?}");
    }
    // A server that stops in the middle, and says so by ending.
    let (watch, service, clock) = watch(vec![vec![event(1)], vec![last(2)]]).await;
    let booting = pb::Launch { state: pb::LaunchState::Booting.into(), last_sequence: 1, ..Default::default() };
    *service.launch.lock().unwrap() = Some(booting);
    let (sequences, interruptions, error) = follow(watch, clock).await;
    assert_eq!((sequences.as_slice(), interruptions), (&[1, 2][..], 1), "{error:?}");
}

#[tokio::test]
async fn a_refusal_ends_the_watch() {
    let (watch, _, clock) = watch(vec![vec![event(1), Err(Status::not_found("no such launch"))]]).await;
    let (sequences, interruptions, error) = follow(watch, clock).await;
    assert_eq!((sequences.as_slice(), interruptions), (&[1][..], 0));
    assert_eq!(error.unwrap().refusal().unwrap().code, "NOT_FOUND");
}

#[tokio::test]
async fn a_server_that_stays_away_is_given_up_in_the_end() {
    let away = || vec![Err(Status::unavailable("away"))];
    let (watch, service, clock) = watch((0..1000).map(|_| away()).collect()).await;
    let (_, interruptions, error) = follow(watch, clock).await;
    assert_eq!(error.unwrap().refusal().unwrap().code, "UNAVAILABLE");
    assert_eq!(service.asked.lock().unwrap().len() as u32, interruptions + 1);
    assert!(interruptions >= 120, "ten minutes in steps of at most five seconds: {interruptions}");
}
