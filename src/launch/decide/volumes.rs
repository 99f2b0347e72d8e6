//! Volumes as the launch makes them: the image's, with the request's mappings laid over them, and what
//! stands against that.

use super::findings::{
    ROOT_IS_INSTANCE_STORE, ROOT_VOLUME_LEFT_OUT, ROOT_VOLUME_TYPE, VOLUME_INCOMPLETE, VOLUME_SMALLER_THAN_SNAPSHOT,
};
use crate::ec2::facts::{BlockDevice, EbsVolume, Image};
use crate::record::{BlockDeviceSpec, EbsSpec, Finding, Spec};

/// The image with the mappings that an instance of this launch gets.
pub(super) fn launched(spec: &Spec, image: &Image) -> Image {
    let mut launched = image.clone();
    for change in &spec.block_device_mappings {
        let name = change.device_name.as_str();
        let at = launched.block_device_mappings.iter().position(|known| known.device_name.as_deref() == Some(name));
        let known = at.and_then(|at| launched.block_device_mappings.get(at)).and_then(|known| known.ebs.clone());
        let device = BlockDevice {
            device_name: Some(name.to_owned()),
            virtual_name: change.virtual_name.clone(),
            no_device: change.no_device.then(String::new),
            ebs: change.ebs.as_ref().map(|ebs| over(ebs, known.unwrap_or_default())),
        };
        match at {
            Some(at) if change.no_device => drop(launched.block_device_mappings.remove(at)),
            Some(at) => launched.block_device_mappings[at] = device,
            None if change.no_device => {}
            None => launched.block_device_mappings.push(device),
        }
    }
    launched
}

fn over(asked: &EbsSpec, known: EbsVolume) -> EbsVolume {
    let signed = |number: Option<u32>| number.and_then(|number| i32::try_from(number).ok());
    EbsVolume {
        volume_size_gib: signed(asked.volume_size_gib).or(known.volume_size_gib),
        volume_type: asked.volume_type.clone().or(known.volume_type),
        snapshot_id: asked.snapshot_id.clone().or(known.snapshot_id),
        // A volume from an encrypted snapshot is encrypted, whatever is asked.
        encrypted: if known.encrypted == Some(true) { known.encrypted } else { asked.encrypted.or(known.encrypted) },
        ..known
    }
}

/// How many EBS volumes the launch has.
pub(super) fn count(launched: &Image) -> usize {
    launched.block_device_mappings.iter().filter(|known| known.ebs.is_some() && known.no_device.is_none()).count()
}

/// What stands against the changes to the image's volumes.
pub(super) fn volume_findings(spec: &Spec, image: &Image) -> Vec<Finding> {
    let changes = spec.block_device_mappings.iter().enumerate();
    changes.flat_map(|(position, change)| about(position, change, image)).collect()
}

fn about(position: usize, change: &BlockDeviceSpec, image: &Image) -> Vec<Finding> {
    let field = format!("spec.block_device_mappings[{position}]");
    let is_root = image.root_device_name.as_deref() == Some(change.device_name.as_str());
    let on_ebs = image.root_device_type.as_deref() == Some("ebs");
    let mut findings = Vec::new();
    let Some(ebs) = &change.ebs else {
        if is_root && on_ebs {
            let observed = change.virtual_name.as_deref().unwrap_or("no device");
            findings.push(Finding { field, ..ROOT_VOLUME_LEFT_OUT.finding(observed) });
        }
        return findings;
    };
    if is_root && image.root_device_type.as_deref() == Some("instance-store") {
        let observed = format!("an EBS volume on {}", change.device_name);
        findings.push(Finding { field: field.clone(), ..ROOT_IS_INSTANCE_STORE.finding(observed) });
    }
    let of_image = image
        .block_device_mappings
        .iter()
        .find(|known| known.device_name.as_deref() == Some(change.device_name.as_str()))
        .and_then(|known| known.ebs.as_ref());
    let least = of_image.filter(|volume| volume.snapshot_id.is_some()).and_then(|volume| volume.volume_size_gib);
    if let (Some(least), Some(size)) = (least, ebs.volume_size_gib)
        && i64::from(size) < i64::from(least)
    {
        findings.push(Finding {
            field: format!("{field}.ebs.volume_size_gib"),
            expected: format!("at least {least} GiB"),
            message: format!("The volume on {} cannot be smaller than the AMI's snapshot.", change.device_name),
            ..VOLUME_SMALLER_THAN_SNAPSHOT.finding(format!("{size} GiB"))
        });
    }
    let kind = ebs.volume_type.as_deref().or(of_image.and_then(|volume| volume.volume_type.as_deref()));
    if let Some(kind @ ("st1" | "sc1")) = kind
        && is_root
    {
        findings.push(Finding { field: format!("{field}.ebs.volume_type"), ..ROOT_VOLUME_TYPE.finding(kind) });
    }
    let mut lacks = |name: &str, expected: &str, message: &str| {
        findings.push(Finding {
            field: format!("{field}.ebs.{name}"),
            expected: expected.to_owned(),
            message: message.to_owned(),
            ..VOLUME_INCOMPLETE.finding("absent")
        });
    };
    if of_image.is_none() && ebs.volume_size_gib.is_none() && ebs.snapshot_id.is_none() {
        lacks(
            "volume_size_gib",
            "a size or a snapshot",
            "A volume that the image does not have needs a size or a snapshot.",
        );
    }
    let has_iops = ebs.iops.is_some() || of_image.is_some_and(|volume| volume.iops.is_some());
    if matches!(kind, Some("io1" | "io2")) && !has_iops {
        lacks("iops", "a number", "Volumes of the types io1 and io2 need their IOPS said.");
    }
    if ebs.kms_key_id.is_some() && ebs.encrypted != Some(true) {
        lacks("encrypted", "true", "A key needs encrypted to be true.");
    }
    findings
}

#[cfg(test)]
mod tests;
