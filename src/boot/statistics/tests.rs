//! Boots from histories, groups against sorted lists, and what is expected of the next boot.

use std::time::Duration;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::json;

use super::boots::{PHASES, READY};
use super::memory::Memory;
use super::*;
use crate::ami::classify::RootDevice;
use crate::ids::{InstanceId, LaunchId};
use crate::record::{BootOutcome, BootTimes, Entry, Launch, Phase};

pub(in crate::boot) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn launch_id(number: u32) -> LaunchId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&(u64::try_from(at(0).as_millisecond()).unwrap() << 16).to_be_bytes());
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    LaunchId::from_bytes(bytes)
}

fn instance_id(number: u32) -> InstanceId {
    format!("i-{number:08x}").parse().unwrap()
}

/// What launches of an image are decided on.
#[derive(Debug, Clone, Copy)]
pub(in crate::boot) struct Asked {
    pub(super) number: u32,
    pub(super) seconds: i64,
    pub(super) image: u32,
    pub(super) root: &'static str,
    pub(super) instance_type: &'static str,
}

pub(in crate::boot) const EBS: Asked =
    Asked { number: 1, seconds: 0, image: 1, root: "ebs", instance_type: "m7i.large" };

/// The entries of a launch of one instance, which then goes through `phases`, each with its seconds since the request.
pub(in crate::boot) fn entries(asked: Asked, phases: &[(Phase, f64)]) -> Vec<Entry> {
    let Asked { number, seconds, image, root, instance_type } = asked;
    let (launch, attempt) = (launch_id(number), "01900000-0000-7000-8000-000000000001");
    let about = |time: Timestamp, event: serde_json::Value| {
        let mut entry = json!({
            "v": 1, "time": time, "launch_id": launch, "account_id": "123456789012", "region": "us-east-1",
            "principal": "local",
        });
        entry.as_object_mut().unwrap().extend(event.as_object().unwrap().clone());
        serde_json::from_value(entry).unwrap()
    };
    let digest = "0".repeat(64);
    let spec = json!({
        "account_id": "123456789012", "region": "us-east-1", "image": { "image_id": format!("ami-{image:08x}") },
        "instance_types": ["t3.nano", instance_type], "min_count": 1, "max_count": 1,
        "ready_timeout": { "secs": 600, "nanos": 0 },
    });
    let mut entries = vec![
        about(
            at(seconds),
            json!({
                "kind": "decision", "body_sha256": digest, "reason": "", "spec": spec, "verdict": "admitted",
                "findings": [], "policy": {}, "facts_time": at(seconds),
                "image_facts": { "root_device_type": root, "virtualization_type": "hvm" },
            }),
        ),
        about(
            at(seconds),
            json!({
                "kind": "attempt_intended", "attempt_id": attempt, "instance_type": instance_type, "placement": {},
                "client_token": "gantry-1", "input": {}, "input_sha256": digest, "number": 1,
            }),
        ),
        about(
            at(seconds),
            json!({
                "kind": "attempt_succeeded", "attempt_id": attempt,
                "instances": [{ "instance_id": instance_id(number), "instance_type": instance_type }],
            }),
        ),
    ];
    entries.extend(phases.iter().map(|(phase, elapsed)| {
        let elapsed = Duration::from_secs_f64(*elapsed);
        about(
            at(seconds) + elapsed,
            json!({ "kind": "instance_phase", "instance_id": instance_id(number), "phase": phase, "elapsed": elapsed }),
        )
    }));
    entries
}

fn folded(entries: &[Entry]) -> Launch {
    let (mut launch, _) = Launch::begin(&entries[0]).unwrap();
    entries[1..].iter().for_each(|entry| {
        launch.apply(entry).unwrap();
    });
    launch
}

fn boots(asked: Asked, phases: &[(Phase, f64)]) -> Vec<Boot> {
    boots_of(&folded(&entries(asked, phases))).collect()
}

#[test]
fn a_boot_is_counted_once_it_has_come_out_and_the_first_time_counts() {
    use Phase::{Checking, Failed, Impaired, Pending, Ready, Running, Stopped, Terminated, TimedOut};
    type Seen = Option<(bool, [Option<u32>; 4])>;
    type Row = (&'static str, &'static [(Phase, f64)], Seen);
    let table: &[Row] = &[
        ("under way", &[(Pending, 2.0), (Running, 6.5)], None),
        (
            "ready",
            &[(Pending, 2.0), (Running, 6.5), (Checking, 8.0), (Ready, 39.0)],
            Some((false, [Some(2000), Some(6500), Some(8000), Some(39_000)])),
        ),
        (
            "not every phase was seen",
            &[(Running, 6.5), (Ready, 39.0)],
            Some((false, [None, Some(6500), None, Some(39_000)])),
        ),
        (
            "impaired, and checked again",
            &[(Checking, 8.0), (Impaired, 60.0), (Checking, 90.0), (Ready, 99.0)],
            Some((false, [None, None, Some(8000), Some(99_000)])),
        ),
        (
            "ready again",
            &[(Ready, 39.0), (Stopped, 100.0), (Pending, 200.0), (Ready, 239.0)],
            Some((false, [None, None, None, Some(39_000)])),
        ),
        (
            "ended after it was ready",
            &[(Ready, 39.0), (Terminated, 100.0)],
            Some((false, [None, None, None, Some(39_000)])),
        ),
        ("failed", &[(Pending, 2.0), (Failed, 5.0)], Some((true, [Some(2000), None, None, None]))),
        ("late", &[(Checking, 8.0), (TimedOut, 600.0)], Some((true, [None, None, Some(8000), None]))),
        ("late, and ready later", &[(TimedOut, 600.0), (Ready, 700.0)], Some((true, [None; 4]))),
        ("ended by somebody before", &[(Running, 6.0), (Terminated, 9.0)], None),
        ("stopped and started before", &[(Running, 6.0), (Stopped, 9.0), (Pending, 99.0), (Ready, 130.0)], None),
        ("a very long one", &[(Ready, 90_000.0)], Some((false, [None, None, None, Some(86_400_000)]))),
    ];
    for (what, phases, expected) in table {
        let boots = boots(EBS, phases);
        let seen = boots.first().map(|boot| (boot.failed, boot.reached));
        assert_eq!(seen, *expected, "{what}");
        if let Some(boot) = boots.first() {
            assert_eq!(
                boot.kind.instance_type.as_str(),
                "m7i.large",
                "the instance's own, not the first that is named"
            );
            assert_eq!((boot.kind.root_device, boot.asked), (RootDevice::EbsBacked, at(0)));
        }
    }
}

#[test]
fn groups_have_any_of_the_dimensions_and_the_largest_comes_first() {
    let store = Asked { root: "instance-store", image: 2, instance_type: "m3.large", ..EBS };
    let mut all = Vec::new();
    for number in 0..3 {
        all.extend(boots(Asked { number, ..EBS }, &[(Phase::Ready, 40.0 + f64::from(number))]));
    }
    all.extend(boots(Asked { number: 3, ..store }, &[(Phase::Running, 200.0), (Phase::Ready, 240.0)]));
    all.extend(boots(Asked { number: 4, ..store }, &[(Phase::Failed, 1.0)]));
    let by = |by: &[Dimension]| group(&all, by).unwrap();

    let whole = by(&[]);
    assert_eq!((whole.len(), whole[0].count, whole[0].failures), (1, 5, 1));
    assert_eq!(whole[0].key, GroupKey::default());
    let roots = by(&[Dimension::RootDevice, Dimension::Image]);
    let seen: Vec<_> = roots.iter().map(|group| (group.key.root_device, group.count, group.failures)).collect();
    assert_eq!(seen, [(Some(RootDevice::EbsBacked), 3, 0), (Some(RootDevice::InstanceStoreBacked), 2, 1)]);
    let ready: Vec<_> = roots.iter().map(|group| group.phases.last().unwrap().p50.as_secs()).collect();
    assert_eq!(ready, [41, 240]);
    assert_eq!(
        roots[1].phases.iter().map(|times| (times.phase, times.count)).collect::<Vec<_>>(),
        [(Phase::Running, 1), (Phase::Ready, 1)]
    );
    assert_eq!(by(&[Dimension::InstanceType, Dimension::Virtualization]).len(), 2);
    assert!(group::<Boot>(&[], &[Dimension::Image]).unwrap().is_empty());

    let one = all.remove(0);
    let many: Vec<Boot> = (0..=GROUPS_MAX as u32)
        .map(|image| {
            let kind = Kind { image_id: format!("ami-{image:08x}").parse().unwrap(), ..(*one.kind).clone() };
            Boot { kind: kind.into(), ..one.clone() }
        })
        .collect();
    assert_eq!(group(&many, &[Dimension::Image]), Err(TooManyGroups));
}

#[test]
fn the_closest_boots_that_are_enough_are_expected_again() {
    let kind = |asked: Asked| {
        let launch = folded(&entries(asked, &[]));
        kind_of(&launch, &launch.instances[0]).unwrap()
    };
    let wanted = kind(EBS);
    let mut memory = Memory::new(1000);
    let mut number = 100;
    let mut add = |asked: Asked, ready: f64, times: u32| {
        for _ in 0..times {
            number += 1;
            let phases = [(Phase::Running, 6.0), (Phase::Checking, 8.0), (Phase::Ready, ready)];
            memory.add(boots(Asked { number, seconds: i64::from(number), ..asked }, &phases).remove(0));
        }
        let expected = memory.expect(&wanted, at(10_000));
        expected.map(|expected| {
            (expected.level, expected.boots, expected.left(Phase::Requested, Duration::ZERO, &BootTimes::default()))
        })
    };
    let left = |seconds| Some(Left { progress: 0.0, remaining: Some(Duration::from_secs(seconds)) });
    assert_eq!(add(Asked { image: 9, instance_type: "t3.micro", ..EBS }, 90.0, 19), None, "too few");
    assert_eq!(add(Asked { image: 9, root: "instance-store", ..EBS }, 240.0, 30), None, "of another kind");
    assert_eq!(
        add(Asked { image: 9, instance_type: "t3.micro", ..EBS }, 90.0, 1),
        Some((Level::RootDevice, 20, left(90)))
    );
    assert_eq!(add(Asked { image: 8, ..EBS }, 70.0, 20), Some((Level::TypeAndRootDevice, 20, left(70))));
    assert_eq!(add(Asked { instance_type: "t3.micro", ..EBS }, 50.0, 5), Some((Level::Image, 5, left(50))));
    assert_eq!(add(EBS, 39.0, 5), Some((Level::ImageAndType, 5, left(39))));
    assert_eq!(memory.expect(&wanted, at(0)), None, "nothing had come out by then");
}

#[test]
fn what_is_left_is_what_was_left_in_boots_that_took_as_long() {
    let mut memory = Memory::new(1000);
    for (number, ready) in [30.0, 32.0, 40.0, 60.0, 200.0].into_iter().enumerate() {
        let asked = Asked { number: number as u32, ..EBS };
        let phases = [(Phase::Running, 6.0), (Phase::Checking, 10.0), (Phase::Ready, ready)];
        memory.add(boots(asked, &phases).remove(0));
    }
    let launch = folded(&entries(EBS, &[]));
    let expected = memory.expect(&kind_of(&launch, &launch.instances[0]).unwrap(), at(1000)).unwrap();
    let secs = Duration::from_secs;
    let times =
        BootTimes { pending: Some(secs(5)), running: Some(secs(20)), checking: Some(secs(50)), ..BootTimes::default() };
    #[rustfmt::skip]
    let table = [
        (Phase::Requested, 0, Some((0.0, Some(40)))),
        (Phase::Pending, 10, Some((0.25, Some(30)))),
        // Half of the three that took longer than 35 took 60.
        (Phase::Pending, 35, Some((35.0 / 60.0, Some(25)))),
        (Phase::Pending, 300, Some((0.99, None))),
        // This one was RUNNING late, and then takes as long from there as the others: 34 s.
        (Phase::Running, 20, Some((20.0 / 54.0, Some(34)))),
        (Phase::Checking, 50, Some((50.0 / 80.0, Some(30)))),
        // After 31 s of checking: the others took 20, 22, 30, 50 and 190.
        (Phase::Checking, 81, Some((81.0 / 100.0, Some(19)))),
        (Phase::Ready, 90, Some((1.0, Some(0)))),
        (Phase::Impaired, 90, None),
        (Phase::TimedOut, 90, None),
    ];
    let mut before = 0.0;
    for (phase, elapsed, left) in table {
        let seen = expected.left(phase, secs(elapsed), &times);
        let shown = seen.map(|left| (left.progress, left.remaining.map(|left| left.as_secs())));
        match (shown, left) {
            (Some((progress, remaining)), Some((progress_expected, remaining_expected))) => {
                assert!((progress - progress_expected).abs() < 1e-9, "{phase:?} {elapsed}: {progress}");
                assert_eq!(remaining, remaining_expected, "{phase:?} {elapsed}");
            }
            (shown, left) => assert_eq!(shown, left, "{phase:?} {elapsed}"),
        }
    }
    for (phase, elapsed) in [(Phase::Pending, 5), (Phase::Running, 20), (Phase::Checking, 50), (Phase::Ready, 70)] {
        let made = expected.left(phase, secs(elapsed), &times).unwrap().progress;
        assert!(before <= made, "{phase:?} goes back from {before} to {made}");
        before = made;
    }
    let prior = Expectation::documented(secs(60)).left(Phase::Pending, secs(15), &BootTimes::default());
    assert_eq!(prior, Some(Left { progress: 0.25, remaining: Some(secs(45)) }));
    let stopped = BootTimes { outcome: Some(BootOutcome::Interrupted), ..times };
    assert_eq!(expected.left(Phase::Pending, secs(100), &stopped), None, "it stood still");
}

#[test]
fn the_memory_lets_go_of_the_oldest_and_says_from_when_it_is_whole() {
    let ready = [(Phase::Ready, 40.0)];
    let day = 24 * 3600;
    let since = |seconds| Question { start: Some(at(seconds)), ..Question::default() };
    let mut memory = Memory::new(20);
    for number in 0..20 {
        memory.add(boots(Asked { number, seconds: i64::from(number), ..EBS }, &ready).remove(0));
        memory.trim(at(100));
    }
    assert!(memory.covers(&Question::default()));
    let again = boots(Asked { number: 7, seconds: 7, ..EBS }, &ready).remove(0);
    memory.add(again);
    assert_eq!(memory.len(), 20, "a boot counts once");

    memory.add(boots(Asked { number: 20, seconds: 20, ..EBS }, &ready).remove(0));
    memory.trim(at(100));
    assert_eq!(memory.len(), 18);
    assert!(!memory.covers(&Question::default()) && !memory.covers(&since(2)) && memory.covers(&since(3)));
    assert_eq!(memory.whole(&since(3)).unwrap().len(), 18);
    let image = memory.of_image("ami-00000001").unwrap();
    assert_eq!((image.count, image.since, image.p50.as_secs()), (18, at(3), 40));

    memory.forget(&[launch_id(3), launch_id(5)].into());
    assert_eq!(memory.of_image("ami-00000001").map(|image| (image.count, image.since)), Some((16, at(4))));

    memory.add(boots(Asked { number: 30, seconds: 95 * day, ..EBS }, &ready).remove(0));
    memory.trim(at(95 * day));
    assert_eq!(memory.len(), 1);
    assert!(!memory.covers(&since(5 * day - 1)) && memory.covers(&since(5 * day)));
    assert_eq!(memory.of_image("ami-00000009"), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn percentiles_are_those_of_a_sorted_list_to_three_digits(mut millis in proptest::collection::vec(0_u32..100_000_000, 1..200)) {
        let one = boots(EBS, &[(Phase::Ready, 1.0)]).remove(0);
        let all: Vec<Boot> = millis.iter().map(|millis| {
            let mut reached = [None; PHASES.len()];
            reached[READY] = Some((*millis).min(86_400_000));
            Boot { reached, ..one.clone() }
        }).collect();
        let groups = group(&all, &[]).unwrap();
        millis.sort_unstable();
        let ready = groups[0].phases.last().unwrap();
        for (part, seen) in [(50, ready.p50), (90, ready.p90), (99, ready.p99)] {
            let rank = (millis.len() * part).div_ceil(100);
            let exact = f64::from(millis[rank - 1].min(86_400_000)) / 1000.0;
            let seen = seen.as_secs_f64();
            prop_assert!(exact <= seen && seen <= exact * 1.001, "p{part}: {exact} is shown as {seen}");
        }
    }

    /// Records of launches may lie in the log in any order among each other.
    #[test]
    fn the_order_of_launches_does_not_matter(order in Just((0..40_u32).collect::<Vec<_>>()).prop_shuffle()) {
        let of = |number: u32| {
            let asked = Asked { number, seconds: i64::from(number % 7), image: number % 3, ..EBS };
            let end = if number.is_multiple_of(5) { Phase::Failed } else { Phase::Ready };
            boots(asked, &[(Phase::Running, 5.0), (end, 30.0 + f64::from(number))]).remove(0)
        };
        let measure = |order: &[u32]| {
            let mut memory = Memory::new(100);
            order.iter().for_each(|number| memory.add(of(*number)));
            let kind = of(1).kind;
            let expected = memory.expect(&kind, at(60));
            (group(&memory.whole(&Question::default()).unwrap(), &[Dimension::Image]).unwrap(), memory.of_image("ami-00000001"), expected)
        };
        prop_assert_eq!(measure(&order), measure(&(0..40).collect::<Vec<_>>()));
    }
}
