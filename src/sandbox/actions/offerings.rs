//! DescribeInstanceTypeOfferings: by Region, zone name or zone id.

use super::Call;
use crate::sandbox::instance_types::{self, InstanceType};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::{Filters, Table, Values, text};
use crate::sandbox::wire::page::PageSize;
use crate::sandbox::wire::xml::Xml;

const PAGE: PageSize = PageSize { min: 5, max: 1000, code: "InvalidMaxResults", default: Some(1000) };
const LOCATION_TYPES: [&str; 4] = ["region", "availability-zone", "availability-zone-id", "outpost"];

/// Pushes the values of one filter.
pub(crate) type Fact = for<'a> fn(&Offering<'a>, &mut Values<'a>);

/// A type at a place.
#[derive(Debug)]
pub(crate) struct Offering<'a> {
    instance_type: &'a InstanceType,
    location: &'a str,
}

/// The filters of DescribeInstanceTypeOfferings.
pub(crate) const FILTERS: &Table<Fact> = &[
    ("instance-type", |offering, v| text(v, offering.instance_type.name())),
    ("location", |offering, v| text(v, offering.location)),
];

/// DescribeInstanceTypeOfferings.
pub(super) fn describe(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["LocationType", "Filter", "MaxResults", "NextToken"])?;
    let params = call.params();
    let filters = Filters::read(params, FILTERS)?;
    let location_type = params.choice("LocationType", &LOCATION_TYPES)?.unwrap_or("region");
    let page = call.page(PAGE)?;
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
        .filter(|offering| filters.pass(|fact, values| fact(offering, values)));
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

#[cfg(test)]
mod tests {
    use super::super::images::tests::{ask, open, outcome, texts};
    use crate::sandbox::IMAGES_MIN;

    #[test]
    fn types_are_offered_by_region_zone_and_zone_id() {
        let sandbox = open(1, IMAGES_MIN, None);
        for (question, expected) in [
            ("&LocationType=zone", "InvalidParameterValue"),
            ("&MaxResults=4", "InvalidMaxResults"),
            ("&MaxResults=1001", "InvalidMaxResults"),
            ("&Filter.1.Name=instance-types&Filter.1.Value.1=*", "InvalidParameterValue"),
            ("&NextToken=x", "InvalidNextToken"),
            ("&DryRun=true", "DryRunOperation"),
        ] {
            let form = format!("Action=DescribeInstanceTypeOfferings{question}");
            assert_eq!(outcome(&sandbox, &form), expected, "{form}");
        }
        let found = |question: &str| {
            let body = ask(&sandbox, &format!("Action=DescribeInstanceTypeOfferings{question}")).1;
            texts(&body, "instanceType").into_iter().zip(texts(&body, "location")).collect::<Vec<_>>()
        };
        let filter = "&Filter.1.Name=instance-type&Filter.1.Value.1=c6*";
        let region = found(filter);
        assert!(region.len() > 50 && region.iter().all(|(_, location)| location == "sandbox-1"));
        let zones = found(&format!("{filter}&LocationType=availability-zone"));
        let ids = found(&format!("{filter}&LocationType=availability-zone-id"));
        assert!(zones.len() < 3 * region.len(), "some types are missing somewhere");
        assert!(region.iter().all(|(name, _)| zones.iter().any(|(offered, _)| offered == name)));
        let renamed = |(name, zone): &(String, String)| {
            let nth = zone.bytes().last().unwrap() - b'a' + 1;
            (name.clone(), format!("san1-az{nth}"))
        };
        assert_eq!(zones.iter().map(renamed).collect::<Vec<_>>(), ids);
        let one = found(&format!("{filter}&LocationType=availability-zone&Filter.2.Name=location&Filter.2.Value.1=*b"));
        assert_eq!(one, zones.into_iter().filter(|(_, zone)| zone == "sandbox-1b").collect::<Vec<_>>());
        assert!(found("&LocationType=outpost").is_empty());
    }
}
