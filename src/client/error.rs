//! What goes wrong on the client's side, and the server's refusals with their details read out.
//!
//! Details are those of AIP-193: reason and metadata, and whatever violations, precondition
//! failures and quota failures came with them. Which exit code or colour follows is not decided
//! here.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address or the TLS files are of no use.
    #[error("{server} is not an address to connect to")]
    Address {
        /// The address as it was given.
        server: String,
        /// Why not.
        source: tonic::transport::Error,
    },
    /// A certificate or key cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Nobody answers there, or TLS did not come about.
    #[error("cannot connect to {server}")]
    Connect {
        /// The address.
        server: String,
        /// Why not.
        source: tonic::transport::Error,
    },
    /// The server ended a watch before its last event, as it does when it stops.
    #[error("the server ended the stream before its last event")]
    EndedEarly,
    /// The server answered with an error, or the connection broke before it answered.
    #[error(transparent)]
    Refused(Box<Refusal>),
}

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The gRPC code as the specification writes it: `NOT_FOUND`.
    pub code: &'static str,
    /// What the server says, for a person.
    pub message: String,
    /// ErrorInfo's reason: `IMAGE_NOT_FOUND`. Absent when the answer is not Gantry's own, as when a
    /// connection broke.
    pub reason: Option<String>,
    /// ErrorInfo's metadata.
    pub metadata: BTreeMap<String, String>,
    /// Everything that was found wrong: BadRequest, PreconditionFailure and QuotaFailure together.
    pub violations: Vec<Violation>,
    /// The thing that is meant, as kind and name: `image`, `ami-…`.
    pub resource: Option<(String, String)>,
    /// When to try again.
    pub retry_after: Option<Duration>,
}

/// One thing found wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Its kind: `INVALID_ID`, `ENA_REQUIRED`. May be empty.
    pub reason: String,
    /// The field, fact or quota.
    pub subject: String,
    /// One sentence for a person.
    pub description: String,
}

impl ClientError {
    /// The refusal, if the server was reached at all.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Address { .. } | Self::Unreadable { .. } | Self::Connect { .. } | Self::EndedEarly => None,
        }
    }

    /// Whether a stream that ended so is worth taking up again.
    pub fn is_interruption(&self) -> bool {
        matches!(self, Self::EndedEarly) || self.refusal().is_some_and(Refusal::is_interruption)
    }
}

impl Refusal {
    /// Whether what failed is the way to the server and not the request: a stream is then worth
    /// taking up again. Gantry's own answers carry a reason; what a broken connection leaves
    /// behind has none, and which code it gets depends on where it broke.
    pub fn is_interruption(&self) -> bool {
        match self.code {
            "UNAVAILABLE" => true,
            "UNKNOWN" | "INTERNAL" | "CANCELLED" => self.reason.is_none(),
            _ => false,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if let Some(reason) = &self.reason {
            write!(f, " ({reason})")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Refusal {}

impl From<Status> for ClientError {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(Refusal::from(&status)))
    }
}

impl From<&Status> for Refusal {
    fn from(status: &Status) -> Self {
        let details = status.get_error_details();
        let mut violations = Vec::new();
        for found in details.bad_request().iter().flat_map(|bad| &bad.field_violations) {
            let (reason, subject) = (found.reason.clone(), found.field.clone());
            violations.push(Violation { reason, subject, description: found.description.clone() });
        }
        for found in details.precondition_failure().iter().flat_map(|failure| &failure.violations) {
            let (reason, subject) = (found.r#type.clone(), found.subject.clone());
            violations.push(Violation { reason, subject, description: found.description.clone() });
        }
        for found in details.quota_failure().iter().flat_map(|failure| &failure.violations) {
            let (reason, subject) = (found.quota_id.clone(), found.subject.clone());
            violations.push(Violation { reason, subject, description: found.description.clone() });
        }
        let info = details.error_info();
        Self {
            code: code_name(status.code()),
            message: status.message().to_owned(),
            reason: info.map(|info| info.reason.clone()),
            metadata: info.map(|info| info.metadata.clone().into_iter().collect()).unwrap_or_default(),
            violations,
            resource: details.resource_info().map(|found| (found.resource_type.clone(), found.resource_name.clone())),
            retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
        }
    }
}

fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;
    use tonic_types::ErrorDetails;

    #[test]
    fn every_detail_of_an_answer_is_read() {
        let mut details = ErrorDetails::with_error_info(
            "LAUNCH_REFUSED",
            "gantry",
            HashMap::from([("launch_id".to_owned(), "0192".to_owned())]),
        );
        details.add_bad_request_violation("spec.min_count", "must not be above max_count");
        details.add_precondition_failure_violation("ENA_REQUIRED", "image.ena_support", "m7i.large requires ENA");
        details.set_retry_info(Some(Duration::from_secs(2)));
        details.set_resource_info("image", "ami-12345678", "", "");
        let status = Status::with_error_details(Code::FailedPrecondition, "refused", details);

        let refusal = Refusal::from(&status);
        assert_eq!(refusal.to_string(), "FAILED_PRECONDITION (LAUNCH_REFUSED): refused");
        assert_eq!(refusal.metadata["launch_id"], "0192");
        assert_eq!(refusal.violations.len(), 2);
        assert_eq!(refusal.violations[1].reason, "ENA_REQUIRED");
        assert_eq!(refusal.retry_after, Some(Duration::from_secs(2)));
        assert_eq!(refusal.resource, Some(("image".to_owned(), "ami-12345678".to_owned())));
    }

    #[test]
    fn only_a_broken_way_is_worth_another_try() {
        let own = |code| {
            Refusal::from(&Status::with_error_details(
                code,
                "",
                ErrorDetails::with_error_info("X", "gantry", HashMap::new()),
            ))
        };
        assert!(own(Code::Unavailable).is_interruption());
        assert!(!own(Code::Internal).is_interruption());
        assert!(!own(Code::NotFound).is_interruption());
        assert!(Refusal::from(&Status::unknown("transport error")).is_interruption());
        assert!(Refusal::from(&Status::internal("h2 protocol error")).is_interruption());
        assert!(!Refusal::from(&Status::unimplemented("")).is_interruption());
    }
}
