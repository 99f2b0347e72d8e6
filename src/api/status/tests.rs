//! What goes over the wire: codes, reasons, details, and that they fit.

use std::borrow::Cow;

use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::details::{DETAILS_BYTES_MAX, MESSAGE_BYTES_MAX};
use super::*;
use crate::api::convert::ViolationReason;
use crate::audit::BehindCause;
use crate::ec2::errors::{Answer, Silence, meaning_of};
use crate::ids::Region;
use crate::record::Outcome;

fn finding(outcome: Outcome, message: &str) -> Finding {
    Finding {
        code: Cow::Borrowed("ARCHITECTURE_MISMATCH"),
        outcome,
        field: "image.architecture".to_owned(),
        observed: "arm64".to_owned(),
        expected: "x86_64".to_owned(),
        message: message.to_owned(),
        remedy: String::new(),
        ec2_error_code: None,
    }
}

fn pruned() -> PrunedLaunch {
    PrunedLaunch {
        state: LaunchState::Ready,
        create_time: jiff::Timestamp::UNIX_EPOCH,
        instance_ids: vec!["i-0abcdef1234567890".parse().unwrap()],
        redacted: false,
    }
}

fn denial() -> Denial {
    Denial { policy_id: "nobody".to_owned(), reason: "Nobody may.".to_owned(), remedy: "Ask.".to_owned() }
}

fn answered(code: &str) -> Ec2Error {
    let meaning = meaning_of(code);
    Ec2Error::Answered(Answer {
        code: code.to_owned(),
        message: "words".to_owned(),
        class: meaning.class,
        http_status: 400,
        request_id: Some("req".to_owned()),
        remedy: meaning.remedy,
    })
}

fn not_assumed(code: &str) -> Failure {
    Failure::Ec2(Ec2Error::NotAssumed(Box::new(answered(code))))
}

fn violations(reasons: &[ViolationReason]) -> Failure {
    let mut violations = Violations::new();
    for reason in reasons {
        violations.add("field", *reason, "wrong");
    }
    Failure::Invalid(violations)
}

#[test]
fn the_table_gives_each_failure_its_code_and_reason() {
    let launch_id = LaunchId::from_bytes([7; 16]);
    let table = [
        (violations(&[ViolationReason::InvalidId]), Code::InvalidArgument, "INVALID_ID"),
        (violations(&[ViolationReason::InvalidId; 2]), Code::InvalidArgument, "INVALID_ID"),
        (
            violations(&[ViolationReason::InvalidId, ViolationReason::MissingField]),
            Code::InvalidArgument,
            "INVALID_REQUEST",
        ),
        (violations(&[ViolationReason::NotImplemented]), Code::Unimplemented, "NOT_IMPLEMENTED"),
        (
            violations(&[ViolationReason::NotImplemented, ViolationReason::InvalidId]),
            Code::InvalidArgument,
            "INVALID_REQUEST",
        ),
        (
            Failure::RequestIdReused { request_id: "r".parse().unwrap(), launch_id },
            Code::InvalidArgument,
            "REQUEST_ID_REUSED",
        ),
        (
            Failure::RedactionKeyLost { request_id: "r".parse().unwrap(), launch_id },
            Code::FailedPrecondition,
            "REDACTION_KEY_LOST",
        ),
        (
            Failure::AlreadyDecided { request_id: "r".parse().unwrap(), launch_id, pruned: pruned() },
            Code::AlreadyExists,
            "ALREADY_DECIDED",
        ),
        (Failure::LaunchPruned { launch_id, pruned: pruned() }, Code::NotFound, "LAUNCH_PRUNED"),
        (Failure::Refused { launch_id: None, findings: Vec::new() }, Code::FailedPrecondition, "LAUNCH_REFUSED"),
        (
            Failure::PolicyDenied { launch_id: None, findings: Vec::new(), policy_ids: vec!["p".to_owned()] },
            Code::PermissionDenied,
            "POLICY_DENIED",
        ),
        (
            Failure::CallDenied { method: "ListImages".to_owned(), denials: vec![denial()] },
            Code::PermissionDenied,
            "POLICY_DENIED",
        ),
        (
            Failure::LaunchesPaused { launch_id: None, findings: Vec::new() },
            Code::FailedPrecondition,
            "LAUNCHES_PAUSED",
        ),
        (
            Failure::QuotaExceeded {
                launch_id: None,
                findings: Vec::new(),
                excesses: Vec::new(),
                retry_delay: Some(Duration::from_secs(60)),
            },
            Code::ResourceExhausted,
            "LAUNCH_QUOTA_EXCEEDED",
        ),
        (
            Failure::InstanceOfOtherLaunch { instance_id: "i-0123456789abcdef0".parse().unwrap(), launch_id },
            Code::FailedPrecondition,
            "INSTANCE_OF_OTHER_LAUNCH",
        ),
        (Failure::InstanceNotLaunched(Vec::new()), Code::FailedPrecondition, "INSTANCE_NOT_LAUNCHED"),
        (
            Failure::SelectorMatchesNothing(Nothing { matched: 2, message: "none".to_owned() }),
            Code::FailedPrecondition,
            "SELECTOR_MATCHES_NOTHING",
        ),
        (Failure::NotFound(Missing::Launch(launch_id)), Code::NotFound, "LAUNCH_NOT_FOUND"),
        (
            Failure::NotCancellable { launch_id, state: LaunchState::Ready },
            Code::FailedPrecondition,
            "LAUNCH_NOT_CANCELLABLE",
        ),
        (
            Failure::NoInstances { launch_id, state: LaunchState::Failed },
            Code::FailedPrecondition,
            "LAUNCH_HAS_NO_INSTANCES",
        ),
        (Failure::CursorExpired { oldest: Some("3".into()) }, Code::OutOfRange, "CURSOR_EXPIRED"),
        (Failure::PageTokenExpired, Code::OutOfRange, "PAGE_TOKEN_EXPIRED"),
        (Failure::CursorAhead { after: 9, last: 3 }, Code::OutOfRange, "CURSOR_AHEAD"),
        (Failure::TooManyResults { limit: 50_000, narrow_by: "owners" }, Code::ResourceExhausted, "TOO_MANY_RESULTS"),
        (Failure::TooManyBoots { boots: 9, seconds: 30 }, Code::ResourceExhausted, "TOO_MANY_BOOTS"),
        (Failure::TooManyWatchers { limit: 10 }, Code::ResourceExhausted, "TOO_MANY_WATCHERS"),
        (Failure::Overloaded, Code::ResourceExhausted, "OVERLOADED"),
        (Failure::AuditUnavailable, Code::Unavailable, "AUDIT_UNAVAILABLE"),
        (
            Failure::AuditBehind(Behind {
                cause: BehindCause::Witness,
                size: 10,
                known_size: Some(20),
                told_by: "w".to_owned(),
                time: jiff::Timestamp::UNIX_EPOCH,
                claims: Vec::new(),
            }),
            Code::FailedPrecondition,
            "AUDIT_LOG_BEHIND",
        ),
        (Failure::LogCorrupt { index: 5 }, Code::DataLoss, "LOG_CORRUPT"),
        (Failure::ShuttingDown, Code::Unavailable, "SHUTTING_DOWN"),
        (Failure::Ec2(answered("RequestLimitExceeded")), Code::Unavailable, "EC2_THROTTLED"),
        (Failure::Ec2(answered("InternalError")), Code::Unavailable, "EC2_UNAVAILABLE"),
        (Failure::Ec2(answered("InsufficientInstanceCapacity")), Code::ResourceExhausted, "INSUFFICIENT_CAPACITY"),
        (Failure::Ec2(answered("VcpuLimitExceeded")), Code::ResourceExhausted, "QUOTA_EXCEEDED"),
        (Failure::Ec2(answered("UnauthorizedOperation")), Code::PermissionDenied, "EC2_UNAUTHORIZED"),
        (Failure::Ec2(answered("OptInRequired")), Code::PermissionDenied, "EC2_OPT_IN_REQUIRED"),
        (Failure::Ec2(answered("InvalidSubnetID.NotFound")), Code::NotFound, "EC2_RESOURCE_NOT_FOUND"),
        (Failure::Ec2(answered("BornTomorrow")), Code::Unknown, "EC2_UNKNOWN"),
        (
            Failure::Ec2(Ec2Error::NoAnswer {
                silence: Silence::TimedOut,
                detail: "late".to_owned(),
                may_have_happened: true,
            }),
            Code::Unavailable,
            "EC2_TIMEOUT",
        ),
        (not_assumed("AccessDenied"), Code::FailedPrecondition, "ROLE_NOT_ASSUMED"),
        (not_assumed("Throttling"), Code::Unavailable, "EC2_THROTTLED"),
        (Failure::Ec2(Ec2Error::Credentials("none".to_owned())), Code::FailedPrecondition, "EC2_CREDENTIALS"),
    ];
    for (failure, code, reason) in table {
        let status = Status::from(failure.clone());
        let info = status.get_details_error_info().expect("every error says its reason");
        assert_eq!(
            (status.code(), info.reason.as_str(), info.domain.as_str()),
            (code, reason, "gantry"),
            "{failure:?}"
        );
        let retry = status.get_details_retry_info().is_some();
        let may_help = code == Code::Unavailable || ["OVERLOADED", "LAUNCH_QUOTA_EXCEEDED"].contains(&reason);
        assert_eq!(retry, may_help, "{failure:?}");
    }
}

#[test]
fn every_violation_is_in_the_answer_with_its_reason() {
    let status = Status::from(violations(&[ViolationReason::InvalidId, ViolationReason::InvalidEnum]));
    let bad = status.get_details_bad_request().unwrap();
    let reasons: Vec<_> = bad.field_violations.iter().map(|violation| violation.reason.as_str()).collect();
    assert_eq!(reasons, ["INVALID_ID", "INVALID_ENUM"]);
    assert!(!status.get_details_error_info().unwrap().metadata.contains_key("truncated"));
}

#[test]
fn a_refusal_says_what_stands_against_it_and_where_its_record_is() {
    let launch_id = LaunchId::from_bytes([7; 16]);
    let findings =
        vec![finding(Outcome::Warn, "odd"), finding(Outcome::Unknown, "missing"), finding(Outcome::Fail, "no")];
    let status = Status::from(Failure::Refused { launch_id: Some(launch_id), findings });
    assert_eq!(status.message(), "the launch was refused: no");
    let against = status.get_details_precondition_failure().unwrap().violations;
    let seen: Vec<_> = against.iter().map(|violation| violation.description.as_str()).collect();
    assert_eq!(seen, ["no [observed: arm64] [expected: x86_64]", "missing [observed: arm64] [expected: x86_64]"]);
    assert_eq!(status.get_details_error_info().unwrap().metadata["launch_id"], launch_id.to_string());
}

#[test]
fn a_denied_call_says_which_policy_why_and_what_would_satisfy_it() {
    let status = Status::from(Failure::CallDenied { method: "ListImages".to_owned(), denials: vec![denial()] });
    assert_eq!(status.message(), "policy denies ListImages: Nobody may.");
    let against = status.get_details_precondition_failure().unwrap().violations;
    assert_eq!(against[0].description, "Nobody may. [observed: nobody] [remedy: Ask.]");
    assert_eq!(status.get_details_error_info().unwrap().metadata["policy_ids"], "nobody");
}

#[test]
fn details_keep_to_their_budget_and_say_so() {
    let findings = vec![finding(Outcome::Fail, &"é".repeat(5_000)); 200];
    let refused = Status::from(Failure::Refused { launch_id: None, findings });
    let mut many = Violations::new();
    for number in 0..1_000 {
        many.add(format!("f[{number}]"), ViolationReason::InvalidField, "x".repeat(300));
    }
    for status in [refused, Status::from(Failure::Invalid(many))] {
        assert!(status.details().len() <= DETAILS_BYTES_MAX, "{}", status.details().len());
        assert!(status.details().len() > DETAILS_BYTES_MAX / 2, "what fits is sent");
        assert!(status.message().len() <= MESSAGE_BYTES_MAX);
        assert_eq!(status.get_details_error_info().unwrap().metadata["truncated"], "true");
    }
}

#[test]
fn what_is_not_there_is_named() {
    let region: Region = "eu-west-1".parse().unwrap();
    let status = Status::from(Failure::NotFound(Missing::Region(region)));
    let resource = status.get_details_resource_info().unwrap();
    assert_eq!((resource.resource_type.as_str(), resource.resource_name.as_str()), ("gantry.v1.Region", "eu-west-1"));
}

#[test]
fn a_defect_tells_the_caller_nothing_but_a_number() {
    let secret = std::io::Error::other("/var/lib/secret");
    let status = Status::from(Failure::internal(&secret));
    assert_eq!(status.code(), Code::Internal);
    assert!(!status.message().contains("secret"), "{}", status.message());
}

#[test]
fn a_failure_within_a_stream_has_the_same_details() {
    let failure = violations(&[ViolationReason::InvalidId]);
    let message = failure.to_message();
    let status = Status::from(failure);
    assert_eq!((message.code, message.message.as_str()), (status.code() as i32, status.message()));
    assert_eq!(message.details.len(), 2);
}
