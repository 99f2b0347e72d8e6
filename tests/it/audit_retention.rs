//! Retention over the wire: what a caller hears of a launch whose records were removed.

use std::time::Duration;

use gantry::api::pb;
use gantry::clock::{Clock, SimClock, Timestamp};
use gantry::sandbox::landmarks;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::world::{REGION, World, ec2, launch_request, texts, transitions};

fn reason(status: &Status) -> String {
    status.get_details_error_info().unwrap().reason
}

async fn assert_known_and_gone(world: &World, request: &pb::LaunchInstancesRequest, launch_id: &str) {
    let again = world.launches().launch_instances(request.clone()).await.unwrap_err();
    assert_eq!((again.code(), reason(&again).as_str()), (Code::AlreadyExists, "ALREADY_DECIDED"));
    assert!(again.message().contains("nothing was launched now"), "{}", again.message());
    let metadata = again.get_details_error_info().unwrap().metadata;
    assert_eq!((metadata["launch_id"].as_str(), metadata["state"].as_str()), (launch_id, "LAUNCH_STATE_READY"));
    assert!(metadata["instance_ids"].starts_with("i-"));
    let mut other = request.clone();
    other.reason.push('!');
    let reused = world.launches().launch_instances(other).await.unwrap_err();
    assert_eq!(reason(&reused), "REQUEST_ID_REUSED");

    let id = launch_id.to_owned();
    let get = pb::GetLaunchRequest { launch_id: id.clone() };
    let terminate = pb::TerminateLaunchRequest {
        launch_id: id.clone(),
        reason: "done".to_owned(),
        request_id: "t-1".to_owned(),
        ..Default::default()
    };
    let watch = pb::WatchLaunchRequest { launch_id: id, ..Default::default() };
    for status in [
        world.launches().get_launch(get).await.unwrap_err(),
        world.launches().terminate_launch(terminate).await.unwrap_err(),
        world.launches().watch_launch(watch).await.unwrap_err(),
    ] {
        assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "LAUNCH_PRUNED"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_whose_records_were_removed_is_known_and_never_launched_again() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    let world = World::start_with(dir.path(), clock, |config| config.retention.days = Some(1)).await;
    let request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1");
    let launch = world.launches().launch_instances(request.clone()).await.unwrap().into_inner();
    let watch = pb::WatchLaunchRequest { launch_id: launch.launch_id.clone(), ..Default::default() };
    let events = world.launches().watch_launch(watch).await.unwrap().into_inner();
    world.read_to_end(events).await;

    world.clock.advance(Duration::from_hours(3 * 24));
    let prunings = || async {
        let request =
            pb::ListRecordsRequest { kind: pb::RecordKind::RecordsPruned.into(), page_size: 10, ..Default::default() };
        world.audit().list_records(request).await.unwrap().into_inner().records
    };
    let get = pb::GetLaunchRequest { launch_id: launch.launch_id.clone() };
    world.while_time_passes(async { while world.launches().get_launch(get.clone()).await.is_ok() {} }).await;
    assert_eq!(prunings().await.len(), 1);
    assert_known_and_gone(&world, &request, &launch.launch_id).await;
    assert_eq!(world.sandbox().calls("RunInstances"), 1);

    // Also by a server that keeps everything from now on.
    let world = world.restart().await;
    assert_known_and_gone(&world, &request, &launch.launch_id).await;
    assert_eq!(world.sandbox().calls("RunInstances"), 0);
}

/// Has EC2 run an instance that nobody tells Gantry of.
fn run_foreign(world: &World) -> String {
    let form = format!(
        "Action=RunInstances&Version=2016-11-15&ImageId={}&InstanceType=m7i.large&MinCount=1&MaxCount=1",
        landmarks::AMAZON_LINUX_2023_X86_64
    );
    texts(&ec2(world, &form), "instanceId").remove(0).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_from_before_what_is_kept_is_refused_where_something_may_be_missing() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    let world = World::start_with(dir.path(), clock, |config| config.retention.days = Some(1)).await;
    let foreign = run_foreign(&world);
    let watch = |cursor: &str| {
        let request = pb::WatchInstancesRequest {
            region: REGION.to_owned(),
            instance_ids: vec![foreign.clone()],
            after_cursor: cursor.to_owned(),
            ..Default::default()
        };
        let mut client = world.launches();
        async move { client.watch_instances(request).await.map(tonic::Response::into_inner) }
    };
    let events = world.read_to_end(watch("").await.unwrap()).await;
    let first = transitions(&events)[0].cursor.clone();
    assert!(1 < transitions(&world.read_to_end(watch(&first).await.unwrap()).await).len(), "there is more after it");

    world.clock.advance(Duration::from_hours(3 * 24));
    let refused = world.while_time_passes(async {
        loop {
            if let Err(status) = watch(&first).await {
                return status;
            }
        }
    });
    let refused = refused.await;
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::OutOfRange, "CURSOR_EXPIRED"));
    // From there on nothing is missing.
    let oldest = refused.get_details_error_info().unwrap().metadata["oldest"].clone();
    assert!(oldest.starts_with('r') && oldest != first, "{oldest}");
    let rest = world.read_to_end(watch(&oldest).await.unwrap()).await;
    assert!(rest.last().is_some_and(|event| event.terminal && event.phase() == pb::BootPhase::Ready), "{rest:?}");
    let now = transitions(&world.read_to_end(watch("").await.unwrap()).await).len();
    assert_eq!(now, 1, "what it is now");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_is_refused_where_what_its_watch_began_with_was_removed() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    let world = World::start_with(dir.path(), clock, |config| config.retention.days = Some(1)).await;
    let watch = |ids: &[&String], cursor: &str| {
        let request = pb::WatchInstancesRequest {
            region: REGION.to_owned(),
            instance_ids: ids.iter().map(|id| (*id).clone()).collect(),
            after_cursor: cursor.to_owned(),
            ..Default::default()
        };
        let mut client = world.launches();
        async move { client.watch_instances(request).await.map(tonic::Response::into_inner) }
    };
    let old = run_foreign(&world);
    world.read_to_end(watch(&[&old], "").await.unwrap()).await;
    // Its segment of the log is finished meanwhile.
    world.clock.advance(Duration::from_hours(20));
    world.while_time_passes(world.clock.sleep(Duration::from_hours(1))).await;
    let new = run_foreign(&world);
    let events = world.read_to_end(watch(&[&old, &new], "").await.unwrap()).await;
    let told = transitions(&events);
    assert!(told[0].instance_id == old && told[0].terminal, "{:?}", told[0]);
    let (first, last) = (told[0].cursor.clone(), told.last().unwrap().cursor.clone());
    assert!(told.len() > 2);
    let rest = world.read_to_end(watch(&[&old, &new], &first).await.unwrap()).await;
    assert_eq!(transitions(&rest).len(), told.len() - 1);

    world.clock.advance(Duration::from_hours(8));
    let pruned = || async {
        let request =
            pb::ListRecordsRequest { kind: pb::RecordKind::RecordsPruned.into(), page_size: 10, ..Default::default() };
        !world.audit().list_records(request).await.unwrap().into_inner().records.is_empty()
    };
    world.while_time_passes(async { while !pruned().await {} }).await;
    for cursor in [&first, &last] {
        let status = watch(&[&old, &new], cursor).await.unwrap_err();
        assert_eq!(reason(&status), "CURSOR_EXPIRED", "{cursor}");
        let oldest = status.get_details_error_info().unwrap().metadata["oldest"].clone();
        world.read_to_end(watch(&[&old, &new], &oldest).await.unwrap()).await;
    }
    // Of the new one nothing was removed.
    let rest = world.read_to_end(watch(&[&new], &first).await.unwrap()).await;
    assert_eq!(transitions(&rest).len(), told.len() - 1);
}
