//! Quotas, over the wire: exact when many ask at once, and over restarts.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use gantry::api::pb;
use gantry::clock::{SimClock, Timestamp};
use gantry::config::{QuotaConfig, QuotasConfig};
use gantry::sandbox::{Fault, landmarks};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::world::{REGION, World, ec2, launch_request};

fn limits(launches: Option<u32>, instances: Option<u32>, running: Option<u32>) -> QuotaConfig {
    QuotaConfig { launches_per_hour: launches, instances_per_hour: instances, running_instances: running }
}

async fn world(dir: &Path, clock: SimClock, quotas: &QuotasConfig) -> World {
    World::start_with(&dir.join("data"), clock, |config| config.quotas = quotas.clone()).await
}

fn clock() -> SimClock {
    SimClock::new(Timestamp::from_second(1_795_000_000).unwrap())
}

fn request(request_id: &str, count: u32) -> pb::LaunchInstancesRequest {
    let mut request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", request_id);
    let spec = request.spec.as_mut().unwrap();
    (spec.min_count, spec.max_count) = (1, i32::try_from(count).unwrap());
    request
}

async fn launch(world: &World, request: pb::LaunchInstancesRequest) -> Result<pb::Launch, Status> {
    world.launches().launch_instances(request).await.map(tonic::Response::into_inner)
}

async fn until(world: &World, launch_id: &str, state: pb::LaunchState) {
    let get = || async {
        let get = pb::GetLaunchRequest { launch_id: launch_id.to_owned() };
        world.launches().get_launch(get).await.unwrap().into_inner().state()
    };
    world.while_time_passes(async { while get().await != state {} }).await;
}

fn reason_of(status: &Status) -> (Code, String) {
    (status.code(), status.get_details_error_info().unwrap().reason)
}

fn over_quota() -> (Code, String) {
    (Code::ResourceExhausted, "LAUNCH_QUOTA_EXCEEDED".to_owned())
}

async fn stop(world: World) {
    let World { running, channel, .. } = world;
    drop(channel);
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_ask_at_once_exactly_as_many_are_launched_as_there_is_room_for_also_after_a_restart() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let quotas = QuotasConfig { each: limits(Some(7), None, None), ..QuotasConfig::default() };
    let before = world(dir.path(), clock.clone(), &quotas).await;
    // Each request is made by three callers.
    let calls: Vec<_> = (0..60)
        .map(|number| {
            let (mut client, request) = (before.launches(), request(&format!("r-{}", number / 3), 1));
            tokio::spawn(async move { client.launch_instances(request).await.map(tonic::Response::into_inner) })
        })
        .collect();
    let mut launched = BTreeSet::new();
    for call in calls {
        match call.await.unwrap() {
            Ok(launch) => drop(launched.insert(launch.launch_id)),
            Err(status) => {
                assert_eq!(reason_of(&status), over_quota());
                let quota = status.get_details_quota_failure().unwrap().violations;
                assert_eq!(quota[0].subject, "principal:local/launches_per_hour");
                let delay = status.get_details_retry_info().unwrap().retry_delay.unwrap();
                assert!(delay > Duration::from_secs(3_500) && delay <= Duration::from_secs(3_600), "{delay:?}");
            }
        }
    }
    assert_eq!((launched.len(), before.sandbox().instances(REGION)), (7, 7));
    stop(before).await;

    let after = world(dir.path(), clock.clone(), &quotas).await;
    let refused = launch(&after, request("r-new", 1)).await.unwrap_err();
    assert_eq!(reason_of(&refused), over_quota());
    let preview = pb::LaunchInstancesRequest { validate_only: true, ..request("", 1) };
    assert_eq!(reason_of(&launch(&after, preview).await.unwrap_err()), over_quota());
    clock.advance(Duration::from_secs(3_600));
    let launched = launch(&after, request("r-new", 1)).await.unwrap();
    assert_eq!(launched.state(), pb::LaunchState::Booting, "the refusal took no request id");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_launch_did_not_get_is_given_back_and_what_ends_makes_room() {
    let (dir, clock) = (tempfile::tempdir().unwrap(), clock());
    let quotas = QuotasConfig {
        total: limits(None, None, Some(4)),
        principals: [("local".parse().unwrap(), limits(None, Some(8), None))].into(),
        ..QuotasConfig::default()
    };
    let world = world(dir.path(), clock, &quotas).await;
    let never = launch(&world, request("r-0", 5)).await.unwrap_err();
    assert!(never.get_details_retry_info().is_none(), "there is never room for it");
    assert_eq!(never.get_details_quota_failure().unwrap().violations[0].subject, "total/running_instances");

    world.sandbox().faults().inject("RunInstances", 1, Fault::InsufficientInstanceCapacity { available: 0 });
    assert_eq!(launch(&world, request("r-1", 4)).await.unwrap().state(), pb::LaunchState::Failed);
    world.clock.advance(Duration::from_secs(200));
    world.sandbox().faults().inject("RunInstances", 1, Fault::InsufficientInstanceCapacity { available: 3 });
    let three = launch(&world, request("r-2", 4)).await.unwrap();
    assert_eq!(three.instances.len(), 3);
    world.clock.advance(Duration::from_secs(200));
    let one = launch(&world, request("r-3", 1)).await.unwrap();
    assert_eq!(reason_of(&launch(&world, request("r-4", 1)).await.unwrap_err()), over_quota());

    until(&world, &three.launch_id, pb::LaunchState::Ready).await;
    until(&world, &one.launch_id, pb::LaunchState::Ready).await;
    let end = pb::TerminateLaunchRequest {
        launch_id: one.launch_id.clone(),
        reason: String::new(),
        request_id: "t-1".to_owned(),
        ..Default::default()
    };
    let mut client = world.launches();
    world.while_time_passes(tokio::spawn(async move { client.terminate_launch(end).await })).await.unwrap().unwrap();
    until(&world, &one.launch_id, pb::LaunchState::Terminated).await;
    launch(&world, request("r-4", 1)).await.unwrap();
    assert_eq!(reason_of(&launch(&world, request("r-5", 1)).await.unwrap_err()), over_quota());

    // Somebody else ends one that nobody watches any more: the sweep sees it.
    let gone = &three.instances[0].instance_id;
    ec2(&world, &format!("Action=TerminateInstances&Version=2016-11-15&InstanceId.1={gone}"));
    while launch(&world, request("r-5", 1)).await.is_err() {
        world.clock.advance(Duration::from_secs(1));
    }
    let get = pb::GetLaunchRequest { launch_id: three.launch_id };
    let seen = world.launches().get_launch(get).await.unwrap().into_inner();
    assert_eq!((seen.state(), seen.instances[0].phase()), (pb::LaunchState::Partial, pb::BootPhase::Terminated));
}
