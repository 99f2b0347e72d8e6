//! Findings about the instance types and the hardware that an image reaches.

use crate::ami::finding_rule::{FindingGroup, FindingRule};
use crate::record::Outcome;

pub(super) const GROUP: FindingGroup = FindingGroup {
    title: "Which hardware it reaches",
    about: "What an image cannot use although instance types have it. Some of these compare it with the \
            instance types of the Region, and are found only where those are known.",
    rules: &[
        &ENA_MISSING,
        &PREVIOUS_GENERATION_ONLY,
        &NO_TYPE_BOOTS,
        &LEGACY_BIOS,
        &LEGACY_BIOS_ON_UEFI_FLEET,
        &NO_TPM,
        &INSTANCE_TYPES_LIMITED,
    ],
};

pub(in crate::ami::classify) static ENA_MISSING: FindingRule = FindingRule {
    code: "ENA_MISSING",
    outcome: Outcome::Warn,
    field: "image.ena_support",
    expected: "true",
    means: "ENA is not enabled: every Nitro and bare metal type refuses the image. EC2 leaves the flag out where \
            it is not set.",
    remedy: "If its root is on EBS, install the ENA driver on an instance, stop it, enable ENA with \
             ModifyInstanceAttribute, and make a new image; otherwise choose another image.",
    source: "EC2 User Guide, Enable enhanced networking with ENA on your EC2 instances",
};

pub(in crate::ami::classify) static PREVIOUS_GENERATION_ONLY: FindingRule = FindingRule {
    code: "PREVIOUS_GENERATION_ONLY",
    outcome: Outcome::Warn,
    field: "image",
    expected: "a type of the current generation",
    means: "Only instance types of previous generations boot it. AWS advises the current ones, which do more for their \
            price.",
    remedy: "Use an HVM AMI with ENA of the same operating system.",
    source: "aws.amazon.com/ec2/previous-generation",
};

pub(in crate::ami::classify) static NO_TYPE_BOOTS: FindingRule = FindingRule {
    code: "NO_TYPE_BOOTS",
    outcome: Outcome::Warn,
    field: "image",
    expected: "at least one type",
    means: "No instance type of this Region boots it.",
    remedy: "Choose another image, or a Region that has such types.",
    source: "EC2 User Guide, Compatibility for changing the instance type",
};

pub(in crate::ami::classify) static LEGACY_BIOS: FindingRule = FindingRule {
    code: "LEGACY_BIOS",
    outcome: Outcome::Warn,
    field: "image.boot_mode",
    expected: "uefi-preferred or uefi",
    means: "It boots by legacy BIOS, so UEFI Secure Boot and NitroTPM are out of reach.",
    remedy: "Where the system on it can boot by UEFI, register the image again with boot mode uefi-preferred; the \
             boot mode of an existing image cannot be changed.",
    source: "EC2 User Guide, Boot modes",
};

pub(in crate::ami::classify) static LEGACY_BIOS_ON_UEFI_FLEET: FindingRule = FindingRule {
    code: "LEGACY_BIOS_ON_UEFI_FLEET",
    outcome: Outcome::Warn,
    field: "image.boot_mode",
    expected: "uefi-preferred or uefi",
    means: "It boots by legacy BIOS although the Region has instance types with UEFI for its architecture, and \
            those start it without what UEFI gives.",
    remedy: "Where the system on it can boot by UEFI, register the image again with boot mode uefi-preferred; it \
             then still boots where there is only legacy BIOS.",
    source: "EC2 User Guide, Amazon EC2 instance type boot modes",
};

pub(in crate::ami::classify) static NO_TPM: FindingRule = FindingRule {
    code: "NO_TPM",
    outcome: Outcome::Warn,
    field: "image.tpm_support",
    expected: "v2.0",
    means: "NitroTPM is not enabled: no measured boot and no keys bound to the machine.",
    remedy: "Where these are needed, register an image with boot mode uefi and tpm-support v2.0; it cannot be \
             added later.",
    source: "EC2 User Guide, NitroTPM for Amazon EC2 instances",
};

pub(in crate::ami::classify) static INSTANCE_TYPES_LIMITED: FindingRule = FindingRule {
    code: "INSTANCE_TYPES_LIMITED",
    outcome: Outcome::Warn,
    field: "image.instance_type_specification",
    expected: "",
    means: "Its owner allows only certain instance types; EC2 refuses the others with \
            InvalidParameterCombination.",
    remedy: "Choose a type that the owner allows.",
    source: "EC2 API Reference, Image",
};
