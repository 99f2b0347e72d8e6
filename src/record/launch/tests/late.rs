//! Terminations of instances that were not ready in time.

use super::*;
use crate::record::OnBootFailure;

pub(super) fn termination(stage: TerminationStage, letters: &str, boot_failure: bool) -> Event {
    Event::Termination(Termination {
        stage,
        request_id: None,
        body_sha256: None,
        reason: "no longer needed".to_owned(),
        instance_ids: letters.chars().map(instance_id).collect(),
        others: Vec::new(),
        boot_failure,
        error: (stage == NotDone).then(|| error("UnauthorizedOperation")),
    })
}

#[test]
fn the_instance_ends_and_the_launch_stays_what_its_boot_made_it() {
    let begun = "launching, a requested, ";
    let late = "booting, a timed_out!, failed!, ";
    #[rustfmt::skip]
    let table: &[(&[Step], S, bool, &str, String)] = &[
        (&[Succeed(1, "a"), Reach('a', P::TimedOut), EndLate(Requested, "a")], S::Failed, true, "", format!("{begun}{late}")),
        (&[Succeed(1, "a"), Reach('a', P::TimedOut), EndLate(Requested, "a"), EndLate(Accepted, "a"), Reach('a', P::Terminated)],
            S::Failed, false, "", format!("{begun}{late}a terminated, ")),
        // Gone before EC2 answered.
        (&[Succeed(1, "a"), Reach('a', P::TimedOut), EndLate(Requested, "a"), Reach('a', P::Terminated)],
            S::Failed, false, "", format!("{begun}{late}a terminated, ")),
        // One of two comes up.
        (&[Succeed(1, "ab"), Reach('a', P::TimedOut), EndLate(Requested, "a"), EndLate(Accepted, "a"), Reach('a', P::Terminated), Reach('b', P::Ready)],
            S::Partial, false, "FEWER_THAN_WANTED", format!("{begun}b requested, booting, a timed_out!, a terminated, b ready!, partial!, ")),
        // It came up after all: what happens then is life, and its end an end like any other.
        (&[Succeed(1, "a"), Reach('a', P::TimedOut), EndLate(Requested, "a"), Reach('a', P::Ready)],
            S::Ready, true, "FEWER_THAN_WANTED", format!("{begun}{late}a ready, ready!, ")),
        (&[Succeed(1, "a"), Reach('a', P::TimedOut), EndLate(Requested, "a"), Reach('a', P::Ready), EndLate(NotDone, "a")],
            S::Ready, false, "FEWER_THAN_WANTED", format!("{begun}{late}a ready, ready!, ")),
        (&[Succeed(1, "a"), Reach('a', P::TimedOut), EndLate(Requested, "a"), Reach('a', P::Ready), EndLate(Accepted, "a"), Reach('a', P::Terminated)],
            S::Terminated, false, "FEWER_THAN_WANTED", format!("{begun}{late}a ready, ready!, a terminated, terminated!, ")),
        // EC2 refuses, and somebody ends it by hand.
        (&[Succeed(1, "a"), Reach('a', P::TimedOut), EndLate(Requested, "a"), EndLate(NotDone, "a")],
            S::Failed, true, "UnauthorizedOperation", format!("{begun}{late}")),
        (&[Succeed(1, "a"), Reach('a', P::TimedOut), EndLate(Requested, "a"), EndLate(NotDone, "a"), Reach('a', P::Terminated)],
            S::Terminated, false, "UnauthorizedOperation", format!("{begun}{late}a terminated, terminated!, ")),
        // Somebody ends the whole launch meanwhile.
        (&[Succeed(1, "a"), Reach('a', P::TimedOut), EndLate(Requested, "a"), Terminate(Requested), EndLate(Accepted, "a"), Terminate(Accepted), Reach('a', P::Terminated)],
            S::Terminated, false, "", format!("{begun}{late}terminating, a terminated!, terminated!, ")),
    ];
    for (steps, state, is_open, reason, events) in table {
        let steps: Vec<Step> = [Intend(1)].into_iter().chain(steps.iter().copied()).collect();
        let (launch, seen) = run(Verdict::Admitted, &steps);
        let told: String = seen.iter().map(|event| told(event) + ", ").collect();
        assert_eq!(told, *events, "{steps:?}");
        assert_eq!((launch.state, launch.is_open()), (*state, *is_open), "{steps:?}");
        // The shortfall is of launches that want three.
        let said = launch.state_reason.as_ref().map_or("", |reason| reason.code.as_str());
        assert!(said == *reason || (reason.is_empty() && said == "FEWER_THAN_WANTED"), "{steps:?}: {said}");
    }
}

#[test]
fn only_what_is_late_is_ended_for_it_and_once() {
    let late = &[Intend(1), Succeed(1, "ab"), Reach('a', P::TimedOut)];
    let (mut launch, _) = run(Verdict::Admitted, late);
    assert_eq!(launch.ready_by(&launch.instances[1]), Some(at(602)), "from when its attempt came out");
    let refused = |launch: &mut Launch, letters: &'static str| {
        let before = launch.clone();
        let error = launch.apply(&EndLate(Requested, letters).entry(9)).unwrap_err();
        assert_eq!(*launch, before);
        error
    };
    assert_eq!(refused(&mut launch, ""), ApplyError::NothingToTerminate);
    assert_eq!(refused(&mut launch, "c"), ApplyError::NoSuchInstance(instance_id('c')));
    assert_eq!(refused(&mut launch, "ab"), ApplyError::NotLate(instance_id('b')));
    launch.spec.on_boot_failure = OnBootFailure::Keep;
    assert_eq!(refused(&mut launch, "a"), ApplyError::NothingToTerminate);
    launch.spec.on_boot_failure = OnBootFailure::Terminate;
    launch.apply(&EndLate(Requested, "a").entry(9)).unwrap();
    assert_eq!(refused(&mut launch, "a"), ApplyError::NotLate(instance_id('a')));
    launch.apply(&EndLate(NotDone, "a").entry(9)).unwrap();
    assert_eq!(refused(&mut launch, "a"), ApplyError::NotLate(instance_id('a')), "it is not repeated for ever");
}
