//! DescribeInstanceStatus: running instances, or all with IncludeAllInstances.

use std::borrow::Cow;

use super::Call;
use super::instances::answer::{View, write_state};
use super::instances::{named, page};
use crate::sandbox::cloud::{CheckStatus, InstanceState};
use crate::sandbox::images::millis;
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::{Filters, Subject, Values};
use crate::sandbox::wire::xml::Xml;

/// Ids in one request.
const IDS_MAX: usize = 100;

type Fact = for<'a> fn(&View<'a>, &mut Values<'a>);

fn fact(name: &str) -> Option<Fact> {
    Some(match name {
        "attached-ebs-status.status" => |i, v| v.push(Cow::Borrowed(i.standing.ebs.summary())),
        "availability-zone" => |i, v| v.push(Cow::Borrowed(&i.instance.zone)),
        "availability-zone-id" => |i, v| v.extend(i.zone.map(|zone| Cow::Borrowed(zone.id.as_str()))),
        "instance-state-code" => |i, v| v.push(Cow::Owned(i.standing.state.code().to_string())),
        "instance-state-name" => |i, v| v.push(Cow::Borrowed(i.standing.state.as_str())),
        "instance-status.reachability" => |i, v| v.extend(i.standing.instance.reachability().map(Cow::Borrowed)),
        "instance-status.status" => |i, v| v.push(Cow::Borrowed(i.standing.instance.summary())),
        "system-status.reachability" => |i, v| v.extend(i.standing.system.reachability().map(Cow::Borrowed)),
        "system-status.status" => |i, v| v.push(Cow::Borrowed(i.standing.system.summary())),
        // Facts that no instance here has: scheduled events, managed instances, application checks.
        "application-status.status"
        | "event.code"
        | "event.description"
        | "event.instance-event-id"
        | "event.not-after"
        | "event.not-before"
        | "event.not-before-deadline"
        | "operator.managed"
        | "operator.principal" => |_, _| {},
        _ => return None,
    })
}

/// DescribeInstanceStatus.
pub(super) fn describe(call: &Call<'_>, xml: &mut Xml) -> Result<(), Ec2Error> {
    call.query.allow_only(&[
        "InstanceId",
        "Filter",
        "MaxResults",
        "NextToken",
        "IncludeAllInstances",
        "IncludeManagedResources",
    ])?;
    let params = call.params();
    let filters = Filters::read(params, false, fact)?;
    let all = params.boolean("IncludeAllInstances")?.unwrap_or(false);
    let ids = params.texts("InstanceId");
    let page = page(call, &ids)?;
    let state = call.cloud.state();
    let named = named(&state, &ids, call, IDS_MAX)?;
    call.permit()?;

    let after = page.after.as_deref().and_then(|after| after.parse().ok()).unwrap_or(0);
    let view = |instance| View::new(instance, &state, call);
    let passes = |view: &View<'_>| {
        (all || view.standing.state == InstanceState::Running)
            && filters.pass(|subject, values| {
                if let Subject::Fact(fact) = subject {
                    fact(view, values);
                }
            })
    };
    let (views, token) = match named {
        Some(named) => (named.into_iter().map(view).filter(passes).collect(), None),
        None => {
            let instances = state.instances(call.now, after).map(view).filter(passes);
            page.cut(instances, |view| view.instance.sequence.to_string())
        }
    };
    xml.list("instanceStatusSet", views, |xml, view| {
        xml.text("instanceId", &view.instance.id);
        xml.text("availabilityZone", &view.instance.zone);
        xml.optional("availabilityZoneId", view.zone.map(|zone| zone.id.as_str()));
        write_state(xml, "instanceState", view.standing.state);
        write_check(xml, "systemStatus", view.standing.system);
        write_check(xml, "instanceStatus", view.standing.instance);
        write_check(xml, "attachedEbsStatus", view.standing.ebs);
    });
    xml.optional("nextToken", token.as_deref());
    Ok(())
}

fn write_check(xml: &mut Xml, name: &str, check: CheckStatus) {
    xml.element(name, |xml| {
        xml.text("status", check.summary());
        if let Some(reachability) = check.reachability() {
            xml.list("details", [reachability], |xml, reachability| {
                if let CheckStatus::Impaired(since) = check {
                    xml.text("impairedSince", &millis(since));
                }
                xml.text("name", "reachability");
                xml.text("status", reachability);
            });
        }
    });
}
