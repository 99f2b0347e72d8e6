//! DescribeRegions and DescribeAvailabilityZones.

use super::Call;
use crate::ids::Region;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::{Filters, Table, Values, made, text};
use crate::sandbox::wire::xml::Xml;
use crate::sandbox::zones::{Network, Zone};

pub(crate) type RegionFact = for<'a> fn(&'a Region, &mut Values<'a>);
pub(crate) type ZoneFact = for<'a> fn(&SeenZone<'a>, &mut Values<'a>);

/// A zone at a moment.
#[derive(Debug)]
pub(crate) struct SeenZone<'a> {
    network: &'a Network,
    zone: &'a Zone,
    is_out: bool,
}

impl SeenZone<'_> {
    /// `AvailabilityZoneState`.
    fn state(&self) -> &'static str {
        if self.is_out { "impaired" } else { "available" }
    }
}

/// No Region needs to be opted in to.
const OPT_IN: &str = "opt-in-not-required";

fn endpoint(region: &Region) -> String {
    // `.invalid` never resolves (RFC 2606): a client that follows it fails instead of reaching AWS.
    format!("ec2.{}.sandbox.invalid", region.as_str())
}

/// The filters of DescribeRegions.
pub(crate) const REGION_FILTERS: &Table<RegionFact> = &[
    ("endpoint", |region, v| made(v, endpoint(region))),
    ("opt-in-status", |_, v| text(v, OPT_IN)),
    ("region-name", |region, v| text(v, region.as_str())),
];

/// DescribeRegions.
pub(super) fn describe(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["RegionName", "AllRegions", "Filter"])?;
    let params = call.params();
    // Every one there is opted in.
    params.boolean("AllRegions")?;
    let filters = Filters::read(params, REGION_FILTERS)?;
    let names = params.texts("RegionName");
    let regions: Vec<&Region> = call.sandbox.regions().collect();
    if let Some(unknown) = names.iter().find(|name| !regions.iter().any(|region| region.as_str() == **name)) {
        return Err(Ec2Error::invalid("RegionName", unknown, "There is no such Region."));
    }
    call.permit()?;
    let chosen = regions.into_iter().filter(|region| {
        (names.is_empty() || names.contains(&region.as_str())) && filters.pass(|fact, values| fact(region, values))
    });
    xml.list("regionInfo", chosen, |xml, region| {
        xml.text("optInStatus", OPT_IN);
        xml.text("regionName", region.as_str());
        xml.text("regionEndpoint", &endpoint(region));
    });
    Ok(())
}

/// The filters of DescribeAvailabilityZones. Nothing passes those on facts that ordinary zones do
/// not have.
pub(crate) const ZONE_FILTERS: &Table<ZoneFact> = &[
    ("group-long-name", |_, _| {}),
    ("group-name", |seen, v| text(v, seen.network.region.as_str())),
    ("message", |_, _| {}),
    ("opt-in-status", |_, v| text(v, OPT_IN)),
    ("parent-zone-id", |_, _| {}),
    ("parent-zone-name", |_, _| {}),
    ("region-name", |seen, v| text(v, seen.network.region.as_str())),
    ("state", |seen, v| text(v, seen.state())),
    ("zone-id", |seen, v| text(v, &seen.zone.id)),
    ("zone-name", |seen, v| text(v, &seen.zone.name)),
    ("zone-type", |_, v| text(v, "availability-zone")),
];

/// DescribeAvailabilityZones.
pub(super) fn describe_zones(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["ZoneName", "ZoneId", "AllAvailabilityZones", "Filter"])?;
    let params = call.params();
    let network = &call.cloud.network;
    // Every one there is opted in.
    params.boolean("AllAvailabilityZones")?;
    let filters = Filters::read(params, ZONE_FILTERS)?;
    let (names, ids) = (params.texts("ZoneName"), params.texts("ZoneId"));
    let unknown = names
        .iter()
        .find(|name| network.zone(name).is_none())
        .or_else(|| ids.iter().find(|id| network.zone_by_id(id).is_none()));
    if let Some(unknown) = unknown {
        return Err(Ec2Error::new("InvalidParameterValue", format!("Invalid availability zone: [{unknown}]")));
    }
    call.permit()?;
    let chosen = network.zones.iter().map(|zone| {
        let is_out = call.sandbox.faults().outage(&zone.name, call.now).is_some();
        SeenZone { network, zone, is_out }
    });
    let chosen = chosen.filter(|seen| {
        (names.is_empty() || names.contains(&seen.zone.name.as_str()))
            && (ids.is_empty() || ids.contains(&seen.zone.id.as_str()))
            && filters.pass(|fact, values| fact(seen, values))
    });
    xml.list("availabilityZoneInfo", chosen, |xml, seen| {
        let zone = seen.zone;
        xml.text("optInStatus", OPT_IN);
        xml.element("messageSet", |_| {});
        xml.text("regionName", network.region.as_str());
        xml.text("zoneName", &zone.name);
        xml.text("zoneId", &zone.id);
        xml.text("groupName", network.region.as_str());
        xml.text("networkBorderGroup", network.region.as_str());
        xml.text("zoneType", "availability-zone");
        xml.text("zoneState", seen.state());
    });
    Ok(())
}
