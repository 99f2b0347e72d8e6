//! What a caller is told when EC2 does not do what it was asked, by the class of the error.

use tonic::Code;

use super::RETRY_DELAY;
use super::details::{Detail, Report};
use crate::ec2::errors::{Ec2Error, ErrorClass, Silence};

/// The report of `error`. EC2's own code and its id of the request go into the metadata, for a
/// support case.
pub(super) fn report(error: &Ec2Error, message: String) -> Report {
    let (code, reason) = code_and_reason(error);
    let report = Report::new(code, reason, &message)
        .with("ec2_code", &error.code())
        .with("remedy", &error.remedy())
        .with_some("ec2_request_id", error.request_id().as_ref())
        .with_some("http_status", error.http_status().as_ref());
    match code {
        Code::Unavailable => report.detail(Detail::Retry(RETRY_DELAY)),
        Code::ResourceExhausted => {
            report.detail(Detail::Quota { subject: error.code().to_owned(), description: error.remedy().to_owned() })
        }
        // Every other code says all by its reason.
        _ => report,
    }
}

fn code_and_reason(error: &Ec2Error) -> (Code, &'static str) {
    match error {
        Ec2Error::Answered(answer) => match answer.class {
            ErrorClass::Throttled => (Code::Unavailable, "EC2_THROTTLED"),
            ErrorClass::Transient => (Code::Unavailable, "EC2_UNAVAILABLE"),
            ErrorClass::Capacity => (Code::ResourceExhausted, "INSUFFICIENT_CAPACITY"),
            ErrorClass::Quota => (Code::ResourceExhausted, "QUOTA_EXCEEDED"),
            // What the server may do in the account, and not who the caller is.
            ErrorClass::Permission => (Code::PermissionDenied, "EC2_UNAUTHORIZED"),
            ErrorClass::OptIn => (Code::PermissionDenied, "EC2_OPT_IN_REQUIRED"),
            ErrorClass::NotFound => (Code::NotFound, "EC2_RESOURCE_NOT_FOUND"),
            ErrorClass::Invalid => (Code::InvalidArgument, "EC2_INVALID_PARAMETER"),
            ErrorClass::Incompatible => (Code::FailedPrecondition, "EC2_INCOMPATIBLE"),
            ErrorClass::Idempotency => (Code::FailedPrecondition, "EC2_IDEMPOTENCY"),
            // A dry run's yes is read where dry runs are made. Here it comes unasked.
            ErrorClass::DryRunOk | ErrorClass::Unknown => (Code::Unknown, "EC2_UNKNOWN"),
        },
        // Not DEADLINE_EXCEEDED: the deadline was ours and not the caller's, and asking again helps.
        Ec2Error::NoAnswer { silence: Silence::TimedOut, .. } => (Code::Unavailable, "EC2_TIMEOUT"),
        Ec2Error::NoAnswer { silence: Silence::ConnectionFailed, .. } | Ec2Error::Unreadable { .. } => {
            (Code::Unavailable, "EC2_UNAVAILABLE")
        }
        Ec2Error::TooMany { .. } => (Code::ResourceExhausted, "TOO_MANY_RESULTS"),
        // For the operator to mend, and not for the caller to authenticate differently.
        Ec2Error::Credentials(_) => (Code::FailedPrecondition, "EC2_CREDENTIALS"),
        Ec2Error::NotAssumed(why) => match why.class() {
            ErrorClass::Throttled | ErrorClass::Transient => code_and_reason(why),
            // For the operator to mend too.
            _ => (Code::FailedPrecondition, "ROLE_NOT_ASSUMED"),
        },
        Ec2Error::HeldBack => (Code::Unavailable, "EC2_THROTTLED"),
        Ec2Error::NotSent(_) => (Code::InvalidArgument, "EC2_INVALID_PARAMETER"),
    }
}
