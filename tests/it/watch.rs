//! Boot progress, as a watcher sees it.

use gantry::api::pb;
use gantry::sandbox::{Fault, landmarks};
use tonic::Code;
use tonic_types::StatusExt;

use crate::world::{REGION, World, launch_request, transitions};

async fn launched(world: &World, image_id: &str, instance_type: &str) -> pb::Launch {
    let request = launch_request(image_id, instance_type, "r-1");
    world.launches().launch_instances(request).await.unwrap().into_inner()
}

async fn watch(world: &World, launch_id: &str, after_sequence: u64) -> Vec<pb::BootEvent> {
    let request = pb::WatchLaunchRequest { launch_id: launch_id.to_owned(), after_sequence };
    let stream = world.launches().watch_launch(request).await.unwrap().into_inner();
    world.read_to_end(stream).await
}

fn phases(events: &[pb::BootEvent]) -> Vec<pb::BootPhase> {
    let mut phases: Vec<_> =
        events.iter().filter(|event| !event.instance_id.is_empty()).map(pb::BootEvent::phase).collect();
    phases.dedup();
    phases
}

#[tokio::test(flavor = "multi_thread")]
async fn a_boot_is_seen_in_order_and_can_be_resumed_anywhere() {
    let world = World::start().await;
    let launch = launched(&world, landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large").await;
    let events = watch(&world, &launch.launch_id, 0).await;
    use pb::BootPhase::{Checking, Pending, Ready, Requested, Running};
    assert_eq!(phases(&events), [Requested, Pending, Running, Checking, Ready]);
    let seen = transitions(&events);
    let sequences: Vec<u64> = seen.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=seen.len() as u64).collect::<Vec<_>>(), "1, 2, 3, without gaps");
    let terminal: Vec<_> = seen.iter().filter(|event| event.terminal).collect();
    assert_eq!(terminal.len(), 2, "one for the instance, one for the launch: {terminal:?}");
    assert_eq!(events.last().unwrap().launch_state(), pb::LaunchState::Ready);
    assert!(events.iter().any(|event| event.sequence == 0), "a boot of forty seconds has heartbeats");
    let progress: Vec<f64> = seen.iter().filter_map(|event| event.progress).collect();
    assert!(progress.windows(2).all(|pair| pair[0] <= pair[1]) && progress.last() == Some(&1.0), "{progress:?}");

    assert_eq!(world.sandbox().calls("CreateTags"), 1, "the launch's own tag follows");

    let world = world.restart().await;
    for after in 0..seen.len() as u64 {
        let rest = watch(&world, &launch.launch_id, after).await;
        let expected: Vec<_> = seen[after as usize..].iter().map(|event| (*event).clone()).collect();
        let replayed: Vec<_> = transitions(&rest).into_iter().cloned().collect();
        assert_eq!(replayed, expected, "after {after}");
    }
    assert!(watch(&world, &launch.launch_id, seen.len() as u64).await.is_empty(), "nothing follows the last");
    let request = pb::WatchLaunchRequest { launch_id: launch.launch_id, after_sequence: 999 };
    let status = world.launches().watch_launch(request).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
}

#[tokio::test(flavor = "multi_thread")]
async fn instance_store_boots_slowly_and_ebs_fast() {
    let world = World::start().await;
    let mut elapsed = Vec::new();
    for (image, instance_type, id) in [
        (landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1"),
        (landmarks::HVM_INSTANCE_STORE_X86_64, "m3.large", "r-2"),
    ] {
        let request = launch_request(image, instance_type, id);
        let launch = world.launches().launch_instances(request).await.unwrap().into_inner();
        let events = watch(&world, &launch.launch_id, 0).await;
        assert_eq!(events.last().unwrap().launch_state(), pb::LaunchState::Ready);
        elapsed.push(events.last().unwrap().elapsed.unwrap().seconds);
    }
    // About forty seconds against four minutes, as seen by a poller that a slow machine makes late.
    assert!(elapsed[0] < 120 && elapsed[1] > 200, "{elapsed:?} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_instance_that_ec2_does_not_show_yet_is_waiting() {
    let world = World::start().await;
    let invisible = Fault::InvisibleFor(std::time::Duration::from_secs(30));
    world.sandbox().faults().inject("RunInstances", 1, invisible);
    let launch = launched(&world, landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large").await;
    let events = watch(&world, &launch.launch_id, 0).await;
    assert_eq!(phases(&events).first(), Some(&pb::BootPhase::Requested));
    assert_eq!(events.last().unwrap().launch_state(), pb::LaunchState::Ready);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_carries_cause_and_remedy() {
    let world = World::start().await;
    let launch = launched(&world, landmarks::BROKEN_VOLUME, "m7i.large").await;
    let events = watch(&world, &launch.launch_id, 0).await;
    let failed = events.iter().find(|event| event.phase() == pb::BootPhase::Failed).expect("it fails");
    let failure = failed.failure.as_ref().unwrap();
    assert_eq!(failure.stage(), pb::BootStage::Volume, "the message is believed before the code");
    assert!(!failure.cause.is_empty() && !failure.remedy.is_empty());
    assert_eq!(failed.state_reason.as_ref().unwrap().code, "Server.InternalError");
    assert_eq!(events.last().unwrap().launch_state(), pb::LaunchState::Failed);
    assert!(events.last().unwrap().terminal);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_never_passes_its_checks_times_out() {
    let world = World::start().await;
    let mut request = launch_request(landmarks::NEVER_READY, "m7i.large", "r-1");
    request.spec.as_mut().unwrap().ready_timeout = Some(prost_types::Duration { seconds: 240, nanos: 0 });
    let launch = world.launches().launch_instances(request).await.unwrap().into_inner();
    let events = watch(&world, &launch.launch_id, 0).await;
    let seen = phases(&events);
    assert!(seen.contains(&pb::BootPhase::Impaired), "{seen:?}");
    assert_eq!(seen.last(), Some(&pb::BootPhase::TimedOut), "{seen:?}");
    assert_eq!(events.last().unwrap().launch_state(), pb::LaunchState::Failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_can_be_watched_by_id_and_resumed_by_cursor() {
    let world = World::start().await;
    let launch = launched(&world, landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large").await;
    let instance_id = launch.instances[0].instance_id.clone();
    let request = pb::WatchInstancesRequest {
        region: REGION.to_owned(),
        instance_ids: vec![instance_id.clone()],
        ..Default::default()
    };
    let stream = world.launches().watch_instances(request.clone()).await.unwrap().into_inner();
    let events = world.read_to_end(stream).await;
    let seen = transitions(&events);
    assert_eq!(seen.last().unwrap().phase(), pb::BootPhase::Ready);
    assert!(seen.last().unwrap().terminal);

    let resumed = pb::WatchInstancesRequest { after_cursor: seen[0].cursor.clone(), ..request.clone() };
    let stream = world.launches().watch_instances(resumed).await.unwrap().into_inner();
    let rest = world.read_to_end(stream).await;
    assert_eq!(transitions(&rest), seen[1..]);

    let unknown = pb::WatchInstancesRequest { instance_ids: vec!["i-0ffffffffffffffff".to_owned()], ..request };
    let status = world.launches().watch_instances(unknown).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(status.get_details_error_info().unwrap().reason, "INSTANCE_NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_without_a_cursor_begins_with_what_the_instance_is() {
    let world = World::start().await;
    let launch = launched(&world, landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large").await;
    let ready = watch(&world, &launch.launch_id, 0).await;
    assert_eq!(ready.last().unwrap().launch_state(), pb::LaunchState::Ready);
    let request = pb::WatchInstancesRequest {
        region: REGION.to_owned(),
        instance_ids: vec![launch.instances[0].instance_id.clone()],
        ..Default::default()
    };
    let stream = world.launches().watch_instances(request.clone()).await.unwrap().into_inner();
    let now = world.read_to_end(stream).await;
    assert_eq!(phases(&now), [pb::BootPhase::Ready], "its history is not told again");

    let terminate = pb::TerminateLaunchRequest {
        launch_id: launch.launch_id.clone(),
        reason: "no longer needed".to_owned(),
        request_id: "t-1".to_owned(),
        ..Default::default()
    };
    let terminating = world.launches().terminate_launch(terminate).await.unwrap().into_inner();
    let events = watch(&world, &launch.launch_id, terminating.last_sequence).await;
    assert_eq!(events.last().unwrap().launch_state(), pb::LaunchState::Terminated);

    let stream = world.launches().watch_instances(request.clone()).await.unwrap().into_inner();
    let gone = world.read_to_end(stream).await;
    assert_eq!(gone.len(), 1, "{gone:?}");
    assert_eq!(gone[0].phase(), pb::BootPhase::Terminated);
    assert!(gone[0].terminal);

    let resumed = pb::WatchInstancesRequest { after_cursor: now[0].cursor.clone(), ..request.clone() };
    let stream = world.launches().watch_instances(resumed).await.unwrap().into_inner();
    let after_ready = world.read_to_end(stream).await;
    let told: Vec<_> = after_ready.iter().map(|event| (event.phase(), event.observed_time, event.terminal)).collect();
    // The same record; its terminal event was READY, before the cursor.
    assert_eq!(told, [(pb::BootPhase::Terminated, gone[0].observed_time, false)]);

    let ahead = pb::WatchInstancesRequest { after_cursor: "r999999.0".to_owned(), ..request };
    let status = world.launches().watch_instances(ahead).await.unwrap_err();
    assert_eq!(status.code(), Code::OutOfRange);
    assert_eq!(status.get_details_error_info().unwrap().reason, "CURSOR_AHEAD");
}
