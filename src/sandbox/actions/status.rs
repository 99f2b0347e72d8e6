//! DescribeInstanceStatus: running instances, or all with IncludeAllInstances.

use std::borrow::Cow;

use super::Call;
use super::instances::answer::{View, write_operator, write_state};
use super::instances::{Asked, named};
use crate::sandbox::cloud::{CheckStatus, DeedKind, Event, InstanceState, after};
use crate::sandbox::wire::errors::Ec2Error;
use crate::sandbox::wire::filter::{Filters, Table, Values, flag, made, maybe, text};
use crate::sandbox::wire::time::{millis, seconds};
use crate::sandbox::wire::xml::Xml;

/// Ids in one request.
const IDS_MAX: usize = 100;

pub(crate) type Fact = for<'a> fn(&View<'a>, &mut Values<'a>);

/// The filters of DescribeInstanceStatus. Nothing passes those on facts that no instance here has:
/// application checks, deadlines, other operators than the account.
pub(crate) const FILTERS: &Table<Fact> = &[
    ("application-status.status", |_, _| {}),
    ("attached-ebs-status.status", |i, v| text(v, i.standing.ebs.summary())),
    ("availability-zone", |i, v| text(v, &i.instance.zone)),
    ("availability-zone-id", |i, v| maybe(v, i.zone.map(|zone| zone.id.as_str()))),
    ("event.code", |i, v| v.extend(events(i).map(|(_, event)| Cow::Borrowed(event.code.as_str())))),
    ("event.description", |i, v| v.extend(events(i).map(|(_, event)| Cow::Owned(description(i, event))))),
    ("event.instance-event-id", |i, v| v.extend(events(i).map(|(nth, _)| Cow::Owned(event_id(i, nth))))),
    ("event.not-after", |i, v| v.extend(events(i).filter_map(|(_, event)| not_after(i, event)).map(Cow::Owned))),
    ("event.not-before", |i, v| v.extend(events(i).map(|(_, event)| Cow::Owned(not_before(i, event))))),
    ("event.not-before-deadline", |_, _| {}),
    ("instance-state-code", |i, v| made(v, i.standing.state.code())),
    ("instance-state-name", |i, v| text(v, i.standing.state.as_str())),
    ("instance-status.reachability", |i, v| maybe(v, i.standing.instance.reachability())),
    ("instance-status.status", |i, v| text(v, i.standing.instance.summary())),
    ("operator.managed", |_, v| flag(v, false)),
    ("operator.principal", |_, _| {}),
    ("system-status.reachability", |i, v| maybe(v, i.standing.system.reachability())),
    ("system-status.status", |i, v| text(v, i.standing.system.summary())),
];

/// The scheduled events of an instance that still exists, numbered.
fn events<'a>(view: &View<'a>) -> impl Iterator<Item = (usize, &'a Event)> {
    let ended = view.standing.state == InstanceState::Terminated;
    view.instance.events.iter().enumerate().filter(move |_| !ended)
}

/// An event's id, which follows from the instance's own.
fn event_id(view: &View<'_>, nth: usize) -> String {
    let digits = view.instance.id.trim_start_matches("i-");
    format!("instance-event-{}{nth:01x}", digits.get(1..).unwrap_or(digits))
}

/// EC2 marks an event that has happened in its description, and shows it for a while.
fn description(view: &View<'_>, event: &Event) -> String {
    // Whoever stops and starts the instance takes it away from the host that is to be stopped.
    let escaped = view.standing.starts > 0 && matches!(event.deed(), Some(DeedKind::Stop { .. }));
    let completed = escaped || view.instance.event_begins(event) <= view.now;
    format!("{}{}", if completed { "[Completed] " } else { "" }, event.description())
}

fn not_before(view: &View<'_>, event: &Event) -> String {
    seconds(view.instance.event_begins(event))
}

fn not_after(view: &View<'_>, event: &Event) -> Option<String> {
    event.not_after_ms.map(|ms| seconds(after(view.instance.launched, ms)))
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
    params.boolean("IncludeManagedResources")?;
    let filters = Filters::read(params, FILTERS)?;
    let all = params.boolean("IncludeAllInstances")?.unwrap_or(false);
    let asked = Asked::read(call)?;
    let state = call.cloud.state();
    let named = named(&state, &asked.ids, call, IDS_MAX)?;
    call.permit()?;
    let (views, token) = asked.answer(call, &state, named, |view| {
        (all || view.standing.state == InstanceState::Running) && filters.pass(|fact, values| fact(view, values))
    });
    xml.list("instanceStatusSet", &views, |xml, view| {
        xml.text("instanceId", &view.instance.id);
        write_operator(xml);
        xml.text("availabilityZone", &view.instance.zone);
        xml.optional("availabilityZoneId", view.zone.map(|zone| zone.id.as_str()));
        let mut events = events(view).peekable();
        if events.peek().is_some() {
            xml.list("eventsSet", events, |xml, (nth, event)| {
                xml.text("instanceEventId", &event_id(view, nth));
                xml.text("code", &event.code);
                xml.text("description", &description(view, event));
                xml.optional("notAfter", not_after(view, event).as_deref());
                xml.text("notBefore", &not_before(view, event));
            });
        }
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
