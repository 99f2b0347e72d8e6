//! Findings about what an image costs beside the instance.

use crate::ami::finding_rule::{FindingGroup, FindingRule};
use crate::record::Outcome;

pub(super) const GROUP: FindingGroup = FindingGroup {
    title: "What it costs",
    about: "Prices differ by Region, type and contract and are not given here; that something is billed is.",
    rules: &[&LICENCE_BILLED, &BILLING_CODE_MISMATCH, &ROOT_KEPT_AFTER_TERMINATE],
};

pub(in crate::ami::classify) static LICENCE_BILLED: FindingRule = FindingRule {
    code: "LICENCE_BILLED",
    outcome: Outcome::Warn,
    field: "image.usage_operation",
    expected: "",
    means: "EC2 bills the software on it with each hour of an instance.",
    remedy: "Count it into the price of an instance hour, or bring a licence of your own where that is allowed.",
    source: "EC2 User Guide, AMI billing information fields",
};

pub(in crate::ami::classify) static BILLING_CODE_MISMATCH: FindingRule = FindingRule {
    code: "BILLING_CODE_MISMATCH",
    outcome: Outcome::Warn,
    field: "image.platform_details",
    expected: "Windows …",
    means: "The platform is Windows and the billing platform is not: the billing code was lost, and licensed \
            software on it may not activate.",
    remedy: "Make the image from a running instance with CreateImage, not by registering a snapshot.",
    source: "EC2 API Reference, RegisterImage",
};

pub(in crate::ami::classify) static ROOT_KEPT_AFTER_TERMINATE: FindingRule = FindingRule {
    code: "ROOT_KEPT_AFTER_TERMINATE",
    outcome: Outcome::Warn,
    field: "image.block_device_mappings.ebs.delete_on_termination",
    expected: "true",
    means: "The root volume stays after the instance is terminated, and is billed until somebody deletes it.",
    remedy: "Set delete_on_termination for the root device at launch, unless the data is wanted.",
    source: "EC2 User Guide, Keep an Amazon EBS root volume after an Amazon EC2 instance terminates",
};
