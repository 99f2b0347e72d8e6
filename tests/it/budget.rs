//! Launches inside the request budget: EC2's bucket of RunInstances holds five, and two more a second.

use std::time::Duration;

use futures::future::join_all;
use gantry::api::pb;
use gantry::clock::{Clock, SimClock, Timestamp};
use gantry::config::BudgetConfig;
use gantry::sandbox::landmarks;

use crate::world::{World, launch_request};

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

fn request(number: usize, wait_seconds: i64) -> pb::LaunchInstancesRequest {
    let request = launch_request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", &format!("r-{number}"));
    pb::LaunchInstancesRequest {
        wait_timeout: Some(prost_types::Duration { seconds: wait_seconds, nanos: 0 }),
        ..request
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_of_launches_waits_in_turn_and_ec2_refuses_none() {
    let dir = tempfile::tempdir().unwrap();
    let world = throttled(dir.path()).await;
    let begun = world.clock.now();
    let launch = async |number| world.launches().launch_instances(request(number, 60)).await.unwrap().into_inner();
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
        let launch = world.launches().launch_instances(request(number, 0)).await.unwrap().into_inner();
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
