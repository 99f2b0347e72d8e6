//! Where RunInstances is asked to launch: zone and tenancy.

use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::query::Node;
use crate::sandbox::zones::{Network, Zone};

/// The zone that the request names, directly or by subnet, and its tenancy.
pub(super) fn place<'a>(
    params: &Node,
    network: &'a Network,
    of_subnet: Option<&'a Zone>,
) -> Result<(Option<&'a Zone>, &'static str), Ec2Error> {
    let Some(placement) = params.member("Placement") else { return Ok((of_subnet, "default")) };
    placement.refuse(&["HostResourceGroupArn", "SpreadDomain"])?;
    placement.allow_only(&[
        "Affinity",
        "AvailabilityZone",
        "AvailabilityZoneId",
        "GroupId",
        "GroupName",
        "HostId",
        "PartitionNumber",
        "Tenancy",
    ])?;
    let given = |name: &str| placement.text(name);
    let invalid_zone =
        |zone: &str| Ec2Error::new("InvalidParameterValue", format!("Invalid availability zone: [{zone}]"));
    let named = match (given("AvailabilityZone"), given("AvailabilityZoneId")) {
        (Some(_), Some(_)) => {
            let message = "Specify either AvailabilityZone or AvailabilityZoneId, but not both";
            return Err(Ec2Error::combination(message));
        }
        (Some(name), None) => Some(network.zone(name).ok_or_else(|| invalid_zone(name))?),
        (None, Some(id)) => Some(network.zone_by_id(id).ok_or_else(|| invalid_zone(id))?),
        (None, None) => None,
    };
    let tenancy = match given("Tenancy") {
        None => "default",
        Some(_) => placement.choice("Tenancy", &["default", "dedicated", "host"])?.unwrap_or("default"),
    };
    if given("Affinity").is_some() && tenancy != "host" {
        let message = "The parameter affinity may only be used with tenancy 'host'";
        return Err(Ec2Error::combination(message));
    }
    // There are no placement groups and no dedicated hosts to name.
    if let Some(group) = given("GroupName").or(given("GroupId")) {
        let message = format!("The placement group '{group}' is unknown.");
        return Err(Ec2Error::new("InvalidPlacementGroup.Unknown", message));
    }
    if placement.integer("PartitionNumber")?.is_some() {
        let message = "The parameter PartitionNumber may only be used with a partition placement group";
        return Err(Ec2Error::combination(message));
    }
    if let Some(host) = given("HostId") {
        return Err(Ec2Error::new("InvalidHostID.NotFound", format!("The host ID '{host}' does not exist")));
    }
    if let (Some(named), Some(of_subnet)) = (named, of_subnet)
        && named.name != of_subnet.name
    {
        let why = format!("The subnet '{}' is in {}.", of_subnet.subnet_id, of_subnet.name);
        return Err(Ec2Error::invalid("availabilityZone", &named.name, &why));
    }
    Ok((of_subnet.or(named), tenancy))
}
