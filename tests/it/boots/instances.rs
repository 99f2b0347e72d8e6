//! Watching instances that Gantry did not launch, and how EC2 and guests end instances.

use std::collections::BTreeSet;
use std::time::Duration;

use gantry::api::pb;
use gantry::clock::Clock;
use gantry::sandbox::{Plan, landmarks};

use super::{MINUTE, assert_phases, assert_well_told, boot, phases, request};
use crate::world::{REGION, World, ec2, texts, transitions};

use pb::BootPhase::{Checking, Failed, Pending, Ready, Requested, Running, Stopped, Terminated};

/// Has EC2 run so many instances, which nobody tells Gantry of.
pub(super) fn run_foreign(world: &World, count: usize, more: &str) -> Vec<String> {
    let form = format!(
        "Action=RunInstances&Version=2016-11-15&ImageId={}&InstanceType=m7i.large&MinCount={count}&MaxCount={count}{more}",
        landmarks::AMAZON_LINUX_2023_X86_64
    );
    texts(&ec2(world, &form), "instanceId").into_iter().map(str::to_owned).collect()
}

pub(super) fn watch_request(instance_ids: &[String], after_cursor: &str) -> pb::WatchInstancesRequest {
    pb::WatchInstancesRequest {
        region: REGION.to_owned(),
        instance_ids: instance_ids.to_vec(),
        after_cursor: after_cursor.to_owned(),
        ..Default::default()
    }
}

fn of<'a>(events: &'a [pb::BootEvent], instance_id: &str) -> Vec<&'a pb::BootEvent> {
    events.iter().filter(|event| event.instance_id == *instance_id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_gantry_did_not_launch_is_watched_live_and_over_restarts() {
    let mut world = World::start().await;
    let ids = run_foreign(&world, 5, "");
    let (mut events, mut cursor, mut restarts) = (Vec::new(), String::new(), 0);
    loop {
        let stream = world.launches().watch_instances(watch_request(&ids, &cursor)).await.unwrap();
        let mut stream = stream.into_inner();
        // Some events, and the server is gone.
        let next = world.while_time_passes(async {
            let mut next: Vec<pb::BootEvent> = Vec::new();
            while next.len() < 7 {
                match stream.message().await.unwrap() {
                    Some(event) if event.cursor.is_empty() => {}
                    Some(event) => next.push(event),
                    None => return (next, true),
                }
            }
            (next, false)
        });
        let (next, is_end) = next.await;
        events.extend(next);
        if is_end {
            break;
        }
        cursor = events.last().unwrap().cursor.clone();
        world = world.restart().await;
        restarts += 1;
    }
    assert!(restarts >= 2, "{restarts}");
    let told: BTreeSet<&str> = events.iter().map(|event| event.cursor.as_str()).collect();
    assert_eq!(told.len(), events.len(), "each once");
    assert!(events.is_sorted_by_key(|event| event.observed_time.map(|time| (time.seconds, time.nanos))), "in order");
    for id in &ids {
        let of_instance = of(&events, id);
        assert_eq!(of_instance.iter().filter(|event| event.terminal).count(), 1, "{id}: {of_instance:?}");
        let last = of_instance.last().unwrap();
        assert!(last.terminal && last.phase() == Ready && last.launch_id.is_empty(), "{last:?}");
    }
    // What was told in pieces is what is on record.
    let stream = world.launches().watch_instances(watch_request(&ids, &events[0].cursor)).await.unwrap().into_inner();
    let again = world.read_to_end(stream).await;
    let without_outlook =
        |event: &pb::BootEvent| pb::BootEvent { progress: None, expected_remaining: None, ..event.clone() };
    let expected: Vec<_> = events[1..].iter().map(without_outlook).collect();
    assert_eq!(transitions(&again).into_iter().map(without_outlook).collect::<Vec<_>>(), expected);
}

/// What EC2's own API does to an instance.
fn act(world: &World, action: &str, instance_id: &str) {
    ec2(world, &format!("Action={action}&Version=2016-11-15&InstanceId.1={instance_id}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn taken_up_anywhere_a_watch_is_what_it_would_have_been() {
    let world = World::start().await;
    let old = run_foreign(&world, 3, "");
    let stream = world.launches().watch_instances(watch_request(&old, "")).await.unwrap().into_inner();
    let before = world.read_to_end(stream).await;
    assert_eq!(before.iter().filter(|event| event.terminal && event.phase() == Ready).count(), 3);

    // One that was ready boots again, one that was ready is on its way out, and one is new; the last stays ready.
    let (again, leaving, stays) = (&old[0], &old[1], &old[2]);
    act(&world, "StopInstances", again);
    world.while_time_passes(world.clock.sleep(Duration::from_secs(120))).await;
    act(&world, "StartInstances", again);
    act(&world, "TerminateInstances", leaving);
    let new = run_foreign(&world, 1, "").remove(0);
    let ids = [again, leaving, stays, &new].map(Clone::clone);
    let stream = world.launches().watch_instances(watch_request(&ids, "")).await.unwrap().into_inner();
    let whole = world.read_to_end(stream).await;
    let whole: Vec<pb::BootEvent> = transitions(&whole).into_iter().cloned().collect();
    let told = |id: &str| -> Vec<(pb::BootPhase, bool)> {
        of(&whole, id).into_iter().map(|event| (event.phase(), event.terminal)).collect()
    };
    assert_eq!(told(leaving), [(Ready, false), (Terminated, true)], "ready is no end while it is being terminated");
    assert_eq!(told(stays), [(Ready, true)]);
    for id in [again, &new] {
        let told = told(id);
        assert!(told.len() > 1 && told.last() == Some(&(Ready, true)), "{told:?}");
        assert!(!told[..told.len() - 1].iter().any(|(_, terminal)| *terminal), "{told:?}");
    }

    let world = world.restart().await;
    for (nth, event) in whole.iter().enumerate() {
        let request = watch_request(&ids, &event.cursor);
        let stream = world.launches().watch_instances(request).await.unwrap().into_inner();
        let rest = world.read_to_end(stream).await;
        let rest: Vec<pb::BootEvent> = transitions(&rest).into_iter().cloned().collect();
        assert_eq!(rest, whole[nth + 1..], "after {nth} of {}", whole.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_of_overlapping_instances_each_see_theirs() {
    let world = World::start().await;
    let ids = run_foreign(&world, 12, "");
    let mut streams = Vec::new();
    for first in 0..4 {
        let watched = &ids[first * 2..first * 2 + 6];
        streams
            .push((watched, world.launches().watch_instances(watch_request(watched, "")).await.unwrap().into_inner()));
    }
    let reading = streams.into_iter().map(|(watched, mut stream)| async move {
        let mut events = Vec::new();
        while let Some(event) = stream.message().await.unwrap() {
            events.push(event);
        }
        (watched, events)
    });
    for (watched, events) in world.while_time_passes(futures::future::join_all(reading)).await {
        let seen: BTreeSet<&String> = transitions(&events).into_iter().map(|event| &event.instance_id).collect();
        assert_eq!(seen, watched.iter().collect());
        for id in watched {
            let of_instance = of(&events, id);
            assert_eq!(of_instance.iter().filter(|event| event.terminal).count(), 1, "{id}");
            assert_eq!(of_instance.last().unwrap().phase(), Ready, "{id}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spot_instance_that_ec2_takes_back_while_it_boots_says_so() {
    let world = World::start().await;
    let fault = "[[fault]]\nkind = 'spot-interruption'\nat = '25s'\n";
    world.sandbox().plan_faults(Plan::parse(fault).unwrap());
    let mut launch = request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1", 10 * MINUTE);
    launch.spec.as_mut().unwrap().market =
        Some(pb::Market { market: Some(pb::market::Market::Spot(pb::SpotMarket::default())) });
    let events = boot(&world, launch, |_| {}).await;
    assert_phases(&events, &[Requested, Pending, Running, Checking, Failed], "a Spot interruption");
    assert_well_told(&events, "a Spot interruption");
    let failed = events.iter().find(|event| event.phase() == Failed).unwrap();
    assert_eq!(failed.state_reason.as_ref().unwrap().code, "Server.SpotInstanceTermination");
    let failure = failed.failure.as_ref().unwrap();
    assert_eq!(failure.stage(), pb::BootStage::Ended, "{failure:?}");
    assert!(failure.cause.contains("Spot") && failure.remedy.contains("On-Demand"), "{failure:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_shuts_down_stops_or_ends_as_it_was_told_to() {
    for (behavior, end) in [("stop", Stopped), ("terminate", Failed)] {
        let world = World::start().await;
        world.sandbox().plan_faults(Plan::parse("[[fault]]\nkind = 'guest-shutdown'\nat = '25s'\n").unwrap());
        let ids = run_foreign(&world, 1, &format!("&InstanceInitiatedShutdownBehavior={behavior}"));
        let mut stream = world.launches().watch_instances(watch_request(&ids, "")).await.unwrap().into_inner();
        let events = world.while_time_passes(async {
            let mut events: Vec<pb::BootEvent> = Vec::new();
            while events.last().is_none_or(|event| ![end, Terminated].contains(&event.phase())) {
                events.push(stream.message().await.unwrap().expect("it goes on"));
            }
            events
        });
        let events = events.await;
        assert_eq!(phases(&events).last(), Some(&end), "{behavior}: {:?}", phases(&events));
        let last = events.last().unwrap();
        assert_eq!(last.state_reason.as_ref().unwrap().code, "Client.InstanceInitiatedShutdown", "{last:?}");
        assert_eq!(last.terminal, end != Stopped, "one that is stopped may be started again");
    }
}
