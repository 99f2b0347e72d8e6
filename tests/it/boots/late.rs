//! When it is told that an instance is not ready in time: then, whatever EC2 does.

use std::time::Duration;

use gantry::api::pb;
use gantry::clock::Clock;
use gantry::sandbox::{Plan, landmarks};

use super::{SMALL_STEP, assert_well_told, phases, request};
use crate::world::World;

use pb::BootPhase::{Impaired, Pending, Requested, TimedOut};

/// EC2 accepts connections and says nothing, for longer than any test takes.
const SILENCE: &str = "[[fault]]\nkind = 'slow'\ndelay = '24h'\n";

/// How late it may be told: the time to the next look, and some for a machine that is busy with other tests.
const LATE_MAX: Duration = Duration::from_millis(1_500 + 2_000);

/// The time of the first event of a phase, by the server's own clock.
fn time(events: &[pb::BootEvent], phase: pb::BootPhase) -> Duration {
    let event = events.iter().find(|event| event.phase() == phase && !event.instance_id.is_empty());
    let time = event
        .and_then(|event| event.observed_time.as_ref())
        .unwrap_or_else(|| panic!("{phase:?}: {:?}", phases(events)));
    Duration::new(time.seconds.try_into().unwrap(), time.nanos.try_into().unwrap())
}

fn assert_in_time(events: &[pb::BootEvent], ready_timeout: u64, name: &str) {
    let took = time(events, TimedOut) - time(events, Requested);
    let ready_timeout = Duration::from_secs(ready_timeout);
    assert!((ready_timeout..ready_timeout + LATE_MAX).contains(&took), "{name}: told after {took:?}");
    assert_well_told(events, name);
}

/// A launch that is watched, and until when time flies before it is looked at closely.
async fn watched(
    world: &World,
    image: &str,
    ready_timeout: u64,
    fast: u64,
    from: Option<pb::BootPhase>,
) -> Vec<pb::BootEvent> {
    let launch = request(image, "m7i.large", "r-1", ready_timeout.try_into().unwrap());
    let launch = world.launches().launch_instances(launch).await.unwrap().into_inner();
    let watch = pb::WatchLaunchRequest { launch_id: launch.launch_id, after_sequence: 0 };
    let mut stream = world.launches().watch_launch(watch).await.unwrap().into_inner();
    world.while_time_passes(world.clock.sleep(Duration::from_secs(fast))).await;
    let reading = async {
        let mut events: Vec<pb::BootEvent> = Vec::new();
        while let Some(event) = stream.message().await.unwrap() {
            if from.is_some_and(|phase| event.phase() == phase) {
                world.sandbox().plan_faults(Plan::parse(SILENCE).unwrap());
            }
            events.push(event);
        }
        events
    };
    world.while_time_passes_by(SMALL_STEP, reading).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ready_in_time_is_told_then_while_ec2_says_nothing() {
    for from in [Requested, Pending] {
        let world = World::start().await;
        let events = watched(&world, landmarks::AMAZON_LINUX_2023_X86_64, 20, 0, Some(from)).await;
        assert_in_time(&events, 20, &format!("EC2 is silent from {from:?} on"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stood_still_for_long_and_is_looked_at_rarely_is_told_in_time_too() {
    // Looks are 15 s apart by then: two of these lie far from any.
    for ready_timeout in [960, 965, 970] {
        let world = World::start().await;
        let events = watched(&world, landmarks::NEVER_READY, ready_timeout, ready_timeout - 5, None).await;
        let still = time(&events, TimedOut) - time(&events, Impaired);
        assert!(still > Duration::from_secs(10 * 60), "it is looked at often: {:?}", phases(&events));
        assert_in_time(&events, ready_timeout, "looked at every 15 s");
        let late = events.iter().find(|event| event.phase() == TimedOut).unwrap();
        assert!(!late.failure.as_ref().unwrap().console_sha256.is_empty(), "with its console: {late:?}");
    }
}
