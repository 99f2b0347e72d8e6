//! Which attempts are asked about, and what their answers do to the plan.

use super::*;
use crate::record::{Placement, PolicyStamp};

fn candidates(types: &[&str]) -> Vec<Candidate> {
    let zones = ["sandbox-1a", "sandbox-1b"];
    let places = zones.map(|zone| Placement { availability_zone: zone.parse().ok(), ..Placement::default() });
    let of_type = |name: &&str| {
        let instance_type: crate::ids::InstanceType = name.parse().unwrap();
        places.clone().map(|placement| Candidate { instance_type: instance_type.clone(), placement, zone: None })
    };
    types.iter().flat_map(of_type).collect()
}

#[test]
fn the_first_attempt_of_each_type_is_asked_about_and_no_more_than_five() {
    let types = ["m7i.large", "m6i.large", "c7i.large", "c6i.large", "r7i.large", "r6i.large"];
    let all = candidates(&types);
    let asked = first_of_each_type(&all);
    let names: Vec<&str> = asked.iter().map(|candidate| candidate.instance_type.as_str()).collect();
    assert_eq!(names, types[..DRY_RUNS_MAX]);
    assert!(asked.iter().all(|candidate| candidate.placement.availability_zone == "sandbox-1a".parse().ok()));
}

#[test]
fn what_is_denied_is_struck_and_all_denied_is_a_refusal() {
    let finding = |outcome| Some(Finding { outcome, ..decide::DRY_RUN_FAILED.finding("UnauthorizedOperation") });
    let (denied, unknown) = (finding(Outcome::Fail), finding(Outcome::Unknown));
    for (answers, refused, left) in [
        ([None, None], false, 4),
        ([denied.clone(), None], false, 3),
        ([None, denied.clone()], false, 3),
        ([denied.clone(), unknown.clone()], false, 3),
        ([unknown.clone(), unknown], false, 4),
        ([denied.clone(), denied], true, 2),
    ] {
        let mut plan = plan(candidates(&["m7i.large", "m6i.large"]));
        let asked: Vec<Candidate> = first_of_each_type(plan.candidates()).into_iter().cloned().collect();
        assert_eq!(conclude(&mut plan, asked.into_iter().zip(answers).collect()), refused);
        assert_eq!(plan.candidates().len(), left);
        let last = plan.findings().last().unwrap();
        assert_eq!((&*last.code, last.outcome), ("CAPACITY_NOT_PROMISED", Outcome::Warn));
    }
}

/// A plan with these candidates, by way of a launch on record.
fn plan(candidates: Vec<Candidate>) -> Plan {
    let spec = crate::launch::tests::least_spec();
    let decision = crate::record::Decision {
        request_id: None,
        body_sha256: spec.body_hash(""),
        preview: false,
        reason: String::new(),
        break_glass: false,
        spec,
        launch_template: None,
        verdict: crate::record::Verdict::Admitted,
        findings: Vec::new(),
        candidates,
        deadline: Some(Timestamp::MAX),
        policy: PolicyStamp::default(),
        image_receipt: None,
        image_facts: None,
        type_facts: Vec::new(),
        governed_types: Vec::new(),
        facts_time: Timestamp::UNIX_EPOCH,
    };
    let entry = Entry {
        v: crate::record::ENTRY_VERSION,
        time: Timestamp::UNIX_EPOCH,
        launch_id: Some(crate::ids::LaunchId::new(Timestamp::UNIX_EPOCH)),
        account_id: "000000000000".parse().ok(),
        region: "sandbox-1".parse().ok(),
        principal: "local".parse().ok(),
        event: crate::record::Event::Decision(Box::new(decision)),
    };
    Plan::of(&crate::record::Launch::begin(&entry).unwrap().0).unwrap()
}
