//! What follows from a record, without any EC2.

use super::*;
use crate::ec2::ErrorClass;
use crate::ids::LaunchId;
use crate::record::{
    AttemptFailed, AttemptIntended, Cancellation, Decision, ENTRY_VERSION, Entry, Event, ImageChoice, ImageReceipt,
    PolicyStamp, Spec, Verdict,
};

const TYPES: [&str; 3] = ["m7i.large", "m6i.large", "c7i.large"];

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

/// A launch that was admitted at 0 with so many candidates.
pub(in crate::launch) fn admitted(candidates: usize, deadline: i64) -> Launch {
    let spec = Spec { ready_timeout: Duration::from_secs(600), ..crate::launch::tests::least_spec() };
    let candidate = |name: &&str| Candidate {
        instance_type: name.parse().unwrap(),
        placement: crate::record::Placement::default(),
        zone: None,
    };
    let decision = Decision {
        request_id: Some("r-1".parse().unwrap()),
        body_sha256: crate::ids::Sha256Digest::of(b""),
        preview: false,
        break_glass: false,
        reason: "test".to_owned(),
        spec,
        verdict: Verdict::Admitted,
        findings: Vec::new(),
        candidates: TYPES.iter().take(candidates).map(candidate).collect(),
        deadline: Some(at(deadline)),
        policy: PolicyStamp::default(),
        image_receipt: None,
        image_facts: None,
        type_facts: Vec::new(),
        governed_types: Vec::new(),
        launch_template: None,
        facts_time: at(0),
    };
    Launch::begin(&entry(LaunchId::new(at(0)), 0, Event::Decision(Box::new(decision)))).unwrap().0
}

fn entry(launch_id: LaunchId, time: i64, event: Event) -> Entry {
    Entry {
        v: ENTRY_VERSION,
        time: at(time),
        launch_id: Some(launch_id),
        account_id: Some("000000000000".parse().unwrap()),
        region: Some("sandbox-1".parse().unwrap()),
        principal: Some("local".parse().unwrap()),
        event,
    }
}

fn intend(launch: &mut Launch, time: i64) -> AttemptId {
    let attempt_id = AttemptId::new(at(time));
    let intended = AttemptIntended {
        attempt_id,
        instance_type: TYPES[launch.attempts.len()].parse().unwrap(),
        placement: crate::record::Placement::default(),
        client_token: attempt_id.client_token(),
        input: serde_json::Value::Null,
        share: None,
        role_session: None,
    };
    let id = launch.launch_id;
    launch.apply(&entry(id, time, Event::AttemptIntended(Box::new(intended)))).unwrap();
    attempt_id
}

fn fail(launch: &mut Launch, attempt_id: AttemptId, class: ErrorClass) {
    let error = AttemptError {
        code: "SomeCode".to_owned(),
        class: class.as_str().to_owned(),
        message: "said EC2.".to_owned(),
        retryable: false,
        remedy: "Do something.".to_owned(),
        http_status: Some(400),
        ec2_request_id: None,
    };
    let id = launch.launch_id;
    launch.apply(&entry(id, 1, Event::AttemptFailed(AttemptFailed { attempt_id, error }))).unwrap();
}

fn next_step(launch: &Launch, now: Timestamp) -> Step {
    super::next_step(launch, now, &|_| false)
}

#[test]
fn an_attempt_without_an_outcome_is_resolved_before_anything_else() {
    let mut launch = admitted(3, 100);
    assert!(matches!(next_step(&launch, at(0)), Step::Begin(..)));
    let attempt = intend(&mut launch, 0);
    assert_eq!(next_step(&launch, at(1)), Step::Resolve(attempt));
    assert_eq!(next_step(&launch, at(1_000)), Step::Resolve(attempt), "also after the deadline");
    let a_day = i64::try_from(UNKNOWN_LIMIT.as_secs()).unwrap();
    let Step::End(reason) = next_step(&launch, at(a_day)) else { panic!("it ends after a day") };
    assert_eq!(reason.code, "OUTCOME_UNKNOWN");
}

#[test]
fn a_launch_by_selector_begins_with_the_image_that_the_decision_came_to() {
    let mut launch = admitted(1, 100);
    launch.spec.image = ImageChoice::Selector(Box::default());
    let Step::End(reason) = next_step(&launch, at(0)) else { panic!("which image to launch is not known") };
    assert_eq!(reason.code, "IMAGE_NOT_RECORDED");
    let image_id: ImageId = "ami-00000007".parse().unwrap();
    let digest = crate::ids::Sha256Digest::of(b"");
    launch.image_receipt = Some(ImageReceipt { image_id: image_id.clone(), digest, observed_time: at(0) });
    assert_eq!(next_step(&launch, at(0)), Step::Begin(launch.candidates[0].clone(), image_id));
}

#[test]
fn another_candidate_is_tried_only_where_it_may_work_and_in_time() {
    let hopeful = [ErrorClass::Capacity, ErrorClass::Quota, ErrorClass::Incompatible, ErrorClass::Throttled];
    let hopeless =
        [ErrorClass::Permission, ErrorClass::OptIn, ErrorClass::Invalid, ErrorClass::NotFound, ErrorClass::Unknown];
    for class in hopeful {
        let mut launch = admitted(2, 100);
        let attempt = intend(&mut launch, 0);
        fail(&mut launch, attempt, class);
        assert!(matches!(next_step(&launch, at(2)), Step::Begin(..)), "{class}");
        let Step::End(late) = next_step(&launch, at(100)) else { panic!("no attempt begins at the deadline") };
        assert_eq!(late.code, "DEADLINE_PASSED");
        let second = intend(&mut launch, 3);
        fail(&mut launch, second, class);
        let Step::End(reason) = next_step(&launch, at(4)) else { panic!("nothing is left to try") };
        assert_eq!(reason.code, "SomeCode");
        assert_eq!(reason.message, "said EC2. Do something.");
    }
    for class in hopeless {
        let mut launch = admitted(2, 100);
        let attempt = intend(&mut launch, 0);
        fail(&mut launch, attempt, class);
        assert!(matches!(next_step(&launch, at(2)), Step::End(_)), "{class}");
    }
}

#[test]
fn a_launch_that_is_to_be_terminated_begins_nothing_more() {
    let mut launch = admitted(2, 100);
    launch.terminating = true;
    let Step::Cancel(reason) = next_step(&launch, at(1)) else { panic!("nothing was launched") };
    assert_eq!(reason.code, "TERMINATED_BEFORE_LAUNCH");
    launch.terminating = false;
    let attempt = intend(&mut launch, 0);
    launch.terminating = true;
    assert_eq!(next_step(&launch, at(1)), Step::Resolve(attempt), "what it made must be found out first");
    fail(&mut launch, attempt, ErrorClass::Capacity);
    assert!(matches!(next_step(&launch, at(2)), Step::Cancel(_)));
}

#[test]
fn a_cancelled_launch_begins_nothing_more_and_says_whose_wish_that_was() {
    let mut launch = admitted(2, 100);
    let attempt = intend(&mut launch, 0);
    let cancellation = Cancellation {
        request_id: "c-1".parse().unwrap(),
        body_sha256: crate::ids::Sha256Digest::of(b""),
        reason: "wrong image".to_owned(),
    };
    let id = launch.launch_id;
    launch.apply(&entry(id, 1, Event::Cancellation(cancellation))).unwrap();
    assert_eq!(next_step(&launch, at(1)), Step::Resolve(attempt), "what it made must be found out first");
    fail(&mut launch, attempt, ErrorClass::Capacity);
    let Step::Cancel(reason) = next_step(&launch, at(2)) else { panic!("nothing was launched") };
    assert_eq!(reason.code, "CANCELLED");
    assert!(reason.message.contains("wrong image"), "{}", reason.message);
}

#[test]
fn what_was_skipped_is_said_at_the_end() {
    let mut launch = admitted(3, 100);
    let attempt = intend(&mut launch, 0);
    fail(&mut launch, attempt, ErrorClass::Capacity);
    let Step::End(reason) = super::next_step(&launch, at(1), &|_| true) else { panic!("the others are known to lack") };
    assert_eq!(reason.code, "SomeCode");
    assert!(reason.message.ends_with("a moment ago: m6i.large, c7i.large."), "{}", reason.message);
    let untried = admitted(2, 100);
    assert!(matches!(super::next_step(&untried, at(1), &|_| true), Step::Begin(..)), "something is always tried");
}

#[test]
fn a_launch_of_which_records_may_be_lost_asks_ec2_for_nothing() {
    let mut launch = admitted(2, 100);
    let doubtful = |launch: &Launch, time| without_calls(next_step(launch, at(time)));
    assert_eq!(doubtful(&launch, 1), Step::Lost, "it may have been attempted");
    assert_eq!(doubtful(&launch, 1_000), Step::Lost, "also when its deadline has passed since");
    launch.terminating = true;
    assert_eq!(doubtful(&launch, 1), Step::Lost, "something may have been launched before");
    launch.terminating = false;
    let attempt = intend(&mut launch, 0);
    assert_eq!(doubtful(&launch, 1), Step::Resolve(attempt), "it is looked for");
    let a_day = i64::try_from(UNKNOWN_LIMIT.as_secs()).unwrap();
    assert_eq!(doubtful(&launch, a_day), Step::Lost);
    fail(&mut launch, attempt, ErrorClass::Capacity);
    assert_eq!(doubtful(&launch, 2), Step::Lost, "the next candidate may have been tried");
    let attempt = intend(&mut launch, 3);
    fail(&mut launch, attempt, ErrorClass::Capacity);
    assert!(matches!(doubtful(&launch, 4), Step::End(reason) if reason.code == "SomeCode"), "none was left");
}
