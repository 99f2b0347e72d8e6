//! Every way a boot can go, and what the watchers of many boots see while EC2 misbehaves.

mod chaos;
mod consoles;
mod instances;
mod late;
mod readers;
mod removed;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use gantry::api::pb;
use gantry::clock::Clock;
use gantry::sandbox::{Fault, Plan, landmarks};

use crate::world::{REGION, World, launch_request, transitions};

use pb::BootPhase::{Checking, Failed, Impaired, Pending, Ready, Requested, Running, Stopped, TimedOut};

const MINUTE: i64 = 60;

/// How far time moves at once while EC2 refuses calls.
const SMALL_STEP: Duration = Duration::from_millis(20);

/// Launches one instance and watches it to its end; `act` is called with each event, once.
async fn boot(
    world: &World,
    request: pb::LaunchInstancesRequest,
    act: impl FnMut(&pb::BootEvent),
) -> Vec<pb::BootEvent> {
    boot_by(world, Duration::from_millis(500), request, act).await
}

async fn boot_by(
    world: &World,
    step: Duration,
    request: pb::LaunchInstancesRequest,
    mut act: impl FnMut(&pb::BootEvent),
) -> Vec<pb::BootEvent> {
    let launch = world.launches().launch_instances(request).await.unwrap().into_inner();
    let request = pb::WatchLaunchRequest { launch_id: launch.launch_id, after_sequence: 0 };
    let mut stream = world.launches().watch_launch(request).await.unwrap().into_inner();
    world
        .while_time_passes_by(step, async {
            let mut events = Vec::new();
            while let Some(event) = stream.message().await.unwrap() {
                act(&event);
                events.push(event);
            }
            events
        })
        .await
}

fn request(image: &str, instance_type: &str, id: &str, ready_timeout: i64) -> pb::LaunchInstancesRequest {
    let mut request = launch_request(image, instance_type, id);
    let spec = request.spec.as_mut().unwrap();
    spec.ready_timeout = Some(prost_types::Duration { seconds: ready_timeout, nanos: 0 });
    request
}

/// The phases, each once where it is told again with other checks.
fn phases(events: &[pb::BootEvent]) -> Vec<pb::BootPhase> {
    let mut phases: Vec<_> =
        events.iter().filter(|event| !event.instance_id.is_empty()).map(pb::BootEvent::phase).collect();
    phases.dedup();
    phases
}

/// That the phases are `expected`. A poller on a machine that is busy with other tests may come too late for one that
/// lasts seconds of simulated time.
fn assert_phases(events: &[pb::BootEvent], expected: &[pb::BootPhase], name: &str) {
    let seen = phases(events);
    let mut rest = seen.iter().peekable();
    for phase in expected {
        let is_missed = matches!(phase, Pending | Checking);
        assert!(rest.next_if_eq(&phase).is_some() || is_missed, "{name}: {seen:?}, expected {expected:?}");
    }
    assert!(rest.next().is_none(), "{name}: {seen:?}, expected {expected:?}");
}

/// One sequence without gaps, one terminal event of each instance, and one of the launch, which is the last.
fn assert_well_told(events: &[pb::BootEvent], name: &str) {
    let told = transitions(events);
    let sequences: Vec<u64> = told.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=told.len() as u64).collect::<Vec<_>>(), "{name}: sequences");
    let mut ends: BTreeMap<&str, u32> = BTreeMap::new();
    for event in &told {
        *ends.entry(&event.instance_id).or_default() += u32::from(event.terminal);
    }
    assert!(ends.values().all(|ends| *ends == 1), "{name}: terminal events {ends:?}");
    let last = told.last().unwrap();
    assert!(last.terminal && last.instance_id.is_empty(), "{name}: {last:?}");
}

/// What EC2's own API does to the instance of an event.
fn call(world: &World, action: &str, event: &pb::BootEvent) -> u16 {
    let form = format!("Action={action}&Version=2016-11-15&InstanceId.1={}", event.instance_id);
    world.sandbox().call(&REGION.parse().unwrap(), &form).0
}

#[tokio::test(flavor = "multi_thread")]
async fn every_way_a_boot_can_go_ends_in_its_own_phases() {
    let ways: [(&str, &str, &str, i64, &[pb::BootPhase]); 9] = [
        ("a boot", "", landmarks::AMAZON_LINUX_2023_X86_64, 600, &[Requested, Pending, Running, Checking, Ready]),
        (
            "a volume that cannot be made",
            "kind = 'immediate-termination'\ncause = 'volume-limit'",
            landmarks::AMAZON_LINUX_2023_X86_64,
            600,
            &[Requested, Pending, Failed],
        ),
        (
            "a check that never passes",
            "kind = 'checks-fail'",
            landmarks::AMAZON_LINUX_2023_X86_64,
            4 * MINUTE,
            &[Requested, Pending, Running, Checking, Impaired, TimedOut],
        ),
        (
            "a host that fails and recovers before the instance is ready",
            "kind = 'impaired-later'\ncheck = 'system'\nat = '20s'\nlasting = '120s'",
            landmarks::AMAZON_LINUX_2023_X86_64,
            600,
            &[Requested, Pending, Running, Checking, Impaired, Ready],
        ),
        (
            "a volume that does not answer at first",
            "kind = 'impaired-later'\ncheck = 'attached-ebs'\nat = '1s'\nlasting = '180s'",
            landmarks::AMAZON_LINUX_2023_X86_64,
            600,
            &[Requested, Pending, Running, Checking, Impaired, Ready],
        ),
        (
            "an operating system that shuts itself down",
            "kind = 'guest-shutdown'\nat = '25s'",
            landmarks::AMAZON_LINUX_2023_X86_64,
            3 * MINUTE,
            &[Requested, Pending, Running, Checking, Stopped, TimedOut],
        ),
        (
            "a boot that takes too long",
            "kind = 'slow-boot'\nfactor = 40.0",
            landmarks::AMAZON_LINUX_2023_X86_64,
            2 * MINUTE,
            &[Requested, Pending, TimedOut],
        ),
        (
            "an instance that EC2 does not show for a minute",
            "kind = 'invisible'\nleast = '60s'\nmost = '60s'",
            landmarks::AMAZON_LINUX_2023_X86_64,
            600,
            &[Requested, Running, Ready],
        ),
        (
            "an image that is fetched from S3",
            "",
            landmarks::HVM_INSTANCE_STORE_X86_64,
            1200,
            &[Requested, Pending, Running, Checking, Ready],
        ),
    ];
    for (name, fault, image, ready_timeout, expected) in ways {
        let world = World::start().await;
        if !fault.is_empty() {
            world.sandbox().plan_faults(Plan::parse(&format!("[[fault]]\n{fault}\n")).unwrap());
        }
        let instance_type = if image == landmarks::HVM_INSTANCE_STORE_X86_64 { "m3.large" } else { "m7i.large" };
        let events = boot(&world, request(image, instance_type, "r-1", ready_timeout), |_| {}).await;
        assert_phases(&events, expected, name);
        assert_well_told(&events, name);
        let failed = events.iter().filter(|event| matches!(event.phase(), Failed | Impaired | TimedOut));
        for event in failed {
            let failure = event.failure.as_ref().unwrap_or_else(|| panic!("{name}: {event:?}"));
            assert!(!failure.cause.is_empty() && !failure.remedy.is_empty(), "{name}: {failure:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_a_start_and_a_reboot_are_seen_as_what_they_are() {
    let world = World::start().await;
    let (running, stopped) = (std::sync::OnceLock::new(), std::sync::OnceLock::new());
    let launch = request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1", 1200);
    let events = boot(&world, launch, |event| {
        if event.phase() == Running && running.set(()).is_ok() {
            assert_eq!(call(&world, "StopInstances", event), 200);
        } else if event.phase() == Stopped {
            stopped.get_or_init(|| event.clone());
        }
    });
    let start = async {
        // EC2 starts what is stopped, and not what is still stopping.
        loop {
            world.clock.sleep(Duration::from_secs(1)).await;
            if let Some(event) = stopped.get() {
                call(&world, "StartInstances", event);
            }
        }
    };
    let events = tokio::select! {
        events = events => events,
        () = start => unreachable!("it goes on for ever"),
    };
    let expected = [Requested, Pending, Running, Checking, Stopped, Pending, Running, Checking, Ready];
    assert_phases(&events, &expected, "stopped and started");
    assert_well_told(&events, "stopped and started");

    let mut rebooted = false;
    let launch = request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-2", 1200);
    let events = boot(&world, launch, |event| {
        if event.system_status == "ok" && !rebooted {
            rebooted = true;
            assert_eq!(call(&world, "RebootInstances", event), 200);
        }
    })
    .await;
    // Its checks fail until it is up again, and Gantry has seen that.
    assert!(rebooted && phases(&events).ends_with(&[Impaired, Ready]), "{:?}", phases(&events));
    assert_well_told(&events, "rebooted");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ec2_has_scheduled_stands_in_the_events_and_in_the_record() {
    let world = World::start().await;
    let fault = "[[fault]]\nkind = 'scheduled-event'\ncode = 'instance-retirement'\nnot_before = '240h'\n";
    world.sandbox().plan_faults(Plan::parse(fault).unwrap());
    let launch = request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1", 600);
    let events = boot(&world, launch, |_| {}).await;
    let told: BTreeSet<&str> =
        events.iter().flat_map(|event| &event.scheduled_events).map(|event| event.code.as_str()).collect();
    assert_eq!(told.into_iter().collect::<Vec<_>>(), ["instance-retirement"]);
    let ready = events.iter().find(|event| event.phase() == Ready).unwrap();
    assert!(ready.scheduled_events[0].not_before.is_some(), "{ready:?}");
    let resumed = pb::WatchLaunchRequest { launch_id: events[0].launch_id.clone(), after_sequence: 0 };
    let stream = world.launches().watch_launch(resumed).await.unwrap().into_inner();
    assert_eq!(transitions(&world.read_to_end(stream).await), transitions(&events), "from the record alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_say_how_old_what_is_known_is() {
    let world = World::start().await;
    let launch = request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1", 600);
    let mut cut = false;
    let events = boot_by(&world, SMALL_STEP, launch, |event| {
        if event.phase() == Pending && !cut {
            cut = true;
            let out = Fault::ErrorBefore { code: "Unavailable".into(), message: "try later".into(), status: 503 };
            world.sandbox().faults().inject("DescribeInstances", 12, out);
        }
    })
    .await;
    let ages: Vec<i64> = events.iter().filter_map(|event| event.data_age.as_ref()).map(|age| age.seconds).collect();
    assert!(ages.len() > 2, "{ages:?}");
    assert!(ages.iter().any(|age| *age >= 15), "EC2 did not answer for a while: {ages:?}");
    assert_well_told(&events, "while EC2 did not answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ready_in_time_is_told_although_ec2_does_not_answer() {
    let world = World::start().await;
    let launch = request(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large", "r-1", 20);
    let mut cut = false;
    let events = boot_by(&world, SMALL_STEP, launch, |_| {
        if !std::mem::replace(&mut cut, true) {
            let out = Fault::ErrorBefore { code: "Unavailable".into(), message: "try later".into(), status: 503 };
            world.sandbox().faults().inject("DescribeInstances", u32::MAX, out);
        }
    })
    .await;
    assert_eq!(phases(&events).last(), Some(&TimedOut));
    assert_well_told(&events, "EC2 does not answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn watchers_cost_ec2_nothing() {
    let world = World::start().await;
    let mut launch = request(landmarks::NEVER_READY, "m7i.large", "r-1", 20 * MINUTE);
    let spec = launch.spec.as_mut().unwrap();
    (spec.min_count, spec.max_count) = (20, 20);
    let launch = world.launches().launch_instances(launch).await.unwrap().into_inner();
    let instance_ids: Vec<String> = launch.instances.iter().map(|instance| instance.instance_id.clone()).collect();
    let calls =
        |world: &World| ["DescribeInstances", "DescribeInstanceStatus"].map(|action| world.sandbox().calls(action));
    let mut streams = Vec::new();
    for (watchers, allowed) in [(1, 3), (40, 4)] {
        let before = calls(&world);
        let opening = (0..watchers).map(|_| async {
            let of_launch = pb::WatchLaunchRequest { launch_id: launch.launch_id.clone(), after_sequence: 0 };
            let of_launch = world.launches().watch_launch(of_launch).await.unwrap().into_inner();
            let of_instances = pb::WatchInstancesRequest {
                region: REGION.to_owned(),
                instance_ids: instance_ids.clone(),
                ..Default::default()
            };
            [of_launch, world.launches().watch_instances(of_instances).await.unwrap().into_inner()]
        });
        streams.extend(futures::future::join_all(opening).await);
        let opened = calls(&world);
        assert!(opened[0] - before[0] <= allowed, "{watchers}: opening cost {} calls", opened[0] - before[0]);
        world.while_time_passes(world.clock.sleep(Duration::from_secs(60))).await;
        let minute = calls(&world);
        // One look every 1.5 s at the states, and one every 10 s at the checks, of twenty instances in one call each.
        let (states, checks) = (minute[0] - opened[0], minute[1] - opened[1]);
        assert!(states <= 41 && checks <= 7, "{watchers}: {states} looks at states, {checks} at checks in a minute");
        assert!(states > 2, "{watchers}: {states} looks at states");
    }
}
