//! The life of an instance on a clock.

use super::*;

const ORIGIN: i64 = 1_800_000_000;

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(ORIGIN + seconds).unwrap()
}

fn launched(instance_store: bool) -> Launched {
    serde_json::from_value(serde_json::json!({
        "image_id": "ami-05a4db0c500000001", "instance_type": "t3.micro", "client_token": null,
        "architecture": "x86_64", "root_device_type": if instance_store { "instance-store" } else { "ebs" },
        "root_device_name": null, "virtualization": "hvm",
        "platform": null, "platform_details": null, "usage_operation": null, "boot_mode": null,
        "current_boot_mode": null, "tpm": false, "ena": true, "sriov": false, "kernel": null, "ramdisk": null,
        "product_codes": [], "cores": 1, "threads_per_core": 2, "nitro": true, "key_name": null,
        "security_groups": [], "public_address": true, "monitoring": false, "ebs_optimized": true,
        "enclave": false, "hibernation": false, "spot": false, "tenancy": "default", "iam_profile": null,
        "shutdown_behavior": "stop", "termination_protected": false,
        "metadata": {"http_tokens": "required", "hop_limit": 2, "http_endpoint": "enabled",
                     "http_protocol_ipv6": "disabled", "instance_metadata_tags": "disabled"},
    }))
    .unwrap()
}

pub(super) fn instance(fate: Fate, instance_store: bool) -> Instance {
    let launch = launched(instance_store);
    Instance {
        id: "i-0123456789abcdef0".to_owned(),
        sequence: 1,
        reservation_id: "r-0123456789abcdef0".to_owned(),
        launch_index: 0,
        launched: at(0),
        zone: "sandbox-1a".to_owned(),
        address: 0,
        boot: BootTimes::draw("i-0123456789abcdef0", 1, &launch, 1.0, 1.0),
        fate,
        deeds: Vec::new(),
        starts_forgotten: 0,
        events: Vec::new(),
        visible_from: None,
        volumes: Vec::new(),
        interfaces: Vec::new(),
        launch,
    }
}

fn stop(by: Cause) -> DeedKind {
    DeedKind::Stop { hibernate: false, force: false, by }
}

fn terminate() -> DeedKind {
    DeedKind::Terminate { by: Cause::User }
}

#[test]
fn ebs_backed_instances_are_ready_in_forty_seconds_and_s3_backed_ones_in_four_minutes() {
    for (instance_store, soon, done) in [(false, 3, 60), (true, 120, 300)] {
        let instance = instance(Fate::Healthy, instance_store);
        assert_eq!(instance.standing(at(soon)).state, InstanceState::Pending);
        let running = instance.standing(at(i64::try_from(instance.boot.running_ms).unwrap() / 1000 + 1));
        assert_eq!((running.state, running.instance), (InstanceState::Running, CheckStatus::Initializing));
        let ready = instance.standing(at(done));
        assert_eq!((ready.system, ready.instance), (CheckStatus::Ok, CheckStatus::Ok));
    }
}

#[test]
fn boot_times_are_drawn_by_root_device_type_and_image() {
    let draw = |nth: u32, change: fn(&mut Launched)| {
        let mut launch = launched(false);
        change(&mut launch);
        BootTimes::draw(&format!("i-{nth}"), 1, &launch, 1.0, 1.0)
    };
    let median = |change: fn(&mut Launched)| {
        let mut times: Vec<u64> = (0..201).map(|nth| draw(nth, change).instance_ok_ms).collect();
        times.sort_unstable();
        (times[100], times[200])
    };
    let (linux, slowest) = median(|_| {});
    assert!((36_000..46_000).contains(&linux) && slowest > linux * 11 / 10 && slowest < linux * 2, "{linux} {slowest}");
    assert!(median(|l| l.platform = Some("windows".to_owned())).0 > 3 * linux);
    assert!(median(|l| l.instance_type = "m7i.metal-24xl".to_owned()).0 > 7 * linux);
    assert!(median(|l| l.architecture = "arm64_mac".to_owned()).0 > 10 * linux);
    assert!(median(|l| l.root_device_type = "instance-store".to_owned()).0 > 5 * linux);
    assert_ne!(draw(1, |l| l.image_id = "ami-a".to_owned()), draw(1, |l| l.image_id = "ami-b".to_owned()));
    assert_eq!(draw(1, |_| {}), draw(1, |_| {}), "the same seed gives the same times");
    let fast = BootTimes::draw("i-1", 1, &launched(false), 1.0, 60.0);
    assert!(fast.instance_ok_ms < 1000, "{fast:?}");
}

#[test]
fn fates_are_met() {
    for fate in [Fate::ChecksFail, Fate::NothingToBoot] {
        let never = instance(fate, false).standing(at(60));
        assert_eq!(never.system, CheckStatus::Ok);
        assert!(matches!(never.instance, CheckStatus::Impaired(since) if since < at(60)));
    }
    let fate = Fate::ImmediateTermination { code: "Server.InternalError".into(), message: "Client.X: y".into() };
    let broken = instance(fate, false);
    assert_eq!(broken.standing(at(3)).state, InstanceState::Pending);
    let after = broken.standing(at(60));
    assert_eq!(after.state, InstanceState::Terminated);
    assert_eq!(after.reason.unwrap().1, "Client.X: y");
    assert!(broken.terminated_since(at(60)).is_some());
}

/// A name, whether the root is an instance store, deeds at their seconds, and what is seen at
/// others: state, system and instance check, and the code of the reason.
type Life<'a> = (&'a str, bool, &'a [(i64, DeedKind)], &'a [(i64, &'a str)]);

#[test]
fn a_life_follows_from_its_deeds() {
    let impair = |check, for_ms| DeedKind::Impair { check, for_ms };
    let spot_stop = stop(Cause::Spot);
    let cases: &[Life<'_>] = &[
        (
            "stop and start",
            false,
            &[(100, stop(Cause::User)), (200, DeedKind::Start)],
            &[
                (99, "running ok ok -"),
                (101, "stopping not-applicable not-applicable Client.UserInitiatedShutdown"),
                (150, "stopped not-applicable not-applicable Client.UserInitiatedShutdown"),
                (201, "pending not-applicable not-applicable pending"),
                (215, "running initializing initializing -"),
                (300, "running ok ok -"),
            ],
        ),
        (
            "a start of a running instance and a stop of a pending one do nothing",
            false,
            &[(1, stop(Cause::User)), (60, DeedKind::Start)],
            &[(61, "running ok ok -")],
        ),
        (
            "a reboot fails the instance check for a while",
            false,
            &[(100, DeedKind::Reboot)],
            &[(101, "running ok impaired -"), (150, "running ok ok -")],
        ),
        (
            "terminate running",
            false,
            &[(100, terminate()), (102, terminate())],
            &[
                (101, "shutting-down not-applicable not-applicable Client.UserInitiatedShutdown"),
                (110, "terminated not-applicable not-applicable Client.UserInitiatedShutdown"),
            ],
        ),
        (
            "terminate stopped",
            false,
            &[(100, stop(Cause::User)), (200, terminate())],
            &[(200, "terminated not-applicable not-applicable Client.UserInitiatedShutdown")],
        ),
        (
            "the guest shuts down",
            false,
            &[(100, stop(Cause::Guest))],
            &[(150, "stopped not-applicable not-applicable Client.InstanceInitiatedShutdown")],
        ),
        (
            "an instance store root cannot be stopped: a shutdown of its guest ends it",
            true,
            &[(400, stop(Cause::Guest))],
            &[(401, "shutting-down not-applicable not-applicable Client.InstanceInitiatedShutdown")],
        ),
        (
            "the guest of a stopped instance cannot shut down, whatever the root",
            true,
            &[(1, stop(Cause::Guest))],
            &[(300, "running ok ok -")],
        ),
        (
            "a start leads away from the host that is to be stopped",
            false,
            &[(100, stop(Cause::User)), (200, DeedKind::Start), (300, stop(Cause::Schedule))],
            &[(301, "running ok ok -")],
        ),
        (
            "an interruption",
            false,
            &[(100, DeedKind::Terminate { by: Cause::Spot })],
            &[(150, "terminated not-applicable not-applicable Server.SpotInstanceTermination")],
        ),
        (
            "an interruption that stops",
            false,
            &[(100, spot_stop)],
            &[(150, "stopped not-applicable not-applicable Server.SpotInstanceShutdown")],
        ),
        (
            "impaired for a while",
            false,
            &[(100, impair(Check::System, Some(30_000)))],
            &[(99, "running ok ok -"), (110, "running impaired ok -"), (131, "running ok ok -")],
        ),
        (
            "impaired until another host",
            false,
            &[(100, impair(Check::Instance, None)), (200, stop(Cause::User)), (300, DeedKind::Start)],
            &[(199, "running ok impaired -"), (400, "running ok ok -")],
        ),
    ];
    for (name, instance_store, deeds, seen) in cases {
        let mut instance = instance(Fate::Healthy, *instance_store);
        deeds.iter().for_each(|(second, kind)| instance.meet(Deed { at: at(*second), kind: kind.clone() }));
        for (second, expected) in *seen {
            let found = instance.standing(at(*second));
            let code = found.reason.map_or("-".to_owned(), |(code, _)| code);
            let (system, checked) = (found.system.summary(), found.instance.summary());
            let found = format!("{} {system} {checked} {code}", found.state.as_str());
            assert_eq!(&found, expected, "{name}, at {second} s");
        }
    }
}

#[test]
fn a_terminated_instance_is_seen_for_an_hour() {
    let mut instance = instance(Fate::Healthy, false);
    instance.meet(Deed { at: at(100), kind: terminate() });
    assert_eq!(instance.standing(at(101)).state, InstanceState::ShuttingDown);
    assert_eq!(instance.standing(at(110)).state, InstanceState::Terminated);
    assert!(!instance.is_gone(at(100 + 3590)));
    assert!(instance.is_gone(at(100 + 3610)));
}

#[test]
fn a_life_of_many_deeds_stays_short() {
    let mut instance = instance(Fate::Healthy, false);
    for round in 1..1000_i64 {
        instance.meet(Deed { at: at(round * 200), kind: stop(Cause::User) });
        instance.meet(Deed { at: at(round * 200 + 100), kind: DeedKind::Start });
        assert_eq!(instance.standing(at(round * 200 + 99)).state, InstanceState::Stopped, "{round}");
    }
    assert_eq!(instance.standing(at(400_000)).starts, 999, "each had its public address");
    for second in 0..1000 {
        instance.meet(Deed { at: at(500_000 + second), kind: DeedKind::Reboot });
    }
    assert!(instance.deeds.len() < 100, "{}", instance.deeds.len());
    assert_eq!(instance.standing(at(501_000)).instance.summary(), "impaired");
}

#[test]
fn a_short_life_keeps_the_stop_that_was_one() {
    let mut instance = instance(Fate::Healthy, false);
    for round in 1..100 {
        let second = round * 200;
        instance.meet(Deed { at: at(second), kind: stop(Cause::User) });
        // Meets a stopped instance.
        instance.meet(Deed { at: at(second + 99), kind: stop(Cause::Spot) });
        instance.meet(Deed { at: at(second + 100), kind: DeedKind::Start });
        let standing = instance.standing(at(second + 199));
        assert_eq!((standing.state, standing.booted), (InstanceState::Running, at(second + 100)), "{round}");
    }
    assert!(instance.deeds.len() < 100, "{}", instance.deeds.len());
}

#[test]
fn a_destiny_comes_about_at_the_speed_of_the_sandbox() {
    let mut instance = instance(Fate::Healthy, false);
    let event = |code: &str| Event { code: code.to_owned(), not_before_ms: 600_000, not_after_ms: None };
    let destiny = Destiny {
        later: vec![(Duration::from_secs(200), DeedKind::Impair { check: Check::System, for_ms: None })],
        events: vec![event("instance-stop"), event("system-maintenance")],
        invisible_for: Some(Duration::from_secs(20)),
        ..Destiny::default()
    };
    instance.foretell(destiny, 2.0);
    assert!(!instance.is_visible(at(9)) && instance.is_visible(at(10)));
    assert_eq!(instance.standing(at(99)).system, CheckStatus::Ok);
    assert_eq!(instance.standing(at(100)).system, CheckStatus::Impaired(at(100)));
    let stopped = instance.standing(at(400));
    assert_eq!((stopped.state, stopped.reason.unwrap().0.as_str()), (InstanceState::Stopped, "Server.ScheduledStop"));
    assert_eq!(instance.events.len(), 2);
}

#[test]
fn a_clock_that_goes_back_does_no_harm() {
    assert_eq!(instance(Fate::Healthy, false).standing(at(-1000)).state, InstanceState::Pending);
}

#[test]
fn lines_survive_a_torn_end_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let line = || Line::Instances { region: "sandbox-1".to_owned(), instances: vec![instance(Fate::Healthy, false)] };
    let (mut saved, _) = Saved::open(directory.path()).unwrap();
    saved.append(&line()).unwrap();
    saved.append(&line()).unwrap();
    assert!(matches!(Saved::open(directory.path()), Err(SavedError::InUse(_))));
    drop(saved);
    let path = directory.path().join("cloud.jsonl");
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 10]).unwrap();
    let (saved, lines) = Saved::open(directory.path()).unwrap();
    assert_eq!(lines.len(), 1);
    drop(saved);
    std::fs::write(&path, b"{}\n").unwrap();
    assert!(matches!(Saved::open(directory.path()), Err(SavedError::Malformed { line: 1, .. })));
}
