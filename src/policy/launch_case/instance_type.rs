//! An instance type as a policy sees it.

use cedar_policy::Entity;

use super::make;
use crate::ec2::facts::InstanceTypeFacts;
use crate::policy::attributes::Attributes;
use crate::policy::entity::{Kind, uid};

pub(super) fn entity(facts: &InstanceTypeFacts) -> Result<Entity, String> {
    let name = facts.instance_type.as_str();
    let (family, size) = name.split_once('.').unwrap_or((name, ""));
    let supported = |word: Option<&str>| word.map(|word| word == "supported");
    let mut about = Attributes::default();
    about.text("name", name);
    about.text("family", family);
    about.text("size", size);
    about.some_flag("current_generation", facts.current_generation);
    about.some_flag("bare_metal", facts.bare_metal);
    about.some_text("hypervisor", facts.hypervisor.as_deref());
    about.some_number("vcpus", facts.vcpus);
    about.some_number("memory_mib", facts.memory_mib);
    about.set("architectures", facts.processor.supported_architectures.iter().map(String::as_str));
    about.some_text("manufacturer", facts.processor.manufacturer.as_deref());
    about.some_number("gpus", total(facts.gpus.iter().map(|gpus| gpus.count)));
    about.some_number("accelerators", total(facts.accelerators.iter().map(|these| these.count)));
    about.some_flag("instance_storage", facts.instance_storage_supported);
    about.some_flag("burstable", facts.burstable_performance_supported);
    about.some_flag("free_tier_eligible", facts.free_tier_eligible);
    about.some_flag("nitro_enclaves", supported(facts.nitro_enclaves_support.as_deref()));
    about.some_flag("nitro_tpm", supported(facts.nitro_tpm_support.as_deref()));
    about.set("usage_classes", facts.supported_usage_classes.iter().map(String::as_str));
    about.some_flag("encryption_in_transit", facts.network.encryption_in_transit_supported);
    make(uid(Kind::InstanceType, name), about, [])
}

/// The sum, if every count is known; 0 where there is nothing to be counted.
fn total(counts: impl Iterator<Item = Option<i32>>) -> Option<i64> {
    counts.map(|count| count.map(i64::from)).sum()
}
