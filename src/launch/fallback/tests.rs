//! What a failure rules out, and what comes first of what is left.

use jiff::Timestamp;

use super::*;
use crate::ids::AttemptId;
use crate::record::Placement;

fn candidate(instance_type: &str, zone: &str) -> Candidate {
    let zone = Some(zone.parse().unwrap());
    let placement = Placement { availability_zone: zone.clone(), ..Placement::default() };
    Candidate { instance_type: instance_type.parse().unwrap(), placement, zone }
}

/// Two types in three zones, type-major.
fn candidates() -> Vec<Candidate> {
    let zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"];
    ["m7i.large", "m6i.large"].iter().flat_map(|name| zones.map(|zone| candidate(name, zone))).collect()
}

fn failed(of: &Candidate, code: &str, class: ErrorClass, message: &str) -> Attempt {
    let attempt_id = AttemptId::new(Timestamp::UNIX_EPOCH);
    Attempt {
        attempt_id,
        instance_type: of.instance_type.clone(),
        placement: of.placement.clone(),
        client_token: attempt_id.client_token(),
        state: AttemptState::Failed,
        error: Some(AttemptError {
            code: code.to_owned(),
            class: class.as_str().to_owned(),
            message: message.to_owned(),
            retryable: false,
            remedy: String::new(),
            http_status: Some(400),
            ec2_request_id: None,
        }),
        ec2_request_id: None,
        reservation_id: None,
        intend_time: Timestamp::UNIX_EPOCH,
        end_time: None,
        share: None,
        role_session: None,
        unknown_time: None,
    }
}

/// What is tried one after the other if every attempt fails in the same way.
fn tried(code: &str, message: &str, lacks: &dyn Fn(&Candidate) -> bool) -> (String, Next) {
    let candidates = candidates();
    let class = crate::ec2::errors::meaning_of(code).class;
    let (mut attempts, mut names) = (Vec::new(), Vec::new());
    loop {
        match next_candidate(&candidates, &attempts, lacks) {
            Next::Try(next) => {
                let zone = next.zone.as_ref().unwrap().to_string();
                names.push(format!("{}{}", &next.instance_type.as_str()[1..2], zone.chars().last().unwrap()));
                attempts.push(failed(&next, code, class, message));
            }
            end => return (names.join(" "), end),
        }
    }
}

#[test]
fn a_failure_rules_out_what_it_holds_for_and_nothing_is_tried_twice() {
    for (code, expected) in [
        // There may be room elsewhere.
        ("InsufficientInstanceCapacity", "7a 7b 7c 6a 6b 6c"),
        ("Unsupported", "7a 7b 7c 6a 6b 6c"),
        ("SpotMaxPriceTooLow", "7a 7b 7c 6a 6b 6c"),
        // The place is the trouble: it is so for every type.
        ("InsufficientFreeAddressesInSubnet", "7a 7b 7c"),
        ("InvalidSubnetID.NotFound", "7a 7b 7c"),
        ("InvalidAvailabilityZone", "7a 7b 7c"),
        ("InvalidPlacementGroup.Unknown", "7a 7b 7c"),
        // The type is: it is so in every zone.
        ("VcpuLimitExceeded", "7a 6a"),
        ("InstanceLimitExceeded", "7a 6a"),
        ("MaxSpotInstanceCountExceeded", "7a 6a"),
        ("InvalidParameterCombination", "7a 6a"),
        ("UnsupportedHibernationConfiguration", "7a 6a"),
        // Nothing else can work, and a permanent error is not repeated.
        ("UnauthorizedOperation", "7a"),
        ("OptInRequired", "7a"),
        ("InvalidAMIID.NotFound", "7a"),
        ("InvalidKeyPair.NotFound", "7a"),
        ("InvalidParameterValue", "7a"),
        ("PendingVerification", "7a"),
        ("SomethingNewFromEc2", "7a"),
    ] {
        assert_eq!(tried(code, "", &|_| false), (expected.to_owned(), Next::Failed), "{code}");
    }
}

#[test]
fn zones_that_ec2_names_come_first_within_the_type() {
    let said = "We currently do not have sufficient m7i.large capacity in the Availability Zone you requested \
                (eu-west-1a). You can currently get m7i.large capacity by not specifying an Availability Zone in your \
                request or choosing eu-west-1c, eu-west-1d.";
    let (names, _) = tried("InsufficientInstanceCapacity", said, &|_| false);
    assert_eq!(names, "7a 7c 7b 6a 6c 6b");
    let error = failed(&candidates()[0], "InsufficientInstanceCapacity", ErrorClass::Capacity, said).error.unwrap();
    assert_eq!(zones_with_capacity(&error), ["eu-west-1c", "eu-west-1d"]);
    let (names, _) = tried("VcpuLimitExceeded", "or choosing eu-west-1c.", &|_| false);
    assert_eq!(names, "7a 6a", "only capacity is about zones");
}

#[test]
fn what_lacked_capacity_is_skipped_but_never_everything() {
    let in_a = |candidate: &Candidate| candidate.zone.as_ref().unwrap().as_str() == "eu-west-1a";
    let (names, end) = tried("InsufficientInstanceCapacity", "", &in_a);
    assert_eq!(names, "7b 7c 6b 6c");
    let Next::Skipped(skipped) = end else { panic!("two were left out: {end:?}") };
    assert_eq!(skipped.len(), 2);
    let (names, end) = tried("InsufficientInstanceCapacity", "", &|_| true);
    assert_eq!(names, "7a", "with nothing tried, the first is tried all the same");
    assert!(matches!(end, Next::Skipped(skipped) if skipped.len() == 5));
    assert_eq!(next_candidate(&[], &[], &|_| false), Next::NoCandidate);
}
