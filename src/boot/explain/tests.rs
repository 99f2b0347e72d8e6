//! Recorded reasons and what becomes of them.

use super::*;
use crate::ec2::facts::StatusSummary;

fn reason(code: &str, message: &str) -> StateReason {
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    StateReason { code: text(code), message: text(message) }
}

#[test]
fn terminations_are_explained_by_message_before_code() {
    let cases = [
        ("Server.InternalError", "Client.VolumeLimitExceeded: Volume limit exceeded", BootStage::Volume),
        ("Client.VolumeLimitExceeded", "Client.VolumeLimitExceeded: Volume limit exceeded", BootStage::Volume),
        ("Client.InternalError", "Client.InternalError: Client error on launch", BootStage::Kms),
        ("Client.InvalidSnapshot.NotFound", "", BootStage::Snapshot),
        ("Server.InsufficientInstanceCapacity", "Server.InsufficientInstanceCapacity: …", BootStage::Capacity),
        ("Server.InternalError", "Server.InternalError: Internal error on launch", BootStage::System),
        ("Server.SpotInstanceTermination", "Server.SpotInstanceTermination: Spot", BootStage::Ended),
        ("Client.InstanceInitiatedShutdown", "Instance initiated shutdown", BootStage::Instance),
        ("Server.BrandNew", "something: else", BootStage::Unknown),
        ("", "", BootStage::Unknown),
    ];
    for (code, message, stage) in cases {
        let failure = terminated(Some(&reason(code, message)), &BootFacts::default());
        assert_eq!(failure.stage, stage, "{code} {message}");
        assert!(!failure.cause.is_empty() && !failure.remedy.is_empty(), "{code}");
    }
    let unknown = terminated(Some(&reason("Server.BrandNew", "odd")), &BootFacts::default());
    assert!(unknown.cause.contains("Server.BrandNew: odd"), "an unknown reason is quoted: {}", unknown.cause);
}

fn status(system: &str, instance: &str, ebs: &str) -> InstanceStatus {
    let summary =
        |status: &str| Some(StatusSummary { status: status.to_owned(), details: Vec::new(), impaired_since: None });
    InstanceStatus {
        instance_id: "i-00000000".parse().unwrap(),
        state: None,
        availability_zone: None,
        system: summary(system),
        instance: summary(instance),
        attached_ebs: summary(ebs),
        application: None,
        performance: None,
        events: Vec::new(),
    }
}

#[test]
fn impairments_name_the_part_that_fails() {
    let uefi_by_bios = BootFacts {
        boot_mode: Some("uefi".to_owned()),
        current_boot_mode: Some("legacy-bios".to_owned()),
        root_device_type: None,
    };
    let plain = BootFacts::default();
    let cases = [
        (status("impaired", "impaired", "ok"), &plain, BootStage::System),
        (status("ok", "ok", "impaired"), &plain, BootStage::Ebs),
        (status("ok", "impaired", "ok"), &plain, BootStage::Instance),
        (status("ok", "impaired", "ok"), &uefi_by_bios, BootStage::BootMode),
    ];
    for (status, boot, stage) in cases {
        assert_eq!(impaired(&status, boot).stage, stage);
    }
}
