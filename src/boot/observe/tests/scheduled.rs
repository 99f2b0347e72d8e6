//! What EC2 has scheduled or warns of.

use super::*;
use crate::record::ScheduledEvent;

#[test]
fn what_is_scheduled_is_told_once_and_again_when_it_changes() {
    let event = |id: &str, description: &str| crate::ec2::facts::ScheduledEvent {
        id: Some(id.to_owned()),
        code: Some("instance-retirement".to_owned()),
        description: Some(description.to_owned()),
        not_before: Some(at(9_000)),
        not_after: None,
    };
    let see = |events: &[crate::ec2::facts::ScheduledEvent]| {
        let status = InstanceStatus { events: events.to_vec(), ..checks("ok", "initializing") };
        (Some(instance(Running, None)), Some(status))
    };
    let (first, second) = (event("instance-event-1", "degraded"), event("instance-event-2", "degraded"));
    let done = event("instance-event-1", "[Completed] degraded");
    let looks = [
        see(&[]),
        see(&[first.clone(), second.clone()]),
        // The order of EC2's answer means nothing.
        see(&[second.clone(), first]),
        see(&[done, second]),
        (Some(instance(Running, None)), None),
    ];
    let told: Vec<(Phase, usize)> =
        history(fresh(), &looks).iter().map(|phase| (phase.phase, phase.scheduled_events.len())).collect();
    let expected = [(Phase::Running, 0), (Phase::Checking, 0), (Phase::Checking, 2), (Phase::Checking, 1)];
    assert_eq!(told, expected);
    // What the old host had before it does not come along to the next.
    let boot = |state, launched_at, events: &[_]| {
        let status = InstanceStatus { events: events.to_vec(), ..checks("ok", "initializing") };
        (Some(launched(state, launched_at)), (!events.is_empty()).then_some(status))
    };
    let retired = event("instance-event-3", "degraded");
    let looks = [
        boot(Running, 100, std::slice::from_ref(&retired)),
        boot(Stopped, 100, &[]),
        boot(Pending, 200, &[]),
        boot(Running, 200, std::slice::from_ref(&retired)),
        // Stopped and started between two looks.
        boot(Running, 300, &[]),
    ];
    let told: Vec<(Phase, usize)> =
        history(fresh(), &looks).iter().map(|phase| (phase.phase, phase.scheduled_events.len())).collect();
    let expected = [
        (Phase::Running, 1),
        (Phase::Checking, 1),
        (Phase::Stopped, 1),
        (Phase::Pending, 0),
        (Phase::Running, 1),
        (Phase::Checking, 1),
        (Phase::Running, 0),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_spot_interruption_is_told_before_the_next_checks() {
    let running = Tracked { phase: Some(Phase::Running), ..fresh() };
    let warning = ScheduledEvent {
        id: None,
        code: "spot-interruption".to_owned(),
        description: None,
        not_before: Some(at(120)),
        not_after: None,
    };
    let shown = instance(Running, None);
    let look = Look { instance: Some(&shown), status: None, warned: Some(&warning), console: None };
    let told = observe(&running, look, at(1));
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].phase, &told[0].scheduled_events[..]), (Phase::Running, std::slice::from_ref(&warning)));
    let known = Tracked { scheduled: vec![warning.clone()], ..running };
    assert_eq!(observe(&known, look, at(2)), [], "and once");
    let status = checks("ok", "initializing");
    let impaired = Tracked { phase: Some(Phase::Impaired), scheduled: Vec::new(), ..known.clone() };
    assert_eq!(observe(&impaired, look, at(2)), [], "with the next checks, which have a cause");
    let checking = observe(&known, Look { status: Some(&status), ..look }, at(3));
    assert_eq!(checking[0].scheduled_events, [warning], "and is not forgotten");
}
