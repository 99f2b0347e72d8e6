//! Rules that compare a field of the image with a list of the instance type: architecture,
//! virtualization, root device, and the ENA flag.

use super::answer::{Answer, Rule, any_of, has};
use super::boot_facts::BootFacts;
use super::rule_doc::{ARCHITECTURE, ENA, ROOT_DEVICE, VIRTUALIZATION};
use crate::ec2::facts::InstanceTypeFacts;

/// One field of the image that must be in one list of the type.
struct Membership<'a> {
    rule: Rule<'a>,
    value: Option<&'a str>,
    type_field: &'static str,
    supported: &'a [String],
    what: &'static str,
}

fn membership<A: Answer>(type_facts: &InstanceTypeFacts, about: &Membership<'_>) -> A {
    let &Membership { rule, value, type_field, supported, what } = about;
    let name = &type_facts.instance_type;
    let Some(value) = value else {
        return rule.unknown(|| (any_of(supported), format!("EC2 does not give the image's {what}.")));
    };
    if supported.is_empty() {
        return rule
            .at(type_field, supported)
            .unknown(|| (value, format!("EC2 does not say which {what} {name} supports.")));
    }
    if has(supported, value) {
        rule.pass(|| (any_of(supported), format!("{name} supports {what} {value}.")))
    } else {
        rule.fail(|| (any_of(supported), format!("{name} does not support {what} {value}.")))
    }
}

/// EC2 answers InvalidParameterValue.
pub(super) fn architecture<A: Answer>(image: &BootFacts<'_>, type_facts: &InstanceTypeFacts) -> A {
    membership(
        type_facts,
        &Membership {
            rule: Rule::of(&ARCHITECTURE, image.architecture),
            value: image.architecture,
            type_field: "instance_type.processor.supported_architectures",
            supported: &type_facts.processor.supported_architectures,
            what: "architecture",
        },
    )
}

/// EC2 answers InvalidParameterCombination.
pub(super) fn virtualization<A: Answer>(image: &BootFacts<'_>, type_facts: &InstanceTypeFacts) -> A {
    membership(
        type_facts,
        &Membership {
            rule: Rule::of(&VIRTUALIZATION, image.virtualization_type),
            value: image.virtualization_type,
            type_field: "instance_type.supported_virtualization_types",
            supported: &type_facts.supported_virtualization_types,
            what: "virtualization",
        },
    )
}

/// EC2 answers UnsupportedOperation to an instance-store root. That a type does not start from EBS
/// was never seen.
pub(super) fn root_device<A: Answer>(image: &BootFacts<'_>, type_facts: &InstanceTypeFacts) -> A {
    let rule = Rule::of(&ROOT_DEVICE, image.root_device_type);
    membership(
        type_facts,
        &Membership {
            rule: if image.root_device_type == Some("instance-store") { rule } else { rule.unconfirmed() },
            value: image.root_device_type,
            type_field: "instance_type.supported_root_device_types",
            supported: &type_facts.supported_root_device_types,
            what: "root device",
        },
    )
}

/// A type that requires ENA refuses an image without the flag (InvalidParameterCombination), and
/// an absent flag is EC2's `false`. Types that merely support it, or do not, take either image.
pub(super) fn ena<A: Answer>(image: &BootFacts<'_>, type_facts: &InstanceTypeFacts) -> A {
    let name = &type_facts.instance_type;
    let rule = Rule::of(&ENA, image.ena_support);
    match (image.ena_support, type_facts.network.ena_support.as_deref()) {
        (Some(true), _) => rule.pass(|| ("", "The image has ENA enabled.")),
        (_, Some("required")) => rule.fail(|| {
            let message =
                format!("{name} requires ENA, and the image does not have it enabled; absent means not enabled.");
            ("true", message)
        }),
        (_, Some("supported" | "unsupported")) => rule.pass(|| ("", format!("{name} does not require ENA."))),
        (_, other) => rule
            .at("instance_type.network.ena_support", other)
            .unknown(|| ("supported or unsupported", format!("EC2 does not say whether {name} requires ENA."))),
    }
}
