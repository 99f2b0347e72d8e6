//! Rules about the image's block device mappings: how many EBS volumes the type takes, and whether
//! the instance store volumes will be there.
//!
//! Source: EC2 User Guide, "EBS volume limits for EC2 instances" and "Add instance store volumes to
//! an EC2 instance" (2026-04).

use super::answer::{Answer, Rule};
use super::boot_facts::BootFacts;
use super::rule_doc::{EBS_ATTACHMENTS, INSTANCE_STORE};
use crate::ec2::facts::{InstanceStorageFacts, InstanceTypeFacts};

/// What takes a place of those that EBS volumes are attached at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Attachments {
    /// EBS volumes of the launch.
    pub(super) volumes: usize,
    /// Network interfaces of the launch, the primary one included.
    pub(super) interfaces: usize,
}

/// The EBS volumes against the type's limit. EC2's figure leaves room for one network interface
/// where the limit is shared with them; each further one takes a place. Nitro enforces the limit,
/// and on Xen it is what AWS recommends.
pub(super) fn ebs_attachments<A: Answer>(attachments: Attachments, type_facts: &InstanceTypeFacts) -> A {
    let name = &type_facts.instance_type;
    let Attachments { volumes, interfaces } = attachments;
    let rule = Rule::of(&EBS_ATTACHMENTS, i64::try_from(volumes).ok());
    let ebs = &type_facts.ebs;
    let Some(most) = ebs.maximum_ebs_attachments else {
        // Whatever boots from EBS takes one volume.
        if volumes <= 1 {
            return rule.pass(|| ("", "The image maps no more than a root volume."));
        }
        return rule
            .at("instance_type.ebs.maximum_ebs_attachments", None::<i64>)
            .unknown(|| (format!("at least {volumes}"), format!("EC2 does not say how many volumes {name} takes.")));
    };
    let shared = ebs.attachment_limit_type.as_deref() == Some("shared");
    let taken = if shared { interfaces.saturating_sub(1) } else { 0 };
    let most = usize::try_from(most).unwrap_or(0).saturating_sub(taken);
    let expected = || {
        let with = if shared { ", less one for each network interface after the first" } else { "" };
        format!("at most {}{with}", most.saturating_add(taken))
    };
    if volumes <= most {
        rule.pass(|| (expected(), format!("{volumes} EBS volumes can be attached to {name}.")))
    } else if type_facts.hypervisor.as_deref() == Some("xen") {
        rule.warn(|| {
            let message = format!("{volumes} EBS volumes are more than is recommended for {name}, and may not boot.");
            (expected(), message)
        })
    } else {
        rule.fail(|| (expected(), format!("{volumes} EBS volumes are more than {name} takes.")))
    }
}

/// The `ephemeralN` mappings against the type's disks. Mappings without a disk are ignored, so this
/// never fails; but what was to be on the disk has no place.
pub(super) fn instance_store<A: Answer>(image: &BootFacts<'_>, type_facts: &InstanceTypeFacts) -> A {
    let name = &type_facts.instance_type;
    let mapped = image.mappings.disks;
    let rule = Rule::of(&INSTANCE_STORE, Some(i64::from(mapped)));
    if mapped == 0 {
        return rule.pass(|| ("", "The image maps no instance store volumes."));
    }
    let storage = match (type_facts.instance_storage_supported, &type_facts.instance_storage) {
        (Some(false), _) => {
            return rule.warn(|| ("no mapping", format!("{name} has no instance store, and the mapping is ignored.")));
        }
        (_, Some(storage)) => storage,
        (supported, None) => {
            return rule
                .at("instance_type.instance_storage_supported", supported)
                .unknown(|| ("true", format!("EC2 does not describe the instance store of {name}.")));
        }
    };
    if storage.nvme_support.as_deref() == Some("required") {
        return rule.pass(|| ("", format!("{name} attaches its NVMe disks by itself; the mapping has no effect.")));
    }
    if name.as_str().starts_with("m3.") {
        return rule.remedy("Map the instance store volumes in the launch itself.").warn(|| {
            ("mappings at launch", format!("{name} ignores the image's instance store mappings, as all M3 types do."))
        });
    }
    match disks(storage) {
        None => rule
            .at("instance_type.instance_storage.disks", None::<i64>)
            .unknown(|| (format!("at least {mapped}"), format!("EC2 does not say how many disks {name} has."))),
        Some(disks) if mapped > disks => rule.warn(|| {
            let message = format!("{name} has fewer instance store disks than are mapped, and the others are ignored.");
            (format!("at most {disks}"), message)
        }),
        Some(disks) => {
            rule.pass(|| (format!("at most {disks}"), format!("{name} has a disk for each instance store mapping.")))
        }
    }
}

/// How many disks there are; none unless EC2 counts all of them.
fn disks(storage: &InstanceStorageFacts) -> Option<u32> {
    if storage.disks.is_empty() {
        return None;
    }
    storage.disks.iter().map(|disk| disk.count.and_then(|count| u32::try_from(count).ok())).sum()
}
