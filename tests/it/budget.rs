//! Launches inside the request budget: EC2's bucket of RunInstances holds five, and two more a second.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use gantry::api::pb;
use gantry::clock::{Clock, SimClock, Timestamp};
use gantry::config::BudgetConfig;
use gantry::sandbox::landmarks;

use crate::world::{REGION, World, launch_request};

/// A world whose EC2 throttles, and a server that takes half of what it allows.
async fn throttled(dir: &std::path::Path) -> World {
    let plan = dir.join("plan.toml");
    std::fs::write(&plan, "[throttle]\n").unwrap();
    let clock = SimClock::new(Timestamp::from_second(1_795_000_000).unwrap());
    World::start_with(&dir.join("data"), clock, |config| {
        config.budget = BudgetConfig::default();
        config.sandbox.as_mut().unwrap().faults = Some(plan);
    })
    .await
}

/// A launch like any other.
fn request(number: usize, wait_seconds: i64) -> pb::LaunchInstancesRequest {
    let request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", &format!("r-{number}"));
    pb::LaunchInstancesRequest {
        wait_timeout: Some(prost_types::Duration { seconds: wait_seconds, nanos: 0 }),
        ..request
    }
}

/// A launch that is like no other: it goes alone.
fn unlike(number: usize, wait_seconds: i64) -> pb::LaunchInstancesRequest {
    let mut request = request(number, wait_seconds);
    request.spec.as_mut().unwrap().tags.insert("number".to_owned(), number.to_string());
    request
}

async fn get(world: &World, launch_id: &str) -> pb::Launch {
    let get = pb::GetLaunchRequest { launch_id: launch_id.to_owned() };
    world.launches().get_launch(get).await.unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_launches_waits_in_turn_and_ec2_refuses_none() {
    let dir = tempfile::tempdir().unwrap();
    let world = throttled(dir.path()).await;
    let begun = world.clock.now();
    let launch = async |number| world.launches().launch_instances(unlike(number, 60)).await.unwrap().into_inner();
    let all = async { join_all((0..12).map(launch)).await };
    let launches = world.while_time_passes(all).await;
    for launch in &launches {
        assert_eq!((launch.attempts.len(), launch.instances.len()), (1, 1), "{:?}", launch.state_reason);
    }
    assert_eq!(world.sandbox().calls("RunInstances"), 12);
    assert_eq!(world.sandbox().refusals("RunInstances", "RequestLimitExceeded"), 0);
    let took = Duration::try_from(world.clock.now().duration_since(begun)).unwrap();
    assert!(took >= Duration::from_secs(9), "two at once, then one a second: {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_waits_for_no_turn_and_the_next_start_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let world = throttled(dir.path()).await;
    // No time passes, so the third does not get its turn.
    let mut ids = Vec::new();
    for number in 0..3 {
        let launch = world.launches().launch_instances(unlike(number, 0)).await.unwrap().into_inner();
        ids.push(launch.launch_id);
    }
    let world = world.restart().await;
    let settled = async {
        for launch_id in &ids {
            let watch = pb::WatchLaunchRequest { launch_id: launch_id.clone(), after_sequence: 0 };
            let mut events = world.launches().watch_launch(watch).await.unwrap().into_inner();
            while events.message().await.unwrap().is_some() {}
        }
    };
    world.while_time_passes(settled).await;
    for launch_id in ids {
        let launch = world.launches().get_launch(pb::GetLaunchRequest { launch_id }).await.unwrap().into_inner();
        assert_eq!((launch.state(), launch.attempts.len()), (pb::LaunchState::Ready, 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn launches_that_are_alike_and_wait_together_are_asked_for_in_one_call() {
    const LAUNCHES: usize = 60;
    let dir = tempfile::tempdir().unwrap();
    let world = throttled(dir.path()).await;
    let calls = (0..LAUNCHES).map(|number| {
        let (mut client, request) = (world.launches(), request(number, 0));
        tokio::spawn(async move { client.launch_instances(request).await.unwrap().into_inner() })
    });
    let calls: Vec<_> = calls.collect();
    let answers = world.while_time_passes(join_all(calls)).await;
    let ids: Vec<String> = answers.into_iter().map(|answer| answer.unwrap().launch_id).collect();
    world
        .while_time_passes(async {
            for id in &ids {
                while get(&world, id).await.state() != pb::LaunchState::Ready {}
            }
        })
        .await;
    let mut instances = BTreeSet::new();
    let mut together = 0;
    for id in &ids {
        let launch = get(&world, id).await;
        assert_eq!(launch.instances.len(), 1, "{launch:?}");
        instances.insert(launch.instances[0].instance_id.clone());
        together += usize::from(launch.attempts.last().unwrap().launches > 1);
    }
    assert_eq!((instances.len(), world.sandbox().instances(REGION)), (LAUNCHES, LAUNCHES), "one instance each");
    // Half of EC2's rate is one request a second.
    assert!(together > LAUNCHES / 2, "{together} of {LAUNCHES} went together");
    assert!(world.sandbox().calls("RunInstances") < LAUNCHES as u64 / 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_of_a_storm_waits_a_moment_for_the_next_where_requests_are_few() {
    let dir = tempfile::tempdir().unwrap();
    let world = throttled(dir.path()).await;
    let mut ids = Vec::new();
    // No time passes between them.
    for number in 0..2 {
        let launch = world.launches().launch_instances(request(number, 0)).await.unwrap().into_inner();
        ids.push(launch.launch_id);
    }
    let both = async {
        for id in &ids {
            while get(&world, id).await.instances.is_empty() {}
        }
    };
    // So slowly that a moment is longer than it takes them to come.
    world.while_time_passes_by(Duration::from_micros(200), both).await;
    assert_eq!(get(&world, &ids[0]).await.attempts[0].launches, 2);
    assert_eq!(world.sandbox().calls("RunInstances"), 1);
}
