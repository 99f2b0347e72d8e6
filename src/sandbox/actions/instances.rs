//! DescribeInstances, and what is common to everything that names instances.

pub(super) mod answer;
mod filters;

use super::Call;
use super::images::is_resource_id;
use crate::sandbox::ACCOUNT_ID;
use crate::sandbox::cloud::{Instance, State};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::Filters;
use crate::sandbox::wire::page::{Page, PageSize};
use crate::sandbox::wire::xml::Xml;
use answer::View;

const PAGE: PageSize = PageSize { min: 5, max: 1000, code: "InvalidParameterValue", default: None };
/// Ids in one request; AWS advises at most this many.
const IDS_MAX: usize = 1000;

/// DescribeInstances.
pub(super) fn describe(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["InstanceId", "Filter", "MaxResults", "NextToken", "IncludeManagedResources"])?;
    let params = call.params();
    let filters = Filters::read(params, true, filters::fact)?;
    let ids = params.texts("InstanceId");
    let page = page(call, &ids)?;
    let state = call.cloud.state();
    let named = named(&state, &ids, call, IDS_MAX)?;
    call.permit()?;

    let after = page.after.as_deref().and_then(|after| after.parse().ok()).unwrap_or(0);
    let view = |instance| View::new(instance, &state, call);
    let passes = |view: &View<'_>| filters.pass(|subject, values| filters::values(view, subject, values));
    let (views, token) = match named {
        Some(named) => (named.into_iter().map(view).filter(passes).collect(), None),
        None => {
            let all = state.instances(call.now, after).map(view).filter(passes);
            page.cut(all, |view| view.instance.sequence.to_string())
        }
    };
    // Instances of one launch follow each other, so reservations are runs.
    let runs = views.chunk_by(|a, b| a.instance.reservation_id == b.instance.reservation_id);
    xml.list("reservationSet", runs, |xml, run| write_reservation(xml, run));
    xml.optional("nextToken", token.as_deref());
    Ok(())
}

/// Writes the inside of a `Reservation`, which is also the answer of RunInstances.
pub(super) fn write_reservation(xml: &mut Xml, views: &[View<'_>]) {
    xml.optional("reservationId", views.first().map(|view| view.instance.reservation_id.as_str()));
    xml.text("ownerId", ACCOUNT_ID);
    xml.element("groupSet", |_| {});
    xml.list("instancesSet", views, |xml, view| answer::write(xml, view));
}

/// Reads the page; ids and MaxResults exclude each other in all of EC2.
pub(super) fn page(call: &Call<'_>, ids: &[&str]) -> Result<Page, Ec2Error> {
    if !ids.is_empty() && call.params().text("MaxResults").is_some() {
        let message = "The parameter instancesSet cannot be used with the parameter maxResults";
        return Err(Ec2Error::combination(message));
    }
    Page::read(call.query, call.region(), PAGE)
}

/// The instances named by id, each once, or `None` if none are named. A malformed or unknown id
/// fails the whole call, and so does one that is not visible yet.
pub(super) fn named<'a>(
    state: &'a State,
    ids: &[&str],
    call: &Call<'_>,
    ids_max: usize,
) -> Result<Option<Vec<&'a Instance>>, Ec2Error> {
    if ids.is_empty() {
        return Ok(None);
    }
    if ids.len() > ids_max {
        let message = format!("A request may name at most {ids_max} instances");
        return Err(Ec2Error::new("InvalidParameterValue", message));
    }
    if let Some(malformed) = ids.iter().find(|id| !is_resource_id(id, "i-")) {
        return Err(Ec2Error::new("InvalidInstanceID.Malformed", format!("Invalid id: \"{malformed}\"")));
    }
    let mut instances: Vec<&Instance> = Vec::with_capacity(ids.len());
    let mut missing = Vec::new();
    for id in ids {
        match state.instance(id, call.now) {
            Some(instance) if instances.iter().any(|known| known.sequence == instance.sequence) => {}
            Some(instance) => instances.push(instance),
            None => missing.push(*id),
        }
    }
    match missing.as_slice() {
        [] => Ok(Some(instances)),
        [one] => Err(Ec2Error::new("InvalidInstanceID.NotFound", format!("The instance ID '{one}' does not exist"))),
        many => {
            let message = format!("The instance IDs '{}' do not exist", many.join(", "));
            Err(Ec2Error::new("InvalidInstanceID.NotFound", message))
        }
    }
}
