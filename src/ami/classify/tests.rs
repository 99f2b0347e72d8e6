//! The notes this project was born from, and that every conclusion names its fact.

mod examples;
mod properties;

use serde_json::Value;

use super::*;
use crate::ec2::facts::{BlockDevice, EbsVolume, ProductCode};
use crate::record::Outcome;

const OWN: &str = "111122223333";
const OTHER: &str = "444455556666";

fn viewer() -> Viewer {
    Viewer::of(OWN.parse().unwrap())
}

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

fn ebs(device: &str, encrypted: bool, delete: bool) -> BlockDevice {
    BlockDevice {
        device_name: text(device),
        virtual_name: None,
        no_device: None,
        ebs: Some(EbsVolume {
            snapshot_id: text("snap-0123456789abcdef0"),
            volume_size_gib: Some(8),
            volume_type: text("gp3"),
            encrypted: Some(encrypted),
            delete_on_termination: Some(delete),
            ..EbsVolume::default()
        }),
    }
}

/// Amazon Linux 2023 as Amazon publishes it.
pub(in crate::ami) fn amazon_linux() -> Image {
    let mut image = Image::unknown("ami-0123456789abcdef0".parse().unwrap());
    image.name = text("al2023-ami-2023.5.20240730.0-kernel-6.1-x86_64");
    image.owner_id = text("137112412989");
    image.image_owner_alias = text("amazon");
    image.architecture = text("x86_64");
    image.image_type = text("machine");
    image.state = text("available");
    image.virtualization_type = text("hvm");
    image.hypervisor = text("xen");
    image.root_device_type = text("ebs");
    image.root_device_name = text("/dev/xvda");
    image.boot_mode = text("uefi-preferred");
    image.imds_support = text("v2.0");
    image.ena_support = Some(true);
    image.public = Some(true);
    image.platform_details = text("Linux/UNIX");
    image.usage_operation = text("RunInstances");
    image.block_device_mappings = vec![ebs("/dev/xvda", false, true)];
    image
}

/// A 32-bit paravirtual image of 2012, with its root on instance store.
fn old_paravirtual() -> Image {
    let mut image = amazon_linux();
    image.architecture = text("i386");
    image.virtualization_type = text("paravirtual");
    image.root_device_type = text("instance-store");
    image.root_device_name = text("/dev/sda1");
    image.kernel_id = text("aki-88aa75e1");
    image.boot_mode = None;
    image.imds_support = None;
    image.block_device_mappings = vec![BlockDevice {
        device_name: text("/dev/sdb"),
        virtual_name: text("ephemeral0"),
        no_device: None,
        ebs: None,
    }];
    image
}

fn seen(image: &Image) -> Classification {
    classify(image, &viewer(), None, now())
}

fn codes(classification: &Classification) -> Vec<&str> {
    classification.found.iter().map(|found| found.rule.code).collect()
}

#[test]
fn an_ebs_backed_hvm_image_of_today() {
    let seen = seen(&amazon_linux());
    assert_eq!(seen.root_device, RootDevice::EbsBacked);
    assert_eq!(seen.virtualization, Virtualization::Hvm);
    assert_eq!(seen.source, Source::Amazon);
    assert_eq!(seen.boot_path, BootPath::UefiPreferred);
    assert_eq!(seen.boot_speed, BootSpeed::Fast);
    assert!(seen.boot_speed.reason().contains("ready at once"));
    assert_eq!(
        seen.persistence,
        Persistence {
            stoppable: Some(true),
            root_survives_stop: Some(true),
            root_deleted_on_terminate: Some(true),
            root_survives_reboot: Some(true),
            ephemeral_lost_on_stop: Some(true),
        }
    );
    assert_eq!((seen.storage.volume_count, seen.storage.total_gib), (1, Some(8)));
    assert_eq!(seen.storage.image_store, ImageStore::EbsSnapshot);
    assert_eq!(seen.hardware_extensions.enhanced_networking_ena.reachability, Reachability::Reachable);
    assert_eq!(seen.hardware_extensions.gpu.reachability, Reachability::Reachable);
    assert_eq!(seen.recommendation, Recommendation::Recommended);
    assert_eq!(codes(&seen), ["NO_TPM"]);
}

#[test]
fn an_instance_store_backed_paravirtual_image_of_old() {
    let seen = seen(&old_paravirtual());
    assert_eq!(seen.root_device, RootDevice::InstanceStoreBacked);
    assert_eq!(seen.virtualization, Virtualization::Paravirtual);
    assert_eq!(seen.boot_path, BootPath::PvGrub);
    assert_eq!(seen.boot_speed, BootSpeed::Slow);
    assert_eq!(
        seen.persistence,
        Persistence {
            stoppable: Some(false),
            root_survives_stop: Some(false),
            root_deleted_on_terminate: Some(true),
            root_survives_reboot: Some(true),
            ephemeral_lost_on_stop: Some(true),
        }
    );
    assert_eq!((seen.storage.volume_count, seen.storage.ephemeral_count), (0, 1));
    assert_eq!(seen.storage.image_store, ImageStore::S3);
    // It carries the ENA flag, as some such images do, and that changes nothing.
    assert_eq!(seen.hardware_extensions.enhanced_networking_ena.reachability, Reachability::Unreachable);
    assert_eq!(seen.recommendation, Recommendation::Discouraged);
    assert_eq!(codes(&seen), ["INSTANCE_STORE_ROOT", "PARAVIRTUAL", "ARCHITECTURE_I386", "IMDSV1_ALLOWED"]);
}

#[test]
fn boot_paths_follow_from_mode_architecture_and_virtualization() {
    let cases = [
        ("x86_64", "hvm", None, BootPath::BiosMbr),
        ("arm64", "hvm", None, BootPath::Uefi),
        ("x86_64", "hvm", Some("uefi"), BootPath::Uefi),
        ("x86_64", "hvm", Some("legacy-bios"), BootPath::BiosMbr),
        ("x86_64", "paravirtual", Some("uefi"), BootPath::PvGrub),
        ("arm64_mac", "hvm", None, BootPath::Mac),
        ("riscv64", "hvm", None, BootPath::Unknown),
        ("x86_64", "hvm", Some("uefi-only-v3"), BootPath::Unknown),
    ];
    for (architecture, virtualization, mode, expected) in cases {
        let mut image = amazon_linux();
        image.architecture = text(architecture);
        image.virtualization_type = text(virtualization);
        image.boot_mode = mode.map(str::to_owned);
        assert_eq!(seen(&image).boot_path, expected, "{architecture} {virtualization} {mode:?}");
    }
}

#[test]
fn sources_and_permissions_are_told_by_alias_owner_and_publicity() {
    let cases = [
        (OTHER, Some("amazon"), true, Source::Amazon, None),
        (OTHER, Some("aws-marketplace"), false, Source::Marketplace, None),
        (OWN, Some("aws-backup-vault"), false, Source::Backup, None),
        (OWN, None, true, Source::Owned, None),
        (OTHER, None, true, Source::Community, None),
        (OTHER, None, false, Source::Shared, Some(true)),
        (OTHER, Some("a-new-alias"), true, Source::Unknown, None),
    ];
    for (owner, alias, public, source, explicit) in cases {
        let mut image = amazon_linux();
        image.owner_id = text(owner);
        image.image_owner_alias = alias.map(str::to_owned);
        image.public = Some(public);
        let seen = seen(&image);
        assert_eq!(seen.source, source, "{owner} {alias:?} {public}");
        assert_eq!(seen.launch_permissions.explicit, explicit, "{owner} {alias:?} {public}");
        assert_eq!(seen.launch_permissions.implicit, Some(owner == OWN));
        let look_alike = matches!(source, Source::Community | Source::Shared);
        assert_eq!(codes(&seen).contains(&"LOOK_ALIKE_NAME"), look_alike, "{owner} {alias:?}");
    }
    let mut own = amazon_linux();
    own.owner_id = text(OWN);
    own.public = Some(false);
    let listed = |entries: &[LaunchPermission]| classify(&own, &viewer(), Some(entries), now()).launch_permissions;
    let organization = LaunchPermission::Organization("arn:aws:organizations::1:organization/o-1".to_owned());
    assert_eq!(listed(&[]).explicit, Some(false));
    assert_eq!(listed(&[LaunchPermission::Account(OWN.to_owned())]).explicit, Some(true));
    assert_eq!(listed(&[organization]).explicit, None, "whether the account belongs to it is not known");
    assert!(listed(&[]).entries_known);
}

#[test]
fn findings_follow_from_their_facts() {
    type Case = (&'static str, fn(&mut Image), Outcome, Recommendation);
    use Recommendation::{Acceptable, Discouraged, Recommended, Unknown, Unlaunchable};
    let cases: [Case; 18] = [
        ("ENA_MISSING", |image| image.ena_support = None, Outcome::Warn, Discouraged),
        ("LEGACY_BIOS", |image| image.boot_mode = None, Outcome::Warn, Acceptable),
        ("IMDSV1_ALLOWED", |image| image.imds_support = None, Outcome::Warn, Recommended),
        ("NOT_AVAILABLE", |image| image.state = text("disabled"), Outcome::Fail, Unlaunchable),
        ("NOT_AVAILABLE", |image| image.state = text("transient"), Outcome::Fail, Unlaunchable),
        ("NOT_A_MACHINE_IMAGE", |image| image.image_type = text("kernel"), Outcome::Fail, Unlaunchable),
        ("NO_TPM", |image| image.state = None, Outcome::Warn, Unknown),
        ("DEPRECATED", |image| image.deprecation_time = Some(now()), Outcome::Warn, Discouraged),
        (
            "DEPRECATION_NEAR",
            |image| image.deprecation_time = "2026-07-01T00:00:00Z".parse().ok(),
            Outcome::Warn,
            Recommended,
        ),
        (
            "NOT_LAUNCHED_FOR_LONG",
            |image| image.last_launched_time = "2025-07-01T00:00:00Z".parse().ok(),
            Outcome::Warn,
            Recommended,
        ),
        ("NOT_ALLOWED", |image| image.image_allowed = Some(false), Outcome::Warn, Recommended),
        ("PUBLIC_UNENCRYPTED", |image| image.owner_id = text(OWN), Outcome::Warn, Recommended),
        (
            "ROOT_KEPT_AFTER_TERMINATE",
            |image| image.block_device_mappings = vec![ebs("/dev/xvda", true, false)],
            Outcome::Warn,
            Recommended,
        ),
        ("LICENCE_BILLED", |image| image.usage_operation = text("RunInstances:0g00"), Outcome::Warn, Recommended),
        ("BILLING_CODE_MISMATCH", |image| image.platform = text("windows"), Outcome::Warn, Recommended),
        (
            "MARKETPLACE_SUBSCRIPTION",
            |image| image.product_codes = vec![ProductCode { id: text("abc"), kind: text("marketplace") }],
            Outcome::Warn,
            Recommended,
        ),
        (
            "VULNERABILITIES_FOUND",
            |image| {
                image.scan_result = Some(crate::ec2::facts::ScanResult {
                    highest_finding_severity_label: text("critical"),
                    ..Default::default()
                });
            },
            Outcome::Warn,
            Recommended,
        ),
        (
            "INSTANCE_TYPES_LIMITED",
            |image| {
                image.instance_type_specification = Some(crate::ec2::facts::InstanceTypeSpecification {
                    supported_instance_types: vec!["m7i.*".to_owned()],
                    unsupported_instance_types: Vec::new(),
                });
            },
            Outcome::Warn,
            Recommended,
        ),
    ];
    for (code, change, outcome, recommendation) in cases {
        let mut image = amazon_linux();
        change(&mut image);
        let seen = seen(&image);
        let found = seen.found.iter().find(|found| found.rule.code == code);
        assert_eq!(found.map(|found| found.rule.outcome), Some(outcome), "{code}");
        assert_eq!(seen.recommendation, recommendation, "{code}");
    }
}

#[test]
fn all_usage_operations_are_known_and_a_new_one_is_passed_on() {
    let licensing = |operation: Option<&str>, details: Option<&str>| {
        let mut image = amazon_linux();
        image.usage_operation = operation.map(str::to_owned);
        image.platform_details = details.map(str::to_owned);
        seen(&image).licensing
    };
    for known in USAGE_OPERATIONS {
        assert_eq!(licensing(Some(known.code), None).billed, Some(known.billed), "{}", known.code);
        assert_eq!(licensing(None, Some(known.platform_details)).meaning, known.meaning, "{}", known.code);
    }
    let new = licensing(Some("RunInstances:9z9z"), Some("Plan 9"));
    assert_eq!((&*new.usage_operation, new.billed), ("RunInstances:9z9z", None));
}

#[test]
fn real_records_are_classified() {
    let mut discouraged = 0;
    let records = include_str!("../../../data/amis-us-east-1.jsonl");
    for line in records.lines() {
        let json: Value = serde_json::from_str(line).unwrap();
        let field = |name: &str| json[name].as_str().map(str::to_owned);
        let mut image = Image::unknown("ami-0123456789abcdef0".parse().unwrap());
        image.root_device_type = field("root_device_type");
        image.virtualization_type = field("virtualization_type");
        image.architecture = field("architecture");
        image.state = field("state");
        image.owner_id = field("owner_id");
        image.public = json["public"].as_bool();
        image.ena_support = Some(true);
        let seen = seen(&image);
        assert_eq!(seen.source, Source::Community, "these records carry no alias");
        discouraged += u32::from(seen.recommendation == Recommendation::Discouraged);
    }
    assert_eq!(discouraged, 4, "three paravirtual images and one on instance store");
}
