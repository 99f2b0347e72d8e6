//! What is remembered of whom, for how many, and for how long.

use jiff::Timestamp;

use super::*;
use crate::launch::tests::least_spec;

fn candidate(instance_type: &str, zone: &str) -> Candidate {
    let zone = Some(zone.parse().unwrap());
    Candidate { instance_type: instance_type.parse().unwrap(), placement: Placement::default(), zone }
}

fn of(min_count: u32) -> Spec {
    Spec { min_count, max_count: min_count, ..least_spec() }
}

#[test]
fn a_lack_holds_for_its_pool_for_so_many_and_more_for_three_minutes() {
    let memory = CapacityMemory::default();
    let (here, start) = (candidate("m7i.large", "sandbox-1a"), Duration::from_secs(10));
    memory.note_lack(&of(4), &here, 4, start);
    assert_eq!(memory.lacks(&of(4), &here, start), Some(4));
    assert_eq!(memory.lacks(&of(9), &here, start), Some(4));
    assert_eq!(memory.lacks(&of(3), &here, start), None, "there may be room for fewer");
    assert_eq!(memory.lacks(&of(4), &candidate("m7i.large", "sandbox-1b"), start), None);
    assert_eq!(memory.lacks(&of(4), &candidate("m6i.large", "sandbox-1a"), start), None);
    let spot = Spec { market: Market::Spot { max_price_usd: None }, ..of(4) };
    assert_eq!(memory.lacks(&spot, &here, start), None, "Spot has pools of its own");
    let dedicated = Placement { tenancy: Some("dedicated".to_owned()), ..Placement::default() };
    let dedicated = Candidate { placement: dedicated, ..here.clone() };
    assert_eq!(memory.lacks(&of(4), &dedicated, start), None);
    let other_account = Spec { account_id: "111111111111".parse().unwrap(), ..of(4) };
    assert_eq!(memory.lacks(&other_account, &here, start), None);
    let just_before = start + LACK_REMEMBERED - Duration::from_millis(1);
    assert_eq!(memory.lacks(&of(4), &here, just_before), Some(4));
    assert_eq!(memory.lacks(&of(4), &here, start + LACK_REMEMBERED), None);
}

#[test]
fn what_is_given_is_not_lacking_any_more() {
    let memory = CapacityMemory::default();
    let (here, now) = (candidate("m7i.large", "sandbox-1a"), Duration::ZERO);
    memory.note_lack(&of(1), &here, 2, now);
    memory.note_lack(&of(1), &here, 8, now);
    memory.note_given(&of(1), &here, 4);
    assert_eq!(memory.lacks(&of(4), &here, now), None);
    assert_eq!(memory.lacks(&of(8), &here, now), Some(8));
    memory.note_given(&of(1), &here, 8);
    assert!(memory.lock().is_empty());
}

#[test]
fn places_of_their_own_are_not_remembered_and_memory_has_an_end() {
    let memory = CapacityMemory::default();
    let group = Placement { placement_group: Some("cluster".to_owned()), ..Placement::default() };
    let grouped = Candidate { placement: group, ..candidate("m7i.large", "sandbox-1a") };
    memory.note_lack(&of(1), &grouped, 1, Duration::ZERO);
    assert!(memory.lock().is_empty());
    for number in 0..POOLS_MAX + 100 {
        let candidate = candidate(&format!("m7i.{number}"), "sandbox-1a");
        memory.note_lack(&of(1), &candidate, 1, Duration::from_millis(number as u64));
    }
    assert!(memory.lock().len() <= POOLS_MAX);
    let last = candidate(&format!("m7i.{}", POOLS_MAX + 99), "sandbox-1a");
    assert_eq!(memory.lacks(&of(1), &last, Duration::from_secs(5)), Some(1), "the latest are kept");
}

#[test]
fn a_plan_puts_last_what_lacked_and_says_so() {
    let memory = CapacityMemory::default();
    let mut launch = crate::launch::step::tests::admitted(3, 100);
    let spec = launch.spec.clone();
    launch.deadline = Some(Timestamp::from_second(100).unwrap());
    let mut plan = Plan::of(&launch).unwrap();
    let first = plan.candidates()[0].clone();
    memory.note_lack(&spec, &first, 1, Duration::ZERO);
    memory.defer(&spec, &mut plan, Duration::ZERO);
    assert_eq!(plan.candidates().last(), Some(&first));
    let finding = &plan.findings()[0];
    assert_eq!((&*finding.code, plan.findings().len()), ("CAPACITY_LACKED_RECENTLY", 1));
    assert_eq!(finding.field, "instance_types[m7i.large].capacity");
    assert!(finding.message.ends_with("It is tried last."), "{}", finding.message);
}
