//! Stopping, starting, rebooting, hibernating and ending instances, as callers see it.

use base64::Engine as _;

use super::*;

const HIBERNATES: &str = "Action=RunInstances&ImageId=ami-05a4db0c500000014&InstanceType=m5.large&MinCount=1&MaxCount=1\
                          &HibernationOptions.Configured=true";

fn launch(sandbox: &Sandbox, form: &str) -> String {
    let (status, body) = ask(sandbox, form);
    assert_eq!(status, 200, "{body}");
    texts(&body, "instanceId").remove(0)
}

fn run(image: &str, instance_type: &str) -> String {
    format!("Action=RunInstances&ImageId={image}&InstanceType={instance_type}&MinCount=1&MaxCount=1")
}

/// Previous and current state, or the error's code.
fn change(sandbox: &Sandbox, action: &str, id: &str) -> String {
    let (status, body) = ask(sandbox, &format!("Action={action}&InstanceId.1={id}"));
    if status == 200 { texts(&body, "name").join(" < ") } else { texts(&body, "Code").remove(0) }
}

fn described(sandbox: &Sandbox, id: &str) -> String {
    ask(sandbox, &format!("Action=DescribeInstances&InstanceId.1={id}")).1
}

#[test]
fn an_ebs_root_stops_and_starts_and_an_instance_store_root_does_not() {
    let clock = clock();
    let sandbox = open(&clock, None);
    let id = launch(&sandbox, &run(landmarks::AMAZON_LINUX_2023_X86_64, "t3.micro"));
    assert_eq!(change(&sandbox, "StopInstances", &id), "IncorrectInstanceState", "pending");
    clock.advance(Duration::from_secs(100));
    let before = described(&sandbox, &id);
    assert_eq!(change(&sandbox, "StopInstances", &id), "stopping < running");
    assert_eq!(change(&sandbox, "StopInstances", &id), "stopping < stopping");
    assert_eq!(change(&sandbox, "StartInstances", &id), "IncorrectInstanceState", "stopping");
    clock.advance(Duration::from_secs(60));
    let stopped = described(&sandbox, &id);
    assert_eq!(texts(&stopped, "code")[..2], ["80", "Client.UserInitiatedShutdown"]);
    assert!(texts(&stopped, "reason")[0].starts_with("User initiated (2027-"), "{stopped}");
    assert!(texts(&stopped, "ipAddress").is_empty());
    assert_eq!(texts(&stopped, "privateIpAddress"), texts(&before, "privateIpAddress"), "it keeps its address");
    assert_eq!(change(&sandbox, "RebootInstances", &id), "IncorrectInstanceState", "stopped");
    assert_eq!(change(&sandbox, "StartInstances", &id), "pending < stopped");
    clock.advance(Duration::from_secs(100));
    let started = described(&sandbox, &id);
    assert_ne!(texts(&started, "ipAddress"), texts(&before, "ipAddress"), "a start brings another public address");
    assert_ne!(texts(&started, "launchTime"), texts(&before, "launchTime"));
    assert_eq!(change(&sandbox, "RebootInstances", &id), "");

    let store = launch(&sandbox, &run(landmarks::HVM_INSTANCE_STORE_X86_64, "c3.large"));
    clock.advance(Duration::from_secs(300));
    assert_eq!(change(&sandbox, "StopInstances", &store), "UnsupportedOperation");
    // All or none: the other one runs on.
    let both = format!("Action=StopInstances&InstanceId.1={id}&InstanceId.2={store}");
    assert_eq!(code(&sandbox, &both), "UnsupportedOperation");
    assert_eq!(texts(&described(&sandbox, &id), "name")[0], "running");
    assert_eq!(change(&sandbox, "TerminateInstances", &store), "shutting-down < running");
    clock.advance(Duration::from_secs(20));
    assert_eq!(change(&sandbox, "StartInstances", &store), "IncorrectInstanceState", "terminated");
    assert_eq!(change(&sandbox, "TerminateInstances", &store), "terminated < terminated");
}

#[test]
fn hibernation_is_configured_at_launch() {
    let clock = clock();
    let sandbox = open(&clock, None);
    let plain = launch(&sandbox, &run(landmarks::AMAZON_LINUX_2023_X86_64, "t3.micro"));
    let sleeper = launch(&sandbox, HIBERNATES);
    clock.advance(Duration::from_secs(100));
    let hibernate = |id: &str| code(&sandbox, &format!("Action=StopInstances&Hibernate=true&InstanceId.1={id}"));
    assert_eq!(hibernate(&plain), "UnsupportedHibernationConfiguration");
    hibernate(&sleeper);
    clock.advance(Duration::from_secs(100));
    let asleep = described(&sandbox, &sleeper);
    assert!(texts(&asleep, "code").contains(&"Client.UserInitiatedHibernate".to_owned()), "{asleep}");
    assert_eq!(change(&sandbox, "StartInstances", &sleeper), "pending < stopped");
}

#[test]
fn a_spot_instance_is_stopped_only_if_its_request_persists() {
    let clock = clock();
    let sandbox = open(&clock, None);
    let spot = |options: &str| {
        let market = format!("&InstanceMarketOptions.MarketType=spot{options}");
        launch(&sandbox, &(run(landmarks::AMAZON_LINUX_2023_X86_64, "t3.micro") + &market))
    };
    let option = "&InstanceMarketOptions.SpotOptions";
    let once = spot("");
    let persistent = spot(&format!("{option}.SpotInstanceType=persistent{option}.InstanceInterruptionBehavior=stop"));
    clock.advance(Duration::from_secs(100));
    assert_eq!(change(&sandbox, "StopInstances", &once), "UnsupportedOperation");
    assert_eq!(change(&sandbox, "StopInstances", &persistent), "stopping < running");
    assert_eq!(change(&sandbox, "TerminateInstances", &once), "shutting-down < running");
}

#[test]
fn a_protected_instance_saves_its_zone_and_no_other() {
    let sandbox = open(&clock(), None);
    let place = |zone: &str| format!("{}&Placement.AvailabilityZone={zone}", run("ami-05a4db0c500000001", "t3.micro"));
    let kept = launch(&sandbox, &format!("{}&DisableApiTermination=true&DisableApiStop=true", place("sandbox-1a")));
    let beside = launch(&sandbox, &place("sandbox-1a"));
    let elsewhere = launch(&sandbox, &place("sandbox-1b"));
    let all = format!("Action=TerminateInstances&InstanceId.1={kept}&InstanceId.2={beside}&InstanceId.3={elsewhere}");
    assert_eq!(code(&sandbox, &format!("{all}&DryRun=true")), "OperationNotPermitted");
    assert_eq!(code(&sandbox, &all), "OperationNotPermitted");
    let states = [&kept, &beside, &elsewhere].map(|id| texts(&described(&sandbox, id), "name").remove(0));
    assert_eq!(states, ["pending", "pending", "shutting-down"]);
    assert_eq!(change(&sandbox, "StopInstances", &kept), "OperationNotPermitted");
}

#[test]
fn the_console_comes_late_and_tells_why_a_boot_fails() {
    let clock = clock();
    let sandbox = open(&clock, None);
    let console = |id: &str, latest: &str| {
        let (_, body) = ask(&sandbox, &format!("Action=GetConsoleOutput&InstanceId={id}{latest}"));
        let decode =
            |text: &String| String::from_utf8(base64::engine::general_purpose::STANDARD.decode(text).unwrap()).unwrap();
        texts(&body, "output").first().map_or_else(|| texts(&body, "Code").concat(), decode)
    };
    let linux = launch(&sandbox, &run(landmarks::AMAZON_LINUX_2023_X86_64, "m7i.large"));
    let old = launch(&sandbox, &run(landmarks::PARAVIRTUAL_EBS_X86_64, "m3.medium"));
    // UEFI on a type that defaults to legacy BIOS, and the same image where the type has nothing else.
    let lost = launch(&sandbox, &run(landmarks::UEFI_WITHOUT_BOOT_MODE, "t3.micro"));
    let never = launch(&sandbox, &run(landmarks::NEVER_READY, "t3.micro"));
    let windows = launch(&sandbox, &run(landmarks::WINDOWS_SERVER_2022, "t3.large"));
    assert_eq!(console(&linux, ""), "");
    clock.advance(Duration::from_secs(12));
    assert!(console(&linux, "&Latest=true").contains("UEFI firmware"));
    assert_eq!(console(&old, "&Latest=true"), "UnsupportedOperation");
    clock.advance(Duration::from_secs(300));
    for (id, expected) in [
        (&linux, "login:"),
        (&linux, "Amazon EC2 m7i.large"),
        (&old, "PV-GRUB"),
        (&lost, "No bootable device."),
        (&never, "Failed to bring up interface"),
        (&windows, "Windows is Ready to use"),
    ] {
        assert!(console(id, "").contains(expected), "{expected}: {}", console(id, ""));
    }
    assert!(!console(&lost, "").contains("Linux version"));
    ask(&sandbox, &format!("Action=RebootInstances&InstanceId.1={linux}"));
    let boots = |text: &str| text.matches("Linux version").count();
    assert_eq!(boots(&console(&linux, "")), 1, "posted again when the restart is over");
    clock.advance(Duration::from_secs(100));
    assert_eq!(boots(&console(&linux, "")), 2);
    ask(&sandbox, &format!("Action=StopInstances&InstanceId.1={linux}"));
    clock.advance(Duration::from_secs(100));
    assert!(console(&linux, "").ends_with("reboot: Power down"));
    let status =
        |id: &str| texts(&ask(&sandbox, &format!("Action=DescribeInstanceStatus&InstanceId.1={id}")).1, "status");
    assert_eq!(status(&lost)[..4], ["ok", "passed", "impaired", "failed"]);
}

#[test]
fn tags_are_deleted_by_key_by_value_or_all_at_once() {
    let clock = clock();
    let directory = tempfile::tempdir().unwrap();
    let sandbox = open(&clock, Some(directory.path().to_owned()));
    let image = landmarks::SELF_OWNED;
    let tag = |sandbox: &Sandbox, action: &str, tags: &[(&str, Option<&str>)]| {
        let tags = (1..).zip(tags).map(|(nth, (key, value))| {
            format!("&Tag.{nth}.Key={key}{}", value.map_or(String::new(), |value| format!("&Tag.{nth}.Value={value}")))
        });
        code(sandbox, &format!("Action={action}&ResourceId.1={image}{}", tags.collect::<String>()))
    };
    let keys = |sandbox: &Sandbox| {
        let form = format!("Action=DescribeTags&Filter.1.Name=resource-id&Filter.1.Value.1={image}");
        texts(&ask(sandbox, &form).1, "key").join(" ")
    };
    tag(&sandbox, "CreateTags", &[("a", Some("1")), ("b", Some("2")), ("c", Some(""))]);
    assert_eq!(keys(&sandbox), "Name a b c role", "two that it came with");
    tag(&sandbox, "DeleteTags", &[("a", Some("2")), ("b", None), ("c", Some("")), ("none", None)]);
    assert_eq!(keys(&sandbox), "Name a role");
    assert_eq!(tag(&sandbox, "DeleteTags", &[("aws:x", None)]), "InvalidParameterValue");
    tag(&sandbox, "DeleteTags", &[]);
    assert_eq!(keys(&sandbox), "");
    drop(sandbox);
    assert_eq!(keys(&open(&clock, Some(directory.path().to_owned()))), "", "also after a restart");
}

#[test]
fn only_persistent_spot_instances_stop_and_an_interruption_does_what_they_chose() {
    let clock = clock();
    let sandbox = open(&clock, None);
    let plan = "[[fault]]\nkind = \"spot-interruption\"\nat = \"5m\"";
    sandbox.plan_faults(crate::sandbox::Plan::parse(plan).unwrap());
    let spot =
        format!("{}&InstanceMarketOptions.MarketType=spot", run(landmarks::AMAZON_LINUX_2023_X86_64, "t3.micro"));
    let options = "&InstanceMarketOptions.SpotOptions";
    let persistent = format!("{options}.SpotInstanceType=persistent{options}.InstanceInterruptionBehavior=stop");
    let (once, lasting) = (launch(&sandbox, &spot), launch(&sandbox, &format!("{spot}{persistent}")));
    clock.advance(Duration::from_secs(100));
    assert_eq!(change(&sandbox, "StopInstances", &once), "UnsupportedOperation");
    assert_eq!(change(&sandbox, "StopInstances", &lasting), "stopping < running");
    clock.advance(Duration::from_secs(60));
    assert_eq!(change(&sandbox, "StartInstances", &lasting), "pending < stopped");
    clock.advance(Duration::from_secs(240));
    let seen = |id: &str| {
        let body = described(&sandbox, id);
        (texts(&body, "name").remove(0), texts(&body, "reason").remove(0))
    };
    let (state, reason) = seen(&once);
    assert!(state == "terminated" && reason.starts_with("Server.SpotInstanceTermination ("), "{state} {reason}");
    let (state, reason) = seen(&lasting);
    assert!(state == "stopped" && reason.starts_with("Server.SpotInstanceShutdown ("), "{state} {reason}");
}

#[test]
fn a_start_needs_the_vcpus_that_a_stop_gave_back() {
    let clock = clock();
    let sandbox = open(&clock, None);
    let vcpus = std::collections::BTreeMap::from([(crate::sandbox::VcpuQuota::Standard, 2)]);
    sandbox.set_account(crate::sandbox::Account { vcpus, ..Default::default() });
    let form = run(landmarks::AMAZON_LINUX_2023_X86_64, "t3.micro");
    let first = launch(&sandbox, &form);
    assert_eq!(code(&sandbox, &form), "VcpuLimitExceeded");
    clock.advance(Duration::from_secs(100));
    change(&sandbox, "StopInstances", &first);
    let second = launch(&sandbox, &form);
    clock.advance(Duration::from_secs(60));
    assert_eq!(change(&sandbox, "StartInstances", &first), "VcpuLimitExceeded");
    change(&sandbox, "TerminateInstances", &second);
    assert_eq!(change(&sandbox, "StartInstances", &first), "pending < stopped");
}
