//! Rules about places and volumes: subnets, zones, and volumes that the image cannot give.

use crate::ec2::facts::Image;
use crate::record::{Finding, Placement, Spec};

use super::Facts;
use super::findings::{
    AVAILABILITY_ZONE_NOT_FOUND, ROOT_IS_INSTANCE_STORE, SUBNET_FULL, SUBNET_NOT_FOUND, VOLUME_SMALLER_THAN_SNAPSHOT,
};

/// The zone a placement means: named, or implied by its subnet.
pub(super) fn zone_of<'a>(placement: &'a Placement, facts: &'a Facts) -> Option<&'a str> {
    match (&placement.availability_zone, &placement.subnet_id) {
        (Some(zone), _) => Some(zone.as_str()),
        (None, Some(subnet)) => facts
            .subnets
            .iter()
            .find(|known| known.subnet_id == subnet.as_str())
            .and_then(|known| known.availability_zone.as_deref()),
        (None, None) => None,
    }
}

/// What stands against the places themselves, whatever the type.
pub(super) fn subnet_findings(spec: &Spec, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (position, placement) in spec.placements.iter().enumerate() {
        if let Some(subnet) = &placement.subnet_id {
            match facts.subnets.iter().find(|known| known.subnet_id == subnet.as_str()) {
                None => findings.push(Finding {
                    field: format!("spec.placements[{position}].subnet_id"),
                    expected: format!("a subnet of account {} in {}", spec.account_id, spec.region),
                    message: format!("There is no subnet {subnet} in {}.", spec.region),
                    ..SUBNET_NOT_FOUND.finding(subnet.to_string())
                }),
                Some(known) => {
                    if let Some(free) = known.available_ip_address_count
                        && i64::from(free) < i64::from(spec.min_count)
                    {
                        findings.push(Finding {
                            field: format!("spec.placements[{position}].subnet_id"),
                            expected: format!("at least {}", spec.min_count),
                            message: format!("Subnet {subnet} has fewer free addresses than instances are wanted."),
                            ..SUBNET_FULL.finding(format!("{free} free addresses"))
                        });
                    }
                }
            }
        }
        if let Some(zone) = &placement.availability_zone
            && !facts.zones.iter().any(|known| known.zone_name == zone.as_str())
        {
            let known: Vec<&str> = facts.zones.iter().map(|known| known.zone_name.as_str()).collect();
            findings.push(Finding {
                field: format!("spec.placements[{position}].availability_zone"),
                expected: known.join(", "),
                message: format!("{} has no Availability Zone {zone} for this account.", spec.region),
                ..AVAILABILITY_ZONE_NOT_FOUND.finding(zone.to_string())
            });
        }
    }
    findings
}

/// How many EBS volumes the launch has: the image's, with the request's mappings laid over them by
/// device name.
pub(super) fn ebs_volumes(spec: &Spec, image: &Image) -> usize {
    let changes = &spec.block_device_mappings;
    let is_changed = |device: Option<&str>| changes.iter().any(|change| Some(change.device_name.as_str()) == device);
    let kept = image
        .block_device_mappings
        .iter()
        .filter(|known| known.ebs.is_some() && known.no_device.is_none() && !is_changed(known.device_name.as_deref()));
    let asked = changes.iter().filter(|change| change.ebs.is_some() && !change.no_device);
    kept.count() + asked.count()
}

/// What stands against the changes to the image's volumes.
pub(super) fn volume_findings(spec: &Spec, image: &Image) -> Vec<Finding> {
    let mut findings = Vec::new();
    let instance_store_root = image.root_device_type.as_deref() == Some("instance-store");
    for (position, change) in spec.block_device_mappings.iter().enumerate() {
        let Some(ebs) = &change.ebs else { continue };
        let field = format!("spec.block_device_mappings[{position}]");
        if instance_store_root && image.root_device_name.as_deref() == Some(change.device_name.as_str()) {
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
    }
    findings
}
