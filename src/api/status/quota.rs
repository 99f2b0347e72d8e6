//! What is told to a caller whose launch would go beyond quotas.

use std::time::Duration;

use tonic::Code;

use super::details::{Detail, Report};
use crate::ids::LaunchId;
use crate::launch::{Excess, Whose};
use crate::record::Finding;

/// Each quota is a violation of its own. When to ask again is said where it is known: it is not where room depends on
/// instances that end.
pub(super) fn report(
    message: String,
    launch_id: Option<LaunchId>,
    findings: &[Finding],
    excesses: &[Excess],
    retry_delay: Option<Duration>,
) -> Report {
    let ours: Vec<&Finding> = findings.iter().filter(|finding| finding.code == "LAUNCH_QUOTA_EXCEEDED").collect();
    let violations = excesses.iter().zip(&ours).map(|(excess, finding)| (subject(excess), finding.message.clone()));
    let report = Report::new(Code::ResourceExhausted, "LAUNCH_QUOTA_EXCEEDED", message)
        .with_some("launch_id", launch_id.as_ref())
        .detail(Detail::Quotas(violations.collect()));
    match retry_delay {
        Some(delay) => report.detail(Detail::Retry(delay)),
        None => report,
    }
}

/// `principal:NAME/launches_per_hour`, or `total/...`.
fn subject(excess: &Excess) -> String {
    let quota = excess.quota.as_str();
    match &excess.whose {
        Whose::Principal(principal) => format!("principal:{principal}/{quota}"),
        Whose::Total => format!("total/{quota}"),
    }
}
