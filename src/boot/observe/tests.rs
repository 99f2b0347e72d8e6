//! Histories of looks, and the phases that come of them.

use super::*;
use crate::record::BootStage;

const ID: &str = "i-0123456789abcdef0";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn fresh() -> Tracked {
    Tracked {
        instance_id: ID.parse().unwrap(),
        phase: Some(Phase::Requested),
        place: None,
        checks: [None, None, None],
        since: at(0),
        ready_by: Some(at(600)),
        terminating: false,
        was_ready: false,
        is_absent: false,
    }
}

fn instance(state: InstanceState, reason: Option<(&str, &str)>) -> Instance {
    Instance {
        instance_id: ID.parse().unwrap(),
        image_id: None,
        instance_type: None,
        state: Some(state),
        state_reason: reason
            .map(|(code, message)| StateReason { code: Some(code.to_owned()), message: Some(message.to_owned()) }),
        state_transition_reason: None,
        launch_time: None,
        availability_zone: None,
        subnet_id: None,
        vpc_id: None,
        private_ip: None,
        public_ip: None,
        private_dns_name: None,
        public_dns_name: None,
        client_token: None,
        root_device_type: Some("ebs".to_owned()),
        virtualization_type: None,
        architecture: None,
        boot_mode: None,
        current_instance_boot_mode: None,
        instance_lifecycle: None,
        tags: std::collections::BTreeMap::new(),
    }
}

fn checks(system: &str, instance: &str) -> InstanceStatus {
    let summary =
        |status: &str| Some(StatusSummary { status: status.to_owned(), details: Vec::new(), impaired_since: None });
    InstanceStatus {
        instance_id: ID.parse().unwrap(),
        state: Some(InstanceState::Running),
        availability_zone: None,
        system: summary(system),
        instance: summary(instance),
        attached_ebs: None,
        application: None,
        performance: None,
        events: Vec::new(),
    }
}

/// Makes looks one second apart and returns the phases, as a tracker would record them.
fn history(mut tracked: Tracked, looks: &[(Option<Instance>, Option<InstanceStatus>)]) -> Vec<InstancePhase> {
    let mut all = Vec::new();
    for (second, (instance, status)) in (1..).zip(looks) {
        for phase in observe(&tracked, instance.as_ref(), status.as_ref(), at(second)) {
            tracked.phase = Some(phase.phase);
            tracked.checks = [phase.system_status.clone(), phase.instance_status.clone(), phase.ebs_status.clone()];
            if phase.place.is_some() {
                tracked.place.clone_from(&phase.place);
            }
            all.push(phase);
        }
    }
    all
}

fn phases(tracked: Tracked, looks: &[(Option<Instance>, Option<InstanceStatus>)]) -> Vec<Phase> {
    history(tracked, looks).into_iter().map(|phase| phase.phase).collect()
}

use InstanceState::{Pending, Running, ShuttingDown, Stopped, Terminated};

#[test]
fn looks_become_phases_in_order_and_once() {
    let see = |state, status: Option<InstanceStatus>| (Some(instance(state, None)), status);
    let initializing = || Some(checks("initializing", "initializing"));
    let ok = || Some(checks("ok", "ok"));
    let cases = [
        (
            "an ordinary boot, invisible at first",
            vec![
                (None, None),
                see(Pending, None),
                see(Pending, None),
                see(Running, None),
                see(Running, initializing()),
                see(Running, initializing()),
                see(Running, Some(checks("ok", "initializing"))),
                see(Running, ok()),
                see(Running, ok()),
            ],
            vec![Phase::Pending, Phase::Running, Phase::Checking, Phase::Checking, Phase::Ready],
        ),
        ("everything at once", vec![see(Running, ok())], vec![Phase::Running, Phase::Ready]),
        (
            "impaired and recovered",
            vec![see(Running, Some(checks("ok", "impaired"))), see(Running, ok())],
            vec![Phase::Running, Phase::Impaired, Phase::Ready],
        ),
        (
            "stopped and started by somebody",
            vec![see(Running, None), see(Stopped, None), see(Pending, None), see(Running, ok())],
            vec![Phase::Running, Phase::Stopped, Phase::Pending, Phase::Running, Phase::Ready],
        ),
        (
            "shutting down says nothing until it is over",
            vec![see(Pending, None), see(ShuttingDown, None), see(Terminated, None)],
            vec![Phase::Pending, Phase::Failed],
        ),
        ("never seen", vec![(None, None), (None, None)], vec![]),
    ];
    for (name, looks, expected) in cases {
        assert_eq!(phases(fresh(), &looks), expected, "{name}");
    }
}

#[test]
fn an_instance_that_ends_is_terminated_or_failed() {
    let volume = ("Server.InternalError", "Client.VolumeLimitExceeded: Volume limit exceeded");
    let by_user = ("Client.UserInitiatedShutdown", "Client.UserInitiatedShutdown: User initiated shutdown");
    let gone = |reason| [(Some(instance(Terminated, Some(reason))), None)];

    let failed = history(fresh(), &gone(volume));
    assert_eq!(failed[0].phase, Phase::Failed);
    assert_eq!(failed[0].failure.as_ref().unwrap().stage, BootStage::Volume);
    assert_eq!(failed[0].state_reason.as_ref().unwrap().code, volume.0, "EC2's own words stay");

    assert_eq!(phases(fresh(), &gone(by_user)), [Phase::Terminated]);
    let ready = Tracked { phase: Some(Phase::Ready), ..fresh() };
    let stopped = Tracked { phase: Some(Phase::Stopped), was_ready: true, ..fresh() };
    assert_eq!(phases(stopped, &gone(volume)), [Phase::Terminated], "nor what was stopped since");
    assert_eq!(phases(ready, &gone(volume)), [Phase::Terminated], "what was ready did not fail to boot");
    let terminating = Tracked { terminating: true, phase: Some(Phase::Pending), ..fresh() };
    assert_eq!(phases(terminating.clone(), &gone(volume)), [Phase::Terminated]);
    assert_eq!(phases(terminating, &[(None, None)]), [Phase::Terminated], "gone for an hour");
}

#[test]
fn what_was_shown_before_and_is_missing_for_ten_minutes_is_gone() {
    let missing = |phase, is_absent| {
        let tracked = Tracked { phase: Some(phase), ready_by: None, is_absent, ..fresh() };
        observe(&tracked, None, None, at(9_999)).into_iter().map(|phase| phase.phase).collect::<Vec<_>>()
    };
    assert_eq!(missing(Phase::Ready, true), [Phase::Terminated]);
    assert_eq!(missing(Phase::Ready, false), [], "it may come back");
    assert_eq!(missing(Phase::Requested, true), [], "it may be new");
    assert_eq!(missing(Phase::Terminated, true), []);
}

#[test]
fn what_was_never_seen_is_waited_for_before_it_counts_as_terminated() {
    let terminating = Tracked { terminating: true, ..fresh() };
    let phases = |seconds| observe(&terminating, None, None, at(seconds)).into_iter().map(|phase| phase.phase);
    assert_eq!(phases(599).collect::<Vec<_>>(), []);
    assert_eq!(phases(600).collect::<Vec<_>>(), [Phase::Terminated]);
    assert_eq!(observe(&Tracked { terminating: false, ready_by: None, ..fresh() }, None, None, at(600)), []);
}

#[test]
fn what_is_not_ready_in_time_times_out_once_and_may_still_become_ready() {
    let late = Tracked { ready_by: Some(at(3)), ..fresh() };
    let see = |status| (Some(instance(Running, None)), Some(status));
    let looks = [
        see(checks("initializing", "initializing")),
        see(checks("initializing", "initializing")),
        see(checks("initializing", "initializing")),
        see(checks("ok", "initializing")),
        see(checks("ok", "ok")),
    ];
    let seen = history(late, &looks);
    let names: Vec<Phase> = seen.iter().map(|phase| phase.phase).collect();
    assert_eq!(names, [Phase::Running, Phase::Checking, Phase::TimedOut, Phase::Ready]);
    assert_eq!(seen[2].failure.as_ref().unwrap().stage, BootStage::Instance);

    let invisible = Tracked { ready_by: Some(at(1)), ..fresh() };
    assert_eq!(phases(invisible, &[(None, None), (None, None)]), [Phase::TimedOut]);
}
