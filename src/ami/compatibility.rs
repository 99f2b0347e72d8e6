//! Whether an instance type can boot an AMI, judged from facts before anything is launched.
//!
//! EC2 answers such mismatches under four different codes that also carry unrelated problems, so
//! they are found here and not there. All rules run; each is a small function that yields one
//! finding. A missing fact makes a rule UNKNOWN and names the field, with one exception: an absent
//! `ena_support` is EC2's `false`. What is deliberately not judged: capacity, quota, where a type
//! is offered, permissions, and whether the operating system has the drivers.
//!
//! Source: EC2 API Reference, `Image` and `InstanceTypeInfo`; EC2 User Guide, "Compatibility for
//! changing the instance type", "Boot modes", "NitroTPM", "Hibernate" (2026-04).

mod boot;
mod hardware;
mod hibernation;
mod image_state;
mod request;
mod type_list;
mod words;

use serde::{Deserialize, Serialize};

use crate::ec2::facts::{Image, InstanceTypeFacts};
use crate::record::{Finding, Outcome};

/// What is wanted beside a mere boot. What is `None` or false is not judged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Wish {
    /// `on-demand`, `spot` or `capacity-block`; another word is judged like these.
    pub market: Option<String>,
    /// `default`, `dedicated` or `host`.
    pub tenancy: Option<String>,
    /// Whether the instance must be able to hibernate.
    pub hibernation: bool,
    /// Whether it must be able to run Nitro Enclaves.
    pub enclave: bool,
}

/// Whether an instance type can boot an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// No rule stands in the way.
    Compatible,
    /// At least one rule fails.
    Incompatible,
    /// No rule fails, and for at least one the facts are missing.
    Unknown,
}

/// Every rule that applies, PASS included, in a fixed order.
pub fn check_compatibility(image: &Image, type_facts: &InstanceTypeFacts, wish: &Wish) -> Vec<Finding> {
    const RULES: [fn(&Image, &InstanceTypeFacts) -> Finding; 9] = [
        |image, _| image_state::state(image),
        |image, _| image_state::image_type(image),
        hardware::architecture,
        hardware::virtualization,
        hardware::root_device,
        boot::boot_mode,
        hardware::ena,
        boot::nitro_tpm,
        type_list::instance_type_specification,
    ];
    let mut findings: Vec<Finding> = RULES.iter().map(|rule| rule(image, type_facts)).collect();
    findings.extend(request::market(type_facts, wish));
    findings.extend(request::tenancy(type_facts, wish));
    findings.extend(hibernation::hibernation(image, type_facts, wish));
    findings.extend(request::enclave(type_facts, wish));
    findings
}

/// The verdict that follows from findings: FAIL outweighs UNKNOWN, which outweighs the rest.
pub fn verdict(findings: &[Finding]) -> Verdict {
    if findings.iter().any(|finding| finding.outcome == Outcome::Fail) {
        Verdict::Incompatible
    } else if findings.iter().any(|finding| finding.outcome == Outcome::Unknown) {
        Verdict::Unknown
    } else {
        Verdict::Compatible
    }
}

/// Whether every rule holds for a plain boot, on facts that are all there.
pub fn can_boot(image: &Image, type_facts: &InstanceTypeFacts) -> bool {
    verdict(&check_compatibility(image, type_facts, &Wish::default())) == Verdict::Compatible
}

#[cfg(test)]
pub(super) mod tests;
