//! DescribeInstances, and what is common to everything that names instances.

pub(super) mod answer;
pub(super) mod change;
pub(crate) mod filters;
pub(super) mod interface;

use std::collections::{BTreeMap, HashSet};

use super::Call;
use super::outage;
use crate::sandbox::cloud::{Instance, State};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::Filters;
use crate::sandbox::wire::page::{Page, PageSize};
use crate::sandbox::wire::query::Node;
use crate::sandbox::wire::resource_id::is_resource_id;
use crate::sandbox::wire::xml::Xml;
use answer::View;
use filters::FILTERS;

const PAGE: PageSize = PageSize { min: 5, max: 1000, code: "InvalidParameterValue", default: None };
/// Ids in one request; AWS advises at most this many.
const IDS_MAX: usize = 1000;

/// DescribeInstances.
pub(super) fn describe(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&["InstanceId", "Filter", "MaxResults", "NextToken", "IncludeManagedResources"])?;
    let params = call.params();
    params.boolean("IncludeManagedResources")?;
    let filters = Filters::read_with_tags(params, FILTERS)?;
    let asked = Asked::read(call)?;
    let state = call.cloud.state();
    let named = named(&state, &asked.ids, call, IDS_MAX)?;
    call.permit()?;
    outage::refuse_describe(call, named.as_deref())?;
    let (views, token) = asked.answer(call, &state, named, |view| {
        filters.pass_with_tags(|| view.tags.into_iter().flatten(), |fact, values| fact(view, values))
    });
    // Instances of one launch follow each other, so reservations are runs.
    let runs = views.chunk_by(|a, b| a.instance.reservation_id == b.instance.reservation_id);
    xml.list("reservationSet", runs, |xml, run| write_reservation(xml, run));
    xml.optional("nextToken", token.as_deref());
    Ok(())
}

/// Which instances a Describe call asks for: those of these ids, or a page of all.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) ids: Vec<&'a str>,
    page: Page,
}

impl<'a> Asked<'a> {
    /// Reads ids and page, which exclude each other.
    pub(super) fn read(call: &'a Call<'_>) -> Result<Self, Ec2Error> {
        let ids = call.params().texts("InstanceId");
        let page = call.page_without_ids(PAGE, &ids, "instancesSet")?;
        Ok(Self { ids, page })
    }

    /// Those that pass, of the ones `named` or of all, and the token if there are more.
    pub(super) fn answer<'s>(
        &self,
        call: &Call<'s>,
        state: &'s State,
        named: Option<Vec<&'s Instance>>,
        passes: impl Fn(&View<'s>) -> bool,
    ) -> (Vec<View<'s>>, Option<String>) {
        let view = |instance| View::new(instance, state, call);
        let key = |view: &View<'_>| view.instance.sequence.to_string();
        let after = self.page.after.as_deref().and_then(|after| after.parse().ok()).unwrap_or(0);
        let (mut views, token) = match (named, named_by_filter(call.params())) {
            (Some(named), _) => (named.into_iter().map(view).filter(passes).collect(), None),
            // Of ten thousand instances, those that the filter names are worth looking at.
            (None, Some(ids)) => {
                let found = ids.into_iter().filter_map(|id| state.instance(id, call.now));
                let found: BTreeMap<u64, &Instance> = found.map(|found| (found.sequence, found)).collect();
                let rest = found.into_values().filter(|found| found.sequence > after);
                self.page.cut(rest.map(view).filter(passes), key)
            }
            (None, None) => self.page.cut(state.instances(call.now, after).map(view).filter(passes), key),
        };
        if call.is_reversed {
            views.reverse();
        }
        (views, token)
    }
}

/// The ids that some `instance-id` filter names, if there is one without wildcards. Nothing else can
/// pass; whether these do is for all filters to say.
fn named_by_filter(params: &Node) -> Option<Vec<&str>> {
    let by_id = params.list("Filter").filter(|filter| filter.text("Name") == Some("instance-id"));
    by_id.map(|filter| filter.texts("Value")).find(|ids| !ids.iter().any(|id| id.contains(['*', '?', '\\'])))
}

/// Writes the inside of a `Reservation`, which is also the answer of RunInstances.
pub(super) fn write_reservation(xml: &mut Xml, views: &[View<'_>]) {
    xml.optional("reservationId", views.first().map(|view| view.instance.reservation_id.as_str()));
    xml.optional("ownerId", views.first().map(|view| view.network.account_id.as_str()));
    xml.element("groupSet", |_| {});
    xml.list("instancesSet", views, |xml, view| answer::write(xml, view));
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
    let mut known = HashSet::with_capacity(ids.len());
    let mut missing = Vec::new();
    for id in ids {
        match state.instance(id, call.now) {
            Some(instance) if known.insert(instance.sequence) => instances.push(instance),
            Some(_) => {}
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
