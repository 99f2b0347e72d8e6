//! What is billed beside the instance, from EC2's billing platform and operation.
//!
//! Source: EC2 User Guide, "AMI billing information fields" (2026-04), which calls its list "some
//! of" the values. A code that is not in it is passed on as it is and not taken apart, although it
//! looks positional.

use serde::Serialize;

use super::basis::{Conclusion, Ground, Notes, unknown};
use super::findings;
use super::observed::{ABSENT, Observed, fixed, observed};
use super::os::is_windows_platform;
use super::text::Text;
use crate::ec2::facts::Image;

/// What EC2 bills for the software on an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Licensing {
    /// EC2's platform details; empty when it gives none.
    pub platform_details: Text,
    /// EC2's usage operation; empty when it gives none.
    pub usage_operation: Text,
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
    /// Code and meaning.
    seen: &'static str,
}

macro_rules! operation {
    ($code:literal, $platform_details:literal, $billed:literal, $meaning:literal $(,)?) => {
        UsageOperation {
            code: $code,
            platform_details: $platform_details,
            meaning: $meaning,
            billed: $billed,
            seen: concat!($code, ": ", $meaning),
        }
    };
}

/// The documented usage operations.
pub const USAGE_OPERATIONS: [UsageOperation; 19] = [
    operation!("RunInstances", "Linux/UNIX", false, "No software is billed with the instance."),
    operation!(
        "RunInstances:00g0",
        "Red Hat BYOL Linux",
        false,
        "Red Hat Enterprise Linux under a subscription of yours; EC2 bills it as plain Linux.",
    ),
    operation!("RunInstances:0010", "Red Hat Enterprise Linux", true, "Red Hat Enterprise Linux is billed."),
    operation!(
        "RunInstances:1010",
        "Red Hat Enterprise Linux with HA",
        true,
        "Red Hat Enterprise Linux with the High Availability add-on is billed.",
    ),
    operation!(
        "RunInstances:1014",
        "Red Hat Enterprise Linux with SQL Server Standard and HA",
        true,
        "Red Hat Enterprise Linux with High Availability, and SQL Server Standard, are billed.",
    ),
    operation!(
        "RunInstances:1110",
        "Red Hat Enterprise Linux with SQL Server Enterprise and HA",
        true,
        "Red Hat Enterprise Linux with High Availability, and SQL Server Enterprise, are billed.",
    ),
    operation!(
        "RunInstances:0014",
        "Red Hat Enterprise Linux with SQL Server Standard",
        true,
        "Red Hat Enterprise Linux and SQL Server Standard are billed.",
    ),
    operation!(
        "RunInstances:0210",
        "Red Hat Enterprise Linux with SQL Server Web",
        true,
        "Red Hat Enterprise Linux and SQL Server Web are billed.",
    ),
    operation!(
        "RunInstances:0110",
        "Red Hat Enterprise Linux with SQL Server Enterprise",
        true,
        "Red Hat Enterprise Linux and SQL Server Enterprise are billed.",
    ),
    operation!("RunInstances:0100", "SQL Server Enterprise", true, "SQL Server Enterprise on Linux is billed."),
    operation!("RunInstances:0004", "SQL Server Standard", true, "SQL Server Standard on Linux is billed."),
    operation!("RunInstances:0200", "SQL Server Web", true, "SQL Server Web on Linux is billed."),
    operation!("RunInstances:000g", "SUSE Linux", true, "SUSE Linux Enterprise Server is billed."),
    operation!("RunInstances:0g00", "Ubuntu Pro", true, "Ubuntu Pro is billed."),
    operation!("RunInstances:0002", "Windows", true, "Windows Server is billed."),
    operation!("RunInstances:0800", "Windows BYOL", false, "Windows under a licence of yours; no software is billed."),
    operation!(
        "RunInstances:0102",
        "Windows with SQL Server Enterprise",
        true,
        "Windows Server and SQL Server Enterprise are billed.",
    ),
    operation!(
        "RunInstances:0006",
        "Windows with SQL Server Standard",
        true,
        "Windows Server and SQL Server Standard are billed.",
    ),
    operation!(
        "RunInstances:0202",
        "Windows with SQL Server Web",
        true,
        "Windows Server and SQL Server Web are billed.",
    ),
];

/// An operation with what a basis says of it, whichever field it was read from.
#[derive(Clone, Copy)]
struct Documented {
    operation: UsageOperation,
    by_code: Ground,
    by_details: Ground,
}

const fn document(operation: UsageOperation) -> Documented {
    const fn ground(field: &'static str, meaning: &'static str) -> Ground {
        Ground { conclusion: Conclusion::Licensing, field, meaning, known: true }
    }
    Documented {
        operation,
        by_code: ground(OPERATION, operation.meaning),
        by_details: ground(DETAILS, operation.meaning),
    }
}

static DOCUMENTED: [Documented; USAGE_OPERATIONS.len()] = {
    let mut all = [document(USAGE_OPERATIONS[0]); USAGE_OPERATIONS.len()];
    let mut at = 1;
    while at < all.len() {
        all[at] = document(USAGE_OPERATIONS[at]);
        at += 1;
    }
    all
};

const OPERATION: &str = "image.usage_operation";
const DETAILS: &str = "image.platform_details";
const UNDOCUMENTED: &str = "EC2 gives a billing code whose meaning is not documented.";
const NOT_GIVEN: &str = "EC2 gives no billing code for this image.";

pub(super) fn conclude(image: &Image, notes: &mut Notes) -> Licensing {
    let operation = image.usage_operation.as_deref();
    let details = image.platform_details.as_deref();
    let documented = match (operation, details) {
        (Some(code), _) => DOCUMENTED.iter().find(|known| known.operation.code == code),
        // Where only the words are there, they say the same.
        (None, Some(details)) => DOCUMENTED.iter().find(|known| known.operation.platform_details == details),
        (None, None) => None,
    };
    let (meaning, billed) = match (documented, operation) {
        (Some(Documented { operation: known, by_code, .. }), Some(_)) => {
            notes.conclude(by_code, fixed(known.code));
            (known.meaning, Some(known.billed))
        }
        (Some(Documented { operation: known, by_details, .. }), None) => {
            notes.conclude(by_details, fixed(known.platform_details));
            (known.meaning, Some(known.billed))
        }
        (None, Some(code)) => {
            unknown!(notes, Licensing, OPERATION, observed(Some(code)), UNDOCUMENTED);
            (UNDOCUMENTED, None)
        }
        (None, None) if details.is_some() => {
            unknown!(notes, Licensing, DETAILS, observed(details), UNDOCUMENTED);
            (UNDOCUMENTED, None)
        }
        (None, None) => {
            unknown!(notes, Licensing, DETAILS, observed(None), NOT_GIVEN);
            (NOT_GIVEN, None)
        }
    };
    let known = documented.map(|documented| documented.operation);
    if let Some(billed) = known.filter(|known| known.billed) {
        notes.find(&findings::LICENCE_BILLED, fixed(billed.seen));
    }
    subscription(image, notes);
    lost_billing_code(image, notes);
    Licensing {
        platform_details: words(details, known.map(|known| known.platform_details)),
        usage_operation: words(operation, known.map(|known| known.code)),
        meaning,
        billed,
    }
}

/// EC2's words, without a copy where they are the documented ones.
fn words(value: Option<&str>, documented: Option<&'static str>) -> Text {
    match (value, documented) {
        (None, _) => Text::fixed(""),
        (Some(value), Some(documented)) if value == documented => Text::fixed(documented),
        (Some(value), _) => Text::new(value),
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
        notes.find(&findings::MARKETPLACE_SUBSCRIPTION, Observed::Text(codes.join(", ").into()));
    }
}

/// An image registered from a snapshot may lose its billing code (API Reference, RegisterImage).
fn lost_billing_code(image: &Image, notes: &mut Notes) {
    let details = image.platform_details.as_deref();
    if is_windows_platform(image) && !details.is_some_and(|details| details.starts_with("Windows")) {
        notes.find(&findings::BILLING_CODE_MISMATCH, observed(details));
    }
}
