//! How rules say what they saw and build their finding.

use crate::record::{Finding, Outcome};

/// What is written where EC2 sent nothing.
pub(super) const ABSENT: &str = "absent";

/// One rule: what it is about, before it is known how it comes out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule<'a> {
    pub(super) code: &'static str,
    pub(super) field: &'static str,
    pub(super) observed: &'a str,
}

impl Rule<'_> {
    pub(super) fn pass(self, expected: impl Into<String>, message: impl Into<String>) -> Finding {
        self.finding(Outcome::Pass, expected.into(), message.into(), String::new())
    }

    pub(super) fn warn(
        self,
        expected: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Finding {
        self.finding(Outcome::Warn, expected.into(), message.into(), remedy.into())
    }

    pub(super) fn fail(
        self,
        expected: impl Into<String>,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Finding {
        self.finding(Outcome::Fail, expected.into(), message.into(), remedy.into())
    }

    /// The fact in `field` is missing, or is a word that the rule does not know.
    pub(super) fn unknown(self, expected: impl Into<String>, message: impl Into<String>) -> Finding {
        let remedy = "Try the launch with validate_only, or choose an image and a type whose facts are complete.";
        self.finding(Outcome::Unknown, expected.into(), message.into(), remedy.to_owned())
    }

    fn finding(self, outcome: Outcome, expected: String, message: String, remedy: String) -> Finding {
        Finding {
            code: self.code.into(),
            outcome,
            field: self.field.to_owned(),
            observed: self.observed.to_owned(),
            expected,
            message,
            remedy,
        }
    }
}

/// `a or b` out of a list.
pub(super) fn any_of(words: &[String]) -> String {
    words.join(" or ")
}

/// The value, or [`ABSENT`].
pub(super) fn seen(value: Option<&str>) -> &str {
    value.unwrap_or(ABSENT)
}
