//! Rules that compare a field of the image with a list of the instance type: architecture,
//! virtualization, root device, and the ENA flag.

use super::words::{ABSENT, Rule, any_of, seen};
use crate::ec2::facts::{Image, InstanceTypeFacts};
use crate::record::Finding;

/// One field of the image that must be in one list of the type.
struct Membership<'a> {
    code: &'static str,
    image_field: &'static str,
    value: Option<&'a str>,
    type_field: &'static str,
    supported: &'a [String],
    what: &'static str,
    remedy: &'static str,
}

fn membership(type_facts: &InstanceTypeFacts, rule: &Membership<'_>) -> Finding {
    let name = &type_facts.instance_type;
    let about = Rule { code: rule.code, field: rule.image_field, observed: seen(rule.value) };
    let expected = any_of(rule.supported);
    let Some(value) = rule.value else {
        return about.unknown(expected, format!("EC2 does not give the image's {}.", rule.what));
    };
    if rule.supported.is_empty() {
        return Rule { code: rule.code, field: rule.type_field, observed: ABSENT }
            .unknown(value, format!("EC2 does not say which {} {name} supports.", rule.what));
    }
    if rule.supported.iter().any(|supported| supported == value) {
        about.pass(expected, format!("{name} supports {} {value}.", rule.what))
    } else {
        about.fail(expected, format!("{name} does not support {} {value}.", rule.what), rule.remedy)
    }
}

/// EC2 answers InvalidParameterValue.
pub(super) fn architecture(image: &Image, type_facts: &InstanceTypeFacts) -> Finding {
    membership(
        type_facts,
        &Membership {
            code: "ARCHITECTURE_MISMATCH",
            image_field: "image.architecture",
            value: image.architecture.as_deref(),
            type_field: "instance_type.processor.supported_architectures",
            supported: &type_facts.processor.supported_architectures,
            what: "architecture",
            remedy: "Choose a type of the image's architecture, or the image built for the type's.",
        },
    )
}

/// EC2 answers InvalidParameterCombination.
pub(super) fn virtualization(image: &Image, type_facts: &InstanceTypeFacts) -> Finding {
    membership(
        type_facts,
        &Membership {
            code: "VIRTUALIZATION_MISMATCH",
            image_field: "image.virtualization_type",
            value: image.virtualization_type.as_deref(),
            type_field: "instance_type.supported_virtualization_types",
            supported: &type_facts.supported_virtualization_types,
            what: "virtualization",
            remedy: "Use an HVM image; only C1, C3, M1, M2, M3 and T1 run paravirtual ones.",
        },
    )
}

/// EC2 answers UnsupportedOperation.
pub(super) fn root_device(image: &Image, type_facts: &InstanceTypeFacts) -> Finding {
    membership(
        type_facts,
        &Membership {
            code: "ROOT_DEVICE_MISMATCH",
            image_field: "image.root_device_type",
            value: image.root_device_type.as_deref(),
            type_field: "instance_type.supported_root_device_types",
            supported: &type_facts.supported_root_device_types,
            what: "root device",
            remedy: "Use an EBS-backed image; only C1, C3, D2, I2, M1, M2, M3, R3 and X1 boot instance-store-backed \
                     ones.",
        },
    )
}

/// A type that requires ENA refuses an image without the flag (InvalidParameterCombination), and
/// an absent flag is EC2's `false`. Types that merely support it, or do not, take either image.
pub(super) fn ena(image: &Image, type_facts: &InstanceTypeFacts) -> Finding {
    let name = &type_facts.instance_type;
    let observed = match image.ena_support {
        Some(true) => "true",
        Some(false) => "false",
        None => ABSENT,
    };
    let about = Rule { code: "ENA_REQUIRED", field: "image.ena_support", observed };
    match (image.ena_support, type_facts.network.ena_support.as_deref()) {
        (Some(true), _) => about.pass("", "The image has ENA enabled."),
        (_, Some("required")) => about.fail(
            "true",
            format!("{name} requires ENA, and the image does not have it enabled; absent means not enabled."),
            "Choose an image with ENA, enable ENA on the image, or use a type that does not require it.",
        ),
        (_, Some("supported" | "unsupported")) => about.pass("", format!("{name} does not require ENA.")),
        (_, other) => Rule { code: "ENA_REQUIRED", field: "instance_type.network.ena_support", observed: seen(other) }
            .unknown("supported or unsupported", format!("EC2 does not say whether {name} requires ENA.")),
    }
}
