//! Whether an instance type can boot an AMI, judged from facts before anything is launched.
//!
//! EC2 answers such mismatches under four different codes that also carry unrelated problems, so
//! they are found here and not there. All rules run; each is a small function that yields one
//! finding, or only its outcome where that is all that is wanted. A missing fact makes a rule
//! UNKNOWN and names the field, with one exception: an absent `ena_support` is EC2's `false`. What
//! is deliberately not judged: capacity, quota, permissions, subscriptions, whether the operating
//! system has the drivers, and what a Local or Wavelength Zone lacks (UEFI and NitroTPM), because a
//! zone's name does not tell its kind.
//!
//! Source: EC2 API Reference, `Image` and `InstanceTypeInfo`; EC2 User Guide, "Compatibility for
//! changing the instance type", "Boot modes", "NitroTPM", "Hibernate" (2026-04).

mod answer;
mod boot;
mod boot_facts;
mod boot_key;
mod both_ways;
mod hardware;
mod hibernation;
mod image_state;
mod offered;
mod request;
mod rule_doc;
mod storage;
mod type_list;

use std::ops::ControlFlow;

use serde::{Deserialize, Serialize};

use crate::ec2::facts::{Image, InstanceTypeFacts};
use crate::record::{Finding, Outcome};

pub use boot_key::{BootKey, boot_key};
pub use both_ways::{can_boot, types_for};
pub use offered::{Offered, Offerings};
pub use rule_doc::{RULES, RuleDoc};
pub use type_list::allows_type;

use answer::Answer;
use boot_facts::BootFacts;
use storage::Attachments;

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
    /// Where the Region's types are offered.
    pub offered: Offered,
    /// The zone to launch in, by name; `None` for any of the Region.
    pub availability_zone: Option<String>,
    /// How many EBS volumes the launch has, where it changes the image's mappings.
    pub ebs_volumes: Option<usize>,
    /// How many network interfaces it has, the primary one included; `None` counts as one.
    pub network_interfaces: Option<usize>,
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
    let mut findings = Vec::with_capacity(FINDINGS_USUAL);
    let _all = rules(image, type_facts, wish, &mut |finding: Finding| {
        findings.push(finding);
        ControlFlow::Continue(())
    });
    findings
}

/// As many findings as a question without wishes brings.
const FINDINGS_USUAL: usize = 12;

/// The verdict that [`check_compatibility`]'s findings lead to, without making them: the same rules
/// with their outcomes alone, up to the first that fails.
pub fn judge(image: &Image, type_facts: &InstanceTypeFacts, wish: &Wish) -> Verdict {
    conclude(|visit| rules(image, type_facts, wish, visit))
}

/// The verdict that follows from findings: FAIL outweighs UNKNOWN, which outweighs the rest.
pub fn verdict(findings: &[Finding]) -> Verdict {
    conclude(|visit| findings.iter().map(Answer::outcome).try_for_each(visit))
}

/// The verdict of a plain boot: nothing is wanted beside it.
fn plain_verdict(image: &BootFacts<'_>, type_facts: &InstanceTypeFacts) -> Verdict {
    let attachments = Attachments { volumes: image.mappings.ebs_volumes, interfaces: 1 };
    conclude(|visit| plain_rules(image, attachments, type_facts, visit))
}

/// The verdict of the outcomes that `run` visits, until one settles it.
fn conclude(run: impl FnOnce(&mut dyn FnMut(Outcome) -> ControlFlow<()>) -> ControlFlow<()>) -> Verdict {
    let mut verdict = Verdict::Compatible;
    let _settled = run(&mut |outcome| {
        match outcome {
            Outcome::Fail => {
                verdict = Verdict::Incompatible;
                return ControlFlow::Break(());
            }
            Outcome::Unknown => verdict = Verdict::Unknown,
            Outcome::Pass | Outcome::Warn => {}
        }
        ControlFlow::Continue(())
    });
    verdict
}

/// The rules that every boot has to meet.
fn plain_rules<A: Answer>(
    image: &BootFacts<'_>,
    attachments: Attachments,
    type_facts: &InstanceTypeFacts,
    visit: &mut (impl FnMut(A) -> ControlFlow<()> + ?Sized),
) -> ControlFlow<()> {
    visit(image_state::state(image))?;
    visit(image_state::image_type(image))?;
    visit(hardware::architecture(image, type_facts))?;
    visit(hardware::virtualization(image, type_facts))?;
    visit(hardware::root_device(image, type_facts))?;
    visit(boot::boot_mode(image, type_facts))?;
    visit(hardware::ena(image, type_facts))?;
    visit(boot::nitro_tpm(image, type_facts))?;
    visit(type_list::instance_type_specification(image, type_facts))?;
    visit(storage::instance_store(image, type_facts))?;
    visit(storage::ebs_attachments(attachments, type_facts))
}

/// All rules.
fn rules<A: Answer>(
    image: &Image,
    type_facts: &InstanceTypeFacts,
    wish: &Wish,
    visit: &mut (impl FnMut(A) -> ControlFlow<()> + ?Sized),
) -> ControlFlow<()> {
    let facts = BootFacts::of(image);
    let attachments = Attachments {
        volumes: wish.ebs_volumes.unwrap_or(facts.mappings.ebs_volumes),
        interfaces: wish.network_interfaces.unwrap_or(1),
    };
    plain_rules(&facts, attachments, type_facts, visit)?;
    offered::offered(type_facts, wish).map_or(ControlFlow::Continue(()), &mut *visit)?;
    request::market(type_facts, wish).map_or(ControlFlow::Continue(()), &mut *visit)?;
    request::tenancy(type_facts, wish).map_or(ControlFlow::Continue(()), &mut *visit)?;
    hibernation::hibernation(image, type_facts, wish, visit)?;
    request::enclave(type_facts, wish).map_or(ControlFlow::Continue(()), &mut *visit)
}

#[cfg(test)]
pub(super) mod tests;
