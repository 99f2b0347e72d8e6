//! Subnets and zones.

use aws_sdk_ec2::types as sdk;

use super::word;
use crate::ec2::facts::{AvailabilityZoneFacts, SubnetFacts};

/// The subnet, or none if it has no id.
pub(in crate::ec2) fn subnet(from: sdk::Subnet) -> Option<SubnetFacts> {
    Some(SubnetFacts {
        subnet_id: from.subnet_id?,
        availability_zone: from.availability_zone,
        vpc_id: from.vpc_id,
        default_for_az: from.default_for_az,
        available_ip_address_count: from.available_ip_address_count,
    })
}

/// The zone, or none if it has no name.
pub(in crate::ec2) fn availability_zone(from: sdk::AvailabilityZone) -> Option<AvailabilityZoneFacts> {
    Some(AvailabilityZoneFacts {
        zone_name: from.zone_name?,
        zone_id: from.zone_id,
        state: word(from.state),
        zone_type: from.zone_type,
    })
}
