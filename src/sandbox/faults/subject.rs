//! What a call is about, as faults and token buckets look at it: read from the request as far as
//! it says so itself, before anybody has checked it.

use super::throttle;
use crate::sandbox::wire::query::{Node, Query};
use crate::sandbox::zones::Network;

/// What a fault's limits are compared with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Subject<'a> {
    pub(crate) action: &'a str,
    pub(crate) region: &'a str,
    /// The zone that the call names, by zone, zone id or subnet, or that a launch landed in.
    pub(crate) zone: Option<&'a str>,
    pub(crate) instance_type: Option<&'a str>,
    pub(crate) image_id: Option<&'a str>,
    /// Whether a launch is one of Spot Instances.
    pub(crate) spot: bool,
}

impl<'a> Subject<'a> {
    /// What a call names. What it names several times, as Describe calls can, it does not name.
    pub(crate) fn of(action: &'a str, region: &'a str, query: &'a Query, network: Option<&'a Network>) -> Self {
        let root = query.root();
        Self {
            action,
            region,
            zone: network.and_then(|network| zone(root, network)),
            instance_type: one(root, "InstanceType"),
            image_id: one(root, "ImageId"),
            spot: false,
        }
    }
}

fn zone<'a>(root: &Node, network: &'a Network) -> Option<&'a str> {
    let placement = root.member("Placement").unwrap_or(root);
    let interface = root.list("NetworkInterface").next();
    let subnet = one(root, "SubnetId").or_else(|| interface.and_then(|interface| interface.text("SubnetId")));
    let name = placement.text("AvailabilityZone").or_else(|| one(root, "ZoneName"));
    let id = placement.text("AvailabilityZoneId").or_else(|| one(root, "ZoneId"));
    let named = name.and_then(|name| network.zone(name));
    let zone = named
        .or_else(|| id.and_then(|id| network.zone_by_id(id)))
        .or_else(|| subnet.and_then(|subnet| network.zone_of_subnet(subnet)))?;
    Some(&zone.name)
}

/// A parameter's text, or the only item of its list.
fn one<'a>(root: &'a Node, name: &str) -> Option<&'a str> {
    let mut items = root.list(name);
    match (root.text(name), items.next(), items.next()) {
        (Some(text), ..) => Some(text),
        (None, Some(item), None) => item.own_text(),
        _ => None,
    }
}

/// What a call asks of the token buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Demand<'a> {
    pub(crate) action: &'a str,
    pub(crate) region: &'a str,
    /// Whether it reads everything at once. EC2 does not say whether ids count as a filter; here
    /// they do.
    pub(crate) unfiltered: bool,
    /// Tokens of the resource bucket: instances.
    pub(crate) resources: u32,
}

impl<'a> Demand<'a> {
    /// What a call asks for. A count that cannot be read asks for nothing, and is refused later.
    pub(crate) fn of(action: &'a str, region: &'a str, query: &Query) -> Self {
        let root = query.root();
        let narrow =
            |name: &&str| name.ends_with("Id") || matches!(*name, "Filter" | "MaxResults" | "NextToken" | "GroupName");
        let resources = match action {
            "RunInstances" => root.integer("MaxCount").ok().flatten().and_then(|count| u32::try_from(count).ok()),
            _ if throttle::has_resource_bucket(action) => u32::try_from(root.list("InstanceId").count()).ok(),
            _ => None,
        };
        Self {
            action,
            region,
            unfiltered: throttle::has_unfiltered_bucket(action) && root.member_names().find(narrow).is_none(),
            resources: resources.unwrap_or(0),
        }
    }
}
