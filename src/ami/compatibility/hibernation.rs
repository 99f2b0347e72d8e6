//! What hibernation needs. The type's flag is not enough: memory size, root volume and
//! virtualization count too.
//!
//! Source: EC2 User Guide, "Prerequisites for EC2 instance hibernation" (2026-04). What a launch
//! can still change, the root volume's size, type and encryption, is a WARN. EC2 answers
//! UnsupportedHibernationConfiguration where a condition is not met.

use std::ops::ControlFlow;

use super::Wish;
use super::answer::{Answer, Rule};
use super::rule_doc::{
    HIBERNATION_MEMORY, HIBERNATION_ROOT_DEVICE, HIBERNATION_ROOT_VOLUME, HIBERNATION_TYPE, HIBERNATION_VIRTUALIZATION,
    HIBERNATION_WITH_ENCLAVE,
};
use crate::ami::classify::{is_windows_platform, root_volume};
use crate::ec2::facts::{Image, InstanceTypeFacts};

/// Linux hibernates with less memory than this.
const LINUX_MEMORY_MIB_LIMIT: i64 = 150 * 1024;

/// Windows hibernates with at most this much memory.
const WINDOWS_MEMORY_MIB_MAX: i64 = 16 * 1024;

/// Volume types that a hibernating root can be on.
const ROOT_VOLUME_TYPES: [&str; 4] = ["gp3", "gp2", "io1", "io2"];

/// Every condition, when hibernation is wanted.
pub(super) fn hibernation<A: Answer>(
    image: &Image,
    type_facts: &InstanceTypeFacts,
    wish: &Wish,
    visit: &mut (impl FnMut(A) -> ControlFlow<()> + ?Sized),
) -> ControlFlow<()> {
    if !wish.hibernation {
        return ControlFlow::Continue(());
    }
    visit(type_flag(type_facts))?;
    visit(memory(image, type_facts))?;
    visit(ebs_root(image))?;
    visit(hvm(image))?;
    visit(root_volume_fits(image, type_facts))?;
    if wish.enclave {
        visit(
            Rule::of(&HIBERNATION_WITH_ENCLAVE, "true")
                .fail(|| ("hibernation or enclave", "An instance cannot both hibernate and run enclaves.")),
        )?;
    }
    ControlFlow::Continue(())
}

fn type_flag<A: Answer>(type_facts: &InstanceTypeFacts) -> A {
    let name = &type_facts.instance_type;
    let rule = Rule::of(&HIBERNATION_TYPE, type_facts.hibernation_supported);
    match type_facts.hibernation_supported {
        Some(true) => rule.pass(|| ("true", format!("{name} can hibernate."))),
        Some(false) => rule.fail(|| ("true", format!("{name} cannot hibernate."))),
        None => rule.unknown(|| ("true", format!("EC2 does not say whether {name} can hibernate."))),
    }
}

fn memory<A: Answer>(image: &Image, type_facts: &InstanceTypeFacts) -> A {
    let name = &type_facts.instance_type;
    let rule = Rule::of(&HIBERNATION_MEMORY, type_facts.memory_mib);
    let Some(memory_mib) = type_facts.memory_mib else {
        return rule.unknown(|| ("", format!("EC2 does not give the memory of {name}.")));
    };
    let windows = is_windows_platform(image);
    let fits = if windows { memory_mib <= WINDOWS_MEMORY_MIB_MAX } else { memory_mib < LINUX_MEMORY_MIB_LIMIT };
    let expected = || {
        if windows {
            format!("at most {WINDOWS_MEMORY_MIB_MAX} for Windows")
        } else {
            format!("less than {LINUX_MEMORY_MIB_LIMIT} for Linux")
        }
    };
    if fits {
        rule.pass(|| (expected(), format!("{name} has no more memory than can hibernate.")))
    } else {
        rule.fail(|| (expected(), format!("{name} has more memory than can hibernate.")))
    }
}

fn ebs_root<A: Answer>(image: &Image) -> A {
    let root = image.root_device_type.as_deref();
    let rule = Rule::of(&HIBERNATION_ROOT_DEVICE, root);
    match root {
        Some("ebs") => rule.pass(|| ("ebs", "The memory can be saved on the EBS root.")),
        Some("instance-store") => {
            rule.fail(|| ("ebs", "Memory is saved on an EBS root, which the image does not have."))
        }
        _ => rule.unknown(|| ("ebs", "EC2 does not give the kind of root device.")),
    }
}

fn hvm<A: Answer>(image: &Image) -> A {
    let kind = image.virtualization_type.as_deref();
    let rule = Rule::of(&HIBERNATION_VIRTUALIZATION, kind);
    match kind {
        Some("hvm") => rule.pass(|| ("hvm", "HVM images can hibernate.")),
        Some("paravirtual") => rule.fail(|| ("hvm", "A paravirtual image cannot hibernate.")),
        _ => rule.unknown(|| ("hvm", "EC2 does not give the image's virtualization.")),
    }
}

/// The root must be encrypted, of a supported type, and large enough for the memory. All three can
/// be set at launch, so none is a FAIL.
fn root_volume_fits<A: Answer>(image: &Image, type_facts: &InstanceTypeFacts) -> A {
    let rule = Rule::of(&HIBERNATION_ROOT_VOLUME, None::<&str>);
    let Some(volume) = root_volume(image) else {
        return rule
            .at("image.root_device_name", image.root_device_name.as_deref())
            .warn(|| ("a mapping of the root volume", "No mapping is the root's, so its volume is not known."));
    };
    if volume.encrypted != Some(true) {
        return rule
            .at("image.block_device_mappings.ebs.encrypted", volume.encrypted)
            .warn(|| ("true", "Memory is saved on an encrypted root only, and the image's is not known to be."));
    }
    let kind = volume.volume_type.as_deref();
    if !kind.is_some_and(|kind| ROOT_VOLUME_TYPES.contains(&kind)) {
        return rule
            .at("image.block_device_mappings.ebs.volume_type", kind)
            .warn(|| (ROOT_VOLUME_TYPES.join(" or "), "Memory cannot be saved on a root volume of this type."));
    }
    let size_gib = volume.volume_size_gib.map(i64::from);
    let rule = rule.at("image.block_device_mappings.ebs.volume_size_gib", size_gib);
    let memory_gib = type_facts.memory_mib.map(|mib| mib / 1024);
    if size_gib.zip(memory_gib).is_some_and(|(size, memory)| size > memory) {
        rule.pass(|| {
            let message = "The root volume is encrypted and can hold the memory beside the system if little else is on \
                           it.";
            ("", message)
        })
    } else {
        rule.warn(|| {
            (
                format!("more than {} for the memory, beside the system", memory_gib.unwrap_or_default()),
                "The root volume is not known to be large enough for the memory.",
            )
        })
    }
}
