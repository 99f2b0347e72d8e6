//! The list of instance types that an image's owner allows.
//!
//! Source: EC2 API Reference, ReplaceImageInstanceTypeSpecification: `*` stands for any characters
//! and is the only special one. EC2 refuses other types with InvalidParameterCombination.

use super::answer::{Answer, Rule};
use super::boot_facts::BootFacts;
use super::rule_doc::TYPE_LIST;
use crate::ec2::facts::{InstanceTypeFacts, InstanceTypeSpecification};
use crate::ids::InstanceType;

/// The owner's list against the type: it must match one of the supported patterns, when there are
/// any, and none of the unsupported ones.
pub(super) fn instance_type_specification<A: Answer>(image: &BootFacts<'_>, type_facts: &InstanceTypeFacts) -> A {
    let name = type_facts.instance_type.as_str();
    let rule = Rule::of(&TYPE_LIST, None::<&str>);
    let Some(lists) = image.type_lists else { return rule.pass(|| ("", "The image's owner allows every type.")) };
    if let Some(pattern) = lists.unsupported.iter().find(|pattern| matches(pattern, name)) {
        return rule.at("image.instance_type_specification.unsupported_instance_types", pattern.as_str()).fail(|| {
            let message = format!("The image's owner excludes {name} by {pattern}.");
            (format!("no pattern that matches {name}"), message)
        });
    }
    let rule = rule.at("image.instance_type_specification.supported_instance_types", lists.supported);
    let expected = || format!("a pattern that matches {name}");
    if lists.supported.is_empty() || lists.supported.iter().any(|pattern| matches(pattern, name)) {
        rule.pass(|| (expected(), format!("The image's owner allows {name}.")))
    } else {
        rule.fail(|| (expected(), format!("The image's owner does not allow {name}.")))
    }
}

/// Whether the owner's list allows a type.
pub fn allows_type(lists: &InstanceTypeSpecification, name: &InstanceType) -> bool {
    let any = |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, name.as_str()));
    let InstanceTypeSpecification { supported_instance_types: supported, unsupported_instance_types: unsupported } =
        lists;
    !any(unsupported) && (supported.is_empty() || any(supported))
}

/// Whether `name` matches `pattern`, in which `*` stands for any characters, also none.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn an_asterisk_stands_for_any_characters_and_nothing_else_is_special() {
        let cases = [
            ("m7i.large", "m7i.large", true),
            ("m7i.large", "m7i.xlarge", false),
            ("m7i.*", "m7i.metal-24xl", true),
            ("*.metal", "c5.metal", true),
            ("*.metal", "c5.metal-24xl", false),
            ("c*.*large", "c5.large", true),
            ("c*.*large", "m5.large", false),
            ("*", "t3.nano", true),
            ("t3*nano", "t3.nano", true),
            ("t3.na*ano", "t3.nano", false),
            ("m7i?large", "m7i.large", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(matches(pattern, name), expected, "{pattern} against {name}");
        }
    }
}
