//! What is billed beside the instance, from EC2's billing platform and operation.
//!
//! Source: EC2 User Guide, "AMI billing information fields" (2026-04), which calls its list "some
//! of" the values. A code that is not in it is passed on as it is and not taken apart, although it
//! looks positional.

use std::borrow::Cow;

use serde::Serialize;

use super::basis::{ABSENT, Conclusion, Note, Notes, observed};
use super::os::is_windows_platform;
use crate::ec2::facts::Image;
use crate::record::Outcome;

/// What EC2 bills for the software on an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Licensing {
    /// EC2's platform details; empty when it gives none.
    pub platform_details: String,
    /// EC2's usage operation; empty when it gives none.
    pub usage_operation: String,
    /// What they mean, in one sentence.
    pub meaning: &'static str,
    /// Whether software is billed with the instance. None where the facts do not tell.
    pub billed: Option<bool>,
}

/// One documented usage operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageOperation {
    /// The code: `RunInstances:0010`.
    pub code: &'static str,
    /// EC2's platform details that go with it.
    pub platform_details: &'static str,
    /// What it means, in one sentence.
    pub meaning: &'static str,
    /// Whether software is billed with the instance.
    pub billed: bool,
}

const fn operation(
    code: &'static str,
    platform_details: &'static str,
    billed: bool,
    meaning: &'static str,
) -> UsageOperation {
    UsageOperation { code, platform_details, meaning, billed }
}

/// The documented usage operations.
pub const USAGE_OPERATIONS: [UsageOperation; 19] = [
    operation("RunInstances", "Linux/UNIX", false, "No software is billed with the instance."),
    operation(
        "RunInstances:00g0",
        "Red Hat BYOL Linux",
        false,
        "Red Hat Enterprise Linux under a subscription of yours; EC2 bills it as plain Linux.",
    ),
    operation("RunInstances:0010", "Red Hat Enterprise Linux", true, "Red Hat Enterprise Linux is billed."),
    operation(
        "RunInstances:1010",
        "Red Hat Enterprise Linux with HA",
        true,
        "Red Hat Enterprise Linux with the High Availability add-on is billed.",
    ),
    operation(
        "RunInstances:1014",
        "Red Hat Enterprise Linux with SQL Server Standard and HA",
        true,
        "Red Hat Enterprise Linux with High Availability, and SQL Server Standard, are billed.",
    ),
    operation(
        "RunInstances:1110",
        "Red Hat Enterprise Linux with SQL Server Enterprise and HA",
        true,
        "Red Hat Enterprise Linux with High Availability, and SQL Server Enterprise, are billed.",
    ),
    operation(
        "RunInstances:0014",
        "Red Hat Enterprise Linux with SQL Server Standard",
        true,
        "Red Hat Enterprise Linux and SQL Server Standard are billed.",
    ),
    operation(
        "RunInstances:0210",
        "Red Hat Enterprise Linux with SQL Server Web",
        true,
        "Red Hat Enterprise Linux and SQL Server Web are billed.",
    ),
    operation(
        "RunInstances:0110",
        "Red Hat Enterprise Linux with SQL Server Enterprise",
        true,
        "Red Hat Enterprise Linux and SQL Server Enterprise are billed.",
    ),
    operation("RunInstances:0100", "SQL Server Enterprise", true, "SQL Server Enterprise on Linux is billed."),
    operation("RunInstances:0004", "SQL Server Standard", true, "SQL Server Standard on Linux is billed."),
    operation("RunInstances:0200", "SQL Server Web", true, "SQL Server Web on Linux is billed."),
    operation("RunInstances:000g", "SUSE Linux", true, "SUSE Linux Enterprise Server is billed."),
    operation("RunInstances:0g00", "Ubuntu Pro", true, "Ubuntu Pro is billed."),
    operation("RunInstances:0002", "Windows", true, "Windows Server is billed."),
    operation("RunInstances:0800", "Windows BYOL", false, "Windows under a licence of yours; no software is billed."),
    operation(
        "RunInstances:0102",
        "Windows with SQL Server Enterprise",
        true,
        "Windows Server and SQL Server Enterprise are billed.",
    ),
    operation(
        "RunInstances:0006",
        "Windows with SQL Server Standard",
        true,
        "Windows Server and SQL Server Standard are billed.",
    ),
    operation(
        "RunInstances:0202",
        "Windows with SQL Server Web",
        true,
        "Windows Server and SQL Server Web are billed.",
    ),
];

const OPERATION: &str = "image.usage_operation";
const DETAILS: &str = "image.platform_details";

pub(super) fn conclude(image: &Image, notes: &mut Notes) -> Licensing {
    let operation = image.usage_operation.as_deref();
    let details = image.platform_details.as_deref();
    let documented = USAGE_OPERATIONS.iter().find(|known| Some(known.code) == operation).or_else(|| {
        // Where only the words are there, they say the same.
        USAGE_OPERATIONS.iter().find(|known| operation.is_none() && Some(known.platform_details) == details)
    });
    let (field, seen) = match operation {
        Some(_) => (OPERATION, observed(operation)),
        None => (DETAILS, observed(details)),
    };
    let (meaning, billed) = match documented {
        Some(known) => {
            notes.known(Conclusion::Licensing, field, seen.clone(), known.meaning);
            (known.meaning, Some(known.billed))
        }
        None if seen == ABSENT => {
            let meaning = "EC2 gives no billing code for this image.";
            notes.unknown(Conclusion::Licensing, field, seen.clone(), meaning);
            (meaning, None)
        }
        None => {
            let meaning = "EC2 gives a billing code whose meaning is not documented.";
            notes.unknown(Conclusion::Licensing, field, seen.clone(), meaning);
            (meaning, None)
        }
    };
    if billed == Some(true) {
        notes.find(Note {
            code: "LICENCE_BILLED",
            outcome: Outcome::Warn,
            field,
            observed: seen,
            expected: "",
            message: Cow::Borrowed(meaning),
            remedy: "Count it into the price of an instance hour, or bring a licence of your own where that is allowed.",
        });
    }
    subscription(image, notes);
    lost_billing_code(image, notes);
    Licensing {
        platform_details: details.unwrap_or_default().to_owned(),
        usage_operation: operation.unwrap_or_default().to_owned(),
        meaning,
        billed,
    }
}

fn subscription(image: &Image, notes: &mut Notes) {
    let codes: Vec<&str> = image
        .product_codes
        .iter()
        .filter(|code| code.kind.as_deref() == Some("marketplace"))
        .map(|code| code.id.as_deref().unwrap_or(ABSENT))
        .collect();
    if !codes.is_empty() {
        notes.find(Note {
            code: "MARKETPLACE_SUBSCRIPTION",
            outcome: Outcome::Warn,
            field: "image.product_codes",
            observed: codes.join(", ").into(),
            expected: "",
            message: "It carries an AWS Marketplace product code. Without a subscription of this account EC2 refuses \
                      the launch with OptInRequired."
                .into(),
            remedy: "Subscribe to the product in AWS Marketplace once for the account.",
        });
    }
}

/// An image registered from a snapshot may lose its billing code (API Reference, RegisterImage).
fn lost_billing_code(image: &Image, notes: &mut Notes) {
    let details = image.platform_details.as_deref();
    if is_windows_platform(image) && details.is_some_and(|details| !details.starts_with("Windows")) {
        notes.find(Note {
            code: "BILLING_CODE_MISMATCH",
            outcome: Outcome::Warn,
            field: DETAILS,
            observed: observed(details),
            expected: "Windows …",
            message: "The platform is Windows and the billing platform is not: the billing code was lost, and \
                      licensed software on it may not activate."
                .into(),
            remedy: "Make the image from a running instance with CreateImage, not by registering a snapshot.",
        });
    }
}
