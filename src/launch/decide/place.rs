//! Rules about places and volumes: subnets, zones, where a type is offered, and volumes that the
//! image cannot give.

use crate::ec2::facts::{Image, InstanceTypeFacts};
use crate::record::{Finding, Outcome, Placement, Spec};

use super::Facts;

/// The zone a placement means: named, or implied by its subnet.
fn zone_of<'a>(placement: &'a Placement, facts: &'a Facts) -> Option<&'a str> {
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

/// What stands against one type in one place.
pub(super) fn findings(placement: &Placement, type_facts: &InstanceTypeFacts, facts: &Facts) -> Vec<Finding> {
    let Some(zone) = zone_of(placement, facts) else { return Vec::new() };
    let offered_somewhere = facts.offerings.iter().any(|offer| offer.instance_type == type_facts.instance_type);
    let offered_here =
        facts.offerings.iter().any(|offer| offer.instance_type == type_facts.instance_type && offer.location == zone);
    if offered_here {
        return Vec::new();
    }
    let others: Vec<&str> = facts
        .offerings
        .iter()
        .filter(|offer| offer.instance_type == type_facts.instance_type)
        .map(|offer| offer.location.as_str())
        .collect();
    if !offered_somewhere {
        return vec![Finding {
            code: "OFFERING_UNKNOWN".into(),
            outcome: Outcome::Unknown,
            field: "placement".to_owned(),
            observed: "absent".to_owned(),
            expected: format!("an offering of {} in {zone}", type_facts.instance_type),
            message: format!("EC2 lists no offering of {} by zone.", type_facts.instance_type),
            remedy: "If the launch fails as unsupported, name another type.".to_owned(),
            ec2_error_code: None,
        }];
    }
    vec![Finding {
        code: "NOT_OFFERED_IN_ZONE".into(),
        outcome: Outcome::Fail,
        field: "placement".to_owned(),
        observed: zone.to_owned(),
        expected: others.join(", "),
        message: format!("{} is not offered in {zone}.", type_facts.instance_type),
        remedy: format!("Use one of {}.", others.join(", ")),
        ec2_error_code: None,
    }]
}

/// What stands against the places themselves, whatever the type.
pub(super) fn subnet_findings(spec: &Spec, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (position, placement) in spec.placements.iter().enumerate() {
        if let Some(subnet) = &placement.subnet_id {
            match facts.subnets.iter().find(|known| known.subnet_id == subnet.as_str()) {
                None => findings.push(Finding {
                    code: "SUBNET_NOT_FOUND".into(),
                    outcome: Outcome::Fail,
                    field: format!("spec.placements[{position}].subnet_id"),
                    observed: subnet.to_string(),
                    expected: format!("a subnet of account {} in {}", spec.account_id, spec.region),
                    message: format!("There is no subnet {subnet} in {}.", spec.region),
                    remedy: "Check the id and the Region.".to_owned(),
                    ec2_error_code: None,
                }),
                Some(known) => {
                    if let Some(free) = known.available_ip_address_count
                        && i64::from(free) < i64::from(spec.min_count)
                    {
                        findings.push(Finding {
                            code: "SUBNET_FULL".into(),
                            outcome: Outcome::Warn,
                            field: format!("spec.placements[{position}].subnet_id"),
                            observed: format!("{free} free addresses"),
                            expected: format!("at least {}", spec.min_count),
                            message: format!("Subnet {subnet} has fewer free addresses than instances are wanted."),
                            remedy: "Use another subnet, or free addresses in this one.".to_owned(),
                            ec2_error_code: None,
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
                code: "AVAILABILITY_ZONE_NOT_FOUND".into(),
                outcome: Outcome::Fail,
                field: format!("spec.placements[{position}].availability_zone"),
                observed: zone.to_string(),
                expected: known.join(", "),
                message: format!("{} has no Availability Zone {zone} for this account.", spec.region),
                remedy: format!("Use one of {}.", known.join(", ")),
                ec2_error_code: None,
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
            findings.push(Finding {
                code: "ROOT_IS_INSTANCE_STORE".into(),
                outcome: Outcome::Fail,
                field: field.clone(),
                observed: format!("an EBS volume on {}", change.device_name),
                expected: "no EBS volume on the root device".to_owned(),
                message: "The root of an instance-store-backed AMI cannot be an EBS volume.".to_owned(),
                remedy: "Leave this mapping out, or choose an EBS-backed AMI.".to_owned(),
                ec2_error_code: None,
            });
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
                code: "VOLUME_SMALLER_THAN_SNAPSHOT".into(),
                outcome: Outcome::Fail,
                field: format!("{field}.ebs.volume_size_gib"),
                observed: format!("{size} GiB"),
                expected: format!("at least {least} GiB"),
                message: format!("The volume on {} cannot be smaller than the AMI's snapshot.", change.device_name),
                remedy: format!("Ask for {least} GiB or more, or leave the size out."),
                ec2_error_code: None,
            });
        }
    }
    findings
}
