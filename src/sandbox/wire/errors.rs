//! EC2's errors as they travel: a code, a message for people and an HTTP status.
//!
//! Codes and statuses follow "Error codes for the Amazon EC2 API". Which rule was broken is the
//! business of the actions; this file only knows how an error looks on the wire.

use std::borrow::Cow;

use super::denial::Denial;
use super::xml::Xml;

/// An error answer. Client errors are 400 unless EC2 is known to answer otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ec2Error {
    pub(crate) status: u16,
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
}

impl Ec2Error {
    /// An error with a status of its own.
    pub(crate) fn with_status(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status, code: code.into(), message: message.into() }
    }

    /// A client error, HTTP 400.
    pub(crate) fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::with_status(400, code, message)
    }

    /// `MissingParameter`, in EC2's words.
    pub(crate) fn missing(parameter: &str) -> Self {
        Self::new("MissingParameter", format!("The request must contain the parameter {parameter}"))
    }

    /// `InvalidParameterValue` for one parameter, in EC2's words.
    pub(crate) fn invalid(parameter: &str, value: &str, why: &str) -> Self {
        let shown: String = value.chars().take(SHOWN_CHARS_MAX).collect();
        Self::new("InvalidParameterValue", format!("Value ({shown}) for parameter {parameter} is invalid. {why}"))
    }

    /// `InvalidParameterCombination`.
    pub(crate) fn combination(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterCombination", message)
    }

    /// `UnauthorizedOperation`, which a dry run answers too, with the reasons encoded for whoever may
    /// read them. `seed` is the sandbox's.
    pub(crate) fn unauthorized(denial: &Denial<'_>, seed: u64) -> Self {
        let message = format!(
            "You are not authorized to perform this operation. User: {} is not authorized to perform: ec2:{} on \
             resource: {} with an explicit deny in an identity-based policy. Encoded authorization failure message: {}",
            denial.caller.arn(),
            denial.action,
            denial.resource,
            denial.encode(seed)
        );
        Self::with_status(403, "UnauthorizedOperation", message)
    }

    /// What a dry run that would have worked answers (EC2 API Reference, "Dry run").
    pub(crate) fn dry_run() -> Self {
        Self::with_status(412, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
    }

    /// What EC2 has and the sandbox has not.
    pub(crate) fn not_served(what: &str) -> Self {
        Self::new("UnsupportedOperation", format!("The sandbox does not serve {what}"))
    }

    /// A client token that was used before with other parameters.
    pub(crate) fn idempotent_mismatch() -> Self {
        Self::new(
            "IdempotentParameterMismatch",
            "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
        )
    }

    /// A failure of the sandbox itself, worded as EC2 words its own.
    pub(crate) fn internal() -> Self {
        Self::with_status(500, "InternalError", "An internal error has occurred")
    }

    /// The answer of EC2: `Response/Errors/Error` and `RequestID`.
    pub(crate) fn ec2_body(&self, request_id: &str) -> String {
        let mut xml = Xml::document();
        xml.element("Response", |xml| {
            xml.element("Errors", |xml| {
                xml.element("Error", |xml| {
                    xml.text("Code", &self.code);
                    xml.text("Message", &self.message);
                });
            });
            xml.text("RequestID", request_id);
        });
        xml.finish()
    }

    /// The answer of STS, whose errors have another root and a type.
    pub(crate) fn sts_body(&self, request_id: &str) -> String {
        let mut xml = Xml::document();
        xml.element_in("ErrorResponse", "https://sts.amazonaws.com/doc/2011-06-15/", |xml| {
            xml.element("Error", |xml| {
                xml.text("Type", if self.status < 500 { "Sender" } else { "Receiver" });
                xml.text("Code", &self.code);
                xml.text("Message", &self.message);
            });
            xml.text("RequestId", request_id);
        });
        xml.finish()
    }
}

/// How much of a wrong value an error message repeats.
const SHOWN_CHARS_MAX: usize = 256;
