//! Rules about places: subnets and zones.

use super::Facts;
use super::findings::{AVAILABILITY_ZONE_NOT_FOUND, SUBNET_FULL, SUBNET_NOT_FOUND};
use crate::ec2::facts::SubnetFacts;
use crate::ids::SubnetId;
use crate::record::{Finding, Placement, Spec};

/// The zone a placement means: named, or implied by its subnet or by those of the network interfaces.
pub(super) fn zone_of<'a>(placement: &'a Placement, spec: &'a Spec, facts: &'a Facts) -> Option<&'a str> {
    match (&placement.availability_zone, &placement.subnet_id) {
        (Some(zone), _) => Some(zone.as_str()),
        (None, Some(subnet)) => subnet_zone(subnet, facts),
        (None, None) => {
            let mut subnets = spec.network_interfaces.iter().filter_map(|interface| interface.subnet_id.as_ref());
            subnets.find_map(|subnet| subnet_zone(subnet, facts))
        }
    }
}

/// The zone of a subnet, if EC2 knows the one.
pub(super) fn subnet_zone<'a>(subnet: &SubnetId, facts: &'a Facts) -> Option<&'a str> {
    known(subnet, facts)?.availability_zone.as_deref()
}

fn known<'a>(subnet: &SubnetId, facts: &'a Facts) -> Option<&'a SubnetFacts> {
    facts.subnets.iter().find(|known| known.subnet_id == subnet.as_str())
}

/// What stands against the places themselves, whatever the type.
pub(super) fn subnet_findings(spec: &Spec, facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (position, interface) in spec.network_interfaces.iter().enumerate() {
        if let Some(subnet) = &interface.subnet_id {
            findings.extend(about_subnet(
                format!("spec.network_interfaces[{position}].subnet_id"),
                subnet,
                spec,
                facts,
            ));
        }
    }
    for (position, placement) in spec.placements.iter().enumerate() {
        if let Some(subnet) = &placement.subnet_id {
            findings.extend(about_subnet(format!("spec.placements[{position}].subnet_id"), subnet, spec, facts));
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

fn about_subnet(field: String, subnet: &SubnetId, spec: &Spec, facts: &Facts) -> Option<Finding> {
    let Some(known) = known(subnet, facts) else {
        return Some(Finding {
            field,
            expected: format!("a subnet of account {} in {}", spec.account_id, spec.region),
            message: format!("There is no subnet {subnet} in {}.", spec.region),
            ..SUBNET_NOT_FOUND.finding(subnet.to_string())
        });
    };
    let free = known.available_ip_address_count?;
    (i64::from(free) < i64::from(spec.min_count)).then(|| Finding {
        field,
        expected: format!("at least {}", spec.min_count),
        message: format!("Subnet {subnet} has fewer free addresses than instances are wanted."),
        ..SUBNET_FULL.finding(format!("{free} free addresses"))
    })
}
