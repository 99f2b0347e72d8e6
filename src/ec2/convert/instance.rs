//! Instances.

use aws_sdk_ec2::types as sdk;

use super::{state_reason, tags, timestamp, word};
use crate::ec2::facts::{Instance, InstanceState};

/// The instance, or none if it has no readable id. The caller must not pass that over in silence:
/// there is an instance that nobody would know.
pub(in crate::ec2) fn instance(from: sdk::Instance) -> Option<Instance> {
    Some(Instance {
        instance_id: from.instance_id.as_deref()?.parse().ok()?,
        image_id: from.image_id,
        instance_type: word(from.instance_type),
        state: from.state.and_then(state),
        state_reason: state_reason(from.state_reason),
        state_transition_reason: from.state_transition_reason,
        launch_time: from.launch_time.and_then(timestamp),
        availability_zone: from.placement.and_then(|placement| placement.availability_zone),
        subnet_id: from.subnet_id,
        vpc_id: from.vpc_id,
        private_ip: from.private_ip_address,
        public_ip: from.public_ip_address,
        private_dns_name: from.private_dns_name,
        public_dns_name: from.public_dns_name,
        client_token: from.client_token,
        root_device_type: word(from.root_device_type),
        virtualization_type: word(from.virtualization_type),
        architecture: word(from.architecture),
        boot_mode: word(from.boot_mode),
        current_instance_boot_mode: word(from.current_instance_boot_mode),
        instance_lifecycle: word(from.instance_lifecycle),
        tags: tags(from.tags),
    })
}

/// The state by its code, or by its name where EC2 left the code out.
pub(super) fn state(from: sdk::InstanceState) -> Option<InstanceState> {
    if let Some(code) = from.code {
        return Some(InstanceState::from_code(code));
    }
    match from.name?.as_str() {
        "pending" => Some(InstanceState::Pending),
        "running" => Some(InstanceState::Running),
        "shutting-down" => Some(InstanceState::ShuttingDown),
        "terminated" => Some(InstanceState::Terminated),
        "stopping" => Some(InstanceState::Stopping),
        "stopped" => Some(InstanceState::Stopped),
        _ => None,
    }
}
