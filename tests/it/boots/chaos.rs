//! Two hundred boots while EC2 misbehaves, and boots while the server comes and goes.

use std::collections::BTreeMap;

use gantry::api::pb;
use gantry::sandbox::{Plan, landmarks};

use super::{MINUTE, SMALL_STEP, assert_well_told, phases, request};
use crate::world::World;

use pb::BootPhase::{Checking, Failed, Impaired, Pending, Ready, Requested, Running, Terminated, TimedOut};

/// What each launch of the storm is to end in.
const FATES: [(&str, &str, pb::LaunchState, pb::BootPhase); 4] = [
    (landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", pb::LaunchState::Ready, Ready),
    (landmarks::UBUNTU_24_04_X86_64, "m7i.xlarge", pb::LaunchState::Ready, Ready),
    (landmarks::BROKEN_VOLUME, "m7i.large", pb::LaunchState::Failed, Failed),
    (landmarks::NEVER_READY, "m7i.large", pb::LaunchState::Failed, TimedOut),
];

const CHAOS: &str = r#"
seed = 11
[[fault]]
kind = "error"
code = "InternalError"
actions = ["DescribeInstances", "DescribeInstanceStatus", "GetConsoleOutput"]
probability = 0.10
[[fault]]
kind = "error"
code = "RequestLimitExceeded"
actions = ["DescribeInstances", "DescribeInstanceStatus"]
probability = 0.10
[[fault]]
kind = "error"
code = "InvalidInstanceID.NotFound"
actions = ["DescribeInstanceStatus"]
probability = 0.10
[[fault]]
kind = "html"
actions = ["DescribeInstances"]
probability = 0.05
[[fault]]
kind = "connection-reset"
after_bytes = 900
actions = ["DescribeInstances", "DescribeInstanceStatus"]
probability = 0.05
[[fault]]
kind = "stale-read"
by = "20s"
actions = ["DescribeInstances", "DescribeInstanceStatus"]
probability = 0.20
[[fault]]
kind = "short-page"
items = 7
actions = ["DescribeInstances"]
probability = 0.30
[[fault]]
kind = "reversed-page"
actions = ["DescribeInstances", "DescribeInstanceStatus"]
probability = 0.50
[[fault]]
kind = "invisible"
least = "0s"
most = "40s"
probability = 0.50
"#;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_boots_end_as_they_must_while_ec2_misbehaves() {
    let world = World::start().await;
    world.sandbox().plan_faults(Plan::parse(CHAOS).unwrap());
    let mut wanted = BTreeMap::new();
    let mut streams = Vec::new();
    for number in 0..200 {
        let (image, instance_type, state, phase) = FATES[number % FATES.len()];
        // Long enough for what gets ready, however late the SDK's repeats make the looks.
        let ready_timeout = if phase == TimedOut { 5 * MINUTE } else { 24 * 60 * MINUTE };
        let request = request(image, instance_type, &format!("r-{number}"), ready_timeout);
        let launch = world.launches().launch_instances(request).await.unwrap().into_inner();
        let watch = pb::WatchLaunchRequest { launch_id: launch.launch_id.clone(), after_sequence: 0 };
        streams.push((launch.launch_id.clone(), world.launches().watch_launch(watch).await.unwrap().into_inner()));
        wanted.insert(launch.launch_id, (state, phase));
    }
    let ends = futures::future::join_all(streams.into_iter().map(|(launch_id, mut stream)| async move {
        let mut events = Vec::new();
        while let Some(event) = stream.message().await.unwrap() {
            events.push(event);
        }
        (launch_id, events)
    }));
    for (launch_id, events) in world.while_time_passes_by(SMALL_STEP, ends).await {
        let (state, phase) = wanted[&launch_id];
        assert_well_told(&events, &launch_id);
        assert_eq!(events.last().unwrap().launch_state(), state, "{launch_id}: {:?}", phases(&events));
        assert_eq!(phases(&events).last(), Some(&phase), "{launch_id}");
        // However stale an answer was, no phase was taken back.
        let order = [Requested, Pending, Running, Checking, Impaired, Ready, Failed, TimedOut, Terminated];
        let places: Vec<usize> = phases(&events)
            .iter()
            .filter(|phase| !matches!(phase, Checking | Impaired))
            .map(|phase| order.iter().position(|known| known == phase).unwrap())
            .collect();
        assert!(places.windows(2).all(|pair| pair[0] < pair[1]), "{launch_id}: {:?}", phases(&events));
    }
    let idle: Vec<_> = world.sandbox().faults().counts().into_iter().filter(|count| count.struck == 0).collect();
    assert!(idle.is_empty(), "some of it never went wrong: {idle:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_go_on_over_a_restart_without_a_gap_or_a_repeat() {
    let mut world = World::start().await;
    let mut seen: BTreeMap<String, Vec<pb::BootEvent>> = BTreeMap::new();
    for number in 0..10 {
        let request = request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", &format!("r-{number}"), 600);
        let launch = world.launches().launch_instances(request).await.unwrap().into_inner();
        seen.insert(launch.launch_id, Vec::new());
    }
    let mut restarts = 0;
    while seen.values().any(|events| events.last().is_none_or(|event| !event.instance_id.is_empty() || !event.terminal))
    {
        for (launch_id, events) in &mut seen {
            let after_sequence = events.last().map_or(0, |event| event.sequence);
            let request = pb::WatchLaunchRequest { launch_id: launch_id.clone(), after_sequence };
            let mut stream = world.launches().watch_launch(request).await.unwrap().into_inner();
            // Two events of each, and the server is gone.
            let next = world.while_time_passes(async {
                let mut next = Vec::new();
                while next.len() < 2 {
                    match stream.message().await.unwrap() {
                        Some(event) if event.sequence == 0 => {}
                        Some(event) => next.push(event),
                        None => break,
                    }
                }
                next
            });
            events.extend(next.await);
        }
        world = world.restart().await;
        restarts += 1;
    }
    assert!(restarts > 2);
    for (launch_id, events) in &seen {
        assert_well_told(events, launch_id);
    }
}
