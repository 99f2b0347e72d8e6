//! Terminations of instances that no launch made.

use super::*;
use crate::record::PendingOthers;

fn termination(stage: TerminationStage, reason: &str, own: &str, others: &str) -> Event {
    Event::Termination(Termination {
        stage,
        request_id: None,
        body_sha256: None,
        reason: reason.to_owned(),
        instance_ids: own.chars().map(instance_id).collect(),
        others: others.chars().map(instance_id).collect(),
        boot_failure: false,
        error: None,
    })
}

fn taken(launch: &mut Launch, event: Event) -> Result<Vec<BootEvent>, ApplyError> {
    launch.apply(&entry(1, event))
}

fn pending(reason: &str, others: &str) -> PendingOthers {
    PendingOthers { reason: reason.to_owned(), instance_ids: others.chars().map(instance_id).collect() }
}

#[test]
fn each_request_waits_for_its_own_answer_and_the_launch_is_what_it_was() {
    let (mut launch, _) = Launch::begin(&decided(Verdict::Admitted)).unwrap();
    let reason = Reason { code: "X".to_owned(), message: "x".to_owned() };
    taken(&mut launch, Event::LaunchEnded(LaunchEnded { state: S::Failed, reason })).unwrap();
    assert_eq!(taken(&mut launch, termination(Requested, "nothing", "", "")), Err(ApplyError::NothingToTerminate));
    assert_eq!(taken(&mut launch, termination(Requested, "one", "", "ab")).unwrap(), []);
    assert_eq!(taken(&mut launch, termination(Requested, "two", "", "c")).unwrap(), []);
    assert_eq!(launch.pending_others, [pending("one", "ab"), pending("two", "c")]);
    assert!(launch.is_open(), "a start takes it up");
    taken(&mut launch, termination(Accepted, "one", "", "ab")).unwrap();
    assert_eq!(launch.pending_others, [pending("two", "c")], "the other one is not answered");
    taken(&mut launch, termination(NotDone, "two", "", "c")).unwrap();
    assert_eq!((launch.pending_others.len(), launch.state, launch.is_open()), (0, S::Failed, false));
}
