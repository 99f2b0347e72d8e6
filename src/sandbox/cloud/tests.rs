//! The life of an instance on a clock.

use super::*;

const ORIGIN: i64 = 1_800_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(ORIGIN + seconds).unwrap()
}

fn instance(fate: Fate, instance_store: bool) -> Instance {
    Instance {
        id: "i-0123456789abcdef0".to_owned(),
        sequence: 1,
        reservation_id: "r-0123456789abcdef0".to_owned(),
        launch_index: 0,
        launched: at(0),
        zone: "sandbox-1a".to_owned(),
        address: 0,
        boot: BootTimes::draw("i-0123456789abcdef0", 1, instance_store, 1.0),
        fate,
        terminated: None,
        visible_from: None,
        volumes: Vec::new(),
        launch: serde_json::from_value(serde_json::json!({
            "image_id": "ami-05a4db0c500000001", "instance_type": "t3.micro", "client_token": null,
            "architecture": "x86_64", "root_device_type": "ebs", "root_device_name": null, "virtualization": "hvm",
            "platform": null, "platform_details": null, "usage_operation": null, "boot_mode": null,
            "current_boot_mode": null, "tpm": false, "ena": true, "sriov": false, "kernel": null, "ramdisk": null,
            "product_codes": [], "cores": 1, "threads_per_core": 2, "nitro": true, "key_name": null,
            "security_groups": [], "public_address": true, "monitoring": false, "ebs_optimized": true,
            "enclave": false, "hibernation": false, "spot": false, "tenancy": "default", "iam_profile": null,
            "shutdown_behavior": "stop", "termination_protected": false,
            "metadata": {"http_tokens": "required", "hop_limit": 2, "http_endpoint": "enabled",
                         "http_protocol_ipv6": "disabled", "instance_metadata_tags": "disabled"},
        }))
        .unwrap(),
    }
}

#[test]
fn ebs_backed_instances_are_ready_in_forty_seconds_and_s3_backed_ones_in_four_minutes() {
    for (instance_store, soon, done) in [(false, 3, 50), (true, 120, 280)] {
        let instance = instance(Fate::Healthy, instance_store);
        assert_eq!(instance.standing(at(soon)).state, InstanceState::Pending);
        let running = instance.standing(at(i64::try_from(instance.boot.running_ms).unwrap() / 1000 + 1));
        assert_eq!((running.state, running.instance), (InstanceState::Running, CheckStatus::Initializing));
        let ready = instance.standing(at(done));
        assert_eq!((ready.system, ready.instance), (CheckStatus::Ok, CheckStatus::Ok));
    }
    let fast = BootTimes::draw("i-1", 1, false, 60.0);
    assert!(fast.instance_ok_ms < 1000, "{fast:?}");
}

#[test]
fn fates_are_met() {
    let never = instance(Fate::ChecksFail, false).standing(at(60));
    assert_eq!(never.system, CheckStatus::Ok);
    assert!(matches!(never.instance, CheckStatus::Impaired(since) if since < at(60)));
    let fate = Fate::ImmediateTermination { code: "Server.InternalError".into(), message: "Client.X: y".into() };
    let broken = instance(fate, false);
    assert_eq!(broken.standing(at(3)).state, InstanceState::Pending);
    let after = broken.standing(at(60));
    assert_eq!(after.state, InstanceState::Terminated);
    assert_eq!(after.reason.unwrap().1, "Client.X: y");
    assert!(!broken.holds_address(at(60)));
}

#[test]
fn a_terminated_instance_is_seen_for_an_hour() {
    let mut instance = instance(Fate::Healthy, false);
    instance.terminated = Some(at(100));
    assert_eq!(instance.standing(at(101)).state, InstanceState::ShuttingDown);
    assert_eq!(instance.standing(at(110)).state, InstanceState::Terminated);
    assert!(!instance.is_gone(at(100 + 3590)));
    assert!(instance.is_gone(at(100 + 3610)));
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
