//! Attempts: fallback, what is remembered of capacity, cancelling, and many callers at once.

use std::collections::BTreeSet;
use std::time::Duration;

use gantry::api::pb;
use gantry::sandbox::{Fault, landmarks};
use tonic::Code;
use tonic_types::StatusExt;

use crate::world::{REGION, World, launch_request};

const NO_ROOM: Fault = Fault::InsufficientInstanceCapacity { available: 0 };

fn in_zones(request_id: &str, zones: &[&str]) -> pb::LaunchInstancesRequest {
    let mut request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", request_id);
    let placement = |zone: &&str| pb::Placement {
        location: Some(pb::placement::Location::AvailabilityZone((*zone).to_owned())),
        ..Default::default()
    };
    request.spec.as_mut().unwrap().placements = zones.iter().map(placement).collect();
    request
}

async fn launched(world: &World, request: pb::LaunchInstancesRequest) -> pb::Launch {
    let mut client = world.launches();
    let call = tokio::spawn(async move { client.launch_instances(request).await.unwrap().into_inner() });
    world.while_time_passes(call).await.unwrap()
}

fn zones_tried(launch: &pb::Launch) -> Vec<String> {
    let zone = |attempt: &pb::Attempt| match attempt.placement.as_ref().and_then(|it| it.location.as_ref()) {
        Some(pb::placement::Location::AvailabilityZone(zone)) => zone.clone(),
        _ => String::new(),
    };
    launch.attempts.iter().map(zone).collect()
}

fn without_waiting(request: pb::LaunchInstancesRequest) -> pb::LaunchInstancesRequest {
    pb::LaunchInstancesRequest { wait_timeout: Some(prost_types::Duration { seconds: 0, nanos: 0 }), ..request }
}

async fn get(world: &World, launch_id: &str) -> pb::Launch {
    let get = pb::GetLaunchRequest { launch_id: launch_id.to_owned() };
    world.launches().get_launch(get).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_launch_found_lacking_others_leave_out_for_three_minutes() {
    let world = World::start().await;
    let zones = ["sandbox-1a", "sandbox-1b"];
    world.sandbox().faults().inject("RunInstances", 1, NO_ROOM);
    let first = launched(&world, in_zones("r-1", &zones)).await;
    assert_eq!(zones_tried(&first), zones);
    let next: Vec<&str> = first.attempts.iter().map(|attempt| attempt.next_step.as_str()).collect();
    assert_eq!(next, ["NEXT_ATTEMPT", ""]);

    let second = launched(&world, in_zones("r-2", &zones)).await;
    assert_eq!(zones_tried(&second), ["sandbox-1b"], "the first zone was empty a moment ago");
    let decision = second.decision.unwrap();
    let finding = decision.findings.iter().find(|finding| finding.code == "CAPACITY_LACKED_RECENTLY").unwrap();
    assert_eq!(finding.field, "instance_types[m7i.large].capacity");
    assert_eq!(decision.candidates.last().unwrap().availability_zone, "sandbox-1a");

    let only = launched(&world, in_zones("r-3", &zones[..1])).await;
    assert_eq!(only.state(), pb::LaunchState::Booting, "with nothing else to try it is tried");
    world.sandbox().faults().inject("RunInstances", 1, NO_ROOM);
    let again = launched(&world, in_zones("r-4", &zones[..1])).await;
    assert_eq!((again.state(), again.attempts[0].next_step.as_str()), (pb::LaunchState::Failed, "ENDED"));
    world.clock.advance(Duration::from_secs(181));
    let later = launched(&world, in_zones("r-5", &zones)).await;
    assert_eq!(zones_tried(&later), ["sandbox-1a"], "three minutes later it is worth asking again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_launch_makes_no_further_attempt() {
    let world = World::start().await;
    let busy =
        Fault::ErrorBefore { code: "RequestLimitExceeded".to_owned(), message: "injected".to_owned(), status: 503 };
    world.sandbox().faults().inject("RunInstances", 1, busy);
    let request = without_waiting(in_zones("r-1", &["sandbox-1a", "sandbox-1b"]));
    let launch = world.launches().launch_instances(request).await.unwrap().into_inner();
    while world.sandbox().calls("RunInstances") == 0 {
        tokio::task::yield_now().await;
    }
    let cancel = pb::CancelLaunchRequest {
        launch_id: launch.launch_id.clone(),
        reason: "the wrong image".to_owned(),
        request_id: "c-1".to_owned(),
    };
    let answer = world.launches().cancel_launch(cancel.clone()).await.unwrap().into_inner();
    assert_eq!(answer.state(), pb::LaunchState::Launching, "its attempt is under way");
    world
        .while_time_passes(async {
            while get(&world, &launch.launch_id).await.state() == pb::LaunchState::Launching {}
        })
        .await;
    let ended = get(&world, &launch.launch_id).await;
    assert_eq!((ended.state(), ended.attempts.len()), (pb::LaunchState::Cancelled, 1));
    assert_eq!(ended.attempts[0].next_step, "CANCELLED");
    let reason = ended.state_reason.unwrap();
    assert!(reason.code == "CANCELLED" && reason.message.contains("the wrong image"), "{reason:?}");
    assert_eq!(world.sandbox().calls("RunInstances"), 1, "EC2 was not asked again");
    assert_eq!(world.sandbox().instances(REGION), 0);

    let again = world.launches().cancel_launch(cancel.clone()).await.unwrap().into_inner();
    assert_eq!(again.state(), pb::LaunchState::Cancelled, "a repeat is the same cancellation");
    let late = pb::CancelLaunchRequest { request_id: "c-2".to_owned(), ..cancel.clone() };
    let status = world.launches().cancel_launch(late).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(status.get_details_error_info().unwrap().reason, "LAUNCH_NOT_CANCELLABLE");
    let other = pb::CancelLaunchRequest { reason: "another".to_owned(), ..cancel };
    let status = world.launches().cancel_launch(other).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "REQUEST_ID_REUSED");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_attempt_made_before_the_cancellation_stays_with_its_launch() {
    let world = World::start().await;
    world.sandbox().faults().inject("RunInstances", 1, Fault::ReplyLost);
    let request = without_waiting(launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1"));
    let launch = world.launches().launch_instances(request).await.unwrap().into_inner();
    let id = launch.launch_id;
    while get(&world, &id).await.attempts.first().is_none_or(|it| it.state() != pb::AttemptState::Unknown) {}
    assert!(get(&world, &id).await.attempts[0].unknown_time.is_some(), "its age can be seen");
    let cancel = pb::CancelLaunchRequest { launch_id: id.clone(), reason: String::new(), request_id: "c-1".to_owned() };
    world.launches().cancel_launch(cancel).await.unwrap();
    world.while_time_passes(async { while get(&world, &id).await.state() != pb::LaunchState::Ready {} }).await;
    assert_eq!((get(&world, &id).await.instances.len(), world.sandbox().instances(REGION)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_callers_with_one_request_id_get_one_launch_and_one_answer() {
    let world = World::start().await;
    let request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1");
    let calls = (0..200).map(|_| {
        let (mut client, request) = (world.launches(), request.clone());
        tokio::spawn(async move { client.launch_instances(request).await.unwrap().into_inner() })
    });
    let calls: Vec<_> = calls.collect();
    let answers = world.while_time_passes(futures::future::join_all(calls)).await;
    let launches: BTreeSet<_> = answers.iter().map(|it| it.as_ref().unwrap().launch_id.clone()).collect();
    let instances: BTreeSet<_> =
        answers.iter().map(|it| it.as_ref().unwrap().instances[0].instance_id.clone()).collect();
    assert_eq!((launches.len(), instances.len()), (1, 1));
    assert_eq!((world.sandbox().calls("RunInstances"), world.sandbox().instances(REGION)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn launches_that_are_spread_go_where_there_are_fewest() {
    let world = World::start().await;
    let zones = ["sandbox-1a", "sandbox-1b", "sandbox-1c"];
    let spread = |number: usize| {
        let mut request = in_zones(&format!("r-{number}"), &zones);
        request.spec.as_mut().unwrap().strategy = pb::PlacementStrategy::Spread.into();
        request
    };
    let mut taken = Vec::new();
    for number in 0..6 {
        let launch = launched(&world, spread(number)).await;
        taken.push(launch.instances[0].availability_zone.clone());
    }
    assert_eq!(taken, [zones, zones].concat());
    // One is gone: its zone has the fewest then.
    let launch = launched(&world, spread(6)).await;
    assert_eq!(launch.instances[0].availability_zone, zones[0]);
    let terminate = pb::TerminateLaunchRequest {
        launch_id: launch.launch_id.clone(),
        reason: String::new(),
        request_id: "t-1".to_owned(),
        ..Default::default()
    };
    world.launches().terminate_launch(terminate).await.unwrap();
    let ended = async { while get(&world, &launch.launch_id).await.state() != pb::LaunchState::Terminated {} };
    world.while_time_passes(ended).await;
    assert_eq!(launched(&world, spread(7)).await.instances[0].availability_zone, zones[0]);
}
