//! What is told to a caller whose call policy denies.

use std::borrow::Cow;

use tonic::Code;

use super::details::{Detail, Report};
use crate::policy::Denial;
use crate::record::{Finding, Outcome};

/// The reason of the first policy that denies.
pub(super) fn first_reason(denials: &[Denial]) -> &str {
    denials.first().map_or("see the policy", |denial| &denial.reason)
}

pub(super) fn report(message: String, method: &str, denials: &[Denial]) -> Report {
    let ids: Vec<&str> = denials.iter().map(|denial| denial.policy_id.as_str()).collect();
    Report::new(Code::PermissionDenied, "POLICY_DENIED", message)
        .with("method", &method)
        .with("policy_ids", &ids.join(","))
        .detail(Detail::Findings(denials.iter().map(finding).collect()))
}

fn finding(denial: &Denial) -> Finding {
    let Denial { policy_id, reason, remedy } = denial;
    Finding {
        code: Cow::Borrowed("POLICY_DENIED"),
        outcome: Outcome::Fail,
        field: "policy".to_owned(),
        observed: policy_id.clone(),
        expected: String::new(),
        message: reason.clone(),
        remedy: remedy.clone(),
        ec2_error_code: None,
    }
}
