//! Watching instances whose records retention removes meanwhile.

use std::time::Duration;

use gantry::api::pb;
use gantry::clock::{SimClock, Timestamp};
use gantry::sandbox::landmarks;
use tonic::Streaming;

use super::instances::watch_request;
use super::{call, request};
use crate::world::World;

use pb::BootPhase::{Stopped, Terminated};

/// Reads until an event of the instance in that phase.
async fn next(stream: &mut Streaming<pb::BootEvent>, instance_id: &str, phase: pb::BootPhase) -> pb::BootEvent {
    loop {
        let event = stream.message().await.unwrap().expect("it goes on");
        if event.instance_id == instance_id && event.phase() == phase {
            return event;
        }
    }
}

/// Lets everything that was recorded so far be removed.
async fn remove_records(world: &World) {
    world.clock.advance(Duration::from_hours(3 * 24));
    world
        .while_time_passes(async {
            loop {
                let kind = pb::RecordKind::RecordsPruned.into();
                let prunings = pb::ListRecordsRequest { kind, page_size: 10, ..Default::default() };
                if !world.audit().list_records(prunings).await.unwrap().into_inner().records.is_empty() {
                    return;
                }
            }
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_becomes_of_an_instance_is_told_after_the_records_of_its_launch_were_removed() {
    let dir = tempfile::tempdir().unwrap();
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    let world = World::start_with(dir.path(), clock, |config| config.retention.days = Some(1)).await;
    let launch = request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1", 600);
    let launch = world.launches().launch_instances(launch).await.unwrap().into_inner();
    let id = launch.instances[0].instance_id.clone();
    let of_launch = pb::WatchLaunchRequest { launch_id: launch.launch_id.clone(), after_sequence: 0 };
    let booting = world.launches().watch_launch(of_launch).await.unwrap().into_inner();
    let ready = world.read_to_end(booting).await.pop().unwrap();
    assert_eq!(ready.launch_state(), pb::LaunchState::Ready);

    let of_instance = pb::BootEvent { instance_id: id.clone(), ..Default::default() };
    assert_eq!(call(&world, "StopInstances", &of_instance), 200);
    let watch = || watch_request(std::slice::from_ref(&id), "");
    let mut stream = world.launches().watch_instances(watch()).await.unwrap().into_inner();
    let stopped = world.while_time_passes(next(&mut stream, &id, Stopped)).await;
    assert!(!stopped.terminal && stopped.launch_id == launch.launch_id, "{stopped:?}");

    remove_records(&world).await;
    assert_eq!(call(&world, "TerminateInstances", &of_instance), 200);
    let terminated = world.while_time_passes(next(&mut stream, &id, Terminated)).await;
    assert!(terminated.terminal && terminated.launch_id.is_empty(), "{terminated:?}");
    assert!(world.while_time_passes(stream.message()).await.unwrap().is_none());
}
