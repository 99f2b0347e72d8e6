//! Rules about how the instance starts: boot mode and NitroTPM.

use super::words::{ABSENT, Rule, any_of, seen};
use crate::ec2::facts::{Image, InstanceTypeFacts};
use crate::record::Finding;

const UEFI: &str = "uefi";
const LEGACY_BIOS: &str = "legacy-bios";
const BOOT_MODE: &str = "image.boot_mode";
const CODE: &str = "BOOT_MODE_MISMATCH";

/// The image's boot mode against the type's. An absent one means the type's default: UEFI on
/// Graviton, legacy BIOS on Intel and AMD, also where both are there.
pub(super) fn boot_mode(image: &Image, type_facts: &InstanceTypeFacts) -> Finding {
    let name = &type_facts.instance_type;
    let mode = image.boot_mode.as_deref();
    let rule = Rule { code: CODE, field: BOOT_MODE, observed: seen(mode) };
    if image.architecture.as_deref().is_some_and(|architecture| architecture.ends_with("_mac")) {
        return rule.pass("", "A Mac starts macOS its own way.");
    }
    if image.virtualization_type.as_deref() == Some("paravirtual") {
        return rule.pass("", "A paravirtual image starts by PV-GRUB, and its boot mode does not count.");
    }
    let modes = &type_facts.supported_boot_modes;
    if modes.is_empty() {
        return Rule { code: CODE, field: "instance_type.supported_boot_modes", observed: ABSENT }
            .unknown(seen(mode), format!("EC2 does not say which boot modes {name} supports."));
    }
    let supports = |wanted: &str| modes.iter().any(|mode| mode == wanted);
    match mode {
        Some("uefi-preferred") if supports(UEFI) => rule.pass(any_of(modes), format!("{name} boots it by UEFI.")),
        Some("uefi-preferred") if supports(LEGACY_BIOS) => rule.warn(
            UEFI,
            format!("{name} has no UEFI and boots the image by legacy BIOS: Secure Boot and the like are lost."),
            "Choose a type with UEFI if the image's UEFI features are wanted.",
        ),
        Some(wanted @ (UEFI | LEGACY_BIOS)) if supports(wanted) => {
            rule.pass(any_of(modes), format!("{name} supports boot mode {wanted}."))
        }
        Some(UEFI) => rule.fail(
            any_of(modes),
            format!("The image boots by UEFI only, which {name} does not have."),
            "Choose a type with UEFI: virtualized Nitro types have it, bare metal and Xen types do not.",
        ),
        Some(LEGACY_BIOS | "uefi-preferred") => rule.fail(
            any_of(modes),
            format!("{name} supports none of the image's boot modes."),
            "Choose a type that has the image's boot mode, or an image that boots by UEFI.",
        ),
        Some(_) => rule.unknown(any_of(modes), "The image names a boot mode that is not known here."),
        None => default_mode(rule, type_facts),
    }
}

fn default_mode(rule: Rule<'_>, type_facts: &InstanceTypeFacts) -> Finding {
    let name = &type_facts.instance_type;
    let modes = &type_facts.supported_boot_modes;
    let architectures = &type_facts.processor.supported_architectures;
    let default = if architectures.is_empty() {
        return Rule { field: "instance_type.processor.supported_architectures", observed: ABSENT, ..rule }.unknown(
            "",
            format!("The default boot mode of {name} follows from its architecture, which is not given."),
        );
    } else if architectures.iter().any(|architecture| architecture == "arm64") {
        UEFI
    } else {
        LEGACY_BIOS
    };
    if modes.iter().any(|mode| mode == default) {
        rule.pass(any_of(modes), format!("The image names no boot mode, so {name} uses its default, {default}."))
    } else {
        rule.warn(
            default,
            format!("The image names no boot mode, and {name} does not have the usual default, {default}."),
            "Choose an image that names its boot mode.",
        )
    }
}

/// An image with NitroTPM needs a type with it. The image says `v2.0` where the type says `2.0`.
pub(super) fn nitro_tpm(image: &Image, type_facts: &InstanceTypeFacts) -> Finding {
    let name = &type_facts.instance_type;
    let code = "NITRO_TPM_REQUIRED";
    let wanted = image.tpm_support.as_deref();
    let rule = Rule { code, field: "image.tpm_support", observed: seen(wanted) };
    let Some(wanted) = wanted else { return rule.pass("", "The image does not ask for NitroTPM.") };
    let version = wanted.strip_prefix('v').unwrap_or(wanted);
    let versions = &type_facts.nitro_tpm_versions;
    let remedy = "Choose a type with NitroTPM, or an image without it.";
    match type_facts.nitro_tpm_support.as_deref() {
        Some("unsupported") => {
            rule.fail(ABSENT, format!("The image asks for NitroTPM, which {name} does not have."), remedy)
        }
        Some("supported") if versions.is_empty() => {
            Rule { code, field: "instance_type.nitro_tpm_versions", observed: ABSENT }
                .unknown(version, format!("EC2 does not say which versions of NitroTPM {name} has."))
        }
        Some("supported") if versions.iter().any(|known| known == version) => {
            rule.pass(any_of(versions), format!("{name} has NitroTPM {version}."))
        }
        Some("supported") => rule.fail(
            any_of(versions),
            format!("The image asks for NitroTPM {version}, and {name} has another version."),
            remedy,
        ),
        other => Rule { code, field: "instance_type.nitro_tpm_support", observed: seen(other) }
            .unknown("supported", format!("EC2 does not say whether {name} has NitroTPM.")),
    }
}
