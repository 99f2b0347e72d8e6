//! DescribeInstanceTypes: at most 100 names, or pages of 5 to 100.

use super::Call;
use crate::sandbox::instance_types;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::{Filters, Subject};
use crate::sandbox::wire::page::{Page, PageSize};
use crate::sandbox::wire::xml::Xml;

/// Names in one request.
const NAMES_MAX: usize = 100;
const PAGE: PageSize = PageSize { min: 5, max: 100, code: "InvalidMaxResults", default: Some(100) };

/// DescribeInstanceTypes.
pub(super) fn describe(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["InstanceType", "Filter", "MaxResults", "NextToken", "IncludeUnsupportedInRegion"])?;
    let params = call.params();
    let filters = Filters::read(params, false, instance_types::filter_path)?;
    let names = params.texts("InstanceType");
    if names.len() > NAMES_MAX {
        let message = format!("The request may name at most {NAMES_MAX} instance types, and names {}", names.len());
        return Err(Ec2Error::new("InvalidParameterValue", message));
    }
    if !names.is_empty() && params.text("MaxResults").is_some() {
        let message = "The parameter instanceTypes cannot be used with the parameter maxResults";
        return Err(Ec2Error::combination(message));
    }
    let unknown: Vec<&str> = names.iter().copied().filter(|name| instance_types::get(name).is_none()).collect();
    if !unknown.is_empty() {
        let list = unknown.join(", ");
        let message = format!("The following supplied instance types do not exist: [{list}]");
        return Err(Ec2Error::new("InvalidInstanceType", message));
    }
    let page = Page::read(call.query, call.region(), PAGE)?;
    call.permit()?;
    let first = page.after.as_deref().and_then(instance_types::position).map_or(0, |position| position + 1);
    let chosen = instance_types::all()[first..].iter().filter(|found| {
        (names.is_empty() || names.contains(&found.name()))
            && filters.pass(|subject, values| {
                if let Subject::Fact(path) = subject {
                    found.values(path, values);
                }
            })
    });
    let (types, token) = page.cut(chosen, |found| found.name().to_owned());
    xml.list("instanceTypeSet", types, |xml, found| found.write(xml));
    xml.optional("nextToken", token.as_deref());
    Ok(())
}
