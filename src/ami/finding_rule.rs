//! What stands behind a finding's code: a table entry with everything that does not vary.
//!
//! A judgment notes which rule it met and what it saw; the words come from here, so one code
//! cannot say two things, and `docs/findings.md` is written from the same table. What is
//! deliberately not here: when a rule applies, which is code beside the facts it looks at.

use std::borrow::Cow;

use crate::record::{Finding, Outcome};

/// One finding code and what it means.
#[derive(Debug, PartialEq, Eq)]
pub struct FindingRule {
    /// UPPER_SNAKE, stable for ever: it is in logs.
    pub code: &'static str,
    /// How grave it is.
    pub outcome: Outcome,
    /// The field that is judged, in the contract's names.
    pub field: &'static str,
    /// What the rule wants there; empty where there is no one right value.
    pub expected: &'static str,
    /// What it means, for people.
    pub means: &'static str,
    /// What to do.
    pub remedy: &'static str,
    /// Where it is documented, as a page's title; for the page of findings only.
    pub source: &'static str,
}

impl FindingRule {
    /// The finding, once it is known what was seen.
    pub fn finding(&self, observed: impl Into<String>) -> Finding {
        Finding {
            code: Cow::Borrowed(self.code),
            outcome: self.outcome,
            field: self.field.to_owned(),
            observed: observed.into(),
            expected: self.expected.to_owned(),
            message: self.means.to_owned(),
            remedy: self.remedy.to_owned(),
            ec2_error_code: None,
        }
    }
}

/// Rules that belong together, as a chapter of the page of findings.
#[derive(Debug)]
pub struct FindingGroup {
    /// The chapter's title.
    pub title: &'static str,
    /// A sentence or two under it.
    pub about: &'static str,
    /// The rules, in the order of the page.
    pub rules: &'static [&'static FindingRule],
}
