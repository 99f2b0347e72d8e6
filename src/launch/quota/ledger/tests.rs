//! The count against one that adds everything up anew each time.

use proptest::prelude::*;

use super::*;
use crate::launch::quota::Limits;
use crate::launch::step::tests::admitted;
use crate::record::{
    AttemptSucceeded, Decision, ENTRY_VERSION, InstancePhase, InstancePlace, LaunchEnded, PolicyStamp, Reason,
};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn principal(number: u8) -> Principal {
    format!("user-{number}").parse().unwrap()
}

fn key(who: u8, request: u32) -> RequestKey {
    RequestKey {
        operation: Operation::Launch,
        principal: principal(who),
        account_id: "000000000000".parse().unwrap(),
        request_id: format!("r-{request}").parse().unwrap(),
    }
}

fn limits(launches: Option<u32>, instances: Option<u32>, running: Option<u32>) -> Limits {
    Limits { launches_per_hour: launches, instances_per_hour: instances, running_instances: running }
}

fn entry(who: u8, id: LaunchId, time: i64, event: Event) -> Entry {
    Entry {
        v: ENTRY_VERSION,
        time: at(time),
        launch_id: Some(id),
        account_id: Some("000000000000".parse().unwrap()),
        region: Some("sandbox-1".parse().unwrap()),
        principal: Some(principal(who)),
        event,
    }
}

fn decision(request: u32, count: u32) -> Event {
    let launch = admitted(1, 900);
    let mut spec = launch.spec;
    spec.max_count = count;
    Event::Decision(Box::new(Decision {
        request_id: Some(format!("r-{request}").parse().unwrap()),
        body_sha256: crate::ids::Sha256Digest::of(b""),
        preview: false,
        break_glass: false,
        reason: String::new(),
        spec,
        launch_template: None,
        verdict: Verdict::Admitted,
        findings: Vec::new(),
        candidates: launch.candidates,
        deadline: launch.deadline,
        policy: PolicyStamp::default(),
        image_receipt: None,
        image_facts: None,
        type_facts: Vec::new(),
        governed_types: Vec::new(),
        facts_time: at(0),
    }))
}

fn instance(launch: u32, number: u32) -> InstanceId {
    format!("i-{:017x}", (launch << 8) + number).parse().unwrap()
}

fn place(instance_id: InstanceId) -> InstancePlace {
    serde_json::from_value(serde_json::json!({ "instance_id": instance_id })).unwrap()
}

fn succeeded(launch: u32, count: u32) -> Event {
    Event::AttemptSucceeded(AttemptSucceeded {
        attempt_id: crate::ids::AttemptId::new(at(0)),
        ec2_request_id: None,
        reservation_id: None,
        instances: (0..count).map(|number| place(instance(launch, number))).collect(),
    })
}

fn terminated(launch: u32, number: u32) -> Event {
    Event::InstancePhase(InstancePhase::new(instance(launch, number), Phase::Terminated, Duration::ZERO))
}

fn failed() -> Event {
    let reason = Reason { code: "X".to_owned(), message: String::new() };
    Event::LaunchEnded(LaunchEnded { state: LaunchState::Failed, reason })
}

#[test]
fn every_limit_is_said_with_whose_it_is_and_when_there_is_room() {
    let mut ledger = Ledger::default();
    let all = QuotaLimits {
        total: limits(None, None, Some(5)),
        each: limits(Some(2), Some(4), None),
        named: [(principal(9), limits(None, None, None))].into(),
    };
    for (request, time) in [(1, 100), (2, 200)] {
        let ticket = ledger.reserve(&key(1, request), 2, &all, at(time)).unwrap();
        ledger.recorded(ticket, LaunchId::new(at(time)), at(time));
    }
    let excesses = ledger.reserve(&key(1, 3), 2, &all, at(300)).unwrap_err();
    let said: Vec<_> =
        excesses.iter().map(|it| (&it.whose, it.quota, it.taken, it.wanted, it.limit, it.free_time)).collect();
    let own = Whose::Principal(principal(1));
    assert_eq!(
        said,
        [
            (&own, Quota::LaunchesPerHour, 2, 1, 2, Some(at(3_700))),
            (&own, Quota::InstancesPerHour, 4, 2, 4, Some(at(3_700))),
            (&Whose::Total, Quota::RunningInstances, 4, 2, 5, None),
        ]
    );
    assert_eq!(ledger.excesses(&principal(9), 1, &all, at(300)), [], "whoever has limits of their own has no others");
    assert_eq!(ledger.excesses(&principal(2), 6, &all, at(300))[0].free_time, None, "it alone is too much");
    let later = ledger.excesses(&principal(1), 1, &all, at(3_700));
    assert_eq!(later, [], "the first launch is an hour old");
}

#[test]
fn requests_under_one_key_take_one_part_and_give_it_back_once() {
    let mut ledger = Ledger::default();
    let all = QuotaLimits { total: limits(Some(1), None, None), ..QuotaLimits::default() };
    let first = ledger.reserve(&key(1, 1), 3, &all, at(1)).unwrap();
    let second = ledger.reserve(&key(1, 1), 3, &all, at(1)).unwrap();
    assert!(ledger.reserve(&key(1, 2), 1, &all, at(1)).is_err());
    ledger.give_back(first);
    assert!(ledger.reserve(&key(1, 2), 1, &all, at(1)).is_err(), "the second may still become a launch");
    let id = LaunchId::new(at(1));
    // The record may be read before whoever wrote it is told.
    ledger.take_in(&entry(1, id, 1, decision(1, 3)));
    assert_eq!(ledger.total, Taken { launches: 1, instances: 3, running: 3 });
    ledger.recorded(second, id, at(1));
    assert_eq!(ledger.total, Taken { launches: 1, instances: 3, running: 3 });
    ledger.take_in(&entry(1, id, 2, failed()));
    assert_eq!(ledger.total, Taken { launches: 1, instances: 0, running: 0 }, "it was a launch, and made nothing");
    assert!(ledger.reserve(&key(1, 2), 1, &all, at(3_601)).is_ok());
    assert!(ledger.launches.is_empty() && ledger.within_hour.is_empty(), "nothing piles up");
}

/// What happens to the launch of a number.
#[derive(Debug, Clone)]
enum Step {
    Ask { who: u8, count: u32 },
    Succeed { nth: usize, count: u32 },
    Fail { nth: usize },
    End { nth: usize, number: u32 },
    Pass { seconds: i64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3u8, 1..4u32).prop_map(|(who, count)| Step::Ask { who, count }),
        3 => (any::<usize>(), 1..4u32).prop_map(|(nth, count)| Step::Succeed { nth, count }),
        1 => any::<usize>().prop_map(|nth| Step::Fail { nth }),
        3 => (any::<usize>(), 0..4u32).prop_map(|(nth, number)| Step::End { nth, number }),
        1 => (1..2_000i64).prop_map(|seconds| Step::Pass { seconds }),
    ]
}

/// A launch as the reference has it.
#[derive(Debug)]
struct Known {
    who: u8,
    id: LaunchId,
    time: i64,
    to_come: u32,
    made: u32,
    living: Vec<bool>,
}

fn sum(known: &[Known], who: Option<u8>, now: i64) -> Taken {
    let mut sum = Taken::default();
    for launch in known.iter().filter(|launch| who.is_none_or(|who| who == launch.who)) {
        let living = launch.living.iter().filter(|living| **living).count() as u64;
        sum.running += u64::from(launch.to_come) + living;
        if now < launch.time + 3_600 {
            sum.launches += 1;
            sum.instances += u64::from(launch.to_come + launch.made);
        }
    }
    sum
}

proptest! {
    #[test]
    fn no_history_goes_beyond_the_limits_or_is_refused_below_them(
        steps in prop::collection::vec(step(), 1..80),
        most in (0..6u32, 0..10u32, 0..10u32),
    ) {
        let all = QuotaLimits {
            total: limits(None, Some(most.1 + 4), Some(most.2 + 2)),
            each: limits(Some(most.0), Some(most.1), Some(most.2)),
            ..QuotaLimits::default()
        };
        let (mut ledger, mut known, mut now) = (Ledger::default(), Vec::<Known>::new(), 10_000);
        for (number, step) in (0u32..).zip(steps) {
            match step {
                Step::Ask { who, count } => {
                    let (own, total) = (sum(&known, Some(who), now), sum(&known, None, now));
                    let fits = own.launches < u64::from(most.0)
                        && own.instances + u64::from(count) <= u64::from(most.1)
                        && own.running + u64::from(count) <= u64::from(most.2)
                        && total.instances + u64::from(count) <= u64::from(most.1 + 4)
                        && total.running + u64::from(count) <= u64::from(most.2 + 2);
                    let reserved = ledger.reserve(&key(who, number), count, &all, at(now));
                    prop_assert_eq!(reserved.is_ok(), fits);
                    if let Ok(ticket) = reserved {
                        let id = LaunchId::new(at(now));
                        ledger.recorded(ticket, id, at(now));
                        known.push(Known { who, id, time: now, to_come: count, made: 0, living: Vec::new() });
                    }
                }
                Step::Succeed { nth, count } if !known.is_empty() => {
                    let nth = nth % known.len();
                    let launch = &mut known[nth];
                    if launch.to_come > 0 {
                        let made = count.min(launch.to_come);
                        ledger.take_in(&entry(launch.who, launch.id, now, succeeded(u32::try_from(nth).unwrap(), made)));
                        (launch.to_come, launch.made) = (0, made);
                        launch.living = vec![true; made as usize];
                    }
                }
                Step::Fail { nth } if !known.is_empty() => {
                    let nth = nth % known.len();
                    let launch = &mut known[nth];
                    if launch.to_come > 0 {
                        ledger.take_in(&entry(launch.who, launch.id, now, failed()));
                        launch.to_come = 0;
                    }
                }
                Step::End { nth, number } if !known.is_empty() => {
                    let nth = nth % known.len();
                    let launch = &mut known[nth];
                    ledger.take_in(&entry(launch.who, launch.id, now, terminated(u32::try_from(nth).unwrap(), number)));
                    if let Some(living) = launch.living.get_mut(number as usize) {
                        *living = false;
                    }
                }
                Step::Pass { seconds } => now += seconds,
                Step::Succeed { .. } | Step::Fail { .. } | Step::End { .. } => {}
            }
            ledger.let_pass(at(now));
            prop_assert_eq!(ledger.total, sum(&known, None, now));
        }
    }
}
