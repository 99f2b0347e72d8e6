//! Rules about one instance type and the options of the launch: processor, credits, interfaces, and the
//! root volume that memory is saved on. A FAIL strikes the candidate.

use super::findings::{
    CPU_CREDITS_NOT_SUPPORTED, CPU_OPTIONS_NOT_SUPPORTED, HIBERNATION_VOLUME_REFUSED, NETWORK_INTERFACE_LIMIT,
};
use crate::ami::classify::root_volume;
use crate::ec2::facts::{Image, InstanceTypeFacts};
use crate::record::{Finding, Outcome, Spec};

/// Volume types that memory can be saved on (EC2 User Guide, "Prerequisites for EC2 instance hibernation").
const HIBERNATION_VOLUME_TYPES: [&str; 4] = ["gp3", "gp2", "io1", "io2"];

/// What is to be said of the type. `launched` is the image with the volumes that the launch makes.
pub(super) fn about_type(spec: &Spec, launched: &Image, type_facts: &InstanceTypeFacts) -> Vec<Finding> {
    let mut findings = cpu_options(spec, launched, type_facts);
    findings.extend(credits(spec, type_facts));
    findings.extend(interfaces(spec, type_facts));
    if spec.hibernation {
        findings.extend(hibernation_volume(launched, type_facts));
    }
    findings
}

fn cpu_options(spec: &Spec, launched: &Image, type_facts: &InstanceTypeFacts) -> Vec<Finding> {
    let options = &spec.cpu_options;
    let name = &type_facts.instance_type;
    let mut findings = Vec::new();
    let numbers = [
        ("core_count", options.core_count, type_facts.cores, &type_facts.valid_cores),
        ("threads_per_core", options.threads_per_core, type_facts.threads_per_core, &type_facts.valid_threads_per_core),
    ];
    for (field, wanted, default, valid) in numbers {
        let Some(wanted) = wanted else { continue };
        let is = |number: &i32| i64::from(*number) == i64::from(wanted);
        if default.as_ref().is_some_and(is) || valid.iter().any(is) {
            continue;
        }
        let list: Vec<String> = valid.iter().map(ToString::to_string).collect();
        let (outcome, message) = if valid.is_empty() {
            (Outcome::Unknown, format!("EC2 does not say which values of {field} {name} takes."))
        } else {
            (Outcome::Fail, format!("{name} does not take this {field}."))
        };
        findings.push(Finding {
            outcome,
            field: format!("spec.cpu_options.{field}"),
            expected: list.join(", "),
            message,
            ..CPU_OPTIONS_NOT_SUPPORTED.finding(wanted.to_string())
        });
    }
    let features = [
        ("amd_sev_snp", options.amd_sev_snp, "amd-sev-snp"),
        ("nested_virtualization", options.nested_virtualization, "nested-virtualization"),
    ];
    for (field, wanted, feature) in features {
        if wanted == Some(true) && !type_facts.processor.supported_features.iter().any(|known| known == feature) {
            findings.push(Finding {
                field: format!("spec.cpu_options.{field}"),
                expected: format!("a type with the feature {feature}"),
                message: format!("{name} does not have the feature {feature}."),
                ..CPU_OPTIONS_NOT_SUPPORTED.finding("true")
            });
        }
    }
    // EC2 User Guide, "AMD SEV-SNP": the AMI must have the boot mode uefi or uefi-preferred.
    let boot_mode = launched.boot_mode.as_deref();
    if options.amd_sev_snp == Some(true) && !matches!(boot_mode, Some("uefi" | "uefi-preferred")) {
        findings.push(Finding {
            field: "image.boot_mode".to_owned(),
            expected: "uefi or uefi-preferred".to_owned(),
            message: "AMD SEV-SNP needs an image that boots by UEFI.".to_owned(),
            remedy: "Choose an image with the boot mode uefi or uefi-preferred.".to_owned(),
            ..CPU_OPTIONS_NOT_SUPPORTED.finding(boot_mode.unwrap_or("absent"))
        });
    }
    findings
}

/// EC2 refuses `unlimited` on a type that is not burstable, and passes over `standard` (API Reference,
/// `CreditSpecificationRequest`).
fn credits(spec: &Spec, type_facts: &InstanceTypeFacts) -> Option<Finding> {
    let credits = spec.cpu_credits.as_deref()?;
    let name = &type_facts.instance_type;
    let (outcome, message) = match type_facts.burstable_performance_supported {
        Some(true) => return None,
        Some(false) if credits == "standard" => {
            (Outcome::Warn, format!("{name} is not burstable: this has no effect."))
        }
        Some(false) => (Outcome::Fail, format!("{name} is not burstable, and has no CPU credits.")),
        None => (Outcome::Unknown, format!("EC2 does not say whether {name} is burstable.")),
    };
    Some(Finding { outcome, message, ..CPU_CREDITS_NOT_SUPPORTED.finding(credits) })
}

fn interfaces(spec: &Spec, type_facts: &InstanceTypeFacts) -> Option<Finding> {
    let wanted = spec.network_interfaces.len();
    if wanted <= 1 {
        return None;
    }
    let name = &type_facts.instance_type;
    let most = type_facts.network.maximum_network_interfaces;
    let (outcome, expected, message) = match most {
        Some(most) if i64::try_from(wanted).is_ok_and(|wanted| wanted <= i64::from(most)) => return None,
        Some(most) => (Outcome::Fail, format!("at most {most}"), format!("{name} takes {most} network interfaces.")),
        None => {
            let message = format!("EC2 does not say how many network interfaces {name} takes.");
            (Outcome::Unknown, String::new(), message)
        }
    };
    Some(Finding { outcome, expected, message, ..NETWORK_INTERFACE_LIMIT.finding(wanted.to_string()) })
}

/// What EC2 refuses for certain. That the volume is not known to be encrypted is not: the account may
/// encrypt by default.
fn hibernation_volume(launched: &Image, type_facts: &InstanceTypeFacts) -> Option<Finding> {
    let volume = root_volume(launched)?;
    let kind = volume.volume_type.as_deref().filter(|kind| !HIBERNATION_VOLUME_TYPES.contains(kind));
    if let Some(kind) = kind {
        let message = format!("Memory cannot be saved on a root volume of type {kind}.");
        return Some(Finding { message, ..HIBERNATION_VOLUME_REFUSED.finding(kind) });
    }
    let (size, memory) = (i64::from(volume.volume_size_gib?), type_facts.memory_mib?);
    (size * 1024 < memory).then(|| Finding {
        expected: format!("more than {} GiB", memory / 1024),
        message: format!("The root volume is smaller than the memory of {}.", type_facts.instance_type),
        ..HIBERNATION_VOLUME_REFUSED.finding(format!("{size} GiB"))
    })
}

#[cfg(test)]
mod tests;
