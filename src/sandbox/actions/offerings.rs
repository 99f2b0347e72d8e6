//! DescribeInstanceTypeOfferings: by Region, zone name or zone id.

use std::borrow::Cow;

use super::Call;
use crate::sandbox::instance_types::{self, InstanceType};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::{Filters, Subject, Values};
use crate::sandbox::wire::page::{Page, PageSize};
use crate::sandbox::wire::xml::Xml;

const PAGE: PageSize = PageSize { min: 5, max: 1000, code: "InvalidMaxResults", default: Some(1000) };
const LOCATION_TYPES: [&str; 4] = ["region", "availability-zone", "availability-zone-id", "outpost"];

type Fact = for<'a> fn(&Offering<'a>, &mut Values<'a>);

#[derive(Debug)]
struct Offering<'a> {
    instance_type: &'a InstanceType,
    location: &'a str,
}

fn fact(name: &str) -> Option<Fact> {
    Some(match name {
        "instance-type" => |offering, values| values.push(Cow::Borrowed(offering.instance_type.name())),
        "location" => |offering, values| values.push(Cow::Borrowed(offering.location)),
        _ => return None,
    })
}

/// DescribeInstanceTypeOfferings.
pub(super) fn describe(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["LocationType", "Filter", "MaxResults", "NextToken"])?;
    let params = call.params();
    let filters = Filters::read(params, false, fact)?;
    let location_type = params.choice("LocationType", &LOCATION_TYPES)?.unwrap_or("region");
    let page = Page::read(call.query, call.region(), PAGE)?;
    call.permit()?;
    let network = &call.cloud.network;
    let locations = |instance_type: &'static InstanceType| -> Vec<&str> {
        let zones = network.offering(instance_type);
        match location_type {
            "region" => vec![network.region.as_str()],
            "availability-zone" => zones.into_iter().map(|zone| zone.name.as_str()).collect(),
            "availability-zone-id" => zones.into_iter().map(|zone| zone.id.as_str()).collect(),
            // There are no Outposts here.
            _ => Vec::new(),
        }
    };
    // A page ends at an offering, written as type and location.
    let after = page.after.as_deref().and_then(|after| after.split_once(' '));
    let first = after.and_then(|(name, _)| instance_types::position(name)).unwrap_or(0);
    let mut skipping = after.is_some();
    let offerings = instance_types::all()[first..]
        .iter()
        .flat_map(|found| locations(found).into_iter().map(|location| Offering { instance_type: found, location }))
        .filter(|offering| {
            if skipping {
                skipping = after != Some((offering.instance_type.name(), offering.location));
                return false;
            }
            true
        })
        .filter(|offering| {
            filters.pass(|subject, values| {
                if let Subject::Fact(fact) = subject {
                    fact(offering, values);
                }
            })
        });
    let (offerings, token) =
        page.cut(offerings, |offering| format!("{} {}", offering.instance_type.name(), offering.location));
    xml.list("instanceTypeOfferingSet", offerings, |xml, offering| {
        xml.text("instanceType", offering.instance_type.name());
        xml.text("locationType", location_type);
        xml.text("location", offering.location);
    });
    xml.optional("nextToken", token.as_deref());
    Ok(())
}
