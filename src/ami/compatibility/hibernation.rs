//! What hibernation needs. The type's flag is not enough: memory size, root volume and
//! virtualization count too.
//!
//! Source: EC2 User Guide, "Prerequisites for EC2 instance hibernation" (2026-04). What a launch
//! can still change, the root volume's size, type and encryption, is a WARN. EC2 answers
//! UnsupportedHibernationConfiguration where a condition is not met.

use super::Wish;
use super::words::{ABSENT, Rule, seen};
use crate::ami::classify::{is_windows_platform, root_volume};
use crate::ec2::facts::{Image, InstanceTypeFacts};
use crate::record::Finding;

/// Linux hibernates with less memory than this.
const LINUX_MEMORY_MIB_LIMIT: i64 = 150 * 1024;

/// Windows hibernates with at most this much memory.
const WINDOWS_MEMORY_MIB_MAX: i64 = 16 * 1024;

/// Volume types that a hibernating root can be on.
const ROOT_VOLUME_TYPES: [&str; 4] = ["gp3", "gp2", "io1", "io2"];

/// Every condition, when hibernation is wanted.
pub(super) fn hibernation(image: &Image, type_facts: &InstanceTypeFacts, wish: &Wish) -> Vec<Finding> {
    if !wish.hibernation {
        return Vec::new();
    }
    let mut findings = vec![
        type_flag(type_facts),
        memory(image, type_facts),
        ebs_root(image),
        hvm(image),
        root_volume_fits(image, type_facts),
    ];
    if wish.enclave {
        findings.push(Rule { code: "HIBERNATION_WITH_ENCLAVE", field: "hibernation", observed: "true" }.fail(
            "hibernation or enclave",
            "An instance cannot both hibernate and run enclaves.",
            "Leave one of them out.",
        ));
    }
    findings
}

fn type_flag(type_facts: &InstanceTypeFacts) -> Finding {
    let name = &type_facts.instance_type;
    let code = "HIBERNATION_NOT_SUPPORTED";
    let field = "instance_type.hibernation_supported";
    match type_facts.hibernation_supported {
        Some(true) => Rule { code, field, observed: "true" }.pass("true", format!("{name} can hibernate.")),
        Some(false) => Rule { code, field, observed: "false" }.fail(
            "true",
            format!("{name} cannot hibernate."),
            "Choose a type that can, or leave hibernation out.",
        ),
        None => Rule { code, field, observed: ABSENT }
            .unknown("true", format!("EC2 does not say whether {name} can hibernate.")),
    }
}

fn memory(image: &Image, type_facts: &InstanceTypeFacts) -> Finding {
    let name = &type_facts.instance_type;
    let code = "HIBERNATION_MEMORY_LIMIT";
    let field = "instance_type.memory_mib";
    let Some(memory_mib) = type_facts.memory_mib else {
        return Rule { code, field, observed: ABSENT }.unknown("", format!("EC2 does not give the memory of {name}."));
    };
    let windows = is_windows_platform(image);
    let (fits, expected) = if windows {
        (memory_mib <= WINDOWS_MEMORY_MIB_MAX, format!("at most {WINDOWS_MEMORY_MIB_MAX} for Windows"))
    } else {
        (memory_mib < LINUX_MEMORY_MIB_LIMIT, format!("less than {LINUX_MEMORY_MIB_LIMIT} for Linux"))
    };
    let observed = memory_mib.to_string();
    let rule = Rule { code, field, observed: &observed };
    if fits {
        rule.pass(expected, format!("{name} has no more memory than can hibernate."))
    } else {
        rule.fail(expected, format!("{name} has more memory than can hibernate."), "Choose a type with less memory.")
    }
}

fn ebs_root(image: &Image) -> Finding {
    let root = image.root_device_type.as_deref();
    let rule = Rule { code: "HIBERNATION_ROOT_DEVICE", field: "image.root_device_type", observed: seen(root) };
    match root {
        Some("ebs") => rule.pass("ebs", "The memory can be saved on the EBS root."),
        Some("instance-store") => rule.fail(
            "ebs",
            "Memory is saved on an EBS root, which the image does not have.",
            "Choose an EBS-backed image.",
        ),
        _ => rule.unknown("ebs", "EC2 does not give the kind of root device."),
    }
}

fn hvm(image: &Image) -> Finding {
    let kind = image.virtualization_type.as_deref();
    let rule = Rule { code: "HIBERNATION_VIRTUALIZATION", field: "image.virtualization_type", observed: seen(kind) };
    match kind {
        Some("hvm") => rule.pass("hvm", "HVM images can hibernate."),
        Some("paravirtual") => {
            rule.fail("hvm", "A paravirtual image cannot hibernate.", "Choose an HVM image prepared for hibernation.")
        }
        _ => rule.unknown("hvm", "EC2 does not give the image's virtualization."),
    }
}

/// The root must be encrypted, of a supported type, and large enough for the memory. All three can
/// be set at launch, so none is a FAIL.
fn root_volume_fits(image: &Image, type_facts: &InstanceTypeFacts) -> Finding {
    let code = "HIBERNATION_ROOT_VOLUME";
    let remedy = "Set an encrypted gp3 volume, larger than the type's memory, for the root device at launch.";
    let Some(volume) = root_volume(image) else {
        return Rule { code, field: "image.root_device_name", observed: seen(image.root_device_name.as_deref()) }.warn(
            "a mapping of the root volume",
            "No mapping is the root's, so its volume is not known.",
            remedy,
        );
    };
    if volume.encrypted != Some(true) {
        let observed = if volume.encrypted.is_some() { "false" } else { ABSENT };
        return Rule { code, field: "image.block_device_mappings.ebs.encrypted", observed }.warn(
            "true",
            "Memory is saved on an encrypted root only, and the image's is not known to be.",
            remedy,
        );
    }
    let kind = volume.volume_type.as_deref();
    if !kind.is_some_and(|kind| ROOT_VOLUME_TYPES.contains(&kind)) {
        return Rule { code, field: "image.block_device_mappings.ebs.volume_type", observed: seen(kind) }.warn(
            ROOT_VOLUME_TYPES.join(" or "),
            "Memory cannot be saved on a root volume of this type.",
            remedy,
        );
    }
    let size_gib = volume.volume_size_gib.map(i64::from);
    let observed = size_gib.map_or_else(|| ABSENT.to_owned(), |gib| gib.to_string());
    let rule = Rule { code, field: "image.block_device_mappings.ebs.volume_size_gib", observed: &observed };
    let memory_gib = type_facts.memory_mib.map(|mib| mib / 1024);
    if size_gib.zip(memory_gib).is_some_and(|(size, memory)| size > memory) {
        rule.pass("", "The root volume is encrypted and can hold the memory beside the system if little else is on it.")
    } else {
        rule.warn(
            format!("more than {} for the memory, beside the system", memory_gib.unwrap_or_default()),
            "The root volume is not known to be large enough for the memory.",
            remedy,
        )
    }
}
