//! DescribeRegions and DescribeAvailabilityZones.

use std::borrow::Cow;

use super::Call;
use crate::ids::Region;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::{Filters, Subject, Values};
use crate::sandbox::wire::xml::Xml;
use crate::sandbox::zones::{Network, Zone};

type RegionFact = for<'a> fn(&'a Region, &mut Values<'a>);
type ZoneFact = for<'a> fn(&'a Network, &'a Zone, &mut Values<'a>);

/// No Region needs to be opted in to.
const OPT_IN: &str = "opt-in-not-required";

fn endpoint(region: &Region) -> String {
    // `.invalid` never resolves (RFC 2606): a client that follows it fails instead of reaching AWS.
    format!("ec2.{}.sandbox.invalid", region.as_str())
}

fn region_fact(name: &str) -> Option<RegionFact> {
    Some(match name {
        "endpoint" => |region, values| values.push(Cow::Owned(endpoint(region))),
        "opt-in-status" => |_, values| values.push(Cow::Borrowed(OPT_IN)),
        "region-name" => |region, values| values.push(Cow::Borrowed(region.as_str())),
        _ => return None,
    })
}

/// DescribeRegions.
pub(super) fn describe(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["RegionName", "AllRegions", "Filter"])?;
    let params = call.params();
    let filters = Filters::read(params, false, region_fact)?;
    let names = params.texts("RegionName");
    let regions: Vec<&Region> = call.sandbox.regions().collect();
    if let Some(unknown) = names.iter().find(|name| !regions.iter().any(|region| region.as_str() == **name)) {
        return Err(Ec2Error::invalid("RegionName", unknown, "There is no such Region."));
    }
    call.permit()?;
    let chosen = regions.into_iter().filter(|region| {
        (names.is_empty() || names.contains(&region.as_str()))
            && filters.pass(|subject, values| {
                if let Subject::Fact(fact) = subject {
                    fact(region, values);
                }
            })
    });
    xml.list("regionInfo", chosen, |xml, region| {
        xml.text("optInStatus", OPT_IN);
        xml.text("regionName", region.as_str());
        xml.text("regionEndpoint", &endpoint(region));
    });
    Ok(())
}

fn zone_fact(name: &str) -> Option<ZoneFact> {
    Some(match name {
        "group-name" | "region-name" => |network, _, values| values.push(Cow::Borrowed(network.region.as_str())),
        "opt-in-status" => |_, _, values| values.push(Cow::Borrowed(OPT_IN)),
        "state" => |_, _, values| values.push(Cow::Borrowed("available")),
        "zone-id" => |_, zone, values| values.push(Cow::Borrowed(&zone.id)),
        "zone-name" => |_, zone, values| values.push(Cow::Borrowed(&zone.name)),
        "zone-type" => |_, _, values| values.push(Cow::Borrowed("availability-zone")),
        // Facts that ordinary zones do not have.
        "group-long-name" | "message" | "parent-zone-id" | "parent-zone-name" => |_, _, _| {},
        _ => return None,
    })
}

/// DescribeAvailabilityZones.
pub(super) fn describe_zones(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["ZoneName", "ZoneId", "AllAvailabilityZones", "Filter"])?;
    let params = call.params();
    let network = &call.cloud.network;
    let filters = Filters::read(params, false, zone_fact)?;
    let (names, ids) = (params.texts("ZoneName"), params.texts("ZoneId"));
    let unknown = names
        .iter()
        .find(|name| network.zone(name).is_none())
        .or_else(|| ids.iter().find(|id| network.zone_by_id(id).is_none()));
    if let Some(unknown) = unknown {
        return Err(Ec2Error::new("InvalidParameterValue", format!("Invalid availability zone: [{unknown}]")));
    }
    call.permit()?;
    let chosen = network.zones.iter().filter(|zone| {
        (names.is_empty() || names.contains(&zone.name.as_str()))
            && (ids.is_empty() || ids.contains(&zone.id.as_str()))
            && filters.pass(|subject, values| {
                if let Subject::Fact(fact) = subject {
                    fact(network, zone, values);
                }
            })
    });
    xml.list("availabilityZoneInfo", chosen, |xml, zone| {
        xml.text("optInStatus", OPT_IN);
        xml.element("messageSet", |_| {});
        xml.text("regionName", network.region.as_str());
        xml.text("zoneName", &zone.name);
        xml.text("zoneId", &zone.id);
        xml.text("groupName", network.region.as_str());
        xml.text("networkBorderGroup", network.region.as_str());
        xml.text("zoneType", "availability-zone");
        xml.text("zoneState", "available");
    });
    Ok(())
}
