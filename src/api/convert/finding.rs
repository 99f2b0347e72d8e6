//! Findings, on their way out; the contract never takes one in.

use crate::api::pb;
use crate::record::{Finding, Outcome};

impl From<&Finding> for pb::Finding {
    fn from(finding: &Finding) -> Self {
        let Finding { code, outcome, field, observed, expected, message, remedy, ec2_error_code } = finding;
        Self {
            code: code.clone().into_owned(),
            outcome: pb::Outcome::from(*outcome).into(),
            field: field.clone(),
            observed: observed.clone(),
            expected: expected.clone(),
            message: message.clone(),
            remedy: remedy.clone(),
            ec2_error_code: ec2_error_code.as_deref().unwrap_or_default().to_owned(),
        }
    }
}

impl From<Outcome> for pb::Outcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Pass => Self::Pass,
            Outcome::Warn => Self::Warn,
            Outcome::Unknown => Self::Unknown,
            Outcome::Fail => Self::Fail,
        }
    }
}
