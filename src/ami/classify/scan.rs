//! What Amazon Inspector found in an image: how grave, how old the scan is, and since when there
//! have been fixes.
//!
//! Source: EC2 API Reference, `ScanResults`. An image without a result was never scanned; most are
//! not, and nothing follows from it.

use jiff::{SignedDuration, Timestamp};

use super::basis::Notes;
use super::findings;
use super::observed::{Observed, observed};
use crate::ec2::facts::{Image, ScanResult};

/// How old a scan may be before that is said: vulnerabilities become known every day.
pub const SCAN_AGE_DAYS_MAX: i64 = 30;

pub(super) fn advise(image: &Image, now: Timestamp, notes: &mut Notes) {
    let Some(result) = &image.scan_result else { return };
    let severity = result.highest_finding_severity_label.as_deref();
    if matches!(severity, Some("critical" | "high")) {
        notes.find(&findings::VULNERABILITIES_FOUND, observed(severity));
    }
    let fixes = fixes(result);
    if !fixes.is_empty() {
        notes.find(&findings::VULNERABILITY_FIX_AVAILABLE, Observed::Text(fixes.into()));
    }
    let Some(scanned) = result.finding_scan_date else { return };
    let age = now.duration_since(scanned);
    if age > SignedDuration::from_hours(24 * SCAN_AGE_DAYS_MAX) {
        let seen = format!("{scanned}, {} days ago", age.as_hours() / 24);
        notes.find(&findings::SCAN_OUTDATED, Observed::Text(seen.into()));
    }
}

/// `critical since …, high since …`, the gravest first; empty when there is no fix.
fn fixes(result: &ScanResult) -> String {
    let ScanResult {
        highest_finding_severity_label: _,
        finding_scan_date: _,
        informational_fix_available_since,
        low_fix_available_since,
        medium_fix_available_since,
        high_fix_available_since,
        critical_fix_available_since,
    } = result;
    let fixes: Vec<String> = [
        ("critical", critical_fix_available_since),
        ("high", high_fix_available_since),
        ("medium", medium_fix_available_since),
        ("low", low_fix_available_since),
        ("informational", informational_fix_available_since),
    ]
    .into_iter()
    .filter_map(|(severity, since)| since.as_ref().map(|since| format!("{severity} since {since}")))
    .collect();
    fixes.join(", ")
}
