//! Where RunInstances is asked to launch: zone, subnet, network interface, security groups, tenancy.

use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::query::Node;
use crate::sandbox::zones::{Network, Zone};

/// The first and only network interface, as far as a request describes one.
#[derive(Debug, Default)]
pub(super) struct Interface<'a> {
    described: bool,
    pub(super) subnet_id: Option<&'a str>,
    groups: Vec<&'a str>,
    pub(super) public_address: Option<bool>,
}

impl<'a> Interface<'a> {
    /// Reads the `NetworkInterface` list.
    pub(super) fn read(params: &'a Node) -> Result<Self, Ec2Error> {
        let mut interfaces = params.list("NetworkInterface");
        let Some(node) = interfaces.next() else { return Ok(Self::default()) };
        let unserved =
            |what: String| Ec2Error::new("UnsupportedOperation", format!("The sandbox does not serve {what}"));
        if interfaces.next().is_some() {
            return Err(unserved("more than one network interface".to_owned()));
        }
        let known = [
            "AssociatePublicIpAddress",
            "DeleteOnTermination",
            "Description",
            "DeviceIndex",
            "SecurityGroupId",
            "SubnetId",
        ];
        if let Some(name) = node.member_names().find(|name| !known.contains(name)) {
            return Err(unserved(format!("NetworkInterface.{name}")));
        }
        let excluded = ["SubnetId", "SecurityGroupId", "SecurityGroup"];
        if let Some(name) = excluded.iter().find(|name| params.member(name).is_some()) {
            let message =
                format!("Network interfaces and an instance-level {name} may not be specified on the same request");
            return Err(Ec2Error::combination(message));
        }
        if node.integer("DeviceIndex")?.unwrap_or(0) != 0 {
            return Err(unserved("a first network interface that is not at device index 0".to_owned()));
        }
        node.boolean("DeleteOnTermination")?;
        Ok(Self {
            described: true,
            subnet_id: node.text("SubnetId"),
            groups: node.texts("SecurityGroupId"),
            public_address: node.boolean("AssociatePublicIpAddress")?,
        })
    }
}

/// The security groups of the instances: there is only the default one.
pub(super) fn security_groups(
    params: &Node,
    network: &Network,
    interface: &Interface<'_>,
) -> Result<Vec<String>, Ec2Error> {
    let not_found = |group: &str| {
        let message = format!("The security group '{group}' does not exist in VPC '{}'", network.vpc_id);
        Err(Ec2Error::new("InvalidGroup.NotFound", message))
    };
    let ids = if interface.described { interface.groups.clone() } else { params.texts("SecurityGroupId") };
    if let Some(unknown) = ids.iter().find(|id| **id != network.security_group_id) {
        return not_found(unknown);
    }
    if let Some(unknown) = params.texts("SecurityGroup").iter().find(|name| **name != "default") {
        return not_found(unknown);
    }
    Ok(vec![network.security_group_id.clone()])
}

/// The zone that the request names, and its tenancy.
pub(super) fn place<'a>(
    params: &Node,
    network: &'a Network,
    interface_subnet: Option<&str>,
) -> Result<(Option<&'a Zone>, &'static str), Ec2Error> {
    let invalid_zone =
        |zone: &str| Ec2Error::new("InvalidParameterValue", format!("Invalid availability zone: [{zone}]"));
    let mut zone = None;
    let mut tenancy = "default";
    if let Some(placement) = params.member("Placement") {
        let (name, id) = (placement.text("AvailabilityZone"), placement.text("AvailabilityZoneId"));
        zone = match (name, id) {
            (Some(_), Some(_)) => {
                let message = "Specify either AvailabilityZone or AvailabilityZoneId, but not both";
                return Err(Ec2Error::combination(message));
            }
            (Some(name), None) => Some(network.zone(name).ok_or_else(|| invalid_zone(name))?),
            (None, Some(id)) => Some(network.zone_by_id(id).ok_or_else(|| invalid_zone(id))?),
            (None, None) => None,
        };
        tenancy = placement.choice("Tenancy", &["default", "dedicated", "host"])?.unwrap_or(tenancy);
        if placement.text("Affinity").is_some() && tenancy != "host" {
            let message = "The parameter affinity may only be used with tenancy 'host'";
            return Err(Ec2Error::combination(message));
        }
        // There are no placement groups and no dedicated hosts to name.
        if let Some(group) = placement.text("GroupName").or(placement.text("GroupId")) {
            let message = format!("The placement group '{group}' is unknown.");
            return Err(Ec2Error::new("InvalidPlacementGroup.Unknown", message));
        }
        if let Some(host) = placement.text("HostId") {
            return Err(Ec2Error::new("InvalidHostID.NotFound", format!("The host ID '{host}' does not exist")));
        }
    }
    if let Some(subnet) = params.text("SubnetId").or(interface_subnet) {
        let of_subnet = network.zone_of_subnet(subnet).ok_or_else(|| {
            Ec2Error::new("InvalidSubnetID.NotFound", format!("The subnet ID '{subnet}' does not exist"))
        })?;
        if let Some(named) = zone.filter(|named| named.name != of_subnet.name) {
            let why = format!("The subnet '{subnet}' is in {}.", of_subnet.name);
            return Err(Ec2Error::invalid("availabilityZone", &named.name, &why));
        }
        zone = Some(of_subnet);
    }
    Ok((zone, tenancy))
}
