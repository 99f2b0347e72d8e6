//! Every rule, broken alone by a server that makes tree and checkpoint for what it has.

use super::world::*;
use crate::audit::verify::Code;
use crate::ids::LaunchId;
use crate::record::{AttemptIntended, Entry, Event, LaunchState, OnBootFailure, Phase, TerminationStage, Verdict};

fn intending(launch: u8, intention: AttemptIntended) -> Entry {
    entry(launch, Event::AttemptIntended(Box::new(intention)))
}

/// An admitted launch that has instances a and b.
fn up() -> Vec<Entry> {
    vec![admitted(1), intended(1, 1, 0), succeeded(1, 1, "ab")]
}

/// The same of a launch that keeps what does not boot.
fn kept(mut entries: Vec<Entry>) -> Vec<Entry> {
    for entry in &mut entries {
        if let Event::Decision(decision) = &mut entry.event {
            decision.spec.on_boot_failure = OnBootFailure::Keep;
        }
    }
    entries
}

fn after(mut entries: Vec<Entry>, last: Entry) -> Vec<Entry> {
    entries.push(last);
    entries
}

/// Logs whose last record breaks one rule, and what the next record of a sound launch does not hide.
fn broken() -> Vec<(Code, Vec<Entry>)> {
    use Code as C;
    use TerminationStage::{Accepted, Requested};
    let late = || after(up(), reached(1, 'a', Phase::TimedOut, None));
    let requested = |letters| termination(1, Requested, Some("t-1"), letters);
    let token_of_1 =
        |attempt| AttemptIntended { client_token: attempt_id(1).client_token(), ..intention(attempt, "m6i.large") };
    let foreign = |attempt, nth: usize| AttemptIntended {
        client_token: "token-of-somebody".parse().unwrap(),
        ..intention(attempt, ["m7i.large", "m6i.large"][nth])
    };
    let of_old_id = {
        let mut bytes = *launch_id(1).as_bytes();
        bytes[..6].copy_from_slice(&(at(-90_000).as_millisecond()).to_be_bytes()[2..]);
        Entry { launch_id: Some(LaunchId::from_bytes(bytes)), ..admitted(1) }
    };
    let with_id = |entry: Entry| Entry { launch_id: Some(launch_id(1)), ..entry };
    let without_id = |entry: Entry| Entry { launch_id: None, ..entry };
    vec![
        (C::LaunchIdMissing, vec![without_id(admitted(1))]),
        (C::LaunchIdMissing, after(up(), without_id(requested("a")))),
        (C::LaunchIdUnexpected, vec![with_id(started())]),
        (C::LaunchIdUnexpected, after(up(), with_id(preview()))),
        (C::LaunchIdMisdated, vec![of_old_id]),
        (C::DecisionIncomplete, vec![Entry { principal: None, ..admitted(1) }]),
        (C::DecisionIncomplete, vec![Entry { account_id: None, ..admitted(1) }]),
        (C::DecisionIncomplete, vec![Entry { region: None, ..admitted(1) }]),
        (C::LaunchNotDecided, vec![intended(1, 1, 0)]),
        (C::LaunchNotDecided, vec![reached(1, 'a', Phase::Ready, None)]),
        (C::DecidedTwice, after(up(), admitted(1))),
        (C::DecidedTwice, vec![decided(1, Verdict::Refused), admitted(1)]),
        (C::RefusedLaunchWentOn, vec![decided(1, Verdict::Refused), intended(1, 1, 0)]),
        (C::RefusedLaunchWentOn, vec![decided(1, Verdict::Refused), ended(1, LaunchState::Cancelled)]),
        (C::RefusedLaunchWentOn, vec![decided(1, Verdict::Refused), requested("")]),
        (C::LaunchMoved, after(up(), Entry { region: Some("us-west-2".parse().unwrap()), ..requested("a") })),
        (
            C::LaunchMoved,
            vec![admitted(1), Entry { account_id: Some("210987654321".parse().unwrap()), ..intended(1, 1, 0) }],
        ),
        (C::RequestDecidedTwice, {
            let again = entry(2, Event::Decision(Box::new(decision(Verdict::Refused, "request-1"))));
            vec![admitted(1), again]
        }),
        (C::RequestDecidedTwice, after(after(up(), requested("a")), requested("a"))),
        (C::LaunchedWhilePaused, vec![switched(true), admitted(1)]),
        (C::LaunchedWhilePaused, vec![admitted(1), switched(true), intended(1, 1, 0)]),
        (C::AttemptAfterEnd, after(up(), intended(1, 2, 1))),
        (C::AttemptAfterEnd, vec![admitted(1), ended(1, LaunchState::Cancelled), intended(1, 1, 0)]),
        (C::AttemptTooEarly, vec![admitted(1), intended(1, 1, 0), intended(1, 2, 1)]),
        (C::AttemptTooEarly, vec![admitted(1), intended(1, 1, 0), unknown(1, 1), intended(1, 2, 1)]),
        (C::AttemptIdReused, vec![admitted(1), intended(1, 1, 0), failed(1, 1), intended(1, 1, 1)]),
        (C::AttemptIdReused, vec![admitted(1), admitted(2), intended(1, 1, 0), intended(2, 1, 0)]),
        (C::ClientTokenReused, vec![admitted(1), intended(1, 1, 0), failed(1, 1), intending(1, token_of_1(2))]),
        (
            C::ClientTokenReused,
            vec![admitted(1), intending(1, foreign(1, 0)), failed(1, 1), intending(1, foreign(2, 1))],
        ),
        (C::ClientTokenReused, {
            // The token of attempt 2, taken before attempt 2 is there.
            let taken = AttemptIntended { client_token: attempt_id(2).client_token(), ..intention(1, "m7i.large") };
            vec![admitted(1), intending(1, taken), failed(1, 1), intended(1, 2, 1)]
        }),
        (C::AttemptNotDecided, vec![admitted(1), intended(1, 1, 1), failed(1, 1), intended(1, 2, 1)]),
        (C::AttemptNotDecided, vec![admitted(1), intended(1, 1, 0), failed(1, 1), intended(1, 2, 0)]),
        (C::AttemptNotDecided, vec![admitted(1), intending(1, intention(1, "p5.48xlarge"))]),
        (C::AttemptNotShared, vec![admitted(1), admitted(2), intended(1, 1, 0), sharing(2, 1, 1, &[])]),
        (C::AttemptNotShared, {
            // It serves two and three, and four comes along.
            let leads = sharing(1, 1, 1, &[1, 2, 3]);
            vec![admitted(1), admitted(2), admitted(4), leads, sharing(2, 1, 1, &[]), sharing(4, 1, 1, &[])]
        }),
        (C::OutcomeTwice, {
            let leads = sharing(1, 1, 1, &[1, 2]);
            let both = vec![admitted(1), admitted(2), leads, sharing(2, 1, 1, &[]), succeeded(1, 1, "a")];
            [both, vec![succeeded(2, 1, "b"), failed(2, 1)]].concat()
        }),
        (C::InstanceOfTwoLaunches, {
            let leads = sharing(1, 1, 1, &[1, 2]);
            let both = vec![admitted(1), admitted(2), leads, sharing(2, 1, 1, &[])];
            [both, vec![succeeded(1, 1, "a"), succeeded(2, 1, "a")]].concat()
        }),
        (C::AttemptNotIntended, vec![admitted(1), succeeded(1, 1, "a")]),
        (C::AttemptNotIntended, vec![admitted(1), intended(1, 1, 0), failed(1, 2)]),
        (C::AttemptNotIntended, vec![admitted(1), unknown(1, 1)]),
        (C::AttemptOfOtherLaunch, vec![admitted(1), admitted(2), intended(1, 1, 0), succeeded(2, 1, "a")]),
        (C::OutcomeTwice, after(up(), succeeded(1, 1, "c"))),
        (C::OutcomeTwice, after(up(), failed(1, 1))),
        (C::OutcomeTwice, vec![admitted(1), intended(1, 1, 0), failed(1, 1), unknown(1, 1)]),
        (C::OutcomeAfterEnd, vec![admitted(1), intended(1, 1, 0), ended(1, LaunchState::Failed), failed(1, 1)]),
        (C::OutcomeAfterEnd, vec![admitted(1), intended(1, 1, 0), ended(1, LaunchState::Failed), unknown(1, 1)]),
        (C::SuccessWithoutInstances, vec![admitted(1), intended(1, 1, 0), succeeded(1, 1, "")]),
        (C::InstanceTwice, vec![admitted(1), intended(1, 1, 0), succeeded(1, 1, "aba")]),
        (C::InstanceOfTwoLaunches, [up(), vec![admitted(2), intended(2, 2, 0), succeeded(2, 2, "b")]].concat()),
        (C::InstanceOfTwoLaunches, [up(), vec![admitted(2), reached(2, 'a', Phase::Ready, None)]].concat()),
        (C::InstanceNotLaunched, after(up(), reached(1, 'c', Phase::Ready, None))),
        (C::InstanceNotLaunched, after(up(), requested("ac"))),
        (C::PlaceOfOtherInstance, after(up(), reached(1, 'a', Phase::Ready, Some('b')))),
        (C::EndedTwice, vec![admitted(1), ended(1, LaunchState::Failed), ended(1, LaunchState::Cancelled)]),
        (C::EndWithInstances, after(up(), ended(1, LaunchState::Failed))),
        (C::EndStateInvalid, vec![admitted(1), ended(1, LaunchState::Ready)]),
        (C::CancelledTooLate, after(up(), cancelled(1))),
        (C::CancelledTooLate, vec![admitted(1), ended(1, LaunchState::Failed), cancelled(1)]),
        (C::EndStateInvalid, vec![admitted(1), intended(1, 1, 0), ended(1, LaunchState::Cancelled)]),
        (C::NothingToTerminate, vec![admitted(1), ended(1, LaunchState::Failed), requested("")]),
        (C::TerminationNotRequested, after(up(), termination(1, Accepted, None, "a"))),
        (C::TerminationNotRequested, after(up(), termination(1, TerminationStage::Failed, None, "a"))),
        (C::TerminationNotRequested, after(late(), late_end(1, Accepted, "a"))),
        (
            C::TerminationNotRequested,
            [late(), vec![late_end(1, Requested, "a"), termination(1, Accepted, None, "a")]].concat(),
        ),
        (C::TerminatedThoughNotLate, after(up(), late_end(1, Requested, "a"))),
        (C::TerminatedThoughNotLate, after(late(), late_end(1, Requested, "ab"))),
        (C::TerminatedThoughNotLate, after(late(), late_end(1, Requested, ""))),
        (
            C::TerminatedThoughNotLate,
            [late(), vec![reached(1, 'a', Phase::Ready, None), late_end(1, Requested, "a")]].concat(),
        ),
        (C::TerminatedThoughNotLate, [late(), vec![late_end(1, Requested, "a"), late_end(1, Requested, "a")]].concat()),
        (C::TerminatedThoughNotLate, [kept(late()), vec![late_end(1, Requested, "a")]].concat()),
    ]
}

#[test]
fn each_rule_is_broken_alone_and_named() {
    let broken = broken();
    for (code, entries) in &broken {
        let last = entries.len() - 1;
        assert_eq!(found(&verify_entries(&entries[..last])), [], "before {code} is broken: {entries:?}");
        // Whatever comes after, of this launch or another, the first bad record is named.
        let mut all = entries.clone();
        all.extend([reached(1, 'q', Phase::Ready, None), admitted(9)]);
        if entries[last].launch_id.is_none() || entries[0].launch_id != Some(launch_id(1)) {
            all.truncate(last + 1);
        }
        let report = verify_entries(&all);
        let named = &report.failures[0];
        assert_eq!((named.code, named.index), (*code, Some(last as u64)), "{entries:?}");
        assert_eq!(named.launch_id, entries[last].launch_id);
        assert!(!named.message.is_empty() && !named.remedy.is_empty());
        let only = report.failures.iter().filter(|failure| failure.launch_id == named.launch_id).count();
        assert_eq!(only, 1, "of one launch only the first failure counts: {report:?}");
    }
    let of_launches = Code::ALL.iter().skip_while(|code| **code != Code::LaunchIdMissing);
    let without: Vec<_> = of_launches.filter(|code| broken.iter().all(|(named, _)| named != *code)).collect();
    assert_eq!(without, [] as [&Code; 0], "codes without a case");
}

#[test]
fn the_first_bad_record_comes_first_and_failures_of_one_code_are_counted() {
    let entries = [
        started(),
        intended(1, 1, 0),
        admitted(2),
        ended(2, LaunchState::Booting),
        intended(3, 3, 0),
        admitted(4),
        intending(4, intention(4, "p5.48xlarge")),
    ];
    let report = verify_entries(&entries);
    let wanted =
        [(Code::LaunchNotDecided, Some(1)), (Code::EndStateInvalid, Some(3)), (Code::AttemptNotDecided, Some(6))];
    assert_eq!(found(&report), wanted);
    assert_eq!(report.failures.iter().map(|failure| failure.count).collect::<Vec<_>>(), [2, 1, 1]);
}

#[test]
fn codes_and_remedies_are_distinct_and_as_serialised() {
    let mut texts: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    for code in Code::ALL {
        assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
    }
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), Code::ALL.len());
}

#[test]
fn what_clocks_do_is_reported_and_no_failure() {
    let at_second = |seconds| Entry { time: at(seconds), ..started() };
    let report = verify_entries(&[at_second(10), at_second(8), at_second(30), at_second(25), at_second(29)]);
    assert_eq!(found(&report), []);
    let step = report.step_back.unwrap();
    assert_eq!((step.index, step.by.as_secs()), (3, 5));
    assert_eq!((report.first_time, report.last_time), (Some(at(8)), Some(at(30))));
    assert_eq!(report.warnings.len(), 1);
}
