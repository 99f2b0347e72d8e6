//! Security scans: how grave, how old, and how long there have been fixes.

use jiff::Timestamp;

use super::{Fit, within};
use crate::ec2::facts::{ScanResult, ScanResultCriterion};

/// From the mildest to the gravest.
const SEVERITIES: [&str; 5] = ["informational", "low", "medium", "high", "critical"];

/// Each part of the criterion that is set. An image that was never scanned does not meet it.
pub(super) fn judge(result: Option<&ScanResult>, wanted: &ScanResultCriterion, now: Timestamp) -> Vec<Fit> {
    let Some(result) = result else { return vec![Fit::Unmet("it was never scanned".to_owned())] };
    let ScanResultCriterion {
        maximum_severity_label,
        max_days_since_last_finding_scan,
        max_days_since_informational_fix_available,
        max_days_since_low_fix_available,
        max_days_since_medium_fix_available,
        max_days_since_high_fix_available,
        max_days_since_critical_fix_available,
    } = wanted;
    let mut fits = Vec::new();
    if let Some(worst) = maximum_severity_label {
        fits.push(severity(result.highest_finding_severity_label.as_deref(), worst));
    }
    if let Some(days) = *max_days_since_last_finding_scan {
        fits.push(within("image.scan_result.finding_scan_date", result.finding_scan_date, days, now));
    }
    let fixes = [
        ("informational", result.informational_fix_available_since, max_days_since_informational_fix_available),
        ("low", result.low_fix_available_since, max_days_since_low_fix_available),
        ("medium", result.medium_fix_available_since, max_days_since_medium_fix_available),
        ("high", result.high_fix_available_since, max_days_since_high_fix_available),
        ("critical", result.critical_fix_available_since, max_days_since_critical_fix_available),
    ];
    for (severity, since, days) in fixes {
        // No time means that there is no fix to be late with.
        if let (Some(since), Some(days)) = (since, *days) {
            let field = format!("image.scan_result.{severity}_fix_available_since");
            fits.push(within(&field, Some(since), days, now));
        }
    }
    fits
}

/// Findings count whether or not they can be fixed; no finding at all is better than any.
fn severity(highest: Option<&str>, worst: &str) -> Fit {
    let Some(highest) = highest else { return Fit::Met };
    let place = |label: &str| SEVERITIES.iter().position(|known| *known == label);
    match (place(highest), place(worst)) {
        (Some(highest), Some(worst)) if highest <= worst => Fit::Met,
        (Some(_), Some(_)) => Fit::Unmet(format!("its findings are {highest}, worse than {worst}")),
        (None, _) => Fit::Unknown(format!("the severity {highest} is not known here")),
        (_, None) => Fit::Unknown(format!("the severity {worst} of the criterion is not known here")),
    }
}
