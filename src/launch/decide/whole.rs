//! Rules about what the fields of a request say to each other. What a caller contradicts in the request
//! itself is turned away at the edge; here the launch template has been merged, and other things come
//! together. Every rule is of EC2's making unless its words say otherwise.

use super::Facts;
use super::findings::{
    CAPACITY_BLOCK_WITHOUT_RESERVATION, HOST_WITHOUT_TENANCY, NETWORK_CONFLICT, SPOT_CONFLICT, TAGS_NOT_ALLOWED,
};
use super::place::subnet_zone;
use crate::record::{Finding, Market, NetworkInterface, Spec};

/// Tags of instances: EC2 allows 50, and Gantry adds its attempt and its launch.
const INSTANCE_TAGS_MAX: usize = 47;

/// Tags of volumes (EC2 User Guide, "Tag restrictions").
const VOLUME_TAGS_MAX: usize = 50;

/// What stands against the request as a whole.
pub(super) fn contradictions(spec: &Spec, facts: &Facts) -> Vec<Finding> {
    let mut findings = tags(spec);
    findings.extend(network(spec));
    findings.extend(zones(spec, facts));
    findings.extend(places(spec));
    findings
}

fn tags(spec: &Spec) -> Vec<Finding> {
    let mut findings = Vec::new();
    let all = [("spec.tags", &spec.tags, INSTANCE_TAGS_MAX), ("spec.volume_tags", &spec.volume_tags, VOLUME_TAGS_MAX)];
    for (field, tags, most) in all {
        let at = |observed: String| Finding { field: field.to_owned(), ..TAGS_NOT_ALLOWED.finding(observed) };
        if tags.len() > most {
            findings.push(at(format!("{} tags", tags.len())));
        }
        let prefix = |key: &String| key.split_once(':').map(|(prefix, _)| prefix.to_ascii_lowercase());
        let reserved = |key: &&String| matches!(prefix(key).as_deref(), Some("aws" | "gantry"));
        findings.extend(tags.keys().filter(reserved).map(|key| at(key.clone())));
    }
    findings
}

fn network(spec: &Spec) -> Vec<Finding> {
    let interfaces = &spec.network_interfaces;
    if interfaces.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut add = |field: String, observed: String, message: &str| {
        findings.push(Finding { field, message: message.to_owned(), ..NETWORK_CONFLICT.finding(observed) });
    };
    if !spec.security_group_ids.is_empty() {
        let observed = format!("{} security groups, {} interfaces", spec.security_group_ids.len(), interfaces.len());
        let message = "With network interfaces the security groups belong to the interfaces.";
        add("spec.security_group_ids".to_owned(), observed, message);
    }
    // An interface that says nothing of a subnet gets the placement's.
    let is_placed =
        |interface: &NetworkInterface| interface.subnet_id.is_some() || interface.network_interface_id.is_some();
    if interfaces.iter().any(is_placed) {
        for (index, place) in spec.placements.iter().enumerate() {
            if let Some(subnet) = &place.subnet_id {
                let field = format!("spec.placements[{index}].subnet_id");
                add(field, subnet.to_string(), "The network interfaces have subnets of their own.");
            }
        }
    }
    for (index, interface) in interfaces.iter().enumerate() {
        let field = |name: &str| format!("spec.network_interfaces[{index}].{name}");
        if let Some(id) = interface.network_interface_id.as_ref().filter(|_| spec.max_count > 1) {
            let message = "An existing interface can be attached to one instance only, so max_count must be 1.";
            add(field("network_interface_id"), format!("{id}, max_count {}", spec.max_count), message);
        }
        if interface.associate_public_ip_address == Some(true) && (interfaces.len() > 1 || interface.device_index != 0)
        {
            let message = "EC2 assigns a public address at launch to the primary interface only, and only if it is the \
                           only one.";
            add(field("associate_public_ip_address"), "true".to_owned(), message);
        }
        if interfaces[..index].iter().any(|other| other.device_index == interface.device_index) {
            add(field("device_index"), interface.device_index.to_string(), "The device index is given twice.");
        }
    }
    if interfaces.iter().all(|interface| interface.device_index != 0) {
        add("spec.network_interfaces".to_owned(), String::new(), "None of the interfaces has the device index 0.");
    }
    findings
}

/// The interfaces' subnets in more than one zone, or not in the zone that a placement names.
fn zones(spec: &Spec, facts: &Facts) -> Vec<Finding> {
    let mut first: Option<&str> = None;
    let mut findings = Vec::new();
    for (index, interface) in spec.network_interfaces.iter().enumerate() {
        let Some(zone) = interface.subnet_id.as_ref().and_then(|subnet| subnet_zone(subnet, facts)) else { continue };
        let mut others = spec.placements.iter().filter_map(|place| place.availability_zone.as_ref());
        let other =
            first.filter(|first| *first != zone).or(others.find(|other| other.as_str() != zone).map(|z| z.as_str()));
        if let Some(other) = other {
            findings.push(Finding {
                field: format!("spec.network_interfaces[{index}].subnet_id"),
                expected: format!("a subnet in {other}"),
                message: format!("The interface's subnet is in {zone}, and the launch is to be in {other}."),
                ..NETWORK_CONFLICT.finding(zone)
            });
        }
        first = first.or(Some(zone));
    }
    findings
}

fn places(spec: &Spec) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, place) in spec.placements.iter().enumerate() {
        let field = |name: &str| format!("spec.placements[{index}].{name}");
        let tenancy = place.tenancy.as_deref();
        if let Some(host) = place.host_id.as_ref().filter(|_| tenancy != Some("host")) {
            let observed = format!("{host}, tenancy {}", tenancy.unwrap_or("absent"));
            findings.push(Finding { field: field("tenancy"), ..HOST_WITHOUT_TENANCY.finding(observed) });
        }
        if matches!(spec.market, Market::Spot { .. }) {
            let host = tenancy.filter(|tenancy| *tenancy == "host").map(|_| ("tenancy", "host"));
            let reservation = place.capacity_reservation_id.as_deref().map(|id| ("capacity_reservation_id", id));
            findings.extend(
                host.into_iter()
                    .chain(reservation)
                    .map(|(name, observed)| Finding { field: field(name), ..SPOT_CONFLICT.finding(observed) }),
            );
        }
        if spec.market == Market::CapacityBlock && place.capacity_reservation_id.is_none() {
            findings.push(Finding {
                field: field("capacity_reservation_id"),
                ..CAPACITY_BLOCK_WITHOUT_RESERVATION.finding("absent")
            });
        }
    }
    if spec.market == Market::CapacityBlock && spec.placements.is_empty() {
        findings.push(CAPACITY_BLOCK_WITHOUT_RESERVATION.finding("no placement"));
    }
    findings
}

#[cfg(test)]
mod tests;
