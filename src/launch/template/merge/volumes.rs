//! Block device mappings, of a request over those of a template.

use crate::ec2::run::{RunBlockDevice, RunEbsVolume};
use crate::record::{BlockDeviceSpec, EbsSpec};

/// The template's mappings, each changed by the request's mapping of the same device, and then the others
/// of the request.
pub(super) fn merge(asked: &[BlockDeviceSpec], template: &[RunBlockDevice]) -> Vec<BlockDeviceSpec> {
    let changed = template.iter().map(|device| {
        let own = asked.iter().find(|own| own.device_name == device.device_name);
        own.map_or_else(|| carried(device), |own| over(own, device))
    });
    let is_new = |own: &&BlockDeviceSpec| template.iter().all(|device| device.device_name != own.device_name);
    changed.chain(asked.iter().filter(is_new).cloned()).collect()
}

/// What kind of volume a device is wins as a whole; of an EBS volume each field by itself.
fn over(own: &BlockDeviceSpec, template: &RunBlockDevice) -> BlockDeviceSpec {
    match (&own.ebs, &template.ebs) {
        (Some(own_ebs), Some(template)) => BlockDeviceSpec { ebs: Some(volume(own_ebs, template)), ..own.clone() },
        _ => own.clone(),
    }
}

fn volume(own: &EbsSpec, template: &RunEbsVolume) -> EbsSpec {
    let template = carried_volume(template);
    // Performance belongs to the type of volume that it was chosen for, and a key to encryption.
    let same_type = own.volume_type.is_none() || own.volume_type == template.volume_type;
    let encrypts = own.encrypted != Some(false);
    EbsSpec {
        volume_size_gib: own.volume_size_gib.or(template.volume_size_gib),
        volume_type: own.volume_type.clone().or(template.volume_type),
        iops: own.iops.or(template.iops.filter(|_| same_type)),
        throughput_mibps: own.throughput_mibps.or(template.throughput_mibps.filter(|_| same_type)),
        snapshot_id: own.snapshot_id.clone().or(template.snapshot_id),
        encrypted: own.encrypted.or(template.encrypted),
        kms_key_id: own.kms_key_id.clone().or(template.kms_key_id.filter(|_| encrypts)),
        delete_on_termination: own.delete_on_termination.or(template.delete_on_termination),
    }
}

fn carried(device: &RunBlockDevice) -> BlockDeviceSpec {
    BlockDeviceSpec {
        device_name: device.device_name.clone(),
        virtual_name: device.virtual_name.clone(),
        no_device: device.no_device,
        ebs: device.ebs.as_ref().map(carried_volume),
    }
}

fn carried_volume(ebs: &RunEbsVolume) -> EbsSpec {
    EbsSpec {
        volume_size_gib: ebs.volume_size_gib,
        volume_type: ebs.volume_type.clone(),
        iops: ebs.iops,
        throughput_mibps: ebs.throughput_mibps,
        snapshot_id: ebs.snapshot_id.clone(),
        encrypted: ebs.encrypted,
        kms_key_id: ebs.kms_key_id.clone(),
        delete_on_termination: ebs.delete_on_termination,
    }
}
