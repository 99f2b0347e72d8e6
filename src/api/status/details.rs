//! Error details within their budget.
//!
//! Details travel in a trailer, in base64. Many clients accept 8 KiB of trailers in all, and drop
//! the whole answer above that, so a refusal with a hundred findings must not send a hundred.

use std::collections::HashMap;
use std::fmt::Display;
use std::time::Duration;

use prost::Message as _;
use tonic::Code;
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, QuotaViolation, StatusExt};

use crate::api::convert::{ViolationReason, Violations};
use crate::record::{Finding, Outcome};

/// The domain of every reason (AIP-193).
pub(super) const DOMAIN: &str = "gantry";

/// Bytes of all details together, before base64.
pub(super) const DETAILS_BYTES_MAX: usize = 4_096;

/// Bytes of the message, which travels beside the details with every byte that is not plain ASCII
/// written as three.
pub(super) const MESSAGE_BYTES_MAX: usize = 512;

/// Bytes of one text within a detail.
const TEXT_BYTES_MAX: usize = 400;

/// The entry of the metadata that says that something was left out.
const TRUNCATED: &str = "truncated";

/// What goes beside the reason.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Detail {
    /// Violations of the request.
    Violations(Violations),
    /// Findings against a launch.
    Findings(Vec<Finding>),
    /// A limit that was reached.
    Quota { subject: String, description: String },
    /// Several of them, each with its subject and description.
    Quotas(Vec<(String, String)>),
    /// Something that is not there.
    Resource { kind: String, name: String, description: String },
    /// When to try again.
    Retry(Duration),
}

/// What a caller is told, before it is fitted into a status.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Report {
    pub(super) code: Code,
    pub(super) reason: &'static str,
    message: String,
    metadata: HashMap<String, String>,
    details: Vec<Detail>,
}

impl Report {
    pub(super) fn new(code: Code, reason: &'static str, message: impl AsRef<str>) -> Self {
        let message = clipped(message.as_ref(), MESSAGE_BYTES_MAX).to_owned();
        Self { code, reason, message, metadata: HashMap::new(), details: Vec::new() }
    }

    pub(super) fn with(mut self, key: &str, value: &dyn Display) -> Self {
        self.metadata.insert(key.to_owned(), clipped(&value.to_string(), TEXT_BYTES_MAX).to_owned());
        self
    }

    pub(super) fn with_some<T: Display>(self, key: &str, value: Option<&T>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    pub(super) fn detail(mut self, detail: Detail) -> Self {
        self.details.push(detail);
        self
    }

    /// The report as a status whose details keep to the budget: entries are left out from the end
    /// until they do.
    pub(super) fn to_status(&self) -> tonic::Status {
        let everything = self.details.iter().map(entries).max().unwrap_or(0);
        let mut kept = everything.min(crate::api::convert::VIOLATIONS_KEPT_MAX);
        loop {
            let status = self.status_with(kept);
            if status.details().len() <= DETAILS_BYTES_MAX || kept == 0 {
                return status;
            }
            kept -= 1;
        }
    }

    pub(super) fn to_message(&self) -> tonic_types::Status {
        tonic_types::Status::decode(self.to_status().details())
            .expect("the details of a status with details are an encoded google.rpc.Status")
    }

    fn status_with(&self, kept: usize) -> tonic::Status {
        let mut metadata = self.metadata.clone();
        if self.details.iter().any(|detail| entries(detail) > kept) {
            metadata.insert(TRUNCATED.to_owned(), "true".to_owned());
        }
        let mut details = ErrorDetails::new();
        details.set_error_info(self.reason, DOMAIN, metadata);
        for detail in &self.details {
            match detail {
                Detail::Violations(violations) => {
                    details.set_bad_request(field_violations(violations, kept));
                }
                Detail::Findings(findings) => {
                    details
                        .set_precondition_failure(against(findings).take(kept).map(precondition).collect::<Vec<_>>());
                }
                Detail::Quota { subject, description } => {
                    details.set_quota_failure(vec![QuotaViolation::new(subject, description)]);
                }
                Detail::Quotas(quotas) => {
                    let violations = quotas.iter().map(|(subject, description)| {
                        QuotaViolation::new(clipped(subject, TEXT_BYTES_MAX), clipped(description, TEXT_BYTES_MAX))
                    });
                    details.set_quota_failure(violations.collect::<Vec<_>>());
                }
                Detail::Resource { kind, name, description } => {
                    details.set_resource_info(
                        kind,
                        clipped(name, TEXT_BYTES_MAX),
                        "",
                        clipped(description, TEXT_BYTES_MAX),
                    );
                }
                Detail::Retry(delay) => {
                    details.set_retry_info(Some(*delay));
                }
            }
        }
        tonic::Status::with_error_details(self.code, self.message.clone(), details)
    }
}

/// How many entries a detail has that could be left out.
fn entries(detail: &Detail) -> usize {
    match detail {
        Detail::Violations(violations) => violations.kept().len() + violations.dropped(),
        Detail::Findings(findings) => against(findings).count(),
        Detail::Quota { .. } | Detail::Quotas(_) | Detail::Resource { .. } | Detail::Retry(_) => 0,
    }
}

/// The findings that stand against a launch; the others are to be had from its record.
fn against(findings: &[Finding]) -> impl Iterator<Item = &Finding> {
    let with = |wanted: Outcome| findings.iter().filter(move |finding| finding.outcome == wanted);
    with(Outcome::Fail).chain(with(Outcome::Unknown))
}

fn precondition(finding: &Finding) -> PreconditionViolation {
    let Finding { code, outcome: _, field, observed, expected, message, remedy, ec2_error_code: _ } = finding;
    let mut description = message.clone();
    for (word, text) in [("observed", observed), ("expected", expected), ("remedy", remedy)] {
        if !text.is_empty() {
            description.push_str(&format!(" [{word}: {text}]"));
        }
    }
    PreconditionViolation::new(code.as_ref(), field, clipped(&description, TEXT_BYTES_MAX))
}

fn field_violations(violations: &Violations, kept: usize) -> Vec<FieldViolation> {
    violations
        .kept()
        .iter()
        .take(kept)
        .map(|violation| {
            let field = clipped(&violation.field, TEXT_BYTES_MAX);
            let mut entry = FieldViolation::new(field, clipped(&violation.description, TEXT_BYTES_MAX));
            violation.reason.as_str().clone_into(&mut entry.reason);
            entry
        })
        .collect()
}

/// What is wrong with a request. One kind of violation gives the error its reason; several give it
/// the general one. Where nothing is wrong but that this version cannot do it yet, the code says so.
pub(super) fn invalid(violations: &Violations) -> Report {
    let mut reasons = violations.kept().iter().map(|violation| violation.reason);
    let first = reasons.next();
    let alike = reasons.all(|reason| Some(reason) == first);
    let (code, reason) = match first {
        Some(ViolationReason::NotImplemented) if alike => (Code::Unimplemented, "NOT_IMPLEMENTED"),
        Some(reason) if alike => (Code::InvalidArgument, reason.as_str()),
        Some(_) | None => (Code::InvalidArgument, "INVALID_REQUEST"),
    };
    Report::new(code, reason, violations.to_string()).detail(Detail::Violations(violations.clone()))
}

/// The beginning of a text, cut at a character and not within one.
fn clipped(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}
