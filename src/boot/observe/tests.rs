//! Histories of looks, and the phases that come of them.

use super::*;
use crate::ec2::facts::{StateReason, StatusSummary};
use crate::record::{BootStage, InstancePlace};

mod records;
mod scheduled;

const ID: &str = "i-0123456789abcdef0";

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn fresh() -> Tracked {
    Tracked {
        instance_id: ID.parse().unwrap(),
        phase: Some(Phase::Requested),
        place: None,
        checks: Checks::default(),
        failure: None,
        scheduled: Vec::new(),
        since: at(0),
        ready_by: Some(at(600)),
        terminating: false,
        was_ready: false,
        is_missing: true,
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
        let look = Look { instance: instance.as_ref(), status: status.as_ref(), warned: None, console: None };
        for phase in observe(&tracked, look, at(second)) {
            tracked.phase = Some(phase.phase);
            tracked.checks = Checks::recorded(&phase);
            tracked.failure = phase.failure.as_deref().cloned();
            tracked.scheduled.clone_from(&phase.scheduled_events);
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
    let by_guest =
        ("Client.InstanceInitiatedShutdown", "Client.InstanceInitiatedShutdown: Instance initiated shutdown");
    let failed = history(fresh(), &gone(by_guest));
    assert_eq!((failed[0].phase, failed[0].failure.as_ref().unwrap().stage), (Phase::Failed, BootStage::Instance));
    let ready = Tracked { phase: Some(Phase::Ready), ..fresh() };
    let stopped = Tracked { phase: Some(Phase::Stopped), was_ready: true, ..fresh() };
    assert_eq!(phases(stopped, &gone(volume)), [Phase::Terminated], "nor what was stopped since");
    assert_eq!(phases(ready, &gone(volume)), [Phase::Terminated], "what was ready did not fail to boot");
    let terminating = Tracked { terminating: true, phase: Some(Phase::Pending), ..fresh() };
    assert_eq!(phases(terminating.clone(), &gone(volume)), [Phase::Terminated]);
    assert_eq!(phases(terminating.clone(), &[(None, None)]), [Phase::Terminated], "gone for an hour");
    assert_eq!(phases(Tracked { is_missing: false, ..terminating }, &[(None, None)]), [], "one look proves nothing");
}

#[test]
fn what_was_shown_before_and_is_missing_for_ten_minutes_is_gone() {
    let missing = |phase, is_absent| {
        let tracked = Tracked { phase: Some(phase), ready_by: None, is_absent, ..fresh() };
        observe(&tracked, Look::default(), at(9_999)).into_iter().map(|phase| phase.phase).collect::<Vec<_>>()
    };
    assert_eq!(missing(Phase::Ready, true), [Phase::Terminated]);
    assert_eq!(missing(Phase::Ready, false), [], "it may come back");
    assert_eq!(missing(Phase::Requested, true), [], "it may be new");
    assert_eq!(missing(Phase::Terminated, true), []);
}

#[test]
fn what_was_never_seen_is_waited_for_before_it_counts_as_terminated() {
    let terminating = Tracked { terminating: true, ..fresh() };
    let phases = |seconds| observe(&terminating, Look::default(), at(seconds)).into_iter().map(|phase| phase.phase);
    assert_eq!(phases(599).collect::<Vec<_>>(), []);
    assert_eq!(phases(600).collect::<Vec<_>>(), [Phase::Terminated]);
    assert_eq!(observe(&Tracked { terminating: false, ready_by: None, ..fresh() }, Look::default(), at(600)), []);
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

    let see_system = (Some(instance(Running, None)), Some(checks("impaired", "ok")));
    let broken = Tracked { ready_by: Some(at(2)), ..fresh() };
    let seen = history(broken, &[see_system, (Some(instance(Running, None)), None)]);
    let last = seen.last().unwrap();
    assert_eq!((last.phase, last.failure.as_ref().unwrap().stage), (Phase::TimedOut, BootStage::System));
    assert_eq!(last.system_status.as_deref(), Some("impaired"), "with the last known checks");

    // Found by the very look with which the time is over: the host, and not what was wrong before.
    let ebs = InstanceStatus { attached_ebs: checks("impaired", "ok").system, ..checks("ok", "ok") };
    let see_ebs = (Some(instance(Running, None)), Some(ebs));
    let see_host = || (Some(instance(Running, None)), Some(checks("impaired", "impaired")));
    for looks in [vec![see_ebs, see_host()], vec![see(checks("initializing", "initializing")), see_host()]] {
        let seen = history(Tracked { ready_by: Some(at(2)), ..fresh() }, &looks);
        let last = seen.last().unwrap();
        assert_eq!((last.phase, last.failure.as_ref().unwrap().stage), (Phase::TimedOut, BootStage::System));
    }

    let ending = Tracked { phase: Some(Phase::Pending), ready_by: Some(at(1)), ..fresh() };
    let reason = Some(("Client.VolumeLimitExceeded", ""));
    let seen = history(ending, &[(Some(instance(InstanceState::ShuttingDown, reason)), None)]);
    assert_eq!(seen[0].failure.as_ref().unwrap().stage, BootStage::Volume, "EC2 has said why it ends");

    let silent = Tracked { phase: Some(Phase::Running), ready_by: Some(at(3)), ..fresh() };
    assert_eq!(overdue(&silent, Look::default(), at(2)), None);
    assert_eq!(
        overdue(&silent, Look::default(), at(3)).unwrap().phase,
        Phase::TimedOut,
        "EC2 need not answer for that"
    );

    let invisible = Tracked { ready_by: Some(at(1)), ..fresh() };
    assert_eq!(phases(invisible, &[(None, None), (None, None)]), [Phase::TimedOut]);
}

/// A launch time that is years ahead of every look, in seconds.
const NEVER: i64 = 1_000_000_000;

/// An instance in `state` whose current boot began at `launched`.
fn launched(state: InstanceState, launched: i64) -> Instance {
    Instance { launch_time: Some(at(launched)), ..instance(state, None) }
}

#[test]
fn a_start_is_known_by_its_launch_time_and_nothing_else_takes_a_phase_back() {
    let see = |state, time, status: Option<InstanceStatus>| (Some(launched(state, time)), status);
    let ok = || Some(checks("ok", "ok"));
    let cases = [
        (
            "stopped and started between two looks",
            vec![see(Running, 100, Some(checks("initializing", "initializing"))), see(Running, 200, ok())],
            vec![Phase::Running, Phase::Checking, Phase::Running, Phase::Ready],
        ),
        (
            "started again, seen on its way",
            vec![see(Running, 100, None), see(Stopped, 100, None), see(Pending, 200, None), see(Running, 200, None)],
            vec![Phase::Running, Phase::Stopped, Phase::Pending, Phase::Running],
        ),
        (
            "stale answers between fresh ones",
            vec![
                see(Pending, 100, None),
                see(Running, 100, None),
                see(Pending, 100, None),
                see(Stopped, 100, None),
                see(Pending, 100, None),
                see(Running, 100, None),
                see(Running, 200, None),
                see(Stopped, 100, None),
                see(Running, 200, ok()),
            ],
            vec![Phase::Pending, Phase::Running, Phase::Stopped, Phase::Running, Phase::Ready],
        ),
        (
            "a launch time to come is none, and hides nothing that follows",
            vec![
                see(Pending, NEVER, None),
                see(Running, 100, None),
                see(Running, NEVER, Some(checks("initializing", "initializing"))),
                see(Stopped, 100, None),
                see(Running, 200, ok()),
            ],
            vec![Phase::Pending, Phase::Running, Phase::Checking, Phase::Stopped, Phase::Running, Phase::Ready],
        ),
        (
            "an end is one whatever boot it is shown with",
            vec![see(Running, 200, None), see(Stopped, 100, None), see(Terminated, 100, None)],
            vec![Phase::Running, Phase::Failed],
        ),
        (
            "nothing follows an end",
            vec![see(Terminated, 100, None), see(Running, 100, ok()), see(Pending, 200, None)],
            vec![Phase::Failed],
        ),
        (
            "restarted by its operating system before it was ready",
            vec![
                see(Running, 100, Some(checks("ok", "initializing"))),
                see(Running, 100, Some(checks("ok", "impaired"))),
                see(Running, 100, Some(checks("ok", "initializing"))),
                see(Running, 100, ok()),
            ],
            vec![Phase::Running, Phase::Checking, Phase::Impaired, Phase::Checking, Phase::Ready],
        ),
    ];
    for (name, looks, expected) in cases {
        let told = history(fresh(), &looks);
        assert_eq!(told.iter().map(|phase| phase.phase).collect::<Vec<_>>(), expected, "{name}");
        let mut times = told.iter().filter_map(|phase| phase.place.as_ref()?.launch_time);
        assert!(times.all(|time| time < at(NEVER)), "{name}");
    }
    let place = history(fresh(), &[see(Running, 100, None)]).remove(0).place.unwrap();
    let recorded = InstancePlace { launch_time: Some(at(NEVER)), ..place };
    let blind = Tracked { phase: Some(Phase::Running), place: Some(recorded), ..fresh() };
    let told = history(blind, &[see(Stopped, 100, None), see(Running, 200, None)]);
    let times: Vec<_> = told.iter().map(|phase| phase.place.as_ref().unwrap().launch_time).collect();
    assert_eq!(times, [Some(at(100)), Some(at(200))], "also after a record of one that was to come");
}

#[test]
fn ready_waits_for_every_check_that_the_instance_has() {
    let with = |ebs: Option<&str>, application: Option<&str>, performance: Option<&str>| {
        let summary = |word: &str| StatusSummary { status: word.to_owned(), details: Vec::new(), impaired_since: None };
        let status = InstanceStatus {
            attached_ebs: ebs.map(summary),
            application: application.map(summary),
            performance: performance.map(summary),
            ..checks("ok", "ok")
        };
        phases(fresh(), &[(Some(instance(Running, None)), Some(status))]).pop().unwrap()
    };
    for (ebs, application, performance, expected) in [
        (None, None, None, Phase::Ready),
        (Some("ok"), Some("ok"), Some("ok"), Phase::Ready),
        (Some("not-applicable"), Some("suppressed"), None, Phase::Ready),
        (Some("ok"), Some("not-applicable"), Some("impaired"), Phase::Ready),
        (Some("initializing"), None, None, Phase::Checking),
        (Some("ok"), Some("insufficient-data"), None, Phase::Checking),
        (Some("impaired"), None, None, Phase::Impaired),
        (Some("ok"), Some("impaired"), None, Phase::Impaired),
        (Some("a word of tomorrow"), None, None, Phase::Checking),
    ] {
        assert_eq!(with(ebs, application, performance), expected, "{ebs:?} {application:?} {performance:?}");
    }
}
