//! Block device mappings, on the way in. Ranges that differ by volume type and grow over the years
//! are left to EC2.

use super::place::prefixed_id;
use crate::api::convert::violation::{ViolationReason, Violations, quoted};
use crate::api::pb;
use crate::record::{BlockDeviceSpec, EbsSpec};

/// Block device mappings of one launch: the most volumes that any type can attach.
const BLOCK_DEVICES_MAX: usize = 40;

/// Characters of a device name; EC2's own are far shorter.
const DEVICE_NAME_CHARS_MAX: usize = 64;

/// Characters of a KMS key's id, alias or ARN (KMS API Reference).
const KMS_KEY_CHARS_MAX: usize = 2_048;

/// GiB of the largest volume there is (gp3 and io2).
const VOLUME_SIZE_GIB_MAX: u32 = 65_536;

/// The highest N of `ephemeralN` (EC2 User Guide, "Block device mappings").
const EPHEMERAL_MAX: u8 = 23;

const VOLUME_TYPES: [&str; 7] = ["gp3", "gp2", "io1", "io2", "st1", "sc1", "standard"];

pub(super) fn block_devices(given: &[pb::BlockDeviceSpec], violations: &mut Violations) -> Vec<BlockDeviceSpec> {
    if !violations.at_most("spec.block_device_mappings", given.len(), BLOCK_DEVICES_MAX) {
        return Vec::new();
    }
    let mut devices: Vec<BlockDeviceSpec> = Vec::with_capacity(given.len());
    for (index, given) in given.iter().enumerate() {
        let field = format!("spec.block_device_mappings[{index}]");
        if devices.iter().any(|earlier| earlier.device_name == given.device_name) {
            violations.add(
                format!("{field}.device_name"),
                ViolationReason::InvalidField,
                format!("{} is given twice", quoted(&given.device_name)),
            );
        }
        devices.push(block_device(&field, given, violations));
    }
    devices
}

fn block_device(field: &str, given: &pb::BlockDeviceSpec, violations: &mut Violations) -> BlockDeviceSpec {
    let pb::BlockDeviceSpec { device_name, virtual_name, no_device, ebs } = given;
    if device_name.is_empty() {
        violations.missing(&format!("{field}.device_name"));
    }
    violations.text(&format!("{field}.device_name"), device_name, DEVICE_NAME_CHARS_MAX);
    if let Some(name) = virtual_name
        && !name.strip_prefix("ephemeral").is_some_and(|n| n.parse::<u8>().is_ok_and(|n| n <= EPHEMERAL_MAX))
    {
        violations.add(
            format!("{field}.virtual_name"),
            ViolationReason::InvalidField,
            format!("{} is not accepted: expected ephemeral0 to ephemeral{EPHEMERAL_MAX}", quoted(name)),
        );
    }
    if usize::from(virtual_name.is_some()) + usize::from(*no_device) + usize::from(ebs.is_some()) != 1 {
        violations.add(
            field,
            ViolationReason::ConflictingFields,
            "exactly one of virtual_name, no_device and ebs is needed",
        );
    }
    BlockDeviceSpec {
        device_name: device_name.clone(),
        virtual_name: virtual_name.clone(),
        no_device: *no_device,
        ebs: ebs.as_ref().map(|ebs| volume(&format!("{field}.ebs"), ebs, violations)),
    }
}

fn volume(field: &str, given: &pb::EbsSpec, violations: &mut Violations) -> EbsSpec {
    let pb::EbsSpec {
        volume_size_gib,
        volume_type,
        iops,
        throughput_mib_per_second,
        snapshot_id,
        encrypted,
        kms_key_id,
        delete_on_termination,
    } = given;
    if volume_size_gib.is_some_and(|gib| !(1..=VOLUME_SIZE_GIB_MAX).contains(&gib)) {
        violations.add(
            format!("{field}.volume_size_gib"),
            ViolationReason::InvalidField,
            format!("must be between 1 and {VOLUME_SIZE_GIB_MAX}"),
        );
    }
    if let Some(volume_type) = volume_type {
        violations.one_of(&format!("{field}.volume_type"), volume_type, &VOLUME_TYPES);
    }
    if matches!(volume_type.as_deref(), Some("io1" | "io2")) && iops.is_none() {
        violations.add(format!("{field}.iops"), ViolationReason::MissingField, "required for io1 and io2");
    }
    if throughput_mib_per_second.is_some() && volume_type.as_deref().is_some_and(|name| name != "gp3") {
        violations.add(
            format!("{field}.throughput_mib_per_second"),
            ViolationReason::ConflictingFields,
            "only gp3 volumes have it",
        );
    }
    prefixed_id(&format!("{field}.snapshot_id"), "snap-", snapshot_id.as_deref(), violations);
    if let Some(key) = kms_key_id {
        let field = format!("{field}.kms_key_id");
        violations.text(&field, key, KMS_KEY_CHARS_MAX);
        if *encrypted != Some(true) {
            violations.add(field, ViolationReason::ConflictingFields, "a key needs encrypted to be true");
        }
    }
    EbsSpec {
        volume_size_gib: *volume_size_gib,
        volume_type: volume_type.clone(),
        iops: *iops,
        throughput_mibps: *throughput_mib_per_second,
        snapshot_id: snapshot_id.clone(),
        encrypted: *encrypted,
        kms_key_id: kms_key_id.clone(),
        delete_on_termination: *delete_on_termination,
    }
}
