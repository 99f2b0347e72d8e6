//! The table of cases: what EC2 and the console say, and what is made of it. Codes are those of the service model and
//! the API reference, words those of the user guide; where these quote no message it is one of that form. Consoles are
//! written after public reports.

use super::*;

const PANIC: &str = include_str!("consoles/no_root_device.txt");
const EMERGENCY: &str = include_str!("consoles/emergency_mode.txt");
const CLOUD_INIT: &str = include_str!("consoles/cloud_init.txt");
const FIRMWARE: &str = include_str!("consoles/firmware.txt");
const HEALTHY: &str = include_str!("consoles/healthy.txt");

const OK: [&str; 5] = ["ok", "ok", "ok", "ok", "ok"];
const INSTANCE: [&str; 5] = ["ok", "impaired", "ok", "not-applicable", "ok"];

/// Code, message, root device; the stage, and words of cause and remedy.
type End = (&'static str, &'static str, &'static str, BootStage, &'static str, &'static str);
/// Checks, boot mode of the image and of the instance, console; the stage, and words of cause and remedy.
type Impairment = ([&'static str; 5], &'static str, &'static str, &'static str, BootStage, &'static str, &'static str);
/// The last phase, boot mode of the image and of the instance, root device, console; the stage, and words of the cause.
type Timeout = (Option<Phase>, &'static str, &'static str, &'static str, &'static str, BootStage, &'static str);

#[rustfmt::skip]
const ENDS: &[End] = &[
    // The service model's codes, with messages of the form that EC2 gives
    ("Server.InsufficientInstanceCapacity", "Server.InsufficientInstanceCapacity: Insufficient capacity to satisfy instance request", "ebs", BootStage::Capacity, "not enough capacity", "another zone"),
    ("Server.InternalError", "Server.InternalError: Internal error on launch", "ebs", BootStage::System, "internal error", "Launch again"),
    ("Server.InternalError", "Server.InternalError: Internal error on launch", "instance-store", BootStage::System, "internal error", "S3 bucket"),
    ("Server.ScheduledStop", "Server.ScheduledStop: Stopped due to scheduled retirement", "ebs", BootStage::Ended, "scheduled retirement", "other hardware"),
    ("Server.SpotInstanceShutdown", "Server.SpotInstanceShutdown: Spot instance shutdown", "ebs", BootStage::Ended, "Spot instance", "On-Demand"),
    ("Server.SpotInstanceTermination", "Server.SpotInstanceTermination: Spot instance termination", "ebs", BootStage::Ended, "took the Spot instance back", "On-Demand"),
    ("Client.InstanceInitiatedShutdown", "Client.InstanceInitiatedShutdown: Instance initiated shutdown", "ebs", BootStage::Instance, "shut itself down", "console output"),
    ("Client.InstanceTerminated", "Client.InstanceTerminated: Instance terminated", "ebs", BootStage::Ended, "before it had started", "CloudTrail"),
    ("Client.InternalError", "Client.InternalError: Client error on launch", "ebs", BootStage::Kms, "KMS key", "kms:CreateGrant"),
    ("Client.InvalidSnapshot.NotFound", "Client.InvalidSnapshot.NotFound: The specified snapshot was not found", "ebs", BootStage::Snapshot, "snapshot", "no_device"),
    ("Client.UserInitiatedHibernate", "Client.UserInitiatedHibernate: User initiated hibernate", "ebs", BootStage::Ended, "hibernated", "CloudTrail"),
    ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown", "ebs", BootStage::Ended, "Somebody terminated", "CloudTrail"),
    ("Client.VolumeLimitExceeded", "Client.VolumeLimitExceeded: Volume limit exceeded", "ebs", BootStage::Volume, "limit of EBS volumes", "quota"),
    // Code and message disagree
    ("Server.InternalError", "Client.VolumeLimitExceeded: Volume limit exceeded", "ebs", BootStage::Volume, "limit of EBS volumes", "quota"),
    ("Server.InternalError", "Client.InternalError: Client error on launch", "ebs", BootStage::Kms, "KMS key", "kms:CreateGrant"),
    // Codes of RunInstances in a message
    ("Server.InternalError", "The launch failed (InsufficientHostCapacity).", "ebs", BootStage::Capacity, "Dedicated Host", "another host"),
    ("Server.InternalError", "VcpuLimitExceeded: You have requested more vCPU capacity than your current limit", "ebs", BootStage::Capacity, "quota of instances", "raise the quota"),
    ("Server.InternalError", "MaxIOPSLimitExceeded", "ebs", BootStage::Volume, "provisioned IOPS", "EBS quota"),
    ("", "InvalidManifest: the manifest could not be read", "instance-store", BootStage::Volume, "manifest", "S3 bucket"),
    // Phrases without a code
    ("Server.InternalError", "The KMS key arn:aws:kms:us-east-1:111122223333:key/1 is disabled", "ebs", BootStage::Kms, "is disabled", "Enable the key"),
    ("Client.InternalError", "Client error on launch: KMS key is pending deletion", "ebs", BootStage::Kms, "going to be deleted", "Cancel the key's deletion"),
    ("Client.InternalError", "KMS key not found", "ebs", BootStage::Kms, "does not exist", "ARN"),
    ("Client.InternalError", "One or more of the attached Amazon EBS volumes are encrypted with an inaccessible AWS KMS key.", "ebs", BootStage::Kms, "may not be used", "kms:CreateGrant"),
    ("Client.InternalError", "User is not authorized to perform: kms:CreateGrant", "ebs", BootStage::Kms, "may not be used", "kms:CreateGrant"),
    ("Server.InternalError", "The snapshot 'snap-0123' does not exist.", "ebs", BootStage::Snapshot, "snapshot", "AMI"),
    ("Server.InternalError", "There is no Spot capacity available that matches your request.", "ebs", BootStage::Capacity, "capacity", "another zone"),
    ("Server.InternalError", "The snapshot is corrupt", "ebs", BootStage::Snapshot, "snapshot", "AMI"),
    ("Server.InternalError", "HTTP 403 (AccessDenied) for URL .../image.manifest.xml", "instance-store", BootStage::Volume, "instance-store-backed AMI", "S3 bucket"),
    ("Server.InternalError", "The image is missing a required part", "instance-store", BootStage::Volume, "part of the instance-store-backed AMI", "S3 bucket"),
    // Nothing that is known
    ("Server.Novel", "Server.Novel: unheard of", "ebs", BootStage::Unknown, "Server.Novel", "console output"),
    ("", "", "instance-store", BootStage::Unknown, "gave no reason", "S3 bucket"),
];

#[test]
fn every_recorded_end_has_its_stage_cause_and_remedy() {
    for (code, message, root, stage, cause, remedy) in ENDS {
        let failure = terminated(Some(&reason(code, message)), &boot("", "", root), None);
        assert_eq!(failure.stage, *stage, "{code}: {message}: {failure:?}");
        assert!(failure.cause.contains(cause) && failure.remedy.contains(remedy), "{code}: {message}: {failure:?}");
    }
}

#[rustfmt::skip]
const IMPAIRMENTS: &[Impairment] = &[
    (INSTANCE, "", "", "", BootStage::Instance, "does not answer", "console output"),
    (INSTANCE, "", "", HEALTHY, BootStage::Instance, "does not answer", "console output"),
    (INSTANCE, "uefi-preferred", "uefi", PANIC, BootStage::Instance, "no root device (xvda1)", "initramfs"),
    (INSTANCE, "", "", EMERGENCY, BootStage::Instance, "emergency mode (after a failure of /dev/xvdf)", "nofail"),
    (INSTANCE, "", "", CLOUD_INIT, BootStage::Instance, "cloud-init failed (scripts-user)", "user data"),
    // A host, a volume and a boot mode are what they are whatever the console says
    (["impaired", "impaired", "ok", "ok", "ok"], "uefi", "legacy-bios", PANIC, BootStage::System, "host", "another host"),
    (["ok", "impaired", "impaired", "ok", "ok"], "", "", PANIC, BootStage::Ebs, "volume", "EBS"),
    (INSTANCE, "uefi", "legacy-bios", PANIC, BootStage::BootMode, "boots by uefi", "supports uefi"),
    (INSTANCE, "legacy-bios", "uefi", "", BootStage::BootMode, "boots by legacy-bios", "supports legacy-bios"),
    // Firmware that finds nothing: a matter of the boot mode, unless the image says that it has it
    (INSTANCE, "", "uefi", FIRMWARE, BootStage::BootMode, "UEFI firmware found nothing to boot", "boot mode"),
    (INSTANCE, "uefi", "uefi", FIRMWARE, BootStage::Instance, "UEFI firmware found nothing to boot", "EFI system partition"),
    // Checks of an instance that boots; its console is not asked
    (["ok", "ok", "ok", "impaired", "ok"], "uefi", "legacy-bios", PANIC, BootStage::Instance, "its own health check fails", "application"),
    (OK, "", "", "", BootStage::Instance, "instance status check", "console output"),
];

#[test]
fn every_recorded_impairment_has_its_stage_cause_and_remedy() {
    for (checks, wanted, got, text, stage, cause, remedy) in IMPAIRMENTS {
        let tail = (!text.is_empty()).then(|| console(text));
        let failure = impaired(&status(*checks), &boot(wanted, got, "ebs"), tail.as_ref());
        assert_eq!(failure.stage, *stage, "{checks:?} {wanted} {got} {text}: {failure:?}");
        assert!(failure.cause.contains(cause) && failure.remedy.contains(remedy), "{checks:?} {text}: {failure:?}");
        assert_eq!(failure.console, tail.map(|tail| tail.digest));
    }
}

#[rustfmt::skip]
const TIMEOUTS: &[Timeout] = &[
    (None, "", "", "", "", BootStage::Timeout, "has not shown"),
    (Some(Phase::Pending), "", "", "ebs", "", BootStage::Timeout, "still pending"),
    (Some(Phase::Pending), "", "", "instance-store", "", BootStage::Timeout, "fetching it from S3"),
    (Some(Phase::Checking), "", "", "", "", BootStage::Instance, "had not passed"),
    (Some(Phase::Checking), "uefi", "legacy-bios", "", PANIC, BootStage::BootMode, "boots by uefi"),
    (Some(Phase::Impaired), "", "", "", PANIC, BootStage::Instance, "kept failing until the time was over: as its console shows, the kernel found no root device"),
    (Some(Phase::Impaired), "", "", "", HEALTHY, BootStage::Instance, "kept failing"),
    (Some(Phase::Stopped), "", "", "", PANIC, BootStage::Ended, "was stopped"),
];

#[test]
fn every_recorded_timeout_has_its_stage_and_cause() {
    for (last, wanted, got, root, text, stage, cause) in TIMEOUTS {
        let tail = (!text.is_empty()).then(|| console(text));
        let failure = timed_out(Late { last: *last, ..Late::default() }, &boot(wanted, got, root), tail.as_ref());
        assert_eq!(failure.stage, *stage, "{last:?} {text}: {failure:?}");
        assert!(failure.cause.contains(cause) && !failure.remedy.is_empty(), "{last:?} {text}: {failure:?}");
    }
}

#[test]
fn what_was_known_before_the_time_was_over_is_still_said() {
    for (code, stage, cause) in [
        ("Client.InstanceInitiatedShutdown", BootStage::Instance, "shut itself down"),
        ("Server.ScheduledStop", BootStage::Ended, "scheduled"),
        ("Server.SpotInstanceShutdown", BootStage::Ended, "Spot"),
        // EC2 has one code for what people stop and what they terminate.
        ("Client.UserInitiatedShutdown", BootStage::Ended, "was stopped"),
        ("Server.Novel", BootStage::Ended, "was stopped"),
    ] {
        let reason = reason(code, "");
        let late = Late { last: Some(Phase::Stopped), reason: Some(&reason), ..Late::default() };
        let failure = timed_out(late, &BootFacts::default(), None);
        assert_eq!(failure.stage, stage, "{code}: {failure:?}");
        assert!(failure.cause.contains(cause), "{code}: {failure:?}");
    }
    for checks in [["impaired", "ok", "", "", ""], ["ok", "ok", "impaired", "", ""]] {
        let impaired = impaired(&status(checks), &BootFacts::default(), None);
        let late = Late { last: Some(Phase::Impaired), impaired: Some(&impaired), ..Late::default() };
        let failure = timed_out(late, &BootFacts::default(), Some(&console(PANIC)));
        assert_eq!((failure.stage, &failure.remedy), (impaired.stage, &impaired.remedy), "{checks:?}");
        assert!(failure.cause.contains(&impaired.cause) && failure.console.is_some(), "{failure:?}");
    }
    // The operating system answers, so that neither the boot mode nor an old line of the console is the cause.
    let impaired = impaired(&status(["ok", "ok", "ok", "impaired", ""]), &BootFacts::default(), None);
    let late = Late { last: Some(Phase::Impaired), impaired: Some(&impaired), is_answering: true, ..Late::default() };
    let failure = timed_out(late, &boot("uefi", "legacy-bios", "ebs"), Some(&console(CLOUD_INIT)));
    assert!(failure.cause.ends_with(&impaired.cause), "{failure:?}");
    // EC2 has said why it is ending it.
    for (code, stage, cause) in [
        ("Client.VolumeLimitExceeded", BootStage::Volume, "limit of EBS volumes"),
        ("Client.UserInitiatedShutdown", BootStage::Ended, "Somebody terminated"),
        ("Server.Novel", BootStage::Unknown, "Server.Novel"),
    ] {
        let reason = reason(code, "");
        let late = Late { last: Some(Phase::Pending), reason: Some(&reason), is_ending: true, ..Late::default() };
        let failure = timed_out(late, &BootFacts::default(), None);
        assert_eq!(failure.stage, stage, "{code}: {failure:?}");
        assert!(failure.cause.contains(cause), "{code}: {failure:?}");
    }
}

#[test]
fn an_instance_that_ended_itself_is_explained_by_its_console() {
    let own = reason("Client.InstanceInitiatedShutdown", "Instance initiated shutdown");
    let failure = terminated(Some(&own), &BootFacts::default(), Some(&console(CLOUD_INIT)));
    assert!(failure.cause.contains("shut itself down: as its console shows, cloud-init failed"), "{failure:?}");
    let volume = reason("Server.InternalError", "Client.VolumeLimitExceeded: Volume limit exceeded");
    let failure = terminated(Some(&volume), &BootFacts::default(), Some(&console(PANIC)));
    assert_eq!(failure.stage, BootStage::Volume);
    assert!(failure.console.is_some() && !failure.cause.contains("console"), "{failure:?}");
}
