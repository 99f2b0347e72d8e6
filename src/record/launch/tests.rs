//! Histories of launches, told as tables, and what must hold for any history at all.
//!
//! Everything is checked through `begin` and `apply`. Events are written as short words so that a
//! whole history can be read at a glance: `a requested` is instance a in phase REQUESTED,
//! `booting` is the launch in state BOOTING, and a `!` marks the event as terminal.

mod late;
mod others;
mod random;
mod reasons;

use jiff::Timestamp;
use serde_json::{Value, json};

use std::time::Duration;

use super::*;
use crate::ids::Sha256Digest;
use crate::record::{
    AttemptFailed, AttemptIntended, AttemptSucceeded, AttemptUnknown, BootFailure, BootStage, Decision, ENTRY_VERSION,
    LaunchEnded, ServiceStarted, Termination,
};
use crate::record::{InstancePhase, TerminationStage};

/// One entry of a history. Attempts are numbers, instances are letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Intend(u8),
    Succeed(u8, &'static str),
    Fail(u8),
    Lose(u8),
    End(LaunchState),
    Reach(char, Phase),
    Terminate(TerminationStage),
    EndLate(TerminationStage, &'static str),
}

use LaunchState as S;
use Phase as P;
use Step::{End, EndLate, Fail, Intend, Lose, Reach, Succeed, Terminate};
use TerminationStage::{Accepted, Failed as NotDone, Requested};

fn launch_id(number: u8) -> LaunchId {
    LaunchId::from_bytes([number; 16])
}

fn attempt_id(number: u8) -> AttemptId {
    AttemptId::from_bytes([number; 16])
}

fn instance_id(letter: char) -> InstanceId {
    format!("i-{:08x}", u32::from(letter)).parse().unwrap()
}

fn letter_of(id: &InstanceId) -> char {
    char::from_u32(u32::from_str_radix(&id.as_str()[2..], 16).unwrap()).unwrap()
}

/// Word of a phase or a state, as the log writes it.
fn word(value: impl Serialize) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

/// The `seconds`-th second of the test's time.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn place(letter: char) -> InstancePlace {
    serde_json::from_value(json!({ "instance_id": instance_id(letter), "availability_zone": "us-east-1a" })).unwrap()
}

fn error(code: &str) -> AttemptError {
    AttemptError {
        code: code.to_owned(),
        class: "capacity".to_owned(),
        message: format!("EC2 said {code}"),
        retryable: true,
        remedy: String::new(),
        http_status: Some(500),
        ec2_request_id: Some("req-1".to_owned()),
    }
}

fn entry(seconds: i64, event: Event) -> Entry {
    Entry {
        v: ENTRY_VERSION,
        time: at(seconds),
        launch_id: Some(launch_id(1)),
        account_id: Some("123456789012".parse().unwrap()),
        region: Some("us-east-1".parse().unwrap()),
        principal: Some("local".parse().unwrap()),
        event,
    }
}

fn decision(verdict: Verdict) -> Decision {
    let spec = json!({
        "account_id": "123456789012",
        "region": "us-east-1",
        "image": { "image_id": "ami-f8e54081" },
        "instance_types": ["m7i.large"],
        "min_count": 1,
        "max_count": 3,
        "ready_timeout": { "secs": 600, "nanos": 0 },
        "on_boot_failure": "terminate",
    });
    Decision {
        request_id: Some("r-1".parse().unwrap()),
        body_sha256: Sha256Digest::of(b"body"),
        preview: false,
        break_glass: false,
        reason: "nightly".to_owned(),
        spec: serde_json::from_value(spec).unwrap(),
        verdict,
        findings: Vec::new(),
        candidates: Vec::new(),
        deadline: Some(at(3600)),
        policy: PolicyStamp::default(),
        image_receipt: None,
        image_facts: Some(json!({ "root_device_type": "ebs" })),
        type_facts: Vec::new(),
        governed_types: Vec::new(),
        launch_template: None,
        facts_time: at(0),
    }
}

fn decided(verdict: Verdict) -> Entry {
    entry(0, Event::Decision(Box::new(decision(verdict))))
}

impl Step {
    fn entry(self, seconds: i64) -> Entry {
        let event = match self {
            Intend(number) => Event::AttemptIntended(Box::new(AttemptIntended {
                attempt_id: attempt_id(number),
                instance_type: "m7i.large".parse().unwrap(),
                placement: Placement::default(),
                client_token: attempt_id(number).client_token(),
                input: Value::Null,
                share: None,
                role_session: None,
            })),
            Succeed(number, letters) => Event::AttemptSucceeded(AttemptSucceeded {
                attempt_id: attempt_id(number),
                ec2_request_id: Some("req-2".to_owned()),
                reservation_id: Some("r-0123".to_owned()),
                instances: letters.chars().map(place).collect(),
            }),
            Fail(number) => {
                Event::AttemptFailed(AttemptFailed { attempt_id: attempt_id(number), error: error("NoCapacity") })
            }
            Lose(number) => {
                Event::AttemptUnknown(AttemptUnknown { attempt_id: attempt_id(number), error: error("TIMEOUT") })
            }
            End(state) => Event::LaunchEnded(LaunchEnded {
                state,
                reason: Reason { code: "NO_CANDIDATE_LEFT".to_owned(), message: "no candidate is left".to_owned() },
            }),
            Reach(letter, phase) => Event::InstancePhase(InstancePhase {
                phase,
                failure: (phase == P::Failed).then(|| {
                    Box::new(BootFailure {
                        cause: "the volume could not be made".to_owned(),
                        stage: BootStage::Volume,
                        remedy: "use another key".to_owned(),
                        console: None,
                    })
                }),
                ..InstancePhase::new(
                    place(letter).instance_id,
                    Phase::Requested,
                    Duration::from_secs(seconds.unsigned_abs()),
                )
            }),
            Terminate(stage) => late::termination(stage, "", false),
            EndLate(stage, letters) => late::termination(stage, letters, true),
        };
        entry(seconds, event)
    }
}

/// An event in the words of the tables.
fn told(event: &BootEvent) -> String {
    let end = if event.terminal { "!" } else { "" };
    match (&event.instance_id, event.phase, event.launch_state) {
        (Some(id), Some(phase), None) => format!("{} {}{end}", letter_of(id), word(phase)),
        (None, None, Some(state)) => format!("{}{end}", word(state)),
        _ => panic!("neither about an instance nor about the launch: {event:?}"),
    }
}

/// Begins a launch and applies `steps`, one a second; the launch and what its watchers were told.
fn run(verdict: Verdict, steps: &[Step]) -> (Launch, Vec<BootEvent>) {
    let (mut launch, mut events) = Launch::begin(&decided(verdict)).unwrap();
    for (step, seconds) in steps.iter().zip(1..) {
        match launch.apply(&step.entry(seconds)) {
            Ok(more) => events.extend(more),
            Err(error) => panic!("{step:?} of {steps:?}: {error}"),
        }
    }
    (launch, events)
}

#[test]
fn a_history_gives_a_state_and_the_events_that_lead_to_it() {
    let (yes, no) = (Verdict::Admitted, Verdict::Refused);
    #[rustfmt::skip]
    let table: &[(Verdict, &[Step], S, &str)] = &[
        (no, &[], S::Refused, "refused!"),
        (yes, &[], S::Launching, "launching"),
        (yes, &[Intend(1)], S::Launching, "launching"),
        // The ordinary launch.
        (yes, &[Intend(1), Succeed(1, "a"), Reach('a', P::Pending), Reach('a', P::Running), Reach('a', P::Checking), Reach('a', P::Ready)],
            S::Ready, "launching, a requested, booting, a pending, a running, a checking, a ready!, ready!"),
        // No capacity in the first place, found in the second.
        (yes, &[Intend(1), Fail(1), Intend(2), Succeed(2, "a")], S::Booting, "launching, launching, a requested, booting"),
        // A time-out is not a failure; the outcome is found by looking.
        (yes, &[Intend(1), Lose(1), Lose(1), Succeed(1, "a")], S::Booting, "launching, launching, launching, a requested, booting"),
        (yes, &[Intend(1), Lose(1), Fail(1), Intend(2)], S::Launching, "launching, launching, launching"),
        // Nothing is left to try, or nobody wants it any more.
        (yes, &[Intend(1), Fail(1), End(S::Failed)], S::Failed, "launching, launching, failed!"),
        (yes, &[End(S::Cancelled)], S::Cancelled, "launching, cancelled!"),
        // A day later the outcome is still unknown; then the instances turn up after all.
        (yes, &[Intend(1), Lose(1), End(S::Failed), Succeed(1, "a")], S::Booting, "launching, launching, failed!, a requested, booting"),
        // Some come up and some do not.
        (yes, &[Intend(1), Succeed(1, "ab"), Reach('a', P::Ready), Reach('b', P::Failed)],
            S::Partial, "launching, a requested, b requested, booting, a ready!, b failed!, partial!"),
        (yes, &[Intend(1), Succeed(1, "ab"), Reach('a', P::Failed), Reach('b', P::Failed)],
            S::Failed, "launching, a requested, b requested, booting, a failed!, b failed!, failed!"),
        (yes, &[Intend(1), Succeed(1, "ab"), Reach('b', P::Ready), Reach('a', P::TimedOut)],
            S::Partial, "launching, a requested, b requested, booting, b ready!, a timed_out!, partial!"),
        // Watching gave up, and then it came up.
        (yes, &[Intend(1), Succeed(1, "a"), Reach('a', P::TimedOut), Reach('a', P::Ready)],
            S::Ready, "launching, a requested, booting, a timed_out!, failed!, a ready, ready!"),
        // What happens to it once it was ready is life and not boot.
        (yes, &[Intend(1), Succeed(1, "a"), Reach('a', P::Ready), Reach('a', P::Stopped)],
            S::Ready, "launching, a requested, booting, a ready!, ready!, a stopped"),
        // A check fails and recovers.
        (yes, &[Intend(1), Succeed(1, "a"), Reach('a', P::Impaired), Reach('a', P::Ready)],
            S::Ready, "launching, a requested, booting, a impaired, a ready!, ready!"),
        // Somebody else terminates it.
        (yes, &[Intend(1), Succeed(1, "a"), Reach('a', P::Terminated)], S::Terminated, "launching, a requested, booting, a terminated!, terminated!"),
        // Termination, before and after it is up, in two parts.
        (yes, &[Intend(1), Succeed(1, "ab"), Reach('a', P::Ready), Terminate(Requested), Terminate(Accepted), Reach('a', P::Terminated), Reach('b', P::Terminated)],
            S::Terminated, "launching, a requested, b requested, booting, a ready!, terminating, a terminated, b terminated!, terminated!"),
        (yes, &[Intend(1), Succeed(1, "a"), Reach('a', P::Ready), Terminate(Requested), Terminate(Accepted), Reach('a', P::Terminated)],
            S::Terminated, "launching, a requested, booting, a ready!, ready!, terminating, a terminated!, terminated!"),
        // EC2 refuses to terminate: it is what it was.
        (yes, &[Intend(1), Succeed(1, "a"), Reach('a', P::Ready), Terminate(Requested), Terminate(NotDone)],
            S::Ready, "launching, a requested, booting, a ready!, ready!, terminating, ready!"),
        // Asked for while the attempt is under way: what it makes is terminated.
        (yes, &[Intend(1), Terminate(Requested), Succeed(1, "a")], S::Terminating, "launching, a requested, terminating"),
    ];
    for (verdict, steps, state, events) in table {
        let (launch, seen) = run(*verdict, steps);
        assert_eq!(seen.iter().map(told).collect::<Vec<_>>().join(", "), *events, "{steps:?}");
        assert_eq!(launch.state, *state, "{steps:?}");
        assert_eq!(launch.last_sequence, seen.len() as u64, "{steps:?}");
        assert_eq!(launch.settle_time.is_some(), state.is_settled(), "{steps:?}");
    }
}

#[test]
fn an_entry_that_does_not_follow_is_refused() {
    let booting = &[Intend(1), Succeed(1, "a")];
    #[rustfmt::skip]
    let table: &[(Verdict, &[Step], Step, ApplyError)] = &[
        (Verdict::Refused, &[], Intend(1), ApplyError::Ended),
        (Verdict::Refused, &[], End(S::Cancelled), ApplyError::Ended),
        (Verdict::Admitted, &[Intend(1)], Intend(1), ApplyError::AttemptTooEarly(attempt_id(1))),
        (Verdict::Admitted, &[Intend(1)], Intend(2), ApplyError::AttemptTooEarly(attempt_id(2))),
        (Verdict::Admitted, &[Intend(1), Lose(1)], Intend(2), ApplyError::AttemptTooEarly(attempt_id(2))),
        (Verdict::Admitted, &[Intend(1), Fail(1)], Intend(1), ApplyError::AttemptTooEarly(attempt_id(1))),
        (Verdict::Admitted, booting, Intend(2), ApplyError::Ended),
        (Verdict::Admitted, &[Intend(1), Fail(1)], Succeed(1, "a"), ApplyError::AttemptEnded(attempt_id(1))),
        (Verdict::Admitted, booting, Succeed(1, "b"), ApplyError::AttemptEnded(attempt_id(1))),
        (Verdict::Admitted, booting, Fail(1), ApplyError::AttemptEnded(attempt_id(1))),
        (Verdict::Admitted, booting, Lose(1), ApplyError::AttemptEnded(attempt_id(1))),
        (Verdict::Admitted, &[], Fail(1), ApplyError::NoSuchAttempt(attempt_id(1))),
        (Verdict::Admitted, &[], Succeed(1, "a"), ApplyError::NoSuchAttempt(attempt_id(1))),
        (Verdict::Admitted, booting, Reach('b', P::Ready), ApplyError::NoSuchInstance(instance_id('b'))),
        (Verdict::Admitted, booting, End(S::Failed), ApplyError::Ended),
        (Verdict::Admitted, &[End(S::Cancelled)], Intend(1), ApplyError::Ended),
        (Verdict::Admitted, &[End(S::Failed)], End(S::Cancelled), ApplyError::Ended),
        (Verdict::Admitted, &[], End(S::Ready), ApplyError::NoEnd(S::Ready)),
        (Verdict::Admitted, &[], End(S::Launching), ApplyError::NoEnd(S::Launching)),
        (Verdict::Admitted, &[Intend(1)], Succeed(1, ""), ApplyError::NotInstances(attempt_id(1))),
        (Verdict::Admitted, &[Intend(1)], Succeed(1, "aa"), ApplyError::NotInstances(attempt_id(1))),
        (Verdict::Admitted, &[Intend(1), Lose(1), End(S::Failed)], Fail(1), ApplyError::Ended),
        (Verdict::Admitted, &[End(S::Failed)], Terminate(Requested), ApplyError::NothingToTerminate),
        (Verdict::Refused, &[], Terminate(Requested), ApplyError::NothingToTerminate),
    ];
    for (verdict, steps, step, error) in table {
        let (mut launch, _) = run(*verdict, steps);
        let before = launch.clone();
        assert_eq!(launch.apply(&step.entry(99)).unwrap_err(), *error, "{steps:?} then {step:?}");
        assert_eq!(launch, before, "{steps:?} then {step:?}");
    }
}

#[test]
fn only_the_decision_of_a_launch_begins_one() {
    let preview = Decision { preview: true, ..decision(Verdict::Admitted) };
    let not_beginnings = [
        Intend(1).entry(0),
        Entry { launch_id: None, ..decided(Verdict::Admitted) },
        Entry { principal: None, ..decided(Verdict::Admitted) },
        Entry { account_id: None, ..decided(Verdict::Admitted) },
        Entry { region: None, ..decided(Verdict::Admitted) },
        entry(0, Event::Decision(Box::new(preview))),
    ];
    for entry in not_beginnings {
        assert_eq!(Launch::begin(&entry).unwrap_err(), ApplyError::NotDecided, "{entry:?}");
    }
}

#[test]
fn an_entry_of_something_else_is_refused() {
    let (mut launch, _) = run(Verdict::Admitted, &[]);
    let started = ServiceStarted {
        version: "0.1.0".to_owned(),
        sandbox: true,
        regions: Vec::new(),
        open_launches: 0,
        verifier_key: None,
        accepted: None,
    };
    let table = [
        (Entry { launch_id: None, ..Intend(1).entry(1) }, ApplyError::OtherLaunch),
        (Entry { launch_id: Some(launch_id(2)), ..Intend(1).entry(1) }, ApplyError::OtherLaunch),
        (entry(1, Event::ServiceStarted(started)), ApplyError::OtherLaunch),
        (decided(Verdict::Admitted), ApplyError::DecidedTwice),
    ];
    for (entry, error) in table {
        assert_eq!(launch.apply(&entry).unwrap_err(), error, "{:?}", entry.kind());
    }
}

#[test]
fn what_is_taken_up_at_start_is_what_is_not_settled() {
    let ready = &[Intend(1), Succeed(1, "a"), Reach('a', P::Ready)];
    #[rustfmt::skip]
    let table: &[(&[Step], bool, Option<u8>)] = &[
        (&[], true, None),
        (&[Intend(1)], true, Some(1)),
        (&[Intend(1), Lose(1)], true, Some(1)),
        (&[Intend(1), Fail(1), Intend(2)], true, Some(2)),
        (&[Intend(1), Fail(1), End(S::Failed)], false, None),
        (&[Intend(1), Succeed(1, "a")], true, None),
        (ready, false, None),
        (&[Intend(1), Succeed(1, "a"), Reach('a', P::TimedOut)], true, None),
        (&[Intend(1), Succeed(1, "a"), Terminate(Requested)], true, None),
    ];
    for (steps, open, undecided) in table {
        let (launch, _) = run(Verdict::Admitted, steps);
        assert_eq!(launch.is_open(), *open, "{steps:?}");
        assert_eq!(
            launch.undecided_attempt().map(|attempt| attempt.attempt_id),
            undecided.map(attempt_id),
            "{steps:?}"
        );
    }
}

#[test]
fn a_phase_brings_addresses_and_leaves_them_when_it_has_none() {
    let (mut launch, _) = run(Verdict::Admitted, &[Intend(1), Succeed(1, "a")]);
    let known = InstancePlace { private_ip: Some("10.0.0.7".to_owned()), ..place('a') };
    let running = InstancePhase {
        phase: P::Running,
        place: Some(known.clone()),
        ..InstancePhase::new(place('a').instance_id, Phase::Requested, Duration::from_secs(9))
    };
    launch.apply(&entry(9, Event::InstancePhase(running))).unwrap();
    launch.apply(&Reach('a', P::Checking).entry(10)).unwrap();
    assert_eq!(launch.instances[0].place, known);
    assert_eq!(launch.instances[0].phase_time, at(10));
    assert_eq!(launch.update_time, at(10));
    assert_eq!(launch.root_device_type.as_deref(), Some("ebs"));
}

#[test]
fn a_clock_that_steps_back_gives_no_negative_age() {
    let (mut launch, _) = run(Verdict::Admitted, &[Intend(1)]);
    let events = launch.apply(&Fail(1).entry(-60)).unwrap();
    assert_eq!(events[0].elapsed, Duration::ZERO);
    assert_eq!(launch.attempts[0].end_time, Some(at(-60)));
}
