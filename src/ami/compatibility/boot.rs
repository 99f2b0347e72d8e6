//! Rules about how the instance starts: boot mode and NitroTPM.

use super::answer::{Answer, Rule, any_of, has};
use super::boot_facts::BootFacts;
use super::rule_doc::{BOOT_MODE, NITRO_TPM};
use crate::ec2::facts::InstanceTypeFacts;

const UEFI: &str = "uefi";
const LEGACY_BIOS: &str = "legacy-bios";

/// The image's boot mode against the type's. An absent one means the type's default: UEFI on
/// Graviton, legacy BIOS on Intel and AMD, also where both are there. EC2 answers
/// InvalidParameterValue where UEFI is missing; what it says to the other cases is not confirmed.
pub(super) fn boot_mode<A: Answer>(image: &BootFacts<'_>, type_facts: &InstanceTypeFacts) -> A {
    let name = &type_facts.instance_type;
    let rule = Rule::of(&BOOT_MODE, image.boot_mode);
    if image.is_mac() {
        return rule.pass(|| ("", "A Mac starts macOS its own way."));
    }
    if image.is_paravirtual() {
        return rule.pass(|| ("", "A paravirtual image starts by PV-GRUB, and its boot mode does not count."));
    }
    let modes = type_facts.supported_boot_modes.as_slice();
    if modes.is_empty() {
        return rule.at("instance_type.supported_boot_modes", modes).unknown(|| {
            (image.boot_mode.unwrap_or_default(), format!("EC2 does not say which boot modes {name} supports."))
        });
    }
    match image.boot_mode {
        Some("uefi-preferred") if has(modes, UEFI) => {
            rule.pass(|| (any_of(modes), format!("{name} boots it by UEFI.")))
        }
        Some("uefi-preferred") if has(modes, LEGACY_BIOS) => {
            rule.remedy("Choose a type with UEFI if the image's UEFI features are wanted.").warn(|| {
                let message = format!(
                    "{name} has no UEFI and boots the image by legacy BIOS: Secure Boot and the like are lost."
                );
                (UEFI, message)
            })
        }
        Some(wanted @ (UEFI | LEGACY_BIOS)) if has(modes, wanted) => {
            rule.pass(|| (any_of(modes), format!("{name} supports boot mode {wanted}.")))
        }
        Some(UEFI) => rule
            .remedy("Choose a type with UEFI: virtualized Nitro types have it, bare metal and Xen types do not.")
            .fail(|| (any_of(modes), format!("The image boots by UEFI only, which {name} does not have."))),
        Some(LEGACY_BIOS | "uefi-preferred") => {
            rule.unconfirmed().fail(|| (any_of(modes), format!("{name} supports none of the image's boot modes.")))
        }
        Some(_) => rule.unknown(|| (any_of(modes), "The image names a boot mode that is not known here.")),
        None => default_mode(rule, type_facts),
    }
}

/// The boot mode of an image that names none (EC2 User Guide, "Boot modes").
fn default_of(type_facts: &InstanceTypeFacts) -> Option<&'static str> {
    let architectures = &type_facts.processor.supported_architectures;
    if architectures.is_empty() {
        None
    } else if has(architectures, "arm64") {
        Some(UEFI)
    } else {
        Some(LEGACY_BIOS)
    }
}

fn default_mode<A: Answer>(rule: Rule<'_>, type_facts: &InstanceTypeFacts) -> A {
    let name = &type_facts.instance_type;
    let modes = &type_facts.supported_boot_modes;
    let Some(default) = default_of(type_facts) else {
        return rule.at("instance_type.processor.supported_architectures", None::<&str>).unknown(|| {
            ("", format!("The default boot mode of {name} follows from its architecture, which is not given."))
        });
    };
    if has(modes, default) {
        rule.pass(|| {
            let message = format!("The image names no boot mode, so {name} uses its default, {default}.");
            (any_of(modes), message)
        })
    } else {
        rule.remedy("Choose an image that names its boot mode.").warn(|| {
            let message =
                format!("The image names no boot mode, and {name} does not have the usual default, {default}.");
            (default, message)
        })
    }
}

/// Whether the image would start by UEFI on this type; none where the facts do not tell.
fn boots_by_uefi(image: &BootFacts<'_>, type_facts: &InstanceTypeFacts) -> Option<bool> {
    let modes = &type_facts.supported_boot_modes;
    match image.boot_mode {
        _ if image.is_paravirtual() => Some(false),
        Some(UEFI) => Some(true),
        Some(LEGACY_BIOS) => Some(false),
        Some("uefi-preferred") => (!modes.is_empty()).then(|| has(modes, UEFI)),
        Some(_) => None,
        None => default_of(type_facts).map(|default| default == UEFI),
    }
}

/// An image with NitroTPM needs a type with it, and UEFI: EC2 registers such images with boot mode
/// `uefi` only. The image says `v2.0` where the type says `2.0`.
pub(super) fn nitro_tpm<A: Answer>(image: &BootFacts<'_>, type_facts: &InstanceTypeFacts) -> A {
    let name = &type_facts.instance_type;
    let rule = Rule::of(&NITRO_TPM, image.tpm_support);
    let Some(wanted) = image.tpm_support else { return rule.pass(|| ("", "The image does not ask for NitroTPM.")) };
    let version = wanted.strip_prefix('v').unwrap_or(wanted);
    let versions = type_facts.nitro_tpm_versions.as_slice();
    match type_facts.nitro_tpm_support.as_deref() {
        Some("unsupported") => {
            rule.fail(|| ("absent", format!("The image asks for NitroTPM, which {name} does not have.")))
        }
        Some("supported") if versions.is_empty() => rule
            .at("instance_type.nitro_tpm_versions", versions)
            .unknown(|| (version, format!("EC2 does not say which versions of NitroTPM {name} has."))),
        Some("supported") if !has(versions, version) => rule.fail(|| {
            (any_of(versions), format!("The image asks for NitroTPM {version}, and {name} has another version."))
        }),
        Some("supported") => {
            let mode = rule.at(BOOT_MODE.field, image.boot_mode);
            match boots_by_uefi(image, type_facts) {
                Some(true) => rule.pass(|| (any_of(versions), format!("{name} has NitroTPM {version}."))),
                Some(false) => mode
                    .remedy("Register the image with boot mode uefi, or choose an image without NitroTPM.")
                    .fail(|| (UEFI, format!("NitroTPM needs UEFI, by which {name} would not boot the image."))),
                None => mode.unknown(|| (UEFI, format!("It is not known whether {name} boots the image by UEFI."))),
            }
        }
        other => rule
            .at("instance_type.nitro_tpm_support", other)
            .unknown(|| ("supported", format!("EC2 does not say whether {name} has NitroTPM."))),
    }
}
