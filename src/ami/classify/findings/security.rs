//! Findings about what is known to be unsafe.

use crate::ami::finding_rule::{FindingGroup, FindingRule};
use crate::record::Outcome;

pub(super) const GROUP: FindingGroup = FindingGroup {
    title: "Security",
    about: "Scan results are of Amazon Inspector; an image without any was never scanned, which is no finding, \
            because most are not.",
    rules: &[&IMDSV1_ALLOWED, &VULNERABILITIES_FOUND, &VULNERABILITY_FIX_AVAILABLE, &SCAN_OUTDATED],
};

pub(in crate::ami::classify) static IMDSV1_ALLOWED: FindingRule = FindingRule {
    code: "IMDSV1_ALLOWED",
    outcome: Outcome::Warn,
    field: "image.imds_support",
    expected: "v2.0",
    means: "The image does not ask for IMDSv2, so instances allow the older metadata service, which a forged \
            request can read, unless the launch or the account requires IMDSv2.",
    remedy: "Require IMDSv2 at launch, which Gantry does by default, or set imds-support v2.0 on the image.",
    source: "EC2 User Guide, Configure instance metadata options for new instances",
};

pub(in crate::ami::classify) static VULNERABILITIES_FOUND: FindingRule = FindingRule {
    code: "VULNERABILITIES_FOUND",
    outcome: Outcome::Warn,
    field: "image.scan_result.highest_finding_severity_label",
    expected: "medium or less",
    means: "Amazon Inspector found severe vulnerabilities in it.",
    remedy: "Use an image with the fixes, or update the system at first boot.",
    source: "EC2 API Reference, ScanResults",
};

pub(in crate::ami::classify) static VULNERABILITY_FIX_AVAILABLE: FindingRule = FindingRule {
    code: "VULNERABILITY_FIX_AVAILABLE",
    outcome: Outcome::Warn,
    field: "image.scan_result",
    expected: "no fix that is not on the image",
    means: "There are fixes for vulnerabilities that the scan found in it, since the times given.",
    remedy: "Use a newer image with the fixes, or update the system at first boot.",
    source: "EC2 API Reference, ScanResults",
};

pub(in crate::ami::classify) static SCAN_OUTDATED: FindingRule = FindingRule {
    code: "SCAN_OUTDATED",
    outcome: Outcome::Warn,
    field: "image.scan_result.finding_scan_date",
    expected: "a scan of the last 30 days",
    means: "Its last security scan is more than 30 days old, so that it says nothing about what has become known \
            since.",
    remedy: "Have it scanned again, or use a newer image.",
    source: "EC2 API Reference, ScanResults",
};
