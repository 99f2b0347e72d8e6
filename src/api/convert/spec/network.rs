//! Security groups and network interfaces, on the way in.

use super::place::prefixed_id;
use crate::api::convert::violation::{ViolationReason, Violations};
use crate::api::pb;
use crate::ids::SecurityGroupId;
use crate::record::{NetworkInterface, Placement};

/// Security groups of one network interface: AWS's highest quota.
const SECURITY_GROUPS_MAX: usize = 16;

/// Network interfaces of one launch: as many as most types can attach.
const NETWORK_INTERFACES_MAX: usize = 16;

pub(super) fn security_groups(field: &str, ids: &[String], violations: &mut Violations) -> Vec<SecurityGroupId> {
    violations.ids(field, ids, SECURITY_GROUPS_MAX)
}

pub(super) fn interfaces(
    given: &[pb::NetworkInterface],
    max_count: u32,
    violations: &mut Violations,
) -> Vec<NetworkInterface> {
    if !violations.at_most("spec.network_interfaces", given.len(), NETWORK_INTERFACES_MAX) {
        return Vec::new();
    }
    let mut interfaces: Vec<NetworkInterface> = Vec::with_capacity(given.len());
    for (index, given) in given.iter().enumerate() {
        let field = format!("spec.network_interfaces[{index}]");
        if interfaces.iter().any(|earlier| earlier.device_index == given.device_index) {
            violations.add(
                format!("{field}.device_index"),
                ViolationReason::InvalidField,
                format!("{} is given twice", given.device_index),
            );
        }
        interfaces.push(interface(&field, given, max_count, violations));
    }
    if !interfaces.is_empty() && interfaces.iter().all(|interface| interface.device_index != 0) {
        violations.add("spec.network_interfaces", ViolationReason::InvalidField, "none has the device index 0");
    }
    interfaces
}

fn interface(
    field: &str,
    given: &pb::NetworkInterface,
    max_count: u32,
    violations: &mut Violations,
) -> NetworkInterface {
    let pb::NetworkInterface {
        device_index,
        network_interface_id,
        subnet_id,
        security_group_ids,
        associate_public_ip_address,
        delete_on_termination,
    } = given;
    let id_field = format!("{field}.network_interface_id");
    prefixed_id(&id_field, "eni-", network_interface_id.as_deref(), violations);
    if network_interface_id.is_some() {
        if max_count > 1 {
            violations.add(
                &id_field,
                ViolationReason::ConflictingFields,
                "an existing interface can be attached to one instance only, so max_count must be 1",
            );
        }
        if subnet_id.is_some() || !security_group_ids.is_empty() || associate_public_ip_address.is_some() {
            violations.add(
                &id_field,
                ViolationReason::ConflictingFields,
                "an existing interface has its subnet, security groups and addresses already",
            );
        }
    }
    NetworkInterface {
        device_index: *device_index,
        network_interface_id: network_interface_id.clone(),
        subnet_id: subnet_id.as_ref().and_then(|subnet| violations.required_id(&format!("{field}.subnet_id"), subnet)),
        security_group_ids: security_groups(&format!("{field}.security_group_ids"), security_group_ids, violations),
        associate_public_ip_address: *associate_public_ip_address,
        delete_on_termination: *delete_on_termination,
    }
}

/// What EC2 does not take together with network interfaces (EC2 API Reference, RunInstances).
pub(super) fn exclusions(
    security_group_ids: &[SecurityGroupId],
    interfaces: &[NetworkInterface],
    placements: &[Placement],
    violations: &mut Violations,
) {
    if interfaces.is_empty() {
        return;
    }
    if !security_group_ids.is_empty() {
        violations.add(
            "spec.security_group_ids",
            ViolationReason::ConflictingFields,
            "with network_interfaces the security groups belong to the interfaces",
        );
    }
    for (index, _) in placements.iter().enumerate().filter(|(_, place)| place.subnet_id.is_some()) {
        violations.add(
            format!("spec.placements[{index}].subnet_id"),
            ViolationReason::ConflictingFields,
            "with network_interfaces the subnets belong to the interfaces",
        );
    }
}
