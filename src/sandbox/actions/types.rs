//! DescribeInstanceTypes: at most 100 names, or pages of 5 to 100.

use super::Call;
use crate::sandbox::instance_types::{self, FILTERS};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::Filters;
use crate::sandbox::wire::page::PageSize;
use crate::sandbox::wire::xml::Xml;

/// Names in one request.
const NAMES_MAX: usize = 100;
const PAGE: PageSize = PageSize { min: 5, max: 100, code: "InvalidMaxResults", default: Some(100) };

/// DescribeInstanceTypes.
pub(super) fn describe(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["InstanceType", "Filter", "MaxResults", "NextToken", "IncludeUnsupportedInRegion"])?;
    let params = call.params();
    let filters = Filters::read(params, FILTERS)?;
    // Every type that exists here is supported in every Region, so there are none to add.
    params.boolean("IncludeUnsupportedInRegion")?;
    let names = params.texts("InstanceType");
    if names.len() > NAMES_MAX {
        let message = format!("The request may name at most {NAMES_MAX} instance types, and names {}", names.len());
        return Err(Ec2Error::new("InvalidParameterValue", message));
    }
    let page = call.page_without_ids(PAGE, &names, "instanceTypes")?;
    let unknown: Vec<&str> = names.iter().copied().filter(|name| instance_types::get(name).is_none()).collect();
    if !unknown.is_empty() {
        let list = unknown.join(", ");
        let message = format!("The following supplied instance types do not exist: [{list}]");
        return Err(Ec2Error::new("InvalidInstanceType", message));
    }
    call.permit()?;
    let first = page.after.as_deref().and_then(instance_types::position).map_or(0, |position| position + 1);
    let chosen = instance_types::all()[first..].iter().filter(|found| {
        (names.is_empty() || names.contains(&found.name())) && filters.pass(|path, values| found.values(path, values))
    });
    let (types, token) = page.cut(chosen, |found| found.name().to_owned());
    xml.list("instanceTypeSet", types, |xml, found| found.write(xml));
    xml.optional("nextToken", token.as_deref());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::images::tests::{ask, open, outcome, texts};
    use crate::sandbox::IMAGES_MIN;

    #[test]
    fn types_are_named_filtered_and_paged_within_limits() {
        let sandbox = open(1, IMAGES_MIN, None);
        let named =
            |count: usize| (1..=count).fold(String::new(), |form, n| format!("{form}&InstanceType.{n}=t3.nano"));
        for (question, expected) in [
            (named(100), "200"),
            (named(101), "InvalidParameterValue"),
            ("&InstanceType.1=t3.huge".to_owned(), "InvalidInstanceType"),
            ("&InstanceType.1=t3.*".to_owned(), "InvalidInstanceType"),
            ("&InstanceType.1=t3.nano&MaxResults=5".to_owned(), "InvalidParameterCombination"),
            ("&MaxResults=4".to_owned(), "InvalidMaxResults"),
            ("&MaxResults=101".to_owned(), "InvalidMaxResults"),
            ("&NextToken=x".to_owned(), "InvalidNextToken"),
            ("&Filter.1.Name=tag:x&Filter.1.Value.1=y".to_owned(), "InvalidParameterValue"),
            ("&IncludeUnsupportedInRegion=maybe".to_owned(), "InvalidParameterValue"),
            ("&DryRun=true".to_owned(), "DryRunOperation"),
        ] {
            let shown: String = question.chars().take(60).collect();
            assert_eq!(outcome(&sandbox, &format!("Action=DescribeInstanceTypes{question}")), expected, "{shown}");
        }
        let found = |question: &str| {
            let body = ask(&sandbox, &format!("Action=DescribeInstanceTypes{question}")).1;
            (texts(&body, "instanceType").len(), body.contains("<nextToken>"))
        };
        assert_eq!(found(""), (100, true), "nobody gets more than a page");
        assert_eq!(found("&InstanceType.1=t3.nano&InstanceType.2=m5.large&InstanceType.3=t3.nano"), (2, false));
        for (filter, value, count) in [
            ("instance-type", "t3*.nano", 2),
            ("hypervisor", "xen", 74),
            ("supported-virtualization-type", "paravirtual", 19),
            ("supported-root-device-type", "instance-store", 33),
            ("processor-info.supported-architecture", "arm64_mac", 8),
            ("supported-usage-class", "capacity-block", 12),
            ("burstable-performance-supported", "true", 28),
            ("instance-storage-info.disk.type", "hdd", 27),
            ("network-info.efa-info.maximum-efa-interfaces", "32", 2),
            ("vcpu-info.valid-cores", "35", 99),
        ] {
            let question = format!("&Filter.1.Name={filter}&Filter.1.Value.1={value}");
            assert_eq!(found(&question), (count, false), "{filter}={value}");
        }
    }
}
